//! `s·(x · y) == x · (s·y)` and `(s·x) · y == x · (s·y)`
//!
//! Done only where `y` is a clip from 0 to 1/s: then `s·y` is a hard-sigmoid, and `x · y/6` a hard-swish whose
//! division came after the product, or on the other factor.

use super::edit::{Uses, as_affine, as_clip, near};
use crate::graph::{Graph, Node};
use crate::ops::{Affine, Op};

pub(super) fn run(graph: &mut Graph, _log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        if matches!(graph.nodes[index].op, Op::Mul) && (scale_after(graph, index) || scale_on_factor(graph, index)) {
            count += 1;
        }
    }
    count
}

/// The factor of a map without shift, the same for all channels.
fn scale(node: &Node) -> Option<f32> {
    match as_affine(node)?.as_uniform()? {
        (s, 0.0) => Some(s),
        _ => None,
    }
}

/// Which factor of the product is a clip from 0 to 1/s that nothing else reads.
fn clip_factor(graph: &Graph, uses: &Uses, product: usize, s: f32) -> Option<usize> {
    (0..2).find(|&side| {
        let factor = graph.nodes[product].inputs[side];
        let clip = uses.producer(factor).and_then(|i| as_clip(&graph.nodes[i]));
        uses.sole_reader(factor).is_some() && clip.is_some_and(|(lo, hi)| lo == 0.0 && near(s * hi, 1.0))
    })
}

/// `s·(x · y) == x · (s·y)`: the product and the map behind it change places.
fn scale_after(graph: &mut Graph, product: usize) -> bool {
    let uses = Uses::of(graph);
    let node = &graph.nodes[product];
    let Some(after) = uses.sole_reader(node.output) else {
        return false;
    };
    let Some(s) = scale(&graph.nodes[after]) else {
        return false;
    };
    let Some(side) = clip_factor(graph, &uses, product, s) else {
        return false;
    };
    let (factor, middle, mut inputs) = (node.inputs[side], node.output, node.inputs.clone());
    inputs[side] = middle;
    let shape = graph.shape(factor);
    graph.refill(middle, shape);
    graph.nodes[product].op = Op::Affine(Affine::uniform(s, 0.0, shape.channels));
    graph.nodes[product].inputs = vec![factor];
    graph.nodes[after].op = Op::Mul;
    graph.nodes[after].inputs = inputs;
    true
}

/// `(s·x) · y == x · (s·y)`: the map moves to the other factor.
fn scale_on_factor(graph: &mut Graph, product: usize) -> bool {
    let uses = Uses::of(graph);
    for side in 0..2 {
        let [scaled, other] = [graph.nodes[product].inputs[side], graph.nodes[product].inputs[1 - side]];
        let Some(map) = uses.producer(scaled) else {
            continue;
        };
        let Some(s) = scale(&graph.nodes[map]) else {
            continue;
        };
        if uses.sole_reader(scaled) != Some(product) || clip_factor(graph, &uses, product, s) != Some(1 - side) {
            continue;
        }
        let x = graph.nodes[map].inputs[0];
        // Between two clips the map would go back and forth.
        if uses.producer(x).is_some_and(|i| as_clip(&graph.nodes[i]).is_some()) {
            continue;
        }
        let shape = graph.shape(other);
        graph.refill(scaled, shape);
        graph.nodes[map].op = Op::Affine(Affine::uniform(s, 0.0, shape.channels));
        graph.nodes[map].inputs[0] = other;
        graph.nodes[product].inputs[side] = x;
        graph.nodes[product].inputs[1 - side] = scaled;
        return true;
    }
    false
}
