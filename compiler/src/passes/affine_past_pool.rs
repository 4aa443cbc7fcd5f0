//! `mean(s·x + t) == s·mean(x) + t`: batch norm before a pool without padding
//!
//! Behind the pool the map is smaller, and nearer to the convolution that it folds into.

use super::edit::{Uses, as_affine};
use crate::graph::Graph;
use crate::ops::Op;

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let averages = match &node.op {
            Op::GlobalAveragePool => true,
            Op::AveragePool(pool) => pool.window.pad == [0, 0] && pool.pad_end == [0, 0],
            _ => false,
        };
        let middle = node.inputs[0];
        let Some(before) = uses.producer(middle) else {
            continue;
        };
        if !averages || uses.sole_reader(middle) != Some(index) || as_affine(&graph.nodes[before]).is_none() {
            continue;
        }
        let shape = graph.shape(node.output);
        graph.refill(middle, shape);
        let pool = graph.nodes[index].op.clone();
        let affine = std::mem::replace(&mut graph.nodes[before].op, pool);
        graph.nodes[index].op = affine;
        count += 1;
    }
    count
}
