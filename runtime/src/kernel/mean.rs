//! Mean over all pixels (eq. 7, 9, 13, 14): the sum is exact, `1 / pixels` is in the multiplier. Of a fine map the sum is that of
//! the whole codes (eq. 39).

use super::epilogue;
use crate::isa::{Isa, Kernel};
use crate::layer::{Shape, padded};

/// Global average pooling, from a map to wide codes or reals.
#[derive(Clone, Copy, Debug)]
pub struct Mean<'a> {
    /// The input map; of a fine one, both planes.
    pub shape: Shape,
    /// Whether the map is fine (eq. 39).
    pub fine: bool,
    /// Factor of the sum, per channel (eq. 9), padded.
    pub multiplier: &'a [f32],
    /// Summand, per channel (eq. 9), padded.
    pub bias: &'a [f32],
    /// Largest code, at most 32767 (eq. 13); unused for reals.
    pub top: u16,
}

/// `input` is `[pixels][channels]`, `output` `[channels]`: wide codes.
#[inline]
pub fn mean<I: Isa>(isa: I, layer: &Mean<'_>, input: &[u8], output: &mut [u16]) {
    isa.run(Run { layer, input, output });
}

/// `input` is `[pixels][channels]`, `output` `[channels]`: reals.
#[inline]
pub fn mean_reals<I: Isa>(isa: I, layer: &Mean<'_>, input: &[u8], output: &mut [f32]) {
    isa.run(Run { layer, input, output });
}

/// Where the values of a vector of channels go.
trait Output {
    fn channels(&self) -> usize;
    fn store<I: Isa>(&mut self, isa: I, layer: &Mean<'_>, v: I::F32, at: usize, count: usize);
}

/// Wide codes (eq. 13).
impl Output for &mut [u16] {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn store<I: Isa>(&mut self, isa: I, layer: &Mean<'_>, v: I::F32, at: usize, count: usize) {
        let (zero, top) = (isa.splat_f32(0.0), isa.splat_f32(f32::from(layer.top)));
        isa.store_wide(isa.to_i32(isa.min(isa.max(v, zero), top)), self, at, count);
    }
}

/// Reals (eq. 14).
impl Output for &mut [f32] {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn store<I: Isa>(&mut self, isa: I, _: &Mean<'_>, v: I::F32, at: usize, count: usize) {
        isa.store_f32(v, self, at, count);
    }
}

struct Run<'a, O> {
    layer: &'a Mean<'a>,
    input: &'a [u8],
    output: O,
}

impl<O: Output> Kernel for Run<'_, O> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, mut output } = self;
        let n = if layer.fine { layer.shape.channels / 2 } else { layer.shape.channels };
        let Some(input) = input.get(..layer.shape.len()) else { return };
        if output.channels() < n || layer.multiplier.len() < padded(n) || layer.bias.len() < padded(n) {
            return;
        }
        let mut channel = 0;
        while channel < n {
            let left = n - channel;
            if left > I::LANES {
                strip::<I, O, 4>(isa, layer, input, &mut output, channel, left.min(4 * I::LANES));
            } else {
                strip::<I, O, 1>(isa, layer, input, &mut output, channel, left);
            }
            channel += 4 * I::LANES;
        }
    }
}

/// `count` channels, at most N vectors of them.
#[inline(always)]
fn strip<I: Isa, O: Output, const N: usize>(
    isa: I,
    layer: &Mean<'_>,
    input: &[u8],
    output: &mut O,
    channel: usize,
    count: usize,
) {
    let (pixels, row) = (layer.shape.pixels(), layer.shape.channels);
    let mut sums = isa.sum_codes::<N>(input, channel, row, pixels, count);
    if layer.fine {
        let low = isa.sum_codes::<N>(input, channel + row / 2, row, pixels, count);
        for n in 0..N {
            sums[n] = isa.whole(sums[n], low[n]);
        }
    }
    for n in 0..N {
        let at = channel + n * I::LANES;
        let v = epilogue::rescale(isa, sums[n], isa.load_f32(layer.multiplier, at), isa.load_f32(layer.bias, at));
        output.store(isa, layer, v, at, count.saturating_sub(n * I::LANES).min(I::LANES));
    }
}
