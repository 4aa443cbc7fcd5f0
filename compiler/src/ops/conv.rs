//! Convolution of any kind: general, pointwise, depthwise, dense on a vector.
//!
//! ## Formula
//!
//! `y[p,o] = f(bias[o] + Σ_{k,c} w[o,k,c] · x[p·stride + k·dilation − pad, c])`, where a tap outside of the input
//! reads `pad_value[c]` and `f` is the fused activation, if any.

use super::window::{describe, taps, windowed_extent};
use super::{Activation, Operand, Operator, finite, list};
use crate::graph::{Shape, Window};
use ndarray::Array3;

/// `y[p,o] = bias[o] + Σ_{k,c} w[o,k,c] · x[p·stride + k·dilation − pad, c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// `[output channel][vertical tap][horizontal tap][input channel of the group]`.
    pub weights: Vec<f32>,
    /// One per output channel (zeros where the file has none).
    pub bias: Vec<f32>,
    /// Output channels.
    pub out_channels: usize,
    /// Kernel, stride, dilation, padding above and left.
    pub window: Window,
    /// Padding below and right.
    pub pad_end: [usize; 2],
    /// The channels fall into so many groups; equal to the input channels: depthwise.
    pub groups: usize,
    /// What a tap outside of the input reads, per input channel. Zero as exported; something else once an affine
    /// map of the input has been folded in.
    pub pad_value: Vec<f32>,
    /// Applied to the result.
    pub activation: Option<Activation>,
}

impl Conv {
    /// A pointwise convolution; `weights` are `[output channel][input channel]`.
    pub fn pointwise(weights: Vec<f32>, bias: Vec<f32>, in_channels: usize) -> Self {
        Self {
            out_channels: bias.len(),
            weights,
            bias,
            window: Window::POINT,
            pad_end: [0, 0],
            groups: 1,
            pad_value: vec![0.0; in_channels],
            activation: None,
        }
    }

    /// A map of `channels` surrounded by `value`: a depthwise 1×1 convolution with weight 1 that reads outside.
    pub fn padding(channels: usize, begin: [usize; 2], end: [usize; 2], value: f32) -> Self {
        Self {
            weights: vec![1.0; channels],
            bias: vec![0.0; channels],
            out_channels: channels,
            window: Window { pad: begin, ..Window::POINT },
            pad_end: end,
            groups: channels,
            pad_value: vec![value; channels],
            activation: None,
        }
    }

    /// Input channels.
    pub fn in_channels(&self) -> usize {
        self.pad_value.len()
    }

    /// Channels in, per group.
    pub fn group_channels(&self) -> usize {
        self.in_channels().checked_div(self.groups).unwrap_or(0)
    }

    /// One input channel per group, one output channel per group.
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.in_channels() && self.out_channels == self.groups && self.groups > 0
    }

    /// Kernel 1×1, stride 1, no padding, one group: a matrix product per pixel.
    pub fn is_pointwise(&self) -> bool {
        self.groups == 1 && self.window.kernel == [1, 1] && self.window.stride == [1, 1] && !self.is_padded()
    }

    /// Whether any tap may fall outside of the input.
    pub fn is_padded(&self) -> bool {
        self.window.pad != [0, 0] || self.pad_end != [0, 0]
    }

    /// Weights of one output channel.
    pub fn weights_per_output(&self) -> usize {
        self.window.taps() * self.group_channels()
    }

    /// Height and width by the window; channels by the weights.
    pub fn shape_of(&self, x: Shape) -> Result<Shape, String> {
        let (channels, out) = (self.in_channels(), self.out_channels);
        if x.channels != channels {
            return Err(format!("the convolution takes {channels} channels, its input has {}", x.channels));
        }
        if self.groups == 0 || channels % self.groups != 0 || out % self.groups != 0 || out == 0 {
            return Err(format!("{channels} channels in and {out} out do not fall into {} groups", self.groups));
        }
        let expected = self.window.kernel[0]
            .checked_mul(self.window.kernel[1])
            .and_then(|n| n.checked_mul(channels / self.groups))
            .and_then(|n| n.checked_mul(out));
        if expected != Some(self.weights.len()) || self.bias.len() != out {
            return Err(format!(
                "{} weights and {} biases do not make {out} filters of {}×{}×{}",
                self.weights.len(),
                self.bias.len(),
                self.window.kernel[0],
                self.window.kernel[1],
                channels / self.groups
            ));
        }
        let [height, width] = windowed_extent(x, &self.window, self.pad_end)?;
        Ok(Shape::new(height, width, out))
    }

    /// The formula, naively; `y_shape` is what [`Conv::shape`] says.
    pub fn naive(&self, x: &Array3<f32>, y_shape: Shape) -> Array3<f32> {
        let (height, width, channels) = x.dim();
        let x_shape = Shape::new(height, width, channels);
        let (per_group_in, per_group_out) = (self.group_channels(), self.out_channels / self.groups);
        Array3::from_shape_fn((y_shape.height, y_shape.width, y_shape.channels), |(row, column, o)| {
            let first = o / per_group_out * per_group_in;
            let mut sum = self.bias[o];
            for (tap, pixel) in taps(x_shape, &self.window, row, column) {
                for c in 0..per_group_in {
                    let w = self.weights[(o * self.window.taps() + tap) * per_group_in + c];
                    let value = match pixel {
                        Some(p) => x[[p / width, p % width, first + c]],
                        None => self.pad_value[first + c],
                    };
                    sum += w * value;
                }
            }
            self.activation.map_or(sum, |f| f.apply(sum))
        })
    }
}

