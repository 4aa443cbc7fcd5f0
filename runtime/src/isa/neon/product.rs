//! The matrix product of NEON without dot product.
//!
//! ```text
//! codes    x0 x1 │ x2 x3 │ x4 x5 │ x6 x7 ║ x8 x9 │ …         16 codes of a pixel, as they lie in memory
//! weights  o0    │ o1    │ o2    │ o3    ║ o0    │ …         of four output channels, for just these codes
//! smull    p0 p1   p2 p3   p4 p5   p6 p7                     i16: products of the lower half
//! smlal2   + those of the upper half
//! sadalp   o0      o1      o2      o3                        i32 += sum of neighbours
//! ext      x2 x3 │ x4 x5 │ … x14 x15 │ x0 x1                 three turns more, and every channel has seen every code
//! ```
//!
//! Three instructions for 16 products, where `smlal` by lane over i16 needs four and the widening of the weights. The weights lie in the
//! order of the turned codes ([`crate::pack`]), so that none is broadcast.
//!
//! The SAFETY lines say *token*: a value of [`Neon`] exists only where the CPU has the feature.

use super::super::Level;
use super::super::pieces::few_of;
use super::{Neon, signed, splat_bytes};
use crate::pack::{ROTATED, vector_len};
use core::arch::aarch64::*;
use core::arch::asm;
use core::sync::atomic::{Ordering, compiler_fence};

/// Codes of each row in both halves of a vector, times 16 weights of each vector from `weights` on, one vector after `vector` bytes from
/// another: lane by lane, two in each half.
///
/// # Safety
///
/// `weights` has (N − 1) · vector + 16 bytes.
#[inline(always)]
unsafe fn products<const M: usize, const N: usize>(
    _: Neon,
    sums: &mut [[int32x4_t; N]; M],
    x: &[int8x16_t; M],
    weights: *const u8,
    vector: usize,
) {
    for n in 0..N {
        // SAFETY: token; the caller's promise.
        let w = unsafe { vld1q_s8(weights.add(n * vector).cast()) };
        for m in 0..M {
            // SAFETY: token. Two products fit in i16.
            sums[m][n] = unsafe {
                let first = vmull_s8(vget_low_s8(x[m]), vget_low_s8(w));
                vpadalq_s16(sums[m][n], vmlal_high_s8(first, x[m], w))
            };
        }
    }
    // Keeps the compiler from loading the weights of the next steps early, which would cost it registers of sums.
    compiler_fence(Ordering::SeqCst);
}

/// Moves the codes by one pair, `ext`. As assembly, which the compiler leaves between the loads before and after it: of intrinsics it
/// does all turns of an unrolled loop first, and has no registers left for sums.
///
/// # Safety
///
/// The CPU has NEON.
#[inline(always)]
unsafe fn turn(codes: &mut int8x16_t) {
    // SAFETY: the caller's promise; only a register is touched.
    unsafe {
        asm!("ext {x:v}.16b, {x:v}.16b, {x:v}.16b, #2", x = inout(vreg) * codes, options(nostack, preserves_flags))
    }
}

/// Pairs EVEN and ODD of the codes of each row, in all lanes of the low and of the high half.
#[inline(always)]
fn same<const M: usize, const EVEN: u8, const ODD: u8>(_: Neon, x: &[int8x16_t; M]) -> [int8x16_t; M] {
    let mut from = [2 * EVEN; 16];
    for i in 0..16 {
        from[i] = 2 * if i < 8 { EVEN } else { ODD } + i as u8 % 2;
    }
    let mut pairs = *x;
    for m in 0..M {
        // SAFETY: token; `from` has 16 elements.
        pairs[m] = unsafe { vqtbl1q_s8(x[m], vld1q_u8(from.as_ptr())) };
    }
    pairs
}

