//! Weights to i8: symmetric, per output channel (or per tensor, to compare with).

/// One step for a whole tensor, or one per output channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// One for the tensor.
    Tensor,
    /// One per output channel.
    Channel,
}

/// Rounded weights and the real size of one step per output channel.
pub struct Rounded {
    /// In −127…127, in the layout that came in.
    pub weights: Vec<i8>,
    /// `r = step[o] · w`.
    pub steps: Vec<f64>,
}

/// `w = rne(W / s)`, `s[o] = max |W[o,·]| / 127`; `real` holds `outputs` rows.
pub fn round(real: &[f64], outputs: usize, granularity: Granularity) -> Rounded {
    let row = (real.len() / outputs.max(1)).max(1);
    let largest = |row: &[f64]| row.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let step = |largest: f64| if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let steps: Vec<f64> = match granularity {
        Granularity::Channel => real.chunks(row).map(|r| step(largest(r))).collect(),
        Granularity::Tensor => vec![step(largest(real)); outputs],
    };
    let weights = real
        .chunks(row)
        .zip(&steps)
        .flat_map(|(row, step)| row.iter().map(move |w| (w / step).round_ties_even().clamp(-127.0, 127.0) as i8))
        .collect();
    Rounded { weights, steps }
}
