//! Sixteen bits in vectors of 512 bits.
//!
//! The SAFETY lines say *token*: a value of [`Avx512Vnni`] exists only where the CPU has the features.

use super::Avx512Vnni;
use crate::isa::each::span;
use crate::isa::{Isa, Shorts, each_pair};
use core::arch::x86_64::*;

impl Shorts for Avx512Vnni {
    type I32 = __m512i;
    type F32 = __m512;
    /// Within each 128 bits the part of one pixel, then that of the other.
    type I16 = __m512i;
    /// Shifts to the right.
    type Shift = __m512i;

    #[inline(always)]
    fn shift(self, shifts: Self::I32) -> Self::Shift {
        // SAFETY: token.
        unsafe { _mm512_sub_epi32(_mm512_set1_epi32(16), shifts) }
    }

    #[inline(always)]
    fn shorts(self, [a, b]: [Self::I32; 2], shift: Self::Shift) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_packs_epi32(_mm512_srav_epi32(a, shift), _mm512_srav_epi32(b, shift)) }
    }

    #[inline(always)]
    fn both(self, whole: Self::F32) -> Self::I16 {
        let whole = self.to_i32(whole);
        // SAFETY: token.
        unsafe { _mm512_packs_epi32(whole, whole) }
    }

    #[inline(always)]
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_mulhrs_epi16(a, b) }
    }

    #[inline(always)]
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_add_epi16(a, b) }
    }

    #[inline(always)]
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_subs_epi16(a, b) }
    }

    #[inline(always)]
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_min_epi16(_mm512_max_epi16(a, _mm512_setzero_si512()), top) }
    }

    #[inline(always)]
    fn split(self, two: Self::I16) -> [Self::I32; 2] {
        // SAFETY: token. Each number twice, and then the upper one of both, signed.
        unsafe {
            [
                _mm512_srai_epi32::<16>(_mm512_unpacklo_epi16(two, two)),
                _mm512_srai_epi32::<16>(_mm512_unpackhi_epi16(two, two)),
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
        self.store_rows(values, to, [at, stride], count);
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
            let [first, second] = self.of_pixels(values[i]);
            self.store_bytes(first, to, at + 2 * i * stride, count.min(64));
            if 2 * i + 1 < M {
                self.store_bytes(second, to, at + (2 * i + 1) * stride, count.min(64));
            }
        });
    }

    #[inline(always)]
    fn now_short(self, value: Self::I16) -> Self::I16 {
        self.now(value)
    }
}

impl Avx512Vnni {
    /// Saturates four vectors of two pixels to bytes of each, as [`Avx512Vnni::pack`] leaves them.
    #[inline(always)]
    fn of_pixels(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 2] {
        // SAFETY: token.
        unsafe {
            let ab = _mm512_castsi512_ps(_mm512_packus_epi16(a, b));
            let cd = _mm512_castsi512_ps(_mm512_packus_epi16(c, d));
            [
                _mm512_castps_si512(_mm512_shuffle_ps::<0x88>(ab, cd)),
                _mm512_castps_si512(_mm512_shuffle_ps::<0xDD>(ab, cd)),
            ]
        }
    }

    /// [`Shorts::store_shorts`].
    #[inline(always)]
    fn store_rows<const M: usize, const N: usize>(
        self,
        values: [[__m512i; N]; M],
        to: &mut [u8],
        [at, stride]: [usize; 2],
        count: usize,
    ) {
        let count = count.min(16 * N);
        let Some(to) = span(M, stride, count).and_then(|len| to.get_mut(at..)?.get_mut(..len)) else { return };
        each_pair!(i, M, {
            let mut four = [values[i][0]; 4];
            for (four, value) in four.iter_mut().zip(values[i]) {
                *four = value;
            }
            let (at, other) = (2 * i * stride, 2 * i + 1 < M);
            if const { N <= 2 } {
                let both = self.narrow_rows::<N>(four);
                if other && stride == 16 * N && count == 16 * N {
                    // SAFETY: `to` has (M − 1) · stride + count bytes.
                    self.fill(both, unsafe { to.get_unchecked_mut(at..at + 32 * N) });
                } else {
                    // SAFETY: as above.
                    self.fill(both, unsafe { to.get_unchecked_mut(at..at + count) });
                    if other {
                        // SAFETY: token, and as above.
                        unsafe {
                            let second = _mm512_shuffle_i64x2::<0b00_00_11_10>(both, both);
                            let second = if N == 1 { _mm512_shuffle_i64x2::<1>(both, both) } else { second };
                            self.fill(second, to.get_unchecked_mut(at + stride..at + stride + count));
                        }
                    }
                }
            } else {
                let [first, second] = self.of_pixels(four);
                // SAFETY: as above.
                self.fill(self.side_by_side(first), unsafe { to.get_unchecked_mut(at..at + count) });
                if other {
                    // SAFETY: as above.
                    self.fill(self.side_by_side(second), unsafe {
                        to.get_unchecked_mut(at + stride..at + stride + count)
                    });
                }
            }
        });
    }

    /// Bytes of one or two vectors of two pixels, pixel by pixel.
    #[inline(always)]
    fn narrow_rows<const N: usize>(self, [a, b, ..]: [__m512i; 4]) -> __m512i {
        // SAFETY: token. Part h of vector n of a pixel goes from dword 4h + 2n to 4n + h, that of the other one from the dword behind it.
        unsafe {
            let order = if N == 1 {
                _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13)
            } else {
                _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15)
            };
            _mm512_permutexvar_epi32(order, _mm512_packus_epi16(a, b))
        }
    }
}
