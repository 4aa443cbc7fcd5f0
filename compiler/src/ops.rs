//! The closed set of operators of the float graph; one file each, with formula, shape, float meaning and tests.
//!
//! The integer meaning of each is in `qops`.

/// An operator with its constants.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Convolution of any kind: general, pointwise, depthwise, dense on a vector.
    Conv(Conv),
    /// `y = scale[c]·x + shift[c]`: batch norm, multiplications and additions of constants, preprocessing.
    Affine(Affine),
    /// Elementwise function of one tensor.
    Activation(Activation),
    /// `y = x₁ + x₂`, equal shapes.
    Add,
    /// `y = x₁ · x₂`; the second has the same shape, or is a vector that is broadcast over the pixels (a gate).
    Mul,
    /// Mean over all pixels.
    GlobalAveragePool,
    /// Mean over a window.
    AveragePool(AveragePool),
    /// Maximum over a window.
    MaxPool(MaxPool),
    /// Softmax over the channels of a vector.
    Softmax,
}

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
    pub window: crate::graph::Window,
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

/// `y = scale[c]·x + shift[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// One per channel.
    pub scale: Vec<f32>,
    /// One per channel.
    pub shift: Vec<f32>,
}

/// Elementwise functions of one tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `min(max(x, lo), hi)`; ReLU is `lo = 0, hi = ∞`, ReLU6 is `lo = 0, hi = 6`.
    Clip {
        /// Lower bound, may be −∞.
        lo: f32,
        /// Upper bound, may be +∞.
        hi: f32,
    },
    /// `clamp(alpha·x + beta, 0, 1)`.
    HardSigmoid {
        /// Slope; 1/6 in MobileNetV3, 0.2 by ONNX's default.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `x · clamp(x/6 + 1/2, 0, 1)`.
    HardSwish,
    /// `x · clamp(alpha·x + beta, 0, 1)` with a slope that is not 1/6.
    HardSwishLike {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// `x · sigmoid(beta·x)`.
    Silu {
        /// Slope inside the sigmoid, usually 1.
        beta: f32,
    },
}

/// Mean over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePool {
    /// Kernel, stride, padding above and left; dilation is one.
    pub window: crate::graph::Window,
    /// Padding below and right.
    pub pad_end: [usize; 2],
    /// Whether taps outside of the input count in the divisor.
    pub count_pad: bool,
}

/// Maximum over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool {
    /// Kernel, stride, dilation, padding above and left.
    pub window: crate::graph::Window,
    /// Padding below and right (`ceil_mode` included).
    pub pad_end: [usize; 2],
}
