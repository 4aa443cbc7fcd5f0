//! `f(move(x)) == move(f(x))` for a function `f` of elements, or an affine map whose channels go with the move
//!
//! A move picks channels, rows or columns, or makes pixels of channels. In front of it the function meets the convolution that it
//! can be fused with. A bilinear resize is no move, but an affine map passes it too: its shares sum to one.

use super::edit::Uses;
use crate::graph::{Graph, Shape};
use crate::ops::{Affine, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        let moved = graph.nodes[index].inputs[0];
        let uses = Uses::of(graph);
        let Some(mover) = uses.producer(moved).filter(|_| uses.sole_reader(moved) == Some(index)) else { continue };
        let &[source] = graph.nodes[mover].inputs.as_slice() else { continue };
        let from = graph.shape(source);
        let Some(op) = before(&graph.nodes[index].op, &graph.nodes[mover].op, from) else { continue };
        let (name, result) = (graph.nodes[index].name.clone(), graph.name_of(graph.nodes[index].output).to_owned());
        let Ok(first) = graph.push(name, op, vec![source], format!("{result}/before")) else { return count };
        // The move takes this node's place; what was one is read by nobody any more.
        let (op, name) = (graph.nodes[mover].op.clone(), graph.nodes[mover].name.clone());
        let node = &mut graph.nodes[index];
        (node.op, node.inputs, node.name) = (op, vec![first], name);
        count += 1;
    }
    count
}

/// The function in front of the move, whose input has the shape `from`.
fn before(function: &Op, mover: &Op, from: Shape) -> Option<Op> {
    match (function, mover) {
        // Pixels that are one vector's: the function is cheaper in front, and meets its dense layer.
        (Op::Activation(_), Op::Select(_) | Op::Crop(_) | Op::DepthToSpace(_) | Op::Resize(_)) => {
            mover.moves(&[from]).map(|_| function.clone())
        }
        (Op::Affine(_), Op::Crop(_) | Op::Resize(_)) => Some(function.clone()),
        (Op::Affine(affine), Op::DepthToSpace(deep)) => {
            let results = affine.scale.len().max(1);
            let phases = deep.block[0] * deep.block[1];
            let channel = |c: usize| if deep.columns_first { c / phases } else { c % results };
            let spread = |values: &[f32]| (0..from.channels).map(|c| values.get(channel(c)).copied()).collect();
            let (scale, shift): (Option<_>, Option<_>) = (spread(&affine.scale), spread(&affine.shift));
            Some(Op::Affine(Affine { scale: scale?, shift: shift? }))
        }
        _ => None,
    }
}
