//! `s·clip(x, l, h) + t == clip(s·x + t, s·l + t, s·h + t)` for `s > 0`
//!
//! Done only where the new bounds are 0 and 1, so that [`super::hard_sigmoid`] finds `clip(αx + β, 0, 1)`.

use super::edit::{Uses, as_affine, as_clip, near};
use crate::graph::Graph;
use crate::ops::{Activation, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let Some((s, t)) = as_affine(node).and_then(|a| a.as_uniform()) else {
            continue;
        };
        let Some(before) = uses.producer(node.inputs[0]) else {
            continue;
        };
        let Some((lo, hi)) = as_clip(&graph.nodes[before]) else {
            continue;
        };
        let alone = uses.sole_reader(node.inputs[0]) == Some(index);
        if !(alone && s > 0.0 && near(s * lo + t, 0.0) && near(s * hi + t, 1.0)) {
            continue;
        }
        let affine =
            std::mem::replace(&mut graph.nodes[index].op, Op::Activation(Activation::Clip { lo: 0.0, hi: 1.0 }));
        graph.nodes[before].op = affine;
        count += 1;
    }
    count
}
