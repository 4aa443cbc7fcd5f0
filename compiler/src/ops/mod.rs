//! The closed set of operators of the float graph; one file each, with formula, shape, float meaning and tests.
//!
//! The float meaning here is the naive one, written to be read; [`crate::execute`] computes the same quickly.
//! The integer meaning of each is in [`crate::qgraph`], the way there in [`crate::quantize`].

mod activation;
mod add;
mod affine;
mod average_pool;
mod concat;
mod conv;
mod global_average_pool;
mod max_pool;
mod mul;
mod softmax;
mod window;

pub use activation::Activation;
pub use add::add;
pub use affine::Affine;
pub use average_pool::AveragePool;
pub use concat::concat;
pub use conv::Conv;
pub use global_average_pool::global_average;
pub use max_pool::MaxPool;
pub use mul::multiply;
pub use softmax::softmax;
pub use window::{output_extent, windowed_extent};

use crate::graph::Shape;

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
    /// Channels of two maps side by side.
    Concat,
    /// Mean over all pixels.
    GlobalAveragePool,
    /// Mean over a window.
    AveragePool(AveragePool),
    /// Maximum over a window.
    MaxPool(MaxPool),
    /// Softmax over the channels of a vector.
    Softmax,
}

impl Op {
    /// The operator's name, as the text dump writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Conv(_) => "conv",
            Op::Affine(_) => "affine",
            Op::Activation(_) => "activation",
            Op::Add => "add",
            Op::Mul => "mul",
            Op::Concat => "concat",
            Op::GlobalAveragePool => "global_average_pool",
            Op::AveragePool(_) => "average_pool",
            Op::MaxPool(_) => "max_pool",
            Op::Softmax => "softmax",
        }
    }

    /// How many tensors it reads.
    pub fn arity(&self) -> usize {
        match self {
            Op::Add | Op::Mul | Op::Concat => 2,
            Op::Conv(_)
            | Op::Affine(_)
            | Op::Activation(_)
            | Op::GlobalAveragePool
            | Op::AveragePool(_)
            | Op::MaxPool(_)
            | Op::Softmax => 1,
        }
    }

    /// The shape of its result, or why there is none.
    pub fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match (self, inputs) {
            (Op::Conv(conv), [x]) => conv.shape(*x),
            (Op::Affine(affine), [x]) => affine.shape(*x),
            (Op::Activation(_), [x]) => Ok(*x),
            (Op::Add, [a, b]) => add::shape(*a, *b),
            (Op::Mul, [a, b]) => mul::shape(*a, *b),
            (Op::Concat, [a, b]) => concat::shape(*a, *b),
            (Op::GlobalAveragePool, [x]) => Ok(Shape::vector(x.channels)),
            (Op::AveragePool(pool), [x]) => pool.shape(*x),
            (Op::MaxPool(pool), [x]) => pool.shape(*x),
            (Op::Softmax, [x]) => softmax::shape(*x),
            _ => Err(format!("{} reads {} tensors, not {}", self.kind(), self.arity(), inputs.len())),
        }
    }

    /// Products that are summed, for a result of this shape.
    pub fn macs(&self, output: Shape) -> u64 {
        match self {
            Op::Conv(conv) => {
                let per_output = conv.weights.len().checked_div(conv.out_channels).unwrap_or(0);
                (output.len() * per_output) as u64
            }
            Op::Affine(_)
            | Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::GlobalAveragePool
            | Op::AveragePool(_)
            | Op::MaxPool(_)
            | Op::Softmax => 0,
        }
    }

    /// Number of constants.
    pub fn parameters(&self) -> u64 {
        match self {
            Op::Conv(conv) => (conv.weights.len() + conv.bias.len()) as u64,
            Op::Affine(affine) => (affine.scale.len() + affine.shift.len()) as u64,
            Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::GlobalAveragePool
            | Op::AveragePool(_)
            | Op::MaxPool(_)
            | Op::Softmax => 0,
        }
    }
}
