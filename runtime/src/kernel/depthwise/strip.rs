//! Output rows of a 3 × 3 or 5 × 5 window, several at once over a strip of columns.
//!
//! ```text
//! input rows    y0  ▒ ▒ ▒ ▒ ▒ ▒ ▒ …        R = 2 output rows of a 3 × 3 window, stride 1: four input rows are
//!               y1  ▒ ▒ ▒ ▒ ▒ ▒ ▒ …        interleaved once (four taps of a channel side by side, for each column)
//!               y2  ▒ ▒ ▒ ▒ ▒ ▒ ▒ …        and stay near; the first output row multiplies them with weights
//!               y3  ▒ ▒ ▒ ▒ ▒ ▒ ▒ …        w0 w1 w2 0, the second one with 0 w0 w1 w2
//!                   └─ p0 ┘
//!                     └─ p1 ┘              a tile of P pixels goes through the vectors of the block one after the other:
//!                       └─ p2 ┘            a vector's weights, sums and constants stay in registers
//! ```

use super::super::epilogue;
use super::super::fixed::out;
use super::block::Block;
use crate::isa::{Column, Isa, Level, Rows, Walk, each_row};
use crate::pack;
use crate::used;

/// Output pixels of a tile, 4 or [`WIDE`]; of one of narrow blocks, times those of a block.
pub(super) const P: usize = 4;

/// Output pixels of a wide tile: more sums at a time hide what a product waits for, and maps of 7 · 2^n pixels, as those of 224 × 224 pixels
/// are, have no rest.
pub(super) const WIDE: usize = 7;

/// Pixels of the tiles of output rows of `width` pixels; input and output are fine maps or not. What overlaps is computed twice. Fine inputs
/// have no wide tiles, and fine outputs only where they are soon stored ([`Level::saturates`]): programs would grow for the sake of few layers.
pub const fn tile(level: Level, width: usize, fine: [bool; 2]) -> usize {
    let [narrow, wide] = [width.next_multiple_of(P), width.next_multiple_of(WIDE)];
    let quicker = match level {
        // A pixel of a wide tile takes nine tenths of the time.
        Level::Avx512Vnni => 10 * wide <= 11 * narrow,
        // A few instructions less.
        Level::Neon | Level::NeonDot | Level::I8mm => 20 * wide <= 21 * narrow,
        // As long, with half as many registers.
        Level::Avx2 | Level::AvxVnni => wide < narrow,
        Level::Simd128 | Level::Portable => false,
    };
    let plain = !fine[0] && (!fine[1] || level.saturates());
    if quicker && plain && width >= WIDE { WIDE } else { P }
}

/// Input columns of a strip, at most.
const COLUMNS: usize = 36;

/// Quads of a strip, at most: fewer columns where a column has three.
const TAPS: usize = 2 * COLUMNS;

/// Bytes of the weights of the second output row of a strip, of a 5 × 5 window and two quads.
const LATER: usize = 5 * 2 * 256;

/// Interleaved columns and shifted weights: room that all blocks of a layer use one after the other.
pub(super) struct Strip<I: Isa> {
    taps: [I::Quads; TAPS],
    later: Later,
}

/// Weights of the second output row, on cache lines as packed weights are.
#[repr(align(64))]
pub(super) struct Later([u8; LATER]);

impl Later {
    pub(super) const NONE: Self = Self([0; LATER]);

    /// From those of the first of R rows; any value if there is only one.
    #[inline(always)]
    pub(super) fn weights<I: Isa>(
        &mut self,
        isa: I,
        packed: &[u8],
        [rows, stride, quads]: [usize; 3],
    ) -> &[I::Weights] {
        if rows > 1 {
            pack::depthwise_later(I::LEVEL, stride, quads, packed, &mut self.0);
        }
        isa.weights(&self.0)
    }
}

impl<I: Isa> Strip<I> {
    #[inline(always)]
    pub(super) fn new(isa: I) -> Self {
        let none = isa.interleave([isa.load_bytes(&[], 0, 0); 4]);
        Self { taps: [none; TAPS], later: Later::NONE }
    }
}

