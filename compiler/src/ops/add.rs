//! Sum of two tensors.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c] + x₂[p,c]`, equal shapes.

use crate::graph::Shape;
use ndarray::Array3;

/// Equal shapes only.
pub(super) fn shape(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b { Ok(a) } else { Err(format!("the summands differ: {a:?} and {b:?}")) }
}

/// The formula.
pub fn add(a: &Array3<f32>, b: &Array3<f32>) -> Array3<f32> {
    a + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_only() {
        assert!(shape(Shape::new(2, 2, 3), Shape::new(2, 2, 3)).is_ok());
        assert!(shape(Shape::new(2, 2, 3), Shape::vector(3)).is_err());
    }
}
