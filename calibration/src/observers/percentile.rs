//! Percentile: a fixed share of the values is clipped at each end.
//!
//! ## Formula
//! With `F` the share of values not above x, values lying evenly within a bin:
//! `hi = F⁻¹(p / 100)`, `lo = F⁻¹(1 − p / 100)`, both widened to hold 0.
//!
//! Source: McKinstry et al., "Discovering Low-Precision Networks Close to Full-Precision Networks for Efficient Embedded
//! Inference", arXiv 1809.04191. MobileNetV3 suffers from it: prefer [`super::mse`].

use super::Range;
use crate::{Bin, Distribution};

/// Leaves out `100 − p` per cent at each end; `p` is clamped to 50…100.
pub fn range(distribution: &Distribution, p: f64) -> Range {
    let outside = (1.0 - p.clamp(50.0, 100.0) / 100.0) * distribution.count as f64;
    let lo = quantile(distribution.bins.iter(), outside, |bin, share| bin.lo + share * (bin.hi - bin.lo));
    let hi = quantile(distribution.bins.iter().rev(), outside, |bin, share| bin.hi - share * (bin.hi - bin.lo));
    let clamp = |x: Option<f64>| (x.unwrap_or(0.0) as f32).clamp(distribution.min, distribution.max);
    Range::new(clamp(lo), clamp(hi))
}

/// Walks bins from one end until `count` values lie behind.
fn quantile<'a>(bins: impl Iterator<Item = &'a Bin>, mut count: f64, inside: impl Fn(&Bin, f64) -> f64) -> Option<f64> {
    for bin in bins {
        let here = bin.count as f64;
        if count < here {
            return Some(inside(bin, count / here));
        }
        count -= here;
    }
    None
}
