//! Integer operations without weights: each in its own file, from its constants to the call in the emitted crate.
//!
//! ## To add one
//!
//! 1. Its kernel in the runtime, with reference, equation and tests.
//! 2. Its file here: a struct of its constants, made from the tensors that it reads and writes, that implements [`Layer`].
//! 3. Its variant in [`Weightless`], and the choice of it in `quantize::sites`.
//!
//! The struct holds constants as kernels want them (padded per channel), so reference, plan and crate see the same ones.

mod average_pool;
mod channel_tables;
mod classes;
mod product;
mod rearrange;
mod resize;
mod spread;
mod vector;

pub use average_pool::AveragePool;
pub use channel_tables::ChannelTables;
pub use classes::{ArgMax, SoftmaxMap};
pub use product::Product;
pub use rearrange::Rearrange;
pub use resize::Resize;
pub use spread::Spread;
pub use vector::{Dequantize, Function, Line, Quantize, Sum, Times};

use crate::plan::constants::{Bytes, Constants, Floats, Ints};
use crate::qgraph::{Codes, QTensor, Shape, Window};
use bakelite_runtime::isa::Level;
use bakelite_runtime::layer::padded;

/// A tensor that an operation reads.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// u8 codes.
    Map(&'a [u8]),
    /// u16 codes.
    Wide(&'a [u16]),
    /// f32.
    Real(&'a [f32]),
}

impl<'a> Input<'a> {
    /// The codes, if it is a map.
    fn map(&self) -> Option<&'a [u8]> {
        match *self {
            Input::Map(codes) => Some(codes),
            Input::Wide(_) | Input::Real(_) => None,
        }
    }

    /// The codes, if they are wide.
    fn wide(&self) -> Option<&'a [u16]> {
        match *self {
            Input::Wide(codes) => Some(codes),
            Input::Map(_) | Input::Real(_) => None,
        }
    }

    /// The reals, if it has them.
    fn real(&self) -> Option<&'a [f32]> {
        match *self {
            Input::Real(reals) => Some(reals),
            Input::Map(_) | Input::Wide(_) => None,
        }
    }
}

/// The tensor that it writes.
#[derive(Debug)]
pub enum Output<'a> {
    /// u8 codes.
    Map(&'a mut [u8]),
    /// u16 codes.
    Wide(&'a mut [u16]),
    /// f32.
    Real(&'a mut [f32]),
}

impl<'a> Output<'a> {
    /// Room for codes, if it is a map.
    fn map(self) -> Option<&'a mut [u8]> {
        match self {
            Output::Map(codes) => Some(codes),
            Output::Wide(_) | Output::Real(_) => None,
        }
    }

    /// Room for wide codes.
    fn wide(self) -> Option<&'a mut [u16]> {
        match self {
            Output::Wide(codes) => Some(codes),
            Output::Map(_) | Output::Real(_) => None,
        }
    }

    /// Room for reals.
    fn real(self) -> Option<&'a mut [f32]> {
        match self {
            Output::Real(reals) => Some(reals),
            Output::Map(_) | Output::Wide(_) => None,
        }
    }
}

/// A constant of the emitted crate: its type in the runtime, and its fields as Rust text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// `Product<'static>`.
    pub kind: &'static str,
    /// Name and value of each field.
    pub fields: Vec<(&'static str, String)>,
}

/// What every operation without weights says of itself. Runs are `None` where a tensor has not the form that it needs.
pub trait Layer {
    /// Its kernel in the runtime.
    fn name(&self) -> &'static str;

    /// What the comment above its call says.
    fn describe(&self) -> String {
        self.name().replace('_', " ")
    }

    /// With `runtime::reference`.
    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()>;

    /// With the kernel of an instruction set; false where this CPU lacks it.
    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool>;

    /// Its constant in the emitted crate, if it has one; its numbers go to `pool`.
    fn text(&self, pool: &mut Constants) -> Option<Text>;

    /// The arguments in front of the tensors, `isa` being the name of the token and `layer` that of its constant.
    fn arguments(&self, isa: &str, layer: &str) -> String {
        format!("{isa}, &{layer}, ")
    }

