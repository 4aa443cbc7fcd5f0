//! Pointwise convolution (eq. 5, 9–13): a matrix product over pixels, 90 % of the network.
//!
//! ```text
//!                      vectors of output channels
//!                      n0    n1    n2    n3          for each panel of up to 4 vectors of output channels:
//!                    ┌─────┬─────┬─────┬─────┐         for each M pixels:
//!  input   x[m0] ──► │acc00│acc01│acc02│acc03│           sums = 0
//!  rows    x[m1] ──► │acc10│ …   │     │     │           for each group of 4 input channels:
//!  (4 bytes  …       │     │     │     │     │             sums[m][n] += broadcast x[m] · w[n]
//!  broadcast)        └─────┴─────┴─────┴─────┘           codes = epilogue(sums)
//! ```
//!
//! A panel's weights stay in the first cache while all pixels pass. Pixels that fill no tile go through a tile of 4
//! or of 1, or through a full one that overlaps the one before: the same codes are written twice.
//!
//! Tried and not kept, with AVX512-VNNI on Zen 5: the products of the next tile before the epilogue of this one, so that pipes that multiply need not wait
//! for those that add. In assembly without loads, 12 vectors in turn, operation by operation, take 16 to 26 % less time than 24 one after the other. What
//! LLVM made of it took 3 to 7 % less time where panels are three vectors wide without hard-swish, 8 % more for 40 to 240 channels with it, and
//! 46 % more for 16 to 64. [`super::convolution`] does so for the first layer.

use super::epilogue::{self, Constants, Place};
use super::fixed::out;
use super::planes::Source;
use crate::isa::{Isa, Kernel, Level, Matrix, Panel};
use crate::layer::Epilogue;
use crate::pack;

/// The register tile of a pointwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Most pixels: 8 (6 where the registers do not hold 8), 4 or 1.
    pub rows: usize,
    /// Most vectors of output channels, 1 to [`Tile::WIDEST`]. Panels are made evenly wide.
    pub vectors: usize,
}

impl Tile {
    /// Most vectors of any instruction set.
    pub const WIDEST: usize = 6;

    /// A good tile for a layer of `pixels` and `n` output channels.
    pub const fn best(level: Level, pixels: usize, n: usize) -> Self {
        let most = match level.widest() {
            // Eight rows of two vectors load less than four of three.
            3 => 2,
            widest => widest,
        };
        let vectors = n.div_ceil(level.lanes());
        let vectors = if vectors < most { vectors } else { most };
        let rows = match level {
            _ if pixels < 4 => 1,
            // Eight sums at a time hide the latency of a product; what more rows save in loads costs more in constants that no
            // register is left for (`bakelite tune`: 2 to 10 % of a layer).
            Level::Avx512Vnni if vectors >= 2 => 4,
            _ => 8,
        };
        Self { rows, vectors: if vectors == 0 { 1 } else { vectors } }
    }

    /// How many vectors the next panel has, where so many are left.
    #[inline(always)]
    pub fn panel(self, level: Level, left: usize) -> usize {
        even(left, self.vectors.clamp(1, level.widest()))
    }
}

/// A pointwise convolution.
#[derive(Clone, Copy, Debug)]
pub struct Pointwise<'a> {
    /// Pixels of input and output.
    pub pixels: usize,
    /// Input channels, k.
    pub in_channels: usize,
    /// Output channels, n.
    pub out_channels: usize,
    /// [`pack::pointwise`] of this instruction set.
    pub weights: &'a [u8],
    /// Rescaling and activation.
    pub epilogue: Epilogue<'a>,
    /// The register tile.
    pub tile: Tile,
    /// Weights of later layers, brought near meanwhile: this layer computes, others wait for memory.
    pub ahead: &'a [u8],
}

/// `input` is `[pixels][in_channels]`, `residual` and `output` `[pixels][out_channels]`; of a fine output, twice as many.
#[inline]
pub fn pointwise<I: Isa>(isa: I, layer: &Pointwise<'_>, input: &[u8], residual: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, residual, output });
}

struct Run<'a> {
    layer: &'a Pointwise<'a>,
    input: &'a [u8],
    residual: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, residual, output } = self;
        let product = Product {
            pixels: layer.pixels,
            first_pixel: 0,
            k: layer.in_channels,
            stride: layer.in_channels,
            n: layer.out_channels,
            row: layer.out_channels * layer.epilogue.planes(),
            weights: layer.weights,
            epilogue: &layer.epilogue,
            tile: layer.tile,
            ahead: layer.ahead,
        };
        product.run(isa, input, residual, output);
    }
}

