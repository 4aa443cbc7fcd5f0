//! How an ONNX value of any rank looks at a tensor of ours.
//!
//! Our tensors are height × width × channels. An ONNX value is one of them with its axes in some order, some of them
//! joined by a `Flatten`, and any number of axes of one in between. So transposing, squeezing and flattening move no
//! data: they only change the view.

use super::dims::Plain;
use crate::graph::{Shape, TensorId};

/// An axis of ours with more than one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Rows.
    H,
    /// Columns.
    W,
    /// Channels.
    C,
}

/// A tensor and what each ONNX axis runs over: nothing (an axis of one), a label, or several labels, outermost first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub tensor: TensorId,
    /// Shape of `tensor`.
    pub shape: Shape,
    /// Every label with more than one element occurs exactly once.
    pub axes: Vec<Vec<Label>>,
}

fn size(shape: Shape, label: Label) -> usize {
    match label {
        Label::H => shape.height,
        Label::W => shape.width,
        Label::C => shape.channels,
    }
}

impl View {
    /// A view with the given labels, of which those with one element are dropped.
    pub fn new(tensor: TensorId, shape: Shape, axes: &[&[Label]]) -> Self {
        let axes = axes.iter().map(|a| a.iter().copied().filter(|&l| size(shape, l) != 1).collect()).collect();
        Self { tensor, shape, axes }
    }

    /// Batch, channels, height, width.
    pub fn nchw(tensor: TensorId, shape: Shape) -> Self {
        Self::new(tensor, shape, &[&[], &[Label::C], &[Label::H], &[Label::W]])
    }

    /// The same axes over another tensor, which has replaced this one.
    pub fn with(&self, tensor: TensorId, shape: Shape) -> Self {
        let axes: Vec<&[Label]> = self.axes.iter().map(Vec::as_slice).collect();
        Self::new(tensor, shape, &axes)
    }

    /// The dimensions as ONNX sees them.
    pub fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.iter().map(|&l| size(self.shape, l)).product()).collect()
    }

    /// All labels in ONNX order.
    pub fn order(&self) -> Vec<Label> {
        self.axes.iter().flatten().copied().collect()
    }

    /// The sizes of these labels.
    pub fn sizes(&self, labels: &[Label]) -> Vec<usize> {
        labels.iter().map(|&l| size(self.shape, l)).collect()
    }

    /// Whether it is batch, channels, height, width (axes of one are whatever is asked for).
    pub fn is_nchw(&self) -> bool {
        *self == Self::nchw(self.tensor, self.shape)
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
    /// Where a new dimension would be a part of one of ours (channels split into groups).
    pub fn reshape(&self, dims: &[usize]) -> Plain<Self> {
        let mut rest = self.order().into_iter().peekable();
        let mut axes = Vec::with_capacity(dims.len());
        for &dim in dims {
            let (mut axis, mut have) = (Vec::new(), 1usize);
            while have < dim {
                let Some(label) = rest.next() else { break };
                have *= size(self.shape, label);
                axis.push(label);
            }
            if have != dim {
                return Err(format!(
                    "reshaping {:?} to {dims:?} splits an axis of the map {}×{}×{}",
                    self.dims(),
                    self.shape.height,
                    self.shape.width,
                    self.shape.channels
                ));
            }
            axes.push(axis);
        }
        if rest.peek().is_some() {
            return Err(format!("{:?} cannot be reshaped to {dims:?}", self.dims()));
        }
        Ok(Self { axes, ..self.clone() })
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
        assert!(flat.reshape(&[1, 2, 12]).is_err());
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
    fn vectors_are_nchw_whatever_their_ones() {
        let vector = map(1, 1, 8);
        assert!(vector.reshape(&[8]).unwrap().reshape(&[1, 8, 1, 1]).unwrap().is_nchw());
        assert!(!vector.reshape(&[1, 1, 1, 8]).unwrap().is_nchw());
    }
}
