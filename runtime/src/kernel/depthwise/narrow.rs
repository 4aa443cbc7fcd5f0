//! The last channels of a depthwise convolution, at most 16 of them: pixels side by side fill the vectors.
//!
//! ```text
//! one output pixel of a block:      c0 … c15 │ c16 … c31 │ c32 … c47 │ c48 … c63
//! four of a narrow block:           p0: c0 … │ p1: c0 …  │ p2: c0 …  │ p3: c0 …      weights once per 128 bits
//! ```
//!
//! Interleaving, products and packing stay within 128 bits, so they are those of a block.

use super::super::epilogue;
use super::{Block, Constants, Depthwise, P, Rows};
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Epilogue};
use crate::pack;

/// A narrow block of a layer without residual.
pub(super) struct Narrow<'a> {
    pub layer: &'a Depthwise<'a>,
    pub input: &'a [u8],
    /// From the block's on.
    pub weights: &'a [u8],
    pub channel: usize,
    pub count: usize,
    pub output: &'a mut [u8],
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, weights, channel, count, output } = self;
        let weights = isa.weights(weights);
        let quads = layer.window.kernel[0].div_ceil(4);
        let constants = constants(isa, &layer.epilogue, channel);
        let block = Block { layer, input, residual: &[], weights, quads, channel, count, constants };
        for row in 0..layer.output.height {
            match (layer.window.kernel, layer.window.stride[1], layer.window.dilation[1]) {
                ([3, 3], 1, 1) => block.narrow_row::<3, 1>(isa, row, output),
                ([3, 3], 2, 1) => block.narrow_row::<3, 2>(isa, row, output),
                ([5, 5], 1, 1) => block.narrow_row::<5, 1>(isa, row, output),
                ([5, 5], 2, 1) => block.narrow_row::<5, 2>(isa, row, output),
                _ => block.any_row(isa, row, output),
            }
        }
    }
}

/// From `channel` on, once per pixel.
#[inline(always)]
fn constants<I: Isa>(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Constants<I> {
    Constants {
        offset: isa.deal_i32(&repeated(epilogue.offset, channel), 0),
        multiplier: isa.deal_f32(&repeated(epilogue.multiplier, channel), 0),
        bias: isa.deal_f32(&repeated(epilogue.bias, channel), 0),
        residual: None,
        hard_swish: match epilogue.activation {
            Activation::Linear => None,
            Activation::HardSwish { scale, zero } => {
                Some([isa.deal_f32(&repeated(scale, channel), 0), isa.deal_f32(&repeated(zero, channel), 0)])
            }
        },
    }
}

/// 16 elements from `at` on, over and over.
#[inline(never)]
fn repeated<T: Copy + Default>(from: &[T], at: usize) -> [T; 4 * pack::NARROW] {
    let mut all = [T::default(); 4 * pack::NARROW];
    let from = from.get(at..).unwrap_or(&[]);
    for part in all.as_chunks_mut::<{ pack::NARROW }>().0 {
        for (to, from) in part.iter_mut().zip(from) {
            *to = *from;
        }
    }
    all
}

impl<I: Isa> Block<'_, I> {
    /// One output row of a K × K window.
    #[inline(always)]
    fn narrow_row<const K: usize, const S: usize>(&self, isa: I, row: usize, output: &mut [u8]) {
        let width = self.layer.output.width;
        // No instruction loads the odd last bytes of a block.
        if width < P || I::SPREAD > P || !self.count.is_multiple_of(4) {
            return self.any_row(isa, row, output);
        }
        let rows = [self.rows(row, 0), self.rows(row, 1)];
        let mut column = 0;
        while column < width {
            let start = column.min(width - I::SPREAD);
            let first = (start * S).wrapping_sub(self.layer.window.pad[1]);
            let sums = match self.runs::<K, S>(&rows, first) {
                Some(runs) => self.together::<K>(isa, &runs),
                None => self.apart::<K, S>(isa, &rows, first),
            };
            let at = (row * width + start) * self.layer.output.channels + self.channel;
            let codes = self.narrow_codes(isa, sums);
            isa.store_spread(codes, output, at, self.layer.output.channels, self.count);
            column += I::SPREAD;
        }
    }

    /// (eq. 9, 11–13) of a tile.
    #[inline(always)]
    fn narrow_codes(&self, isa: I, sums: [I::I32; 4]) -> [I::I32; 4] {
        let constants = &self.constants;
        let mut codes = sums;
        for n in 0..4 {
            let mut v = epilogue::rescale(isa, sums[n], constants.multiplier[n], constants.bias[n]);
            if let Some([scale, zero]) = constants.hard_swish {
                v = epilogue::hard_swish(isa, v, scale[n], zero[n]);
            }
            codes[n] = isa.to_i32(v);
        }
        codes
    }

    /// The rows of a tile whose first tap reads column `first`, where all columns are inside and nothing lies between
    /// them.
    #[inline(always)]
    fn runs<'r, const K: usize, const S: usize>(&self, rows: &[Rows<'r>; 2], first: usize) -> Option<[&'r [u8]; K]> {
        if S != 1 || self.count != pack::NARROW {
            return None;
        }
        let mut runs = [&[][..]; K];
        for ky in 0..K {
            runs[ky] = rows.get(ky / 4)?.run(ky % 4, first, const { I::SPREAD + K - 1 })?;
        }
        Some(runs)
    }

    /// Sums of a tile over [`Block::runs`].
    #[inline(always)]
    fn together<const K: usize>(&self, isa: I, runs: &[&[u8]; K]) -> [I::I32; 4] {
        let mut sums = self.constants.offset;
        // Unrolled by hand, as in the tiles of a whole block.
        macro_rules! taps {
            ($($kx:literal)*) => {$(
                if $kx < K {
                    for quad in 0..const { K.div_ceil(4) } {
                        let mut taps = [isa.load_bytes(&[], 0, 0); 4];
                        for t in 0..4 {
                            if 4 * quad + t < K {
                                let len = const { I::SPREAD * pack::NARROW };
                                taps[t] = isa.load_bytes(runs[4 * quad + t], $kx * pack::NARROW, len);
                            }
                        }
                        sums = self.product::<K>(isa, sums, taps, $kx, quad);
                    }
                }
            )*};
        }
        taps!(0 1 2 3 4);
        sums
    }

    /// Sums of a tile whose first tap reads column `first`, each pixel loaded by itself.
    #[inline(always)]
    fn apart<const K: usize, const S: usize>(&self, isa: I, rows: &[Rows<'_>; 2], first: usize) -> [I::I32; 4] {
        let mut sums = self.constants.offset;
        macro_rules! taps {
            ($($kx:literal)*) => {$(
                if $kx < K {
                    for quad in 0..const { K.div_ceil(4) } {
                        let mut taps = [isa.load_bytes(&[], 0, 0); 4];
                        for t in 0..4 {
                            if 4 * quad + t < K {
                                taps[t] = isa.load_spread(&rows[quad], t, first.wrapping_add($kx), S);
                            }
                        }
                        sums = self.product::<K>(isa, sums, taps, $kx, quad);
                    }
                }
            )*};
        }
        taps!(0 1 2 3 4);
        sums
    }

    #[inline(always)]
    fn product<const K: usize>(
        &self,
        isa: I,
        sums: [I::I32; 4],
        taps: [I::Bytes; 4],
        kx: usize,
        quad: usize,
    ) -> [I::I32; 4] {
        match self.weights.get(kx * const { K.div_ceil(4) } + quad) {
            Some(weights) => isa.dot_quads::<0, 4>(sums, isa.interleave(taps), weights),
            None => sums,
        }
    }
}
