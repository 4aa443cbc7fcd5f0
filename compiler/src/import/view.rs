//! How an ONNX value of any rank looks at a tensor of ours.
//!
//! Our tensors are height × width × channels. An ONNX value is one of them with its axes in some order, some of them
//! joined by a `Flatten`, and any number of axes of one in between; the channels may be parted into groups, as detection heads and channel
//! shuffles do. So transposing, squeezing and flattening move no data: they only change the view.

use super::dims::Plain;
use crate::graph::{Shape, TensorId};
use std::collections::VecDeque;

/// An axis of ours with more than one element, or a part of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Rows.
    H,
    /// Columns.
    W,
    /// Channels.
    C,
    /// Of parted channels, the group: channel / (channels in a group).
    Group,
    /// Of parted channels, the place in its group: channel mod (channels in a group).
    Member,
}

/// A tensor and what each ONNX axis runs over: nothing (an axis of one), a label, or several labels, outermost first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub tensor: TensorId,
    /// Shape of `tensor`.
    pub shape: Shape,
    /// Every label with more than one element occurs exactly once, [`Label::C`] or its two parts.
    pub axes: Vec<Vec<Label>>,
    /// How many groups the channels are parted into, as long as [`Label::Group`] occurs.
    pub groups: usize,
}

impl View {
    /// A view with the given labels, of which those with one element are dropped.
    pub fn new(tensor: TensorId, shape: Shape, axes: &[&[Label]]) -> Self {
        Self { tensor, shape, axes: Vec::new(), groups: 1 }.labelled(axes)
    }

    fn labelled(self, axes: &[&[Label]]) -> Self {
        let axes = axes.iter().map(|a| a.iter().copied().filter(|&l| self.size(l) != 1).collect()).collect();
        Self { axes, ..self }
    }

    fn size(&self, label: Label) -> usize {
        match label {
            Label::H => self.shape.height,
            Label::W => self.shape.width,
            Label::C => self.shape.channels,
            Label::Group => self.groups,
            Label::Member => self.shape.channels.checked_div(self.groups).unwrap_or(0),
        }
    }

    /// Batch, channels, height, width.
    pub fn nchw(tensor: TensorId, shape: Shape) -> Self {
        Self::new(tensor, shape, &[&[], &[Label::C], &[Label::H], &[Label::W]])
    }

    /// The same axes over another tensor, which has replaced this one.
    pub fn with(&self, tensor: TensorId, shape: Shape) -> Self {
        let axes: Vec<&[Label]> = self.axes.iter().map(Vec::as_slice).collect();
        Self { tensor, shape, axes: Vec::new(), groups: self.groups }.labelled(&axes)
    }

