//! Gates in vectors of 256 bits.
//!
//! ```text
//! four channels side by side    each 128 bits have four channels of four outputs
//! two channels                  the lower 128 bits have channels 0 and 1 of all eight outputs, the upper ones 2 and 3
//! ```
//!
//! The SAFETY lines say *token*: a value of a type that is [`Ymm`] exists only where the CPU has AVX2.

use super::super::Gates;
use super::Ymm;
use crate::pack::grouped_by_four;
use core::arch::x86_64::*;

/// The lower halves of two vectors, and the upper ones.
#[inline(always)]
fn halves<T: Ymm>(_token: T, a: __m256i, b: __m256i) -> [__m256i; 2] {
    // SAFETY: token.
    unsafe { [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)] }
}

/// Of 64 bytes what `change` makes of them, 256 times.
#[inline(always)]
fn widened<T: Ymm>(_token: T, from: &[u8], change: impl Fn(__m256i) -> __m256i) -> [__m256i; 4] {
    // SAFETY: token.
    let zero = unsafe { _mm256_setzero_si256() };
    let Some(from) = from.first_chunk::<64>() else { return [zero; 4] };
    // SAFETY: token; 64 bytes are there.
    unsafe {
        let a = change(_mm256_loadu_si256(from.as_ptr().cast()));
        let b = change(_mm256_loadu_si256(from.as_ptr().add(32).cast()));
        [
            _mm256_unpacklo_epi8(zero, a),
            _mm256_unpackhi_epi8(zero, a),
            _mm256_unpacklo_epi8(zero, b),
            _mm256_unpackhi_epi8(zero, b),
        ]
    }
}

/// Two dwords, each where its channels are.
#[inline(always)]
fn spread<T: Ymm>(_token: T, both: i64) -> __m256i {
    // SAFETY: token.
    unsafe {
        let both = _mm256_set1_epi64x(both);
        if const { grouped_by_four(T::NAME) } {
            both
        } else {
            _mm256_permutevar8x32_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1))
        }
    }
}

impl<T: Ymm> Gates for T {
    /// Of the outputs in the lower halves of each 128 bits, and of the others; two sums of each.
    type Rest = [__m256i; 2];

    #[inline(always)]
    fn none(self) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    fn widen(self, from: &[u8]) -> [Self::I16; 4] {
        widened(self, from, |w| w)
    }

    #[inline(always)]
    fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4] {
        // SAFETY: token.
        widened(self, from, |w| unsafe { _mm256_abs_epi8(w) })
    }

    #[inline(always)]
    fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4] {
        let from = eight.as_flattened().as_ptr().cast::<i64>();
        // SAFETY: 16 bytes are there.
        let (a, b) = unsafe { (spread(self, from.read_unaligned()), spread(self, from.add(1).read_unaligned())) };
        [a, a, b, b]
    }

    #[inline(always)]
    fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_max_epi16(a, b) }
    }

    #[inline(always)]
    fn of_outputs(self, [a, b, c, d]: [Self::I16; 4]) -> Self::I32 {
        // SAFETY: token.
        unsafe {
            let (low, high) = (_mm256_max_epi16(a, c), _mm256_max_epi16(b, d));
            let outputs = if const { grouped_by_four(T::NAME) } {
                let (a, b) = (_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
                let even = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
                _mm256_max_epi16(even, _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b)))
            } else {
                let [first, second] = halves(self, low, high);
                _mm256_max_epi16(first, second)
            };
            let largest = _mm256_max_epi16(outputs, _mm256_srli_epi32::<16>(outputs));
            _mm256_and_si256(largest, _mm256_set1_epi32(0xFFFF))
        }
    }

    #[inline(always)]
    fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4] {
        // SAFETY: token.
        unsafe {
            let twice =
                _mm256_or_si256(_mm256_and_si256(numbers, _mm256_set1_epi32(0xFFFF)), _mm256_slli_epi32::<16>(numbers));
            let [low, high] = if const { grouped_by_four(T::NAME) } {
                [_mm256_unpacklo_epi32(twice, twice), _mm256_unpackhi_epi32(twice, twice)]
            } else {
                halves(self, twice, twice)
            };
            [low, high, low, high]
        }
    }

    #[inline(always)]
    fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm256_add_epi16(sum, _mm256_mullo_epi16(a, b)) }
    }

    #[inline(always)]
    fn put_upper(self, [a, b, c, d]: [Self::I16; 4], to: &mut [u8]) {
        // SAFETY: token.
        let upper = |a: __m256i| unsafe { _mm256_srai_epi16::<8>(_mm256_add_epi16(a, _mm256_set1_epi16(128))) };
        if let Some(to) = to.first_chunk_mut::<32>() {
            // SAFETY: token; 32 bytes are there. Packing undoes unpacking.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_packs_epi16(upper(a), upper(b))) }
        }
        if let Some(to) = to.get_mut(32..).and_then(<[u8]>::first_chunk_mut::<32>) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_packs_epi16(upper(c), upper(d))) }
        }
    }

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        // SAFETY: token.
        [unsafe { _mm256_setzero_si256() }; 2]
    }

    #[inline(always)]
    fn rest(self, [low, high]: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        let from = means.as_ptr().cast::<i32>();
        // SAFETY: token; 8 bytes are there.
        unsafe {
            let lower = |a: __m256i| _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(a));
            let mean = |four: i32| spread(self, _mm_cvtsi128_si64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four))));
            let (first, second) = (mean(from.read_unaligned()), mean(from.add(1).read_unaligned()));
            let (low, high) = (self.dot_pair(low, lower(a), first), self.dot_pair(high, lower(b), first));
            [self.dot_pair(low, lower(c), second), self.dot_pair(high, lower(d), second)]
        }
    }

    #[inline(always)]
    fn rests(self, [low, high]: Self::Rest) -> Self::I32 {
        // SAFETY: token.
        unsafe {
            if const { grouped_by_four(T::NAME) } {
                _mm256_hadd_epi32(low, high)
            } else {
                let [first, second] = halves(self, low, high);
                _mm256_add_epi32(first, second)
            }
        }
    }
}
