//! Channels of maps side by side.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c]` for the channels of the first map, then `y[p,c] = x₂[p, c − C₁]`, and so on.

use super::moves::{MovePart, Moves};
use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::{Array3, Axis};

/// `Op::Concat`.
pub(super) struct Concat;

impl Operator for Concat {
    fn kind(&self) -> &'static str {
        "concat"
    }

    fn reads(&self, count: usize) -> bool {
        count >= 2
    }

    /// Channels add up; rows and columns agree.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let first = inputs.first().ok_or("nothing side by side")?;
        match inputs.iter().find(|x| (x.height, x.width) != (first.height, first.width)) {
            Some(b) => {
                Err(format!("maps of {}×{} and {}×{} side by side", first.height, first.width, b.height, b.width))
            }
            None => Ok(Shape { channels: inputs.iter().map(|x| x.channels).sum(), ..*first }),
        }
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let views: Vec<_> = inputs.iter().map(|x| x.view()).collect();
        // Standard layout: what reads it takes it as one slice.
        ndarray::concatenate(Axis(2), &views).ok().map(|y| y.as_standard_layout().into_owned())
    }

    fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        let output = self.shape(inputs).ok()?;
        let mut to = 0;
        let part = |x: &Shape| {
            let part = MovePart { runs: vec![[0, to, x.channels]], ..MovePart::identity(*x) };
            to += x.channels;
            part
        };
        Some(Moves { output, parts: inputs.iter().map(part).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_each_pixel_follow_each_other() {
        let a = Array3::from_shape_vec((1, 2, 1), vec![1.0, 2.0]).unwrap();
        let b = Array3::from_shape_vec((1, 2, 2), vec![3.0, 4.0, 5.0, 6.0]).unwrap();
        let c = Array3::from_shape_vec((1, 2, 1), vec![7.0, 8.0]).unwrap();
        let shapes = [Shape::new(1, 2, 1), Shape::new(1, 2, 2), Shape::new(1, 2, 1)];
        let y = Concat.shape(&shapes).unwrap();
        assert_eq!(y, Shape::new(1, 2, 4));
        let expected = [1.0, 3.0, 4.0, 7.0, 2.0, 5.0, 6.0, 8.0];
        let moved = Concat.moves(&shapes).unwrap().run(&[&a, &b, &c]).unwrap();
        assert_eq!(moved.as_slice().unwrap(), expected);
        let joined = Concat.run([a, b, c].map(Operand::Owned).into(), y).unwrap();
        assert_eq!(joined.as_slice().unwrap(), expected);
        assert!(Concat.shape(&[Shape::new(1, 2, 1), Shape::new(2, 1, 1)]).is_err());
    }
}
