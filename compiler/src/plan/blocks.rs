//! Which step belongs to which block of the network, so that the emitted crate has one function per block.

use crate::qgraph::{QActivation, QGraph, QOp};

/// The block of each node: a block ends with a projection, that is a pointwise convolution without activation.
pub fn blocks(q: &QGraph) -> Vec<usize> {
    let mut block = 0;
    q.nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let own = block;
            // The stem is a block by itself.
            if index == 0 || projects(q, index) {
                block += 1;
            }
            debug_assert!(!node.inputs.is_empty());
            own
        })
        .collect()
}

/// A linear pointwise convolution whose output has negative values, and is no table's argument.
fn projects(q: &QGraph, index: usize) -> bool {
    let node = &q.nodes[index];
    if q.nodes.iter().any(|reader| matches!(reader.op, QOp::Table(_)) && reader.inputs.contains(&node.output)) {
        return false;
    }
    let signed = || q.tensor(node.output).codes().is_some_and(|codes| codes.zero.iter().any(|&z| z > 0));
    match &node.op {
        QOp::Gated(gated) => gated.epilogue.activation == QActivation::Linear && signed(),
        QOp::Conv(conv) => conv.window.taps() == 1 && conv.epilogue.activation == QActivation::Linear && signed(),
        QOp::Add(_) => true,
        QOp::Dense(_)
        | QOp::Mean(_)
        | QOp::Gate(_)
        | QOp::Weightless(_)
        | QOp::Table(_)
        | QOp::MaxPool(_)
        | QOp::Softmax => false,
    }
}