/// [`crate::isa::Isa::arrange`].
#[inline(always)]
pub(super) fn arrange(_: Neon, packed: &mut [u8], k: usize) {
    for vector in packed.chunks_exact_mut(vector_len(Level::Neon, k).max(1)) {
        for run in vector.as_chunks_mut::<64>().0.iter_mut().take(k / 16) {
            // SAFETY: token; 64 bytes are there.
            unsafe {
                let (natural, from) = (vld1q_u8_x4(run.as_ptr()), vld1q_u8_x4(ROTATED.as_ptr()));
                let [a, b, c, d] = [from.0, from.1, from.2, from.3];
                let turned = uint8x16x4_t(
                    vqtbl4q_u8(natural, a),
                    vqtbl4q_u8(natural, b),
                    vqtbl4q_u8(natural, c),
                    vqtbl4q_u8(natural, d),
                );
                vst1q_u8_x4(run.as_mut_ptr(), turned);
            }
        }
    }
}

/// [`crate::isa::Isa::multiply`].
#[inline(always)]
pub(super) fn multiply<const M: usize, const N: usize>(
    neon: Neon,
    start: [[int32x4_t; N]; M],
    rows: &[u8],
    stride: usize,
    panel: &[u8],
    k: usize,
) -> [[int32x4_t; N]; M] {
    let mut sums = start;
    let vector = k.div_ceil(4) * 16;
    // What is not there is not read. No early return: its own copy of `start` would cost a move for every sum.
    let there = rows.len() >= M.saturating_sub(1) * stride + k && panel.len() >= N * vector;
    let k = if there { k } else { 0 };
    let mut x = [signed(neon, splat_bytes(neon, 0)); M];
    let mut at = 0;
    while at + 16 <= k {
        for m in 0..M {
            // SAFETY: token; `rows` has (M − 1) · stride + k bytes, and at + 16 ≤ k.
            x[m] = signed(neon, unsafe { vld1q_u8(rows.as_ptr().add(m * stride + at)) });
        }
        // Lane by lane each pair once, by turning the codes: nothing is broadcast.
        macro_rules! turns {
            ($($turn:literal)*) => {$(
                if $turn > 0 {
                    for m in 0..M {
                        // SAFETY: token.
                        unsafe { turn(&mut x[m]) };
                    }
                }
                // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 16) ≤ vector.
                unsafe { products::<M, N>(neon, &mut sums, &x, panel.as_ptr().add(4 * at + 16 * $turn), vector) };
            )*};
        }
        turns!(0 1 2 3);
        at += 16;
    }
    if at + 8 <= k {
        for m in 0..M {
            // SAFETY: token; `rows` has (M − 1) · stride + k bytes, and at + 8 ≤ k.
            let low = unsafe { vld1_u8(rows.as_ptr().add(m * stride + at)) };
            // SAFETY: token.
            x[m] = signed(neon, unsafe { vcombine_u8(low, low) });
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 8) ≤ vector.
        unsafe {
            let weights = panel.as_ptr().add(4 * at);
            products::<M, N>(neon, &mut sums, &same::<M, 0, 1>(neon, &x), weights, vector);
            products::<M, N>(neon, &mut sums, &same::<M, 2, 3>(neon, &x), weights.add(16), vector);
        }
        at += 8;
    }
    if at + 4 <= k {
        for m in 0..M {
            // SAFETY: `rows` has (M − 1) · stride + k bytes, and at + 4 ≤ k.
            let four = unsafe { rows.as_ptr().add(m * stride + at).cast::<u32>().read_unaligned() };
            x[m] = signed(neon, splat_bytes(neon, four));
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 4) ≤ vector.
        unsafe {
            let pairs = same::<M, 0, 1>(neon, &x);
            products::<M, N>(neon, &mut sums, &pairs, panel.as_ptr().add(4 * at), vector);
        }
        at += 4;
    }
    if at < k {
        for m in 0..M {
            // SAFETY: `rows` has (M − 1) · stride + k bytes, and at < k < at + 4.
            let few = unsafe { few_of(rows.as_ptr().add(m * stride + at), k - at) };
            x[m] = signed(neon, splat_bytes(neon, few));
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and `vector` counts whole steps.
        unsafe {
            let pairs = same::<M, 0, 1>(neon, &x);
            products::<M, N>(neon, &mut sums, &pairs, panel.as_ptr().add(4 * at), vector);
        }
    }
    sums
}
