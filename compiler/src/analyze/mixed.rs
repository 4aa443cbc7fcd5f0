//! Networks of which only a part is in integers, played in float.
//!
//! A layer's integers are played by the weights that they mean; a tensor's codes by rounding its values to the nearest code
//! after the float layer that makes it. Up to the last bits of f32 that is what the integer network computes, and any
//! subset of layers and tensors can be left in float.

use crate::graph::{Graph, TensorId};
use crate::ops::Op;
use crate::qgraph::{Kind, QGraph, QTensor};
use crate::quantize::filters::Layout;
use crate::quantize::{Draft, fine};
use ndarray::Array3;

/// `graph` with the weights of the sites that `chosen` picks replaced by what their integers mean.
pub fn with_integer_weights(graph: &Graph, draft: &Draft<'_>, chosen: impl Fn(usize) -> bool) -> Graph {
    let mut graph = graph.clone();
    for (index, (site, filters)) in draft.sites.iter().zip(&draft.filters).enumerate() {
        let Some(filters) = filters.as_ref().filter(|_| chosen(index)) else { continue };
        let Some(codes) = draft.q.tensor(site.inputs[0]).codes() else { continue };
        let Some(node) = graph.nodes.iter_mut().find(|node| node.output == site.node.output) else { continue };
        let Op::Conv(conv) = &mut node.op else { continue };
        let reading = fine::reading(conv, draft.q.tensor(site.inputs[0])).into_owned();
        let layout = Layout::of(&reading, codes.scale.len());
        // Of a fine input the weights of the high parts: they are the finer ones.
        let channels = conv.in_channels().max(1);
        let high = (0..filters.weights.len()).filter(|&i| layout.channel(i) < channels);
        for (w, i) in conv.weights.iter_mut().zip(high) {
            let (c, q) = (layout.channel(i), filters.weights[i]);
            let column = filters.columns.get(c).map_or(1.0, |&a| f64::from(a));
            *w = (filters.steps[i / layout.row] * f64::from(q) * column / f64::from(codes.scale[c])) as f32;
        }
        conv.bias = filters.bias.iter().map(|&b| b as f32).collect();
    }
    graph
}

/// Rounds every value to what its code means; reals stay.
pub fn round_to_codes(q: &QGraph, id: TensorId, values: &mut Array3<f32>) {
    let tensor = q.tensor(id);
    let (Some(top), Some(codes)) = (top(tensor).map(f32::from), fine::whole(tensor)) else { return };
    let Some(values) = values.as_slice_mut() else { return };
    for pixel in values.chunks_exact_mut(codes.scale.len()) {
        for ((value, &scale), &zero) in pixel.iter_mut().zip(&codes.scale).zip(&codes.zero) {
            let zero = f32::from(zero);
            *value = ((*value / scale + zero).round_ties_even().clamp(0.0, top) - zero) * scale;
        }
    }
}

/// The largest code of a tensor; none of reals.
pub fn top(tensor: &QTensor) -> Option<u16> {
    match &tensor.kind {
        Kind::Map(_) if tensor.fine => Some(fine::FINE_TOP),
        Kind::Map(_) => Some(255),
        Kind::Wide { top, .. } => Some(*top),
        Kind::Real => None,
    }
}
