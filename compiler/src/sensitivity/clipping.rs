//! Ranges that cost the answers the least, if held-out pictures say that they are an improvement.

use super::channels::Channels;
use crate::error::Result;
use crate::quantize::Ranges;

/// What the cost of clipping is multiplied with, of which the best on held-out pictures is taken: other pictures reach further than
/// those that were seen, and not all of it is first order.
const CAUTIONS: [f64; 2] = [16.0, 64.0];

/// Largest code of a map.
const TOP: f64 = 255.0;

/// What became of the ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Clipping {
    /// Signal to noise of the answers to held-out pictures with the observer's ranges, in dB.
    pub observer_db: f64,
    /// The same with the best of the others.
    pub answers_db: f64,
    /// How cautious these are.
    pub caution: f64,
}

impl Clipping {
    /// Whether they were taken.
    pub fn taken(&self) -> bool {
        self.answers_db > self.observer_db
    }
}

impl std::fmt::Display for Clipping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ranges that cost the answers least: {:.1} dB on held-out pictures, those of the observer {:.1} dB{}",
            self.answers_db,
            self.observer_db,
            if self.taken() { "" } else { ", which were kept" }
        )
    }
}

/// What [`chosen`] ranges are worth against `ranges`, which are those of the observer; `judge` says how good the answers to held-out
/// pictures are, in dB.
///
/// # Errors
/// Those of `judge`.
pub fn choose(
    ranges: &Ranges,
    channels: &[Option<Channels>],
    judge: impl Fn(&Ranges) -> Result<f64>,
) -> Result<Clipping> {
    let observer_db = judge(ranges)?;
    let mut best = Clipping { observer_db, answers_db: f64::NEG_INFINITY, caution: CAUTIONS[0] };
    for caution in CAUTIONS {
        let answers_db = judge(&chosen(ranges, channels, caution))?;
        if answers_db > best.answers_db {
            best = Clipping { observer_db, answers_db, caution };
        }
    }
    Ok(best)
}

/// `ranges`, those of maps as cost the answers the least.
pub fn chosen(ranges: &Ranges, channels: &[Option<Channels>], caution: f64) -> Ranges {
    let mut ranges = ranges.clone();
    for (range, channels) in ranges.iter_mut().zip(channels) {
        if let (Some(range), Some(channels)) = (range, channels) {
            channels.choose(range, TOP, caution);
        }
    }
    ranges
}
