//! Mean over all pixels.
//!
//! ## Formula
//!
//! `y[c] = (1/P) Σ_p x[p,c]`

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// `Op::GlobalAveragePool`.
pub(super) struct GlobalAveragePool;

impl Operator for GlobalAveragePool {
    fn kind(&self) -> &'static str {
        "global_average_pool"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(Shape::vector(inputs.first().ok_or("no input")?.channels))
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        inputs.first().map(|x| global_average(x))
    }

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let shape = inputs.first()?.dim();
        let share = slope / (shape.0 * shape.1).max(1) as f32;
        Some(vec![share.broadcast(shape)?.as_standard_layout().into_owned()])
    }
}

/// The mean of every channel, a 1×1 map. Summed row by row, so that the rounding of f32 stays small.
pub fn global_average(x: &Array3<f32>) -> Array3<f32> {
    let (height, width, channels) = x.dim();
    let mut total = vec![0.0f32; channels];
    let mut line = vec![0.0f32; channels];
    for row in x.outer_iter() {
        line.fill(0.0);
        for pixel in row.outer_iter() {
            line.iter_mut().zip(pixel.iter()).for_each(|(sum, v)| *sum += v);
        }
        total.iter_mut().zip(&line).for_each(|(sum, v)| *sum += v);
    }
    let pixels = (height * width).max(1) as f32;
    Array3::from_shape_fn((1, 1, channels), |(_, _, c)| total[c] / pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_per_channel() {
        let x = Array3::from_shape_vec((1, 2, 2), vec![1.0, 10.0, 3.0, 30.0]).unwrap();
        assert_eq!(global_average(&x).into_raw_vec_and_offset().0, [2.0, 20.0]);
    }
}
