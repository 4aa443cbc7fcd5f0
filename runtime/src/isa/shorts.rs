//! Tiles of two pixels in a vector of i16, pixel by pixel: what an instruction set does that has nothing better.

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

/// [`Isa::store_shorts`].
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

/// [`Isa::store_dealt_shorts`].
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
