//! Channels of two maps side by side.
//!
//! ## Formula
//!
//! `y[p,c] = x₁[p,c]` for the channels of the first map, then `y[p,c] = x₂[p, c − C₁]`.

use crate::graph::Shape;
use ndarray::{Array3, Axis};

/// Channels add up; rows and columns agree.
pub(super) fn shape(a: Shape, b: Shape) -> Result<Shape, String> {
    if (a.height, a.width) != (b.height, b.width) {
        return Err(format!("maps of {}×{} and {}×{} side by side", a.height, a.width, b.height, b.width));
    }
    Ok(Shape::new(a.height, a.width, a.channels + b.channels))
}

/// The formula.
pub fn concat(a: &Array3<f32>, b: &Array3<f32>) -> Option<Array3<f32>> {
    // Standard layout: what reads it takes it as one slice.
    ndarray::concatenate(Axis(2), &[a.view(), b.view()]).ok().map(|y| y.as_standard_layout().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_each_pixel_follow_each_other() {
        let a = Array3::from_shape_vec((1, 2, 1), vec![1.0, 2.0]).unwrap();
        let b = Array3::from_shape_vec((1, 2, 2), vec![3.0, 4.0, 5.0, 6.0]).unwrap();
        let y = concat(&a, &b).unwrap();
        assert_eq!(y.as_slice().unwrap(), [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
        assert_eq!(shape(Shape::new(1, 2, 1), Shape::new(1, 2, 2)), Ok(Shape::new(1, 2, 3)));
        assert!(shape(Shape::new(1, 2, 1), Shape::new(2, 1, 1)).is_err());
    }
}
