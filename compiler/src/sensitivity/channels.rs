//! What clipping a channel would cost, at as many places as a histogram has edges.

use crate::quantize::ranges::TensorRange;
use ndarray::Array3;

/// Bins between the smallest and the largest value of a channel.
const BINS: usize = 64;

/// The channels of a tensor: where their bins lie, and what was summed up over pictures.
#[derive(Clone, Debug)]
pub struct Channels {
    /// Smallest value of each channel, ≤ 0.
    lo: Vec<f32>,
    /// Largest value, ≥ 0.
    hi: Vec<f32>,
    /// `Σ g²` of each channel over elements that are not zero.
    energy: Vec<f64>,
    /// For each channel and edge, the squares of `Σ g · max(x − edge, 0)`, summed over pictures.
    above: Vec<f64>,
    /// Of `Σ g · max(edge − x, 0)`.
    below: Vec<f64>,
}

/// The same of one picture, before anything is squared.
pub struct Sums {
    energy: Vec<f64>,
    above: Vec<f64>,
    below: Vec<f64>,
}

impl Channels {
    /// Bins over these ranges, which hold zero.
    pub fn new(lo: Vec<f32>, hi: Vec<f32>) -> Self {
        let count = lo.len();
        let edges = vec![0.0; count * (BINS + 1)];
        Self { lo, hi, energy: vec![0.0; count], above: edges.clone(), below: edges }
    }

    fn edge(&self, c: usize, i: usize) -> f64 {
        let (lo, hi) = (f64::from(self.lo[c]), f64::from(self.hi[c]));
        lo + (hi - lo) * i as f64 / BINS as f64
    }

    /// What one picture gives: `value` is the tensor's, `slope` that of the answers.
    pub fn sums(&self, value: &Array3<f32>, slope: &Array3<f32>) -> Option<Sums> {
        let count = self.lo.len();
        let mut sums = Sums {
            energy: vec![0.0; count],
            above: vec![0.0; count * (BINS + 1)],
            below: vec![0.0; count * (BINS + 1)],
        };
        // Σ g and Σ g·x of each bin.
        let mut bins = vec![[0.0f64; 2]; count * BINS];
        let per_unit: Vec<f32> =
            self.lo.iter().zip(&self.hi).map(|(lo, hi)| BINS as f32 / (hi - lo).max(f32::MIN_POSITIVE)).collect();
        for (pixel, slopes) in value.as_slice()?.chunks_exact(count).zip(slope.as_slice()?.chunks_exact(count)) {
            for c in 0..count {
                let (x, g) = (pixel[c], f64::from(slopes[c]));
                if x != 0.0 {
                    sums.energy[c] += g * g;
                }
                let bin = (((x - self.lo[c]) * per_unit[c]) as usize).min(BINS - 1);
                bins[c * BINS + bin][0] += g;
                bins[c * BINS + bin][1] += g * f64::from(x);
            }
        }
        for c in 0..count {
            let bins = &bins[c * BINS..(c + 1) * BINS];
            let at = c * (BINS + 1);
            let mut beyond = [0.0; 2];
            for (i, bin) in bins.iter().enumerate().rev() {
                beyond = [beyond[0] + bin[0], beyond[1] + bin[1]];
                sums.above[at + i] = beyond[1] - self.edge(c, i) * beyond[0];
            }
            beyond = [0.0; 2];
            for (i, bin) in bins.iter().enumerate() {
                beyond = [beyond[0] + bin[0], beyond[1] + bin[1]];
                sums.below[at + i + 1] = self.edge(c, i + 1) * beyond[0] - beyond[1];
            }
        }
        Some(sums)
    }

    /// Adds a picture.
    pub fn add(&mut self, one: &Sums) {
        self.energy.iter_mut().zip(&one.energy).for_each(|(total, e)| *total += e);
        self.above.iter_mut().zip(&one.above).for_each(|(total, e)| *total += e * e);
        self.below.iter_mut().zip(&one.below).for_each(|(total, e)| *total += e * e);
    }

    /// The squared error that rounding channel c to multiples of `step` puts into the answers.
    pub fn rounding(&self, c: usize, step: f64) -> f64 {
        step * step / 12.0 * self.energy[c]
    }

    /// Sets the ends of `range` where the squared error of the answers is least; codes go to `top`. Where no answer depends on a
    /// channel it stays.
    pub fn choose(&self, range: &mut TensorRange, top: f64, weight: f64) {
        for c in 0..self.lo.len() {
            if !(self.energy[c] > 0.0 && self.energy[c].is_finite() && self.hi[c] > self.lo[c]) {
                continue;
            }
            let edges = |from: usize, to: usize| (from..=to).map(move |i| (i, self.edge(c, i)));
            let at = c * (BINS + 1);
            let mut best = (f64::INFINITY, f64::from(self.lo[c]), f64::from(self.hi[c]));
            for (i, lo) in edges(0, BINS).filter(|(i, lo)| *i == 0 || *lo <= 0.0) {
                for (j, hi) in edges(i + 1, BINS).filter(|(j, hi)| *j == BINS || *hi >= 0.0) {
                    let clipped = self.above[at + j] + self.below[at + i];
                    let error = self.rounding(c, (hi - lo) / top) + weight * clipped;
                    if error < best.0 {
                        best = (error, lo, hi);
                    }
                }
            }
            range.lo[c] = (best.1 as f32).min(0.0);
            range.hi[c] = (best.2 as f32).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels that answers feel alike: one with a far outlier that hardly counts, one whose largest values count.
    #[test]
    fn a_tail_is_cut_where_that_costs_less_than_it_gains() {
        let mut channels = Channels::new(vec![0.0; 2], vec![100.0; 2]);
        let pixels = 1000;
        let value = Array3::from_shape_fn((1, pixels, 2), |(_, p, _)| match p {
            0 => 100.0,
            p => 0.5 + (p % 10) as f32,
        });
        for picture in 0..8 {
            let slope = Array3::from_shape_fn((1, pixels, 2), |(_, p, c)| match (p, c) {
                (0, 0) => 1e-4,
                (0, _) => 1.0,
                (p, _) => {
                    if (p * 7 + picture) % 2 == 0 {
                        0.1
                    } else {
                        -0.1
                    }
                }
            });
            let sums = channels.sums(&value, &slope).unwrap();
            channels.add(&sums);
        }
        let mut range = TensorRange {
            lo: vec![0.0; 2],
            hi: vec![100.0; 2],
            mean: vec![0.0; 2],
            mean_square: vec![0.0; 2],
            fine: false,
        };
        channels.choose(&mut range, 255.0, 1.0);
        assert!(range.hi[0] < 20.0 && range.hi[1] > 95.0, "{:?}", range.hi);
        assert_eq!(range.lo, [0.0, 0.0]);
    }

    #[test]
    fn what_no_answer_feels_stays_and_zeros_are_not_rounded() {
        let channels = Channels::new(vec![-1.0], vec![1.0]);
        let zeros = Array3::zeros((2, 2, 1));
        let slope = Array3::from_elem((2, 2, 1), 1.0);
        let sums = channels.sums(&zeros, &slope).unwrap();
        assert_eq!(sums.energy, [0.0]);
        let mut range =
            TensorRange { lo: vec![-0.5], hi: vec![0.25], mean: vec![0.0], mean_square: vec![0.0], fine: false };
        channels.choose(&mut range, 255.0, 1.0);
        assert_eq!((range.lo[0], range.hi[0]), (-0.5, 0.25));
    }
}
