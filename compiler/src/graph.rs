//! The float graph: what the network means in f32, with static shapes and typed ids.
//!
//! Invariants, checked by [`Graph::verify`] after import and after every pass:
//! 1. batch is one; every tensor is a map of height × width × channels, channels last; a vector has height = width = 1;
//! 2. every tensor has exactly one producer (the input has none), and `nodes` is in topological order;
//! 3. every node's output shape is what its operator says of its inputs' shapes;
//! 4. every weight and constant is finite and as long as the shapes ask for.

use crate::ops::Op;
pub use bakelite_runtime::layer::{Shape, Window};

/// Names a tensor of one [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

impl TensorId {
    /// As an index into [`Graph::tensors`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value that flows: its name in the user's file and its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// As the ONNX file names it; made-up names are derived from it.
    pub name: String,
    /// Height, width, channels.
    pub shape: Shape,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// As the ONNX file names it.
    pub name: String,
    /// What it does, with its constants.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<TensorId>,
    /// What it writes.
    pub output: TensorId,
}

/// A network in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Name of the model, from its file.
    pub name: String,
    /// Every tensor, by id.
    pub tensors: Vec<Tensor>,
    /// In topological order.
    pub nodes: Vec<Node>,
    /// The image.
    pub input: TensorId,
    /// What the network answers, usually one vector of logits.
    pub outputs: Vec<TensorId>,
}
