//! Who reads a tensor's codes, past what only moves them.
//!
//! A maximum and a concatenation keep codes: their results have the scales of what they read, channel by channel. So
//! scales are chosen where codes are made, for everybody who reads them, at once or behind such a node; a convolution that
//! reads them as a part of a concatenation is seen with the weights of these channels alone.

use super::lower::is_depthwise;
use super::scales::Consumer;
use super::sites::{Site, SiteKind};
use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use std::borrow::Cow;

/// Those of one tensor.
#[derive(Default)]
pub struct Readers<'g> {
    /// Convolutions that can absorb a scale per channel.
    absorbing: Vec<Cow<'g, Conv>>,
    /// Readers that take any scales.
    free: usize,
    /// Readers that need one scale for all channels.
    uniform: usize,
}

impl<'g> Readers<'g> {
    /// Of `id`, in the order of the sites.
    pub fn of(graph: &Graph, sites: &[Site<'g>], id: TensorId) -> Self {
        let channels = |id: TensorId| graph.shape(id).channels;
        let mut readers = Self::default();
        // Tensors that hold these codes, and from which channel on.
        let mut holders = vec![(id, 0)];
        while let Some((holder, first)) = holders.pop() {
            for site in sites {
                for position in (0..site.inputs.len()).filter(|&i| site.inputs[i] == holder) {
                    match &site.kind {
                        SiteKind::MaxPool(_) => holders.push((site.output, first)),
                        SiteKind::Concat if position == 0 => holders.push((site.output, first)),
                        SiteKind::Concat => holders.push((site.output, first + channels(site.inputs[0]))),
                        SiteKind::Conv { conv, .. } if position == 0 && !is_depthwise(conv, channels(holder)) => {
                            match part(conv, first, channels(id)) {
                                Some(conv) => readers.absorbing.push(conv),
                                None => readers.free += 1,
                            }
                        }
                        SiteKind::Function(_) => readers.uniform += 1,
                        SiteKind::Conv { .. }
                        | SiteKind::Mean
                        | SiteKind::Gated { .. }
                        | SiteKind::Gate { .. }
                        | SiteKind::Add { .. }
                        | SiteKind::Softmax => readers.free += 1,
                    }
                }
            }
        }
        readers
    }

    /// As the choice of scales wants them.
    pub fn consumers(&self) -> Vec<Consumer<'_>> {
        let absorbing = self.absorbing.iter().map(|conv| Consumer::Absorbs(conv));
        let free = (0..self.free).map(|_| Consumer::Free);
        absorbing.chain(free).chain((0..self.uniform).map(|_| Consumer::Uniform)).collect()
    }
}

/// The convolution as it sees input channels `first..first + count`; `None` where groups cut across them.
fn part(conv: &Conv, first: usize, count: usize) -> Option<Cow<'_, Conv>> {
    let inputs = conv.in_channels();
    if count == inputs {
        return Some(Cow::Borrowed(conv));
    }
    if conv.groups != 1 {
        return None;
    }
    let taps = conv.weights.chunks_exact(inputs);
    let weights = taps.filter_map(|tap| tap.get(first..first + count)).flatten().copied().collect();
    let pad_value = conv.pad_value.get(first..first + count)?.to_vec();
    Some(Cow::Owned(Conv { weights, pad_value, ..conv.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_columns_of_its_channels() {
        let conv = Conv::pointwise(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.0; 2], 3);
        assert_eq!(part(&conv, 1, 2).unwrap().weights, [2.0, 3.0, 5.0, 6.0]);
        assert!(matches!(part(&conv, 0, 3), Some(Cow::Borrowed(_))));
        let grouped = Conv { groups: 3, ..conv };
        assert!(part(&grouped, 1, 2).is_none());
    }
}
