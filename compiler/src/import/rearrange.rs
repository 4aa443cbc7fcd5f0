//! What moves no data, or only picks channels.

use super::constant::{Constant, Inputs, convert, slice_plan};
use super::dims::{self, Plain};
use super::view::{Label, View};
use super::walk::{Call, Value};
use crate::onnx::{Element, Tensor};
use crate::ops::{Crop, MOST_CLASSES, Op, Select};
use std::rc::Rc;

/// `Identity`, `Dropout`, `Cast` to another float type, `Expand` to the dimensions it has.
pub(super) fn keep(call: &mut Call<'_>) -> Plain<View> {
    let view = call.map(0)?;
    if call.node.op == "Cast" {
        let to = call.node.int("to").unwrap_or(1);
        match Element::from_code(to) {
            Some(Element::F32) => {}
            Some(e) if e.is_float() => call.notes.push(format!("{}: {e:?} computed in F32", call.node.name)),
            _ => {
                return Err(format!("activations cast to ONNX data type {to}, which is no float"));
            }
        }
    }
    if call.node.op == "Expand" {
        let target = call.ints(1, "shape")?.ok_or("the shape is missing")?;
        let own: Vec<i64> = view.dims().iter().map(|&d| d as i64).collect();
        let lead = own.len().checked_sub(target.len()).ok_or("it adds axes to a map")?;
        if target.iter().zip(&own[lead..]).any(|(t, o)| *t != 1 && t != o) {
            return Err(format!("it repeats {own:?} to {target:?}"));
        }
    }
    Ok(view)
}

/// `CastLike`: of a map it is nothing; of a constant to the type of a map, which is f32.
pub(super) fn cast_like(call: &mut Call<'_>) -> Plain<Value> {
    if call.map(0).is_ok() {
        return keep(call).map(Value::Map);
    }
    let tensor = call.constant(0, "the input")?.ok_or("the input is missing")?;
    Ok(Value::Constant(Rc::new(convert(&tensor, Element::F32))))
}

