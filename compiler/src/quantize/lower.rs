//! One site to one integer node: weights rounded, factors and summands folded, bounds proven.

use super::bounds;
use super::filters::{Filters, Layout};
use super::fine;
use super::fixed;
use super::sites::{Site, SiteKind};
use super::start;
use crate::error::{Error, Result, Stage};
use crate::graph::TensorId;
use crate::ops::{Activation, Conv};
use crate::qgraph::{
    Codes, DenseOutput, Kind, QActivation, QAdd, QConv, QDense, QEpilogue, QGate, QGated, QGraph, QMean, QNode, QOp,
    QTensor, RealActivation,
};
use crate::weightless::{self, Weightless};
use std::borrow::Cow;

/// Whether each output channel reads exactly its own input channel.
pub fn is_depthwise(conv: &Conv, in_channels: usize) -> bool {
    conv.groups == in_channels && conv.out_channels == in_channels && in_channels > 1
}

/// The values that the result of a site can take.
pub fn image(site: &Site<'_>) -> (f32, f32) {
    let activation = match &site.kind {
        SiteKind::Conv { activation, .. }
        | SiteKind::Gated { activation, .. }
        | SiteKind::Gate { activation }
        | SiteKind::Add { activation } => *activation,
        SiteKind::Function(activation) => Some(*activation),
        SiteKind::Softmax => return (0.0, 1.0),
        SiteKind::Mean
        | SiteKind::Moves(_)
        | SiteKind::Resize(_)
        | SiteKind::AveragePool(_)
        | SiteKind::Product
        | SiteKind::Line { .. }
        | SiteKind::MaxPool(_)
        | SiteKind::ArgMax => None,
    };
    match activation {
        Some(Activation::Clip { lo, hi }) => (lo, hi),
        Some(Activation::HardSigmoid { .. } | Activation::Sigmoid) => (0.0, 1.0),
        Some(Activation::HardSwish) => (-0.375, f32::INFINITY),
        Some(Activation::Tanh) => (-1.0, 1.0),
        Some(Activation::HardSwishLike { .. } | Activation::Silu { .. } | Activation::Leaky { .. }) | None => {
            (f32::NEG_INFINITY, f32::INFINITY)
        }
    }
}

/// The integer node of `site`, whose input is in codes where it is to be.
pub fn lower(q: &QGraph, site: &Site<'_>, inputs: Vec<TensorId>, filters: Option<&Filters>) -> Result<QNode> {
    let refuse = |cause: String| Error::new(Stage::Quantize, cause).at(&site.node.name);
    let y = q.tensor(site.output);
    let real = matches!(y.kind, Kind::Real);
    let op = match &site.kind {
        SiteKind::Conv { conv, activation } => {
            let filters = filters.ok_or_else(|| refuse("a convolution without weights".into()))?;
            let summed = inputs.get(1).map(|id| q.tensor(*id));
            convolution(conv, *activation, q.tensor(inputs[0]), summed, y, filters).map_err(refuse)?
        }
        SiteKind::Gated { activation, .. } => {
            let filters = filters.ok_or_else(|| refuse("a convolution without weights".into()))?;
            let summed = inputs.get(2).map(|id| q.tensor(*id));
            gated(*activation, q.tensor(inputs[0]), summed, y, filters).map_err(refuse)?
        }
        SiteKind::Mean => mean(q.tensor(inputs[0]), y).map_err(refuse)?,
        SiteKind::Gate { activation } if !real => gate(*activation, q.tensor(inputs[0]), y).map_err(refuse)?,
        SiteKind::Add { .. } if !real => add(q.tensor(inputs[0]), q.tensor(inputs[1]), y).map_err(refuse)?,
        SiteKind::MaxPool(pool) => QOp::MaxPool(pool.window),
        SiteKind::Softmax if real => QOp::Softmax,
        SiteKind::Function(function) if !real && is_uniform(q.tensor(inputs[0])) && is_uniform(y) => {
            table(*function, q.tensor(inputs[0]), y).map_err(refuse)?
        }
        SiteKind::Gate { .. }
        | SiteKind::Add { .. }
        | SiteKind::Softmax
        | SiteKind::Function(_)
        | SiteKind::Moves(_)
        | SiteKind::Resize(_)
        | SiteKind::AveragePool(_)
        | SiteKind::Product
        | SiteKind::Line { .. }
        | SiteKind::ArgMax => {
            let inputs: Vec<&QTensor> = inputs.iter().map(|&id| q.tensor(id)).collect();
            QOp::Weightless(weightless(&site.kind, &inputs, y).map_err(refuse)?)
        }
    };
    Ok(QNode { name: site.node.name.clone(), op, inputs, output: site.output })
}

