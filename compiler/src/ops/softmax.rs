//! Softmax over the channels of every pixel.
//!
//! ## Formula
//!
//! `y[p,c] = e^(x[p,c] − m) / Σ_k e^(x[p,k] − m)`, `m = max_k x[p,k]`.

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// `Op::Softmax`.
pub(super) struct Softmax;

impl Operator for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        inputs.first().copied().ok_or("no input".into())
    }

    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>> {
        let mut x = inputs.into_iter().next()?.into_owned();
        for pixel in x.as_slice_mut()?.chunks_exact_mut(y.channels.max(1)) {
            let most = pixel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            pixel.iter_mut().for_each(|v| *v = (*v - most).exp());
            let sum: f32 = pixel.iter().sum();
            pixel.iter_mut().for_each(|v| *v /= sum);
        }
        Some(x)
    }

    /// `∂f/∂x_c = y_c · (∂f/∂y_c − Σ_k ∂f/∂y_k · y_k)`.
    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let (height, width, channels) = slope.dim();
        let mut y = self.run(vec![Operand::Borrowed(inputs.first()?)], Shape::new(height, width, channels))?;
        let pixels = y.as_slice_mut()?.chunks_exact_mut(channels.max(1));
        for (y, slope) in pixels.zip(slope.as_slice()?.chunks_exact(channels.max(1))) {
            let mean: f32 = y.iter().zip(slope).map(|(y, g)| y * g).sum();
            y.iter_mut().zip(slope).for_each(|(y, g)| *y *= g - mean);
        }
        Some(vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_sums_to_one_and_does_not_overflow() {
        let x = Array3::from_shape_vec((1, 2, 3), vec![1000.0, 1000.0, -1000.0, 0.0, 0.0, 0.0]).unwrap();
        let y = Softmax.run(vec![Operand::Owned(x)], Shape::new(1, 2, 3)).unwrap();
        assert_eq!(y.as_slice().unwrap(), [0.5, 0.5, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    }
}
