//! The float graph: what the network means in f32, with static shapes and typed ids.
//!
//! Invariants, checked by [`Graph::verify`] after import and after every pass:
//! 1. batch is one; every tensor is a map of height × width × channels, channels last; a vector has height = width = 1;
//! 2. every tensor has exactly one producer (the input has none), and `nodes` is in topological order;
//! 3. every node's output shape is what its operator says of its inputs' shapes;
//! 4. every weight and constant is finite and as long as the shapes ask for.

mod text;
mod verify;

use crate::error::{Error, Result, Stage};
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
    /// The codes that the file itself gives it, where that is quantized already.
    pub given: Option<Given>,
}

/// Scale and zero point of u8 codes, the same for all channels: `r = scale · (code − zero)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Given {
    /// Above zero.
    pub scale: f32,
    /// The code of zero.
    pub zero: u8,
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
    /// How the file calls each of them, where that is not the name of the tensor itself (an output may be another view of
    /// it). May be shorter than `outputs`.
    pub output_names: Vec<String>,
}

/// No tensor of a graph may have more elements: a quarter of a gigabyte in f32.
pub const LARGEST_TENSOR: usize = 1 << 26;

impl Graph {
    /// A graph that answers its own image; nodes are added with [`Graph::push`].
    pub fn new(name: impl Into<String>, input_name: impl Into<String>, shape: Shape) -> Self {
        Self {
            name: name.into(),
            tensors: vec![Tensor { name: input_name.into(), shape, given: None }],
            nodes: Vec::new(),
            input: TensorId(0),
            outputs: Vec::new(),
            output_names: Vec::new(),
        }
    }

    /// Adds a tensor that nothing produces yet.
    pub fn add_tensor(&mut self, name: impl Into<String>, shape: Shape) -> TensorId {
        let id = TensorId(self.tensors.len() as u32);
        self.tensors.push(Tensor { name: name.into(), shape, given: None });
        id
    }

    /// Adds a node and its output tensor, whose shape follows from the operator.
    ///
    /// # Errors
    /// Where the operator does not take such inputs, or its result would be larger than [`LARGEST_TENSOR`].
    pub fn push(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: Vec<TensorId>,
        output_name: impl Into<String>,
    ) -> Result<TensorId> {
        let name = name.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&id| self.shape(id)).collect();
        let shape = op.shape(&shapes).map_err(|cause| Error::new(Stage::Import, cause).at(&name))?;
        let elements = shape.height.checked_mul(shape.width).and_then(|n| n.checked_mul(shape.channels));
        if elements.is_none_or(|n| n > LARGEST_TENSOR) {
            return Err(Error::new(Stage::Import, format!("its result would have the shape {shape:?}"))
                .at(&name)
                .remedy(format!("tensors of up to {LARGEST_TENSOR} elements are supported")));
        }
        let output = self.add_tensor(output_name, shape);
        self.nodes.push(Node { name, op, inputs, output });
        Ok(output)
    }

    /// Whether its file gives any tensor codes.
    pub fn is_quantized(&self) -> bool {
        self.tensors.iter().any(|tensor| tensor.given.is_some())
    }

    /// The name of the output at `index` of `outputs`.
    pub fn output_name(&self, index: usize) -> &str {
        match (self.output_names.get(index), self.outputs.get(index)) {
            (Some(name), _) => name,
            (None, Some(&id)) => self.name_of(id),
            (None, None) => "?",
        }
    }

    /// The shape of a tensor; an id of another graph has none (zero everywhere).
    pub fn shape(&self, id: TensorId) -> Shape {
        self.tensors.get(id.index()).map_or(Shape::new(0, 0, 0), |t| t.shape)
    }

    /// Makes a tensor the place of other values, as moving an operator past another does: of what was said of it nothing holds.
    pub fn refill(&mut self, id: TensorId, shape: Shape) {
        if let Some(tensor) = self.tensors.get_mut(id.index()) {
            (tensor.shape, tensor.given) = (shape, None);
        }
    }

    /// For every tensor, the node that writes it.
    pub fn producers(&self) -> Vec<Option<usize>> {
        let mut producers = vec![None; self.tensors.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(slot) = producers.get_mut(node.output.index()) {
                *slot = Some(index);
            }
        }
        producers
    }

    /// For every tensor, the nodes that read it (once per reading).
    pub fn consumers(&self) -> Vec<Vec<usize>> {
        let mut consumers = vec![Vec::new(); self.tensors.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                if let Some(readers) = consumers.get_mut(input.index()) {
                    readers.push(index);
                }
            }
        }
        consumers
    }

    /// Multiplications of all convolutions.
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|n| n.op.macs(self.shape(n.output))).sum()
    }

    /// Number of all constants.
    pub fn parameters(&self) -> u64 {
        self.nodes.iter().map(|n| n.op.parameters()).sum()
    }
}
