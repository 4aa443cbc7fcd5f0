//! The number of the best channel of every pixel.
//!
//! ## Formula
//!
//! `y[p] = min { c : x[p,c] = max_k x[p,k] }`

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// Class numbers are u8.
pub const MOST_CLASSES: usize = 256;

/// `Op::ArgMax`.
pub(super) struct ArgMax;

impl Operator for ArgMax {
    fn kind(&self) -> &'static str {
        "arg_max"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        if x.channels > MOST_CLASSES {
            return Err(format!("the best of {} channels; class numbers go up to {}", x.channels, MOST_CLASSES - 1));
        }
        Ok(Shape { channels: 1, ..*x })
    }

    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>> {
        let x = inputs.first()?.as_slice()?;
        let channels = x.len().checked_div(y.pixels())?.max(1);
        let best = |pixel: &[f32]| {
            let better = |best: (usize, f32), (c, &v): (usize, &f32)| if v > best.1 { (c, v) } else { best };
            pixel.iter().enumerate().fold((0, f32::NEG_INFINITY), better).0 as f32
        };
        Array3::from_shape_vec((y.height, y.width, 1), x.chunks_exact(channels).map(best).collect()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals() {
        let x = Array3::from_shape_vec((1, 2, 3), vec![1.0, 3.0, 3.0, -1.0, -2.0, -3.0]).unwrap();
        let y = ArgMax.run(vec![Operand::Borrowed(&x)], Shape::new(1, 2, 1)).unwrap();
        assert_eq!(y.as_slice().unwrap(), [1.0, 0.0]);
        assert!(ArgMax.shape(&[Shape::new(1, 1, 257)]).is_err());
    }
}
