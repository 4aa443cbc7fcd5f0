//! Pixels of a picture as lanes: their taps out of its rows, and channels back side by side.
//!
//! Lane 4L + i of a vector is pixel 4i + L. So transposing dwords within 128 bits, which is one instruction, leaves four pixels after one another.
//!
//! The SAFETY lines say *token*: a value of [`Avx512Vnni`] exists only where the CPU has the features.

use super::Avx512Vnni;
use core::arch::x86_64::*;

/// Words of the taps of lane 4L + i, of three quads: pixels are six bytes apart.
const ORDER: [[i32; 16]; 3] = {
    let mut order = [[0; 16]; 3];
    let mut lane = 0;
    while lane < 16 {
        let mut q = 0;
        while q < 3 {
            let word = 3 * (4 * (lane % 4) + lane / 4) + 2 * q;
            order[q][lane] = word as i32 | (word as i32 + 1) << 16;
            q += 1;
        }
        lane += 1;
    }
    order
};

impl Avx512Vnni {
    /// [`Isa::pixel_quads`](crate::isa::Isa::pixel_quads).
    #[inline(always)]
    pub(super) fn quads(self, bytes: &[u8; 128], before: usize, pad: &[u8; 128]) -> [__m512i; 3] {
        let (start, before) = (bytes.as_ptr(), before.min(63));
        // SAFETY: token; the first mask selects bytes that are there, as are 64 from there on, and 64 of each order.
        unsafe {
            let pad = _mm512_loadu_si512(pad.as_ptr().cast());
            let low = _mm512_mask_loadu_epi8(pad, u64::MAX << before, start.wrapping_sub(before).cast());
            let high = _mm512_loadu_si512(start.wrapping_add(64 - before).cast());
            let quad = |q: usize| _mm512_permutex2var_epi16(low, _mm512_loadu_si512(ORDER[q].as_ptr().cast()), high);
            [quad(0), quad(1), quad(2)]
        }
    }

    /// Four channels of a pixel in each lane, from their bytes as [`Avx512Vnni::pack`] leaves them.
    #[inline(always)]
    pub(super) fn by_lane(self, packed: __m512i) -> __m512i {
        // SAFETY: token.
        unsafe {
            let order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
            _mm512_shuffle_epi8(packed, order)
        }
    }

    /// Sixteen channels of pixels 4i to 4i + 3 in vector i, 128 bits each, from four channels of all pixels in each of four vectors.
    #[inline(always)]
    pub(super) fn sixteen_channels(self, [a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: token.
        unsafe {
            let low = [_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d)];
            let high = [_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d)];
            [
                _mm512_unpacklo_epi64(low[0], low[1]),
                _mm512_unpackhi_epi64(low[0], low[1]),
                _mm512_unpacklo_epi64(high[0], high[1]),
                _mm512_unpackhi_epi64(high[0], high[1]),
            ]
        }
    }

    /// Stores sixteen channels of each of sixteen pixels, `stride` bytes apart. (Whether all are there is asked once; asking for each
    /// four took a tenth longer.)
    #[inline(always)]
    pub(super) fn store_sixteen(self, pixels: [__m512i; 4], to: &mut [u8], stride: usize) {
        let Some(to) = to.get_mut(..15 * stride + 16) else { return };
        for (i, four) in pixels.into_iter().enumerate() {
            let to = to.as_mut_ptr().wrapping_add(4 * i * stride);
            // SAFETY: token; sixteen bytes of each pixel are there, and side by side 64 of four.
            unsafe {
                if stride == 16 {
                    _mm512_storeu_si512(to.cast(), four);
                } else {
                    _mm_storeu_si128(to.cast(), _mm512_castsi512_si128(four));
                    _mm_storeu_si128(to.wrapping_add(stride).cast(), _mm512_extracti32x4_epi32::<1>(four));
                    _mm_storeu_si128(to.wrapping_add(2 * stride).cast(), _mm512_extracti32x4_epi32::<2>(four));
                    _mm_storeu_si128(to.wrapping_add(3 * stride).cast(), _mm512_extracti32x4_epi32::<3>(four));
                }
            }
        }
    }

    /// Stores both planes of sixteen channels, those of a pixel side by side.
    #[inline(always)]
    pub(super) fn store_both(self, [high, low]: [[__m512i; 4]; 2], to: &mut [u8]) {
        let Some(to) = to.first_chunk_mut::<512>() else { return };
        for i in 0..4 {
            let to = to.as_mut_ptr().wrapping_add(128 * i);
            let [first, second] = self.beside([high[i], low[i]]);
            // SAFETY: token; 128 bytes of four pixels are there.
            unsafe {
                _mm512_storeu_si512(to.cast(), first);
                _mm512_storeu_si512(to.wrapping_add(64).cast(), second);
            }
        }
    }
}
