//! Statistics of one tensor, per channel, mergeable bit for bit.
//!
//! Every field is of a kind that merges associatively and commutatively: minima, maxima, and integers. Sums over one
//! image are taken in f64 in a fixed order; then they become multiples of 2^-48 in an i128, so that sums over images are
//! exact and do not depend on their order.

use crate::bins;
use crate::{Distribution, Error};

/// Sums are counted in units of 2^-48.
pub(crate) const FRACTION: f64 = (1u64 << 48) as f64;

/// What the activations of one tensor were like, per channel.
///
/// Two of them that saw the same images in any order and split are equal, and encode to the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorStats {
    /// Values per channel.
    pub(crate) count: u64,
    /// Values of all channels that are NaN, infinite or beyond ±2^30; they are in nothing but this count and `count`.
    pub(crate) non_finite: u64,
    pub(crate) min: Vec<f32>,
    pub(crate) max: Vec<f32>,
    pub(crate) sum: Vec<i128>,
    pub(crate) sum_of_squares: Vec<i128>,
    pub(crate) histogram: Histogram,
}

/// Dense counts over the bins `-below ..= above`, channel after channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    pub(crate) below: usize,
    pub(crate) above: usize,
    pub(crate) counts: Vec<u64>,
}

impl Histogram {
    /// Bins per channel.
    pub(crate) fn width(&self) -> usize {
        self.below + 1 + self.above
    }

    /// Counts of one channel.
    pub(crate) fn channel(&self, channel: usize) -> &[u64] {
        let width = self.width();
        &self.counts[channel * width..][..width]
    }

    /// Makes room for the bins `-below ..= above`.
    pub(crate) fn widen(&mut self, below: usize, above: usize) {
        let (below, above) = (below.max(self.below), above.max(self.above));
        if (below, above) == (self.below, self.above) {
            return;
        }
        let (old, new) = (self.width(), below + 1 + above);
        let mut counts = vec![0; self.counts.len() / old * new];
        for (to, from) in counts.chunks_exact_mut(new).zip(self.counts.chunks_exact(old)) {
            to[below - self.below..][..old].copy_from_slice(from);
        }
        *self = Self { below, above, counts };
    }

    /// Bin numbers and counts of one channel.
    pub(crate) fn bins(&self, channel: usize) -> impl Iterator<Item = (i32, u64)> {
        let below = self.below as i32;
        self.channel(channel).iter().zip(-below..).map(|(&count, bin)| (bin, count))
    }
}

impl TensorStats {
    /// Of a tensor with that many channels, before anything was seen.
    pub fn new(channels: usize) -> Self {
        Self {
            count: 0,
            non_finite: 0,
            min: vec![f32::INFINITY; channels],
            max: vec![f32::NEG_INFINITY; channels],
            sum: vec![0; channels],
            sum_of_squares: vec![0; channels],
            histogram: Histogram { below: 0, above: 0, counts: vec![0; channels] },
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.min.len()
    }

    /// Values seen of each channel: pixels times images.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Values of all channels that are NaN, infinite or beyond ±2^30.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Smallest value of a channel; `+∞` where none was seen.
    pub fn min(&self, channel: usize) -> f32 {
        self.min[channel]
    }

    /// Largest value of a channel; `−∞` where none was seen.
    pub fn max(&self, channel: usize) -> f32 {
        self.max[channel]
    }

    /// `E[x]` of a channel; 0 where none was seen.
    pub fn mean(&self, channel: usize) -> f64 {
        self.sum[channel] as f64 / FRACTION / self.count.max(1) as f64
    }

    /// `E[x²]` of a channel; 0 where none was seen.
    pub fn mean_square(&self, channel: usize) -> f64 {
        self.sum_of_squares[channel] as f64 / FRACTION / self.count.max(1) as f64
    }

    /// `E[x²] − E[x]²` of a channel, not below 0.
    pub fn variance(&self, channel: usize) -> f64 {
        let mean = self.mean(channel);
        (self.mean_square(channel) - mean * mean).max(0.0)
    }

    /// Extremes and histogram of one channel.
    pub fn channel(&self, channel: usize) -> Distribution {
        Distribution::new(self.min[channel], self.max[channel], self.histogram.bins(channel))
    }

    /// Extremes and histogram of all channels together.
    pub fn tensor(&self) -> Distribution {
        let mut pooled = vec![0u64; self.histogram.width()];
        for channel in 0..self.channels() {
            for (sum, count) in pooled.iter_mut().zip(self.histogram.channel(channel)) {
                *sum += count;
            }
        }
        let min = self.min.iter().copied().fold(f32::INFINITY, f32::min);
        let max = self.max.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let below = self.histogram.below as i32;
        Distribution::new(min, max, (-below..).zip(pooled))
    }

    /// Adds what another part saw of the same tensor.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the numbers of channels differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.channels() != other.channels() {
            return Err(Error::Mismatch(format!("{} channels here, {} there", self.channels(), other.channels())));
        }
        self.count += other.count;
        self.non_finite += other.non_finite;
        for channel in 0..self.channels() {
            self.min[channel] = self.min[channel].min(other.min[channel]);
            self.max[channel] = self.max[channel].max(other.max[channel]);
            // Wrapping, so that even absurd values leave merging associative.
            self.sum[channel] = self.sum[channel].wrapping_add(other.sum[channel]);
            self.sum_of_squares[channel] = self.sum_of_squares[channel].wrapping_add(other.sum_of_squares[channel]);
        }
        self.histogram.widen(other.histogram.below, other.histogram.above);
        let (width, other_width) = (self.histogram.width(), other.histogram.width());
        let shift = self.histogram.below - other.histogram.below;
        let ours = self.histogram.counts.chunks_exact_mut(width);
        for (to, from) in ours.zip(other.histogram.counts.chunks_exact(other_width)) {
            for (sum, count) in to[shift..].iter_mut().zip(from) {
                *sum += count;
            }
        }
        Ok(())
    }

    /// Makes room for values between `min` and `max`.
    pub(crate) fn widen_for(&mut self, min: f32, max: f32) {
        let below = (-bins::bin(min)).max(0) as usize;
        let above = bins::bin(max).max(0) as usize;
        self.histogram.widen(below, above);
    }
}
