//! MSE: the range whose codes lose the least energy.
//!
//! ## Formula
//! Over the histogram, with `s = (hi − lo) / top`:
//!
//! ```text
//! E(lo, hi) =   Σ (lo − x)²      values below lo: clipped
//!             + Σ (x − hi)²      values above hi: clipped
//!             + Σ s² / 12        values inside: rounded
//!             + Σ x²             values inside with |x| ≤ s / 2: rounded to 0
//! ```
//!
//! `hi` and `lo` shrink separately, each over [`STEPS`] sizes from 1 down to 0.1 of the extreme in equal ratios, one after the
//! other, twice. Exact zeros cost nothing, since 0 is a code.
//!
//! Source: Banner et al., "Post-training 4-bit quantization of convolution networks for rapid-deployment", arXiv 1810.05723,
//! with the histogram in place of their Laplace model.

use super::Range;
use crate::{Bin, Distribution};

/// Candidates for each end.
pub const STEPS: usize = 48;

/// Ratio of one candidate to the one before: `0.1 ^ (1 / 48)`.
const SHRINK: f64 = 0.953_161_644_1;

/// The range of least expected error for codes `0..=top`.
pub fn range(distribution: &Distribution, top: u32) -> Range {
    let full = super::min_max::range(distribution);
    let top = f64::from(top.max(1));
    let (mut lo, mut hi) = (f64::from(full.lo), f64::from(full.hi));
    for _ in 0..2 {
        hi = best(f64::from(full.hi), |hi| error(&distribution.bins, lo, hi, top));
        lo = best(f64::from(full.lo), |lo| error(&distribution.bins, lo, hi, top));
    }
    Range::new(lo as f32, hi as f32)
}

/// The candidate between `extreme` and a tenth of it with the least error; of equals, the outermost.
fn best(extreme: f64, error: impl Fn(f64) -> f64) -> f64 {
    let (mut best, mut least) = (extreme, error(extreme));
    if extreme == 0.0 {
        return best;
    }
    let mut candidate = extreme;
    for _ in 0..STEPS {
        candidate *= SHRINK;
        let e = error(candidate);
        if e < least {
            (best, least) = (candidate, e);
        }
    }
    best
}

/// `E(lo, hi)` of the module's formula.
pub fn error(bins: &[Bin], lo: f64, hi: f64, top: f64) -> f64 {
    let step = (hi - lo) / top;
    let rounded = step * step / 12.0;
    let mut sum = 0.0;
    for bin in bins.iter().filter(|bin| !bin.is_zero()) {
        let middle = 0.5 * (bin.lo + bin.hi);
        let each = if middle > hi {
            bin.mean_square_from(hi)
        } else if middle < lo {
            bin.mean_square_from(lo)
        } else if bin.lo.abs().max(bin.hi.abs()) <= 0.5 * step {
            bin.mean_square_from(0.0)
        } else {
            rounded
        };
        sum += bin.count as f64 * each;
    }
    sum
}
