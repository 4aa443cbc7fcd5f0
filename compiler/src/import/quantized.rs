//! Files that are quantized already, in QDQ form (or brought into it by [`super::qoperator`]): `QuantizeLinear` and `DequantizeLinear` around float operators.
//!
//! Weights are what their integers mean. Activations pass both nodes as they are, and remember their codes
//! ([`crate::graph::Tensor::given`]) where those are eight bits with one scale. What the codes leave out belongs to the network where a
//! tool has dropped a ReLU because codes begin at zero: such a bound stays, as a clip.

use super::dims::Plain;
use super::view::View;
use super::walk::Call;
use crate::graph::{Given, TensorId};
use crate::onnx::{Element, Node};
use crate::ops::{Activation, Op};

/// Smallest and largest code of a type.
pub(super) fn codes(element: Element) -> Option<(i64, i64)> {
    Some(match element {
        Element::U8 => (0, 255),
        Element::I8 => (-128, 127),
        Element::U16 => (0, 65_535),
        Element::I16 => (-32_768, 32_767),
        _ => return None,
    })
}

/// `QuantizeLinear` of a map.
pub(super) fn quantize(call: &mut Call<'_>) -> Plain<View> {
    let x = call.map(0)?;
    let scale = call.constant(1, "the scale")?.ok_or("the scale is missing")?;
    let zero = call.constant(2, "the zero point")?;
    // Without a zero point: u8, at 0.
    let (least, most) = codes(zero.as_ref().map_or(Element::U8, |zero| zero.element)).ok_or("codes of this type")?;
    let zeros = zero.as_ref().and_then(|zero| zero.as_ints()).unwrap_or(&[0]);
    let scales = scale.as_floats().ok_or("its scale is no float")?;
    if scales.iter().any(|s| !s.is_finite() || *s <= 0.0) {
        return Err("a scale that is not above zero".into());
    }
    let made_of = call.graph.nodes.iter().find(|node| node.output == x.tensor).map(|node| &node.op);
    let may_be_negative = matches!(made_of, Some(Op::Conv(conv)) if conv.activation.is_none())
        || matches!(made_of, Some(Op::Add | Op::Affine(_)));
    let given = match (scales, zeros, most - least) {
        (&[scale], &[zero], 255) => u8::try_from(zero - least).ok().map(|zero| Given { scale, zero }),
        _ => None,
    };
    let remember = |call: &mut Call<'_>, id: TensorId| {
        if let Some(tensor) = call.graph.tensors.get_mut(id.index()) {
            tensor.given = tensor.given.or(given);
        }
    };
    if !may_be_negative || zeros.iter().any(|&zero| zero != least) {
        remember(call, x.tensor);
        return Ok(x);
    }
    // One bound for all channels, or the largest of them.
    let hi = scales.iter().fold(0.0_f32, |hi, scale| hi.max(scale * (most - least) as f32));
    let (tensor, shape) = call.emit(Op::Activation(Activation::Clip { lo: 0.0, hi }), &[x.tensor])?;
    remember(call, tensor);
    Ok(x.with(tensor, shape))
}

/// What to know of a file with such nodes.
///
/// `in_integers` of its operators computed in integers.
pub(super) fn note(nodes: &[Node], in_integers: usize) -> Option<String> {
    let form = if in_integers > 0 { "QOperator" } else { "QDQ" };
    let count = nodes.iter().filter(|node| node.op == "QuantizeLinear").count();
    (count > 0).then(|| {
        format!(
            "the file is quantized already ({form}, {count} activations): its weights are what their integers mean; a float model, or \
             --requantize, may give better answers"
        )
    })
}

/// `DequantizeLinear` of a map.
pub(super) fn dequantize(call: &mut Call<'_>) -> Plain<View> {
    call.map(0)
}
