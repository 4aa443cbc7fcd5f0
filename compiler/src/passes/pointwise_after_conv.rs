//! `V·(W∗x + b) + c == (V·W)∗x + (V·b + c)`: a pointwise convolution after one without a function
//!
//! Exact, whatever the padding. It is done where it takes no more products than before, as in the first block of MobileNetV3-Small, whose 16 → 16 projection
//! nothing but the next block's 16 → 72 expansion reads: a layer less, and a map whose codes are not rounded (an eighth of what rounding
//! maps puts into that network's answers).

use super::edit::{Uses, as_conv};
use crate::graph::{Graph, Window};
use crate::ops::{Conv, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        let Some(after) = as_conv(&graph.nodes[index]).filter(|conv| is_pointwise(conv)) else {
            continue;
        };
        let (source, uses) = (graph.nodes[index].inputs[0], Uses::of(graph));
        let Some(before) = uses.producer(source).filter(|_| uses.sole_reader(source) == Some(index)) else {
            continue;
        };
        let Some(first) = as_conv(&graph.nodes[before]).filter(|first| is_worth_it(first, after)) else {
            continue;
        };
        let (merged, input) = (merged(first, after), graph.nodes[before].inputs[0]);
        graph.nodes[index].op = Op::Conv(merged);
        graph.nodes[index].inputs[0] = input;
        count += 1;
    }
    count
}

fn is_pointwise(conv: &Conv) -> bool {
    conv.window == Window::POINT && conv.pad_end == [0, 0] && conv.groups == 1
}

/// Whether the two can be one of no more products.
fn is_worth_it(first: &Conv, after: &Conv) -> bool {
    let one = first.weights_per_output() * after.out_channels;
    first.activation.is_none() && first.groups == 1 && one <= first.weights.len() + after.weights.len()
}

fn merged(first: &Conv, after: &Conv) -> Conv {
    let filter = first.weights_per_output();
    let mut merged = Conv {
        weights: Vec::new(),
        bias: Vec::new(),
        out_channels: after.out_channels,
        activation: after.activation,
        ..first.clone()
    };
    for (row, &bias) in after.weights.chunks_exact(first.out_channels).zip(&after.bias) {
        let mut sums = vec![0.0; filter];
        for (&v, weights) in row.iter().zip(first.weights.chunks_exact(filter)) {
            sums.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += f64::from(v) * f64::from(w));
        }
        let shift: f64 = row.iter().zip(&first.bias).map(|(&v, &b)| f64::from(v) * f64::from(b)).sum();
        merged.weights.extend(sums.into_iter().map(|sum| sum as f32));
        merged.bias.push((f64::from(bias) + shift) as f32);
    }
    merged
}
