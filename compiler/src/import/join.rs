//! Tensors side by side or behind each other: `Concat`.

use super::dims::{self, Plain};
use super::view::{Label, View};
use super::walk::{Call, Value};
use crate::ops::Op;

/// `Concat` of any number of maps: along the channels a map, along all pixels parts of an answer.
pub(super) fn concat(call: &mut Call<'_>) -> Plain<Value> {
    let axis = call.node.int("axis").ok_or("the axis is missing")?;
    let maps = (0..call.inputs.len()).map(|index| call.map(index)).collect::<Plain<Vec<View>>>()?;
    let first = maps.first().ok_or("no input")?.clone();
    let position = dims::axis(axis, first.axes.len())?;
    if maps.len() == 1 {
        return Ok(Value::Map(first));
    }
    if maps.iter().all(|map| follows(map, position)) && !maps.iter().all(|map| map.is_channel_axis(position)) {
        if (1..maps.len()).any(|i| maps[..i].iter().any(|other| other.tensor == maps[i].tensor)) {
            return Err("the same map twice".into());
        }
        return Ok(Value::Parts(maps));
    }
    side_by_side(call, first, &maps, position).map(Value::Map)
}

/// Whether a map's elements lie in memory as the file orders them, and all that is before the axis is one: then joining along it
/// is nothing but one map behind the other.
fn follows(map: &View, position: usize) -> bool {
    map.is_as_in_memory() && map.axes.iter().take(position).all(Vec::is_empty)
}

/// Along the channels.
fn side_by_side(call: &mut Call<'_>, first: View, maps: &[View], position: usize) -> Plain<View> {
    let elsewhere = |view: &View| {
        let mut axes = view.axes.clone();
        axes.remove(position);
        axes
    };
    for next in maps.iter().skip(1) {
        if next.axes.len() != first.axes.len() || !first.is_channel_axis(position) || !next.is_channel_axis(position) {
            return Err(format!(
                "{:?} and {:?} side by side along axis {position}, which is not the channels",
                first.dims(),
                next.dims()
            ));
        }
        if elsewhere(&first) != elsewhere(next) {
            return Err(format!("{:?} and {:?} have their axes in different orders", first.dims(), next.dims()));
        }
    }
    let inputs: Vec<_> = maps.iter().map(|map| map.tensor).collect();
    let (tensor, shape) = call.emit(Op::Concat, &inputs)?;
    let mut joined = first;
    // One channel has no label; joined ones have.
    joined.axes[position] = vec![Label::C];
    Ok(joined.with(tensor, shape))
}

/// What may become of [`Value::Parts`] on the way to the answer: another shape, or more parts.
pub(super) fn of_parts(call: &mut Call<'_>) -> Plain<Vec<Value>> {
    let what = "maps of several sizes, one behind the other, can only be answered";
    match call.node.op.as_str() {
        "Identity" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {}
        "Concat" => return Err(format!("{what}, not joined again")),
        _ => return Err(format!("{what}; leave this node to the caller")),
    }
    match call.inputs.first() {
        Some(Some(value @ Value::Parts(_))) => Ok(vec![value.clone()]),
        _ => Err(what.into()),
    }
}
