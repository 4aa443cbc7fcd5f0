//! Gates in WebAssembly: two channels of four outputs, then the next two.

use super::Simd128;
use crate::isa::Gates;
use core::arch::wasm32::*;

/// Of 32 bytes what `change` makes of them, 256 times.
#[inline(always)]
fn widened(from: &[u8], change: impl Fn(v128) -> v128) -> [v128; 4] {
    let zero = i16x8_splat(0);
    let Some(from) = from.first_chunk::<32>() else { return [zero; 4] };
    // SAFETY: 32 bytes are there.
    let (a, b) = unsafe { (v128_load(from.as_ptr().cast()), v128_load(from.as_ptr().add(16).cast())) };
    let (a, b) = (change(a), change(b));
    let low = |a| i8x16_shuffle::<16, 0, 17, 1, 18, 2, 19, 3, 20, 4, 21, 5, 22, 6, 23, 7>(a, zero);
    let high = |a| i8x16_shuffle::<16, 8, 17, 9, 18, 10, 19, 11, 20, 12, 21, 13, 22, 14, 23, 15>(a, zero);
    [low(a), high(a), low(b), high(b)]
}

impl Gates for Simd128 {
    type Rest = v128;

    #[inline(always)]
    fn none(self) -> Self::I16 {
        i16x8_splat(0)
    }

    #[inline(always)]
    fn widen(self, from: &[u8]) -> [Self::I16; 4] {
        widened(from, |w| w)
    }

    #[inline(always)]
    fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4] {
        widened(from, |w| i8x16_abs(w))
    }

    #[inline(always)]
    fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4] {
        let [a, b, c, d, e, f, g, h] = *eight;
        [[a, b], [c, d], [e, f], [g, h]].map(|[a, b]| i32x4_splat(i32::from_le_bytes([a[0], a[1], b[0], b[1]])))
    }

    #[inline(always)]
    fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        i16x8_max(a, b)
    }

    #[inline(always)]
    fn of_outputs(self, [a, b, c, d]: [Self::I16; 4]) -> Self::I32 {
        let all = i16x8_max(i16x8_max(a, b), i16x8_max(c, d));
        v128_and(i16x8_max(all, u32x4_shr(all, 16)), i32x4_splat(0xFFFF))
    }

    #[inline(always)]
    fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4] {
        [v128_or(v128_and(numbers, i32x4_splat(0xFFFF)), i32x4_shl(numbers, 16)); 4]
    }

    #[inline(always)]
    fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16 {
        i16x8_add(sum, i16x8_mul(a, b))
    }

    #[inline(always)]
    fn put_upper(self, [a, b, c, d]: [Self::I16; 4], to: &mut [u8]) {
        let upper = |a| i16x8_shr(i16x8_add(a, i16x8_splat(128)), 8);
        if let Some(to) = to.first_chunk_mut::<16>() {
            // SAFETY: 16 bytes are there.
            unsafe { v128_store(to.as_mut_ptr().cast(), i8x16_narrow_i16x8(upper(a), upper(b))) }
        }
        if let Some(to) = to.get_mut(16..).and_then(<[u8]>::first_chunk_mut::<16>) {
            // SAFETY: as above.
            unsafe { v128_store(to.as_mut_ptr().cast(), i8x16_narrow_i16x8(upper(c), upper(d))) }
        }
    }

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        i32x4_splat(0)
    }

    #[inline(always)]
    fn rest(self, sum: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        let lower = |a| i16x8_shr(i16x8_shl(a, 8), 8);
        let means = i16x8_extend_low_i8x16(i64x2_splat(i64::from_le_bytes(*means)));
        let sum = i32x4_add(sum, i32x4_dot_i16x8(lower(a), i32x4_shuffle::<0, 0, 0, 0>(means, means)));
        let sum = i32x4_add(sum, i32x4_dot_i16x8(lower(b), i32x4_shuffle::<1, 1, 1, 1>(means, means)));
        let sum = i32x4_add(sum, i32x4_dot_i16x8(lower(c), i32x4_shuffle::<2, 2, 2, 2>(means, means)));
        i32x4_add(sum, i32x4_dot_i16x8(lower(d), i32x4_shuffle::<3, 3, 3, 3>(means, means)))
    }

    #[inline(always)]
    fn rests(self, sum: Self::Rest) -> Self::I32 {
        sum
    }
}
