//! How well the range of each channel fits the steps of its scale: what codes alone leave of the channel's signal.
//!
//! ```text
//! signal to noise of channel c = Σ (y − mean y)² / Σ (y − round(y))²
//! ```
//!
//! A scale that channels share is as coarse as the widest of them needs; a scale of one's own is as coarse as the channel's
//! rarest values need. Either way a channel *starves* whose values hardly move by a step.

use super::mixed;
use super::remedies::Remedy;
use crate::graph::TensorId;
use crate::qgraph::QGraph;
use crate::quantize::fine;
use ndarray::Array3;
use serde::Serialize;

/// Below this many dB of its own signal to noise a channel starves: its deviation is no more than three steps.
pub const STARVED_DB: f64 = 20.0;

/// How many starving channels are told by number.
const TOLD: usize = 4;

/// The channels of a layer's result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranges {
    /// The widest range of a channel that a scale spans, as a multiple of the median channel's.
    pub ratio: f32,
    /// Steps that a scale has, all channels alike: 255, or 4095 of a fine map.
    pub steps: u16,
    /// How many channels starve.
    pub starved: usize,
    /// Those that starve most, worst first.
    pub worst: Vec<Channel>,
    /// What would help, if any starve and something would.
    pub remedy: Option<Remedy>,
    /// All channels that hold a signal, in order; for drawings.
    #[serde(skip)]
    pub channels: Vec<Channel>,
}

/// A channel on the pictures that were looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Channel {
    /// Its number.
    pub channel: usize,
    /// Least value in float.
    pub low: f32,
    /// Largest value in float.
    pub high: f32,
    /// Standard deviation in float.
    pub deviation: f32,
    /// What a step of its codes means.
    pub step: f32,
    /// Signal to the noise of its codes, in dB; null where there is no noise.
    pub db: f64,
}

impl Channel {
    /// How many steps lie between its least and its largest value.
    pub fn spans(&self) -> f32 {
        (self.high - self.low) / self.step
    }
}

/// Sums over the values of one channel.
#[derive(Clone, Copy)]
pub struct Sums {
    low: f32,
    high: f32,
    count: f64,
    sum: f64,
    squares: f64,
    noise: f64,
}

const NOTHING: Sums =
    Sums { low: f32::INFINITY, high: f32::NEG_INFINITY, count: 0.0, sum: 0.0, squares: 0.0, noise: 0.0 };

/// Sums for each channel of `values`, which are what tensor `id` holds in float; none for reals, which have no codes.
pub fn sums(q: &QGraph, id: TensorId, values: &Array3<f32>) -> Vec<Sums> {
    let Some(channels) = fine::whole(q.tensor(id)).map(|codes| codes.scale.len()) else { return Vec::new() };
    let mut rounded = values.clone();
    mixed::round_to_codes(q, id, &mut rounded);
    let mut sums = vec![NOTHING; channels];
    for (index, (&y, &z)) in values.iter().zip(&rounded).enumerate() {
        let sum = &mut sums[index % channels];
        (sum.low, sum.high) = (sum.low.min(y), sum.high.max(y));
        let (y, error) = (f64::from(y), f64::from(y - z));
        sum.count += 1.0;
        sum.sum += y;
        sum.squares += y * y;
        sum.noise += error * error;
    }
    sums
}

/// The sums of two pictures, or of none and one.
pub fn merge(mut all: Vec<Sums>, one: &[Sums]) -> Vec<Sums> {
    all.resize(one.len(), NOTHING);
    for (a, b) in all.iter_mut().zip(one) {
        *a = Sums {
            low: a.low.min(b.low),
            high: a.high.max(b.high),
            count: a.count + b.count,
            sum: a.sum + b.sum,
            squares: a.squares + b.squares,
            noise: a.noise + b.noise,
        };
    }
    all
}

/// What the sums over all pictures say of the channels of tensor `id`; none for reals.
pub fn ranges(q: &QGraph, id: TensorId, sums: &[Sums]) -> Option<Ranges> {
    let tensor = q.tensor(id);
    let codes = fine::whole(tensor)?;
    let channel = |(channel, (sum, &step)): (usize, (&Sums, &f32))| {
        let variance = (sum.squares - sum.sum * sum.sum / sum.count) / sum.count;
        // A channel that never moves, as a dead ReLU leaves, has nothing to lose.
        let moves = variance > 1e-12 * (sum.squares / sum.count).max(f64::MIN_POSITIVE);
        moves.then(|| Channel {
            channel,
            low: sum.low,
            high: sum.high,
            deviation: variance.sqrt() as f32,
            step,
            db: 10.0 * (variance * sum.count / sum.noise).log10(),
        })
    };
    let channels: Vec<Channel> = sums.iter().zip(&codes.scale).enumerate().filter_map(channel).collect();
    let mut starved: Vec<&Channel> = channels.iter().filter(|channel| channel.db < STARVED_DB).collect();
    starved.sort_by(|a, b| a.db.total_cmp(&b.db));
    let worst = starved.iter().take(TOLD).copied().cloned().collect();
    let mut scale = codes.scale.clone();
    scale.sort_by(f32::total_cmp);
    Some(Ranges {
        ratio: scale.last()? / scale.get(scale.len() / 2)?,
        steps: mixed::top(tensor)?,
        starved: starved.len(),
        worst,
        remedy: None,
        channels,
    })
}
