//! From a distribution to the range that codes shall cover.
//!
//! Every range holds 0, because a zero point is itself a code: `r = s · (q − z)`, `0 ≤ z ≤ top`. Every range is finite and lies
//! within the extremes seen (and 0); a channel that was never anything but zero has the range 0…0.

pub mod entropy;
pub mod min_max;
pub mod mse;
pub mod percentile;

use std::fmt;
use std::str::FromStr;

use crate::{Distribution, Error, TensorStats};

/// What the lowest and the highest code stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Of code 0; not above 0.
    pub lo: f32,
    /// Of the highest code; not below 0.
    pub hi: f32,
}

impl Range {
    /// The smallest range that holds both numbers and 0.
    pub fn new(lo: f32, hi: f32) -> Self {
        // `+ 0.0`: never −0.
        Self { lo: lo.min(0.0) + 0.0, hi: hi.max(0.0) + 0.0 }
    }

    /// `hi − lo`.
    pub fn width(self) -> f32 {
        self.hi - self.lo
    }

    /// The smallest range that holds both.
    pub fn union(self, other: Self) -> Self {
        Self::new(self.lo.min(other.lo), self.hi.max(other.hi))
    }
}

/// How to choose a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observer {
    /// The extremes.
    MinMax,
    /// Leaves out `100 − p` per cent of the values at each end.
    Percentile(f64),
    /// Least mean squared error of quantization.
    Mse,
    /// Least Kullback-Leibler divergence.
    Entropy,
}

impl Observer {
    /// Range for codes `0..=top` (255 for maps).
    pub fn range(self, distribution: &Distribution, top: u32) -> Range {
        match self {
            Observer::MinMax => min_max::range(distribution),
            Observer::Percentile(p) => percentile::range(distribution, p),
            Observer::Mse => mse::range(distribution, top),
            Observer::Entropy => entropy::range(distribution, top),
        }
    }

    /// One range for the whole tensor.
    pub fn per_tensor(self, stats: &TensorStats, top: u32) -> Range {
        self.range(&stats.tensor(), top)
    }

    /// One range for each channel.
    pub fn per_channel(self, stats: &TensorStats, top: u32) -> Vec<Range> {
        (0..stats.channels()).map(|channel| self.range(&stats.channel(channel), top)).collect()
    }
}

impl FromStr for Observer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "min-max" => return Ok(Observer::MinMax),
            "mse" => return Ok(Observer::Mse),
            "entropy" => return Ok(Observer::Entropy),
            _ => {}
        }
        let p = text.strip_prefix("percentile:").and_then(|p| p.trim().parse::<f64>().ok());
        match p {
            Some(p) if p > 50.0 && p <= 100.0 => Ok(Observer::Percentile(p)),
            _ => Err(Error::Observer(text.to_owned())),
        }
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observer::MinMax => f.write_str("min-max"),
            Observer::Percentile(p) => write!(f, "percentile:{p}"),
            Observer::Mse => f.write_str("mse"),
            Observer::Entropy => f.write_str("entropy"),
        }
    }
}
