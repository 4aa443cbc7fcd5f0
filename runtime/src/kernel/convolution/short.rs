//! Convolutions whose rows of taps are short, as those of a picture's few channels are: one product after the other for each row, so that
//! pixels whose windows lie inside of the input are read where they are, and nothing is gathered.
//!
//! ```text
//! input row y+ky:   … r g b r g b r g b r g b …      a row of taps is one run of codes; the product's last codes
//!   pixel m               └── kw · c ──┘·············  may be those that follow: their weights are zero
//!   pixel m + 1                 └── kw · c ──┘·······
//! ```

use super::super::epilogue::{self, Constants, Place};
use super::super::fixed::out;
use super::super::planes::Source;
use super::{Convolution, tap};
use crate::isa::{Isa, Kernel, Matrix, Panel};
use crate::pack;
use core::ops::Range;

/// Pixels in a row, and where the codes of their taps lie.
pub(super) struct Pixels<'a> {
    /// From the first pixel's first tap on.
    pub codes: &'a [u8],
    /// Bytes from one row of taps to the next.
    pub pitch: usize,
    /// Bytes from one pixel to the next.
    pub step: usize,
    /// The first pixel of the output.
    pub first: usize,
    pub count: usize,
}

/// A layer whose rows of taps are multiplied one after the other.
#[derive(Clone, Copy)]
pub(super) struct Short<'a> {
    layer: &'a Convolution<'a>,
    residual: Option<Source<'a>>,
    /// Codes of a row that the product multiplies.
    k: usize,
}

impl<'a> Short<'a> {
    /// `None` where rows are not short or a buffer, of `output` codes, is too short.
    #[inline(always)]
    pub fn new<I: Isa>(_: I, layer: &'a Convolution<'a>, residual: &'a [u8], output: usize) -> Option<Self> {
        let (n, k) = (layer.out_channels(), pack::short_row(I::LEVEL, layer.run())?);
        let fits = output >= layer.output.len()
            && layer.weights.len() >= layer.window.kernel[0] * pack::pointwise_len(I::LEVEL, k, n)
            && epilogue::fits(&layer.epilogue, n);
        let residual = epilogue::residual(&layer.epilogue, residual, layer.made()).ok()?;
        fits.then_some(Self { layer, residual, k })
    }

    /// The columns of an output row whose windows, with what the product reads beyond them, lie inside of an input of `len` codes.
    #[inline(always)]
    pub fn columns(&self, row: usize, len: usize) -> Range<usize> {
        let Convolution { input, output, window, .. } = self.layer;
        let last = |axis: usize| window.kernel[axis].checked_sub(1);
        let (Some(_), Some(bottom)) =
            (tap(window, 0, input.height, row, 0), last(0).and_then(|last| tap(window, 0, input.height, row, last)))
        else {
            return 0..0;
        };
        if window.dilation[1] != 1 {
            return 0..0;
        }
        let start = window.pad[1].saturating_add(window.stride[1].saturating_sub(1));
        let start = start.checked_div(window.stride[1]).unwrap_or(0).min(output.width);
        let mut end = output.width;
        // At most the columns that the right padding needs, and the very last ones of the map.
        while end > start {
            let inside = last(1).and_then(|last| tap(window, 1, input.width, end - 1, last)).is_some();
            let left = (end - 1) * window.stride[1] - window.pad[1];
            if inside && (bottom * input.width + left) * input.channels + self.k <= len {
                break;
            }
            end -= 1;
        }
        start..end
    }

    /// Columns that [`Short::columns`] gave.
    #[inline(always)]
    pub fn row<I: Isa>(&self, isa: I, row: usize, columns: Range<usize>, input: &[u8], output: &mut [u8]) {
        let Convolution { input: shape, window, .. } = self.layer;
        let y = (row * window.stride[0]).wrapping_sub(window.pad[0]);
        let x = (columns.start * window.stride[1]).wrapping_sub(window.pad[1]);
        let pixels = Pixels {
            codes: input.get((y * shape.width + x) * shape.channels..).unwrap_or(&[]),
            pitch: window.dilation[0] * shape.width * shape.channels,
            step: window.stride[1] * shape.channels,
            first: row * self.layer.output.width + columns.start,
            count: columns.len(),
        };
        self.run(isa, &pixels, output);
    }

