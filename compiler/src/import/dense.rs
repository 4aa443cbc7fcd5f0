//! `Gemm` and `MatMul` with constant weights: pointwise convolutions, or valid ones after a `Flatten` of a map.

use super::dims::Plain;
use super::view::{Label, View};
use super::walk::{Call, Value};
use crate::graph::Window;
use crate::ops::{Conv, Op};

/// `Y = alpha·A·B + beta·C`, B transposed if `transB`.
pub(super) fn gemm(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    if x.axes.len() != 2 {
        return Err(format!("its input {:?} is no matrix", x.dims()));
    }
    let x = if node.int("transA") == Some(1) { x.transpose(&[1, 0]) } else { x };
    let tensor = call.constant(1, "B")?.ok_or("B is missing")?;
    let b = tensor.as_floats().ok_or("B holds no floats")?;
    let &[rows, columns] = tensor.dims.as_slice() else {
        return Err(format!("B of dimensions {:?}", tensor.dims));
    };
    let transposed = node.int("transB") == Some(1);
    let (inner, outer) = if transposed { (columns, rows) } else { (rows, columns) };
    let (alpha, beta) = (node.float("alpha").unwrap_or(1.0), node.float("beta").unwrap_or(1.0));
    let bias = match call.constant(2, "C")? {
        None => vec![0.0; outer],
        Some(c) => {
            let values = c.as_floats().ok_or("C holds no floats")?;
            match values.len() {
                1 => vec![beta * values[0]; outer],
                n if n == outer && c.dims.last() == Some(&outer) => values.iter().map(|v| beta * v).collect(),
                _ => return Err(format!("C of dimensions {:?} for {outer} outputs", c.dims)),
            }
        }
    };
    let at = |k: usize, n: usize| alpha * if transposed { b[n * columns + k] } else { b[k * columns + n] };
    contract(call, &x, inner, bias, &at)
}

/// `Y = A·B`, A the map.
pub(super) fn matmul(call: &mut Call<'_>) -> Plain<View> {
    if matches!(call.inputs.first(), Some(Some(Value::Constant(_)))) {
        return Err("a constant times a tensor; only a tensor times a constant is supported".into());
    }
    let x = call.map(0)?;
    let tensor = call.constant(1, "the second factor")?.ok_or("the second factor is missing")?;
    let b = tensor.as_floats().ok_or("the second factor holds no floats")?;
    let Some((&outer, rest)) = tensor.dims.split_last() else {
        return Err("the second factor is a scalar".into());
    };
    let Some((&inner, lead)) = rest.split_last() else {
        return Err("the second factor is a vector".into());
    };
    if lead.iter().any(|&d| d != 1) || lead.len() + 2 > x.axes.len().max(2) {
        return Err(format!("the second factor has dimensions {:?}", tensor.dims));
    }
    contract(call, &x, inner, vec![0.0; outer], &|k, n| b[k * outer + n])
}

/// `y[…, n] = bias[n] + Σ_k x[…, k]·weight(k, n)` over the last axis of `x`.
fn contract(
    call: &mut Call<'_>,
    x: &View,
    inner: usize,
    bias: Vec<f32>,
    weight: &dyn Fn(usize, usize) -> f32,
) -> Plain<View> {
    let own = x.dims();
    let Some((last, others)) = x.axes.split_last() else {
        return Err("its input is a scalar".into());
    };
    if own.last() != Some(&inner) {
        return Err(format!("{inner} rows of weights for an input of {own:?}"));
    }
    let outer = bias.len();
    let pixelwise = x.is_channel_axis(x.axes.len() - 1);
    if !pixelwise && others.iter().any(|axis| !axis.is_empty()) {
        return Err(format!("it contracts a part of the map only: {own:?}"));
    }
    let kernel = if pixelwise { [1, 1] } else { [x.shape.height, x.shape.width] };
    // Position of (row, column, channel) in the flattened axis.
    let mut step = [0usize; 3];
    let mut distance = 1;
    for &label in last.iter().rev() {
        step[match label {
            Label::H => 0,
            Label::W => 1,
            Label::C => 2,
            Label::Group | Label::Member => return Err("it contracts a part of the channels only".into()),
        }] = distance;
        distance *= x.sizes(&[label])[0];
    }
    let channels = x.shape.channels;
    let mut weights = Vec::with_capacity(inner.saturating_mul(outer));
    for n in 0..outer {
        for row in 0..kernel[0] {
            for column in 0..kernel[1] {
                weights.extend((0..channels).map(|c| weight(row * step[0] + column * step[1] + c * step[2], n)));
            }
        }
    }
    let mut conv = Conv::pointwise(weights, bias, channels);
    conv.window = Window { kernel, ..Window::POINT };
    let (tensor, shape) = call.emit(Op::Conv(conv), &[x.tensor])?;
    let axes: Vec<&[Label]> = others.iter().map(Vec::as_slice).chain([[Label::C].as_slice()]).collect();
    Ok(View::new(tensor, shape, &axes))
}
