//! The matrix product of the dot product.
//!
//! ```text
//! codes    x0 x1 x2 x3   one of four such lanes, by element
//! weights  o0 o0 o0 o0 │ o1 o1 o1 o1 │ o2 o2 o2 o2 │ o3 o3 o3 o3
//! sdot     i32 += Σ    │     …       │     …       │     …
//! ```
//!
//! The SAFETY lines say *token*: a value of [`Neon`], of a [`NeonDot`](super::NeonDot).

use super::super::neon::{signed, splat_bytes};
use super::super::pieces::few_of;
use super::super::{Isa, Matrix, Neon, Panel};
use core::arch::aarch64::*;
use core::arch::asm;

/// `sum[lane] + Σ w[4 · lane + i] · x[4 · LANE + i]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_lane<const LANE: usize>(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the function has the feature; only registers are touched.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {x:v}.4b[{lane}]",
            sum = inout(vreg) sum, w = in(vreg) w, x = in(vreg) x, lane = const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// One step of [`Isa::multiply`]: codes 4 · STEP… of 16 of each row, with 16 weights of each vector from `weights`
/// on, one vector after `vector` bytes from another.
///
/// # Safety
///
/// The CPU has the features of [`NeonDot`] and `weights` has (N − 1) · vector + 16 bytes.
#[inline(always)]
unsafe fn step<const M: usize, const N: usize, const STEP: usize>(
    sums: &mut [[int32x4_t; N]; M],
    x: &[int8x16_t; M],
    weights: *const u8,
    vector: usize,
) {
    for n in 0..N {
        // SAFETY: the caller's promise.
        let w = unsafe { vld1q_s8(weights.add(n * vector).cast()) };
        for m in 0..M {
            // SAFETY: the caller's promise.
            sums[m][n] = unsafe { dot_lane::<STEP>(sums[m][n], w, x[m]) };
        }
    }
}

