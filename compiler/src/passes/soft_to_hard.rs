//! `sigmoid(x) ≈ hard_sigmoid(x; 1/6, 1/2)`, `silu(x; β) ≈ x · hard_sigmoid(β·x)`
//!
//! Not equal: the difference is up to 0.08 in a gate. Every replaced node is named, so that the caller can measure it.
//! A sigmoid that is the network's answer stays exact.

use super::edit::{Uses, as_activation, near};
use crate::graph::Graph;
use crate::ops::{Activation, Op};

pub(super) fn run(graph: &mut Graph, log: &mut Vec<String>) -> usize {
    let uses = Uses::of(graph);
    let mut names = Vec::new();
    for node in &mut graph.nodes {
        let Some(hard) = as_activation(node).and_then(hard_form) else { continue };
        if uses.is_output(node.output) {
            log.push(format!("{} stays exact, it is the network's answer", node.name));
            continue;
        }
        node.op = Op::Activation(hard);
        names.push(node.name.clone());
    }
    if !names.is_empty() {
        log.push(format!("hard forms in place of sigmoid and swish: {}", names.join(", ")));
    }
    names.len()
}

/// The function that takes the place of a soft one; none for the others.
pub(super) fn hard_form(function: Activation) -> Option<Activation> {
    match function {
        Activation::Sigmoid => Some(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }),
        Activation::Silu { beta } if near(beta, 1.0) => Some(Activation::HardSwish),
        Activation::Silu { beta } => Some(Activation::HardSwishLike { alpha: beta / 6.0, beta: 0.5 }),
        Activation::Clip { .. }
        | Activation::HardSigmoid { .. }
        | Activation::HardSwish
        | Activation::HardSwishLike { .. }
        | Activation::Tanh
        | Activation::Leaky { .. } => None,
    }
}
