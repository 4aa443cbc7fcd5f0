//! Functions of reals (eq. 19, 20): scalar, they occur on vectors only.

use core::f32::consts::LOG2_E;

/// 1.5 · 2^23: adding it leaves the nearest integer, ties to even.
const ROUND: f32 = 12_582_912.0;

/// `exp(x)` (eq. 19), within 2 units in the last place.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    // |x · log2 e| < 2^22, so the sum is an integer in the last place: rne.
    let n = (x * LOG2_E + ROUND) - ROUND;
    let t = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let e = 1.0 / 5040.0;
    let e = e * t + 1.0 / 720.0;
    let e = e * t + 1.0 / 120.0;
    let e = e * t + 1.0 / 24.0;
    let e = e * t + 1.0 / 6.0;
    let e = e * t + 0.5;
    let e = e * t + 1.0;
    let e = e * t + 1.0;
    // −126 ≤ n ≤ 127: the exponent's bits.
    e * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

/// `1 / (1 + exp(−x))` (eq. 19).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Softmax over as many reals as both slices have (eq. 20).
pub fn softmax(input: &[f32], output: &mut [f32]) {
    let len = input.len().min(output.len());
    let Some(input) = input.get(..len) else { return };
    let mut max = f32::NEG_INFINITY;
    for &x in input {
        max = if x > max { x } else { max };
    }
    let mut sum = 0.0;
    for (y, &x) in output.iter_mut().zip(input) {
        *y = exp(x - max);
        sum += *y;
    }
    for y in output.iter_mut().take(len) {
        *y /= sum;
    }
}

/// The nearest i8 code, ties to even: `rne(min(max(x, −127), 127))`. For the int8 view of reals.
#[inline]
pub fn code_i8(x: f32) -> i8 {
    let x = if x < -127.0 {
        -127.0
    } else if x < 127.0 {
        x
    } else {
        127.0
    };
    // Adding 1.5 · 2^23 leaves no bit after the point.
    (x + 12_582_912.0 - 12_582_912.0) as i8
}
