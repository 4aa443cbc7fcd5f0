//! Sixteen bits in NEON.
//!
//! The SAFETY lines say *token*: a value of [`Neon`].

use super::{Neon, codes};
use crate::isa::{Isa, Shorts};
use core::arch::aarch64::*;
use core::arch::asm;

impl Shorts for Neon {
    type I32 = int32x4_t;
    type F32 = float32x4_t;
    /// The vector of one pixel, then that of the other.
    type I16 = int16x8_t;
    type Shift = int32x4_t;

    #[inline(always)]
    fn shift(self, shifts: Self::I32) -> Self::Shift {
        shifts
    }

    #[inline(always)]
    fn shorts(self, [a, b]: [Self::I32; 2], shift: Self::Shift) -> Self::I16 {
        // SAFETY: token. What saturates in 32 bits has upper halves that are those of what saturates in 16.
        unsafe {
            let (a, b) = (vqshlq_s32(a, shift), vqshlq_s32(b, shift));
            vuzp2q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b))
        }
    }

    #[inline(always)]
    fn both(self, whole: Self::F32) -> Self::I16 {
        let whole = self.to_i32(whole);
        // SAFETY: token.
        unsafe { vqmovn_high_s32(vqmovn_s32(whole), whole) }
    }

    #[inline(always)]
    fn mul_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { vqrdmulhq_s16(a, b) }
    }

    #[inline(always)]
    fn add_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { vaddq_s16(a, b) }
    }

    #[inline(always)]
    fn sub_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { vqsubq_s16(a, b) }
    }

    #[inline(always)]
    fn clamp_shorts(self, a: Self::I16, top: Self::I16) -> Self::I16 {
        // SAFETY: token.
        unsafe { vminq_s16(vmaxq_s16(a, vdupq_n_s16(0)), top) }
    }

    #[inline(always)]
    fn split(self, two: Self::I16) -> [Self::I32; 2] {
        // SAFETY: token.
        unsafe { [vmovl_s16(vget_low_s16(two)), vmovl_high_s16(two)] }
    }

    #[inline(always)]
    fn store_shorts<const M: usize, const N: usize>(
        self,
        values: [[Self::I16; N]; M],
        to: &mut [u8],
        place: [usize; 2],
        count: usize,
    ) {
        codes::store_shorts(self, values, to, place, count);
    }

    #[inline(always)]
    fn store_dealt_shorts<const M: usize>(
        self,
        values: [[Self::I16; 4]; M],
        to: &mut [u8],
        place: [usize; 2],
        count: usize,
    ) {
        codes::store_shorts(self, values, to, place, count);
    }

    #[inline(always)]
    fn in_turn(self, value: Self::I16) -> Self::I16 {
        let mut value = value;
        // SAFETY: token; the assembly is empty.
        unsafe { asm!("// {0:v}", inout(vreg) value, options(nomem, nostack, preserves_flags)) };
        value
    }
}
