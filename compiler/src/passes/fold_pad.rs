//! `conv(pad(x, v), w) == conv(x, w)` with the padding added and outside taps reading `v`
//!
//! Padding is a depthwise 1×1 convolution of weight 1 ([`Conv::padding`]). It folds into every convolution that reads
//! it, unless that one pads with something else. `average(pad(x, 0))` is an average that counts its padding.

use super::edit::{Uses, as_conv};
use crate::graph::Graph;
use crate::ops::{Conv, Op};

pub(super) fn run(graph: &mut Graph, log: &mut Vec<String>) -> usize {
    let (mut count, mut declined) = (0, Vec::new());
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        let Some(before) = uses.producer(graph.nodes[index].inputs[0]) else {
            continue;
        };
        let Some(pad) = as_conv(&graph.nodes[before]).filter(|c| is_padding(c)) else {
            continue;
        };
        let (pad, x, name) = (pad.clone(), graph.nodes[before].inputs[0], graph.nodes[before].name.clone());
        let zero = pad.pad_value.iter().all(|&v| v == 0.0);
        let node = &mut graph.nodes[index];
        let (window, pad_end) = match &mut node.op {
            Op::Conv(conv) => {
                if conv.is_padded() && conv.pad_value != pad.pad_value {
                    log.push(format!("{name} stays: {} pads with another value", node.name));
                    continue;
                }
                conv.pad_value.clone_from(&pad.pad_value);
                (&mut conv.window, &mut conv.pad_end)
            }
            Op::AveragePool(pool) if zero && pool.window.pad == [0, 0] && pool.pad_end == [0, 0] => {
                pool.count_pad = true;
                (&mut pool.window, &mut pool.pad_end)
            }
            // Whatever else reads it needs the padded map itself.
            Op::AveragePool(_)
            | Op::MaxPool(_)
            | Op::Affine(_)
            | Op::Activation(_)
            | Op::PRelu(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Select(_)
            | Op::Crop(_)
            | Op::DepthToSpace(_)
            | Op::Resize(_)
            | Op::GlobalAveragePool
            | Op::Softmax
            | Op::ArgMax => continue,
        };
        window.pad = [window.pad[0] + pad.window.pad[0], window.pad[1] + pad.window.pad[1]];
        *pad_end = [pad_end[0] + pad.pad_end[0], pad_end[1] + pad.pad_end[1]];
        node.inputs[0] = x;
        count += 1;
    }
    if count == 0 {
        log.append(&mut declined);
    }
    count
}

/// Whether a convolution does nothing but pad.
pub(super) fn is_padding(conv: &Conv) -> bool {
    conv.is_depthwise()
        && conv.window.kernel == [1, 1]
        && conv.window.stride == [1, 1]
        && conv.is_padded()
        && conv.activation.is_none()
        && conv.weights.iter().all(|&w| w == 1.0)
        && conv.bias.iter().all(|&b| b == 0.0)
}
