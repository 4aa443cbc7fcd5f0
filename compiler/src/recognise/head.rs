//! What a network does with its features, where that is not to classify the picture.

use crate::graph::Graph;
use crate::ops::Op;
use std::collections::BTreeSet;

/// A head that no table of the architectures has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// DeepLabV3 (arXiv 1706.05587): full convolutions at several large dilations, side by side.
    DeepLab,
    /// SSD (arXiv 1512.02325): answers from maps of many sizes.
    Detector,
}

/// Dilations that no body has; DeepLabV3's are 6, 12, 18 or 12, 24, 36.
const LARGE_DILATION: usize = 6;

/// So many sizes of answers are a detector's; a segmentation network may have a second one for training.
const SIZES: usize = 4;

pub(super) fn head(graph: &Graph) -> Option<Head> {
    let dilated = |conv: &crate::ops::Conv| conv.groups == 1 && conv.window.dilation[0] >= LARGE_DILATION;
    let count = graph.nodes.iter().filter(|node| matches!(&node.op, Op::Conv(conv) if dilated(conv))).count();
    if count >= 2 {
        return Some(Head::DeepLab);
    }
    let sizes: BTreeSet<usize> = graph.outputs.iter().map(|&id| graph.shape(id).pixels()).collect();
    (sizes.len() >= SIZES).then_some(Head::Detector)
}
