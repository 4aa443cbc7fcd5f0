//! `silu(x)` back in place of `hard_swish(x)`, `sigmoid(x)` in place of `hard_sigmoid(x)`: `soft_to_hard` undone.
//!
//! A canonical graph with hard forms and one with the true functions differ in more than functions: a hard form is part of its
//! convolution, a true one a node of its own. Here every true function goes to where the hard form of it is, so that both
//! graphs have the same nodes and tensors. The result is for the float interpreter alone.

use super::edit::as_activation;
use super::soft_to_hard::hard_form;
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Node};
use crate::ops::{Activation, Op};

/// `hard`, each function as in `exact`, which is the same network and kept its sigmoids. The tensors behind the functions have
/// the same names in both.
///
/// # Errors
/// Where a function of `exact` has no place in `hard`.
pub fn soften(hard: &Graph, exact: &Graph) -> Result<Graph> {
    let mut softened = hard.clone();
    for node in &exact.nodes {
        let Some(function) = as_activation(node).filter(|function| function.is_soft()) else { continue };
        let name = exact.name_of(node.output);
        let place = softened.nodes.iter_mut().find(|other| hard.name_of(other.output) == name).and_then(function_of);
        let missing = || {
            Error::new(Stage::Passes, "its hard form is not found where the true function was")
                .at(&node.name)
                .remedy("compile with --keep-sigmoid, and please report this with the model")
        };
        *place.ok_or_else(missing)? = function;
    }
    Ok(softened)
}

/// A softened graph with hard forms again, all but that of an answer.
pub fn harden(softened: &Graph) -> Graph {
    let mut hard = softened.clone();
    for node in hard.nodes.iter_mut().filter(|node| !softened.outputs.contains(&node.output)) {
        if let Some(function) = function_of(node)
            && let Some(form) = hard_form(*function)
        {
            *function = form;
        }
    }
    hard
}

/// The function of a node, its own or the one behind its convolution.
fn function_of(node: &mut Node) -> Option<&mut Activation> {
    match &mut node.op {
        Op::Activation(function) => Some(function),
        Op::Conv(conv) => conv.activation.as_mut(),
        Op::Affine(_)
        | Op::PRelu(_)
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::Select(_)
        | Op::Crop(_)
        | Op::DepthToSpace(_)
        | Op::Resize(_)
        | Op::GlobalAveragePool
        | Op::AveragePool(_)
        | Op::MaxPool(_)
        | Op::Softmax
        | Op::ArgMax => None,
    }
}
