//! A convolution's weights as integers, and what one step of its accumulator is worth.
//!
//! In the domain of its input's codes, with the input's scales absorbed, a convolution is
//! `Σ_{k,c} W[o,k,c]·s[c]·(x[k,c] − z[c]) + b[o]`; its [`Filters`] are `step[o] · Σ q[o,k,c]·(x[k,c] − z[c]) + bias[o]`.

use super::lower::is_depthwise;
use super::ranges::TensorRange;
use super::recipe::{Recipe, Step};
use super::weights::{self, Granularity};
use crate::ops::Conv;
use crate::qgraph::Codes;

/// Integer weights of a convolution or dense layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Filters {
    /// In −127…127, `[o][tap][channel of the group]`.
    pub weights: Vec<i8>,
    /// What one step of the accumulator is worth, per output channel.
    pub steps: Vec<f64>,
    /// Real summand per output channel.
    pub bias: Vec<f64>,
    /// What each input channel is multiplied with, where a gate is (eq. 22); empty where none is.
    pub columns: Vec<f32>,
}

/// Which input channel a weight reads.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Weights per output channel.
    pub row: usize,
    per_group: usize,
    outputs_per_group: usize,
    /// Channels of a plane, where a depthwise convolution reads two.
    plane: usize,
}

impl Layout {
    /// Of `conv`, whose input has `channels` channels; twice its own where it is depthwise and reads two planes ([`super::fine`]).
    pub fn of(conv: &Conv, channels: usize) -> Self {
        let plane = if conv.is_depthwise() && channels == 2 * conv.in_channels() { conv.in_channels() } else { 0 };
        let per_group = if plane > 0 { 1 } else { channels / conv.groups.max(1) };
        Self {
            row: (conv.window.taps() * per_group).max(1),
            per_group: per_group.max(1),
            outputs_per_group: (conv.out_channels / conv.groups.max(1)).max(1),
            plane,
        }
    }

    /// The input channel of the weight at `index`.
    pub fn channel(&self, index: usize) -> usize {
        let low = if 2 * (index % self.row) >= self.row { self.plane } else { 0 };
        (index / self.row / self.outputs_per_group) * self.per_group + index % self.per_group + low
    }
}

/// `W[o,k,c]·s[c]`.
pub fn absorbed(conv: &Conv, codes: &Codes) -> Vec<f64> {
    let layout = Layout::of(conv, codes.scale.len());
    let weight = |(i, &w): (usize, &f32)| f64::from(w) * f64::from(codes.scale[layout.channel(i)]);
    conv.weights.iter().enumerate().map(weight).collect()
}

/// `W[o,c]·s[c] / column[c]`.
pub fn evened(conv: &Conv, codes: &Codes, columns: &[f32]) -> Vec<f64> {
    let even = |(i, w): (usize, f64)| match columns[i % columns.len()] {
        column if column > 0.0 => w / f64::from(column),
        _ => 0.0,
    };
    absorbed(conv, codes).into_iter().enumerate().map(even).collect()
}

fn granularity(recipe: &Recipe) -> Granularity {
    if recipe.has(Step::ChannelWeights) { Granularity::Channel } else { Granularity::Tensor }
}

impl Filters {
    /// Every weight to the nearest step. With the recipe's bias correction `b += Σ (W − Ŵ)·E[x]`: rounding the weights
    /// then moves no mean.
    pub fn rounded(conv: &Conv, codes: &Codes, seen: Option<&TensorRange>, recipe: &Recipe) -> Self {
        let channels = codes.scale.len();
        let layout = Layout::of(conv, channels);
        // The input channel of a depthwise layer is one factor of its whole row: a step per tensor need not see it.
        let apart = is_depthwise(conv, channels) && !recipe.has(Step::ChannelWeights);
        let absorbed: Vec<f64> =
            if apart { conv.weights.iter().map(|&w| f64::from(w)).collect() } else { absorbed(conv, codes) };
        let mut rounded = weights::round(&absorbed, conv.out_channels, granularity(recipe));
        let mut bias: Vec<f64> = conv.bias.iter().map(|&b| f64::from(b)).collect();
        if let (true, Some(seen)) = (recipe.has(Step::RoundingBias), seen) {
            for (i, (&q, &real)) in rounded.weights.iter().zip(&absorbed).enumerate() {
                let (o, c) = (i / layout.row, layout.channel(i));
                let scale = if apart { 1.0 } else { f64::from(codes.scale[c]) };
                bias[o] += (real - rounded.steps[o] * f64::from(q)) / scale * seen.mean[c];
            }
        }
        if apart {
            rounded.steps.iter_mut().zip(&codes.scale).for_each(|(step, &scale)| *step *= f64::from(scale));
        }
        Self { weights: rounded.weights, steps: rounded.steps, bias, columns: Vec::new() }
    }

    /// Of a pointwise convolution behind a gate (eq. 22): `step[o] · Σ q·column[c]·g[c]·(x − z) + bias[o]`. The largest weight
    /// of a column becomes 1 before the rows get their steps, so that neither a small row nor a small column is rounded coarsely.
    /// `seen` are the statistics of the gated map.
    pub fn gated(conv: &Conv, codes: &Codes, seen: Option<&TensorRange>, recipe: &Recipe) -> Self {
        let (outputs, channels) = (conv.out_channels, codes.scale.len());
        let mut largest = vec![0.0_f64; channels];
        for (i, w) in conv.weights.iter().enumerate() {
            largest[i % channels] = largest[i % channels].max(f64::from(w.abs()));
        }
        let columns: Vec<f32> = largest
            .iter()
            .zip(&codes.scale)
            .map(|(&most, &scale)| if most > 0.0 { (most * f64::from(scale)) as f32 } else { 0.0 })
            .collect();
        let evened = evened(conv, codes, &columns);
        let rounded = weights::round(&evened, outputs, granularity(recipe));
        let mut bias: Vec<f64> = conv.bias.iter().map(|&b| f64::from(b)).collect();
        if let (true, Some(seen)) = (recipe.has(Step::RoundingBias), seen) {
            for (i, (&q, &real)) in rounded.weights.iter().zip(&evened).enumerate() {
                let (o, c) = (i / channels, i % channels);
                let unit = f64::from(columns[c]) / f64::from(codes.scale[c]);
                bias[o] += (real - rounded.steps[o] * f64::from(q)) * unit * seen.mean[c];
            }
        }
        Self { weights: rounded.weights, steps: rounded.steps, bias, columns }
    }
}
