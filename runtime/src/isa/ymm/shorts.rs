//! Sixteen bits in vectors of 256 bits.
//!
//! The SAFETY lines say *token*: a value of a type that is [`Ymm`] exists only where the CPU has AVX2.

use super::super::shorts::each_pair;
use super::super::{Isa, Shorts};
use super::{Ymm, store_bytes};
use core::arch::x86_64::*;

/// Saturates four vectors of two pixels to bytes of each, as `pack` leaves them.
#[inline(always)]
fn pixels<T: Ymm>(_token: T, [a, b, c, d]: [__m256i; 4]) -> [__m256i; 2] {
    // SAFETY: token.
    unsafe {
        let ab = _mm256_castsi256_ps(_mm256_packus_epi16(a, b));
        let cd = _mm256_castsi256_ps(_mm256_packus_epi16(c, d));
        [_mm256_castps_si256(_mm256_shuffle_ps::<0x88>(ab, cd)), _mm256_castps_si256(_mm256_shuffle_ps::<0xDD>(ab, cd))]
    }
}

impl<T: Ymm> Shorts for T {
    type I32 = __m256i;
    type F32 = __m256;
    /// Within each 128 bits the part of one pixel, then that of the other.
    type I16 = __m256i;
    /// Shifts to the right.
    type Shift = __m256i;

    #[inline(always)]
    fn shift(self, shifts: Self::I32) -> Self::Shift {
        // SAFETY: token.
        unsafe { _mm256_sub_epi32(_mm256_set1_epi32(16), shifts) }
    }

    #[inline(always)]
    fn shorts(self, [a, b]: [Self::I32; 2], shift: Self::Shift) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_packs_epi32(_mm256_srav_epi32(a, shift), _mm256_srav_epi32(b, shift)) }
    }

    #[inline(always)]
    fn both(self, whole: Self::F32) -> Self::I16 {
        let whole = self.to_i32(whole);
        // SAFETY: token.
        unsafe { _mm256_packs_epi32(whole, whole) }
    }

    #[inline(always)]
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_mulhrs_epi16(a, b) }
    }

    #[inline(always)]
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_add_epi16(a, b) }
    }

    #[inline(always)]
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_subs_epi16(a, b) }
    }

    #[inline(always)]
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_min_epi16(_mm256_max_epi16(a, _mm256_setzero_si256()), top) }
    }

    #[inline(always)]
    fn split(self, two: Self::I16) -> [Self::I32; 2] {
        // SAFETY: token. Each number twice, and then the upper one of both, signed.
        unsafe {
            [
                _mm256_srai_epi32::<16>(_mm256_unpacklo_epi16(two, two)),
                _mm256_srai_epi32::<16>(_mm256_unpackhi_epi16(two, two)),
            ]
        }
    }

    #[inline(always)]
    fn store_shorts<const M: usize, const N: usize>(
        self,
        values: [[Self::I16; N]; M],
        to: &mut [u8],
        [at, stride]: [usize; 2],
        count: usize,
    ) {
        each_pair!(i, M, {
            let mut four = [values[i][0]; 4];
            for (four, value) in four.iter_mut().zip(values[i]) {
                *four = value;
            }
            let (at, two) = (at + 2 * i * stride, 2 * i + 1 < M);
            if const { N <= 2 } {
                // SAFETY: token. Part h of vector n of a pixel goes from dword 4h + 2n to 2n + h, that of the other one from the dword behind.
                let bytes = unsafe {
                    let packed = _mm256_packus_epi16(four[0], four[1]);
                    if N == 1 {
                        _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 0, 4, 1, 5, 1, 5))
                    } else {
                        _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7))
                    }
                };
                if N == 2 && two && count == 16 && stride == 16 {
                    store_bytes(self, bytes, to, at, 32);
                } else {
                    store_bytes(self, bytes, to, at, count.min(16));
                    if two {
                        // SAFETY: token.
                        let second = unsafe { _mm256_castsi128_si256(_mm256_extracti128_si256::<1>(bytes)) };
                        store_bytes(self, second, to, at + stride, count.min(16));
                    }
                }
            } else {
                let [first, second] = pixels(self, four);
                // SAFETY: token. Part h of vector n goes from dword 4h + n to 2n + h.
                let natural =
                    |packed| unsafe { _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)) };
                store_bytes(self, natural(first), to, at, count.min(32));
                if two {
                    store_bytes(self, natural(second), to, at + stride, count.min(32));
                }
            }
        });
    }

    #[inline(always)]
    fn store_dealt_shorts<const M: usize>(
        self,
        values: [[Self::I16; 4]; M],
        to: &mut [u8],
        [at, stride]: [usize; 2],
        count: usize,
    ) {
        each_pair!(i, M, {
            let [first, second] = pixels(self, values[i]);
            store_bytes(self, first, to, at + 2 * i * stride, count.min(32));
            if 2 * i + 1 < M {
                store_bytes(self, second, to, at + (2 * i + 1) * stride, count.min(32));
            }
        });
    }
}
