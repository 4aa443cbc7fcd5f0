//! Channels that can only leave together: the same channel of every tensor that a depthwise convolution, a gate, a sum or a function of
//! elements ties to it.
//!
//! ```text
//! expansion     expand ─► depthwise ─► × gate ─► project      made by `expand` and the gate's last layer; read by `project`, `squeeze`
//! bottleneck    project ─► + ─► + ─► …                        made by every projection of the sum; read by every expansion behind it
//! ```
//!
//! These are the two kinds of proposals of NetAdapt as MobileNetV3 uses it (arXiv 1905.02244, section 4.2).

use crate::graph::{Graph, TensorId};
use crate::ops::Op;

/// Tied channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// All tensors that have them.
    pub tensors: Vec<TensorId>,
    /// How many channels each has.
    pub channels: usize,
    /// Convolutions that make them out of others, as indices into [`Graph::nodes`].
    pub makers: Vec<usize>,
    /// Convolutions that make others out of them.
    pub readers: Vec<usize>,
}

impl Family {
    /// Its first maker's name.
    pub fn name<'g>(&self, graph: &'g Graph) -> &'g str {
        self.makers.first().and_then(|&maker| graph.nodes.get(maker)).map_or("?", |node| &node.name)
    }
}

/// Sets of tensors, joined one after the other.
struct Ties {
    parent: Vec<usize>,
    /// Whether channels of the set must stay, by its root.
    fixed: Vec<bool>,
}

impl Ties {
    fn root(&self, mut at: usize) -> usize {
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    fn tie(&mut self, ids: &[TensorId]) {
        let Some((first, others)) = ids.split_first() else { return };
        for id in others {
            let (a, b) = (self.root(first.index()), self.root(id.index()));
            self.parent[b] = a;
            self.fixed[a] |= self.fixed[b];
        }
    }

    fn fix(&mut self, ids: &[TensorId]) {
        for id in ids {
            let root = self.root(id.index());
            self.fixed[root] = true;
        }
    }
}

/// All families whose channels may leave, in the order of their first tensors. The image's and the answers' stay, and those that an
/// operator counts or moves (concatenations, selections, softmax).
pub fn families(graph: &Graph) -> Vec<Family> {
    let count = graph.tensors.len();
    let mut ties = Ties { parent: (0..count).collect(), fixed: vec![false; count] };
    ties.fix(&[graph.input]);
    ties.fix(&graph.outputs);
    let mut convolutions = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let all = || [node.inputs.as_slice(), &[node.output]].concat();
        match &node.op {
            Op::Conv(conv) if conv.is_depthwise() => ties.tie(&all()),
            Op::Conv(conv) if conv.groups == 1 => convolutions.push(index),
            Op::Affine(_)
            | Op::Activation(_)
            | Op::PRelu(_)
            | Op::Add
            | Op::Resize(_)
            | Op::GlobalAveragePool
            | Op::AveragePool(_)
            | Op::MaxPool(_) => ties.tie(&all()),
            Op::Mul if node.inputs.iter().all(|&id| graph.shape(id).channels == graph.shape(node.output).channels) => {
                ties.tie(&all());
            }
            Op::Conv(_)
            | Op::Mul
            | Op::Concat
            | Op::Select(_)
            | Op::Crop(_)
            | Op::DepthToSpace(_)
            | Op::Softmax
            | Op::ArgMax => ties.fix(&all()),
        }
    }
    let mut found: Vec<(usize, Family)> = Vec::new();
    for id in (0..count as u32).map(TensorId) {
        let root = ties.root(id.index());
        if ties.fixed[root] {
            continue;
        }
        match found.iter_mut().find(|(of, _)| *of == root) {
            Some((_, family)) => family.tensors.push(id),
            None => {
                let channels = graph.shape(id).channels;
                found.push((root, Family { tensors: vec![id], channels, makers: vec![], readers: vec![] }));
            }
        }
    }
    for (_, family) in &mut found {
        for &index in &convolutions {
            let node = &graph.nodes[index];
            if family.tensors.contains(&node.output) {
                family.makers.push(index);
            }
            if node.inputs.iter().any(|input| family.tensors.contains(input)) {
                family.readers.push(index);
            }
        }
    }
    let whole = |family: &Family| !family.makers.is_empty() && !family.readers.is_empty();
    found.into_iter().map(|(_, family)| family).filter(whole).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::graph::{Shape, Window};
    use crate::ops::{Activation, Conv};

