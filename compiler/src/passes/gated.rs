//! `x · hard_sigmoid(x; 1/6, 1/2) == hard_swish(x)`, `x · sigmoid(β·x) == silu(x; β)`
//!
//! A slope that is not 1/6 gives `hard_swish_like`.

use super::edit::{Uses, as_activation, as_affine, near};
use crate::graph::{Graph, TensorId};
use crate::ops::{Activation, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    let uses = Uses::of(graph);
    for index in 0..graph.nodes.len() {
        if !matches!(graph.nodes[index].op, Op::Mul) {
            continue;
        }
        let (a, b) = (graph.nodes[index].inputs[0], graph.nodes[index].inputs[1]);
        let Some((x, function)) = gate(graph, &uses, a, b).or_else(|| gate(graph, &uses, b, a)) else {
            continue;
        };
        let node = &mut graph.nodes[index];
        node.op = Op::Activation(function);
        node.inputs = vec![x];
        count += 1;
    }
    count
}

/// The function that `x · g` is, where `g` is computed from `x`.
fn gate(graph: &Graph, uses: &Uses, x: TensorId, g: TensorId) -> Option<(TensorId, Activation)> {
    let node = &graph.nodes[uses.producer(g)?];
    let inner = node.inputs[0];
    let function = match as_activation(node)? {
        Activation::HardSigmoid { alpha, beta } if inner == x => {
            if near(alpha, 1.0 / 6.0) && near(beta, 0.5) {
                Activation::HardSwish
            } else {
                Activation::HardSwishLike { alpha, beta }
            }
        }
        Activation::Sigmoid if inner == x => Activation::Silu { beta: 1.0 },
        Activation::Sigmoid => {
            let before = &graph.nodes[uses.producer(inner)?];
            match as_affine(before)?.as_uniform()? {
                (beta, 0.0) if before.inputs[0] == x => Activation::Silu { beta },
                _ => return None,
            }
        }
        Activation::Clip { .. }
        | Activation::HardSigmoid { .. }
        | Activation::HardSwish
        | Activation::HardSwishLike { .. }
        | Activation::Silu { .. }
        | Activation::Tanh
        | Activation::Leaky { .. } => return None,
    };
    Some((x, function))
}
