//! A line with a bend at zero, per channel.
//!
//! ## Formula
//!
//! `y[p,c] = x[p,c]` above zero, `slope[c] · x[p,c]` below. With one slope for all it is [`super::Activation::Leaky`].

use super::{Operand, Operator, finite, list};
use crate::graph::Shape;
use ndarray::Array3;

/// `x` above zero, `slope[c]·x` below.
#[derive(Clone, Debug, PartialEq)]
pub struct PRelu {
    /// One per channel.
    pub slope: Vec<f32>,
}

impl Operator for PRelu {
    fn kind(&self) -> &'static str {
        "prelu"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        if self.slope.len() != x.channels {
            return Err(format!("{} slopes for {} channels", self.slope.len(), x.channels));
        }
        Ok(*x)
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let mut x = inputs.into_iter().next()?.into_owned();
        for pixel in x.as_slice_mut()?.chunks_exact_mut(self.slope.len().max(1)) {
            pixel.iter_mut().zip(&self.slope).for_each(|(x, slope)| *x = if *x > 0.0 { *x } else { slope * *x });
        }
        Some(x)
    }

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let mut result = slope.clone();
        let x = inputs.first()?.as_slice()?;
        for ((g, x), below) in result.as_slice_mut()?.iter_mut().zip(x).zip(self.slope.iter().cycle()) {
            *g *= if *x > 0.0 { 1.0 } else { *below };
        }
        Some(vec![result])
    }

    fn attributes(&self) -> String {
        format!(" {}", list(&self.slope))
    }

    fn check(&self) -> Result<(), String> {
        finite("slope", &self.slope)
    }

    fn parameters(&self) -> u64 {
        self.slope.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_for_each_channel() {
        let x = Array3::from_shape_vec((1, 2, 2), vec![1.0, -2.0, -1.0, 4.0]).unwrap();
        let op = PRelu { slope: vec![0.5, 0.25] };
        let y = op.run(vec![Operand::Owned(x)], Shape::new(1, 2, 2)).unwrap();
        assert_eq!(y.as_slice().unwrap(), [1.0, -0.5, -0.5, 4.0]);
    }
}