    /// The dimensions as ONNX sees them.
    pub fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.iter().map(|&l| self.size(l)).product()).collect()
    }

    /// All labels in ONNX order.
    pub fn order(&self) -> Vec<Label> {
        self.axes.iter().flatten().copied().collect()
    }

    /// The sizes of these labels.
    pub fn sizes(&self, labels: &[Label]) -> Vec<usize> {
        labels.iter().map(|&l| self.size(l)).collect()
    }

    /// Whether it is batch, channels, height, width (axes of one are whatever is asked for).
    pub fn is_nchw(&self) -> bool {
        self.axes == Self::nchw(self.tensor, self.shape).axes
    }

    /// Whether `axis` runs over the channels only, or over nothing where there is one channel.
    pub fn is_channel_axis(&self, axis: usize) -> bool {
        let expected: &[Label] = if self.shape.channels == 1 { &[] } else { &[Label::C] };
        self.axes.get(axis).is_some_and(|a| a == expected)
    }

    /// Axes in another order.
    pub fn transpose(&self, order: &[usize]) -> Self {
        Self { axes: order.iter().filter_map(|&a| self.axes.get(a).cloned()).collect(), ..self.clone() }
    }

    /// The same elements in the same order under other dimensions.
    ///
    /// # Errors
    /// Where a new dimension would be a part of one of ours; only channels are parted, and once.
    pub fn reshape(&self, dims: &[usize]) -> Plain<Self> {
        let mut view = self.clone();
        let mut rest: VecDeque<Label> = self.order().into();
        view.axes = Vec::with_capacity(dims.len());
        for &dim in dims {
            let (mut axis, mut have) = (Vec::new(), 1usize);
            while have < dim {
                let Some(label) = rest.pop_front() else { break };
                if label == Label::C && have * self.shape.channels > dim {
                    // The first part of the channels; the second one is next.
                    view.groups = dim / have;
                    if dim % have != 0 || !self.shape.channels.is_multiple_of(view.groups) {
                        break;
                    }
                    rest.push_front(Label::Member);
                    axis.push(Label::Group);
                } else {
                    axis.push(label);
                }
                have = axis.iter().map(|&label| view.size(label)).product();
            }
            if have != dim {
                let Shape { height, width, channels } = self.shape;
                let own = self.dims();
                return Err(format!(
                    "reshaping {own:?} to {dims:?} splits an axis of the map {height}×{width}×{channels}"
                ));
            }
            view.axes.push(axis);
        }
        if !rest.is_empty() {
            return Err(format!("{:?} cannot be reshaped to {dims:?}", self.dims()));
        }
        // Both parts side by side are the channels again.
        for axis in &mut view.axes {
            if let Some(at) = axis.windows(2).position(|two| two == [Label::Group, Label::Member]) {
                axis.splice(at..at + 2, [Label::C]);
            }
        }
        Ok(view)
    }

    /// Where an axis runs over the members first and over the groups within (a channel shuffle): the view whose channels are
    /// in that order, and the channel that each of them is now.
    pub fn shuffled(&self) -> Option<(Self, Vec<usize>)> {
        let mut view = self.clone();
        let (axis, at) = view.axes.iter_mut().find_map(|axis| {
            let at = axis.windows(2).position(|two| two == [Label::Member, Label::Group])?;
            Some((axis, at))
        })?;
        axis.splice(at..at + 2, [Label::C]);
        let members = self.size(Label::Member);
        let source = (0..self.shape.channels).map(|c| c % self.groups * members + c / self.groups).collect();
        Some((view, source))
    }

    /// Whether the elements, in ONNX's order, lie as ours do: rows, columns, channels.
    pub fn is_as_in_memory(&self) -> bool {
        let mut order = self.order();
        if let Some(at) = order.windows(2).position(|two| two == [Label::Group, Label::Member]) {
            order.splice(at..at + 2, [Label::C]);
        }
        order == Self::new(self.tensor, self.shape, &[&[Label::H, Label::W, Label::C]]).order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(height: usize, width: usize, channels: usize) -> View {
        View::nchw(TensorId(0), Shape::new(height, width, channels))
    }

    #[test]
    fn flatten_and_back() {
        let view = map(2, 3, 4);
        let flat = view.reshape(&[1, 24]).unwrap();
        assert_eq!(flat.dims(), [1, 24]);
        assert_eq!(flat.axes[1], [Label::C, Label::H, Label::W]);
        assert_eq!(flat.reshape(&[1, 4, 2, 3]).unwrap(), view);
        assert!(flat.reshape(&[1, 4, 3, 2]).is_err());
        assert!(view.reshape(&[1, 24, 0]).is_err());
    }

    #[test]
    fn transposing_there_and_back() {
        let nhwc = map(2, 3, 4).transpose(&[0, 2, 3, 1]);
        assert_eq!(nhwc.dims(), [1, 2, 3, 4]);
        assert!(!nhwc.is_nchw());
        assert!(nhwc.transpose(&[0, 3, 1, 2]).is_nchw());
    }

    #[test]
    fn parted_channels() {
        // A detection head: anchors × classes in the channels, one row of classes for each anchor of each pixel.
        let head = map(2, 3, 20).reshape(&[1, 4, 5, 2, 3]).unwrap();
        assert_eq!(head.dims(), [1, 4, 5, 2, 3]);
        assert!(!head.is_channel_axis(1) && !head.is_as_in_memory());
        let rows = head.transpose(&[0, 3, 4, 1, 2]).reshape(&[1, 24, 5]).unwrap();
        assert_eq!(rows.axes[1], [Label::H, Label::W, Label::Group]);
        assert!(rows.is_as_in_memory());
        assert_eq!(head.reshape(&[1, 20, 2, 3]).unwrap().axes, map(2, 3, 20).axes);
        assert!(map(2, 3, 20).reshape(&[1, 3, 7, 2, 3]).is_err());
        assert!(map(2, 3, 20).reshape(&[1, 2, 2, 5, 2, 3]).is_err(), "parted twice");
        assert_eq!(map(2, 3, 20).shuffled(), None);
        let mixed = map(2, 3, 6).reshape(&[1, 2, 3, 2, 3]).unwrap().transpose(&[0, 2, 1, 3, 4]);
        let (view, source) = mixed.reshape(&[1, 6, 2, 3]).unwrap().shuffled().unwrap();
        assert_eq!(source, [0, 3, 1, 4, 2, 5]);
        assert!(view.is_nchw());
    }

    #[test]
    fn vectors_are_nchw_whatever_their_ones() {
        let vector = map(1, 1, 8);
        assert!(vector.reshape(&[8]).unwrap().reshape(&[1, 8, 1, 1]).unwrap().is_nchw());
        assert!(!vector.reshape(&[1, 1, 1, 8]).unwrap().is_nchw());
    }
}
