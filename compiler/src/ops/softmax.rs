//! Softmax over the channels of a vector.
//!
//! ## Formula
//!
//! `y[c] = e^(x[c] − m) / Σ_k e^(x[k] − m)`, `m = max x`.

use crate::graph::Shape;
use ndarray::Array3;

/// Vectors only.
pub(crate) fn shape(x: Shape) -> Result<Shape, String> {
    if x.pixels() == 1 { Ok(x) } else { Err(format!("softmax over the channels of a map: {x:?}")) }
}

/// The formula.
pub fn softmax(x: &Array3<f32>) -> Array3<f32> {
    let m = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let e = x.mapv(|v| (v - m).exp());
    let sum: f32 = e.iter().sum();
    e / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_to_one_and_does_not_overflow() {
        let x = Array3::from_shape_vec((1, 1, 3), vec![1000.0, 1000.0, -1000.0]).unwrap();
        assert_eq!(softmax(&x).into_raw_vec_and_offset().0, [0.5, 0.5, 0.0]);
    }
}
