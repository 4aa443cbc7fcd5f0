//! The integer graph: what the network means in integers, before any kernel is chosen.
//!
//! Weights are in the plain layout of `runtime::reference`; every vector has one element per channel, unpadded. The
//! equations in brackets are those of `specs/arithmetic.md`.

pub mod reference;

pub use crate::graph::{Shape, TensorId, Window};

use crate::weightless::Weightless;

/// How the codes of a tensor are to be read: `r = scale[c] · (q − zero[c])`.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// u8 codes (eq. 1).
    Map(Codes),
    /// u16 codes in 0…`top` (eq. 2).
    Wide {
        /// Scale and zero point of each channel.
        codes: Codes,
        /// Largest code.
        top: u16,
    },
    /// f32 (eq. 3).
    Real,
}

/// Scale and zero point of each channel (a zero point of a wide tensor may exceed 255).
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// Real size of one step, > 0.
    pub scale: Vec<f32>,
    /// The code of real zero.
    pub zero: Vec<u16>,
}

impl Codes {
    /// What a code of channel `c` stands for, rounded after each operation.
    pub fn real(&self, c: usize, code: f32) -> f32 {
        self.scale[c] * (code - f32::from(self.zero[c]))
    }
}

/// A tensor of codes or reals.
#[derive(Clone, Debug, PartialEq)]
pub struct QTensor {
    /// As in the float graph.
    pub name: String,
    /// Height, width, channels.
    pub shape: Shape,
    /// How to read it.
    pub kind: Kind,
    /// Whether it is a fine map (eq. 37): shape and codes are those of both planes, that of the low parts behind that of the high.
    pub fine: bool,
}

impl QTensor {
    /// Scale and zero point, where the tensor has codes.
    pub fn codes(&self) -> Option<&Codes> {
        match &self.kind {
            Kind::Map(codes) | Kind::Wide { codes, .. } => Some(codes),
            Kind::Real => None,
        }
    }

