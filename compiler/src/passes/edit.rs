//! What every rewrite needs: who writes, who reads, and tidying up afterwards.
//!
//! Rewrites change nodes in place and leave what nobody reads any more behind; [`tidy`] removes it (dead code) and
//! restores the order.

use crate::graph::{Graph, Node, TensorId};
use crate::ops::{Activation, Affine, Conv, Op};

/// Writers and readers of every tensor at one moment.
pub(super) struct Uses {
    producers: Vec<Option<usize>>,
    readers: Vec<Vec<usize>>,
    outputs: Vec<TensorId>,
}

impl Uses {
    pub fn of(graph: &Graph) -> Self {
        Self { producers: graph.producers(), readers: graph.consumers(), outputs: graph.outputs.clone() }
    }

    /// The node that writes a tensor.
    pub fn producer(&self, tensor: TensorId) -> Option<usize> {
        *self.producers.get(tensor.index())?
    }

    /// The nodes that read a tensor.
    pub fn readers(&self, tensor: TensorId) -> &[usize] {
        self.readers.get(tensor.index()).map_or(&[], Vec::as_slice)
    }

    /// Whether the network answers this tensor.
    pub fn is_output(&self, tensor: TensorId) -> bool {
        self.outputs.contains(&tensor)
    }

    /// The only node that reads a tensor, if there is one and the tensor is no output.
    pub fn sole_reader(&self, tensor: TensorId) -> Option<usize> {
        match self.readers(tensor) {
            [reader] if !self.is_output(tensor) => Some(*reader),
            _ => None,
        }
    }
}

/// The affine map of a node.
pub(super) fn as_affine(node: &Node) -> Option<&Affine> {
    match &node.op {
        Op::Affine(affine) => Some(affine),
        _ => None,
    }
}

/// The convolution of a node.
pub(super) fn as_conv(node: &Node) -> Option<&Conv> {
    match &node.op {
        Op::Conv(conv) => Some(conv),
        _ => None,
    }
}

/// The elementwise function of a node.
pub(super) fn as_activation(node: &Node) -> Option<Activation> {
    match &node.op {
        Op::Activation(function) => Some(*function),
        _ => None,
    }
}

/// The bounds of a clip.
pub(super) fn as_clip(node: &Node) -> Option<(f32, f32)> {
    match as_activation(node)? {
        Activation::Clip { lo, hi } => Some((lo, hi)),
        _ => None,
    }
}

/// Whether a value is an ideal one, up to what exporters round away.
pub(super) fn near(value: f32, ideal: f32) -> bool {
    (value - ideal).abs() <= super::TOLERANCE * ideal.abs().max(1.0 / 6.0)
}

/// Removes nodes that nobody reads, puts the rest into topological order and numbers the tensors anew.
pub(super) fn tidy(graph: &mut Graph) {
    sort(graph);
    let mut wanted = vec![false; graph.tensors.len()];
    for id in &graph.outputs {
        wanted[id.index()] = true;
    }
    for node in graph.nodes.iter().rev() {
        if wanted[node.output.index()] {
            node.inputs.iter().for_each(|id| wanted[id.index()] = true);
        }
    }
    graph.nodes.retain(|node| wanted[node.output.index()]);
    // The input stays even if nothing reads it.
    let mut numbers: Vec<Option<TensorId>> = vec![None; graph.tensors.len()];
    let mut tensors = Vec::with_capacity(graph.nodes.len() + 1);
    let kept = std::iter::once(graph.input).chain(graph.nodes.iter().map(|n| n.output));
    for id in kept {
        numbers[id.index()] = Some(TensorId(tensors.len() as u32));
        tensors.push(graph.tensors[id.index()].clone());
    }
    let renumber = |id: &mut TensorId| *id = numbers[id.index()].unwrap_or(*id);
    renumber(&mut graph.input);
    graph.outputs.iter_mut().for_each(renumber);
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(renumber);
        renumber(&mut node.output);
    }
    graph.tensors = tensors;
}

/// Topological order that changes as little as possible: always the first node that is ready.
fn sort(graph: &mut Graph) {
    let mut ready = vec![false; graph.tensors.len()];
    ready[graph.input.index()] = true;
    let mut rest: Vec<Node> = std::mem::take(&mut graph.nodes);
    while !rest.is_empty() {
        let mut waiting = Vec::new();
        let before = graph.nodes.len();
        for node in rest {
            if node.inputs.iter().all(|id| ready[id.index()]) {
                ready[node.output.index()] = true;
                graph.nodes.push(node);
            } else {
                waiting.push(node);
            }
        }
        rest = waiting;
        if graph.nodes.len() == before {
            // A cycle: leave it to `verify`, which names the node.
            graph.nodes.append(&mut rest);
        }
    }
}
