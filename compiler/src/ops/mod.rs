//! The closed set of operators of the float graph; one file each, with formula, shape, float meaning and tests.
//!
//! ## To add an operator
//!
//! 1. Its file here: a struct of its constants that implements [`Operator`], formula first. Where it only moves elements, its
//!    [`Operator::moves`] are its integer meaning too; where it is another function of one element, a variant of
//!    [`Activation`] is all it takes.
//! 2. Its variant in [`Op`] below, and its line in `Op::operator`. Integer operations that exist are chosen in
//!    `quantize::sites`; new arithmetic is a file of [`crate::weightless`] with its kernel in the runtime.
//! 3. How ONNX spells it: one line in `import::table`.

mod activation;
mod add;
mod affine;
mod arg_max;
mod average_pool;
mod concat;
mod conv;
mod crop;
mod depth_to_space;
mod global_average_pool;
mod max_pool;
mod moves;
mod mul;
mod prelu;
mod resize;
mod select;
mod softmax;
mod window;

pub use activation::Activation;
pub use affine::Affine;
pub use arg_max::MOST_CLASSES;
pub use average_pool::AveragePool;
pub use conv::Conv;
pub use crop::Crop;
pub use depth_to_space::DepthToSpace;
pub use global_average_pool::global_average;
pub use max_pool::MaxPool;
pub use moves::{MovePart, Moves};
pub use prelu::PRelu;
pub use resize::{Coordinates, Nearest, Place, Resize, ResizeMode};
pub use select::Select;
pub use window::{output_extent, windowed_extent};

use crate::graph::Shape;
use ndarray::Array3;
use std::borrow::Cow;

/// An input of an operator: owned where nobody else reads it any more, so that functions of elements work in place.
pub type Operand<'a> = Cow<'a, Array3<f32>>;

/// What every operator says of itself.
pub trait Operator {
    /// Its name, as the text dump writes it.
    fn kind(&self) -> &'static str;

    /// Whether it reads so many tensors.
    fn reads(&self, count: usize) -> bool {
        count == 1
    }

    /// The shape of its result for as many inputs as it reads, or why there is none.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// The float meaning; `None` where the shapes do not fit (verified graphs always fit).
    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>>;

    /// What the text dump says behind the inputs, each word with a space before it.
    fn attributes(&self) -> String {
        String::new()
    }

    /// Whether its constants are numbers, and make sense.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The reverse of [`Operator::run`]: with `slope` the derivatives `∂f/∂y` of any number f by the result, those by each input,
    /// `∂f/∂x = Σ_y ∂f/∂y · ∂y/∂x`. `None` where there are none: classes have no slope.
    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let shape = |x: &&Array3<f32>| Shape::new(x.dim().0, x.dim().1, x.dim().2);
        self.moves(&inputs.iter().map(shape).collect::<Vec<_>>())?.backward(inputs, slope)
    }

    /// Where its elements come from, if it only moves them.
    fn moves(&self, _inputs: &[Shape]) -> Option<Moves> {
        None
    }

    /// Products that are summed, for a result of this shape.
    fn macs(&self, _output: Shape) -> u64 {
        0
    }

    /// Number of constants that training would change.
    fn parameters(&self) -> u64 {
        0
    }
}

/// An operator with its constants.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Convolution of any kind: general, pointwise, depthwise, dense on a vector.
    Conv(Conv),
    /// `y = scale[c]·x + shift[c]`: batch norm, multiplications and additions of constants, preprocessing.
    Affine(Affine),
    /// Elementwise function of one tensor.
    Activation(Activation),
    /// `x` above zero, `slope[c]·x` below.
    PRelu(PRelu),
    /// `y = x₁ + x₂`, equal shapes.
    Add,
    /// `y = x₁ · x₂`; the second has the same shape, is a vector that is broadcast over the pixels (a gate), or a map of one
    /// channel.
    Mul,
    /// Channels of maps side by side.
    Concat,
    /// Some channels, in any order.
    Select(Select),
    /// Without some rows and columns at the borders.
    Crop(Crop),
    /// Channels become pixels.
    DepthToSpace(DepthToSpace),
    /// More or fewer pixels.
    Resize(Resize),
    /// Mean over all pixels.
    GlobalAveragePool,
    /// Mean over a window.
    AveragePool(AveragePool),
    /// Maximum over a window.
    MaxPool(MaxPool),
    /// Softmax over the channels of every pixel.
    Softmax,
    /// The number of the best channel of every pixel.
    ArgMax,
}

impl Op {
    /// The operator of the variant.
    pub fn operator(&self) -> &dyn Operator {
        match self {
            Op::Conv(op) => op,
            Op::Affine(op) => op,
            Op::Activation(op) => op,
            Op::PRelu(op) => op,
            Op::Add => &add::Add,
            Op::Mul => &mul::Mul,
            Op::Concat => &concat::Concat,
            Op::Select(op) => op,
            Op::Crop(op) => op,
            Op::DepthToSpace(op) => op,
            Op::Resize(op) => op,
            Op::GlobalAveragePool => &global_average_pool::GlobalAveragePool,
            Op::AveragePool(op) => op,
            Op::MaxPool(op) => op,
            Op::Softmax => &softmax::Softmax,
            Op::ArgMax => &arg_max::ArgMax,
        }
    }

    /// The operator's name, as the text dump writes it.
    pub fn kind(&self) -> &'static str {
        self.operator().kind()
    }

    /// The shape of its result, or why there is none.
    pub fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if self.operator().reads(inputs.len()) {
            self.operator().shape(inputs)
        } else {
            Err(format!("{} does not read {} tensors", self.kind(), inputs.len()))
        }
    }

    /// Where its elements come from, if it only moves them.
    pub fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        self.operator().moves(inputs)
    }

    /// Products that are summed, for a result of this shape.
    pub fn macs(&self, output: Shape) -> u64 {
        self.operator().macs(output)
    }

    /// Number of constants that training would change.
    pub fn parameters(&self) -> u64 {
        self.operator().parameters()
    }
}

/// The first value that is no number, for messages.
fn finite(what: &str, values: &[f32]) -> Result<(), String> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(format!("{what}[{at}] is {}", values[at])),
        None => Ok(()),
    }
}

/// At most four significant decimals, without trailing zeros.
fn short(value: f32) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// All where few, else the first and how many.
fn list(values: &[f32]) -> String {
    let shown: Vec<String> = values.iter().take(4).map(|&v| short(v)).collect();
    let more = if values.len() > 4 { format!(", … {}", values.len()) } else { String::new() };
    format!("[{}{more}]", shown.join(", "))
}
