//! Sum of two maps (eq. 16, 11–13): `v = (f32(x₁) · m₁ + bias) + f32(x₂) · m₂`.

use super::epilogue;
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Shape, padded};

/// Adds two maps where it could not be done in the epilogue of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Add<'a> {
    /// Both inputs and the output.
    pub shape: Shape,
    /// m₁ per channel, padded.
    pub first: &'a [f32],
    /// m₂ per channel, padded.
    pub second: &'a [f32],
    /// Summand per channel, padded.
    pub bias: &'a [f32],
    /// What follows.
    pub activation: Activation<'a>,
}

/// All maps are `[pixels][channels]`.
#[inline]
pub fn add<I: Isa>(isa: I, layer: &Add<'_>, first: &[u8], second: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, first, second, output });
}

struct Run<'a> {
    layer: &'a Add<'a>,
    first: &'a [u8],
    second: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, first, second, output } = self;
        let (n, len) = (layer.shape.channels, layer.shape.len());
        let (Some(first), Some(second), Some(output)) = (first.get(..len), second.get(..len), output.get_mut(..len))
        else {
            return;
        };
        if [layer.first, layer.second, layer.bias].iter().any(|slice| slice.len() < padded(n))
            || !epilogue::activation_fits(&layer.activation, n)
        {
            return;
        }
        let mut channel = 0;
        while channel < n {
            if n - channel >= 4 * I::LANES {
                strip::<I, 4>(isa, layer, [first, second], output, channel, 4 * I::LANES);
                channel += 4 * I::LANES;
            } else {
                strip::<I, 1>(isa, layer, [first, second], output, channel, (n - channel).min(I::LANES));
                channel += I::LANES;
            }
        }
    }
}

/// `count` channels in N vectors, all pixels.
#[inline(always)]
fn strip<I: Isa, const N: usize>(
    isa: I,
    layer: &Add<'_>,
    [first, second]: [&[u8]; 2],
    output: &mut [u8],
    channel: usize,
    count: usize,
) {
    let each = count.min(I::LANES);
    for pixel in 0..layer.shape.pixels() {
        let start = pixel * layer.shape.channels + channel;
        let mut v = [isa.splat_f32(0.0); N];
        for n in 0..N {
            let (at, from) = (channel + n * I::LANES, start + n * I::LANES);
            let x = isa.load_codes(first, from, each);
            let a = epilogue::rescale(isa, x, isa.load_f32(layer.first, at), isa.load_f32(layer.bias, at));
            let x = isa.load_codes(second, from, each);
            v[n] = isa.add(a, isa.mul(isa.to_f32(x), isa.load_f32(layer.second, at)));
        }
        epilogue::activate(isa, &layer.activation, v, channel, output, start, count);
    }
}
