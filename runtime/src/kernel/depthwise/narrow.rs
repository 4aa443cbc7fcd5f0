//! The last channels of a depthwise convolution, at most 16 of them: neighbouring pixels fill the vectors.
//!
//! ```text
//! one output pixel of a block:      c0 … c15 │ c16 … c31 │ c32 … c47 │ c48 … c63
//! four of a narrow block:           p0: c0 … │ p1: c0 …  │ p2: c0 …  │ p3: c0 …      weights once per 128 bits
//!
//! input columns, stride 1:          x0 x1 x2 x3 │ x4 x5 x6 x7 │ …                    interleaved block by block
//!   taps of pixels p0 … p3:         x0 x1 x2 x3   first tap                          as they lie
//!                                      x1 x2 x3   x4      second                     1 pixel further
//!                                         x2 x3   x4 x5   third                      2 pixels further
//! stride 2:                         x0 x2 x4 x6 │ …  and  x1 x3 x5 x7 │ …            even and odd columns apart
//! ```
//!
//! Interleaving, products and packing stay within 128 bits, so they are those of a block. Where a map has just 16 channels, the
//! pixels of a block lie side by side in memory.

use super::super::fixed::out;
use super::block::{Block, Constants, Part};
use super::strip::{Later, P};
use crate::isa::{Isa, Kernel, Rows, each_pair};
use crate::layer::Epilogue;
use crate::pack;

/// Quads of interleaved columns at a time.
const TAPS: usize = 80;

/// A narrow block of a layer without residual, by K × K windows of stride S, R rows at once, as [`super::Blocks`] has it.
pub(super) struct Narrow<
    'a,
    const K: usize,
    const S: usize,
    const R: usize,
    const V: usize,
    const Q: usize,
    const OUT: u8,
> {
    pub part: Part<'a>,
    pub output: &'a mut [u8],
}

impl<const K: usize, const S: usize, const R: usize, const V: usize, const Q: usize, const OUT: u8> Kernel
    for Narrow<'_, K, S, R, V, Q, OUT>
{
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { part, output } = self;
        let constants = constants(isa, &part.layer.epilogue, part.channel);
        let block = Block { part, weights: isa.weights(part.packed), constants };
        let none = isa.interleave([isa.load_bytes(&[], 0, 0); 4]);
        let mut columns = Columns { taps: [none; TAPS], later: Later::NONE };
        columns.rows::<K, S, R, V, Q, OUT>(isa, &block, output);
    }
}

