//! Product of two tensors.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c] · x₂[p,c]`, or `x₁[p,c] · x₂[c]` where `x₂` is a vector (a gate).

use crate::graph::Shape;
use ndarray::Array3;

/// Equal shapes, or a vector as second.
pub(super) fn shape(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b || b == Shape::vector(a.channels) {
        Ok(a)
    } else {
        Err(format!("the factors differ and the second is no vector of the first's channels: {a:?} and {b:?}"))
    }
}

/// The formula.
pub fn multiply(a: &Array3<f32>, b: &Array3<f32>) -> Array3<f32> {
    a * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_second_and_broadcast_over_pixels() {
        assert!(shape(Shape::new(2, 2, 3), Shape::vector(3)).is_ok());
        assert!(shape(Shape::vector(3), Shape::new(2, 2, 3)).is_err());
        let x = Array3::from_shape_vec((1, 2, 2), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let gate = Array3::from_shape_vec((1, 1, 2), vec![10.0, 0.5]).unwrap();
        assert_eq!(multiply(&x, &gate).into_raw_vec_and_offset().0, [10.0, 1.0, 30.0, 2.0]);
    }
}
