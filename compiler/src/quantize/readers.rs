//! Who reads a tensor's codes, past what only moves them.
//!
//! A maximum, a bilinear resize and whatever only moves elements keep codes: their results have the scales of what they read, channel by channel. So
//! scales are chosen where codes are made, for everybody who reads them, at once or behind such a node; a convolution that
//! reads them as a part of a concatenation is seen with the weights of these channels alone.

use super::lower::is_depthwise;
use super::scales::Consumer;
use super::sites::{Site, SiteKind};
use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use std::borrow::Cow;

const EVERYTHING: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

/// Those of one tensor.
#[derive(Default)]
pub struct Readers<'g> {
    /// Convolutions that can absorb a scale per channel.
    absorbing: Vec<Cow<'g, Conv>>,
    /// Readers that take any scales.
    free: usize,
    /// Readers that need one scale for all channels.
    uniform: usize,
    /// The values that any of them tells apart.
    seen: Option<(f32, f32)>,
}

impl<'g> Readers<'g> {
    /// Of `id`, in the order of the sites.
    pub fn of(graph: &Graph, sites: &[Site<'g>], id: TensorId) -> Self {
        let channels = |id: TensorId| graph.shape(id).channels;
        let mut readers = Self::default();
        // Tensors that hold these codes, and in which of their channels each of ours is.
        let mut holders: Vec<(TensorId, Vec<Option<usize>>)> = vec![(id, (0..channels(id)).map(Some).collect())];
        while let Some((holder, place)) = holders.pop() {
            if graph.outputs.contains(&holder) {
                readers.sees(EVERYTHING);
            }
            for site in sites {
                for position in (0..site.inputs.len()).filter(|&i| site.inputs[i] == holder) {
                    match &site.kind {
                        SiteKind::MaxPool(_) | SiteKind::Resize(_) => holders.push((site.output, place.clone())),
                        SiteKind::Moves(moves) => {
                            let of: Vec<usize> = site.inputs.iter().map(|&id| channels(id)).collect();
                            readers.uniform += usize::from(moves.mixes_channels(&of));
                            let sources = moves.sources(&of);
                            let moved = |from: &Option<usize>| {
                                let from = (*from)?;
                                sources.iter().position(|&source| source == (position, from))
                            };
                            holders.push((site.output, place.iter().map(moved).collect()));
                        }
                        SiteKind::Conv { conv, .. } if position == 0 && !is_depthwise(conv, channels(holder)) => {
                            readers.sees(EVERYTHING);
                            match part(conv, &place) {
                                Some(conv) => readers.absorbing.push(conv),
                                None => readers.free += 1,
                            }
                        }
                        SiteKind::Function(function) => {
                            readers.uniform += 1;
                            readers.sees(function.live());
                        }
                        SiteKind::Conv { .. }
                        | SiteKind::Mean
                        | SiteKind::Gated { .. }
                        | SiteKind::Gate { .. }
                        | SiteKind::Add { .. }
                        | SiteKind::AveragePool(_)
                        | SiteKind::Product
                        | SiteKind::Line { .. }
                        | SiteKind::ArgMax
                        | SiteKind::Softmax => {
                            readers.sees(EVERYTHING);
                            readers.free += 1;
                        }
                    }
                }
            }
        }
        readers
    }

    /// One more reader, which tells apart the values between `lo` and `hi`.
    fn sees(&mut self, (lo, hi): (f32, f32)) {
        let (a, b) = self.seen.unwrap_or((lo, hi));
        self.seen = Some((lo.min(a), hi.max(b)));
    }

    /// Beyond which values nobody tells them apart.
    pub fn seen(&self) -> (f32, f32) {
        self.seen.unwrap_or(EVERYTHING)
    }

    /// As the choice of scales wants them.
    pub fn consumers(&self) -> Vec<Consumer<'_>> {
        let absorbing = self.absorbing.iter().map(|conv| Consumer::Absorbs(conv));
        let free = (0..self.free).map(|_| Consumer::Free);
        absorbing.chain(free).chain((0..self.uniform).map(|_| Consumer::Uniform)).collect()
    }
}

/// The convolution as it sees the input channels `place`; `None` where groups cut across them.
fn part<'g>(conv: &'g Conv, place: &[Option<usize>]) -> Option<Cow<'g, Conv>> {
    let inputs = conv.in_channels();
    if place.iter().copied().eq((0..inputs).map(Some)) {
        return Some(Cow::Borrowed(conv));
    }
    if conv.groups != 1 {
        return None;
    }
    // A channel that does not get there has no weights.
    let column = |tap: &[f32], at: &Option<usize>| at.and_then(|c| tap.get(c).copied()).unwrap_or(0.0);
    let taps = conv.weights.chunks_exact(inputs.max(1));
    let weights = taps.flat_map(|tap| place.iter().map(move |at| column(tap, at))).collect();
    let pad_value = place.iter().map(|at| column(&conv.pad_value, at)).collect();
    Some(Cow::Owned(Conv { weights, pad_value, ..conv.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_columns_of_its_channels() {
        let conv = Conv::pointwise(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.0; 2], 3);
        assert_eq!(part(&conv, &[Some(1), Some(2)]).unwrap().weights, [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(part(&conv, &[Some(2), None, Some(0)]).unwrap().weights, [3.0, 0.0, 1.0, 6.0, 0.0, 4.0]);
        assert!(matches!(part(&conv, &[Some(0), Some(1), Some(2)]), Some(Cow::Borrowed(_))));
        let grouped = Conv { groups: 3, ..conv };
        assert!(part(&grouped, &[Some(1), Some(2)]).is_none());
    }
}
