//! `clip(clip(x, l₁, h₁), l₂, h₂) == clip(x, clip(l₁, l₂, h₂), clip(h₁, l₂, h₂))`
//!
//! `Min` and `Max` nodes arrive as clips with one bound each.

use super::edit::{Uses, as_clip};
use crate::graph::Graph;
use crate::ops::{Activation, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let outer = &graph.nodes[index];
        let Some((l2, h2)) = as_clip(outer) else {
            continue;
        };
        let Some(inner) = uses.producer(outer.inputs[0]).map(|i| &graph.nodes[i]) else {
            continue;
        };
        let Some((l1, h1)) = as_clip(inner) else {
            continue;
        };
        let (x, bound) = (inner.inputs[0], |v: f32| v.max(l2).min(h2));
        let node = &mut graph.nodes[index];
        node.op = Op::Activation(Activation::Clip { lo: bound(l1), hi: bound(h1) });
        node.inputs[0] = x;
        count += 1;
    }
    count
}