/// Whole steps of sixteen codes of four rows, as one piece of assembly: 24 sums, four vectors of codes and four of weights are all registers
/// that there are, which the compiler does not manage by itself. Weights are loaded eight products ahead.
macro_rules! whole_steps {
    ($name:ident, $columns:literal, $([$now:ident $next:literal $n:literal $a:tt $b:tt $c:tt $d:tt])*) => {
        /// `count` ≥ 1 steps, and half a step if `half` is not zero.
        ///
        /// # Safety
        ///
        /// The CPU has the features of [`NeonDot`](super::NeonDot); each row has the bytes of these steps, `weights` whole vectors of
        /// `vector` bytes, which are four times as many.
        #[inline]
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn $name(
            sums: &mut [[int32x4_t; $columns]; 4],
            rows: [*const u8; 4],
            weights: *const u8,
            vector: usize,
            [count, half]: [usize; 2],
        ) {
            // SAFETY: the caller's promise.
            unsafe {
                asm!(
                    "2:",
                    "movi v28.16b, #0x80",
                    "ldr q24, [{r0}], #16",
                    "ldr q25, [{r1}], #16",
                    "ldr q26, [{r2}], #16",
                    "ldr q27, [{r3}], #16",
                    "eor v24.16b, v24.16b, v28.16b",
                    "eor v25.16b, v25.16b, v28.16b",
                    "eor v26.16b, v26.16b, v28.16b",
                    "eor v27.16b, v27.16b, v28.16b",
                    "ldp q28, q29, [{w0}], #32",
                    concat!($(
                        "ldp q30, q31, [{", stringify!($now), "}], #32\n",
                        "sdot ", $a, ".4s, v28.16b, v24.4b[0]\n", "sdot ", $b, ".4s, v28.16b, v25.4b[0]\n",
                        "sdot ", $c, ".4s, v28.16b, v26.4b[0]\n", "sdot ", $d, ".4s, v28.16b, v27.4b[0]\n",
                        "sdot ", $a, ".4s, v29.16b, v24.4b[1]\n", "sdot ", $b, ".4s, v29.16b, v25.4b[1]\n",
                        "sdot ", $c, ".4s, v29.16b, v26.4b[1]\n", "sdot ", $d, ".4s, v29.16b, v27.4b[1]\n",
                        $next, "\n",
                        "sdot ", $a, ".4s, v30.16b, v24.4b[2]\n", "sdot ", $b, ".4s, v30.16b, v25.4b[2]\n",
                        "sdot ", $c, ".4s, v30.16b, v26.4b[2]\n", "sdot ", $d, ".4s, v30.16b, v27.4b[2]\n",
                        "sdot ", $a, ".4s, v31.16b, v24.4b[3]\n", "sdot ", $b, ".4s, v31.16b, v25.4b[3]\n",
                        "sdot ", $c, ".4s, v31.16b, v26.4b[3]\n", "sdot ", $d, ".4s, v31.16b, v27.4b[3]\n",
                    )*),
                    "subs {count}, {count}, #1",
                    "b.ne 2b",
                    "cbz {half}, 3f",
                    "movi v28.16b, #0x80",
                    "ldr d24, [{r0}]",
                    "ldr d25, [{r1}]",
                    "ldr d26, [{r2}]",
                    "ldr d27, [{r3}]",
                    "eor v24.16b, v24.16b, v28.16b",
                    "eor v25.16b, v25.16b, v28.16b",
                    "eor v26.16b, v26.16b, v28.16b",
                    "eor v27.16b, v27.16b, v28.16b",
                    concat!($(
                        "ldp q30, q31, [{", stringify!($now), "}]\n",
                        "sdot ", $a, ".4s, v30.16b, v24.4b[0]\n", "sdot ", $b, ".4s, v30.16b, v25.4b[0]\n",
                        "sdot ", $c, ".4s, v30.16b, v26.4b[0]\n", "sdot ", $d, ".4s, v30.16b, v27.4b[0]\n",
                        "sdot ", $a, ".4s, v31.16b, v24.4b[1]\n", "sdot ", $b, ".4s, v31.16b, v25.4b[1]\n",
                        "sdot ", $c, ".4s, v31.16b, v26.4b[1]\n", "sdot ", $d, ".4s, v31.16b, v27.4b[1]\n",
                    )*),
                    "3:",
                    half = in(reg) half,
                    r0 = inout(reg) rows[0] => _, r1 = inout(reg) rows[1] => _,
                    r2 = inout(reg) rows[2] => _, r3 = inout(reg) rows[3] => _,
                    count = inout(reg) count => _,
                    $(
                        $now = inout(reg) weights.add($n * vector) => _,
                        inout($a) sums[0][$n], inout($b) sums[1][$n], inout($c) sums[2][$n], inout($d) sums[3][$n],
                    )*
                    out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                    out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                    options(nostack, readonly)
                );
            }
        }
    };
}

whole_steps!(
    whole_steps_of_4, 4,
    [w0 "ldp q28, q29, [{w1}], #32" 0 "v0" "v4" "v8" "v12"]
    [w1 "ldp q28, q29, [{w2}], #32" 1 "v1" "v5" "v9" "v13"]
    [w2 "ldp q28, q29, [{w3}], #32" 2 "v2" "v6" "v10" "v14"]
    [w3 "" 3 "v3" "v7" "v11" "v15"]
);
whole_steps!(
    whole_steps_of_6, 6,
    [w0 "ldp q28, q29, [{w1}], #32" 0 "v0" "v6" "v12" "v18"]
    [w1 "ldp q28, q29, [{w2}], #32" 1 "v1" "v7" "v13" "v19"]
    [w2 "ldp q28, q29, [{w3}], #32" 2 "v2" "v8" "v14" "v20"]
    [w3 "ldp q28, q29, [{w4}], #32" 3 "v3" "v9" "v15" "v21"]
    [w4 "ldp q28, q29, [{w5}], #32" 4 "v4" "v10" "v16" "v22"]
    [w5 "" 5 "v5" "v11" "v17" "v23"]
);