/// The width of the first of as few evenly wide panels as `vectors` need; of those that may be six wide, as many are as leave no panel
/// of one alone.
#[inline(always)]
fn even(vectors: usize, widest: usize) -> usize {
    if widest == 6 && (vectors == 6 || vectors > 8) {
        return 6;
    }
    let panels = match widest {
        4..=6 => vectors.div_ceil(4),
        3 => vectors.div_ceil(3),
        2 => vectors.div_ceil(2),
        _ => vectors,
    };
    let rounded = vectors + panels.saturating_sub(1);
    rounded.checked_div(panels).unwrap_or(1)
}

/// A product and its maps; OUT is [`out::of`] its layer.
struct Whole<'a, const OUT: u8> {
    product: &'a Product<'a>,
    input: &'a [u8],
    residual: &'a [u8],
    output: &'a mut [u8],
}

impl<const OUT: u8> Kernel for Whole<'_, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        self.product.whole::<I, OUT>(isa, self.input, self.residual, self.output);
    }
}

/// Some vectors of output channels of a product, N of them from vector `first` on.
struct PanelOf<'a, 'b, const N: usize, const OUT: u8> {
    product: &'a Product<'a>,
    first: usize,
    input: &'a [u8],
    residual: Option<Source<'a>>,
    ahead: &'a mut Ahead<'b>,
    output: &'a mut [u8],
}

impl<const N: usize, const OUT: u8> Kernel for PanelOf<'_, '_, N, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { product, first, input, residual, ahead, output } = self;
        product.panel::<I, N, OUT>(isa, first, input, residual, ahead, output);
    }
}

impl<const N: usize, const OUT: u8> PanelOf<'_, '_, N, OUT> {
    /// In a function of its own, too: in one with the tiles of all widths LLVM's loop passes take many times as long (a V3-Small for a Cortex-A76
    /// took 67 s to build, and takes 16). With AVX-512 LLVM is quick, and staying where it is saves a third of a percent of V3-Small's time.
    #[inline(always)]
    fn enter<I: Isa>(self, isa: I) {
        if const { matches!(I::LEVEL, Level::Avx512Vnni) } { self.run(isa) } else { isa.run(self) }
    }
}

/// A matrix product with its epilogue: what pointwise and general convolutions share.
pub(super) struct Product<'a> {
    pub pixels: usize,
    /// Where the product's first pixel lies in `residual` and `output`.
    pub first_pixel: usize,
    pub k: usize,
    /// Bytes from one row of the input to the next.
    pub stride: usize,
    pub n: usize,
    /// Codes from one pixel of the output to the next: more than `n` where others make the rest, or where there are two planes.
    pub row: usize,
    pub weights: &'a [u8],
    pub epilogue: &'a Epilogue<'a>,
    pub tile: Tile,
    /// Prefetched in equal parts, one per tile.
    pub ahead: &'a [u8],
}

