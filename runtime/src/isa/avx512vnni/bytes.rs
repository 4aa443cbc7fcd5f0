//! Vectors as bytes: saturated, put in order, stored as far as there is room.
//!
//! The SAFETY lines say *token*: a value of [`Avx512Vnni`] exists only where the CPU has the features.

use super::Avx512Vnni;
use crate::isa::Isa;
use crate::isa::each::span;
use crate::layer::FINE_TOP;
use core::arch::x86_64::*;

impl Avx512Vnni {
    /// Stores the first `count` ≤ 64 bytes.
    #[inline(always)]
    pub(super) fn store_bytes(self, bytes: __m512i, to: &mut [u8], at: usize, count: usize) {
        if let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) {
            self.fill(bytes, to);
        }
    }

    /// Stores the first bytes, as many as `to` has, at most 64.
    #[inline(always)]
    pub(super) fn fill(self, bytes: __m512i, to: &mut [u8]) {
        if to.len() == 64 {
            // SAFETY: token; `to` has 64 bytes.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), bytes) }
        } else if to.len().is_multiple_of(8) {
            self.store_parts(bytes, to);
        } else {
            // SAFETY: token; the mask selects the bytes that `to` has.
            unsafe { _mm512_mask_storeu_epi8(to.as_mut_ptr().cast(), first(to.len()), bytes) }
        }
    }

    /// The first bytes, as many as `to` has of 8 + 16 + 32: stores by mask are many times as slow on some CPUs.
    #[inline(always)]
    fn store_parts(self, bytes: __m512i, to: &mut [u8]) {
        let (whole, rest) = to.as_chunks_mut::<32>();
        let mut left = bytes;
        if let Some(to) = whole.first_mut() {
            // SAFETY: token; 32 bytes.
            unsafe {
                _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_castsi512_si256(bytes));
                left = _mm512_shuffle_i64x2::<0b00_00_11_10>(bytes, bytes);
            }
        }
        // SAFETY: token.
        let mut left = unsafe { _mm512_castsi512_si256(left) };
        let (whole, rest) = rest.as_chunks_mut::<16>();
        if let Some(to) = whole.first_mut() {
            // SAFETY: token; 16 bytes.
            unsafe {
                _mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_castsi256_si128(left));
                left = _mm256_castsi128_si256(_mm256_extracti128_si256::<1>(left));
            }
        }
        if let Some(to) = rest.first_chunk_mut::<8>() {
            // SAFETY: token; 8 bytes.
            unsafe { _mm_storel_epi64(to.as_mut_ptr().cast(), _mm256_castsi256_si128(left)) }
        }
    }

    /// N vectors of codes side by side, saturated.
    #[inline(always)]
    pub(super) fn codes<const N: usize>(self, values: [__m512i; N]) -> __m512i {
        let mut four = [self.splat_i32(0); 4];
        for (four, value) in four.iter_mut().zip(values) {
            *four = value;
        }
        self.side_by_side(self.pack(four))
    }

    /// Vector by vector what [`Avx512Vnni::pack`] gives.
    #[inline(always)]
    pub(super) fn side_by_side(self, packed: __m512i) -> __m512i {
        // SAFETY: token. Part h of vector n goes from dword 4h + n to 4n + h.
        unsafe {
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_permutexvar_epi32(order, packed)
        }
    }

    /// Transposes four vectors of four 128-bit parts: natural order to dealt, and back.
    #[inline(always)]
    pub(super) fn deal(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: token.
        unsafe {
            let (ab_low, cd_low) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0x44>(c, d));
            let (ab_high, cd_high) = (_mm512_shuffle_i32x4::<0xEE>(a, b), _mm512_shuffle_i32x4::<0xEE>(c, d));
            [
                _mm512_shuffle_i32x4::<0x88>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0xDD>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high),
                _mm512_shuffle_i32x4::<0xDD>(ab_high, cd_high),
            ]
        }
    }

    /// Saturates four vectors to bytes; within each 128 bits, the parts of the four vectors lie side by side.
    #[inline(always)]
    pub(super) fn pack(self, [a, b, c, d]: [__m512i; 4]) -> __m512i {
        // SAFETY: token.
        unsafe { _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)) }
    }

    /// As [`Avx512Vnni::pack`], the high and the low parts of four vectors of fine codes, saturated.
    #[inline(always)]
    pub(super) fn fine_parts(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 2] {
        // SAFETY: token.
        unsafe {
            let top = _mm512_set1_epi16(FINE_TOP as i16);
            let ab = _mm512_min_epu16(_mm512_packus_epi32(a, b), top);
            let cd = _mm512_min_epu16(_mm512_packus_epi32(c, d), top);
            let low = _mm512_set1_epi16(15);
            [
                _mm512_packus_epi16(_mm512_srli_epi16::<4>(ab), _mm512_srli_epi16::<4>(cd)),
                _mm512_packus_epi16(_mm512_and_si512(ab, low), _mm512_and_si512(cd, low)),
            ]
        }
    }

    /// As [`Avx512Vnni::codes`], both parts of fine codes.
    #[inline(always)]
    pub(super) fn fine_codes<const N: usize>(self, values: [__m512i; N]) -> [__m512i; 2] {
        let mut four = [self.splat_i32(0); 4];
        for (four, value) in four.iter_mut().zip(values) {
            *four = value;
        }
        self.fine_parts(four).map(|packed| self.side_by_side(packed))
    }

    /// Both parts of sixteen codes of four pixels, `stride` ≥ 32 bytes apart, the low parts half of that behind the others.
    #[inline(always)]
    pub(super) fn store_four(self, [high, low]: [__m512i; 2], to: &mut [u8], [at, stride]: [usize; 2]) {
        if stride == 32 {
            let [first, second] = self.beside([high, low]);
            self.store_bytes(first, to, at, 64);
            return self.store_bytes(second, to, at + 64, 64);
        }
        self.store_pixels_of(high, to, [at, stride], 4, 16);
        self.store_pixels_of(low, to, [at + stride / 2, stride], 4, 16);
    }

    /// Sixteen bytes of `high`, sixteen of `low`, and so on.
    #[inline(always)]
    pub(super) fn beside(self, [high, low]: [__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: token.
        unsafe {
            [
                _mm512_permutex2var_epi64(high, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), low),
                _mm512_permutex2var_epi64(high, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), low),
            ]
        }
    }

    /// Stores the first `count` ≤ 16 of the sixteen bytes of each of the first `pixels` of four pixels, `step` bytes apart.
    #[inline(always)]
    pub(super) fn store_pixels_of(
        self,
        packed: __m512i,
        to: &mut [u8],
        [at, step]: [usize; 2],
        pixels: usize,
        count: usize,
    ) {
        if step == 16 && count == 16 && pixels >= 4 {
            return self.store_bytes(packed, to, at, 64);
        }
        let mask = first(count.min(16)) as __mmask16;
        // SAFETY: token.
        let parts = unsafe {
            [
                _mm512_castsi512_si128(packed),
                _mm512_extracti32x4_epi32::<1>(packed),
                _mm512_extracti32x4_epi32::<2>(packed),
                _mm512_extracti32x4_epi32::<3>(packed),
            ]
        };
        for h in 0..4 {
            let Some(to) = to.get_mut(at + h * step..).and_then(|rest| rest.get_mut(..count)) else { return };
            if h >= pixels {
                return;
            }
            if let Some(to) = to.first_chunk_mut::<16>() {
                // Stores by mask are many times as slow on some CPUs.
                // SAFETY: token; 16 bytes.
                unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), parts[h]) }
            } else {
                // SAFETY: token; the mask selects at most `count` bytes, which `to` has.
                unsafe { _mm_mask_storeu_epi8(to.as_mut_ptr().cast(), mask, parts[h]) }
            }
        }
    }

    /// Sums of `count` ≤ 64 codes over `rows` rows, `stride` codes apart: four rows at a time, as if they were taps whose weights are one.
    #[inline(always)]
    pub(super) fn sum_block(self, from: &[u8], [at, stride]: [usize; 2], rows: usize, count: usize) -> [__m512i; 4] {
        let mut sums = [self.splat_i32(0); 4];
        let Some(from) = span(rows, stride, count).and_then(|len| from.get(at..)?.get(..len)) else { return sums };
        let mut row = 0;
        while row < rows {
            let mut taps = [self.splat_i32(0); 4];
            for t in 0..4 {
                if row + t < rows {
                    let codes = from.as_ptr().wrapping_add((row + t) * stride);
                    // SAFETY: token; `from` has (rows − 1) · stride + count bytes, and the mask selects no others of the row.
                    taps[t] = unsafe { _mm512_maskz_loadu_epi8(first(count), codes.cast()) };
                }
            }
            let taps = self.interleave(taps);
            for n in 0..4 {
                // SAFETY: token.
                sums[n] = unsafe { _mm512_dpbusd_epi32(sums[n], taps[n], _mm512_set1_epi8(1)) };
            }
            row += 4;
        }
        self.deal(sums)
    }
}

/// A mask of the first `count` ≤ 64.
#[inline(always)]
pub(super) fn first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}
