//! The hot loop: one image's activations into [`TensorStats`].
//!
//! Channels are innermost in memory, so sixteen of them (one cache line) are walked at a time over all pixels: extremes and
//! sums live in registers, and the counts of sixteen channels stay in the first-level cache. Two walks over a block: the
//! first finds extremes and sums, which also tells how wide the histogram must be; the second counts.

use crate::TensorStats;
use crate::bins;
use crate::stats::FRACTION;

/// Channels walked at a time.
const BLOCK: usize = 16;

/// Magnitudes from here on count as unusable, like NaN and infinity.
const LIMIT: f32 = (1u32 << 30) as f32;

/// Extremes and sums of one image for a block of channels.
struct Moments {
    min: [f32; BLOCK],
    max: [f32; BLOCK],
    sum: [f64; BLOCK],
    squares: [f64; BLOCK],
    unusable: [u32; BLOCK],
}

impl Moments {
    const NONE: Self = Self {
        min: [f32::INFINITY; BLOCK],
        max: [f32::NEG_INFINITY; BLOCK],
        sum: [0.0; BLOCK],
        squares: [0.0; BLOCK],
        unusable: [0; BLOCK],
    };

    /// Sixteen channels of one pixel, all usable or the caller throws the result away.
    #[inline(always)]
    fn add(&mut self, pixel: &[f32; BLOCK]) {
        for (i, &x) in pixel.iter().enumerate() {
            self.min[i] = if x < self.min[i] { x } else { self.min[i] };
            self.max[i] = if x > self.max[i] { x } else { self.max[i] };
            self.unusable[i] += u32::from(!usable(x));
            let x = f64::from(x);
            self.sum[i] += x;
            self.squares[i] += x * x;
        }
    }

    /// One channel of one pixel.
    fn add_one(&mut self, i: usize, x: f32) {
        if !usable(x) {
            self.unusable[i] += 1;
            return;
        }
        self.min[i] = self.min[i].min(x);
        self.max[i] = self.max[i].max(x);
        let x = f64::from(x);
        self.sum[i] += x;
        self.squares[i] += x * x;
    }
}

/// False for NaN, infinities and magnitudes from 2^30 on.
#[inline(always)]
fn usable(x: f32) -> bool {
    x.abs() < LIMIT
}

impl TensorStats {
    /// Adds one image: `values` is pixels × channels, channels innermost.
    ///
    /// One call per image, always with the whole tensor: sums within a call are rounded (in a fixed order), sums over calls
    /// are exact. A length that is no multiple of the channels loses its last, incomplete pixel.
    pub fn update(&mut self, values: &[f32]) {
        let channels = self.channels();
        if channels == 0 {
            return;
        }
        self.count += (values.len() / channels) as u64;
        for first in (0..channels).step_by(BLOCK) {
            let block = BLOCK.min(channels - first);
            let moments = moments(values, channels, first, block);
            let clean = moments.unusable[..block].iter().all(|&n| n == 0);
            let (min, max) = self.absorb(first, block, &moments);
            self.widen_for(min, max);
            self.count_block(values, channels, first, block, clean);
        }
    }

    /// Adds a block's extremes and sums; returns the extremes of the block.
    fn absorb(&mut self, first: usize, block: usize, moments: &Moments) -> (f32, f32) {
        let (mut least, mut most) = (0.0f32, 0.0f32);
        for i in 0..block {
            let channel = first + i;
            // Adding 0 turns −0 into 0, so that the sign of zero does not depend on the order of images.
            let (min, max) = (moments.min[i] + 0.0, moments.max[i] + 0.0);
            self.min[channel] = self.min[channel].min(min);
            self.max[channel] = self.max[channel].max(max);
            self.non_finite += u64::from(moments.unusable[i]);
            let sum = (moments.sum[i] * FRACTION).round_ties_even() as i128;
            let squares = (moments.squares[i] * FRACTION).round_ties_even() as i128;
            self.sum[channel] = self.sum[channel].wrapping_add(sum);
            self.sum_of_squares[channel] = self.sum_of_squares[channel].wrapping_add(squares);
            if min <= max {
                (least, most) = (least.min(min), most.max(max));
            }
        }
        (least, most)
    }

