//! Min-max: nothing is clipped.
//!
//! ## Formula
//! `lo = min(0, min x)`, `hi = max(0, max x)`.
//!
//! Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
//! arXiv 1712.05877, section 3.

use super::Range;
use crate::Distribution;

/// The extremes.
pub fn range(distribution: &Distribution) -> Range {
    Range::new(distribution.min, distribution.max)
}