impl<I: Isa> Block<'_, I> {
    /// All rows of a K × K window of stride S, R at once, of at least P pixels each; the block has to fit ([`Part::fits`](super::Part::fits)).
    #[inline(always)]
    pub(super) fn strips<
        const K: usize,
        const S: usize,
        const R: usize,
        const V: usize,
        const Q: usize,
        const P: usize,
        const OUT: u8,
    >(
        &self,
        isa: I,
        strip: &mut Strip<I>,
        output: &mut [u8],
    ) {
        let (height, width) = (self.part.layer.output.height, self.part.layer.output.width);
        if width < P {
            return;
        }
        let Strip { taps, later } = strip;
        let weights = [self.weights, later.weights(isa, self.part.packed, [R, S, Q])];
        let mut row = 0;
        while row < height {
            let rows = [
                self.part.rows(row, 0, V),
                self.part.rows(row, 1, V),
                if const { Q > 2 } { self.part.rows(row, 2, V) } else { Rows::none() },
            ];
            let mut column = 0;
            while column < width {
                // The last one may overlap the one before.
                let start = column.min(width - P);
                let count =
                    (width - start).min(const { ((if Q > 2 { TAPS / Q } else { COLUMNS } - K) / S + 1) / P * P });
                let first = (start * S).wrapping_sub(self.part.layer.window.pad[1]);
                self.interleave::<K, S, V, Q>(isa, &rows, [first, count], taps);
                for (i, weights) in weights.iter().enumerate().take(R.min(height - row)) {
                    let Some(weights) = weights.get(..const { K * Q }) else { return };
                    let at = (row + i) * width + start;
                    let mut pixel = 0;
                    // Tiles of P, the last overlapping the one before.
                    while pixel < count {
                        let tile = pixel.min(count - P);
                        self.tile::<K, S, Q, P, OUT>(isa, taps, weights, [tile, at + tile], output);
                        pixel += P;
                    }
                }
                column = start + count;
            }
            row += R;
        }
    }

    /// The input columns of `count` output columns, from input column `first` on (wrapping below zero).
    #[inline(always)]
    fn interleave<const K: usize, const S: usize, const V: usize, const Q: usize>(
        &self,
        isa: I,
        rows: &[Rows<'_>; 3],
        [first, count]: [usize; 2],
        taps: &mut [I::Quads; TAPS],
    ) {
        let count = (count - 1) * S + K;
        // Columns outside, inside, outside: the check is made once, not for each column.
        let before = 0usize.wrapping_sub(first).min(if first > usize::MAX / 2 { count } else { 0 });
        let start = first.wrapping_add(before);
        let inside = rows[0].columns().saturating_sub(start).min(count - before);
        let (left, rest) = taps.split_at_mut_checked(before * Q).unwrap_or_default();
        let (now, rest) = rest.split_at_mut_checked(inside * Q).unwrap_or_default();
        if self.part.count == 4 * I::LANES {
            let mut walk = Walk::<I, Q>::new(isa, rows, start, inside);
            for taps in now.chunks_exact_mut(Q) {
                let Some(column) = walk.step() else { break };
                self.whole::<V, Q>(isa, &column, taps);
            }
        } else {
            for (j, taps) in now.chunks_exact_mut(Q).enumerate() {
                self.column::<V, Q>(isa, rows, start + j, taps);
            }
        }
        let right = rest.chunks_exact_mut(Q).take(count - before - inside);
        self.outside::<V, Q>(isa, rows, left.chunks_exact_mut(Q).chain(right));
    }

    /// The V vertical taps of columns outside of the input: all the same.
    #[inline(always)]
    fn outside<'t, const V: usize, const Q: usize>(
        &self,
        isa: I,
        rows: &[Rows<'_>; 3],
        columns: impl Iterator<Item = &'t mut [I::Quads]>,
    ) where
        I: 't,
    {
        let mut all = [[isa.load_bytes(&[], 0, 0); 4]; Q];
        for (q, four) in all.iter_mut().enumerate() {
            for t in 0..4 {
                if 4 * q + t < V {
                    let rows = &rows[q.min(2)];
                    four[t] = isa.load_bytes(rows.padding(t), 0, rows.count());
                }
            }
        }
        for taps in columns {
            for (taps, four) in taps.iter_mut().zip(all) {
                isa.store_quads(four, taps);
            }
        }
    }

    /// The V vertical taps of input column `column`.
    #[inline(always)]
    fn column<const V: usize, const Q: usize>(
        &self,
        isa: I,
        rows: &[Rows<'_>; 3],
        column: usize,
        taps: &mut [I::Quads],
    ) {
        let none = isa.load_bytes(&[], 0, 0);
        for (q, taps) in taps.iter_mut().enumerate().take(Q) {
            let mut four = [none; 4];
            for t in 0..4 {
                if 4 * q + t < V {
                    four[t] = isa.load_block(&rows[q.min(2)], t, column);
                }
            }
            isa.store_quads(four, taps);
        }
    }

    /// The same of a whole block.
    #[inline(always)]
    fn whole<const V: usize, const Q: usize>(&self, isa: I, column: &Column<'_, I, Q>, taps: &mut [I::Quads]) {
        let none = isa.load_bytes(&[], 0, 0);
        for (q, taps) in taps.iter_mut().enumerate().take(Q) {
            let mut four = [none; 4];
            for t in 0..4 {
                if 4 * q + t < V {
                    four[t] = isa.load_bytes(column.block(q, t), 0, 4 * I::LANES);
                }
            }
            isa.store_quads(four, taps);
        }
    }

    /// P pixels from pixel `at` on, `tile` pixels from the first one that `taps` are for.
    #[inline(always)]
    fn tile<const K: usize, const S: usize, const Q: usize, const P: usize, const OUT: u8>(
        &self,
        isa: I,
        taps: &[I::Quads; TAPS],
        weights: &[I::Weights],
        [tile, at]: [usize; 2],
        output: &mut [u8],
    ) {
        let channels = self.part.layer.output.channels;
        let Some(taps) = taps.get(tile * S * Q..).and_then(|rest| rest.get(..const { ((P - 1) * S + K) * Q })) else {
            return;
        };
        let to = at * channels + self.part.channel;
        let mut codes = [self.constants.offset; P];
        let mut shorts = [self.constants.fixed.multiplier; P];
        match const { I::PASS } {
            1 => {
                self.pass::<K, S, Q, P, 0, 1, OUT>(isa, taps, weights, &mut codes, &mut shorts);
                self.pass::<K, S, Q, P, 1, 2, OUT>(isa, taps, weights, &mut codes, &mut shorts);
                self.pass::<K, S, Q, P, 2, 3, OUT>(isa, taps, weights, &mut codes, &mut shorts);
                self.pass::<K, S, Q, P, 3, 4, OUT>(isa, taps, weights, &mut codes, &mut shorts);
            }
            2 => {
                self.pass::<K, S, Q, P, 0, 2, OUT>(isa, taps, weights, &mut codes, &mut shorts);
                self.pass::<K, S, Q, P, 2, 4, OUT>(isa, taps, weights, &mut codes, &mut shorts);
            }
            _ => self.pass::<K, S, Q, P, 0, 4, OUT>(isa, taps, weights, &mut codes, &mut shorts),
        }
        if const { out::is_fixed(OUT) } {
            return isa.store_dealt_shorts(shorts, output, [to, channels], self.part.count);
        }
        if OUT == out::FINE {
            each_row!(p, P, {
                isa.store_dealt_fine(codes[p], output, [to + p * channels, channels / 2], self.part.count);
            });
            return;
        }
        isa.store_dealt_tile(codes, output, to, channels, self.part.count);
    }

    /// The vectors FROM to TO of a tile: from offsets to codes (eq. 5, 9–13).
    #[inline(always)]
    fn pass<
        const K: usize,
        const S: usize,
        const Q: usize,
        const P: usize,
        const FROM: usize,
        const TO: usize,
        const OUT: u8,
    >(
        &self,
        isa: I,
        taps: &[I::Quads],
        weights: &[I::Weights],
        codes: &mut [[I::I32; 4]; P],
        shorts: &mut [[I::I16; 4]; P],
    ) {
        // Unrolled by hand: sums must stay in registers, and LLVM leaves so long a loop alone.
        macro_rules! columns {
            ($($j:literal)*) => {$(
                if $j < const { (P - 1) * S + K } {
                    for q in 0..Q {
                        if let Some(taps) = taps.get($j * Q + q) {
                            products::<I, K, S, Q, P, FROM, TO>(isa, codes, *taps, weights, $j, q);
                        }
                    }
                    before::<I, P, FROM, TO>(isa, codes);
                }
            )*};
        }
        columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
        self.codes::<P, FROM, TO, OUT>(isa, codes, shorts);
    }

    /// From sums to codes (eq. 9–13), in vectors FROM to TO; by way of 16 bits (eq. 43–46) to `shorts`.
    #[inline(always)]
    pub(super) fn codes<const P: usize, const FROM: usize, const TO: usize, const OUT: u8>(
        &self,
        isa: I,
        codes: &mut [[I::I32; 4]; P],
        shorts: &mut [[I::I16; 4]; P],
    ) {
        let constants = &self.constants;
        if const { out::is_fixed(OUT) } {
            for n in FROM..TO {
                let mut sums = [codes[0][n]; P];
                each_row!(p, P, { sums[p] = codes[p][n] });
                let of_vector = if OUT == out::FIXED_HARD_SWISH {
                    constants.fixed.codes::<P, true>(isa, n, sums)
                } else {
                    constants.fixed.codes::<P, false>(isa, n, sums)
                };
                each_row!(p, P, { shorts[p][n] = of_vector[p] });
            }
            return;
        }
        for n in FROM..TO {
            let mut v = [constants.multiplier[n]; P];
            each_row!(p, P, {
                v[p] = isa.mul(isa.to_f32(codes[p][n]), constants.multiplier[n]);
            });
            if let Some(bias) = constants.bias {
                each_row!(p, P, {
                    v[p] = isa.add(v[p], bias[n]);
                });
            }
            if used::HARD_SWISH
                && let Some(hard_swish) = constants.hard_swish
            {
                each_row!(p, P, {
                    v[p] = hard_swish[n].of(isa, v[p]);
                });
            }
            if OUT == out::FINE {
                each_row!(p, P, {
                    codes[p][n] = epilogue::fine_to_store(isa, v[p]);
                });
            } else {
                each_row!(p, P, {
                    codes[p][n] = isa.to_i32(v[p]);
                });
            }
        }
    }
}

/// [`Isa::before`] of the sums of a tile, where a pass takes two vectors.
#[inline(always)]
fn before<I: Isa, const P: usize, const FROM: usize, const TO: usize>(isa: I, sums: &mut [[I::I32; 4]; P]) {
    if const { TO - FROM == 2 } {
        let mut two = [[sums[0][FROM]; 2]; P];
        each_row!(p, P, { two[p] = [sums[p][FROM], sums[p][TO - 1]] });
        let two = isa.before(two);
        each_row!(p, P, { [sums[p][FROM], sums[p][TO - 1]] = two[p] });
    }
}

/// Adds quad `q` of column `j` of a tile to every output pixel that sees it, in vectors FROM to TO of the block.
#[inline(always)]
fn products<
    I: Isa,
    const K: usize,
    const S: usize,
    const Q: usize,
    const P: usize,
    const FROM: usize,
    const TO: usize,
>(
    isa: I,
    sums: &mut [[I::I32; 4]; P],
    taps: I::Quads,
    weights: &[I::Weights],
    j: usize,
    q: usize,
) {
    macro_rules! pixels {
        ($($p:literal)*) => {$(
            if $p < P
                && j >= $p * S
                && j < $p * S + K
                && let Some(weights) = weights.get((j - $p * S) * Q + q)
            {
                sums[$p] = isa.dot_quads::<FROM, TO>(sums[$p], taps, weights);
            }
        )*};
    }
    pixels!(0 1 2 3 4 5 6);
}
