//! Sum of two tensors.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c] + x₂[p,c]`, equal shapes.

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// `Op::Add`.
pub(super) struct Add;

impl Operator for Add {
    fn kind(&self) -> &'static str {
        "add"
    }

    fn reads(&self, count: usize) -> bool {
        count == 2
    }

    /// Equal shapes only.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match inputs {
            [a, b] if a == b => Ok(*a),
            _ => Err(format!("the summands differ: {inputs:?}")),
        }
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let mut inputs = inputs.into_iter();
        let mut x = inputs.next()?.into_owned();
        x += inputs.next()?.as_ref();
        Some(x)
    }

    fn backward(&self, _: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        Some(vec![slope.clone(), slope.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_only() {
        assert!(Add.shape(&[Shape::new(2, 2, 3), Shape::new(2, 2, 3)]).is_ok());
        assert!(Add.shape(&[Shape::new(2, 2, 3), Shape::vector(3)]).is_err());
    }
}
