//! Product of two tensors.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c] · x₂[p,c]`; `x₁[p,c] · x₂[c]` where `x₂` is a vector (a gate); `x₁[p,c] · x₂[p]` where it has one channel.

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::{Array3, Axis};

/// `Op::Mul`.
pub(super) struct Mul;

impl Operator for Mul {
    fn kind(&self) -> &'static str {
        "mul"
    }

    fn reads(&self, count: usize) -> bool {
        count == 2
    }

    /// Equal shapes, or a vector or a map of one channel as second.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match inputs {
            [a, b] if a == b || *b == Shape::vector(a.channels) || *b == (Shape { channels: 1, ..*a }) => Ok(*a),
            _ => Err(format!(
                "the factors differ, and the second is no vector of the first's channels nor a map of one: {inputs:?}"
            )),
        }
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let mut inputs = inputs.into_iter();
        let mut x = inputs.next()?.into_owned();
        x *= inputs.next()?.as_ref();
        Some(x)
    }

    /// What is broadcast gathers the slopes of all elements that it reaches.
    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let [a, b] = inputs else { return None };
        let mut second = slope * *a;
        for axis in [Axis(0), Axis(1), Axis(2)] {
            if b.len_of(axis) == 1 && second.len_of(axis) > 1 {
                second = second.sum_axis(axis).insert_axis(axis);
            }
        }
        Some(vec![slope * *b, second.as_standard_layout().into_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_second_and_broadcast_over_pixels() {
        assert!(Mul.shape(&[Shape::new(2, 2, 3), Shape::vector(3)]).is_ok());
        assert!(Mul.shape(&[Shape::new(2, 2, 3), Shape::new(2, 2, 1)]).is_ok());
        assert!(Mul.shape(&[Shape::vector(3), Shape::new(2, 2, 3)]).is_err());
        let x = Array3::from_shape_vec((1, 2, 2), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let gate = Array3::from_shape_vec((1, 1, 2), vec![10.0, 0.5]).unwrap();
        let y = Mul.run(vec![Operand::Owned(x), Operand::Owned(gate)], Shape::new(1, 2, 2)).unwrap();
        assert_eq!(y.into_raw_vec_and_offset().0, [10.0, 1.0, 30.0, 2.0]);
    }
}
