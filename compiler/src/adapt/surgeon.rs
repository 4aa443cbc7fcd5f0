//! Which channels a network misses least, and how the layers that read them make up for those that leave.
//!
//! ## Formulas
//!
//! A layer reads x with second moments `H = E[(x − E x)(x − E x)ᵀ] + λI` and answers `Wᵀx`. If channel j leaves and the other weights
//! move to where they make up for it best, the mean square error of the answers grows by
//!
//! ```text
//! e_j = |W_j|² / [H⁻¹]_jj,         W ← W − H⁻¹_·j W_j / [H⁻¹]_jj         H⁻¹ ← H⁻¹ − H⁻¹_·j H⁻¹_j· / [H⁻¹]_jj
//! ```
//!
//! (optimal brain surgeon, Hassibi & Stork 1993, a whole channel at a time). A family's channel costs the sum of `e_j / Σ_o var y_o` over
//! its readers. The cheapest leaves, one after the other; the means of the answers stay, by their biases.
//!
//! Of a layer with a window larger than a pixel only the diagonal of H is known: nothing makes up for a channel but the bias.

use super::moments::Inputs;
use crate::ops::Conv;
use crate::reconstruct::moments::ridge;
use ndarray::{Array1, Array2, Axis, s};

/// A layer that reads a family's channels.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Its node.
    pub node: usize,
    /// `[channel][tap and output]`.
    weights: Array2<f64>,
    /// `H⁻¹`.
    inverse: Array2<f64>,
    /// `E x`.
    mean: Array1<f64>,
    /// `1 / Σ_o var y_o`.
    share: f64,
    /// Taps of its window.
    taps: usize,
}

impl Reader {
    /// `None` where H has no inverse (samples that are not numbers).
    pub fn new(node: usize, conv: &Conv, inputs: &Inputs) -> Option<Self> {
        let (channels, taps) = (conv.in_channels(), conv.window.taps());
        let (out, row) = (conv.out_channels, taps * channels);
        let weights = Array2::from_shape_fn((channels, taps * out), |(c, at)| {
            f64::from(conv.weights[at % out * row + at / out * channels + c])
        });
        let (gram, lambda) = inputs.regularised();
        let variance = (&gram.dot(&weights) * &weights).sum();
        let identity = Array2::eye(channels);
        let inverse = match taps {
            1 => ridge(&gram, &identity, 0.0, identity.view())?,
            _ => Array2::from_diag(&gram.diag().map(|d| 1.0 / d.max(lambda))),
        };
        let share = 1.0 / variance.max(f64::MIN_POSITIVE);
        Some(Self { node, weights, inverse, mean: inputs.mean.clone(), share, taps })
    }

    /// What its answers lose with channel j.
    fn cost(&self, j: usize) -> f64 {
        let row = self.weights.row(j);
        self.share * row.dot(&row) / self.inverse[[j, j]].max(f64::MIN_POSITIVE)
    }

    /// Channel j leaves.
    fn leave(&mut self, j: usize) {
        let column = self.inverse.column(j).to_owned() / self.inverse[[j, j]].max(f64::MIN_POSITIVE);
        let (weights, inverse) = (self.weights.row(j).to_owned(), self.inverse.row(j).to_owned());
        for (i, &factor) in column.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            self.weights.row_mut(i).scaled_add(-factor, &weights);
            self.inverse.row_mut(i).scaled_add(-factor, &inverse);
        }
    }

    /// The convolution that reads only the channels that are `kept`.
    pub fn convolution(&self, before: &Conv, kept: &[usize]) -> Conv {
        let (out, channels) = (before.out_channels, before.in_channels());
        let mut weights = Vec::with_capacity(out * self.taps * kept.len());
        let mut bias = before.bias.clone();
        for (o, bias) in bias.iter_mut().enumerate() {
            for tap in 0..self.taps {
                let own = self.weights.slice(s![.., tap * out + o]);
                weights.extend(kept.iter().map(|&c| own[c] as f32));
                let row = &before.weights[(o * self.taps + tap) * channels..][..channels];
                let was: f64 = row.iter().zip(&self.mean).map(|(&w, m)| f64::from(w) * m).sum();
                let is: f64 = kept.iter().map(|&c| own[c] * self.mean[c]).sum();
                *bias += (was - is) as f32;
            }
        }
        let pad_value = kept.iter().map(|&c| before.pad_value[c]).collect();
        Conv { weights, bias, pad_value, ..before.clone() }
    }
}

