//! Pooling in every spelling.

use super::convolution::{expect_nchw, window};
use super::dims::{self, Plain};
use super::view::{Label, View};
use super::walk::Call;
use crate::graph::{TensorId, Window};
use crate::ops::{Affine, AveragePool, MaxPool, Op, output_extent};

/// `GlobalAveragePool`, `GlobalMaxPool`.
pub(super) fn global(call: &mut Call<'_>) -> Plain<View> {
    let x = call.map(0)?;
    expect_nchw(&x)?;
    if x.shape.pixels() == 1 {
        return Ok(x);
    }
    let op = if call.node.op == "GlobalMaxPool" { whole_maximum(&x) } else { Op::GlobalAveragePool };
    emit(call, &x, op)
}

/// `AveragePool`, `MaxPool`; the whole map at once is the global average.
pub(super) fn windowed(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    expect_nchw(&x)?;
    let (window, mut pad_end) = window(node, &x, None)?;
    let ceil = node.int("ceil_mode") == Some(1);
    let count_pad = node.int("count_include_pad") == Some(1);
    if ceil {
        let before = pad_end;
        for (axis, size) in [x.shape.height, x.shape.width].into_iter().enumerate() {
            pad_end[axis] = ceil_padding(&window, axis, size, pad_end[axis]);
        }
        if count_pad && pad_end != before {
            return Err("ceil_mode together with count_include_pad".into());
        }
    }
    if node.op == "MaxPool" {
        if node.int("storage_order") == Some(1) {
            return Err("storage_order 1".into());
        }
        return emit(call, &x, Op::MaxPool(MaxPool { window, pad_end }));
    }
    if window.dilation != [1, 1] {
        return Err("a dilated average".into());
    }
    let whole = window.kernel == [x.shape.height, x.shape.width] && window.pad == [0, 0] && pad_end == [0, 0];
    match (whole, x.shape.pixels()) {
        (true, 1) => Ok(x),
        (true, _) => emit(call, &x, Op::GlobalAveragePool),
        (false, _) => emit(call, &x, Op::AveragePool(AveragePool { window, pad_end, count_pad })),
    }
}

/// Padding at the end so that the last, partial window counts too, if it starts inside of the input or its padding.
fn ceil_padding(window: &Window, axis: usize, size: usize, pad_end: usize) -> usize {
    let (kernel, stride, dilation) = (window.kernel[axis], window.stride[axis], window.dilation[axis]);
    let begin = window.pad[axis];
    let Some(whole) = output_extent(size, kernel, stride, dilation, begin, pad_end) else {
        return pad_end;
    };
    let reach = dilation * (kernel - 1) + 1;
    let rest = (size + begin + pad_end - reach) % stride;
    if rest == 0 || whole * stride >= size + begin { pad_end } else { pad_end + stride - rest }
}

/// `ReduceMean`, `ReduceSum`, `ReduceMax` over rows and columns.
pub(super) fn reduce(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    let rank = x.axes.len();
    let list = match call.ints(1, "axes")? {
        Some(list) if !list.is_empty() => list,
        _ if node.int("noop_with_empty_axes") == Some(1) => return Ok(x),
        _ => (0..rank as i64).collect(),
    };
    let axes = dims::axes(&list, rank)?;
    let labels: Vec<Label> = axes.iter().flat_map(|&a| x.axes[a].iter().copied()).collect();
    if labels.iter().any(|label| !matches!(label, Label::H | Label::W)) {
        return Err(format!("it runs over the channels (axes {list:?} of {:?})", x.dims()));
    }
    let kernel = [
        if labels.contains(&Label::H) { x.shape.height } else { 1 },
        if labels.contains(&Label::W) { x.shape.width } else { 1 },
    ];
    let whole = kernel == [x.shape.height, x.shape.width];
    let mut result = x.clone();
    if kernel != [1, 1] {
        let window = Window { kernel, ..Window::POINT };
        let pool = match node.op.as_str() {
            "ReduceMax" => Op::MaxPool(MaxPool { window, pad_end: [0, 0] }),
            _ if whole => Op::GlobalAveragePool,
            _ => Op::AveragePool(AveragePool { window, pad_end: [0, 0], count_pad: false }),
        };
        if node.op == "ReduceSum" {
            let (mean, _) = call.emit_step(pool, &[x.tensor], "mean")?;
            let count = (kernel[0] * kernel[1]) as f32;
            result = emit_from(call, &x, Op::Affine(Affine::uniform(count, 0.0, x.shape.channels)), mean)?;
        } else {
            result = emit(call, &x, pool)?;
        }
    }
    if node.int("keepdims").unwrap_or(1) == 0 {
        result.axes = result.axes.into_iter().enumerate().filter(|(a, _)| !axes.contains(a)).map(|(_, l)| l).collect();
    }
    Ok(result)
}

fn whole_maximum(x: &View) -> Op {
    let kernel = [x.shape.height, x.shape.width];
    Op::MaxPool(MaxPool { window: Window { kernel, ..Window::POINT }, pad_end: [0, 0] })
}

fn emit(call: &mut Call<'_>, x: &View, op: Op) -> Plain<View> {
    emit_from(call, x, op, x.tensor)
}

fn emit_from(call: &mut Call<'_>, x: &View, op: Op, source: TensorId) -> Plain<View> {
    let (tensor, shape) = call.emit(op, &[source])?;
    Ok(x.with(tensor, shape))
}
