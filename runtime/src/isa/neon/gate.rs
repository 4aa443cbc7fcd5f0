//! Weights of gated layers (eq. 22–26), sixteen at a time: four input channels of four output channels.
//!
//! ```text
//! w       c0: o0 o1 o2 o3 │ c1: o0 … │ c2: … │ c3: …     as they lie in memory
//! tbl     0 0 0 o0 │ 0 0 0 o1 │ 0 0 0 o2 │ 0 0 0 o3      of a channel; each is the upper byte of a lane,
//! scvtf   … #24                                          which as fixed point with 24 fractional bits is its value
//! ```
//!
//! The SAFETY lines say *token*: a value of [`Neon`].

use super::super::Level;
use super::Neon;
use core::arch::aarch64::*;
use core::arch::asm;

/// Input channels that lie side by side for each output channel where codes of weights are packed.
const PAIRS: usize = 2;
const FOURS: usize = 4;
const EIGHTS: usize = 8;

/// Which of them the products of an instruction set want.
pub(in super::super) const fn order(level: Level) -> usize {
    match level {
        Level::I8mm => EIGHTS,
        Level::NeonDot => FOURS,
        _ => PAIRS,
    }
}

/// Bytes of sixteen weights that become the lanes of channel 0; those of the others lie 4 bytes further on. What is out of range gives zero.
const UPPER: [u8; 16] = [0xf0, 0xf0, 0xf0, 0, 0xf0, 0xf0, 0xf0, 1, 0xf0, 0xf0, 0xf0, 2, 0xf0, 0xf0, 0xf0, 3];

/// [`UPPER`] of all four channels.
#[inline(always)]
fn places(_: Neon) -> [uint8x16_t; 4] {
    // SAFETY: token; the array has 16 bytes. The assembly is empty: of vectors that it knows to be constant the compiler loads each anew in
    // every round of a loop.
    unsafe {
        let mut first = vld1q_u8(UPPER.as_ptr());
        let four = vdupq_n_u8(4);
        let mut second = vaddq_u8(first, four);
        let mut third = vaddq_u8(second, four);
        let mut fourth = vaddq_u8(third, four);
        asm!(
            "// {0:v} {1:v} {2:v} {3:v}",
            inout(vreg) first, inout(vreg) second, inout(vreg) third, inout(vreg) fourth,
            options(pure, nomem, nostack, preserves_flags)
        );
        [first, second, third, fourth]
    }
}

/// Reals as bytes.
#[inline(always)]
fn reals(_: Neon, bytes: &[[u8; 4]; 4]) -> float32x4_t {
    // SAFETY: token; 16 bytes.
    unsafe { vreinterpretq_f32_u8(vld1q_u8(bytes.as_flattened().as_ptr())) }
}

/// Groups of four channels that all of `weights` have.
#[inline(always)]
fn groups<const N: usize>(weights: &[&[u8]; N], columns: usize) -> usize {
    let mut groups = columns;
    for n in 0..N {
        groups = groups.min(weights[n].len() / 16);
    }
    groups
}

/// `max |w · f|` (eq. 22) of the first groups of four channels, and how many these are.
#[inline(always)]
pub(in super::super) fn largest<const N: usize>(
    neon: Neon,
    weights: &[&[u8]; N],
    factors: &[[[u8; 4]; 4]],
) -> (usize, [float32x4_t; N]) {
    let (count, places) = (groups(weights, factors.len()), places(neon));
    // SAFETY: token.
    let mut largest = [unsafe { vdupq_n_f32(0.0) }; N];
    for (group, factors) in factors.iter().enumerate().take(count) {
        // SAFETY: token; each of `weights` has 16 bytes for each group. |w · f| = |w| · |f|, and |w| as a byte without sign is at most 128.
        unsafe {
            let f = vabsq_f32(reals(neon, factors));
            each_row!(n, N, {
                let w = vabsq_s8(vld1q_s8(weights[n].as_ptr().add(16 * group).cast()));
                macro_rules! channels {
                    ($($i:literal)*) => {$(
                        let upper = vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_s8(w), places[$i]));
                        let product = vmulq_laneq_f32::<$i>(vcvtq_n_f32_u32::<24>(upper), f);
                        largest[n] = vmaxq_f32(largest[n], product);
                    )*};
                }
                channels!(0 1 2 3);
            });
        }
    }
    (count, largest)
}

