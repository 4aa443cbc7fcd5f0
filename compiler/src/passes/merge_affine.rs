//! `s₂·(s₁·x + t₁) + t₂ == (s₂·s₁)·x + (s₂·t₁ + t₂)`

use super::edit::{Uses, as_affine};
use crate::graph::Graph;
use crate::ops::Op;

/// Every pair, also where others read the first.
pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    merge(graph, false)
}

/// Pairs of maps that are the same for all channels and where only the second reads the first.
pub(super) fn run_uniform(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    merge(graph, true)
}

fn merge(graph: &mut Graph, uniform: bool) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let Some(second) = as_affine(node) else {
            continue;
        };
        let Some(before) = uses.producer(node.inputs[0]).map(|i| &graph.nodes[i]) else {
            continue;
        };
        let Some(first) = as_affine(before) else {
            continue;
        };
        let plain = first.as_uniform().is_some() && second.as_uniform().is_some();
        if uniform && !(plain && uses.sole_reader(before.output) == Some(index)) {
            continue;
        }
        let (merged, x) = (second.after(first), before.inputs[0]);
        let node = &mut graph.nodes[index];
        node.op = Op::Affine(merged);
        node.inputs[0] = x;
        count += 1;
    }
    count
}
