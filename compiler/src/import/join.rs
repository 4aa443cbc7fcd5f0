//! Channels side by side: `Concat`.

use super::dims::{self, Plain};
use super::view::View;
use super::walk::Call;
use crate::ops::Op;

/// `Concat` of any number of maps along the channels.
pub(super) fn concat(call: &mut Call<'_>) -> Plain<View> {
    let axis = call.node.int("axis").ok_or("the axis is missing")?;
    let first = call.map(0)?;
    let rank = first.axes.len();
    let position = dims::axis(axis, rank)?;
    let elsewhere = |view: &View| {
        let mut axes = view.axes.clone();
        axes.remove(position);
        axes
    };
    let mut inputs = vec![first.tensor];
    for index in 1..call.inputs.len() {
        let next = call.map(index)?;
        if next.axes.len() != rank || !first.is_channel_axis(position) || !next.is_channel_axis(position) {
            return Err(format!(
                "{:?} and {:?} side by side along axis {axis}, which is not the channels",
                first.dims(),
                next.dims()
            ));
        }
        if elsewhere(&first) != elsewhere(&next) {
            return Err(format!("{:?} and {:?} have their axes in different orders", first.dims(), next.dims()));
        }
        inputs.push(next.tensor);
    }
    if inputs.len() == 1 {
        return Ok(first);
    }
    let (tensor, shape) = call.emit(Op::Concat, &inputs)?;
    let mut joined = first;
    // One channel has no label; joined ones have.
    joined.axes[position] = vec![super::view::Label::C];
    Ok(joined.with(tensor, shape))
}
