//! Codes of tiles: loaded, summed up, and stored. Whole rows of 16 codes, or of 24, are checked once for all of them.
//!
//! The SAFETY lines say *token*: a value of [`Neon`].

use super::super::Isa;
use super::super::each::{load_rows, span, store_each, sum_each};
use super::super::pieces::store_partial;
use super::super::shorts::{each_pair, store_each as store_each_short};
use super::Neon;
use core::arch::aarch64::*;

impl Neon {
    /// Stores the first `count` ≤ WHOLE bytes; WHOLE, usually the count, is 4, 8, 12 or 16.
    #[inline(always)]
    pub(super) fn store_bytes<const WHOLE: usize>(self, bytes: uint8x16_t, to: &mut [u8], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        // SAFETY: token.
        let [low, high] = unsafe {
            let halves = vreinterpretq_u64_u8(bytes);
            [vgetq_lane_u64::<0>(halves), vgetq_lane_u64::<1>(halves)]
        };
        match to.first_chunk_mut::<WHOLE>() {
            // SAFETY: token; `to` has 16 bytes.
            Some(to) if WHOLE == 16 => unsafe { vst1q_u8(to.as_mut_ptr(), bytes) },
            Some(to) => {
                for (to, from) in to.iter_mut().zip(low.to_le_bytes()) {
                    *to = from;
                }
                for (to, from) in to.iter_mut().skip(8).zip(high.to_le_bytes()) {
                    *to = from;
                }
            }
            None => store_partial(u128::from(low) | u128::from(high) << 64, to),
        }
    }

