//! A network as a table of blocks, read off its convolutions.

use crate::graph::{Graph, Node, TensorId};
use crate::ops::{Activation, Conv, Op};

/// One row: everything around one depthwise convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Vertical and horizontal taps of the depthwise convolution.
    pub kernel: [usize; 2],
    /// Its stride.
    pub stride: [usize; 2],
    /// Its channels.
    pub expanded: usize,
    /// Channels of the convolution that follows on the map.
    pub out: usize,
    /// Whether a gate of the pooled map (squeeze-excite) is multiplied in between.
    pub squeeze_excite: bool,
    /// Whether its function is hard-swish (or the SiLU that it approximates).
    pub hard_swish: bool,
}

/// Stem, blocks, and the pointwise convolutions that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Output channels of the first convolution.
    pub stem: usize,
    /// In order.
    pub blocks: Vec<Block>,
    /// Output channels of the convolutions after the last block: on the map, then on the vector.
    pub head: Vec<usize>,
}

/// Reads the table; `None` where there is no convolution.
pub fn layout(graph: &Graph) -> Option<Layout> {
    let consumers = graph.consumers();
    let convs: Vec<(usize, &Node, &Conv)> = graph
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(i, n)| match &n.op {
            Op::Conv(conv) => Some((i, n, conv)),
            _ => None,
        })
        .collect();
    let (_, _, stem) = convs.first()?;
    let on_map = |n: &Node| n.inputs.first().is_some_and(|&x| graph.shape(x).pixels() > 1);
    // A depthwise 1×1 is padding, or a batch norm written as a convolution.
    let is_depthwise = |c: &Conv| c.is_depthwise() && c.groups > 1 && c.window.taps() > 1;
    let mut blocks = Vec::new();
    for (position, (_, node, conv)) in convs.iter().enumerate() {
        if !is_depthwise(conv) {
            continue;
        }
        let rest = convs.get(position + 1..).unwrap_or_default();
        let project = rest.iter().take_while(|(_, _, c)| !is_depthwise(c)).find(|(_, n, _)| on_map(n));
        let squeeze_excite = project.is_some_and(|(_, n, _)| {
            let source = n.inputs.first().and_then(|x| graph.nodes.iter().find(|m| m.output == *x));
            passes_gate(graph, source, node.output)
        });
        blocks.push(Block {
            kernel: conv.window.kernel,
            stride: conv.window.stride,
            expanded: conv.out_channels,
            out: project.map_or(0, |(_, _, c)| c.out_channels),
            squeeze_excite,
            hard_swish: is_hard_swish(graph, &consumers, node, conv),
        });
    }
    let last = convs.iter().rposition(|(_, _, c)| is_depthwise(c)).unwrap_or(0);
    // After the last depthwise: squeeze-excite's two vectors, the projection, then the head.
    let tail = convs.get(last + 1..).unwrap_or_default();
    let projection = tail.iter().position(|(_, n, _)| on_map(n)).map_or(0, |i| i + 1);
    let head = tail.get(projection..).unwrap_or_default().iter().map(|(_, _, c)| c.out_channels).collect();
    Some(Layout { stem: stem.out_channels, blocks, head })
}

/// Walks back from the projection's input to the depthwise convolution over functions and maps; is there a gate?
fn passes_gate<'a>(graph: &'a Graph, mut node: Option<&'a Node>, until: TensorId) -> bool {
    for _ in 0..8 {
        let Some(current) = node else { return false };
        if current.output == until {
            return false;
        }
        if matches!(current.op, Op::Mul) && current.inputs.get(1).is_some_and(|&g| graph.shape(g).pixels() == 1) {
            return true;
        }
        node = current.inputs.first().and_then(|x| graph.nodes.iter().find(|m| m.output == *x));
    }
    false
}

/// The function of a convolution: its own, or that of a reader.
fn is_hard_swish(graph: &Graph, consumers: &[Vec<usize>], node: &Node, conv: &Conv) -> bool {
    let swish = |f: Activation| match f {
        Activation::HardSwish | Activation::HardSwishLike { .. } | Activation::Silu { .. } => true,
        Activation::Clip { .. }
        | Activation::HardSigmoid { .. }
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Leaky { .. } => false,
    };
    if let Some(function) = conv.activation {
        return swish(function);
    }
    // Directly behind it, or behind its squeeze-excite.
    let mut tensor = node.output;
    for _ in 0..2 {
        let readers: Vec<&Node> =
            consumers.get(tensor.index()).into_iter().flatten().filter_map(|&i| graph.nodes.get(i)).collect();
        for reader in &readers {
            if let Op::Activation(function) = reader.op {
                return swish(function);
            }
        }
        match readers.iter().find(|r| matches!(r.op, Op::Mul)) {
            Some(product) => tensor = product.output,
            None => return false,
        }
    }
    false
}
