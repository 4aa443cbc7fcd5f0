//! A network of grey pictures takes colour ones: `y = 0.299·red + 0.587·green + 0.114·blue` (ITU-R BT.601, as image libraries
//! convert) becomes part of its first convolutions.
//!
//! The sum of the three is 1, so a scale and a shift of the grey value are the same scale and shift of each colour, and a border of grey
//! v is one of colour (v, v, v). Nothing is rounded in between, where a library rounds the grey value to a whole number.

use super::edit::{self, Uses};
use crate::graph::{Graph, Node};
use crate::ops::{Conv, Op};

/// Share of red, green and blue.
pub(crate) const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Makes a graph whose input has one channel take three.
pub(super) fn take_colours(graph: &mut Graph, log: &mut Vec<String>) {
    let uses = Uses::of(graph);
    let readers = uses.readers(graph.input).to_vec();
    let folds = |index: &usize| edit::as_conv(&graph.nodes[*index]).is_some();
    if !readers.is_empty() && readers.iter().all(folds) {
        for index in readers {
            if let Op::Conv(conv) = &mut graph.nodes[index].op {
                conv.weights = conv.weights.iter().flat_map(|w| LUMA.map(|share| share * w)).collect();
                conv.pad_value = conv.pad_value.iter().flat_map(|&value| [value; 3]).collect();
                conv.groups = 1;
            }
        }
        graph.tensors[graph.input.index()].shape.channels = 3;
        log.push("one channel: colours become grey in the first convolution".into());
        return;
    }
    let (input, shape) = (graph.input, graph.shape(graph.input));
    let grey = graph.add_tensor("grey", shape);
    for id in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).chain(&mut graph.outputs) {
        if *id == input {
            *id = grey;
        }
    }
    let op = Op::Conv(Conv::pointwise(LUMA.to_vec(), vec![0.0], 3));
    graph.nodes.insert(0, Node { name: "grey".into(), op, inputs: vec![input], output: grey });
    graph.tensors[input.index()].shape.channels = 3;
    log.push("one channel: colours become grey in a node of their own, for the first nodes are no convolutions".into());
}
