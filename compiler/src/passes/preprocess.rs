//! `network(( raw − mean )·scale)`: preprocessing becomes part of the first convolution
//!
//! Channel order first (the weights' input channels are permuted), then `a = scale`, `b = −mean·scale` as in
//! [`super::affine_before_conv`]. Padding of the first convolution then reads the mean.

use super::edit::{self, Uses};
use super::{affine_before_conv, grey, merge_affine};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Node, TensorId};
use crate::ops::{Affine, Op, Select};

/// Makes the graph take raw RGB, 0 … 255; one of grey pictures too (`passes::grey`).
///
/// `mean` and `scale` are in RGB order: `network_input[c] = (raw[c] − mean[c])·scale[c]`; with `bgr`, the network's
/// channel 0 is blue. Meant for a graph that went through [`super::run`]. Where the first nodes are no convolutions,
/// the map stays a node in front of them, which the log says.
///
/// # Errors
/// Where the input has neither three channels nor one, or one with a mean and scale for each colour, or where a scale is zero or not
/// finite.
pub fn fold_preprocess(mut graph: Graph, mean: [f32; 3], scale: [f32; 3], bgr: bool) -> Result<(Graph, Vec<String>)> {
    let fail = |graph: &Graph, cause: String| {
        Err(Error::new(Stage::Passes, cause)
            .at(graph.name_of(graph.input))
            .remedy("choose a preprocessing that fits the network"))
    };
    graph.verify(Stage::Passes)?;
    let channels = graph.shape(graph.input).channels;
    let alike = |values: [f32; 3]| values.iter().all(|value| *value == values[0]);
    if channels != 3 && (channels != 1 || !alike(mean) || !alike(scale)) {
        return fail(&graph, format!("an RGB image for an input of {channels} channels"));
    }
    if mean.iter().chain(&scale).any(|v| !v.is_finite()) || scale.contains(&0.0) {
        return fail(&graph, format!("a mean of {mean:?} and a scale of {scale:?}"));
    }
    let mut log = Vec::new();
    if channels == 1 {
        grey::take_colours(&mut graph, &mut log);
    } else if bgr {
        swap_red_and_blue(&mut graph, &mut log);
    }
    let shift = [0, 1, 2].map(|c| -mean[c] * scale[c]);
    if (scale, shift) != ([1.0; 3], [0.0; 3]) {
        let affine = Op::Affine(Affine { scale: scale.to_vec(), shift: shift.to_vec() });
        insert_after_input(&mut graph, affine, "preprocess");
        edit::tidy(&mut graph);
        merge_affine::run(&mut graph, &mut log);
        edit::tidy(&mut graph);
        if affine_before_conv::run(&mut graph, &mut log) > 0 {
            log.push("the preprocessing is part of the first convolution".into());
        }
        edit::tidy(&mut graph);
    }
    graph.verify(Stage::Passes)?;
    Ok((graph, log))
}

/// All readers of the input read the result of a new node instead.
fn insert_after_input(graph: &mut Graph, op: Op, name: &str) {
    let (input, shape) = (graph.input, graph.shape(graph.input));
    let output = graph.add_tensor(name, shape);
    replace(graph, input, output);
    graph.nodes.insert(0, Node { name: name.into(), op, inputs: vec![input], output });
}

fn replace(graph: &mut Graph, old: TensorId, new: TensorId) {
    for id in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).chain(&mut graph.outputs) {
        if *id == old {
            *id = new;
        }
    }
}

/// `conv(swap(x), w) == conv(x, swap(w))`, where all readers are convolutions of all channels; else a node swaps.
fn swap_red_and_blue(graph: &mut Graph, log: &mut Vec<String>) {
    let uses = Uses::of(graph);
    let readers = uses.readers(graph.input).to_vec();
    let plain = |index: &usize| edit::as_conv(&graph.nodes[*index]).is_some_and(|c| c.groups == 1);
    if readers.is_empty() || !readers.iter().all(plain) {
        insert_after_input(graph, Op::Select(Select { source: vec![2, 1, 0] }), "rgb_to_bgr");
        log.push("the channels are swapped by a node of their own: the first nodes are no plain convolutions".into());
        return;
    }
    for index in readers {
        if let Op::Conv(conv) = &mut graph.nodes[index].op {
            conv.weights.chunks_exact_mut(3).for_each(|tap| tap.swap(0, 2));
            conv.pad_value.swap(0, 2);
        }
    }
    log.push("blue and red of the first convolution are swapped".into());
}
