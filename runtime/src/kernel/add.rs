//! Sum of two maps (eq. 16, 11–13): `v = (f32(x₁) · m₁ + bias) + f32(x₂) · m₂`.

use super::epilogue;
use super::planes::{Source, Target};
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Shape, padded};

/// Adds two maps where it could not be done in the epilogue of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Add<'a> {
    /// Both inputs and the output, or a plane of each.
    pub shape: Shape,
    /// Whether the inputs and the output are fine maps (eq. 41).
    pub fine: [bool; 3],
    /// m₁ per channel, padded.
    pub first: &'a [f32],
    /// m₂ per channel, padded.
    pub second: &'a [f32],
    /// Summand per channel, padded.
    pub bias: &'a [f32],
    /// What follows.
    pub activation: Activation<'a>,
}

/// All maps are `[pixels][planes][channels]`.
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
        let (n, pixels) = (layer.shape.channels, layer.shape.pixels());
        let (Some(first), Some(second), Some(mut output)) = (
            Source::new(first, pixels, n, layer.fine[0]),
            Source::new(second, pixels, n, layer.fine[1]),
            Target::new(output, pixels, n, layer.fine[2]),
        ) else {
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
                strip::<I, 4>(isa, layer, [first, second], &mut output, channel, 4 * I::LANES);
                channel += 4 * I::LANES;
            } else {
                strip::<I, 1>(isa, layer, [first, second], &mut output, channel, (n - channel).min(I::LANES));
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
    [first, second]: [Source<'_>; 2],
    output: &mut Target<'_>,
    channel: usize,
    count: usize,
) {
    let each = count.min(I::LANES);
    for pixel in 0..layer.shape.pixels() {
        let mut v = [isa.splat_f32(0.0); N];
        for n in 0..N {
            let at = channel + n * I::LANES;
            let x = first.load(isa, pixel, at, each);
            let a = epilogue::rescale(isa, x, isa.load_f32(layer.first, at), isa.load_f32(layer.bias, at));
            let x = second.load(isa, pixel, at, each);
            v[n] = isa.add(a, isa.mul(isa.to_f32(x), isa.load_f32(layer.second, at)));
        }
        let y = epilogue::activate(isa, &layer.activation, v, channel);
        output.store(isa, y, pixel, channel, count);
    }
}
