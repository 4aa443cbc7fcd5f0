//! Tiles vector by vector and row by row: what an instruction set does that has nothing better.

use super::Isa;

/// High and low parts of fine codes.
#[inline(always)]
pub(super) fn planes<I: Isa>(isa: I, codes: [I::I32; 4]) -> [[I::I32; 4]; 2] {
    let mut planes = [codes; 2];
    for n in 0..4 {
        [planes[0][n], planes[1][n]] = isa.parts(codes[n]);
    }
    planes
}

/// Codes of N vectors side by side, vector by vector.
#[inline(always)]
fn load_each<I: Isa, const N: usize>(isa: I, from: &[u8], at: usize, count: usize) -> [I::I32; N] {
    let mut row = [isa.splat_i32(0); N];
    for n in 0..N {
        row[n] = isa.load_codes(from, at + n * I::LANES, count.saturating_sub(n * I::LANES).min(I::LANES));
    }
    row
}

/// Bytes that `rows` rows of `count` bytes take, `stride` apart; `None` if they are beyond counting.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
#[inline(always)]
pub(super) fn span(rows: usize, stride: usize, count: usize) -> Option<usize> {
    rows.saturating_sub(1).checked_mul(stride).and_then(|last| last.checked_add(count))
}

/// [`Isa::load_tile`], vector by vector.
#[inline(always)]
pub(super) fn load_rows<I: Isa, const M: usize, const N: usize>(
    isa: I,
    from: &[u8],
    [at, stride]: [usize; 2],
    count: usize,
) -> [[I::I32; N]; M] {
    let mut tile = [[isa.splat_i32(0); N]; M];
    each_row!(m, M, { tile[m] = load_each(isa, from, at + m * stride, count) });
    tile
}

/// [`Isa::sum_codes`], row by row.
#[inline(always)]
pub(super) fn sum_each<I: Isa, const N: usize>(
    isa: I,
    from: &[u8],
    [at, stride]: [usize; 2],
    rows: usize,
    count: usize,
) -> [I::I32; N] {
    let mut sums = [isa.splat_i32(0); N];
    for row in 0..rows {
        let codes = load_each::<I, N>(isa, from, at + row * stride, count);
        for n in 0..N {
            sums[n] = isa.add_i32(sums[n], codes[n]);
        }
    }
    sums
}

/// [`Isa::store_tile`], row by row.
#[inline(always)]
pub(super) fn store_each<I: Isa, const M: usize, const N: usize>(
    isa: I,
    values: [[I::I32; N]; M],
    to: &mut [u8],
    [at, stride]: [usize; 2],
    count: usize,
) {
    each_row!(m, M, { isa.store_codes(values[m], to, at + m * stride, count) });
}