/// From `channel` on, once per pixel.
#[inline(always)]
fn constants<I: Isa>(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Constants<I> {
    let ints = |from: &[i32]| isa.deal_i32(&repeated(from, channel), 0);
    let reals = |from: &[f32]| isa.deal_f32(&repeated(from, channel), 0);
    Constants::of_dealt(isa, epilogue, ints, reals)
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

/// Interleaved columns, by the remainder of a column by the stride, then in blocks, then in quads.
struct Columns<I: Isa> {
    taps: [I::Quads; TAPS],
    later: Later,
}

/// Blocks of columns beyond those of a tile that its last taps reach.
#[inline(always)]
const fn reach<I: Isa>(kernel: usize, stride: usize) -> usize {
    (kernel - 1) / stride / I::SPREAD + 1
}

impl<I: Isa> Columns<I> {
    #[inline(always)]
    fn rows<const K: usize, const S: usize, const R: usize, const V: usize, const Q: usize, const OUT: u8>(
        &mut self,
        isa: I,
        block: &Block<'_, I>,
        output: &mut [u8],
    ) {
        let (height, width) = (block.part.layer.output.height, block.part.layer.output.width);
        // Whole tiles of blocks of output pixels at a time.
        let most = const {
            let most = (TAPS / S / Q - reach::<I>(K, S)) / P * P;
            assert!(most > 0);
            most
        };
        let weights = [block.weights, self.later.weights(isa, block.part.packed, [R, S, Q])];
        let mut row = 0;
        while row < height {
            let rows = [
                block.part.rows(row, 0, V).with_near(),
                block.part.rows(row, 1, V).with_near(),
                if const { Q > 2 } { block.part.rows(row, 2, V).with_near() } else { Rows::none() },
            ];
            let mut column = 0;
            while column < width {
                let blocks = (width - column).div_ceil(I::SPREAD).min(most);
                let first = (column * S).wrapping_sub(block.part.layer.window.pad[1]);
                interleave::<I, K, S, V, Q>(isa, &rows, first, blocks, &mut self.taps);
                for (i, weights) in weights.iter().enumerate().take(R.min(height - row)) {
                    let Some(weights) = weights.get(..const { K * Q }) else { return };
                    let mut at = 0;
                    while at < blocks {
                        let place = [row + i, column + at * I::SPREAD];
                        tile::<I, K, S, Q, OUT>(isa, block, &self.taps, weights, at, place, output);
                        at += P;
                    }
                }
                column += blocks * I::SPREAD;
            }
            row += R;
        }
    }
}

/// The input columns of `blocks` blocks of output pixels, from input column `first` on (wrapping below zero). What a tile reads beyond
/// them is of no consequence.
#[inline(always)]
fn interleave<I: Isa, const K: usize, const S: usize, const V: usize, const Q: usize>(
    isa: I,
    rows: &[Rows<'_>; 3],
    first: usize,
    blocks: usize,
    taps: &mut [I::Quads; TAPS],
) {
    let none = isa.load_bytes(&[], 0, 0);
    for (remainder, taps) in taps.chunks_exact_mut(TAPS / S).enumerate() {
        for (at, taps) in taps.chunks_exact_mut(Q).take(blocks + reach::<I>(K, S)).enumerate() {
            let column = first.wrapping_add(remainder + at * I::SPREAD * S);
            for (q, taps) in taps.iter_mut().enumerate() {
                let mut four = [none; 4];
                for t in 0..4 {
                    if 4 * q + t < V {
                        four[t] = isa.load_spread(&rows[q.min(2)], t, column, S);
                    }
                }
                *taps = isa.interleave(four);
            }
        }
    }
}

/// P blocks of pixels of output row `row` from `column` on, the `first` ones and those that follow of those that `taps` are for: those that
/// are inside of it.
#[inline(always)]
fn tile<I: Isa, const K: usize, const S: usize, const Q: usize, const OUT: u8>(
    isa: I,
    block: &Block<'_, I>,
    taps: &[I::Quads; TAPS],
    weights: &[I::Weights],
    first: usize,
    [row, column]: [usize; 2],
    output: &mut [u8],
) {
    let mut windows = [&[][..]; 2];
    for remainder in 0..S.min(2) {
        let from = taps.get(remainder * (TAPS / S) + first * Q..).unwrap_or(&[]);
        let Some(window) = from.get(..const { (P + reach::<I>(K, S)) * Q }) else { return };
        windows[remainder] = window;
    }
    let mut codes = [block.constants.offset; P];
    let mut shorts = [block.constants.fixed.multiplier; P];
    match const { I::PASS } {
        1 => {
            pass::<I, K, S, Q, 0, 1, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
            pass::<I, K, S, Q, 1, 2, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
            pass::<I, K, S, Q, 2, 3, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
            pass::<I, K, S, Q, 3, 4, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
        }
        2 => {
            pass::<I, K, S, Q, 0, 2, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
            pass::<I, K, S, Q, 2, 4, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts);
        }
        _ => pass::<I, K, S, Q, 0, 4, OUT>(isa, block, &windows, weights, &mut codes, &mut shorts),
    }
    let (width, channels) = (block.part.layer.output.width, block.part.layer.output.channels);
    let (at, left) = ((row * width + column) * channels + block.part.channel, width.saturating_sub(column));
    if const { out::is_fixed(OUT) } {
        each_pair!(i, P, {
            for n in 0..4 {
                [codes[2 * i][n], codes[2 * i + 1][n]] = isa.split(shorts[i][n]);
            }
        });
    }
    // Written out: an index that is no constant would move the codes to memory.
    macro_rules! blocks {
        ($($p:literal)*) => {$(
            let (to, pixels) = (at + $p * I::SPREAD * channels, left.saturating_sub($p * I::SPREAD).min(I::SPREAD));
            if OUT == out::FINE {
                isa.store_spread_fine(codes[$p], output, [to, channels], pixels, block.part.count);
            } else {
                isa.store_spread(codes[$p], output, [to, channels], pixels, block.part.count);
            }
        )*};
    }
    blocks!(0 1 2 3);
}

/// Vectors FROM to TO of a tile: from offsets to codes (eq. 5, 9–13). `windows` are its columns, by their remainder by the stride.
#[inline(always)]
fn pass<I: Isa, const K: usize, const S: usize, const Q: usize, const FROM: usize, const TO: usize, const OUT: u8>(
    isa: I,
    block: &Block<'_, I>,
    windows: &[&[I::Quads]; 2],
    weights: &[I::Weights],
    codes: &mut [[I::I32; 4]; P],
    shorts: &mut [[I::I16; 4]; P],
) {
    // Unrolled by hand, as those of a whole block.
    macro_rules! columns {
        ($($j:literal)*) => {$(
            if $j < K {
                let (ahead, pixels) = ($j / S / I::SPREAD, $j / S % I::SPREAD);
                for q in 0..Q {
                    for p in 0..P {
                        let at = (p + ahead) * Q + q;
                        if let (Some(now), Some(next), Some(weights)) =
                            (windows[$j % S].get(at), windows[$j % S].get(at + Q), weights.get($j * Q + q))
                        {
                            let taps = isa.further(*now, *next, pixels);
                            codes[p] = isa.dot_quads::<FROM, TO>(codes[p], taps, weights);
                        }
                    }
                }
            }
        )*};
    }
    columns!(0 1 2 3 4);
    block.codes::<P, FROM, TO, OUT>(isa, codes, shorts);
}
