//! Mean over a window.
//!
//! ## Formula
//!
//! `y[p,c] = (1/n) Σ_k x[p·stride + k − pad, c]`, where `n` counts the taps inside of the input, or all taps inside
//! of the padded input if `count_pad`.

use super::window::{describe, taps, windowed_extent};
use super::{Operand, Operator};
use crate::graph::{Shape, Window};
use ndarray::Array3;

/// Mean over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePool {
    /// Kernel, stride, padding above and left; dilation is one.
    pub window: Window,
    /// Padding below and right.
    pub pad_end: [usize; 2],
    /// Whether taps outside of the input count in the divisor.
    pub count_pad: bool,
}

impl Operator for AveragePool {
    fn kind(&self) -> &'static str {
        "average_pool"
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

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let (height, width, channels) = inputs.first()?.dim();
        let shape = Shape::new(height, width, channels);
        let mut result = Array3::zeros((height, width, channels));
        let (rows, columns, _) = slope.dim();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let inside: Vec<usize> = taps(shape, &self.window, row, column).filter_map(|(_, pixel)| pixel).collect();
            let count = if self.count_pad { self.window.taps() } else { inside.len() };
            for p in inside {
                for c in 0..channels {
                    result[[p / width, p % width, c]] += slope[[row, column, c]] / count.max(1) as f32;
                }
            }
        }
        Some(vec![result])
    }

    fn attributes(&self) -> String {
        describe(&self.window, self.pad_end) + if self.count_pad { " count_pad" } else { "" }
    }
}

impl AveragePool {
    /// The formula, naively.
    pub fn naive(&self, x: &Array3<f32>, y: Shape) -> Array3<f32> {
        let (height, width, channels) = x.dim();
        let shape = Shape::new(height, width, channels);
        Array3::from_shape_fn((y.height, y.width, channels), |(row, column, c)| {
            let (mut sum, mut count) = (0.0, 0usize);
            for (_, pixel) in taps(shape, &self.window, row, column) {
                if let Some(p) = pixel {
                    sum += x[[p / width, p % width, c]];
                }
                count += usize::from(self.count_pad || pixel.is_some());
            }
            sum / count.max(1) as f32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divisor_counts_padding_or_not() {
        let x = Array3::from_shape_vec((1, 2, 1), vec![2.0, 4.0]).unwrap();
        let window = Window { kernel: [1, 2], stride: [1, 1], dilation: [1, 1], pad: [0, 1] };
        let mut pool = AveragePool { window, pad_end: [0, 0], count_pad: false };
        let y = pool.shape(&[Shape::new(1, 2, 1)]).unwrap();
        assert_eq!(pool.naive(&x, y).into_raw_vec_and_offset().0, [2.0, 3.0]);
        pool.count_pad = true;
        assert_eq!(pool.naive(&x, y).into_raw_vec_and_offset().0, [1.0, 3.0]);
    }
}
