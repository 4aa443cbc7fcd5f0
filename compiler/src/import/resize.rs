//! More pixels, or fewer: `Resize`, `Upsample`, `DepthToSpace`, `SpaceToDepth`.

use super::convolution::expect_nchw;
use super::dims::Plain;
use super::view::{Label, View};
use super::walk::Call;
use crate::graph::{TensorId, Window};
use crate::ops::{Coordinates, Crop, DepthToSpace, MaxPool, Nearest, Op, Resize, ResizeMode};

/// The axis of the map that an ONNX axis runs over: rows, columns, or neither.
fn spatial(x: &View, axis: usize) -> Option<usize> {
    match (x.axes.get(axis)?.as_slice(), x.is_nchw(), axis) {
        ([Label::H], ..) | ([], true, 2) => Some(0),
        ([Label::W], ..) | ([], true, 3) => Some(1),
        _ => None,
    }
}

/// `Resize` (sizes or scales, opset 10 and 11+) and `Upsample`.
pub(super) fn resize(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    let upsample = node.op == "Upsample" || call.opset < 11;
    let mode = match node.text("mode").unwrap_or("nearest") {
        "linear" | "bilinear" => ResizeMode::Linear,
        "nearest" if upsample => ResizeMode::Nearest(Nearest::Floor),
        "nearest" => ResizeMode::Nearest(match node.text("nearest_mode").unwrap_or("round_prefer_floor") {
            "round_prefer_floor" => Nearest::PreferFloor,
            "round_prefer_ceil" => Nearest::PreferCeil,
            "floor" => Nearest::Floor,
            "ceil" => Nearest::Ceil,
            other => return Err(format!("nearest_mode “{other}”")),
        }),
        other => return Err(format!("resizing by “{other}”; only linear and nearest are supported")),
    };
    let default = if upsample { "asymmetric" } else { "half_pixel" };
    let coordinates = match node.text("coordinate_transformation_mode").unwrap_or(default) {
        "half_pixel" => Coordinates::HalfPixel,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        other => return Err(format!("coordinate_transformation_mode “{other}”")),
    };
    if node.int("antialias") == Some(1) && mode == ResizeMode::Linear {
        return Err("it smooths before it shrinks (antialias)".into());
    }
    let own = x.dims();
    let axes = match node.ints("axes") {
        Some(list) => list.iter().map(|&a| super::dims::axis(a, own.len())).collect::<Plain<Vec<_>>>()?,
        None => (0..own.len()).collect(),
    };
    let (scales_at, sizes_at) = if upsample { (1, usize::MAX) } else { (2, 3) };
    let (mut size, mut scale) = ([x.shape.height, x.shape.width], [1.0, 1.0]);
    let mut put = |axis: usize, extent: usize, factor: f64| match spatial(&x, axis) {
        Some(i) => {
            (size[i], scale[i]) = (extent, factor);
            Ok(())
        }
        None if extent == own[axis] => Ok(()),
        None => Err(format!("it resizes axis {axis} of {own:?}, which is no row or column")),
    };
    let sizes = match call.constant(sizes_at, "the sizes")? {
        Some(t) => t.as_ints().ok_or("the sizes are no integers")?.to_vec(),
        None => Vec::new(),
    };
    if sizes.is_empty() {
        let scales = match call.constant(scales_at, "the scales")? {
            Some(t) => t.as_floats().ok_or("the scales are no floats")?.to_vec(),
            None => node.floats("scales").ok_or("neither sizes nor scales")?.to_vec(),
        };
        if scales.len() != axes.len() {
            return Err(format!("{} scales for {} axes", scales.len(), axes.len()));
        }
        for (&axis, &factor) in axes.iter().zip(&scales) {
            let extent = (own[axis] as f64 * f64::from(factor)).floor();
            if !(1.0..=65_536.0).contains(&extent) {
                return Err(format!("a scale of {factor} for {} positions", own[axis]));
            }
            put(axis, extent as usize, f64::from(factor))?;
        }
    } else {
        if sizes.len() != axes.len() {
            return Err(format!("{} sizes for {} axes", sizes.len(), axes.len()));
        }
        if node.text("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") {
            return Err("it keeps the aspect ratio".into());
        }
        for (&axis, &extent) in axes.iter().zip(&sizes) {
            let extent = usize::try_from(extent).ok().filter(|v| (1..=65_536).contains(v));
            let extent = extent.ok_or_else(|| format!("sizes of {sizes:?}"))?;
            put(axis, extent, extent as f64 / own[axis].max(1) as f64)?;
        }
    }
    if size == [x.shape.height, x.shape.width] && scale == [1.0, 1.0] {
        return Ok(x);
    }
    emit(call, &x, Op::Resize(Resize { size, scale, coordinates, mode }), x.tensor)
}

/// `DepthToSpace`, both orders.
pub(super) fn depth_to_space(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    expect_nchw(&x)?;
    let block = node.int("blocksize").and_then(|b| usize::try_from(b).ok()).filter(|b| (1..=64).contains(b));
    let block = block.ok_or("its blocksize is no number from 1 to 64")?;
    let columns_first = match node.text("mode").unwrap_or("DCR") {
        "DCR" => false,
        "CRD" => true,
        other => return Err(format!("mode “{other}”")),
    };
    let size = [x.shape.height * block, x.shape.width * block];
    emit(call, &x, Op::DepthToSpace(DepthToSpace { block: [block; 2], columns_first, size }), x.tensor)
}

/// `SpaceToDepth`: every pixel of a block is a map of its own, side by side.
pub(super) fn space_to_depth(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    expect_nchw(&x)?;
    let block = node.int("blocksize").and_then(|b| usize::try_from(b).ok()).filter(|b| (1..=16).contains(b));
    let block = block.ok_or("its blocksize is no number from 1 to 16")?;
    if block == 1 {
        return Ok(x);
    }
    let (height, width) = (x.shape.height, x.shape.width);
    if height % block != 0 || width % block != 0 {
        return Err(format!("blocks of {block} × {block} of {height} × {width} pixels"));
    }
    // Every pixel of `block`, from the first one on: the largest of one.
    let window = Window { stride: [block; 2], ..Window::POINT };
    let mut parts = Vec::with_capacity(block * block);
    for (row, column) in (0..block).flat_map(|row| (0..block).map(move |column| (row, column))) {
        let mut from = x.tensor;
        if (row, column) != (0, 0) {
            let crop = Op::Crop(Crop { begin: [row, column], size: [height - row, width - column] });
            from = call.emit_step(crop, &[from], &format!("from_{row}_{column}"))?.0;
        }
        let pick = Op::MaxPool(MaxPool { window, pad_end: [0, 0] });
        parts.push(call.emit_step(pick, &[from], &format!("every_{row}_{column}"))?.0);
    }
    let (tensor, shape) = call.emit(Op::Concat, &parts)?;
    Ok(View::nchw(tensor, shape))
}

/// The node; rows and columns may appear where there was one, so the view of the batch, channels, rows, columns is made anew.
fn emit(call: &mut Call<'_>, x: &View, op: Op, source: TensorId) -> Plain<View> {
    let (tensor, shape) = call.emit(op, &[source])?;
    Ok(if x.is_nchw() { View::nchw(tensor, shape) } else { x.with(tensor, shape) })
}