    /// In a function of its own: there is much code behind it.
    #[inline(always)]
    pub fn run<I: Isa>(&self, isa: I, pixels: &Pixels<'_>, output: &mut [u8]) {
        if pixels.count > 0 {
            let of_row = pack::pointwise_len(I::LEVEL, self.k, self.layer.out_channels());
            match out::of(&self.layer.epilogue) {
                out::FIXED | out::FIXED_HARD_SWISH => {
                    isa.run(Run::<{ out::FIXED }> { short: self, pixels, of_row, output });
                }
                out::FINE => isa.run(Run::<{ out::FINE }> { short: self, pixels, of_row, output }),
                _ => isa.run(Run::<{ out::CODES }> { short: self, pixels, of_row, output }),
            }
        }
    }
}

struct Run<'a, const OUT: u8> {
    short: &'a Short<'a>,
    pixels: &'a Pixels<'a>,
    /// Bytes of the weights of a row of taps.
    of_row: usize,
    output: &'a mut [u8],
}

impl<const OUT: u8> Kernel for Run<'_, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let vectors = self.short.layer.out_channels().div_ceil(I::LANES);
        let mut first = 0;
        while first < vectors {
            // The constants keep tiles that do not fit the registers out of the program.
            first += if const { I::LANES == 4 && I::ACCUMULATORS >= 16 } && vectors - first >= 4 {
                self.panel::<I, 4, 4>(isa, first)
            } else if const { I::LANES < 16 && I::ACCUMULATORS == 12 } && vectors - first >= 2 {
                self.panel::<I, 6, 2>(isa, first)
            } else if const { I::ACCUMULATORS >= 8 } {
                self.panel::<I, 8, 1>(isa, first)
            } else {
                self.panel::<I, 4, 1>(isa, first)
            };
        }
    }
}

impl<const OUT: u8> Run<'_, OUT> {
    /// N vectors of output channels, from `first` on: tiles of M pixels, the last overlapping the one before. Returns N.
    #[inline(always)]
    fn panel<I: Isa, const M: usize, const N: usize>(&mut self, isa: I, first: usize) -> usize {
        let (layer, channel) = (self.short.layer, first * I::LANES);
        let constants = Constants::<I, N>::new(isa, &layer.epilogue, channel);
        let count = (layer.out_channels() - channel).min(N * I::LANES);
        let place = Place { stride: layer.output.channels, channel, count };
        let vector = pack::vector_len(I::LEVEL, self.short.k);
        let weights = layer.weights.get(first * vector..).unwrap_or(&[]);
        let mut pixel = 0;
        while pixel < self.pixels.count {
            if self.pixels.count >= M {
                let start = pixel.min(self.pixels.count - M);
                self.tile::<I, M, N>(isa, &place, &constants, weights, start);
                pixel = start + M;
            } else {
                self.tile::<I, 1, N>(isa, &place, &constants, weights, pixel);
                pixel += 1;
            }
        }
        N
    }

    #[inline(always)]
    fn tile<I: Isa, const M: usize, const N: usize>(
        &mut self,
        isa: I,
        place: &Place,
        constants: &Constants<I, N>,
        weights: &[u8],
        pixel: usize,
    ) {
        let Self { short, pixels, .. } = self;
        let layer = short.layer;
        let start = [constants.offset; M];
        // Every other pixel of a picture of three channels: loops over known numbers of taps are unrolled, and known places cost no addresses.
        let picture = const {
            match pack::short_row(I::LEVEL, 9) {
                Some(k) => k,
                None => 0,
            }
        };
        let sums = if layer.window.kernel[0] == 3 && short.k == picture && pixels.step == 6 {
            let pixels = &Pixels { step: 6, ..**pixels };
            products(isa, start, pixels, pixel, [3, picture], self.of_row, weights)
        } else {
            products(isa, start, pixels, pixel, [layer.window.kernel[0], short.k], self.of_row, weights)
        };
        let place = (place, pixels.first + pixel);
        epilogue::finish::<I, M, N, OUT>(isa, constants, sums, short.residual.as_ref(), place, self.output);
    }
}

/// Adds the products of `rows` rows of taps of `k` codes each.
#[inline(always)]
fn products<I: Isa, const M: usize, const N: usize>(
    isa: I,
    sums: [[I::I32; N]; M],
    pixels: &Pixels<'_>,
    pixel: usize,
    [rows, k]: [usize; 2],
    of_row: usize,
    weights: &[u8],
) -> [[I::I32; N]; M] {
    let mut sums = sums;
    for ky in 0..rows {
        let codes = pixels.codes.get(pixel * pixels.step + ky * pixels.pitch..).unwrap_or(&[]);
        let panel = Panel::new(isa, weights.get(ky * of_row..).unwrap_or(&[]), k);
        sums = isa.multiply::<M, N>(sums, &Matrix::new(codes, [M, pixels.step, k]), 0, &panel);
    }
    sums
}
