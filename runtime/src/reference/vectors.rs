//! Vectors in reals (eq. 33–36).

use super::{code, max, min, sigmoid};
use crate::kernel::{Dequantize, Quantize, RealFunction, RealLine};

/// What codes stand for (eq. 33).
pub fn dequantize<T: Copy + Into<f32>>(layer: &Dequantize<'_>, input: &[T], output: &mut [f32]) {
    for c in 0..output.len() {
        output[c] = layer.scale[c] * (input[c].into() - layer.zero[c]);
    }
}

/// Wide codes of reals (eq. 34, 13).
pub fn quantize(layer: &Quantize<'_>, input: &[f32], output: &mut [u16]) {
    for c in 0..output.len() {
        output[c] = code(input[c] * layer.multiplier[c] + layer.bias[c], layer.top);
    }
}

/// A function of every element (eq. 35).
pub fn real_function(function: RealFunction, input: &[f32], output: &mut [f32]) {
    for (y, &x) in output.iter_mut().zip(input) {
        *y = match function {
            RealFunction::Clip { lo, hi } => min(max(x, lo), hi),
            RealFunction::HardSigmoid { alpha, beta } => min(max(alpha * x + beta, 0.0), 1.0),
            RealFunction::HardSwish { alpha, beta } => x * min(max(alpha * x + beta, 0.0), 1.0),
            RealFunction::Sigmoid => sigmoid(x),
            RealFunction::Silu { beta } => x * sigmoid(beta * x),
            RealFunction::Tanh => sigmoid(x + x) * 2.0 - 1.0,
            RealFunction::Leaky { .. } if x > 0.0 => x,
            RealFunction::Leaky { slope } => slope * x,
        };
    }
}

/// A line with a bend at zero (eq. 36).
pub fn real_line(layer: &RealLine<'_>, input: &[f32], output: &mut [f32]) {
    for c in 0..output.len() {
        let slope = if input[c] > 0.0 { layer.scale[c] } else { layer.below[c] };
        output[c] = input[c] * slope + layer.shift[c];
    }
}

/// Sum (eq. 36).
pub fn real_add(first: &[f32], second: &[f32], output: &mut [f32]) {
    for c in 0..output.len() {
        output[c] = first[c] + second[c];
    }
}

/// Product (eq. 36).
pub fn real_multiply(first: &[f32], second: &[f32], output: &mut [f32]) {
    for c in 0..output.len() {
        output[c] = first[c] * second[c];
    }
}
