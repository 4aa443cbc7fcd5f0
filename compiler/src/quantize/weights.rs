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

/// How far from a step, in steps, a weight may be that lies on a grid: what f32 makes of 127 steps.
const OFF_GRID: f64 = 1e-4;

/// The step of the finest grid of at most 127 steps on which all of a row lies: where its weights are integers already.
fn grid(row: &[f64], largest: f64) -> Option<f64> {
    let fits = |step: f64| row.iter().all(|w| (w / step - (w / step).round_ties_even()).abs() < OFF_GRID);
    if largest <= 0.0 {
        return None;
    }
    (1..=127).rev().map(|steps| largest / f64::from(steps)).find(|&step| fits(step))
}

/// `w = rne(W / s)`, `s[o] = max |W[o,·]| / 127`; `real` holds `outputs` rows. A row of integers times a step stays as it is.
pub fn round(real: &[f64], outputs: usize, granularity: Granularity) -> Rounded {
    let row = (real.len() / outputs.max(1)).max(1);
    let largest = |row: &[f64]| row.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let step = |largest: f64| if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let steps: Vec<f64> = match granularity {
        Granularity::Channel => real.chunks(row).map(|r| grid(r, largest(r)).unwrap_or(step(largest(r)))).collect(),
        Granularity::Tensor => vec![step(largest(real)); outputs],
    };
    let weights = real
        .chunks(row)
        .zip(&steps)
        .flat_map(|(row, step)| row.iter().map(move |w| (w / step).round_ties_even().clamp(-127.0, 127.0) as i8))
        .collect();
    Rounded { weights, steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers() {
        // The largest is 100 steps: 127 would put the others between two steps.
        let row: Vec<f64> = [100, -37, 3, 0, 51].iter().map(|&q| f64::from(q) * f64::from(0.0123_f32)).collect();
        let rounded = round(&row, 1, Granularity::Channel);
        assert_eq!(rounded.weights, [100, -37, 3, 0, 51]);
        // A row of reals has the finest step there is, and zeros any.
        let rounded = round(&[0.5, 0.123, 0.337, 0.0, 0.0, 0.0], 2, Granularity::Channel);
        assert_eq!((rounded.steps[0], rounded.weights[0]), (0.5 / 127.0, 127));
        assert!(rounded.steps[1] > 0.0 && rounded.weights[3..] == [0; 3]);
    }
}
