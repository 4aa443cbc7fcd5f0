//! Constants in integers: `DequantizeLinear` says what they mean, `QuantizeLinear` makes them.

use super::Inputs;
use crate::import::dims::{self, Plain};
use crate::import::quantized::codes;
use crate::onnx::{Data, Element, Tensor};

/// `(x − zero)·scale` or its inverse, for the whole tensor or along an axis.
pub(super) fn linear(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let (x, scale) = (inputs.get(0)?, inputs.get(1)?);
    if inputs.node.int("block_size").is_some_and(|size| size != 0) {
        return Err("scales in blocks".into());
    }
    let scales = scale.as_floats().ok_or("its scale is no float")?;
    let zero = inputs.optional(2);
    let zeros = match zero {
        Some(zero) => zero.as_ints().ok_or("its zero point is no integer")?,
        None => &[],
    };
    if scales.is_empty() || !(zeros.is_empty() || zeros.len() == scales.len()) {
        return Err(format!("{} scales with {} zero points", scales.len(), zeros.len()));
    }
    // Elements of one scale that lie side by side.
    let mut inner = x.len().max(1);
    if scales.len() > 1 {
        let axis = dims::axis(inputs.node.int("axis").unwrap_or(1), x.dims.len())?;
        if x.dims[axis] != scales.len() {
            return Err(format!("{} scales along an axis of {}", scales.len(), x.dims[axis]));
        }
        inner = x.dims[axis + 1..].iter().product::<usize>().max(1);
    }
    let of = |i: usize| {
        let channel = i / inner % scales.len();
        (scales[channel], zeros.get(channel).copied().unwrap_or(0))
    };
    let dims = x.dims.clone();
    match (&x.data, inputs.node.op.as_str()) {
        (Data::Ints(codes), "DequantizeLinear") => {
            let real = |(i, &code): (usize, &i64)| {
                let (scale, zero) = of(i);
                (code - zero) as f32 * scale
            };
            Ok(Tensor::floats(dims, codes.iter().enumerate().map(real).collect()))
        }
        (Data::Floats(reals), "QuantizeLinear") => {
            let element = zero.map_or(Element::U8, |zero| zero.element);
            let (least, most) = codes(element).ok_or("codes of this type")?;
            let code = |(i, &real): (usize, &f32)| {
                let (scale, zero) = of(i);
                ((real / scale).round_ties_even() as i64).saturating_add(zero).clamp(least, most)
            };
            Ok(Tensor { dims, element, data: Data::Ints(reals.iter().enumerate().map(code).collect()) })
        }
        _ => Err("its input has another type".into()),
    }
}
