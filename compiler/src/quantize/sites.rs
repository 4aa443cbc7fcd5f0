//! Where integers will be: the float graph as a list of integer operations to come.
//!
//! Five fusions happen here because only the integer network knows them: a gate into the pointwise convolution that alone reads
//! the gated map (eq. 22); an addition into the epilogue of the
//! convolution before it (eq. 10), a clip or hard-swish into the gate or addition before it, and a sigmoid of a vector into the
//! dense layer before it (eq. 14). Every other function is a table where it is of a map, and computed in reals (eq. 35) where it
//! is of a vector.

use super::recipe::{Recipe, Step};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Node, Shape, TensorId};
use crate::ops::{Activation, AveragePool, Conv, MaxPool, Moves, Op, Resize};

/// One integer operation to come.
#[derive(Clone, Debug)]
pub struct Site<'g> {
    /// The float node that gives its name and constants.
    pub node: &'g Node,
    /// What kind.
    pub kind: SiteKind<'g>,
    /// What it reads.
    pub inputs: Vec<TensorId>,
    /// What it writes: the output of the last float node that it covers.
    pub output: TensorId,
}

/// Which integer operation.
#[derive(Clone, Debug)]
pub enum SiteKind<'g> {
    /// Convolution or dense layer; a second input is added.
    Conv {
        /// Constants.
        conv: &'g Conv,
        /// Function of the result (after the addition).
        activation: Option<Activation>,
    },
    /// Pointwise convolution of a map times a gate: inputs are the map, the gate, and what is added, if anything.
    Gated {
        /// Constants.
        conv: &'g Conv,
        /// Function of the result (after the addition).
        activation: Option<Activation>,
    },
    /// Mean over all pixels.
    Mean,
    /// Map times vector.
    Gate {
        /// Function of the result.
        activation: Option<Activation>,
    },
    /// Map plus map.
    Add {
        /// Function of the result.
        activation: Option<Activation>,
    },
    /// Elements in another place, from any number of tensors.
    Moves(Moves),
    /// Bilinear resize.
    Resize(&'g Resize),
    /// Mean over a window whose padding does not count, or a large one.
    AveragePool(&'g AveragePool),
    /// Product of two tensors neither of which is a gate.
    Product,
    /// A function by itself.
    Function(Activation),
    /// A line with a bend at zero for each channel.
    Line {
        /// Slope above zero.
        scale: Vec<f32>,
        /// Slope below zero.
        below: Vec<f32>,
        /// Value at zero.
        shift: Vec<f32>,
    },
    /// Class of every pixel.
    ArgMax,
    /// Maximum over a window.
    MaxPool(&'g MaxPool),
    /// Softmax.
    Softmax,
}

/// The float graph as integer operations, in topological order.
pub fn sites<'g>(graph: &'g Graph, recipe: &Recipe) -> Result<Vec<Site<'g>>> {
    let gates = recipe.has(Step::GatesInWeights);
    let uses = Uses::of(graph);
    let mut covered = vec![false; graph.nodes.len()];
    // Walk backwards so that the last node of a fusion finds its first; reverse at the end.
    let mut out = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if covered[index] {
            continue;
        }
        let (last, activation, base) = match (&node.op, uses.fusable_producer(graph, node)) {
            (Op::Activation(function), Some(base)) if fuses(graph, &graph.nodes[base], function) => {
                covered[base] = true;
                (node, Some(*function), base)
            }
            _ => (node, None, index),
        };
        let node = &graph.nodes[base];
        let site = |kind, inputs: Vec<TensorId>| Site { node, kind, inputs, output: last.output };
        out.push(match &node.op {
            Op::Conv(conv) => {
                let activation = conv.activation.or(activation);
                match gated(graph, &uses, conv, node.inputs[0]).filter(|_| gates) {
                    Some((gate, inputs)) => {
                        covered[gate] = true;
                        site(SiteKind::Gated { conv, activation }, inputs)
                    }
                    None => site(SiteKind::Conv { conv, activation }, node.inputs.clone()),
                }
            }
            Op::Add => match residual_conv(graph, &uses, node, base) {
                Some((producer, conv, other)) => {
                    covered[producer] = true;
                    let node = &graph.nodes[producer];
                    let (kind, mut inputs) = match gated(graph, &uses, conv, node.inputs[0]).filter(|_| gates) {
                        Some((gate, inputs)) => {
                            covered[gate] = true;
                            (SiteKind::Gated { conv, activation }, inputs)
                        }
                        None => (SiteKind::Conv { conv, activation }, vec![node.inputs[0]]),
                    };
                    inputs.push(other);
                    Site { node, kind, inputs, output: last.output }
                }
                None => site(SiteKind::Add { activation }, node.inputs.clone()),
            },
            Op::Mul => match gate_order(graph, node) {
                Some(inputs) => site(SiteKind::Gate { activation }, inputs),
                None => site(SiteKind::Product, node.inputs.clone()),
            },
            Op::Concat | Op::Select(_) | Op::Crop(_) | Op::DepthToSpace(_) => {
                site(SiteKind::Moves(moves(graph, node)?), node.inputs.clone())
            }
            Op::Resize(resize) => match moves(graph, node) {
                Ok(moves) => site(SiteKind::Moves(moves), node.inputs.clone()),
                Err(_) => site(SiteKind::Resize(resize), node.inputs.clone()),
            },
            Op::GlobalAveragePool => site(SiteKind::Mean, node.inputs.clone()),
            Op::Activation(function) => site(SiteKind::Function(*function), node.inputs.clone()),
            Op::MaxPool(pool) => site(SiteKind::MaxPool(pool), node.inputs.clone()),
            Op::Softmax => site(SiteKind::Softmax, node.inputs.clone()),
            Op::ArgMax => site(SiteKind::ArgMax, node.inputs.clone()),
            Op::AveragePool(pool) => site(SiteKind::AveragePool(pool), node.inputs.clone()),
            Op::Affine(affine) => {
                let line = SiteKind::Line {
                    scale: affine.scale.clone(),
                    below: affine.scale.clone(),
                    shift: affine.shift.clone(),
                };
                site(line, node.inputs.clone())
            }
            Op::PRelu(prelu) => {
                let n = prelu.slope.len();
                let line = SiteKind::Line { scale: vec![1.0; n], below: prelu.slope.clone(), shift: vec![0.0; n] };
                site(line, node.inputs.clone())
            }
        });
    }
    out.reverse();
    Ok(out)
}