pub(super) fn transpose(call: &mut Call<'_>) -> Plain<View> {
    let view = call.map(0)?;
    Ok(view.transpose(&dims::permutation(call.node.ints("perm"), view.axes.len())?))
}

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`.
pub(super) fn regroup(call: &mut Call<'_>) -> Plain<View> {
    let view = call.map(0)?;
    let (current, node) = (view.dims(), call.node);
    let target = match node.op.as_str() {
        "Flatten" => dims::flatten(&current, node.int("axis").unwrap_or(1))?,
        "Squeeze" => dims::squeeze(&current, call.ints(1, "axes")?.as_deref())?,
        "Unsqueeze" => dims::unsqueeze(&current, &call.ints(1, "axes")?.ok_or("the axes are missing")?)?,
        _ => {
            let target = call.ints(1, "shape")?.ok_or("the shape is missing")?;
            match dims::reshape(&current, &target, node.int("allowzero") == Some(1)) {
                Ok(dims) => dims,
                Err(cause) => without_batch(&current, &target).ok_or(cause)?,
            }
        }
    };
    let view = view.reshape(&target)?;
    match view.shuffled() {
        None => Ok(view),
        Some((view, source)) => {
            let (tensor, shape) = call.emit(Op::Select(Select { source }), &[view.tensor])?;
            Ok(view.with(tensor, shape))
        }
    }
}

/// A target that was written for another batch: its first dimension is that batch, and the rest fits.
fn without_batch(current: &[usize], target: &[i64]) -> Option<Vec<usize>> {
    let (first, rest) = target.split_first()?;
    let with_one: Vec<i64> = std::iter::once(1).chain(rest.iter().copied()).collect();
    (*first > 1).then(|| dims::reshape(current, &with_one, false).ok())?
}

/// `Gather` of constant indices: a reshape where they name every position in turn, a choice of channels otherwise.
pub(super) fn gather(call: &mut Call<'_>) -> Plain<View> {
    let view = call.map(0)?;
    let indices = call.constant(1, "the index")?.ok_or("the indices are missing")?;
    let current = view.dims();
    let axis = dims::axis(call.node.int("axis").unwrap_or(0), current.len())?;
    let list = indices.as_ints().ok_or("the indices are no integers")?;
    let positions = list.iter().map(|&i| dims::axis(i, current[axis])).collect::<Plain<Vec<_>>>()?;
    let taken = take(call, &view, axis, &positions)?;
    let current = taken.dims();
    taken.reshape(&[&current[..axis], &indices.dims, &current[axis + 1..]].concat())
}

pub(super) fn slice(call: &mut Call<'_>) -> Plain<View> {
    let mut view = call.map(0)?;
    let values = (0..call.inputs.len())
        .map(|i| if i == 0 { Ok(None) } else { call.constant(i, "a bound of the slice") })
        .collect::<Plain<Vec<Option<Constant>>>>()?;
    let plan = slice_plan(&Inputs { values, node: call.node }, &view.dims())?;
    for (axis, positions) in plan {
        view = take(call, &view, axis, &positions)?;
    }
    Ok(view)
}

/// `Split` along channels, rows or columns.
pub(super) fn split(call: &mut Call<'_>) -> Plain<Vec<View>> {
    let view = call.map(0)?;
    let current = view.dims();
    let axis = dims::axis(call.node.int("axis").unwrap_or(0), current.len())?;
    let (size, count) = (current[axis], call.node.outputs.len().max(1));
    let parts: Vec<usize> = match call.ints(1, "split")? {
        Some(list) => {
            list.iter().map(|&n| usize::try_from(n).map_err(|_| format!("a part of {n}"))).collect::<Plain<_>>()?
        }
        // Equal parts, the last one smaller where they do not fit.
        None => {
            let part = size.div_ceil(count).max(1);
            (0..count).map(|i| part.min(size.saturating_sub(i * part))).collect()
        }
    };
    if parts.len() != count || parts.iter().sum::<usize>() != size || parts.contains(&0) {
        return Err(format!("{parts:?} of {size} positions for {count} outputs"));
    }
    let mut from = 0;
    let mut views = Vec::with_capacity(count);
    for (output, part) in parts.into_iter().enumerate() {
        let positions: Vec<usize> = (from..from + part).collect();
        views.push(take_for(call, &view, axis, &positions, output)?);
        from += part;
    }
    Ok(views)
}

fn take(call: &mut Call<'_>, view: &View, axis: usize, positions: &[usize]) -> Plain<View> {
    take_for(call, view, axis, positions, 0)
}

/// Positions of one axis: all of them in order, any of the channels, neighbouring rows or columns.
fn take_for(call: &mut Call<'_>, view: &View, axis: usize, positions: &[usize], output: usize) -> Plain<View> {
    let size = view.dims().get(axis).copied().unwrap_or(0);
    if positions.iter().copied().eq(0..size) {
        return Ok(view.clone());
    }
    let first = positions.first().copied().unwrap_or(0);
    let neighbours = positions.iter().copied().eq(first..first + positions.len());
    let (height, width) = (view.shape.height, view.shape.width);
    let op = match view.axes.get(axis).map(Vec::as_slice) {
        Some([Label::C]) if !positions.is_empty() => Op::Select(Select { source: positions.to_vec() }),
        Some([Label::H]) if neighbours && !positions.is_empty() => {
            Op::Crop(Crop { begin: [first, 0], size: [positions.len(), width] })
        }
        Some([Label::W]) if neighbours && !positions.is_empty() => {
            Op::Crop(Crop { begin: [0, first], size: [height, positions.len()] })
        }
        _ => {
            let cause = "which are neither channels nor neighbouring rows or columns";
            return Err(format!("it takes {} of {size} positions of axis {axis}, {cause}", positions.len()));
        }
    };
    let (tensor, shape) = call.emit_part(op, &[view.tensor], output)?;
    Ok(view.with(tensor, shape))
}

/// `ArgMax` of every pixel. Of one vector, `ArgMax` and `TopK` are left to the caller: the network answers the scores.
pub(super) fn answer(call: &mut Call<'_>) -> Plain<Value> {
    let view = call.map(0)?;
    if view.order() != [Label::C] && view.shape.channels != 1 {
        let default = if call.node.op == "TopK" { -1 } else { 0 };
        let axis = dims::axis(call.node.int("axis").unwrap_or(default), view.axes.len())?;
        if !view.is_channel_axis(axis) {
            return Err(format!("{} over something else than the channels", call.node.op));
        }
    }
    let classes = call.node.op == "ArgMax" && view.shape.pixels() > 1 && view.shape.channels <= MOST_CLASSES;
    if classes {
        if call.node.int("select_last_index") == Some(1) {
            return Err("of equal channels it takes the last".into());
        }
        let (tensor, shape) = call.emit(Op::ArgMax, &[view.tensor])?;
        return Ok(Value::Answer(view.with(tensor, shape)));
    }
    call.notes.push(format!("{} left out: the network answers the scores it chooses from", call.node.op));
    Ok(Value::Answer(view))
}

/// The dimensions of a map.
pub(super) fn shape(call: &mut Call<'_>) -> Plain<Value> {
    Ok(Value::Constant(Rc::new(super::constant::shape(&call.map(0)?.dims(), call.node)?)))
}

pub(super) fn size(call: &mut Call<'_>) -> Plain<Value> {
    let count = call.map(0)?.shape.len() as i64;
    Ok(Value::Constant(Rc::new(Tensor::ints(vec![], vec![count]))))
}
