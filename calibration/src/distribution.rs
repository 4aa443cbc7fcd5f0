//! What an observer sees: extremes and bins of one channel or one tensor.

/// A part of the real line and how many values fell into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Lower edge.
    pub lo: f64,
    /// Upper edge; equals `lo` for the values that count as zero.
    pub hi: f64,
    /// Number of values.
    pub count: u64,
}

impl Bin {
    /// Mean of `(x − a)²` over a bin in which values lie evenly: `((hi − a)³ − (lo − a)³) / (3 (hi − lo))`.
    pub fn mean_square_from(&self, a: f64) -> f64 {
        let (p, q) = (self.lo - a, self.hi - a);
        (p * p + p * q + q * q) / 3.0
    }

    /// True for the bin of zero.
    pub fn is_zero(&self) -> bool {
        self.lo == self.hi
    }
}

/// Extremes and histogram, in ascending order, without empty bins; edges are clipped to the extremes.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Smallest value; 0 where there is none.
    pub min: f32,
    /// Largest value; 0 where there is none.
    pub max: f32,
    /// Number of values.
    pub count: u64,
    /// Ascending, without empty ones.
    pub bins: Vec<Bin>,
}

impl Distribution {
    pub(crate) fn new(min: f32, max: f32, counts: impl Iterator<Item = (i32, u64)>) -> Self {
        let (min, max) = if min <= max { (min, max) } else { (0.0, 0.0) };
        let bins: Vec<Bin> = counts
            .filter(|&(_, count)| count > 0)
            .map(|(bin, count)| {
                let (lo, hi) = crate::bins::edges(bin);
                // Clipped to the extremes; a bin of one single value still has to have lo < hi or be zero.
                let (clipped_lo, clipped_hi) = (lo.max(min), hi.min(max));
                let (lo, hi) = if clipped_lo < clipped_hi { (clipped_lo, clipped_hi) } else { (lo, hi) };
                Bin { lo: f64::from(lo), hi: f64::from(hi), count }
            })
            .collect();
        let count = bins.iter().map(|b| b.count).sum();
        Self { min, max, count, bins }
    }
}