/// Where the elements of an operator that only moves them come from.
fn moves(graph: &Graph, node: &Node) -> Result<Moves> {
    let shapes: Vec<Shape> = node.inputs.iter().map(|&id| graph.shape(id)).collect();
    node.op.moves(&shapes).ok_or_else(|| Error::new(Stage::Quantize, "its elements are not only moved").at(&node.name))
}

/// Whether the epilogue of `node` can compute `function` of its result.
fn fuses(graph: &Graph, node: &Node, function: &Activation) -> bool {
    let is_map = graph.shape(node.output).pixels() > 1;
    match &node.op {
        Op::Conv(conv) if *function == Activation::Sigmoid => {
            conv.activation.is_none() && conv.is_pointwise() && !is_map
        }
        Op::Add => is_map && matches!(function, Activation::Clip { .. }),
        Op::Mul => {
            is_map
                && gate_order(graph, node).is_some()
                && matches!(function, Activation::Clip { .. } | Activation::HardSwish)
        }
        Op::Conv(conv) => {
            conv.activation.is_none() && matches!(function, Activation::Clip { .. } | Activation::HardSwish)
        }
        _ => false,
    }
}

/// The convolution whose epilogue can do the addition of `node` (at `index`): its index, itself, the other summand.
fn residual_conv<'g>(graph: &'g Graph, uses: &Uses, node: &Node, index: usize) -> Option<(usize, &'g Conv, TensorId)> {
    let [a, b] = [*node.inputs.first()?, *node.inputs.get(1)?];
    if a == b || graph.tensors[a.index()].shape.pixels() == 1 {
        return None;
    }
    let candidate = |from: TensorId, other: TensorId| {
        let producer = uses.producer[from.index()]?;
        let sole = uses.count[from.index()] == 1;
        match &graph.nodes[producer].op {
            Op::Conv(conv) if sole && producer < index && conv.activation.is_none() => Some((producer, conv, other)),
            _ => None,
        }
    };
    // Of two candidates take the later one, so that the earlier map is there when it runs.
    [candidate(a, b), candidate(b, a)].into_iter().flatten().max_by_key(|(producer, ..)| *producer)
}

/// If `x`, which `conv` reads, is a map times a gate that nobody else reads: the node that multiplies, the map and the gate.
fn gated(graph: &Graph, uses: &Uses, conv: &Conv, x: TensorId) -> Option<(usize, Vec<TensorId>)> {
    let producer = uses.producer[x.index()].filter(|_| uses.count[x.index()] == 1 && conv.is_pointwise())?;
    let node = &graph.nodes[producer];
    if !matches!(node.op, Op::Mul) || graph.tensors[x.index()].shape.pixels() == 1 {
        return None;
    }
    let inputs = gate_order(graph, node)?;
    let maker = &graph.nodes[uses.producer[inputs.get(1)?.index()]?];
    let function = match &maker.op {
        Op::Activation(function) => Some(*function),
        Op::Conv(conv) => conv.activation,
        _ => None,
    };
    // The proof that nothing overflows counts on gates from 0 to 1.
    let bounded = match function? {
        Activation::HardSigmoid { .. } | Activation::Sigmoid => true,
        Activation::Clip { lo, hi } => lo >= 0.0 && hi <= 1.0,
        Activation::HardSwish
        | Activation::HardSwishLike { .. }
        | Activation::Silu { .. }
        | Activation::Tanh
        | Activation::Leaky { .. } => false,
    };
    bounded.then_some((producer, inputs))
}

/// The map first, the gate second; `None` where neither factor is a vector.
fn gate_order(graph: &Graph, node: &Node) -> Option<Vec<TensorId>> {
    let pixels = |i: usize| graph.tensors[node.inputs[i].index()].shape.pixels();
    match (pixels(0), pixels(1)) {
        (_, 1) => Some(vec![node.inputs[0], node.inputs[1]]),
        (1, _) => Some(vec![node.inputs[1], node.inputs[0]]),
        _ => None,
    }
}

/// Who makes and who reads each tensor.
pub struct Uses {
    /// Index of the node that makes it.
    pub producer: Vec<Option<usize>>,
    /// How many nodes read it; an output of the network counts as one more.
    pub count: Vec<usize>,
}

impl Uses {
    /// Counts them.
    pub fn of(graph: &Graph) -> Self {
        let mut uses = Self { producer: vec![None; graph.tensors.len()], count: vec![0; graph.tensors.len()] };
        for (index, node) in graph.nodes.iter().enumerate() {
            uses.producer[node.output.index()] = Some(index);
            for input in &node.inputs {
                uses.count[input.index()] += 1;
            }
        }
        for output in &graph.outputs {
            uses.count[output.index()] += 1;
        }
        uses
    }

    /// The node that makes the only input of `node`, if nobody else reads it.
    fn fusable_producer(&self, _graph: &Graph, node: &Node) -> Option<usize> {
        match node.inputs.as_slice() {
            [input] if self.count[input.index()] == 1 => self.producer[input.index()],
            _ => None,
        }
    }
}