/// What has no weights, of the form that its result has.
fn weightless(kind: &SiteKind<'_>, inputs: &[&QTensor], y: &QTensor) -> std::result::Result<Weightless, String> {
    let x = *inputs.first().ok_or("it reads nothing")?;
    let second = || inputs.get(1).copied().ok_or("a second input is missing");
    let real = matches!(y.kind, Kind::Real);
    Ok(match kind {
        SiteKind::Add { .. } => Weightless::Sum,
        SiteKind::Gate { .. } => Weightless::Times,
        SiteKind::Product if real => Weightless::Times,
        SiteKind::Product => Weightless::Product(weightless::Product::new(x, second()?, y)?),
        SiteKind::Function(function) if real => Weightless::Function(weightless::Function::new(*function)),
        SiteKind::Function(function) => {
            Weightless::ChannelTables(weightless::ChannelTables::new(x, y, |_, real| function.apply(real))?)
        }
        SiteKind::Line { scale, below, shift } if real => Weightless::Line(weightless::Line::new(scale, below, shift)),
        SiteKind::Line { scale, below, shift } => {
            let line = |c: usize, x: f32| x * if x > 0.0 { scale[c] } else { below[c] } + shift[c];
            Weightless::ChannelTables(weightless::ChannelTables::new(x, y, line)?)
        }
        SiteKind::Moves(moves) if real => Weightless::Rearrange(weightless::Rearrange::new(moves)?),
        SiteKind::Moves(_) if matches!(x.kind, Kind::Real) => Weightless::Spread(weightless::Spread::new(y)?),
        SiteKind::Moves(moves) => Weightless::Rearrange(weightless::Rearrange::of_codes(moves, inputs, y)?),
        SiteKind::Resize(resize) => Weightless::Resize(weightless::Resize::new(resize, x, y)?),
        SiteKind::AveragePool(pool) => Weightless::AveragePool(weightless::AveragePool::new(pool, x, y)?),
        SiteKind::ArgMax => Weightless::ArgMax(weightless::ArgMax::new(x)?),
        SiteKind::Softmax => Weightless::SoftmaxMap(weightless::SoftmaxMap::new(x, y)?),
        SiteKind::Conv { .. } | SiteKind::Gated { .. } | SiteKind::Mean | SiteKind::MaxPool(_) => {
            return Err("it is no operation without weights".into());
        }
    })
}

fn is_uniform(tensor: &QTensor) -> bool {
    tensor.codes().is_some_and(|codes| {
        codes.scale.windows(2).all(|w| w[0] == w[1]) && codes.zero.windows(2).all(|w| w[0] == w[1])
    })
}

fn codes_of(tensor: &QTensor) -> std::result::Result<&Codes, String> {
    tensor.codes().ok_or_else(|| format!("{} has no codes", tensor.name))
}

/// What whole codes of the tensor stand for.
fn whole(tensor: &QTensor) -> std::result::Result<Cow<'_, Codes>, String> {
    fine::whole(tensor).ok_or_else(|| format!("{} has no codes", tensor.name))
}

fn top_of(tensor: &QTensor) -> u16 {
    match tensor.kind {
        Kind::Map(_) => 255,
        Kind::Wide { top, .. } => top,
        Kind::Real => 0,
    }
}

