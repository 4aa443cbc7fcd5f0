//! Gates in vectors of 512 bits: each 128 bits have four channels of four outputs.
//!
//! The SAFETY lines say *token*: a value of [`Avx512Vnni`] exists only where the CPU has the features.

use super::Avx512Vnni;
use crate::isa::{Gates, Shorts};
use core::arch::x86_64::*;

impl Gates for Avx512Vnni {
    /// Of the outputs in the lower halves of each 128 bits, and of the others; two sums of each.
    type Rest = [__m512i; 2];

    #[inline(always)]
    fn none(self) -> Self::I16 {
        self.splat_short(0)
    }

    #[inline(always)]
    fn widen(self, from: &[u8]) -> [Self::I16; 4] {
        self.widened(from, |w| w)
    }

    #[inline(always)]
    fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4] {
        // SAFETY: token.
        self.widened(from, |w| unsafe { _mm512_abs_epi8(w) })
    }

    #[inline(always)]
    fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4] {
        let from = eight.as_flattened().as_ptr().cast::<i64>();
        // SAFETY: token; 16 bytes are there.
        let [a, b] =
            unsafe { [_mm512_set1_epi64(from.read_unaligned()), _mm512_set1_epi64(from.add(1).read_unaligned())] };
        [a, a, b, b]
    }

    #[inline(always)]
    fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_max_epi16(a, b) }
    }

    #[inline(always)]
    fn of_outputs(self, [a, b, c, d]: [Self::I16; 4]) -> Self::I32 {
        // SAFETY: token.
        unsafe {
            // The largest of each 64 bits in their lower 16.
            let largest = |a: __m512i| {
                let a = _mm512_max_epi16(a, _mm512_srli_epi64::<32>(a));
                _mm512_castsi512_ps(_mm512_max_epi16(a, _mm512_srli_epi64::<16>(a)))
            };
            let (low, high) = (largest(_mm512_max_epi16(a, c)), largest(_mm512_max_epi16(b, d)));
            let outputs = _mm512_castps_si512(_mm512_shuffle_ps::<0b10_00_10_00>(low, high));
            _mm512_and_si512(outputs, _mm512_set1_epi32(0xFFFF))
        }
    }

    #[inline(always)]
    fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4] {
        // SAFETY: token.
        unsafe {
            let twice =
                _mm512_or_si512(_mm512_and_si512(numbers, _mm512_set1_epi32(0xFFFF)), _mm512_slli_epi32::<16>(numbers));
            let (low, high) = (_mm512_unpacklo_epi32(twice, twice), _mm512_unpackhi_epi32(twice, twice));
            [low, high, low, high]
        }
    }

    #[inline(always)]
    fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { _mm512_add_epi16(sum, _mm512_mullo_epi16(a, b)) }
    }

    #[inline(always)]
    fn put_upper(self, [a, b, c, d]: [Self::I16; 4], to: &mut [u8]) {
        // SAFETY: token.
        let upper = |a: __m512i| unsafe { _mm512_srai_epi16::<8>(_mm512_add_epi16(a, _mm512_set1_epi16(128))) };
        if let Some(to) = to.first_chunk_mut::<64>() {
            // SAFETY: token; 64 bytes are there. Packing undoes unpacking.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_packs_epi16(upper(a), upper(b))) }
        }
        if let Some(to) = to.get_mut(64..).and_then(<[u8]>::first_chunk_mut::<64>) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_packs_epi16(upper(c), upper(d))) }
        }
    }

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        [self.splat_short(0); 2]
    }

    #[inline(always)]
    fn rest(self, [low, high]: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        let from = means.as_ptr().cast::<i32>();
        // SAFETY: token; 8 bytes are there.
        unsafe {
            let lower = |a: __m512i| _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(a));
            let mean = |four: i32| _mm512_cvtepi8_epi16(_mm256_set1_epi32(four));
            let (first, second) = (mean(from.read_unaligned()), mean(from.add(1).read_unaligned()));
            let (low, high) = (_mm512_dpwssd_epi32(low, lower(a), first), _mm512_dpwssd_epi32(high, lower(b), first));
            [_mm512_dpwssd_epi32(low, lower(c), second), _mm512_dpwssd_epi32(high, lower(d), second)]
        }
    }

    #[inline(always)]
    fn rests(self, [low, high]: Self::Rest) -> Self::I32 {
        // SAFETY: token.
        unsafe {
            let (low, high) = (_mm512_castsi512_ps(low), _mm512_castsi512_ps(high));
            let even = _mm512_castps_si512(_mm512_shuffle_ps::<0b10_00_10_00>(low, high));
            let odd = _mm512_castps_si512(_mm512_shuffle_ps::<0b11_01_11_01>(low, high));
            _mm512_add_epi32(even, odd)
        }
    }
}

impl Avx512Vnni {
    /// Of 128 bytes what `change` makes of them, 256 times.
    #[inline(always)]
    fn widened(self, from: &[u8], change: impl Fn(__m512i) -> __m512i) -> [__m512i; 4] {
        let Some(from) = from.first_chunk::<128>() else { return [self.splat_short(0); 4] };
        // SAFETY: token; 128 bytes are there.
        unsafe {
            let zero = _mm512_setzero_si512();
            let a = change(_mm512_loadu_si512(from.as_ptr().cast()));
            let b = change(_mm512_loadu_si512(from.as_ptr().add(64).cast()));
            [
                _mm512_unpacklo_epi8(zero, a),
                _mm512_unpackhi_epi8(zero, a),
                _mm512_unpacklo_epi8(zero, b),
                _mm512_unpackhi_epi8(zero, b),
            ]
        }
    }

    /// All lanes the same.
    #[inline(always)]
    fn splat_short(self, value: i16) -> <Self as Shorts>::I16 {
        // SAFETY: token.
        unsafe { _mm512_set1_epi16(value) }
    }
}
