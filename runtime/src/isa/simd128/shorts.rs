//! Sixteen bits in WebAssembly.

use super::Simd128;
use crate::isa::{Isa, Shorts};
use core::arch::wasm32::*;

impl Shorts for Simd128 {
    type I32 = v128;
    type F32 = v128;
    /// The vector of one pixel, then that of the other.
    type I16 = v128;
    /// What is multiplied with, and from where to where.
    type Shift = [v128; 3];

    #[inline(always)]
    fn shift(self, shifts: Self::I32) -> Self::Shift {
        // No instruction shifts lanes by different amounts, and none saturates.
        let lanes = [
            i32x4_extract_lane::<0>(shifts),
            i32x4_extract_lane::<1>(shifts),
            i32x4_extract_lane::<2>(shifts),
            i32x4_extract_lane::<3>(shifts),
        ];
        let [a, b, c, d] = lanes.map(|shift| 1i32.wrapping_shl(shift as u32));
        let [e, f, g, h] = lanes.map(|shift| i32::MIN.wrapping_shr(shift as u32));
        let from = i32x4(e, f, g, h);
        [i32x4(a, b, c, d), from, v128_not(from)]
    }

    #[inline(always)]
    fn shorts(self, [a, b]: [Self::I32; 2], [factor, from, to]: Self::Shift) -> Self::I16 {
        let a = i32x4_mul(i32x4_min(i32x4_max(a, from), to), factor);
        let b = i32x4_mul(i32x4_min(i32x4_max(b, from), to), factor);
        i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(a, b)
    }

    #[inline(always)]
    fn both(self, whole: Self::F32) -> Self::I16 {
        let whole = self.to_i32(whole);
        i16x8_narrow_i32x4(whole, whole)
    }

    #[inline(always)]
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        i16x8_q15mulr_sat(a, b)
    }

    #[inline(always)]
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        i16x8_add(a, b)
    }

    #[inline(always)]
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        i16x8_sub_sat(a, b)
    }

    #[inline(always)]
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16 {
        i16x8_min(i16x8_max(a, i16x8_splat(0)), top)
    }

    #[inline(always)]
    fn split(self, two: Self::I16) -> [Self::I32; 2] {
        [i32x4_extend_low_i16x8(two), i32x4_extend_high_i16x8(two)]
    }
}
