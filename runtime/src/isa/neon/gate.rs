//! Gates in NEON; what the orders of weights have in common, and how outputs and channels lie in each.
//!
//! ```text
//! PAIRS   channels 0, 1 of outputs 0 1 2 3 │ channels 2, 3 of 0 1 2 3 │ 4, 5 │ 6, 7
//! FOURS   channels 0…3 of outputs 0 1      │ of 2 3                   │ channels 4…7 of 0 1 │ of 2 3
//! EIGHTS  channels 0…7 of output 0         │ of 1                     │ of 2                │ of 3
//! ```
//!
//! The SAFETY lines say *token*: a value of [`Neon`].

use super::Neon;
use crate::isa::Gates;
use core::arch::aarch64::*;

/// Input channels that lie side by side for each output channel where weights are packed.
pub(in super::super) const PAIRS: usize = 2;
pub(in super::super) const FOURS: usize = 4;
pub(in super::super) const EIGHTS: usize = 8;

/// Of 32 bytes what `change` makes of them, 256 times.
#[inline(always)]
pub(in super::super) fn widened(_: Neon, from: &[u8], change: impl Fn(int8x16_t) -> int8x16_t) -> [int16x8_t; 4] {
    // SAFETY: token.
    let Some(from) = from.first_chunk::<32>() else { return [unsafe { vdupq_n_s16(0) }; 4] };
    // SAFETY: token; 32 bytes are there.
    unsafe {
        let a = change(vld1q_s8(from.as_ptr().cast()));
        let b = change(vld1q_s8(from.as_ptr().add(16).cast()));
        [
            vshll_n_s8::<8>(vget_low_s8(a)),
            vshll_high_n_s8::<8>(a),
            vshll_n_s8::<8>(vget_low_s8(b)),
            vshll_high_n_s8::<8>(b),
        ]
    }
}

/// [`Gates::columns`].
#[inline(always)]
pub(in super::super) fn columns<const ORDER: usize>(_: Neon, eight: &[[u8; 2]; 8]) -> [int16x8_t; 4] {
    let from = eight.as_flattened().as_ptr();
    // SAFETY: token; 16 bytes are there, and loads want no alignment.
    unsafe {
        match ORDER {
            EIGHTS => [vreinterpretq_s16_u8(vld1q_u8(from)); 4],
            FOURS => {
                let (a, b) = (vld1q_dup_s64(from.cast()), vld1q_dup_s64(from.add(8).cast()));
                let (a, b) = (vreinterpretq_s16_s64(a), vreinterpretq_s16_s64(b));
                [a, a, b, b]
            }
            _ => [0, 1, 2, 3].map(|pair| vreinterpretq_s16_s32(vld1q_dup_s32(from.add(4 * pair).cast()))),
        }
    }
}

/// [`Gates::of_outputs`].
#[inline(always)]
pub(in super::super) fn of_outputs<const ORDER: usize>(_: Neon, [a, b, c, d]: [int16x8_t; 4]) -> int32x4_t {
    // SAFETY: token.
    unsafe {
        let largest = match ORDER {
            EIGHTS => {
                let all = vpmaxq_s16(vpmaxq_s16(a, b), vpmaxq_s16(c, d));
                vpmaxq_s16(all, all)
            }
            FOURS => {
                let all = vpmaxq_s16(vmaxq_s16(a, c), vmaxq_s16(b, d));
                vpmaxq_s16(all, all)
            }
            _ => {
                let all = vmaxq_s16(vmaxq_s16(a, b), vmaxq_s16(c, d));
                vpmaxq_s16(all, all)
            }
        };
        vmovl_s16(vget_low_s16(largest))
    }
}

/// [`Gates::to_outputs`].
#[inline(always)]
pub(in super::super) fn to_outputs<const ORDER: usize>(_: Neon, numbers: int32x4_t) -> [int16x8_t; 4] {
    // SAFETY: token.
    unsafe {
        let once = vmovn_s32(numbers);
        let twice = vzip1q_s16(vcombine_s16(once, once), vcombine_s16(once, once));
        match ORDER {
            EIGHTS => [
                vdupq_lane_s16::<0>(once),
                vdupq_lane_s16::<1>(once),
                vdupq_lane_s16::<2>(once),
                vdupq_lane_s16::<3>(once),
            ],
            FOURS => {
                let twice = vreinterpretq_s32_s16(twice);
                let (low, high) = (vzip1q_s32(twice, twice), vzip2q_s32(twice, twice));
                let (low, high) = (vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high));
                [low, high, low, high]
            }
            _ => [twice; 4],
        }
    }
}