/// [`Isa::multiply`].
#[inline(always)]
pub(super) fn multiply<const M: usize, const N: usize>(
    neon: Neon,
    start: [[int32x4_t; N]; M],
    matrix: &Matrix<'_>,
    first: usize,
    panel: &Panel<'_, super::NeonDot, N>,
) -> [[int32x4_t; N]; M] {
    let mut sums = start;
    let (vector, panel_at) = (panel.vector(), panel.bytes().as_ptr());
    // What is not there is not read. No early return: its own copy of `start` would cost a move for every sum.
    let (rows, stride, k) = matrix.rows(first, M, panel);
    let mut x = [signed(neon, splat_bytes(neon, 0)); M];
    let (mut at, mut whole) = (0, false);
    macro_rules! whole {
        ($steps:ident, $columns:literal) => {
            if const { M == 4 && N == $columns } {
                let mut some = [[neon.splat_i32(0); $columns]; 4];
                for m in 0..M.min(4) {
                    for n in 0..N.min($columns) {
                        some[m][n] = sums[m][n];
                    }
                }
                if k >= 16 && k.is_multiple_of(8) {
                    let row = |m: usize| rows.wrapping_add(m * stride);
                    // SAFETY: token; each of the M rows has k codes, `panel` N vectors of `vector` ≥ 4 · k bytes.
                    unsafe { $steps(&mut some, [row(0), row(1), row(2), row(3)], panel_at, vector, [k / 16, k & 8]) };
                    whole = true;
                } else {
                    some = neon.here::<{ u8::MAX }, 4, $columns>(some);
                }
                for m in 0..M.min(4) {
                    for n in 0..N.min($columns) {
                        sums[m][n] = some[m][n];
                    }
                }
            }
        };
    }
    whole!(whole_steps_of_4, 4);
    whole!(whole_steps_of_6, 6);
    if !whole {
        while at + 16 <= k {
            for m in 0..M {
                // SAFETY: token; each of the M rows has k codes, and at + 16 ≤ k.
                x[m] = signed(neon, unsafe { vld1q_u8(rows.add(m * stride + at)) });
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and 4 · (at + 16) ≤ vector.
            unsafe {
                let weights = panel_at.add(4 * at);
                step::<M, N, 0>(&mut sums, &x, weights, vector);
                step::<M, N, 1>(&mut sums, &x, weights.add(16), vector);
                step::<M, N, 2>(&mut sums, &x, weights.add(32), vector);
                step::<M, N, 3>(&mut sums, &x, weights.add(48), vector);
            }
            at += 16;
        }
        if at + 8 <= k {
            for m in 0..M {
                // SAFETY: token; each of the M rows has k codes, and at + 8 ≤ k.
                let low = unsafe { vld1_u8(rows.add(m * stride + at)) };
                // SAFETY: token.
                x[m] = signed(neon, unsafe { vcombine_u8(low, low) });
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and 4 · (at + 8) ≤ vector.
            unsafe {
                let weights = panel_at.add(4 * at);
                step::<M, N, 0>(&mut sums, &x, weights, vector);
                step::<M, N, 1>(&mut sums, &x, weights.add(16), vector);
            }
            at += 8;
        }
        if at + 4 <= k {
            for m in 0..M {
                // SAFETY: each of the M rows has k codes, and at + 4 ≤ k.
                let four = unsafe { rows.add(m * stride + at).cast::<u32>().read_unaligned() };
                x[m] = signed(neon, splat_bytes(neon, four));
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and 4 · (at + 4) ≤ vector.
            unsafe { step::<M, N, 0>(&mut sums, &x, panel_at.add(4 * at), vector) };
            at += 4;
        }
        if at < k {
            for m in 0..M {
                // SAFETY: each of the M rows has k codes, and at < k < at + 4.
                let few = unsafe { few_of(rows.add(m * stride + at), k - at) };
                x[m] = signed(neon, splat_bytes(neon, few));
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and `vector` counts whole steps.
            unsafe { step::<M, N, 0>(&mut sums, &x, panel_at.add(4 * at), vector) };
        }
    }
    sums
}
