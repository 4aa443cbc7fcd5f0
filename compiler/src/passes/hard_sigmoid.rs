//! `clip(α·x + β, 0, 1) == hard_sigmoid(x)`

use super::edit::{Uses, as_affine, as_clip};
use crate::graph::Graph;
use crate::ops::{Activation, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        if as_clip(node) != Some((0.0, 1.0)) {
            continue;
        }
        let Some(before) = uses.producer(node.inputs[0]).map(|i| &graph.nodes[i]) else {
            continue;
        };
        let Some((alpha, beta)) = as_affine(before).and_then(|a| a.as_uniform()) else {
            continue;
        };
        let x = before.inputs[0];
        let node = &mut graph.nodes[index];
        node.op = Op::Activation(Activation::HardSigmoid { alpha, beta });
        node.inputs[0] = x;
        count += 1;
    }
    count
}
