//! `s·(W∗x + b) + t == (s·W)∗x + (s·b + t)`: batch norm after a convolution
//!
//! Exact, whatever the padding. The convolution must have no function and no other reader.

use super::edit::{Uses, as_affine, as_conv};
use super::fold_pad::is_padding;
use crate::graph::Graph;
use crate::ops::Op;

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        let Some(affine) = as_affine(&graph.nodes[index]).cloned() else {
            continue;
        };
        let (source, uses) = (graph.nodes[index].inputs[0], Uses::of(graph));
        let Some(before) = uses.producer(source) else {
            continue;
        };
        let foldable = as_conv(&graph.nodes[before]).is_some_and(|c| c.activation.is_none() && !is_padding(c));
        if !foldable || uses.sole_reader(source) != Some(index) {
            continue;
        }
        let output = graph.nodes[index].output;
        if let Op::Conv(conv) = &mut graph.nodes[before].op {
            let filter = conv.weights_per_output().max(1);
            for (row, scale) in conv.weights.chunks_exact_mut(filter).zip(&affine.scale) {
                row.iter_mut().for_each(|w| *w *= scale);
            }
            for ((bias, scale), shift) in conv.bias.iter_mut().zip(&affine.scale).zip(&affine.shift) {
                *bias = scale * *bias + shift;
            }
        }
        // The convolution writes what the map wrote; the map writes what nobody reads.
        graph.nodes[before].output = output;
        graph.nodes[index].output = source;
        graph.nodes[index].inputs[0] = output;
        count += 1;
    }
    count
}
