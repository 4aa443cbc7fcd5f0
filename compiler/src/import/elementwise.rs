//! Sums, products and functions of elements.

use super::dims::{self, Plain};
use super::view::{Label, View};
use super::walk::{Call, Value};
use crate::graph::Shape;
use crate::onnx::Tensor;
use crate::ops::{Activation, Affine, Coordinates, Nearest, Op, PRelu, Resize, ResizeMode, Select};

/// `Add`, `Sub`, `Mul`, `Div`, and `Sum`, `Max`, `Min` of any number.
pub(super) fn binary(call: &mut Call<'_>) -> Plain<View> {
    let op = if call.node.op == "Sum" { "Add" } else { call.node.op.as_str() };
    let mut operands = call.inputs.clone().into_iter().flatten();
    let mut result = operands.next().ok_or("no operand")?;
    for next in operands {
        result = Value::Map(match (result, next) {
            (Value::Map(x), Value::Constant(k)) => with_constant(call, op, &x, &k, false)?,
            (Value::Constant(k), Value::Map(x)) => with_constant(call, op, &x, &k, true)?,
            (Value::Map(a), Value::Map(b)) => of_maps(call, op, &a, &b)?,
            _ => {
                return Err("two constants among three operands: put them together in the file".into());
            }
        });
    }
    match result {
        Value::Map(view) => Ok(view),
        Value::Constant(_) | Value::Answer(_) | Value::Parts(_) | Value::Refused => {
            Err("no operand depends on the image".into())
        }
    }
}

/// `Mean` of any number of tensors: their sum, times a constant.
pub(super) fn mean(call: &mut Call<'_>) -> Plain<View> {
    let count = call.inputs.iter().flatten().count();
    let mut sum = call.map(0)?;
    for index in 1..count {
        let next = call.map(index)?;
        if next.axes != sum.axes || next.shape != sum.shape {
            return Err(format!("operands {:?} and {:?} do not fit together", sum.dims(), next.dims()));
        }
        let (tensor, shape) = call.emit_step(Op::Add, &[sum.tensor, next.tensor], &format!("sum_{index}"))?;
        sum = sum.with(tensor, shape);
    }
    apply(call, &sum, Op::Affine(Affine::uniform(1.0 / count as f32, 0.0, sum.shape.channels)))
}

fn with_constant(call: &mut Call<'_>, op: &str, x: &View, k: &Tensor, constant_first: bool) -> Plain<View> {
    let x = &widen(x, k.dims.len());
    let values = per_channel(x, k)?;
    let channels = x.shape.channels;
    let affine = match (op, constant_first) {
        ("Add", _) => Affine { scale: vec![1.0; channels], shift: values },
        ("Sub", false) => Affine { scale: vec![1.0; channels], shift: values.iter().map(|v| -v).collect() },
        ("Sub", true) => Affine { scale: vec![-1.0; channels], shift: values },
        ("Mul", _) => Affine { scale: values, shift: vec![0.0; channels] },
        ("Div", false) if values.contains(&0.0) => {
            return Err("division by a constant that is zero".into());
        }
        ("Div", false) => Affine { scale: values.iter().map(|v| 1.0 / v).collect(), shift: vec![0.0; channels] },
        ("Max" | "Min", _) => {
            let bound = *values.first().ok_or("an empty bound")?;
            if values.iter().any(|&v| v != bound) {
                return Err("the bound differs between channels".into());
            }
            let clip = match op {
                "Max" => Activation::Clip { lo: bound, hi: f32::INFINITY },
                _ => Activation::Clip { lo: f32::NEG_INFINITY, hi: bound },
            };
            return apply(call, x, Op::Activation(clip));
        }
        _ => return Err("a constant divided by a tensor is not supported".into()),
    };
    match affine.as_uniform() {
        Some((1.0, 0.0)) => Ok(x.clone()),
        _ => apply(call, x, Op::Affine(affine)),
    }
}

/// The view with leading axes of one, as broadcasting against a higher rank makes them.
fn widen(x: &View, rank: usize) -> View {
    let missing = rank.saturating_sub(x.axes.len());
    let axes = vec![Vec::new(); missing].into_iter().chain(x.axes.iter().cloned()).collect();
    View { axes, ..x.clone() }
}

