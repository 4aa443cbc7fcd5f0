//! Sum and product of two tensors.
//!
//! ## Formula
//!
//! `y = x₁ + x₂`, equal shapes. `y[p,c] = x₁[p,c] · x₂[p,c]`, or `x₁[p,c] · x₂[c]` where `x₂` is a vector (a gate).

use crate::graph::Shape;
use ndarray::Array3;

/// Equal shapes only.
pub(crate) fn add_shape(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b {
        Ok(a)
    } else {
        Err(format!("the summands differ: {a:?} and {b:?}"))
    }
}

/// Equal shapes, or a vector as second.
pub(crate) fn multiply_shape(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b || b == Shape::vector(a.channels) {
        Ok(a)
    } else {
        Err(format!(
            "the factors differ and the second is no vector of the first's channels: {a:?} and {b:?}"
        ))
    }
}

/// `x₁ + x₂`.
pub fn add(a: &Array3<f32>, b: &Array3<f32>) -> Array3<f32> {
    a + b
}

/// `x₁ · x₂`, the second broadcast over the pixels.
pub fn multiply(a: &Array3<f32>, b: &Array3<f32>) -> Array3<f32> {
    a * b
}
