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

use super::super::pieces::few_of;
use super::super::{Isa, Level, Matrix, Panel};
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

/// A vector of weights with the codes of four rows, for the sums of these rows.
macro_rules! column {
    ($w:literal, $a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            "smull v28.8h, v16.8b, ",
            $w,
            ".8b\n",
            "smull v29.8h, v17.8b, ",
            $w,
            ".8b\n",
            "smull v30.8h, v18.8b, ",
            $w,
            ".8b\n",
            "smull v31.8h, v19.8b, ",
            $w,
            ".8b\n",
            "smlal2 v28.8h, v16.16b, ",
            $w,
            ".16b\n",
            "smlal2 v29.8h, v17.16b, ",
            $w,
            ".16b\n",
            "smlal2 v30.8h, v18.16b, ",
            $w,
            ".16b\n",
            "smlal2 v31.8h, v19.16b, ",
            $w,
            ".16b\n",
            "sadalp ",
            $a,
            ".4s, v28.8h\n",
            "sadalp ",
            $b,
            ".4s, v29.8h\n",
            "sadalp ",
            $c,
            ".4s, v30.8h\n",
            "sadalp ",
            $d,
            ".4s, v31.8h\n",
        )
    };
}

/// All four vectors of weights, of the same turn.
macro_rules! columns {
    ($a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            column!($a, "v0", "v4", "v8", "v12"),
            column!($b, "v1", "v5", "v9", "v13"),
            column!($c, "v2", "v6", "v10", "v14"),
            column!($d, "v3", "v7", "v11", "v15"),
        )
    };
}

/// A turn of the codes of four rows.
macro_rules! turned {
    () => {
        "ext v16.16b, v16.16b, v16.16b, #2\next v17.16b, v17.16b, v17.16b, #2\n\
         ext v18.16b, v18.16b, v18.16b, #2\next v19.16b, v19.16b, v19.16b, #2\n"
    };
}

/// Weights of two turns.
macro_rules! two_turns {
    () => {
        "ldp q20, q21, [{w0}], #32\nldp q22, q23, [{w1}], #32\nldp q24, q25, [{w2}], #32\nldp q26, q27, [{w3}], #32\n"
    };
}

/// `count` ≥ 1 steps of sixteen codes of four rows and four vectors of weights, as one piece of assembly: what it needs are all registers
/// that there are.
///
/// # Safety
///
/// The CPU has NEON; each row has 16 · count codes, `weights` four vectors of `vector` ≥ 64 · count bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn whole_steps(
    sums: &mut [[int32x4_t; 4]; 4],
    rows: [*const u8; 4],
    weights: *const u8,
    vector: usize,
    count: usize,
) {
    let [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3], [d0, d1, d2, d3]] = sums;
    // SAFETY: the caller's promise.
    unsafe {
        asm!(
            "2:",
            "movi v28.16b, #0x80",
            "ldr q16, [{r0}], #16",
            "ldr q17, [{r1}], #16",
            "ldr q18, [{r2}], #16",
            "ldr q19, [{r3}], #16",
            two_turns!(),
            "eor v16.16b, v16.16b, v28.16b",
            "eor v17.16b, v17.16b, v28.16b",
            "eor v18.16b, v18.16b, v28.16b",
            "eor v19.16b, v19.16b, v28.16b",
            columns!("v20", "v22", "v24", "v26"),
            turned!(),
            columns!("v21", "v23", "v25", "v27"),
            two_turns!(),
            turned!(),
            columns!("v20", "v22", "v24", "v26"),
            turned!(),
            columns!("v21", "v23", "v25", "v27"),
            "subs {count}, {count}, #1",
            "b.ne 2b",
            r0 = inout(reg) rows[0] => _, r1 = inout(reg) rows[1] => _,
            r2 = inout(reg) rows[2] => _, r3 = inout(reg) rows[3] => _,
            w0 = inout(reg) weights => _, w1 = inout(reg) weights.add(vector) => _,
            w2 = inout(reg) weights.add(2 * vector) => _, w3 = inout(reg) weights.add(3 * vector) => _,
            count = inout(reg) count => _,
            inout("v0") *a0, inout("v1") *a1, inout("v2") *a2, inout("v3") *a3,
            inout("v4") *b0, inout("v5") *b1, inout("v6") *b2, inout("v7") *b3,
            inout("v8") *c0, inout("v9") *c1, inout("v10") *c2, inout("v11") *c3,
            inout("v12") *d0, inout("v13") *d1, inout("v14") *d2, inout("v15") *d3,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, readonly)
        );
    }
}

