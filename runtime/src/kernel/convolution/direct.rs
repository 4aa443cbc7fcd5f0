//! Pixels whose windows lie inside of the input, read where they are: nothing is gathered.
//!
//! ```text
//! input row y+ky:   … r g b r g b r g b r g b …      a row of taps is one run of codes: 4 at a time go to all lanes;
//!   pixel m               └── kw · c ──┘·············  the last ones read on into what the packed zeros ignore
//!   pixel m + 1                 └── kw · c ──┘·······
//! ```

use super::super::epilogue::{self, Constants, Place};
use super::super::planes::Source;
use super::{Convolution, tap};
use crate::isa::Isa;
use crate::pack;
use core::ops::Range;

/// Pixels of a tile.
const M: usize = 8;

/// A layer of which some pixels can be computed so.
pub(super) struct Direct<'a> {
    layer: &'a Convolution<'a>,
    input: &'a [u8],
    residual: Option<Source<'a>>,
}

impl<'a> Direct<'a> {
    /// `None` where it does not pay, or a buffer of `output` codes is too short.
    #[inline(always)]
    pub fn new<I: Isa>(
        _: I,
        layer: &'a Convolution<'a>,
        input: &'a [u8],
        residual: &'a [u8],
        output: usize,
    ) -> Option<Self> {
        let (n, len) = (layer.out_channels(), layer.output.len());
        let padded = layer.window.kernel[0] * pack::patch_row(layer.run());
        // A tile has one vector of channels: with more of them, gathered patches serve several.
        let pays = I::LANES >= 8 && n <= 2 * I::LANES && layer.window.dilation[1] == 1 && layer.output.width >= M;
        let fits = output >= len
            && layer.weights.len() >= pack::pointwise_len(I::LEVEL, padded, n)
            && epilogue::fits(&layer.epilogue, n);
        if !pays || !fits {
            return None;
        }
        let residual = epilogue::residual(&layer.epilogue, residual, layer.made()).ok()?;
        Some(Self { layer, input, residual })
    }

    /// The columns of an output row whose windows, read on to whole groups, lie inside; none if they are no tile.
    #[inline(always)]
    pub fn columns(&self, row: usize) -> Range<usize> {
        let Convolution { input, output, window, .. } = self.layer;
        let last = |axis: usize| window.kernel[axis].checked_sub(1);
        let (Some(_), Some(bottom)) =
            (tap(window, 0, input.height, row, 0), last(0).and_then(|last| tap(window, 0, input.height, row, last)))
        else {
            return 0..0;
        };
        let start = window.pad[1].saturating_add(window.stride[1].saturating_sub(1));
        let start = start.checked_div(window.stride[1]).unwrap_or(0).min(output.width);
        let mut end = output.width;
        // At most the columns that the right padding needs, and the very last ones of the map.
        while end > start {
            let inside = last(1).and_then(|last| tap(window, 1, input.width, end - 1, last)).is_some();
            let left = (end - 1) * window.stride[1] - window.pad[1];
            let read = (bottom * input.width + left) * input.channels + pack::patch_row(self.layer.run());
            if inside && read <= self.input.len() {
                break;
            }
            end -= 1;
        }
        if end - start < M { 0..0 } else { start..end }
    }

    /// Columns that [`Direct::columns`] gave: tiles of M pixels, the last overlapping the one before.
    #[inline(always)]
    pub fn row<I: Isa>(&self, isa: I, row: usize, columns: Range<usize>, output: &mut [u8]) {
        let n = self.layer.out_channels();
        let mut channel = 0;
        while channel < n && !columns.is_empty() {
            let constants = Constants::<I, 1>::new(isa, &self.layer.epilogue, channel);
            let mut column = columns.start;
            while column < columns.end {
                let start = column.min(columns.end.saturating_sub(M));
                let sums = self.sums(isa, row, start, channel, constants.offset);
                let pixel = row * self.layer.output.width + start;
                let stride = self.layer.output.channels;
                let place = Place { pixel, stride, channel, count: (n - channel).min(I::LANES) };
                epilogue::finish(isa, &constants, sums, self.residual, place, output);
                column += M;
            }
            channel += I::LANES;
        }
    }

    /// Sums of a tile of one vector of output channels.
    #[inline(always)]
    fn sums<I: Isa>(&self, isa: I, row: usize, column: usize, channel: usize, offset: [I::I32; 1]) -> [[I::I32; 1]; M] {
        let Convolution { input, window, .. } = self.layer;
        let k = pack::patch_row(self.layer.run());
        let bytes = pack::vector_len(I::LEVEL, k);
        let weights = self.layer.weights.get(channel / I::LANES * window.kernel[0] * bytes..).unwrap_or(&[]);
        let y = (row * window.stride[0]).wrapping_sub(window.pad[0]);
        let x = (column * window.stride[1]).wrapping_sub(window.pad[1]);
        let codes = self.input.get((y * input.width + x) * input.channels..).unwrap_or(&[]);
        let pitch = window.dilation[0] * input.width * input.channels;
        let step = window.stride[1] * input.channels;
        match (window.kernel[0], k) {
            // Pictures: the loops over known numbers of taps are unrolled.
            (3, 12) => products(isa, [offset; M], codes, [pitch, step], weights, [3, 12]),
            (rows, k) => products(isa, [offset; M], codes, [pitch, step], weights, [rows, k]),
        }
    }
}

/// Adds the products of `rows` rows of taps, `pitch` bytes apart, of `k` codes each.
#[inline(always)]
fn products<I: Isa>(
    isa: I,
    sums: [[I::I32; 1]; M],
    codes: &[u8],
    [pitch, step]: [usize; 2],
    weights: &[u8],
    [rows, k]: [usize; 2],
) -> [[I::I32; 1]; M] {
    let bytes = pack::vector_len(I::LEVEL, k);
    let mut sums = sums;
    for ky in 0..rows {
        let codes = codes.get(ky * pitch..).unwrap_or(&[]);
        let weights = weights.get(ky * bytes..).and_then(|rest| rest.get(..bytes)).unwrap_or(&[]);
        sums = isa.multiply::<M, 1>(sums, codes, step, weights, k);
    }
    sums
}
