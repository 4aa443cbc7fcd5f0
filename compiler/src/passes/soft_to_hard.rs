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
        let hard = match as_activation(node) {
            Some(Activation::Sigmoid) => Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 },
            Some(Activation::Silu { beta }) if near(beta, 1.0) => Activation::HardSwish,
            Some(Activation::Silu { beta }) => Activation::HardSwishLike { alpha: beta / 6.0, beta: 0.5 },
            _ => continue,
        };
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
