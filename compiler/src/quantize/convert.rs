//! A vector in another form, for the reader that needs it. `codes → reals` (eq. 7 over one pixel, or 33), `reals → codes` (eq. 30, 34).

use super::kinds::Form;
use crate::error::{Error, Result, Stage};
use crate::graph::TensorId;
use crate::qgraph::{Codes, Kind, QGraph, QMean, QNode, QOp, QTensor};
use crate::weightless::{Dequantize, Quantize, Spread, Weightless};

/// The tensor in the form wanted: itself, or a new one that nodes in front of `name` make of it. `codes(top)` are scales and zero
/// points for codes up to `top`, where reals become codes.
pub fn convert(
    q: &mut QGraph,
    id: TensorId,
    wanted: Form,
    name: &str,
    wide_top: u16,
    codes: &dyn Fn(u16) -> Result<Codes>,
) -> Result<TensorId> {
    let tensor = q.tensor(id).clone();
    let refuse = |cause: String| Error::new(Stage::Quantize, cause).at(name);
    let (op, kind, what) = match (&tensor.kind, wanted) {
        (Kind::Map(_), Form::Map) | (Kind::Wide { .. }, Form::Wide) | (Kind::Real, Form::Real) => return Ok(id),
        (Kind::Map(_), _) if tensor.shape.pixels() != 1 => {
            return Err(refuse(format!("{} is read as a vector, but is a map", tensor.name)));
        }
        // A mean over one pixel.
        (Kind::Map(own), Form::Wide) => {
            let (multiplier, bias) = (vec![1.0; own.scale.len()], vec![0.0; own.scale.len()]);
            (QOp::Mean(QMean { multiplier, bias }), Kind::Wide { codes: own.clone(), top: 255 }, "wide")
        }
        (Kind::Map(own), Form::Real) => {
            let bias = own.scale.iter().zip(&own.zero).map(|(s, &z)| -s * f32::from(z)).collect();
            (QOp::Mean(QMean { multiplier: own.scale.clone(), bias }), Kind::Real, "real")
        }
        (Kind::Wide { .. }, Form::Real) => {
            let op = Dequantize::new(&tensor).map_err(refuse)?;
            (QOp::Weightless(Weightless::Dequantize(op)), Kind::Real, "real")
        }
        (Kind::Wide { .. }, Form::Map) => {
            let real = convert(q, id, Form::Real, name, wide_top, codes)?;
            return convert(q, real, Form::Map, name, wide_top, codes);
        }
        (Kind::Real, Form::Wide) => {
            let kind = Kind::Wide { codes: codes(wide_top)?, top: wide_top };
            let to = QTensor { kind: kind.clone(), ..tensor.clone() };
            let op = Quantize::new(&to, wide_top).map_err(refuse)?;
            (QOp::Weightless(Weightless::Quantize(op)), kind, "wide")
        }
        (Kind::Real, Form::Map) => {
            let kind = Kind::Map(codes(255)?);
            let to = QTensor { kind: kind.clone(), ..tensor.clone() };
            (QOp::Weightless(Weightless::Spread(Spread::new(&to).map_err(refuse)?)), kind, "map")
        }
    };
    let output = TensorId(q.tensors.len() as u32);
    q.tensors.push(QTensor { name: format!("{}.{what}", tensor.name), shape: tensor.shape, kind, fine: false });
    q.nodes.push(QNode { name: format!("{name}.{what}"), op, inputs: vec![id], output });
    Ok(output)
}