/// [`Gates::put_upper`].
#[inline(always)]
pub(in super::super) fn put_upper(_: Neon, [a, b, c, d]: [int16x8_t; 4], to: &mut [u8]) {
    // SAFETY: token.
    let upper = |a, b| unsafe { vrshrn_high_n_s16::<8>(vrshrn_n_s16::<8>(a), b) };
    if let Some(to) = to.first_chunk_mut::<32>() {
        // SAFETY: token; 32 bytes are there.
        unsafe {
            vst1q_s8(to.as_mut_ptr().cast(), upper(a, b));
            vst1q_s8(to.as_mut_ptr().add(16).cast(), upper(c, d));
        }
    } else if let Some(to) = to.first_chunk_mut::<16>() {
        // SAFETY: token; 16 bytes are there.
        unsafe { vst1q_s8(to.as_mut_ptr().cast(), upper(a, b)) }
    }
}

/// The lower bytes of two vectors.
#[inline(always)]
pub(in super::super) fn lower(_: Neon, a: int16x8_t, b: int16x8_t) -> int8x16_t {
    // SAFETY: token.
    unsafe { vuzp1q_s8(vreinterpretq_s8_s16(a), vreinterpretq_s8_s16(b)) }
}

/// What is the same for all orders.
macro_rules! gates_in_neon {
    ($order:expr, |$isa:ident| $neon:expr) => {
        #[inline(always)]
        fn none(self) -> Self::I16 {
            // SAFETY: a value of the type proves NEON.
            unsafe { vdupq_n_s16(0) }
        }

        #[inline(always)]
        fn widen(self, from: &[u8]) -> [Self::I16; 4] {
            let $isa = self;
            gate::widened($neon, from, |w| w)
        }

        #[inline(always)]
        fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4] {
            let $isa = self;
            // SAFETY: a value of the type proves NEON.
            gate::widened($neon, from, |w| unsafe { vabsq_s8(w) })
        }

        #[inline(always)]
        fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4] {
            let $isa = self;
            gate::columns::<{ $order }>($neon, eight)
        }

        #[inline(always)]
        fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
            // SAFETY: a value of the type proves NEON.
            unsafe { vmaxq_s16(a, b) }
        }

        #[inline(always)]
        fn of_outputs(self, all: [Self::I16; 4]) -> Self::I32 {
            let $isa = self;
            gate::of_outputs::<{ $order }>($neon, all)
        }

        #[inline(always)]
        fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4] {
            let $isa = self;
            gate::to_outputs::<{ $order }>($neon, numbers)
        }

        #[inline(always)]
        fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16 {
            // SAFETY: a value of the type proves NEON.
            unsafe { vmlaq_s16(sum, a, b) }
        }

        #[inline(always)]
        fn put_upper(self, values: [Self::I16; 4], to: &mut [u8]) {
            let $isa = self;
            gate::put_upper($neon, values, to);
        }
    };
}
pub(in super::super) use gates_in_neon;

use super::gate;

impl Gates for Neon {
    type Rest = int32x4_t;

    gates_in_neon!(PAIRS, |isa| isa);

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        // SAFETY: token.
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    fn rest(self, sum: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        /// Channels 0 and 1 for eight bytes, then 2 and 3; those of channels 4 to 7 lie 4 bytes further on.
        const FIRST: [u8; 16] = [0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3];
        // SAFETY: token; the arrays have 8 and 16 elements. Two products fit in 16 bits: 2 · 2^7 · 127.
        unsafe {
            let means = vld1_s8(means.as_ptr().cast());
            let (means, places) = (vcombine_s8(means, means), vld1q_u8(FIRST.as_ptr()));
            let mut sum = sum;
            for (lower, places) in
                [(gate::lower(self, a, b), places), (gate::lower(self, c, d), vaddq_u8(places, vdupq_n_u8(4)))]
            {
                let means = vqtbl1q_s8(means, places);
                let both = vmlal_high_s8(vmull_s8(vget_low_s8(lower), vget_low_s8(means)), lower, means);
                sum = vpadalq_s16(sum, both);
            }
            sum
        }
    }

    #[inline(always)]
    fn rests(self, sum: Self::Rest) -> Self::I32 {
        sum
    }
}