/// `count` channels leave the layers that read them; returns those that are kept, ascending.
pub fn thin(readers: &mut [Reader], count: usize) -> Vec<usize> {
    let channels = readers.first().map_or(0, |reader| reader.weights.len_of(Axis(0)));
    let mut kept: Vec<usize> = (0..channels).collect();
    for _ in 0..count.min(channels.saturating_sub(1)) {
        let cost = |&j: &usize| readers.iter().map(|reader| reader.cost(j)).sum::<f64>();
        let costs = kept.iter().map(cost);
        let Some((at, _)) = costs.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        let channel = kept.remove(at);
        readers.iter_mut().for_each(|reader| reader.leave(channel));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Channel 2 is the sum of the first two, 3 hardly matters.
    fn inputs() -> (Array2<f64>, Inputs) {
        let x = Array2::from_shape_fn((200, 4), |(row, c)| {
            let wave = |k: f64| (row as f64 * k).sin();
            match c {
                0 => wave(0.31) + 0.5,
                1 => wave(0.77),
                2 => wave(0.31) + 0.5 + wave(0.77),
                _ => 0.01 * wave(1.3) + 2.0,
            }
        });
        let rows = x.map(|&v| v as f32);
        let mut inputs = Inputs::new(4);
        inputs.add(rows.view());
        (x, inputs.finished())
    }

    #[test]
    fn what_others_say_leaves_first_and_is_made_up_for() {
        let (x, inputs) = inputs();
        let conv = Conv::pointwise(vec![1.0, 2.0, 3.0, 0.5, -1.0, 0.5, 2.0, 1.0], vec![0.1, -0.2], 4);
        let mut readers = [Reader::new(0, &conv, &inputs).expect("an inverse")];
        let kept = thin(&mut readers, 2);
        assert!(!kept.contains(&3) && kept.len() == 2, "{kept:?}");
        let smaller = readers[0].convolution(&conv, &kept);
        for row in x.outer_iter() {
            for o in 0..2 {
                let of = |conv: &Conv, channels: &[usize]| {
                    let terms = channels.iter().enumerate();
                    terms.map(|(at, &c)| f64::from(conv.weights[o * channels.len() + at]) * row[c]).sum::<f64>()
                        + f64::from(conv.bias[o])
                };
                let (was, is) = (of(&conv, &[0, 1, 2, 3]), of(&smaller, &kept));
                assert!((was - is).abs() < 0.08, "{was} became {is}");
            }
        }
    }

    #[test]
    fn windows_keep_the_mean_of_their_answers() {
        let (_, inputs) = inputs();
        let window = crate::graph::Window { kernel: [1, 2], ..crate::graph::Window::POINT };
        let conv = Conv {
            weights: vec![1.0, 2.0, 3.0, 0.5, -1.0, 0.5, 2.0, 1.0],
            bias: vec![0.25],
            out_channels: 1,
            window,
            ..Conv::pointwise(vec![], vec![0.0], 4)
        };
        let mut readers = [Reader::new(0, &conv, &inputs).expect("an inverse")];
        let kept = thin(&mut readers, 1);
        assert_eq!(kept, [0, 1, 2]);
        let smaller = readers[0].convolution(&conv, &kept);
        assert_eq!(smaller.weights, [1.0, 2.0, 3.0, -1.0, 0.5, 2.0]);
        let moved = f64::from(smaller.bias[0] - conv.bias[0]);
        assert!((moved - 1.5 * inputs.mean[3]).abs() < 1e-4, "{moved}");
    }
}