    /// Weights that no two channels share.
    fn weights(count: usize, phase: f32) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.7 + phase).sin() * 0.5).collect()
    }

    fn pointwise(from: usize, to: usize, phase: f32) -> Op {
        Op::Conv(Conv::pointwise(weights(from * to, phase), weights(to, phase + 1.0), from))
    }

    /// Two blocks of 8 channels with expansions of 16 and 24, the first with a squeeze-excite, summed; then a classifier.
    pub fn blocks() -> Graph {
        let mut graph = Graph::new("blocks", "image", Shape::new(6, 6, 3));
        let mut push = |name: &str, op: Op, inputs: &[TensorId]| {
            graph.push(name, op, inputs.to_vec(), format!("{name}.out")).expect("shapes fit")
        };
        let depthwise = |channels: usize| {
            let window = Window { kernel: [3, 3], pad: [1, 1], ..Window::POINT };
            let conv = Conv {
                weights: weights(9 * channels, 0.3),
                window,
                pad_end: [1, 1],
                ..Conv::padding(channels, [0; 2], [0; 2], 0.0)
            };
            Op::Conv(Conv { activation: Some(Activation::RELU), ..conv })
        };
        let stem = push("stem", pointwise(3, 8, 0.0), &[TensorId(0)]);
        let expand = push("expand1", pointwise(8, 16, 0.1), &[stem]);
        let filtered = push("depthwise1", depthwise(16), &[expand]);
        let mean = push("mean", Op::GlobalAveragePool, &[filtered]);
        let squeezed = push("squeeze", pointwise(16, 8, 0.2), &[mean]);
        let gate = push("excite", pointwise(8, 16, 0.4), &[squeezed]);
        let gated = push("gate", Op::Mul, &[filtered, gate]);
        let project = push("project1", pointwise(16, 8, 0.5), &[gated]);
        let sum = push("sum", Op::Add, &[stem, project]);
        let expand = push("expand2", pointwise(8, 24, 0.6), &[sum]);
        let filtered = push("depthwise2", depthwise(24), &[expand]);
        let project = push("project2", pointwise(24, 8, 0.7), &[filtered]);
        let sum = push("sum2", Op::Add, &[sum, project]);
        let mean = push("pool", Op::GlobalAveragePool, &[sum]);
        let answer = push("classifier", pointwise(8, 5, 0.8), &[mean]);
        graph.outputs = vec![answer];
        graph.verify(crate::error::Stage::Model).expect("a graph");
        graph
    }

    #[test]
    fn expansions_and_bottlenecks_are_families() {
        let graph = blocks();
        let found = families(&graph);
        let names = |nodes: &[usize]| nodes.iter().map(|&n| graph.nodes[n].name.as_str()).collect::<Vec<_>>();
        let seen: Vec<_> = found.iter().map(|f| (f.channels, names(&f.makers), names(&f.readers))).collect();
        let expected = [
            (8, vec!["stem", "project1", "project2"], vec!["expand1", "expand2", "classifier"]),
            (16, vec!["expand1", "excite"], vec!["squeeze", "project1"]),
            (8, vec!["squeeze"], vec!["excite"]),
            (24, vec!["expand2"], vec!["project2"]),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn channels_that_are_counted_stay() {
        let mut graph = blocks();
        let last = graph.nodes.last().expect("nodes").output;
        graph.outputs = vec![graph.push("probabilities", Op::Softmax, vec![last], "p").expect("fits")];
        assert_eq!(families(&graph).len(), 4);
        let sum = graph.nodes.iter().find(|n| n.name == "sum").expect("a sum").output;
        graph.push("both", Op::Concat, vec![sum, sum], "b").expect("fits");
        assert_eq!(families(&graph).len(), 3, "the bottleneck is concatenated");
    }
}
