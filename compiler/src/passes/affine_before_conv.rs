//! `W∗(a·x + b) + c == (W·a)∗x + (c + Σ_k W_k·b)`, where outside taps read `(p − b)/a` instead of `p`
//!
//! Exact, also at the border: a tap outside of the input read `p` in `a·x + b`, which is what `(p − b)/a` in `x` maps
//! to. Where some `a` is zero, there is no such value; then the map folds only if nothing is padded, or if `p == b`.

use super::edit::{Uses, as_affine, as_conv};
use crate::graph::{Graph, TensorId};
use crate::ops::{Affine, Conv, Op};

pub(super) fn run(graph: &mut Graph, log: &mut Vec<String>) -> usize {
    let (mut count, mut declined) = (0, Vec::new());
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let Some(affine) = as_affine(node).cloned() else {
            continue;
        };
        let (x, y, name) = (node.inputs[0], node.output, node.name.clone());
        if uses.is_output(y) {
            continue;
        }
        match fold(graph, &uses, &affine, x, y) {
            Ok(folded) => count += folded,
            Err(cause) => declined.push(format!("{name} stays: {cause}")),
        }
    }
    if count == 0 {
        log.append(&mut declined);
    }
    count
}

/// Folds `y = affine(x)` into all readers of `y`, which must all be convolutions.
fn fold(graph: &mut Graph, uses: &Uses, affine: &Affine, x: TensorId, y: TensorId) -> Result<usize, String> {
    let readers = uses.readers(y).to_vec();
    let mut folded = Vec::with_capacity(readers.len());
    for &reader in &readers {
        let node = &graph.nodes[reader];
        let conv = as_conv(node).ok_or_else(|| format!("{} ({}) is no convolution", node.name, node.op.kind()))?;
        folded.push(into_conv(conv, affine).map_err(|cause| format!("{}: {cause}", node.name))?);
    }
    for (&reader, conv) in readers.iter().zip(folded) {
        graph.nodes[reader].op = Op::Conv(conv);
        graph.nodes[reader].inputs[0] = x;
    }
    Ok(readers.len())
}

/// The convolution of `x` that equals `conv` of `affine(x)`.
pub(super) fn into_conv(conv: &Conv, affine: &Affine) -> Result<Conv, String> {
    let mut result = conv.clone();
    let padded = conv.is_padded();
    for (c, value) in result.pad_value.iter_mut().enumerate() {
        let (a, b) = (affine.scale[c], affine.shift[c]);
        *value = if !padded || *value == b { 0.0 } else { (*value - b) / a };
        if padded && a != 0.0 && conv.pad_value[c] == b {
            // (p − b)/a is exactly zero.
            *value = 0.0;
        }
        if !value.is_finite() {
            return Err(format!("padding, and channel {c} is scaled by {a}"));
        }
    }
    let (group_in, group_out) = (conv.group_channels().max(1), conv.out_channels / conv.groups.max(1));
    let filter = conv.weights_per_output().max(1);
    for (o, row) in result.weights.chunks_exact_mut(filter).enumerate() {
        let first = o / group_out.max(1) * group_in;
        let mut shift = 0.0f64;
        for (i, w) in row.iter_mut().enumerate() {
            let c = first + i % group_in;
            shift += f64::from(*w) * f64::from(affine.shift[c]);
            *w *= affine.scale[c];
        }
        result.bias[o] = (f64::from(result.bias[o]) + shift) as f32;
    }
    Ok(result)
}
