//! Without some rows and columns at the borders.
//!
//! ## Formula
//!
//! `y[i,j,c] = x[i + top, j + left, c]`

use super::moves::{MovePart, Moves};
use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// A window of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// First row and column that stay.
    pub begin: [usize; 2],
    /// Height and width of what stays.
    pub size: [usize; 2],
}

impl Operator for Crop {
    fn kind(&self) -> &'static str {
        "crop"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        let fits = |axis: usize, extent: usize| {
            self.size[axis] > 0 && self.begin[axis].checked_add(self.size[axis]).is_some_and(|end| end <= extent)
        };
        if fits(0, x.height) && fits(1, x.width) {
            Ok(Shape::new(self.size[0], self.size[1], x.channels))
        } else {
            Err(format!("{}×{} from {:?} on of {}×{}", self.size[0], self.size[1], self.begin, x.height, x.width))
        }
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let x = inputs.first()?;
        let (height, width, channels) = x.dim();
        self.moves(&[Shape::new(height, width, channels)])?.run(&[x])
    }

    fn attributes(&self) -> String {
        format!(" from {},{}", self.begin[0], self.begin[1])
    }

    fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        let along = |axis: usize| self.begin[axis]..self.begin[axis] + self.size[axis];
        let part = MovePart::pixels(*inputs.first()?, along(0), along(1));
        Some(Moves { output: self.shape(inputs).ok()?, parts: vec![part] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays() {
        let x = Array3::from_shape_vec((2, 3, 1), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let crop = Crop { begin: [1, 1], size: [1, 2] };
        let y = crop.run(vec![Operand::Borrowed(&x)], Shape::new(1, 2, 1)).unwrap();
        assert_eq!(y.as_slice().unwrap(), [5.0, 6.0]);
        assert!(crop.shape(&[Shape::new(1, 3, 1)]).is_err());
    }
}