    /// What a value of it stands for, in f32 (eq. 1, 2): `s[c] · (f32(q) − f32(z[c]))`; reals stand for themselves. Of a fine map, what both
    /// planes together stand for.
    pub fn reals(&self, value: &reference::Value) -> Vec<f32> {
        let real = |(i, code): (usize, f32)| match self.codes() {
            Some(codes) => codes.real(i % codes.scale.len(), code),
            None => code,
        };
        match value {
            reference::Value::Map(q) if self.fine => {
                let parts: Vec<f32> = q.iter().map(|&q| f32::from(q)).enumerate().map(real).collect();
                let planes = parts.chunks_exact(self.shape.channels.max(2));
                planes
                    .flat_map(|pixel| {
                        let (high, low) = pixel.split_at(pixel.len() / 2);
                        high.iter().zip(low).map(|(h, l)| h + l)
                    })
                    .collect()
            }
            reference::Value::Map(q) => q.iter().map(|&q| f32::from(q)).enumerate().map(real).collect(),
            reference::Value::Wide(q) => q.iter().map(|&q| f32::from(q)).enumerate().map(real).collect(),
            reference::Value::Real(reals) => reals.clone(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.shape.len()
            * match self.kind {
                Kind::Map(_) => 1,
                Kind::Wide { .. } => 2,
                Kind::Real => 4,
            }
    }
}

/// What follows the rescaled accumulator (eq. 11, 12).
#[derive(Clone, Debug, PartialEq)]
pub enum QActivation {
    /// Identity, and every clip that a code range expresses.
    Linear,
    /// Hard-swish of the accumulator.
    HardSwish {
        /// `3 · √(1 / (6 · s_y))`.
        half: Vec<f32>,
        /// `z_y`.
        zero: Vec<f32>,
    },
}

/// From accumulator to codes (eq. 9–13).
#[derive(Clone, Debug, PartialEq)]
pub struct QEpilogue {
    /// Start of the accumulator (eq. 5); the bias too, where there is none.
    pub offset: Vec<i32>,
    /// Factor (eq. 9).
    pub multiplier: Vec<f32>,
    /// Summand (eq. 9), if there is one.
    pub bias: Option<Vec<f32>>,
    /// Factor of the added map's codes (eq. 10).
    pub residual: Option<Vec<f32>>,
    /// What follows (eq. 11, 12).
    pub activation: QActivation,
    /// Whether the codes are those of a fine map (eq. 37).
    pub fine: bool,
    /// Whether the added map is a fine one (eq. 40).
    pub fine_residual: bool,
    /// Shifts of the accumulator where rescaling is in 16 bits (eq. 43–46); all other factors are then whole numbers.
    pub shift: Option<Vec<i32>>,
}

/// A convolution on maps (eq. 5); a second input is the map that is added (eq. 10).
#[derive(Clone, Debug, PartialEq)]
pub struct QConv {
    /// Taps.
    pub window: Window,
    /// Groups; equal to the input channels: depthwise.
    pub groups: usize,
    /// Whether a depthwise convolution reads a fine map (eq. 38).
    pub fine_input: bool,
    /// `[o][kh][kw][c of the group]`; with `fine_input` `[o][plane][kh][kw]`.
    pub weights: Vec<i8>,
    /// What a tap outside of the input reads, per input channel.
    pub pad_code: Vec<u8>,
    /// From accumulator to codes.
    pub epilogue: QEpilogue,
}

/// What a dense layer answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DenseOutput {
    /// Wide codes.
    Codes,
    /// Reals after (eq. 14).
    Reals(RealActivation),
}

pub use bakelite_runtime::kernel::RealActivation;

/// A dense layer on a vector (eq. 6).
#[derive(Clone, Debug, PartialEq)]
pub struct QDense {
    /// `[o][c]`.
    pub weights: Vec<i8>,
    /// From accumulator to codes or reals.
    pub epilogue: QEpilogue,
    /// Codes or reals.
    pub output: DenseOutput,
}

/// Mean over all pixels, from a map to wide codes or reals (eq. 7).
#[derive(Clone, Debug, PartialEq)]
pub struct QMean {
    /// Factor of the sum.
    pub multiplier: Vec<f32>,
    /// Summand.
    pub bias: Vec<f32>,
}

/// A map times a real gate per channel (eq. 15).
#[derive(Clone, Debug, PartialEq)]
pub struct QGate {
    /// Factor of the gate.
    pub multiplier: Vec<f32>,
    /// Zero point of the input.
    pub zero: Vec<f32>,
    /// Summand.
    pub bias: Vec<f32>,
    /// What follows.
    pub activation: QActivation,
}

/// A pointwise convolution of a map times a real gate per channel (eq. 22–26): inputs are the map, the gate, and the map
/// that is added, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct QGated {
    /// `[o][c]`.
    pub weights: Vec<i8>,
    /// What the gate of each input channel is multiplied with.
    pub factor: Vec<f32>,
    /// Zero point of each input channel.
    pub zero: Vec<f32>,
    /// From accumulator to codes; the offset is not used.
    pub epilogue: QEpilogue,
}

/// The sum of two maps (eq. 16).
#[derive(Clone, Debug, PartialEq)]
pub struct QAdd {
    /// Factor of the first map's codes.
    pub first: Vec<f32>,
    /// Factor of the second map's codes.
    pub second: Vec<f32>,
    /// Summand.
    pub bias: Vec<f32>,
    /// What follows.
    pub activation: QActivation,
}

/// The closed set of integer operators.
#[derive(Clone, Debug, PartialEq)]
pub enum QOp {
    /// Convolution on maps.
    Conv(QConv),
    /// Dense layer on a vector of wide codes.
    Dense(QDense),
    /// Mean over all pixels.
    Mean(QMean),
    /// Map times gate.
    Gate(QGate),
    /// Pointwise convolution of a map times a gate.
    Gated(QGated),
    /// Map plus map.
    Add(QAdd),
    /// What has no weights: moves, resizes, functions (eq. 21, 27–36).
    Weightless(Weightless),
    /// Any function of one code (eq. 17).
    Table(Box<[u8; 256]>),
    /// Maximum over a window (eq. 18).
    MaxPool(Window),
    /// Softmax of reals (eq. 20).
    Softmax,
}

