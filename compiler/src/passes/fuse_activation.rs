//! `f(conv(x))` is one node, where nothing else reads `conv(x)`
//!
//! A function after a residual sum stays a node. So does a true sigmoid, SiLU, tanh or leaky ReLU: in integers it is a table over the codes
//! of its argument, which calibration must therefore see; only a gate's sigmoid is computed from the accumulator, and
//! `quantize::sites` finds that one.

use super::edit::{Uses, as_activation, as_conv};
use crate::graph::Graph;
use crate::ops::Op;

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let Some(function) = as_activation(&graph.nodes[index]) else {
            continue;
        };
        if function.is_tabled() {
            continue;
        }
        let (middle, output) = (graph.nodes[index].inputs[0], graph.nodes[index].output);
        let Some(before) = uses.producer(middle) else {
            continue;
        };
        let free = as_conv(&graph.nodes[before]).is_some_and(|c| c.activation.is_none());
        // Two functions in a row: the second waits for the next round.
        if !free || uses.sole_reader(middle) != Some(index) || graph.nodes[before].output != middle {
            continue;
        }
        if let Op::Conv(conv) = &mut graph.nodes[before].op {
            conv.activation = Some(function);
        }
        graph.nodes[before].output = output;
        graph.nodes[index].output = middle;
        graph.nodes[index].inputs[0] = output;
        count += 1;
    }
    count
}
