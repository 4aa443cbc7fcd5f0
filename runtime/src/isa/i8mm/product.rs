//! The matrix product of i8mm.
//!
//! ```text
//! codes    x0 … x7 of pixel a │ x0 … x7 of pixel b        two pixels
//! weights  w0 … w7 of o0      │ w0 … w7 of o1             two output channels
//! usmmla   a·o0   a·o1   b·o0   b·o1                      i32 += Σ
//! ```
//!
//! A tile's sums lie in such squares while it is summed up: those of channels 0 and 1 of two pixels, and of 2 and 3.
//!
//! The SAFETY lines say *token*: a value of [`Neon`], of an [`I8mm`](super::I8mm).

use super::super::pieces::few_of;
use super::super::{Isa, Matrix, Neon, Panel};
use core::arch::aarch64::*;
use core::arch::asm;

/// `sum[2i + j] + Σ x[8i + k] · w[8j + k]`, i and j in 0…1.
#[inline]
#[target_feature(enable = "neon,i8mm")]
pub(super) fn matrix(sum: int32x4_t, x: uint8x16_t, w: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the function has the feature; only registers are touched.
    unsafe {
        asm!(
            "usmmla {sum:v}.4s, {x:v}.16b, {w:v}.16b",
            sum = inout(vreg) sum, x = in(vreg) x, w = in(vreg) w,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// The first and the second halves of two vectors of sums, or of codes.
#[inline(always)]
pub(super) fn halves(_: Neon, a: int32x4_t, b: int32x4_t) -> [int32x4_t; 2] {
    // SAFETY: token.
    unsafe {
        let (a, b) = (vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b));
        [vreinterpretq_s32_s64(vtrn1q_s64(a, b)), vreinterpretq_s32_s64(vtrn2q_s64(a, b))]
    }
}

/// The same as assembly: of intrinsics the compiler makes a copy and an insertion where registers are few.
#[inline(always)]
fn zipped(_: Neon, a: int32x4_t, b: int32x4_t) -> [int32x4_t; 2] {
    let (first, second): (int32x4_t, int32x4_t);
    // SAFETY: token; only registers are touched.
    unsafe {
        asm!(
            "zip1 {first:v}.2d, {a:v}.2d, {b:v}.2d",
            first = lateout(vreg) first, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
        asm!(
            "zip2 {second:v}.2d, {a:v}.2d, {b:v}.2d",
            second = lateout(vreg) second, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    [first, second]
}

/// One step of [`Isa::multiply`]: eight codes of each pair of rows, with the weights of N vectors of output channels from
/// `weights` on, one vector after `vector` bytes from another.
///
/// # Safety
///
/// The CPU has the features of [`I8mm`] and `weights` has (N − 1) · vector + 32 bytes.
#[inline(always)]
unsafe fn step<const M: usize, const N: usize>(
    squares: &mut [[[int32x4_t; 2]; N]; M],
    x: &[uint8x16_t; M],
    weights: *const u8,
    vector: usize,
) {
    for n in 0..N {
        for half in 0..2 {
            // SAFETY: the caller's promise.
            let w = unsafe { vld1q_s8(weights.add(n * vector + 16 * half).cast()) };
            for pair in 0..M.div_ceil(2) {
                // SAFETY: the caller's promise.
                squares[pair][n][half] = unsafe { matrix(squares[pair][n][half], x[pair], w) };
            }
        }
    }
}

/// Whole steps of sixteen codes of four rows, as one piece of assembly: 24 sums, four vectors of codes and four of weights are all registers
/// that there are, which the compiler does not manage by itself. Weights are loaded four products ahead.
macro_rules! whole_steps {
    ($name:ident, $columns:literal, $([$now:ident $next:ident $n:literal $a:tt $b:tt $c:tt $d:tt])*) => {
        /// `count` ≥ 1 steps, and half a step if `half` is not zero.
        ///
        /// # Safety
        ///
        /// The CPU has the features of [`I8mm`](super::I8mm); each row has the bytes of these steps, `weights` whole vectors of
        /// `vector` bytes, which are four times as many.
        #[inline]
        #[target_feature(enable = "neon,i8mm")]
        unsafe fn $name(
            squares: &mut [[[int32x4_t; 2]; $columns]; 2],
            rows: [*const u8; 4],
            weights: *const u8,
            vector: usize,
            [count, half]: [usize; 2],
        ) {
            // SAFETY: the caller's promise. What is loaded behind the last step of the first vector is the second one.
            unsafe {
                asm!(
                    "ldp q26, q27, [{w0}], #32",
                    "2:",
                    "ldr q24, [{r0}], #16",
                    "ldr q30, [{r1}], #16",
                    "ldr q25, [{r2}], #16",
                    "ldr q31, [{r3}], #16",
                    "zip1 v28.2d, v24.2d, v30.2d",
                    "zip2 v24.2d, v24.2d, v30.2d",
                    "zip1 v29.2d, v25.2d, v31.2d",
                    "zip2 v25.2d, v25.2d, v31.2d",
                    concat!($(
                        "ldp q30, q31, [{", stringify!($now), "}], #32\n",
                        "usmmla ", $a, ".4s, v28.16b, v26.16b\n",
                        "usmmla ", $c, ".4s, v29.16b, v26.16b\n",
                        "usmmla ", $b, ".4s, v28.16b, v27.16b\n",
                        "usmmla ", $d, ".4s, v29.16b, v27.16b\n",
                        "ldp q26, q27, [{", stringify!($next), "}], #32\n",
                        "usmmla ", $a, ".4s, v24.16b, v30.16b\n",
                        "usmmla ", $c, ".4s, v25.16b, v30.16b\n",
                        "usmmla ", $b, ".4s, v24.16b, v31.16b\n",
                        "usmmla ", $d, ".4s, v25.16b, v31.16b\n",
                    )*),
                    "subs {count}, {count}, #1",
                    "b.ne 2b",
                    "cbz {half}, 3f",
                    "ldr d24, [{r0}]",
                    "ldr d30, [{r1}]",
                    "ldr d25, [{r2}]",
                    "ldr d31, [{r3}]",
                    "zip1 v28.2d, v24.2d, v30.2d",
                    "zip1 v29.2d, v25.2d, v31.2d",
                    concat!($(
                        "usmmla ", $a, ".4s, v28.16b, v26.16b\n",
                        "usmmla ", $c, ".4s, v29.16b, v26.16b\n",
                        "usmmla ", $b, ".4s, v28.16b, v27.16b\n",
                        "usmmla ", $d, ".4s, v29.16b, v27.16b\n",
                        "ldp q26, q27, [{", stringify!($next), "}], #32\n",
                    )*),
                    "3:",
                    half = in(reg) half,
                    r0 = inout(reg) rows[0] => _, r1 = inout(reg) rows[1] => _,
                    r2 = inout(reg) rows[2] => _, r3 = inout(reg) rows[3] => _,
                    count = inout(reg) count => _,
                    $(
                        $now = inout(reg) weights.add($n * vector) => _,
                        inout($a) squares[0][$n][0], inout($b) squares[0][$n][1],
                        inout($c) squares[1][$n][0], inout($d) squares[1][$n][1],
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
    [w0 w1 0 "v0" "v1" "v8" "v9"]
    [w1 w2 1 "v2" "v3" "v10" "v11"]
    [w2 w3 2 "v4" "v5" "v12" "v13"]
    [w3 w0 3 "v6" "v7" "v14" "v15"]
);
whole_steps!(
    whole_steps_of_6, 6,
    [w0 w1 0 "v0" "v1" "v12" "v13"]
    [w1 w2 1 "v2" "v3" "v14" "v15"]
    [w2 w3 2 "v4" "v5" "v16" "v17"]
    [w3 w4 3 "v6" "v7" "v18" "v19"]
    [w4 w5 4 "v8" "v9" "v20" "v21"]
    [w5 w0 5 "v10" "v11" "v22" "v23"]
);

/// One to seven bytes, the others zero.
///
/// # Safety
///
/// `count` bytes are there, and `count` is 1 to 7.
#[inline(always)]
unsafe fn seven_of(from: *const u8, count: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match count {
            0..4 => u64::from(few_of(from, count)),
            4 => u64::from(from.cast::<u32>().read_unaligned()),
            _ => u64::from(from.cast::<u32>().read_unaligned()) | u64::from(few_of(from.add(4), count - 4)) << 32,
        }
    }
}

/// [`Isa::multiply`].
#[inline(always)]
pub(super) fn multiply<const M: usize, const N: usize>(
    neon: Neon,
    start: [[int32x4_t; N]; M],
    matrix: &Matrix<'_>,
    first: usize,
    panel: &Panel<'_, super::I8mm, N>,
) -> [[int32x4_t; N]; M] {
    let mut sums = start;
    let (vector, panel_at) = (panel.vector(), panel.bytes().as_ptr());
    // What is not there is not read. No early return: its own copy of `start` would cost a move for every sum.
    let (rows, stride, k) = matrix.rows(first, M, panel);
    // Rows 2i and 2i + 1 are pair i; a row without another is paired with itself.
    let other = |pair: usize| (2 * pair + 1).min(M - 1);
    let mut squares = [[[neon.splat_i32(0); 2]; N]; M];
    for pair in 0..M.div_ceil(2) {
        for n in 0..N {
            squares[pair][n] = halves(neon, start[2 * pair][n], start[other(pair)][n]);
        }
    }
    // SAFETY: token.
    let mut x = [unsafe { vdupq_n_u8(0) }; M];
    let (mut at, mut whole) = (0, false);
    macro_rules! whole {
        ($steps:ident, $columns:literal) => {
            if const { M == 4 && N == $columns } {
                let mut some = [[[neon.splat_i32(0); 2]; $columns]; 2];
                for n in 0..N.min($columns) {
                    (some[0][n], some[1][n]) = (squares[0][n], squares[1][n]);
                }
                if k >= 16 && k.is_multiple_of(8) {
                    let row = |m: usize| rows.wrapping_add(m * stride);
                    // SAFETY: token; each of the M rows has k codes, `panel` N vectors of `vector` ≥ 4 · k bytes.
                    unsafe { $steps(&mut some, [row(0), row(1), row(2), row(3)], panel_at, vector, [k / 16, k & 8]) };
                    whole = true;
                } else {
                    let [first, second] = some;
                    some =
                        [neon.here::<{ u8::MAX }, $columns, 2>(first), neon.here::<{ u8::MAX }, $columns, 2>(second)];
                }
                for n in 0..N.min($columns) {
                    (squares[0][n], squares[1][n]) = (some[0][n], some[1][n]);
                }
            }
        };
    }
    whole!(whole_steps_of_4, 4);
    whole!(whole_steps_of_6, 6);
    if !whole {
        while at + 16 <= k {
            let mut second = x;
            for pair in 0..M.div_ceil(2) {
                // SAFETY: token; each of the M rows has k codes, and at + 16 ≤ k.
                unsafe {
                    let a = vld1q_u8(rows.add(2 * pair * stride + at));
                    let b = vld1q_u8(rows.add(other(pair) * stride + at));
                    let [low, high] = halves(neon, vreinterpretq_s32_u8(a), vreinterpretq_s32_u8(b));
                    (x[pair], second[pair]) = (vreinterpretq_u8_s32(low), vreinterpretq_u8_s32(high));
                }
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and 4 · (at + 16) ≤ vector.
            unsafe {
                let weights = panel_at.add(4 * at);
                step::<M, N>(&mut squares, &x, weights, vector);
                step::<M, N>(&mut squares, &second, weights.add(32), vector);
            }
            at += 16;
        }
        if at + 8 <= k {
            for pair in 0..M.div_ceil(2) {
                // SAFETY: token; each of the M rows has k codes, and at + 8 ≤ k.
                x[pair] = unsafe {
                    let a = vld1_u8(rows.add(2 * pair * stride + at));
                    vcombine_u8(a, vld1_u8(rows.add(other(pair) * stride + at)))
                };
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and 4 · (at + 8) ≤ vector.
            unsafe { step::<M, N>(&mut squares, &x, panel_at.add(4 * at), vector) };
            at += 8;
        }
        if at < k {
            for pair in 0..M.div_ceil(2) {
                // SAFETY: token; each of the M rows has k codes, and at < k < at + 8.
                x[pair] = unsafe {
                    let a = seven_of(rows.add(2 * pair * stride + at), k - at);
                    let b = seven_of(rows.add(other(pair) * stride + at), k - at);
                    vcombine_u8(vcreate_u8(a), vcreate_u8(b))
                };
            }
            // SAFETY: token; `panel` has N vectors of `vector` bytes, and `vector` counts whole steps.
            unsafe { step::<M, N>(&mut squares, &x, panel_at.add(4 * at), vector) };
        }
    }
    for pair in 0..M.div_ceil(2) {
        for n in 0..N {
            let [low, high] = squares[pair][n];
            // In this order: a row that is paired with itself has the same sums twice.
            [sums[2 * pair][n], sums[other(pair)][n]] = zipped(neon, low, high);
        }
    }
    sums
}