    /// Stores M ≤ 8 rows of 16 bytes each, `stride` apart, or nothing if they do not fit. One check for all of them.
    #[inline(always)]
    pub(super) fn store_rows<const M: usize>(
        self,
        values: [[int32x4_t; 4]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
    ) {
        let Some(to) = to.get_mut(at..) else { return };
        // With so short a stride, no product overflows.
        if stride >> 32 != 0 || M.saturating_sub(1).wrapping_mul(stride).wrapping_add(16) > to.len() {
            return;
        }
        each_row!(m, M, {
            // SAFETY: token; `to` has (M − 1) · stride + 16 bytes.
            unsafe { vst1q_u8(to.as_mut_ptr().add(m * stride), self.pack(values[m])) }
        });
    }

    /// The same of 24 bytes each.
    #[inline(always)]
    fn store_long_rows<const M: usize>(self, values: [[int32x4_t; 6]; M], to: &mut [u8], at: usize, stride: usize) {
        let Some(to) = to.get_mut(at..) else { return };
        // With so short a stride, no product overflows.
        if stride >> 32 != 0 || M.saturating_sub(1).wrapping_mul(stride).wrapping_add(24) > to.len() {
            return;
        }
        each_row!(m, M, {
            let [a, b, c, d, e, f] = values[m];
            // SAFETY: token; `to` has (M − 1) · stride + 24 bytes.
            unsafe {
                let row = to.as_mut_ptr().add(m * stride);
                vst1q_u8(row, self.pack([a, b, c, d]));
                vst1_u8(row.add(16), vqmovun_s16(vqmovn_high_s32(vqmovn_s32(e), f)));
            }
        });
    }

    /// Saturates four vectors to bytes.
    #[inline(always)]
    pub(super) fn pack(self, [a, b, c, d]: [int32x4_t; 4]) -> uint8x16_t {
        // SAFETY: token.
        unsafe {
            let ab = vqmovn_high_s32(vqmovn_s32(a), b);
            let cd = vqmovn_high_s32(vqmovn_s32(c), d);
            vqmovun_high_s16(vqmovun_s16(ab), cd)
        }
    }
}

/// Saturates four vectors of two pixels to bytes of each.
#[inline(always)]
fn pixels(_: Neon, [a, b, c, d]: [int16x8_t; 4]) -> [uint8x16_t; 2] {
    // SAFETY: token.
    unsafe {
        let ab = vreinterpretq_u32_u8(vqmovun_high_s16(vqmovun_s16(a), b));
        let cd = vreinterpretq_u32_u8(vqmovun_high_s16(vqmovun_s16(c), d));
        [vreinterpretq_u8_u32(vuzp1q_u32(ab, cd)), vreinterpretq_u8_u32(vuzp2q_u32(ab, cd))]
    }
}

/// [`Isa::store_shorts`].
#[inline(always)]
pub(super) fn store_shorts<const M: usize, const N: usize>(
    neon: Neon,
    values: [[int16x8_t; N]; M],
    to: &mut [u8],
    [at, stride]: [usize; 2],
    count: usize,
) {
    let whole = 4 * N;
    if !(const { N == 4 || N == 6 } && count == whole) {
        return store_each_short(neon, values, to, [at, stride], count);
    }
    let Some(to) = to.get_mut(at..) else { return };
    // With so short a stride, no product overflows.
    if stride >> 32 != 0 || M.saturating_sub(1).wrapping_mul(stride).wrapping_add(whole) > to.len() {
        return;
    }
    each_pair!(i, M, {
        let mut six = [values[i][0]; 6];
        for (six, value) in six.iter_mut().zip(values[i]) {
            *six = value;
        }
        let [a, b, c, d, e, f] = six;
        let [first, second] = pixels(neon, [a, b, c, d]);
        // SAFETY: token; `to` has (M − 1) · stride + 4 · N bytes.
        unsafe {
            let row = to.as_mut_ptr().add(2 * i * stride);
            vst1q_u8(row, first);
            if 2 * i + 1 < M {
                vst1q_u8(row.add(stride), second);
            }
            if N == 6 {
                let [first, second] = pixels(neon, [e, f, e, f]);
                vst1_u8(row.add(16), vget_low_u8(first));
                if 2 * i + 1 < M {
                    vst1_u8(row.add(stride + 16), vget_low_u8(second));
                }
            }
        }
    });
}

/// [`Isa::sum_codes`].
#[inline(always)]
pub(super) fn sum<const N: usize>(
    neon: Neon,
    from: &[u8],
    [at, stride]: [usize; 2],
    rows: usize,
    count: usize,
) -> [int32x4_t; N] {
    let mut sums = [neon.splat_i32(0); N];
    if N == 4 && count == 16 {
        let Some(from) = span(rows, stride, 16).and_then(|len| from.get(at..)?.get(..len)) else { return sums };
        let mut row = 0;
        while row < rows {
            // 257 codes of 255 are 65535.
            let end = rows.min(row + 257);
            // SAFETY: token.
            let mut wide = unsafe { [vdupq_n_u16(0); 2] };
            for row in row..end {
                // SAFETY: token; `from` has (rows − 1) · stride + 16 bytes, and row < rows.
                wide = unsafe {
                    let codes = vld1q_u8(from.as_ptr().add(row * stride));
                    [vaddw_u8(wide[0], vget_low_u8(codes)), vaddw_high_u8(wide[1], codes)]
                };
            }
            // SAFETY: token.
            let more = unsafe {
                [
                    vmovl_u16(vget_low_u16(wide[0])),
                    vmovl_high_u16(wide[0]),
                    vmovl_u16(vget_low_u16(wide[1])),
                    vmovl_high_u16(wide[1]),
                ]
            };
            for n in 0..N {
                // SAFETY: token.
                sums[n] = unsafe { vaddq_s32(sums[n], vreinterpretq_s32_u32(more[n])) };
            }
            row = end;
        }
        return sums;
    }
    sum_each(neon, from, [at, stride], rows, count)
}

/// [`Isa::load_tile`].
#[inline(always)]
pub(super) fn load<const M: usize, const N: usize>(
    neon: Neon,
    from: &[u8],
    [at, stride]: [usize; 2],
    count: usize,
) -> [[int32x4_t; N]; M] {
    if N == 4 && count == 16 {
        let mut tile = [[neon.splat_i32(0); N]; M];
        let Some(from) = span(M, stride, 16).and_then(|len| from.get(at..)?.get(..len)) else { return tile };
        for m in 0..M {
            // SAFETY: token; `from` has (M − 1) · stride + 16 bytes.
            let dealt = neon.deal_codes(unsafe { vld1q_u8(from.as_ptr().add(m * stride)) });
            for n in 0..N {
                tile[m][n] = dealt[n];
            }
        }
        return tile;
    }
    if N == 6 && count == 24 {
        let mut tile = [[neon.splat_i32(0); N]; M];
        let Some(from) = span(M, stride, 24).and_then(|len| from.get(at..)?.get(..len)) else { return tile };
        for m in 0..M {
            // SAFETY: token; `from` has (M − 1) · stride + 24 bytes.
            let [dealt, last] = unsafe {
                let row = from.as_ptr().add(m * stride);
                [vld1q_u8(row), vcombine_u8(vld1_u8(row.add(16)), vdup_n_u8(0))].map(|bytes| neon.deal_codes(bytes))
            };
            for n in 0..N {
                tile[m][n] = if n < 4 { dealt[n % 4] } else { last[n % 4] };
            }
        }
        return tile;
    }
    load_rows(neon, from, [at, stride], count)
}

/// [`Isa::store_tile`].
#[inline(always)]
pub(super) fn store<const M: usize, const N: usize>(
    neon: Neon,
    values: [[int32x4_t; N]; M],
    to: &mut [u8],
    [at, stride]: [usize; 2],
    count: usize,
) {
    if N == 4 && count == 16 {
        let mut fours = [[neon.splat_i32(0); 4]; M];
        for m in 0..M {
            for n in 0..N {
                fours[m][n] = values[m][n];
            }
        }
        return neon.store_rows(fours, to, at, stride);
    }
    if N == 6 && count == 24 {
        let mut sixes = [[neon.splat_i32(0); 6]; M];
        for m in 0..M {
            for n in 0..N {
                sixes[m][n] = values[m][n];
            }
        }
        return neon.store_long_rows(sixes, to, at, stride);
    }
    store_each(neon, values, to, [at, stride], count);
}
