//! Entropy: the range whose codes tell the most about the value.
//!
//! ## Formula
//! For a threshold `t`: `lo = max(min x, −t)`, `hi = min(max x, t)`, and `top` cells of equal width between them. `P` is the histogram
//! inside, with everything clipped added to its outermost pieces; `Q` is the histogram inside without what was clipped, spread
//! evenly over what each cell covers of it. Both are scaled to sum 1, and
//!
//! ```text
//! KL(t) = Σ P · ln(P / Q)
//! ```
//!
//! so clipping costs through the outermost pieces and coarse cells cost where the density changes within a cell. `t` takes
//! [`STEPS`] values from the largest magnitude down to a sixteenth of it in equal ratios. Exact zeros are left out: 0 is a code.
//!
//! Source: Migacz, "8-bit Inference with TensorRT", GTC 2017; here on bins whose width grows with the value instead of 2048 even
//! ones, so that it is coarser far from zero than the original.

use super::Range;
use crate::{Bin, Distribution};

/// Candidates for the threshold.
pub const STEPS: usize = 64;

/// Ratio of one candidate to the one before: `(1 / 16) ^ (1 / 64)`.
const SHRINK: f64 = 0.957_603_280_7;

/// The range of least divergence for codes `0..=top`.
pub fn range(distribution: &Distribution, top: u32) -> Range {
    let full = super::min_max::range(distribution);
    let (min, max) = (f64::from(full.lo), f64::from(full.hi));
    let cells = top.max(1) as usize;
    let mut threshold = max.max(-min);
    if threshold == 0.0 {
        return full;
    }
    let mut search = Search::default();
    let (mut best, mut least) = ((min, max), search.divergence(&distribution.bins, min, max, cells));
    for _ in 0..STEPS {
        threshold *= SHRINK;
        let (lo, hi) = (min.max(-threshold), max.min(threshold));
        let divergence = search.divergence(&distribution.bins, lo, hi, cells);
        if divergence < least {
            (best, least) = ((lo, hi), divergence);
        }
    }
    Range::new(best.0 as f32, best.1 as f32)
}

/// What one bin and one cell have in common.
struct Piece {
    cell: usize,
    mass: f64,
    width: f64,
}

/// Memory of one search.
#[derive(Default)]
struct Search {
    pieces: Vec<Piece>,
    /// Mass and covered width of each cell.
    cells: Vec<(f64, f64)>,
}

impl Search {
    /// `KL(P ‖ Q)` in nats; infinite where nothing lies inside.
    fn divergence(&mut self, bins: &[Bin], lo: f64, hi: f64, cells: usize) -> f64 {
        let clipped = self.cut(bins, lo, hi, cells);
        let inside: f64 = self.pieces.iter().map(|piece| piece.mass).sum();
        if inside <= 0.0 {
            return f64::INFINITY;
        }
        let total = clipped.0 + inside + clipped.1;
        let last = self.pieces.len() - 1;
        let mut sum = 0.0;
        for (i, piece) in self.pieces.iter().enumerate() {
            let (mass, covered) = self.cells[piece.cell];
            let q = mass * piece.width / covered / inside;
            let below = if i == 0 { clipped.0 } else { 0.0 };
            let above = if i == last { clipped.1 } else { 0.0 };
            let p = (below + piece.mass + above) / total;
            sum += p * ln(p / q);
        }
        sum
    }

    /// Cuts the bins along the cells; returns the mass below `lo` and above `hi`.
    fn cut(&mut self, bins: &[Bin], lo: f64, hi: f64, cells: usize) -> (f64, f64) {
        self.pieces.clear();
        self.cells.clear();
        self.cells.resize(cells, (0.0, 0.0));
        let step = (hi - lo) / cells as f64;
        let (mut below, mut above) = (0.0, 0.0);
        for bin in bins.iter().filter(|bin| !bin.is_zero()) {
            let density = bin.count as f64 / (bin.hi - bin.lo);
            below += density * (bin.hi.min(lo) - bin.lo).max(0.0);
            above += density * (bin.hi - bin.lo.max(hi)).max(0.0);
            let (mut from, to) = (bin.lo.max(lo), bin.hi.min(hi));
            let mut cell = ((from - lo) / step) as usize;
            while from < to {
                let end = if cell + 1 >= cells { to } else { (lo + step * (cell + 1) as f64).min(to) };
                let (width, index) = (end - from, cell.min(cells - 1));
                if width > 0.0 {
                    let mass = density * width;
                    self.cells[index].0 += mass;
                    self.cells[index].1 += width;
                    self.pieces.push(Piece { cell: index, mass, width });
                    from = end;
                }
                cell += 1;
            }
        }
        (below, above)
    }
}

/// Natural logarithm from exactly defined operations only, so that it is the same on every machine:
/// `x = m · 2^e`, `√½ ≤ m < √2`, `ln m = 2 (z + z³/3 + z⁵/5 + …)`, `z = (m − 1) / (m + 1)`. Error below 1e-14.
fn ln(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return f64::NEG_INFINITY;
    }
    let mut exponent = (x.to_bits() >> 52) as i64 - 1023;
    let mut m = f64::from_bits((x.to_bits() & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let z = (m - 1.0) / (m + 1.0);
    let mut series = 0.0;
    for k in (0..10).rev() {
        series = series * z * z + 1.0 / f64::from(2 * k + 1);
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * z * series
}

#[cfg(test)]
mod tests {
    #[test]
    fn logarithm() {
        for x in [1.0f64, 0.5, 1.41, 1.42, 3.0, 1e-12, 1e12, 0.999_999] {
            assert!((super::ln(x) - x.ln()).abs() < 1e-13 * x.ln().abs().max(1.0), "{x}");
        }
    }
}