/// A constant that differs between channels only, one value for each.
fn per_channel(x: &View, k: &Tensor) -> Plain<Vec<f32>> {
    let channels = x.shape.channels;
    let values: Vec<f32> = match (k.as_floats(), k.scalar()) {
        (Some(values), _) => values.to_vec(),
        (None, Some(value)) => vec![value],
        (None, None) => return Err("the constant holds no floats".into()),
    };
    let own = x.dims();
    if dims::broadcast(&own, &k.dims)? != own {
        return Err(format!("a constant of dimensions {:?} would widen {own:?}", k.dims));
    }
    let first = *values.first().ok_or("an empty constant")?;
    if values.iter().all(|&v| v == first) {
        return Ok(vec![first; channels]);
    }
    // Element i of the constant belongs to the channel that its index along the channel axis says.
    let lead = own.len() - k.dims.len();
    let channel_axis = (0..k.dims.len()).find(|&a| k.dims[a] > 1 && x.is_channel_axis(a + lead));
    let misfit = || format!("a constant of dimensions {:?} that does not differ between channels only", k.dims);
    let axis = channel_axis.ok_or_else(misfit)?;
    let inner: usize = k.dims[axis + 1..].iter().product();
    let mut result = vec![None; channels];
    for (i, &value) in values.iter().enumerate() {
        let slot = result.get_mut(i / inner.max(1) % k.dims[axis]).ok_or_else(misfit)?;
        if slot.is_some_and(|known| known != value) {
            return Err(misfit());
        }
        *slot = Some(value);
    }
    result.into_iter().collect::<Option<Vec<f32>>>().ok_or_else(misfit)
}

fn of_maps(call: &mut Call<'_>, op: &str, a: &View, b: &View) -> Plain<View> {
    let (a, b) = (&widen(a, b.axes.len()), &widen(b, a.axes.len()));
    let same = a.axes == b.axes && a.shape == b.shape;
    let mismatch = || format!("operands {:?} and {:?} do not fit together", a.dims(), b.dims());
    match op {
        "Add" if same => emit(call, a, Op::Add, b),
        "Sub" if same => {
            let negate = Op::Affine(Affine::uniform(-1.0, 0.0, b.shape.channels));
            let (negated, shape) = call.emit_step(negate, &[b.tensor], "negated")?;
            emit(call, a, Op::Add, &b.with(negated, shape))
        }
        "Mul" if same => emit(call, a, Op::Mul, b),
        "Mul" if is_gate(a, b) => emit(call, a, Op::Mul, b),
        "Mul" if is_gate(b, a) => emit(call, b, Op::Mul, a),
        "Mul" if is_plane(a, b) => emit(call, a, Op::Mul, b),
        "Mul" if is_plane(b, a) => emit(call, b, Op::Mul, a),
        "Add" if is_gate(a, b) || is_plane(a, b) => {
            let b = widened(call, a, b)?;
            emit(call, a, Op::Add, &b)
        }
        "Add" if is_gate(b, a) || is_plane(b, a) => {
            let a = widened(call, b, a)?;
            emit(call, b, Op::Add, &a)
        }
        "Add" | "Sub" | "Mul" => Err(mismatch()),
        "Div" => Err("division by a tensor that depends on the image is not supported".into()),
        _ => Err(format!("{op} of two tensors is not supported, only of a tensor and a constant")),
    }
}

/// Whether `plane` is a map of one channel over the pixels of `map`.
fn is_plane(map: &View, plane: &View) -> bool {
    plane.shape == (Shape { channels: 1, ..map.shape })
        && map.axes.iter().zip(&plane.axes).all(|(m, p)| p == m || (p.is_empty() && *m == [Label::C]))
}

/// A vector in every pixel of `map`, or a map of one channel in every channel of it.
fn widened(call: &mut Call<'_>, map: &View, narrow: &View) -> Plain<View> {
    let op = if narrow.shape.pixels() == 1 {
        let (size, mode) = ([map.shape.height, map.shape.width], ResizeMode::Nearest(Nearest::Floor));
        Op::Resize(Resize::to_size(narrow.shape, size, Coordinates::Asymmetric, mode))
    } else {
        Op::Select(Select { source: vec![0; map.shape.channels] })
    };
    let (tensor, shape) = call.emit_step(op, &[narrow.tensor], "widened")?;
    Ok(map.with(tensor, shape))
}

/// Whether `gate` is a vector over the channels of `map`.
fn is_gate(map: &View, gate: &View) -> bool {
    gate.shape == Shape::vector(map.shape.channels)
        && map.axes.iter().zip(&gate.axes).all(|(m, g)| g.is_empty() || g == m)
}

fn emit(call: &mut Call<'_>, a: &View, op: Op, b: &View) -> Plain<View> {
    let (tensor, shape) = call.emit(op, &[a.tensor, b.tensor])?;
    Ok(a.with(tensor, shape))
}

fn apply(call: &mut Call<'_>, x: &View, op: Op) -> Plain<View> {
    let (tensor, shape) = call.emit(op, &[x.tensor])?;
    Ok(x.with(tensor, shape))
}