    fn count_block(&mut self, values: &[f32], channels: usize, first: usize, block: usize, clean: bool) {
        let width = self.histogram.width();
        let below = self.histogram.below as i32;
        let counts = &mut self.histogram.counts[first * width..][..block * width];
        if clean && block == BLOCK {
            for pixel in values.chunks_exact(channels) {
                if let Some(Ok(pixel)) = pixel.get(first..first + BLOCK).map(<&[f32; BLOCK]>::try_from) {
                    // In range by `widen_for`.
                    for at in places(pixel, width as i32, below) {
                        counts[at as usize] += 1;
                    }
                }
            }
            return;
        }
        for pixel in values.chunks_exact(channels) {
            for (&x, counts) in pixel[first..][..block].iter().zip(counts.chunks_exact_mut(width)) {
                if clean || usable(x) {
                    counts[(bins::bin(x) + below) as usize] += 1;
                }
            }
        }
    }
}

/// Where sixteen values count: each in its own channel's bins.
#[inline(always)]
fn places(pixel: &[f32; BLOCK], width: i32, below: i32) -> [i32; BLOCK] {
    let mut at = [0; BLOCK];
    for (i, (at, &x)) in at.iter_mut().zip(pixel).enumerate() {
        *at = bins::bin(x) + below + i as i32 * width;
    }
    at
}

/// Extremes and sums of channels `first..first + block` over all pixels, pixel by pixel from the first.
fn moments(values: &[f32], channels: usize, first: usize, block: usize) -> Moments {
    let mut moments = Moments::NONE;
    if block == BLOCK {
        for pixel in values.chunks_exact(channels) {
            if let Some(Ok(pixel)) = pixel.get(first..first + BLOCK).map(TryInto::try_into) {
                moments.add(pixel);
            }
        }
        if moments.unusable.iter().all(|&n| n == 0) {
            return moments;
        }
        moments = Moments::NONE;
    }
    for pixel in values.chunks_exact(channels) {
        for (i, &x) in pixel[first..][..block].iter().enumerate() {
            moments.add_one(i, x);
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_tails_agree_with_the_naive_meaning() {
        for channels in [1, 3, 15, 16, 17, 48, 53] {
            let pixels = 31;
            let values: Vec<f32> = (0..pixels * channels).map(|i| ((i * 7919 % 1009) as f32 - 400.0) / 37.0).collect();
            let mut stats = TensorStats::new(channels);
            stats.update(&values);
            for c in 0..channels {
                let column: Vec<f32> = values.iter().skip(c).step_by(channels).copied().collect();
                assert_eq!(stats.min(c), column.iter().copied().fold(f32::INFINITY, f32::min));
                assert_eq!(stats.max(c), column.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                let sum: f64 = column.iter().map(|&x| f64::from(x)).sum();
                assert_eq!(stats.mean(c), (sum * FRACTION).round_ties_even() / FRACTION / pixels as f64);
                for (bin, count) in stats.histogram.bins(c) {
                    assert_eq!(count, column.iter().filter(|&&x| bins::bin(x) == bin).count() as u64);
                }
            }
        }
    }

    #[test]
    fn unusable_values_are_counted_and_kept_out() {
        for channels in [3, 16] {
            let mut values = vec![1.0f32; channels * 4];
            values[0] = f32::NAN;
            values[channels] = f32::INFINITY;
            values[2 * channels] = -2e9;
            let mut stats = TensorStats::new(channels);
            stats.update(&values);
            assert_eq!(stats.non_finite(), 3);
            assert_eq!((stats.min(0), stats.max(0)), (1.0, 1.0));
            assert_eq!(stats.channel(0).count, 1);
            assert_eq!(stats.channel(1).count, 4);
        }
    }

    #[test]
    fn a_negative_zero_leaves_no_trace() {
        let (mut a, mut b) = (TensorStats::new(1), TensorStats::new(1));
        a.update(&[-0.0]);
        a.update(&[0.0]);
        b.update(&[0.0]);
        b.update(&[-0.0]);
        assert_eq!(a.min[0].to_bits(), b.min[0].to_bits());
        assert_eq!(a.max[0].to_bits(), b.max[0].to_bits());
    }
}
