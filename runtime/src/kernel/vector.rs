//! Vectors in reals (eq. 33–36): between wide codes and f32, functions and sums of f32. Scalar: vectors are short.

use super::real::sigmoid;

/// 1.5 · 2^23: adding it leaves the nearest integer, ties to even.
const ROUND: f32 = 12_582_912.0;

/// Codes that reals are made of.
pub trait Code: Copy + Into<f32> {}
impl Code for u8 {}
impl Code for u16 {}

/// What codes stand for (eq. 33).
#[derive(Clone, Copy, Debug)]
pub struct Dequantize<'a> {
    /// Real size of one step per channel; may be padded.
    pub scale: &'a [f32],
    /// Zero point per channel; may be padded.
    pub zero: &'a [f32],
}

/// `r[c] = scale[c] · (f32(x[c]) − zero[c])`.
#[inline]
pub fn dequantize<T: Code>(layer: &Dequantize<'_>, input: &[T], output: &mut [f32]) {
    for (((to, &x), scale), zero) in output.iter_mut().zip(input).zip(layer.scale).zip(layer.zero) {
        *to = scale * (x.into() - zero);
    }
}

/// Wide codes of reals (eq. 34).
#[derive(Clone, Copy, Debug)]
pub struct Quantize<'a> {
    /// `1 / s_y` per channel; may be padded.
    pub multiplier: &'a [f32],
    /// `z_y` per channel; may be padded.
    pub bias: &'a [f32],
    /// Largest code, at most 32767.
    pub top: u16,
}

/// `q[c] = rne(min(max(r[c] · multiplier[c] + bias[c], 0), top))`.
#[inline]
pub fn quantize(layer: &Quantize<'_>, input: &[f32], output: &mut [u16]) {
    let top = f32::from(layer.top);
    for (((to, &r), multiplier), bias) in output.iter_mut().zip(input).zip(layer.multiplier).zip(layer.bias) {
        let y = r * multiplier + bias;
        let y = if y > 0.0 { y } else { 0.0 };
        let y = if y < top { y } else { top };
        *to = (y + ROUND - ROUND) as u16;
    }
}

/// A function of one real (eq. 35); all are written in additions, products, comparisons and the sigmoid of eq. 19.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RealFunction {
    /// `min(max(x, lo), hi)`.
    Clip {
        /// Lower bound.
        lo: f32,
        /// Upper bound.
        hi: f32,
    },
    /// `min(max(alpha·x + beta, 0), 1)`.
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `x · min(max(alpha·x + beta, 0), 1)`.
    HardSwish {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `sigmoid(x)`.
    Sigmoid,
    /// `x · sigmoid(beta·x)`.
    Silu {
        /// Slope inside the sigmoid.
        beta: f32,
    },
    /// `sigmoid(x + x) · 2 − 1`.
    Tanh,
    /// `x` above zero, `slope·x` below.
    Leaky {
        /// Slope below zero.
        slope: f32,
    },
}

impl RealFunction {
    /// The function, each operation rounded by itself, in the order written.
    #[inline]
    pub fn apply(self, x: f32) -> f32 {
        let clip = |x: f32, lo: f32, hi: f32| {
            let x = if x > lo { x } else { lo };
            if x < hi { x } else { hi }
        };
        match self {
            Self::Clip { lo, hi } => clip(x, lo, hi),
            Self::HardSigmoid { alpha, beta } => clip(alpha * x + beta, 0.0, 1.0),
            Self::HardSwish { alpha, beta } => x * clip(alpha * x + beta, 0.0, 1.0),
            Self::Sigmoid => sigmoid(x),
            Self::Silu { beta } => x * sigmoid(beta * x),
            Self::Tanh => sigmoid(x + x) * 2.0 - 1.0,
            Self::Leaky { slope } => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
        }
    }
}

/// A function of every element.
#[inline]
pub fn real_function(function: RealFunction, input: &[f32], output: &mut [f32]) {
    for (to, &x) in output.iter_mut().zip(input) {
        *to = function.apply(x);
    }
}

/// A straight line per channel, with a bend at zero (eq. 36).
#[derive(Clone, Copy, Debug)]
pub struct RealLine<'a> {
    /// Slope above zero per channel; may be padded.
    pub scale: &'a [f32],
    /// Slope below zero per channel; may be padded.
    pub below: &'a [f32],
    /// Summand per channel; may be padded.
    pub shift: &'a [f32],
}

/// `y[c] = x[c] · (scale[c] if x[c] > 0, else below[c]) + shift[c]`.
#[inline]
pub fn real_line(layer: &RealLine<'_>, input: &[f32], output: &mut [f32]) {
    let constants = layer.scale.iter().zip(layer.below).zip(layer.shift);
    for ((to, &x), ((scale, below), shift)) in output.iter_mut().zip(input).zip(constants) {
        *to = x * if x > 0.0 { *scale } else { *below } + shift;
    }
}

/// `y[c] = x₁[c] + x₂[c]`.
#[inline]
pub fn real_add(first: &[f32], second: &[f32], output: &mut [f32]) {
    for ((to, a), b) in output.iter_mut().zip(first).zip(second) {
        *to = a + b;
    }
}

/// `y[c] = x₁[c] · x₂[c]`.
#[inline]
pub fn real_multiply(first: &[f32], second: &[f32], output: &mut [f32]) {
    for ((to, a), b) in output.iter_mut().zip(first).zip(second) {
        *to = a * b;
    }
}