impl QOp {
    /// A word for tables.
    pub fn name(&self) -> &'static str {
        match self {
            QOp::Conv(_) => "conv",
            QOp::Dense(_) => "dense",
            QOp::Mean(_) => "mean",
            QOp::Gate(_) => "gate",
            QOp::Gated(_) => "gated",
            QOp::Add(_) => "add",
            QOp::Weightless(op) => op.layer().name(),
            QOp::Table(_) => "table",
            QOp::MaxPool(_) => "max pool",
            QOp::Softmax => "softmax",
        }
    }
}

/// One integer operation.
#[derive(Clone, Debug, PartialEq)]
pub struct QNode {
    /// Name of the float node it came from.
    pub name: String,
    /// What it does.
    pub op: QOp,
    /// What it reads.
    pub inputs: Vec<TensorId>,
    /// What it writes.
    pub output: TensorId,
}

/// A network in integers.
#[derive(Clone, Debug, PartialEq)]
pub struct QGraph {
    /// Name of the model.
    pub name: String,
    /// Every tensor, by id.
    pub tensors: Vec<QTensor>,
    /// In topological order.
    pub nodes: Vec<QNode>,
    /// The raw image: u8, scale 1, zero 0.
    pub input: TensorId,
    /// What the network answers: vectors of reals and maps of codes, in the order of the model's file.
    pub outputs: Vec<QOutput>,
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// f32.
    Reals,
    /// u8 codes of reals.
    Codes(Codes),
    /// u8 class numbers, one per pixel.
    Classes,
}

impl Content {
    /// What the codes of a map stand for; classes are their own number.
    pub fn reals(&self, codes: &[u8], to: &mut [f32]) {
        let from = to.iter_mut().zip(codes);
        match self {
            Content::Codes(scales) => {
                let channels = (0..scales.scale.len()).cycle();
                from.zip(channels).for_each(|((to, &code), c)| *to = scales.real(c, f32::from(code)));
            }
            Content::Classes | Content::Reals => from.for_each(|(to, &code)| *to = f32::from(code)),
        }
    }
}

/// One answer of the network, as its users see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// As the ONNX file names it.
    pub name: String,
    /// Height, width, channels.
    pub shape: Shape,
    /// What it holds.
    pub content: Content,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shape { height, width, channels } = self.shape;
        match self.content {
            Content::Reals if self.shape.pixels() == 1 => write!(f, "{}: {channels} reals", self.name),
            Content::Reals => write!(f, "{}: {height} × {width} × {channels} reals", self.name),
            Content::Codes(_) => write!(f, "{}: {height} × {width} × {channels} codes", self.name),
            Content::Classes => write!(f, "{}: {height} × {width} class numbers", self.name),
        }
    }
}

/// A tensor that the network answers.
#[derive(Clone, Debug, PartialEq)]
pub struct QOutput {
    /// As the ONNX file names the output.
    pub name: String,
    /// Vector of reals, or map of codes.
    pub tensor: TensorId,
    /// Real size of one step of the int8 view of a vector's reals.
    pub step: f32,
}

impl QGraph {
    /// The tensor of an id.
    pub fn tensor(&self, id: TensorId) -> &QTensor {
        &self.tensors[id.index()]
    }

    /// Whether the network answers this tensor.
    pub fn is_output(&self, id: TensorId) -> bool {
        self.outputs.iter().any(|output| output.tensor == id)
    }

    /// The answers, in the order of the outputs.
    pub fn answers(&self) -> Vec<Answer> {
        let answer = |output: &QOutput| {
            let tensor = self.tensor(output.tensor);
            let classes = self
                .nodes
                .iter()
                .any(|node| node.output == output.tensor && matches!(node.op, QOp::Weightless(Weightless::ArgMax(_))));
            let content = match tensor.codes() {
                Some(_) if classes => Content::Classes,
                Some(codes) => Content::Codes(codes.clone()),
                None => Content::Reals,
            };
            Answer { name: output.name.clone(), shape: tensor.shape, content }
        };
        self.outputs.iter().map(answer).collect()
    }

    /// The only answer, if it is one vector of reals, as a classifier has.
    pub fn scores(&self) -> Option<&QOutput> {
        match self.outputs.as_slice() {
            [output] if self.tensor(output.tensor).kind == Kind::Real => Some(output),
            _ => None,
        }
    }
}
