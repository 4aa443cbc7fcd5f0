//! Channels side by side: `Concat`.

use super::dims::{self, Plain};
use super::view::View;
use super::walk::Call;
use crate::ops::Op;

/// `Concat` of any number of maps along the channels, two by two.
pub(super) fn concat(call: &mut Call<'_>) -> Plain<View> {
    let axis = call.node.int("axis").ok_or("the axis is missing")?;
    let mut joined = call.map(0)?;
    let count = call.inputs.len();
    for index in 1..count {
        let next = call.map(index)?;
        let rank = joined.axes.len();
        let position = dims::axis(axis, rank)?;
        if next.axes.len() != rank || !joined.is_channel_axis(position) || !next.is_channel_axis(position) {
            return Err(format!(
                "{:?} and {:?} side by side along axis {axis}, which is not the channels",
                joined.dims(),
                next.dims()
            ));
        }
        let elsewhere = |view: &View| {
            let mut axes = view.axes.clone();
            axes.remove(position);
            axes
        };
        if elsewhere(&joined) != elsewhere(&next) {
            return Err(format!("{:?} and {:?} have their axes in different orders", joined.dims(), next.dims()));
        }
        let inputs = [joined.tensor, next.tensor];
        let (tensor, shape) = if index + 1 == count {
            call.emit(Op::Concat, &inputs)?
        } else {
            call.emit_step(Op::Concat, &inputs, &format!("first_{}", index + 1))?
        };
        // One channel has no label; joined ones have.
        joined.axes[position] = vec![super::view::Label::C];
        joined = joined.with(tensor, shape);
    }
    Ok(joined)
}
