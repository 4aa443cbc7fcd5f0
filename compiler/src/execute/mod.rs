//! The float meaning of a [`Graph`], quickly: the same formulas as in [`crate::ops`], as matrix products.
//!
//! One image, one thread, the same result every time on the same machine; callers run images in parallel. A tensor is
//! freed after its last reader.

mod backward;
mod conv;
mod depthwise;

pub(crate) use backward::convolve_backward;
pub use backward::{Slopes, backward};
pub(crate) use conv::run as convolve;

use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, TensorId};
use crate::ops::Operand;
use ndarray::Array3;

/// Runs one image (height × width × channels) through the graph and returns its outputs, in the graph's order.
///
/// `observe` sees the image and the result of every node, in execution order.
///
/// # Errors
/// Where the image has not the shape of the graph's input, or the graph breaks its own invariants.
pub fn run(
    graph: &Graph,
    input: &Array3<f32>,
    observe: &mut dyn FnMut(TensorId, &Array3<f32>),
) -> Result<Vec<Array3<f32>>> {
    run_changed(graph, input, &mut |id, value| observe(id, value))
}

/// The same, where `change` may replace every value before others read it: what a network would answer if some of its
/// tensors were rounded.
///
/// # Errors
/// As [`run`].
pub fn run_changed(
    graph: &Graph,
    input: &Array3<f32>,
    change: &mut dyn FnMut(TensorId, &mut Array3<f32>),
) -> Result<Vec<Array3<f32>>> {
    let expected = graph.shape(graph.input);
    if input.dim() != (expected.height, expected.width, expected.channels) {
        return Err(Error::new(Stage::Verify, format!("an image of {:?} for an input of {expected:?}", input.dim()))
            .at(graph.name_of(graph.input))
            .remedy("resize the image to the size that the network takes"));
    }
    let mut image = input.as_standard_layout().into_owned();
    change(graph.input, &mut image);
    let mut values: Values = vec![None; graph.tensors.len()];
    if let Some(slot) = values.get_mut(graph.input.index()) {
        *slot = Some(image);
    }
    let all: Vec<usize> = (0..graph.nodes.len()).collect();
    run_nodes(graph, &all, &graph.outputs, &mut values, change)?;
    graph
        .outputs
        .iter()
        .map(|id| {
            let value = values.get(id.index()).and_then(Clone::clone);
            value.ok_or_else(|| Error::new(Stage::Verify, "an output is never written").at(graph.name_of(*id)))
        })
        .collect()
}

/// The value of every tensor that is known, by id.
pub type Values = Vec<Option<Array3<f32>>>;

/// Computes the tensors `wanted` from those that `values` holds, which may be any cut through the graph. Values that are
/// not wanted and that no later node needs for `wanted` are dropped.
///
/// # Errors
/// Where `values` do not suffice.
pub fn advance(graph: &Graph, values: &mut Values, wanted: &[TensorId]) -> Result<()> {
    let producers = graph.producers();
    let mut nodes = Vec::new();
    let mut open: Vec<TensorId> = wanted.to_vec();
    while let Some(id) = open.pop() {
        if values.get(id.index()).is_some_and(Option::is_some) {
            continue;
        }
        let producer = producers.get(id.index()).copied().flatten();
        let node = producer
            .ok_or_else(|| Error::new(Stage::Verify, "is asked for before what it depends on").at(graph.name_of(id)))?;
        if !nodes.contains(&node) {
            nodes.push(node);
            open.extend(&graph.nodes[node].inputs);
        }
    }
    nodes.sort_unstable();
    run_nodes(graph, &nodes, wanted, values, &mut |_, _| {})
}

/// Runs `nodes` in order; a tensor is freed after its last reader among them, unless it is in `keep`.
fn run_nodes(
    graph: &Graph,
    nodes: &[usize],
    keep: &[TensorId],
    values: &mut Values,
    change: &mut dyn FnMut(TensorId, &mut Array3<f32>),
) -> Result<()> {
    let mut last_use = vec![usize::MAX; graph.tensors.len()];
    for &index in nodes {
        for id in &graph.nodes[index].inputs {
            if let Some(slot) = last_use.get_mut(id.index()) {
                *slot = index;
            }
        }
    }
    for id in keep {
        if let Some(slot) = last_use.get_mut(id.index()) {
            *slot = usize::MAX;
        }
    }
    for &index in nodes {
        let node = &graph.nodes[index];
        let broken = || Error::new(Stage::Verify, "the graph breaks its own invariants").at(&node.name);
        let dies = |id: &TensorId| last_use.get(id.index()) == Some(&index);
        // The last reading takes the tensor; functions of elements then work in place.
        let mut taken: Vec<Option<Array3<f32>>> = Vec::with_capacity(node.inputs.len());
        for (position, id) in node.inputs.iter().enumerate() {
            let take = dies(id) && !node.inputs[position + 1..].contains(id);
            let slot = values.get_mut(id.index()).ok_or_else(broken)?;
            // What is read twice stays borrowed.
            let twice = node.inputs[..position].contains(id);
            taken.push(if take && !twice { slot.take() } else { None });
        }
        let operands: Option<Vec<Operand<'_>>> = node
            .inputs
            .iter()
            .zip(taken)
            .map(|(id, taken)| match taken {
                Some(array) => Some(Operand::Owned(array)),
                None => values.get(id.index())?.as_ref().map(Operand::Borrowed),
            })
            .collect();
        let y = graph.shape(node.output);
        let mut result = operands.and_then(|operands| node.op.operator().run(operands, y)).ok_or_else(broken)?;
        for id in node.inputs.iter().filter(|id| dies(id)) {
            if let Some(slot) = values.get_mut(id.index()) {
                *slot = None;
            }
        }
        change(node.output, &mut result);
        if let Some(slot) = values.get_mut(node.output.index()) {
            *slot = Some(result);
        }
    }
    Ok(())
}
