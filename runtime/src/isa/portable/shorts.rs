//! Sixteen bits in plain Rust.

use super::super::Shorts;
use super::{LANES, Portable, map, zip};

impl Shorts for Portable {
    type I32 = [i32; LANES];
    type F32 = [f32; LANES];
    type I16 = [[i16; LANES]; 2];
    type Shift = [i32; LANES];

    #[inline(always)]
    fn shift(self, shifts: Self::I32) -> Self::Shift {
        shifts
    }

    #[inline(always)]
    fn shorts(self, two: [Self::I32; 2], shift: Self::Shift) -> Self::I16 {
        let short = |a: [i32; LANES]| {
            let right = zip(a, shift, |a, shift| a >> (16 - shift).clamp(0, 31));
            map(right, |a| a.clamp(-32768, 32767) as i16)
        };
        let [a, b] = two;
        [short(a), short(b)]
    }

    #[inline(always)]
    fn both(self, whole: Self::F32) -> Self::I16 {
        [map(whole, |whole| whole as i16); 2]
    }

    #[inline(always)]
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        let product = |a: i16, b: i16| ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15) as i16;
        let ([a, c], [b, d]) = (a, b);
        [zip(a, b, product), zip(c, d, product)]
    }

    #[inline(always)]
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        let ([a, c], [b, d]) = (a, b);
        [zip(a, b, i16::wrapping_add), zip(c, d, i16::wrapping_add)]
    }

    #[inline(always)]
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        let ([a, c], [b, d]) = (a, b);
        [zip(a, b, i16::saturating_sub), zip(c, d, i16::saturating_sub)]
    }

    #[inline(always)]
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16 {
        let clamp = |a: i16, top: i16| a.max(0).min(top);
        let ([a, c], [b, d]) = (a, top);
        [zip(a, b, clamp), zip(c, d, clamp)]
    }

    #[inline(always)]
    fn split(self, [a, b]: Self::I16) -> [Self::I32; 2] {
        [map(a, i32::from), map(b, i32::from)]
    }
}