/// Convolution or dense layer. `r_y = f(step·Σ q·(x − z) + bias)`.
fn convolution(
    conv: &Conv,
    activation: Option<Activation>,
    x: &QTensor,
    summed: Option<&QTensor>,
    y: &QTensor,
    filters: &Filters,
) -> std::result::Result<QOp, String> {
    let codes = codes_of(x)?;
    let layout = Layout::of(&fine::reading(conv, x), x.shape.channels);
    let (factor, bias) = (&filters.steps, &filters.bias);
    let weights = &match y.kind {
        Kind::Map(_) => start::without_silent(&filters.weights, factor, top_of(x), &whole(y)?.scale),
        Kind::Wide { .. } | Kind::Real => filters.weights.clone(),
    };
    let mut offset = vec![0_i64; conv.out_channels];
    for (i, &q) in weights.iter().enumerate() {
        offset[i / layout.row] -= i64::from(q) * i64::from(codes.zero[layout.channel(i)]);
    }
    let offset = offset
        .into_iter()
        .enumerate()
        .map(|(o, v)| i32::try_from(v).map_err(|_| format!("output channel {o}: offset {v} exceeds i32")))
        .collect::<std::result::Result<Vec<i32>, String>>()?;

    if let Kind::Real = y.kind {
        let (slope, shift, real) = match activation {
            None => (1.0, 0.0, RealActivation::Linear),
            Some(Activation::Clip { lo, hi }) => (1.0, 0.0, RealActivation::Clip { lo, hi }),
            Some(Activation::HardSigmoid { alpha, beta }) => {
                (f64::from(alpha), f64::from(beta), RealActivation::Clip { lo: 0.0, hi: 1.0 })
            }
            Some(Activation::Sigmoid) => (1.0, 0.0, RealActivation::Sigmoid),
            Some(other) => return Err(format!("{other:?} of a real output has no integer form yet")),
        };
        let epilogue = QEpilogue {
            offset,
            multiplier: factor.iter().map(|m| (m * slope) as f32).collect(),
            bias: Some(bias.iter().map(|b| (b * slope + shift) as f32).collect()),
            residual: None,
            activation: QActivation::Linear,
            fine: false,
            fine_residual: false,
            shift: None,
        };
        bounds::prove(weights, &epilogue, top_of(x))?;
        return Ok(QOp::Dense(QDense { weights: weights.clone(), epilogue, output: DenseOutput::Reals(real) }));
    }
    let epilogue = finish(offset, factor, bias, activation, summed, y)?;
    bounds::prove(weights, &epilogue, top_of(x))?;
    Ok(match x.kind {
        Kind::Wide { .. } => QOp::Dense(QDense { weights: weights.clone(), epilogue, output: DenseOutput::Codes }),
        Kind::Map(_) | Kind::Real => QOp::Conv(QConv {
            window: conv.window,
            groups: conv.groups,
            fine_input: x.fine && conv.is_depthwise(),
            weights: weights.clone(),
            pad_code: pad_codes(conv, x)?,
            epilogue: fixed::in_sixteen_bits(weights, start::from_bias(weights, epilogue, top_of(x)), top_of(x)),
        }),
    })
}

/// Pointwise convolution behind a gate. `r_y = f(step·Σ q·column·g·(x − z) + bias)` (eq. 22–26).
fn gated(
    activation: Option<Activation>,
    x: &QTensor,
    summed: Option<&QTensor>,
    y: &QTensor,
    filters: &Filters,
) -> std::result::Result<QOp, String> {
    let epilogue = finish(Vec::new(), &filters.steps, &filters.bias, activation, summed, y)?;
    bounds::prove_gated(&filters.weights, &filters.columns, &epilogue)?;
    Ok(QOp::Gated(QGated {
        weights: filters.weights.clone(),
        factor: filters.columns.clone(),
        zero: codes_of(x)?.zero.iter().map(|&z| f32::from(z)).collect(),
        epilogue,
    }))
}