/// One channel of sixteen weights: its codes (eq. 23), and `error` with what rounding them leaves, times `mean` (eq. 26).
#[inline(always)]
fn channel<const I: i32>(
    _: Neon,
    w: uint8x16_t,
    place: uint8x16_t,
    [f, mean, inverse]: [float32x4_t; 3],
    error: &mut float32x4_t,
) -> int32x4_t {
    // SAFETY: token.
    unsafe {
        let upper = vreinterpretq_s32_u8(vqtbl1q_u8(w, place));
        let real = vmulq_f32(vmulq_laneq_f32::<I>(vcvtq_n_f32_s32::<24>(upper), f), inverse);
        let codes = vcvtnq_s32_f32(real);
        let lost = vsubq_f32(real, vcvtq_f32_s32(codes));
        *error = vaddq_f32(*error, vmulq_laneq_f32::<I>(lost, mean));
        codes
    }
}

/// The codes of sixteen weights, packed as ORDER says; of eight channels, those of four.
#[inline(always)]
fn sixteen<const ORDER: usize>(
    neon: Neon,
    w: uint8x16_t,
    places: &[uint8x16_t; 4],
    columns: [float32x4_t; 3],
    error: &mut float32x4_t,
) -> int32x4_t {
    let a = channel::<0>(neon, w, places[0], columns, error);
    let b = channel::<1>(neon, w, places[1], columns, error);
    let c = channel::<2>(neon, w, places[2], columns, error);
    let d = channel::<3>(neon, w, places[3], columns, error);
    // SAFETY: token.
    unsafe {
        if ORDER == PAIRS {
            let (low, high) = (vsliq_n_s32::<8>(a, b), vsliq_n_s32::<8>(c, d));
            vreinterpretq_s32_s16(vuzp1q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high)))
        } else {
            vsliq_n_s32::<24>(vsliq_n_s32::<16>(vsliq_n_s32::<8>(a, b), c), d)
        }
    }
}

/// Rounded weights (eq. 23) of the first groups of four channels, packed so that ORDER channels lie side by side, one vector after `vector`
/// bytes from another: how many groups, and the sums of eq. 26. A column has its factor f (eq. 22) and its mean.
#[inline(always)]
pub(in super::super) fn round<const N: usize, const ORDER: usize>(
    neon: Neon,
    weights: &[&[u8]; N],
    [factors, means]: [&[[[u8; 4]; 4]]; 2],
    inverse: [float32x4_t; N],
    packed: &mut [u8],
    vector: usize,
) -> (usize, [float32x4_t; N]) {
    let places = places(neon);
    let room = packed.len().checked_sub((N - 1) * vector).map_or(0, |last| last.min(vector) / 16);
    let count = groups(weights, factors.len().min(means.len())).min(room);
    // Whole pairs of groups where eight channels lie side by side.
    let step = ORDER.div_ceil(4);
    let count = count / step * step;
    let to = packed.as_mut_ptr();
    // SAFETY: token.
    let mut error = [unsafe { vdupq_n_f32(0.0) }; N];
    // One vector after the other: of several at a time the registers would not hold what is under way.
    each_row!(n, N, {
        let columns = factors.chunks_exact(step).zip(means.chunks_exact(step)).take(count / step);
        let (mut from, mut to, inverse) = (weights[n].as_ptr(), to.wrapping_add(n * vector).cast::<i32>(), inverse[n]);
        for (factors, means) in columns {
            let (Some((f, more)), Some((mean, later))) = (factors.split_first(), means.split_first()) else { break };
            let (f, mean) = (reals(neon, f), reals(neon, mean));
            // SAFETY: token; each of `weights` has 16 bytes for each of `count` groups, and so has each vector of `packed`.
            unsafe {
                let a = sixteen::<ORDER>(neon, vld1q_u8(from), &places, [f, mean, inverse], &mut error[n]);
                if let (true, Some(g), Some(later)) = (ORDER == EIGHTS, more.first(), later.first()) {
                    let (g, later) = (reals(neon, g), reals(neon, later));
                    let w = vld1q_u8(from.add(16));
                    let b = sixteen::<ORDER>(neon, w, &places, [g, later, inverse], &mut error[n]);
                    vst1q_s32(to, vzip1q_s32(a, b));
                    vst1q_s32(to.add(4), vzip2q_s32(a, b));
                } else {
                    vst1q_s32(to, a);
                }
            }
            (from, to) = (from.wrapping_add(16 * step), to.wrapping_add(4 * step));
        }
    });
    (count, error)
}