/// Functions of one element.
pub(super) fn unary(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    let function = match node.op.as_str() {
        "Neg" => {
            return apply(call, &x, Op::Affine(Affine::uniform(-1.0, 0.0, x.shape.channels)));
        }
        "Relu" => Activation::RELU,
        "Abs" => Activation::Leaky { slope: -1.0 },
        "Sigmoid" => Activation::Sigmoid,
        "HardSwish" => Activation::HardSwish,
        "HardSigmoid" => Activation::HardSigmoid {
            alpha: node.float("alpha").unwrap_or(0.2),
            beta: node.float("beta").unwrap_or(0.5),
        },
        "Tanh" => Activation::Tanh,
        "LeakyRelu" => Activation::Leaky { slope: node.float("alpha").unwrap_or(0.01) },
        "Swish" => Activation::Silu { beta: node.float("alpha").unwrap_or(1.0) },
        _ => {
            let lo = bound(call, 1, "min")?.unwrap_or(f32::NEG_INFINITY);
            let hi = bound(call, 2, "max")?.unwrap_or(f32::INFINITY);
            if lo.is_nan() || hi.is_nan() || lo > hi {
                return Err(format!("its bounds are {lo} and {hi}"));
            }
            Activation::Clip { lo, hi }
        }
    };
    apply(call, &x, Op::Activation(function))
}

/// `PRelu`: a slope for each channel, or one for all.
pub(super) fn prelu(call: &mut Call<'_>) -> Plain<View> {
    let x = call.map(0)?;
    let slope = call.constant(1, "the slope")?.ok_or("the slope is missing")?;
    // The slope's dimensions are those of the map without the batch.
    let slope = per_channel(&widen(&x, slope.dims.len()), &slope)?;
    let op = match slope.first() {
        Some(&first) if slope.iter().all(|&s| s == first) => Op::Activation(Activation::Leaky { slope: first }),
        _ => Op::PRelu(PRelu { slope }),
    };
    apply(call, &x, op)
}

/// A bound of `Clip`: an input since opset 11, an attribute before.
fn bound(call: &Call<'_>, index: usize, name: &str) -> Plain<Option<f32>> {
    match call.constant(index, name)? {
        Some(t) => t.scalar().map(Some).ok_or_else(|| format!("{name} is not one number")),
        None => Ok(call.node.float(name)),
    }
}

/// `γ·(x − μ)/√(σ² + ε) + β == (γ/√(σ² + ε))·x + (β − μ·γ/√(σ² + ε))`
pub(super) fn batch_norm(call: &mut Call<'_>) -> Plain<View> {
    let x = call.map(0)?;
    let channels = x.shape.channels;
    if call.node.int("training_mode") == Some(1) {
        return Err("it is in training mode: export the model after `model.eval()`".into());
    }
    let axis = if x.axes.len() == 1 { 0 } else { 1 };
    if !x.is_channel_axis(axis) {
        return Err(format!("axis 1 of {:?} is not the channels", x.dims()));
    }
    let epsilon = f64::from(call.node.float("epsilon").unwrap_or(1e-5));
    let (gamma, beta) = (call.floats(1, "scale", channels)?, call.floats(2, "B", channels)?);
    let (mean, variance) = (call.floats(3, "mean", channels)?, call.floats(4, "var", channels)?);
    let (mut scale, mut shift) = (Vec::with_capacity(channels), Vec::with_capacity(channels));
    for (((gamma, beta), mean), variance) in gamma.iter().zip(&beta).zip(&mean).zip(&variance) {
        let s = f64::from(*gamma) / (f64::from(*variance) + epsilon).sqrt();
        scale.push(s as f32);
        shift.push((f64::from(*beta) - f64::from(*mean) * s) as f32);
    }
    apply(call, &x, Op::Affine(Affine { scale, shift }))
}

pub(super) fn softmax(call: &mut Call<'_>) -> Plain<View> {
    let x = call.map(0)?;
    let default = if call.opset >= 13 { -1 } else { 1 };
    let axis = dims::axis(call.node.int("axis").unwrap_or(default), x.axes.len())?;
    // Before opset 13 everything from the axis on is normalised together.
    let own = x.dims();
    let together: usize = if call.opset >= 13 { own[axis] } else { own[axis..].iter().product() };
    let channels = if x.shape.pixels() == 1 { together == x.shape.channels } else { x.is_channel_axis(axis) };
    if !channels || together != x.shape.channels {
        return Err(format!("it runs over axis {axis} of {own:?}; only the channels are supported"));
    }
    apply(call, &x, Op::Softmax)
}