/// The codes of what the float network pads with, of both planes of a fine map.
fn pad_codes(conv: &Conv, x: &QTensor) -> std::result::Result<Vec<u8>, String> {
    let value = |c: usize| conv.pad_value.get(c).copied().unwrap_or(0.0);
    if x.fine {
        let codes = fine::whole(x).ok_or("a fine map without codes")?;
        let parts: Vec<[u8; 2]> = (0..codes.scale.len()).map(|c| fine::parts(&codes, c, value(c))).collect();
        return Ok([0, 1].iter().flat_map(|&plane| parts.iter().map(move |parts| parts[plane])).collect());
    }
    let codes = codes_of(x)?;
    let code = |c: usize| {
        let code = f64::from(value(c)) / f64::from(codes.scale[c]) + f64::from(codes.zero[c]);
        code.round_ties_even().clamp(0.0, 255.0) as u8
    };
    Ok((0..codes.scale.len()).map(code).collect())
}

/// `acc → y` as the factors and summands of (eq. 9–12).
fn finish(
    offset: Vec<i32>,
    factor: &[f64],
    bias: &[f64],
    activation: Option<Activation>,
    summed: Option<&QTensor>,
    to: &QTensor,
) -> std::result::Result<QEpilogue, String> {
    let outputs = factor.len();
    let y = whole(to)?;
    let s = |o: usize| f64::from(y.scale[o]);
    let z = |o: usize| f64::from(y.zero[o]);
    let (slope, shift) = match activation {
        Some(Activation::HardSigmoid { alpha, beta }) => (f64::from(alpha), f64::from(beta)),
        _ => (1.0, 0.0),
    };
    let hard_swish = match activation {
        Some(Activation::HardSwish) => Some(1.0 / 6.0),
        // x·clamp(αx + ½, 0, 1): with t = 6αx + 3, x = (t − 3)/(6α) and the clamp is clamp(t, 0, 6)/6.
        Some(Activation::HardSwishLike { alpha, beta }) if (beta - 0.5).abs() < 1e-6 && alpha > 0.0 => {
            Some(f64::from(alpha))
        }
        None | Some(Activation::Clip { .. } | Activation::HardSigmoid { .. }) => None,
        Some(other) => return Err(format!("{other:?} has no integer form as part of a convolution")),
    };
    if let Some(alpha) = hard_swish {
        if summed.is_some() {
            return Err("a hard-swish after an addition cannot be part of the convolution".into());
        }
        let to_v = 6.0 * alpha;
        // y = (t − 3)·clamp(t, 0, 6)·r² of t = a + 3, and v = t·r.
        let r = |o: usize| (6.0 * to_v * s(o)).recip().sqrt();
        return Ok(QEpilogue {
            offset,
            multiplier: factor.iter().enumerate().map(|(o, m)| (m * to_v * r(o)) as f32).collect(),
            bias: Some(bias.iter().enumerate().map(|(o, b)| ((b * to_v + 3.0) * r(o)) as f32).collect()),
            residual: None,
            activation: QActivation::HardSwish {
                half: (0..outputs).map(|o| (3.0 * r(o)) as f32).collect(),
                zero: (0..outputs).map(|o| z(o) as f32).collect(),
            },
            fine: to.fine,
            fine_residual: false,
            shift: None,
        });
    }
    let fine_residual = summed.is_some_and(|map| map.fine);
    let summed = summed.map(whole).transpose()?;
    let residual: Option<Vec<f64>> =
        summed.as_ref().map(|r| (0..outputs).map(|o| f64::from(r.scale[o]) / s(o)).collect());
    let bias = (0..outputs)
        .map(|o| {
            let added = match (&residual, &summed) {
                (Some(factor), Some(r)) => factor[o] * f64::from(r.zero[o]),
                _ => 0.0,
            };
            ((bias[o] * slope + shift) / s(o) + z(o) - added) as f32
        })
        .collect();
    Ok(QEpilogue {
        offset,
        multiplier: (0..outputs).map(|o| (factor[o] * slope / s(o)) as f32).collect(),
        bias: Some(bias),
        residual: residual.map(|r| r.into_iter().map(|x| x as f32).collect()),
        activation: QActivation::Linear,
        fine: to.fine,
        fine_residual,
        shift: None,
    })
}