/// [`crate::isa::Isa::multiply`].
#[inline(always)]
pub(super) fn multiply<const M: usize, const N: usize>(
    neon: Neon,
    start: [[int32x4_t; N]; M],
    matrix: &Matrix<'_>,
    first: usize,
    panel: &Panel<'_, Neon, N>,
) -> [[int32x4_t; N]; M] {
    let mut sums = start;
    let (vector, panel_at) = (panel.vector(), panel.bytes().as_ptr());
    // What is not there is not read. No early return: its own copy of `start` would cost a move for every sum.
    let (rows, stride, k) = matrix.rows(first, M, panel);
    let mut x = [signed(neon, splat_bytes(neon, 0)); M];
    let mut at = 0;
    if const { M == 4 && N == 4 } {
        let mut some = [[neon.splat_i32(0); 4]; 4];
        for m in 0..M.min(4) {
            for n in 0..N.min(4) {
                some[m][n] = sums[m][n];
            }
        }
        if k >= 16 {
            let row = |m: usize| rows.wrapping_add(m * stride);
            // SAFETY: token; each of the M rows has k codes, `panel` N vectors of `vector` ≥ 4 · k bytes.
            unsafe { whole_steps(&mut some, [row(0), row(1), row(2), row(3)], panel_at, vector, k / 16) };
            at = k / 16 * 16;
        } else {
            some = neon.here::<{ u8::MAX }, 4, 4>(some);
        }
        for m in 0..M.min(4) {
            for n in 0..N.min(4) {
                sums[m][n] = some[m][n];
            }
        }
    }
    while const { M != 4 || N != 4 } && at + 16 <= k {
        for m in 0..M {
            // SAFETY: token; each of the M rows has k codes, and at + 16 ≤ k.
            x[m] = signed(neon, unsafe { vld1q_u8(rows.add(m * stride + at)) });
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
                unsafe { products::<M, N>(neon, &mut sums, &x, panel_at.add(4 * at + 16 * $turn), vector) };
            )*};
        }
        turns!(0 1 2 3);
        at += 16;
    }
    if at + 8 <= k {
        for m in 0..M {
            // SAFETY: token; each of the M rows has k codes, and at + 8 ≤ k.
            let low = unsafe { vld1_u8(rows.add(m * stride + at)) };
            // SAFETY: token.
            x[m] = signed(neon, unsafe { vcombine_u8(low, low) });
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 8) ≤ vector.
        unsafe {
            let weights = panel_at.add(4 * at);
            products::<M, N>(neon, &mut sums, &same::<M, 0, 1>(neon, &x), weights, vector);
            products::<M, N>(neon, &mut sums, &same::<M, 2, 3>(neon, &x), weights.add(16), vector);
        }
        at += 8;
    }
    if at + 4 <= k {
        for m in 0..M {
            // SAFETY: each of the M rows has k codes, and at + 4 ≤ k.
            let four = unsafe { rows.add(m * stride + at).cast::<u32>().read_unaligned() };
            x[m] = signed(neon, splat_bytes(neon, four));
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 4) ≤ vector.
        unsafe {
            let pairs = same::<M, 0, 1>(neon, &x);
            products::<M, N>(neon, &mut sums, &pairs, panel_at.add(4 * at), vector);
        }
        at += 4;
    }
    if at < k {
        for m in 0..M {
            // SAFETY: each of the M rows has k codes, and at < k < at + 4.
            let few = unsafe { few_of(rows.add(m * stride + at), k - at) };
            x[m] = signed(neon, splat_bytes(neon, few));
        }
        // SAFETY: `panel` has N vectors of `vector` bytes, and `vector` counts whole steps.
        unsafe {
            let pairs = same::<M, 0, 1>(neon, &x);
            products::<M, N>(neon, &mut sums, &pairs, panel_at.add(4 * at), vector);
        }
    }
    sums
}