impl Operator for Conv {
    fn kind(&self) -> &'static str {
        "conv"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.shape_of(*inputs.first().ok_or("no input")?)
    }

    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>> {
        crate::execute::convolve(self, inputs.first()?, y)
    }

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let x = *inputs.first()?;
        let Some(function) = self.activation else {
            return Some(vec![crate::execute::convolve_backward(self, x, slope)?]);
        };
        let linear = Self { activation: None, ..self.clone() };
        let (height, width, channels) = slope.dim();
        let mut before = crate::execute::convolve(&linear, x, Shape::new(height, width, channels))?;
        before.as_slice_mut()?.iter_mut().zip(slope.as_slice()?).for_each(|(x, g)| *x = function.slope(*x) * g);
        Some(vec![crate::execute::convolve_backward(self, x, &before)?])
    }

    fn attributes(&self) -> String {
        let mut text = describe(&self.window, self.pad_end);
        if self.is_depthwise() && self.groups > 1 {
            text += " depthwise";
        } else if self.groups > 1 {
            text += &format!(" groups {}", self.groups);
        }
        if self.pad_value.iter().any(|&v| v != 0.0) {
            text += &format!(" pad_value {}", list(&self.pad_value));
        }
        if let Some(function) = self.activation {
            text += &format!(" {function}");
        }
        text
    }

    fn check(&self) -> Result<(), String> {
        finite("weight", &self.weights)?;
        finite("bias", &self.bias)?;
        finite("pad value", &self.pad_value)?;
        self.activation.map_or(Ok(()), |function| function.check())
    }

    fn macs(&self, output: Shape) -> u64 {
        (output.len() * self.weights.len().checked_div(self.out_channels).unwrap_or(0)) as u64
    }

    fn parameters(&self) -> u64 {
        (self.weights.len() + self.bias.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_surrounds() {
        let pad = Conv::padding(1, [0, 1], [1, 0], 9.0);
        let x = Array3::from_shape_vec((1, 2, 1), vec![1.0, 2.0]).unwrap();
        let shape = pad.shape_of(Shape::new(1, 2, 1)).unwrap();
        assert_eq!(shape, Shape::new(2, 3, 1));
        assert_eq!(pad.naive(&x, shape).into_raw_vec_and_offset().0, [9.0, 1.0, 2.0, 9.0, 9.0, 9.0]);
    }

    #[test]
    fn shape_refuses_what_does_not_fit() {
        let mut conv = Conv::pointwise(vec![0.0; 6], vec![0.0; 2], 3);
        assert!(conv.shape_of(Shape::new(4, 4, 4)).unwrap_err().contains("takes 3 channels"));
        conv.groups = 2;
        assert!(conv.shape_of(Shape::new(4, 4, 3)).unwrap_err().contains("groups"));
        conv.groups = 1;
        conv.window.kernel = [usize::MAX, 2];
        assert!(conv.shape_of(Shape::new(4, 4, 3)).unwrap_err().contains("weights"));
    }
}
