//! `average(x)[p,c] == Σ_k (1/n)·x[p·stride + k, c]`: an average over a window is a depthwise convolution of equal weights
//!
//! Integers hold those weights without any error: all of them are 127 steps of 1/(127·n). Padding that counts reads zero;
//! padding that does not makes the divisor another one at the borders, and such an average stays.

use crate::graph::Graph;
use crate::ops::{Conv, Op};

/// A window of more taps stays an average: its weights would take more room than they are worth.
const MOST_TAPS: usize = 49;

pub(super) fn run(graph: &mut Graph, log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let Op::AveragePool(pool) = &node.op else { continue };
        if !pool.count_pad && (pool.window.pad != [0, 0] || pool.pad_end != [0, 0]) {
            log.push(format!("{} stays: its padding does not count, so its divisor differs at the borders", node.name));
            continue;
        }
        if pool.window.taps() > MOST_TAPS {
            continue;
        }
        let channels = node.inputs.first().map_or(0, |&x| graph.shape(x).channels);
        let taps = pool.window.taps();
        let conv = Conv {
            weights: vec![1.0 / taps as f32; taps * channels],
            bias: vec![0.0; channels],
            out_channels: channels,
            window: pool.window,
            pad_end: pool.pad_end,
            groups: channels,
            pad_value: vec![0.0; channels],
            activation: None,
        };
        graph.nodes[index].op = Op::Conv(conv);
        count += 1;
    }
    count
}