impl Product<'_> {
    /// In a function of its own, which pointwise, gated and general convolutions share: most of a program is in here and in its panels. What is rescaled in 16
    /// bits has another one, and so have fine maps: what they need would cost those that are not.
    #[inline(always)]
    pub(super) fn run<I: Isa>(&self, isa: I, input: &[u8], residual: &[u8], output: &mut [u8]) {
        match out::of(self.epilogue) {
            out::FIXED | out::FIXED_HARD_SWISH => {
                isa.run(Whole::<{ out::FIXED }> { product: self, input, residual, output });
            }
            out::FINE => isa.run(Whole::<{ out::FINE }> { product: self, input, residual, output }),
            _ => isa.run(Whole::<{ out::CODES }> { product: self, input, residual, output }),
        }
    }

    #[inline(always)]
    fn whole<I: Isa, const OUT: u8>(&self, isa: I, input: &[u8], residual: &[u8], output: &mut [u8]) {
        if self.pixels == 0 || self.n == 0 {
            return;
        }
        let planes = self.epilogue.planes();
        let len = (self.first_pixel + self.pixels - 1) * self.row + (planes - 1) * (self.row / 2) + self.n;
        if self.row < self.n * planes
            || input.len() < (self.pixels - 1) * self.stride + self.k
            || self.weights.len() < pack::pointwise_len(I::LEVEL, self.k, self.n)
            || output.len() < len
            || !epilogue::fits(self.epilogue, self.n)
        {
            return;
        }
        let Ok(residual) =
            epilogue::residual(self.epilogue, residual, [self.first_pixel + self.pixels, self.n, self.row])
        else {
            return;
        };
        let vectors = self.n.div_ceil(I::LANES);
        let widest = self.tile.vectors.clamp(1, const { I::LEVEL.widest() });
        let tiles = self.pixels.checked_div(self.tile.rows).unwrap_or(0) * vectors.checked_div(widest).unwrap_or(0);
        let part = self.ahead.len().checked_div(tiles).unwrap_or(self.ahead.len()).next_multiple_of(LINE);
        let mut ahead = Ahead { part, rest: self.ahead };
        let mut first = 0;
        while first < vectors {
            // Evenly wide panels: 5 vectors are 3 + 2, not 4 + 1.
            let width = self.tile.panel(I::LEVEL, vectors - first);
            // The constants keep tiles that do not fit the registers out of the program.
            if const { I::LEVEL.widest() >= 6 } && width == 6 {
                PanelOf::<6, OUT> { product: self, first, input, residual, ahead: &mut ahead, output }.enter(isa);
                first += 6;
            } else if const { I::LEVEL.widest() >= 4 } && width == 4 {
                PanelOf::<4, OUT> { product: self, first, input, residual, ahead: &mut ahead, output }.enter(isa);
                first += 4;
            } else if const { I::LEVEL.widest() >= 3 } && width == 3 {
                PanelOf::<3, OUT> { product: self, first, input, residual, ahead: &mut ahead, output }.enter(isa);
                first += 3;
            } else if const { I::LEVEL.widest() >= 2 } && width == 2 {
                PanelOf::<2, OUT> { product: self, first, input, residual, ahead: &mut ahead, output }.enter(isa);
                first += 2;
            } else {
                PanelOf::<1, OUT> { product: self, first, input, residual, ahead: &mut ahead, output }.enter(isa);
                first += 1;
            }
        }
    }

    #[inline(always)]
    fn panel<I: Isa, const N: usize, const OUT: u8>(
        &self,
        isa: I,
        first: usize,
        input: &[u8],
        residual: Option<Source<'_>>,
        ahead: &mut Ahead<'_>,
        output: &mut [u8],
    ) {
        let most = const { I::LEVEL.rows(N) };
        let rows = if self.tile.rows >= most {
            most
        } else if self.tile.rows >= 4 {
            4
        } else {
            1
        };
        let skip = first * pack::vector_len(I::LEVEL, self.k);
        let channel = first * I::LANES;
        let part = Part::<I, N, OUT> {
            matrix: Matrix::new(input, [self.pixels, self.stride, self.k]),
            panel: Panel::new(isa, self.weights.get(skip..).unwrap_or(&[]), self.k),
            constants: Constants::new(isa, self.epilogue, channel),
            first_pixel: self.first_pixel,
            place: Place { stride: self.row, channel, count: (self.n - channel).min(N * I::LANES) },
            residual,
        };
        let mut pixel = 0;
        if const { I::LEVEL.rows(N) == 8 } {
            while rows == 8 && pixel + 8 <= self.pixels {
                ahead.bring(isa);
                part.tile::<8>(isa, pixel, output);
                pixel += 8;
            }
        }
        if const { I::LEVEL.rows(N) == 6 } {
            while rows == 6 && pixel + 6 <= self.pixels {
                ahead.bring(isa);
                part.tile::<6>(isa, pixel, output);
                pixel += 6;
            }
        }
        // Tiles of four, the last overlapping the one before; one pixel alone is not worth it.
        if rows >= 4 && self.pixels >= 4 {
            let last = self.pixels - 4;
            while pixel + 1 < self.pixels {
                ahead.bring(isa);
                part.tile::<4>(isa, pixel.min(last), output);
                pixel += 4;
            }
        }
        while pixel < self.pixels {
            part.tile::<1>(isa, pixel, output);
            pixel += 1;
        }
    }
}

/// N vectors of output channels of a product.
struct Part<'a, I: Isa, const N: usize, const OUT: u8> {
    matrix: Matrix<'a>,
    panel: Panel<'a, I, N>,
    constants: Constants<I, N>,
    /// Where the product's first pixel lies in the output.
    first_pixel: usize,
    place: Place,
    residual: Option<Source<'a>>,
}

impl<I: Isa, const N: usize, const OUT: u8> Part<'_, I, N, OUT> {
    #[inline(always)]
    fn tile<const M: usize>(&self, isa: I, pixel: usize, output: &mut [u8]) {
        let sums = isa.multiply::<M, N>([self.constants.offset; M], &self.matrix, pixel, &self.panel);
        let place = (&self.place, self.first_pixel + pixel);
        epilogue::finish::<I, M, N, OUT>(isa, &self.constants, sums, self.residual.as_ref(), place, output);
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// What is still to be prefetched.
struct Ahead<'a> {
    /// Bytes per tile.
    part: usize,
    rest: &'a [u8],
}

impl Ahead<'_> {
    #[inline(always)]
    fn bring<I: Isa>(&mut self, isa: I) {
        if !self.rest.is_empty() {
            let (now, rest) = self.rest.split_at_checked(self.part).unwrap_or((self.rest, &[]));
            isa.prefetch(now);
            self.rest = rest;
        }
    }
}
