//! Maximum over a window.
//!
//! ## Formula
//!
//! `y[p,c] = max_k x[p·stride + k·dilation − pad, c]` over the taps inside of the input.

use super::window::{describe, taps, windowed_extent};
use super::{Operand, Operator};
use crate::graph::{Shape, Window};
use ndarray::Array3;

/// Maximum over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool {
    /// Kernel, stride, dilation, padding above and left.
    pub window: Window,
    /// Padding below and right (`ceil_mode` included).
    pub pad_end: [usize; 2],
}

impl Operator for MaxPool {
    fn kind(&self) -> &'static str {
        "max_pool"
    }

    /// Channels stay.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = *inputs.first().ok_or("no input")?;
        let [height, width] = windowed_extent(x, &self.window, self.pad_end)?;
        Ok(Shape::new(height, width, x.channels))
    }

    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>> {
        Some(self.naive(inputs.first()?, y))
    }

    /// The first of the largest taps has the slope.
    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let x = inputs.first()?;
        let (height, width, channels) = x.dim();
        let shape = Shape::new(height, width, channels);
        let mut result = Array3::zeros(x.raw_dim());
        for ((row, column, c), g) in slope.indexed_iter() {
            let inside = taps(shape, &self.window, row, column).filter_map(|(_, pixel)| pixel);
            let best = inside.map(|p| [p / width, p % width, c]).reduce(|a, b| if x[b] > x[a] { b } else { a });
            if let Some(best) = best {
                result[best] += g;
            }
        }
        Some(vec![result])
    }

    fn attributes(&self) -> String {
        describe(&self.window, self.pad_end)
    }
}

impl MaxPool {
    /// The formula, naively.
    pub fn naive(&self, x: &Array3<f32>, y: Shape) -> Array3<f32> {
        let (height, width, channels) = x.dim();
        let shape = Shape::new(height, width, channels);
        Array3::from_shape_fn((y.height, y.width, channels), |(row, column, c)| {
            taps(shape, &self.window, row, column)
                .filter_map(|(_, pixel)| pixel.map(|p| x[[p / width, p % width, c]]))
                .fold(f32::NEG_INFINITY, f32::max)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_never_wins() {
        let x = Array3::from_shape_vec((1, 3, 1), vec![-5.0, -4.0, -6.0]).unwrap();
        let window = Window { kernel: [1, 2], stride: [1, 2], dilation: [1, 1], pad: [0, 1] };
        let pool = MaxPool { window, pad_end: [0, 0] };
        let y = pool.shape(&[Shape::new(1, 3, 1)]).unwrap();
        assert_eq!(pool.naive(&x, y).into_raw_vec_and_offset().0, [-5.0, -4.0]);
    }
}
