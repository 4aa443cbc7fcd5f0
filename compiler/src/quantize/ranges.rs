//! What calibration says of a tensor, as quantization needs it.

use super::Ranges;
use crate::graph::Graph;

/// The range and moments of one tensor, per channel. Every range contains zero, so that zero has a code.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorRange {
    /// Lower ends, ≤ 0.
    pub lo: Vec<f32>,
    /// Upper ends, ≥ 0.
    pub hi: Vec<f32>,
    /// E\[x\].
    pub mean: Vec<f64>,
    /// E\[x²\].
    pub mean_square: Vec<f64>,
    /// Whether it is to be a fine map ([`super::fine`]).
    pub fine: bool,
}

impl TensorRange {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.lo.len()
    }

    /// Widens every channel to the range of the whole tensor.
    pub fn per_tensor(mut self) -> Self {
        let lo = self.lo.iter().copied().fold(0.0, f32::min);
        let hi = self.hi.iter().copied().fold(0.0, f32::max);
        self.lo.fill(lo);
        self.hi.fill(hi);
        self
    }

    /// Multiplies both ends.
    pub fn widened(mut self, factor: f32) -> Self {
        self.lo.iter_mut().chain(&mut self.hi).for_each(|x| *x *= factor);
        self
    }

    /// Cuts the range to `lo…hi`, the values that a function can take.
    pub fn clipped(mut self, lo: f32, hi: f32) -> Self {
        self.lo.iter_mut().for_each(|x| *x = x.max(lo).min(0.0));
        self.hi.iter_mut().for_each(|x| *x = x.min(hi).max(0.0));
        self
    }
}

/// Ranges for timing and checking, where values do not matter.
pub fn made_up(graph: &Graph) -> Ranges {
    graph
        .tensors
        .iter()
        .map(|tensor| {
            let n = tensor.shape.channels;
            Some(TensorRange {
                lo: vec![-1.0; n],
                hi: vec![4.0; n],
                mean: vec![0.5; n],
                mean_square: vec![1.0; n],
                fine: false,
            })
        })
        .collect()
}
