//! Mean over all pixels (eq. 7, 9, 13): the sum is exact, `1 / pixels` is in the multiplier.

use super::epilogue;
use crate::isa::{Isa, Kernel};
use crate::layer::{Shape, padded};

/// Global average pooling, from a map to wide codes.
#[derive(Clone, Copy, Debug)]
pub struct Mean<'a> {
    /// The input map.
    pub shape: Shape,
    /// Factor of the sum, per channel (eq. 9), padded.
    pub multiplier: &'a [f32],
    /// Summand, per channel (eq. 9), padded.
    pub bias: &'a [f32],
    /// Largest code, at most 32767 (eq. 13).
    pub top: u16,
}

/// `input` is `[pixels][channels]`, `output` `[channels]`.
#[inline]
pub fn mean<I: Isa>(isa: I, layer: &Mean<'_>, input: &[u8], output: &mut [u16]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a Mean<'a>,
    input: &'a [u8],
    output: &'a mut [u16],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let n = layer.shape.channels;
        let (Some(input), Some(output)) = (input.get(..layer.shape.len()), output.get_mut(..n)) else { return };
        if layer.multiplier.len() < padded(n) || layer.bias.len() < padded(n) {
            return;
        }
        let mut channel = 0;
        while channel < n {
            if n - channel >= 4 * I::LANES {
                strip::<I, 4>(isa, layer, input, output, channel, I::LANES);
                channel += 4 * I::LANES;
            } else {
                strip::<I, 1>(isa, layer, input, output, channel, (n - channel).min(I::LANES));
                channel += I::LANES;
            }
        }
    }
}

/// N vectors of channels, the last with `count`.
#[inline(always)]
fn strip<I: Isa, const N: usize>(
    isa: I,
    layer: &Mean<'_>,
    input: &[u8],
    output: &mut [u16],
    channel: usize,
    count: usize,
) {
    let mut sums = [isa.splat_i32(0); N];
    for pixel in 0..layer.shape.pixels() {
        for n in 0..N {
            let at = pixel * layer.shape.channels + channel + n * I::LANES;
            sums[n] = isa.add_i32(sums[n], isa.load_codes(input, at, count));
        }
    }
    let (zero, top) = (isa.splat_f32(0.0), isa.splat_f32(f32::from(layer.top)));
    for n in 0..N {
        let at = channel + n * I::LANES;
        let y = epilogue::rescale(isa, sums[n], isa.load_f32(layer.multiplier, at), isa.load_f32(layer.bias, at));
        isa.store_wide(isa.to_i32(isa.min(isa.max(y, zero), top)), output, at, count);
    }
}