    /// Whether its kernel takes all inputs as one slice of slices.
    fn takes_a_list(&self) -> bool {
        false
    }
}

/// The closed set of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Weightless {
    /// Elements in another place (eq. 21).
    Rearrange(Rearrange),
    /// Bilinear resize (eq. 27).
    Resize(Resize),
    /// Mean over a window (eq. 28).
    AveragePool(AveragePool),
    /// Product of two maps (eq. 29).
    Product(Product),
    /// A vector over all pixels (eq. 30).
    Spread(Spread),
    /// Class of every pixel (eq. 31).
    ArgMax(ArgMax),
    /// Softmax of every pixel (eq. 32).
    SoftmaxMap(SoftmaxMap),
    /// A function of one code for each channel (eq. 17).
    ChannelTables(ChannelTables),
    /// Wide codes to reals (eq. 33).
    Dequantize(Dequantize),
    /// Reals to wide codes (eq. 34).
    Quantize(Quantize),
    /// A function of reals (eq. 35).
    Function(Function),
    /// A line with a bend, of reals (eq. 36).
    Line(Line),
    /// Sum of two vectors of reals (eq. 36).
    Sum,
    /// Product of two vectors of reals (eq. 36).
    Times,
}

impl Weightless {
    /// The operation of the variant.
    pub fn layer(&self) -> &dyn Layer {
        match self {
            Weightless::Rearrange(op) => op,
            Weightless::Resize(op) => op,
            Weightless::AveragePool(op) => op,
            Weightless::Product(op) => op,
            Weightless::Spread(op) => op,
            Weightless::ArgMax(op) => op,
            Weightless::SoftmaxMap(op) => op,
            Weightless::ChannelTables(op) => op,
            Weightless::Dequantize(op) => op,
            Weightless::Quantize(op) => op,
            Weightless::Function(op) => op,
            Weightless::Line(op) => op,
            Weightless::Sum => &Sum,
            Weightless::Times => &Times,
        }
    }
}

/// A refusal in plain words; who calls knows the node.
type Plain<T> = Result<T, String>;

fn codes_of(tensor: &QTensor) -> Plain<&Codes> {
    tensor.codes().ok_or_else(|| format!("{} has no codes", tensor.name))
}

/// One number per channel, padded.
fn per_channel(channels: usize, value: impl Fn(usize) -> f64) -> Vec<f32> {
    let mut values: Vec<f32> = (0..channels).map(|c| value(c) as f32).collect();
    values.resize(padded(channels), 0.0);
    values
}

/// Real size of one step, padded.
fn steps(codes: &Codes) -> Vec<f32> {
    per_channel(codes.scale.len(), |c| f64::from(codes.scale[c]))
}

/// Zero points, padded.
fn zeros(codes: &Codes) -> Vec<f32> {
    per_channel(codes.zero.len(), |c| f64::from(codes.zero[c]))
}

/// The code of a real, not yet rounded: `real / s + z` as a factor and a summand per channel.
fn to_codes(codes: &Codes) -> (Vec<f32>, Vec<f32>) {
    (per_channel(codes.scale.len(), |c| 1.0 / f64::from(codes.scale[c])), zeros(codes))
}

fn shape_text(shape: Shape) -> String {
    format!("Shape::new({}, {}, {})", shape.height, shape.width, shape.channels)
}

fn window_text(w: &Window) -> String {
    format!("Window {{ kernel: {:?}, stride: {:?}, dilation: {:?}, pad: {:?} }}", w.kernel, w.stride, w.dilation, w.pad)
}

/// Floats of the pool as the crate names them.
fn floats_text(pool: &mut Constants, values: &[f32]) -> String {
    let Floats { start, len } = pool.floats(values);
    format!("floats({start}, {len})")
}

/// Integers of the pool as the crate names them.
fn ints_text(pool: &mut Constants, values: &[i32]) -> String {
    let Ints { start, .. } = pool.ints(values);
    format!("ints({start}, {})", values.len())
}

/// Bytes of the pool as the crate names them.
fn bytes_text(pool: &mut Constants, values: &[u8]) -> String {
    let Bytes { start, .. } = pool.per_channel_bytes(values);
    format!("bytes({start}, {})", values.len())
}