/// `q_y = sum · s_x/(P·s_y) − z_x·s_x/s_y + z_y`; a real is a code of step one at zero.
fn mean(x: &QTensor, y: &QTensor) -> std::result::Result<QOp, String> {
    let from = whole(x)?;
    let (channels, to) = (from.scale.len(), y.codes());
    let (s, z) = (|c: usize| to.map_or(1.0, |to| to.scale[c]), |c: usize| to.map_or(0, |to| to.zero[c]));
    let ratio = |c: usize| f64::from(from.scale[c]) / f64::from(s(c));
    Ok(QOp::Mean(QMean {
        multiplier: (0..channels).map(|c| (ratio(c) / x.shape.pixels() as f64) as f32).collect(),
        bias: (0..channels).map(|c| (f64::from(z(c)) - ratio(c) * f64::from(from.zero[c])) as f32).collect(),
    }))
}

/// `r_y = f(g · s_x·(q − z_x))` (eq. 15).
fn gate(activation: Option<Activation>, x: &QTensor, y: &QTensor) -> std::result::Result<QOp, String> {
    let (from, to) = (whole(x)?, whole(y)?);
    let channels = from.scale.len();
    let zero = from.zero.iter().map(|&z| f32::from(z)).collect();
    let r = |c: usize| (6.0 * f64::from(to.scale[c])).recip().sqrt();
    let three: Vec<f32> = (0..channels).map(|c| (3.0 * r(c)) as f32).collect();
    Ok(QOp::Gate(match activation {
        Some(Activation::HardSwish) => QGate {
            multiplier: (0..channels).map(|c| (f64::from(from.scale[c]) * r(c)) as f32).collect(),
            zero,
            bias: three.clone(),
            activation: QActivation::HardSwish { half: three, zero: to.zero.iter().map(|&z| f32::from(z)).collect() },
        },
        None | Some(Activation::Clip { .. }) => QGate {
            multiplier: (0..channels).map(|c| (f64::from(from.scale[c]) / f64::from(to.scale[c])) as f32).collect(),
            zero,
            bias: to.zero.iter().map(|&z| f32::from(z)).collect(),
            activation: QActivation::Linear,
        },
        Some(other) => return Err(format!("{other:?} after a gate has no integer form yet")),
    }))
}

/// (eq. 16); a clip is in the code range.
fn add(first: &QTensor, second: &QTensor, y: &QTensor) -> std::result::Result<QOp, String> {
    let (a, b, to) = (&*whole(first)?, &*whole(second)?, &*whole(y)?);
    let ratio = |from: &Codes, c: usize| f64::from(from.scale[c]) / f64::from(to.scale[c]);
    let channels = to.scale.len();
    Ok(QOp::Add(QAdd {
        first: (0..channels).map(|c| ratio(a, c) as f32).collect(),
        second: (0..channels).map(|c| ratio(b, c) as f32).collect(),
        bias: (0..channels)
            .map(|c| {
                (f64::from(to.zero[c]) - ratio(a, c) * f64::from(a.zero[c]) - ratio(b, c) * f64::from(b.zero[c])) as f32
            })
            .collect(),
        activation: QActivation::Linear,
    }))
}

/// `table[q] = code of f(real of q)`; both tensors have one scale for all channels (eq. 17).
fn table(function: Activation, x: &QTensor, y: &QTensor) -> std::result::Result<QOp, String> {
    let (from, to) = (codes_of(x)?, codes_of(y)?);
    let (s, z) = (f64::from(from.scale[0]), f64::from(from.zero[0]));
    let mut table = Box::new([0_u8; 256]);
    for (q, entry) in table.iter_mut().enumerate() {
        let real = f64::from(function.apply(((q as f64 - z) * s) as f32));
        *entry = (real / f64::from(to.scale[0]) + f64::from(to.zero[0])).round_ties_even().clamp(0.0, 255.0) as u8;
    }
    Ok(QOp::Table(table))
}
