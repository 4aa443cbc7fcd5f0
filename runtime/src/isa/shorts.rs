//! Vectors of i16 of two pixels (eq. 43–46).
//!
//! ```text
//! a: i32 × LANES  ┐ shift, saturate                    of two pixels the same channels: constants of a vector of
//! b: i32 × LANES  ┘ ───────────────► i16 × 2 · LANES    channels are the same for both, in whatever order they lie
//! ```

use super::Isa;

/// Does something for each pair of rows of a tile of M ≤ 8. Written out, as [`each_row`](super::each_row) is.
macro_rules! each_pair {
    ($i:ident, $M:ident, $do:block) => {
        each_pair!($i, $M, $do, 0 1 2 3);
    };
    ($i:ident, $M:ident, $do:block, $($at:literal)*) => {$(
        if 2 * $at < $M {
            let $i = $at;
            $do
        }
    )*};
}
pub(crate) use each_pair;

/// The part of an instruction set that computes in 16 bits.
pub trait Shorts: Copy + Sync {
    /// A vector of i32.
    type I32: Copy;
    /// A vector of f32.
    type F32: Copy;
    /// Two vectors of i16, of two pixels the same channels.
    type I16: Copy;
    /// What [`Shorts::shorts`] shifts the channels of a vector by.
    type Shift: Copy;

    /// Of shifts of a vector of channels, 0…16.
    fn shift(self, shifts: Self::I32) -> Self::Shift;
    /// `sat16(⌊a · 2^shift / 2^16⌋)` of the same vector of channels of two pixels (eq. 43).
    fn shorts(self, two: [Self::I32; 2], shift: Self::Shift) -> Self::I16;
    /// Whole numbers that fit in i16, for both pixels.
    fn both(self, whole: Self::F32) -> Self::I16;
    /// `⌊(a · b + 2^14) / 2^15⌋`, not of −2^15 twice (eq. 44).
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// Lane by lane, wrapping.
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// Lane by lane, saturating.
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// `min(max(a, 0), top)`.
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16;
    /// Both pixels as they were before [`Shorts::shorts`].
    fn split(self, two: Self::I16) -> [Self::I32; 2];
    /// As [`Isa::store_tile`], the rows 2i and 2i + 1 (if there is one) from `values[i]`.
    #[inline(always)]
    fn store_shorts<const M: usize, const N: usize>(
        self,
        values: [[Self::I16; N]; M],
        to: &mut [u8],
        [at, stride]: [usize; 2],
        count: usize,
    ) where
        Self: Isa,
    {
        store_each(self, values, to, [at, stride], count);
    }
    /// As [`Isa::store_dealt_tile`], the rows 2i and 2i + 1 (if there is one) from `values[i]`.
    #[inline(always)]
    fn store_dealt_shorts<const M: usize>(
        self,
        values: [[Self::I16; 4]; M],
        to: &mut [u8],
        [at, stride]: [usize; 2],
        count: usize,
    ) where
        Self: Isa,
    {
        store_each_dealt(self, values, to, [at, stride], count);
    }
    /// The same, computed before what is asked for after it. All vectors of a tile at once take more registers than there are, and the compiler would have them
    /// so. For instruction sets that it matters to.
    #[inline(always)]
    fn in_turn(self, value: Self::I16) -> Self::I16 {
        value
    }
    /// The same of two pixels in 16 bits.
    #[inline(always)]
    fn now_short(self, value: Self::I16) -> Self::I16 {
        value
    }
}

/// [`Shorts::store_shorts`], pixel by pixel.
#[inline(always)]
pub(super) fn store_each<I: Isa, const M: usize, const N: usize>(
    isa: I,
    values: [[I::I16; N]; M],
    to: &mut [u8],
    [at, stride]: [usize; 2],
    count: usize,
) {
    each_pair!(i, M, {
        let mut rows = [[isa.splat_i32(0); N]; 2];
        for n in 0..N {
            [rows[0][n], rows[1][n]] = isa.split(values[i][n]);
        }
        isa.store_codes(rows[0], to, at + 2 * i * stride, count);
        if 2 * i + 1 < M {
            isa.store_codes(rows[1], to, at + (2 * i + 1) * stride, count);
        }
    });
}

/// [`Shorts::store_dealt_shorts`], pixel by pixel.
#[inline(always)]
pub(super) fn store_each_dealt<I: Isa, const M: usize>(
    isa: I,
    values: [[I::I16; 4]; M],
    to: &mut [u8],
    [at, stride]: [usize; 2],
    count: usize,
) {
    each_pair!(i, M, {
        let mut rows = [[isa.splat_i32(0); 4]; 2];
        for n in 0..4 {
            [rows[0][n], rows[1][n]] = isa.split(values[i][n]);
        }
        isa.store_dealt(rows[0], to, at + 2 * i * stride, count);
        if 2 * i + 1 < M {
            isa.store_dealt(rows[1], to, at + (2 * i + 1) * stride, count);
        }
    });
}
