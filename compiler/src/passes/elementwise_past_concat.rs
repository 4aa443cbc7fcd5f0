//! `f(concat(a, b, …)) == concat(f(a), f(b), …)` for a function `f`, or an affine map split between the channels of the parts
//!
//! In front of the concatenation it meets the convolution that it can be fused with; behind it there is none.

use super::edit::Uses;
use crate::graph::Graph;
use crate::ops::{Affine, Op};

pub(super) fn run(graph: &mut Graph, log: &mut Vec<String>) -> usize {
    let mut count = 0;
    for index in 0..graph.nodes.len() {
        if !matches!(graph.nodes[index].op, Op::Activation(_) | Op::Affine(_)) {
            continue;
        }
        let uses = Uses::of(graph);
        let joined = graph.nodes[index].inputs[0];
        let Some(concat) = uses.producer(joined).filter(|&i| matches!(graph.nodes[i].op, Op::Concat)) else { continue };
        let (name, output) = (graph.nodes[index].name.clone(), graph.nodes[index].output);
        let result_name = graph.name_of(output).to_owned();
        if uses.sole_reader(joined) != Some(index) {
            log.push(format!("{name} stays behind the concatenation: others read it without {name}"));
            continue;
        }
        let parts = graph.nodes[concat].inputs.clone();
        let mut first = 0;
        let mut moved = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            let channels = graph.shape(part).channels;
            let op = match &graph.nodes[index].op {
                Op::Affine(affine) => Op::Affine(Affine {
                    scale: affine.scale[first..first + channels].to_vec(),
                    shift: affine.shift[first..first + channels].to_vec(),
                }),
                other => other.clone(),
            };
            first += channels;
            // The same shapes as before: nothing that `push` could refuse.
            let Ok(result) = graph.push(name.clone(), op, vec![part], format!("{result_name}/part_{number}")) else {
                return count;
            };
            moved.push(result);
        }
        // The concatenation takes this node's place; what was one is read by nobody any more.
        let name = graph.nodes[concat].name.clone();
        let node = &mut graph.nodes[index];
        (node.op, node.inputs, node.name, node.output) = (Op::Concat, moved, name, output);
        count += 1;
    }
    count
}
