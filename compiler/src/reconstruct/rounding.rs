//! Rounding by coordinate descent on the output's error, not the weights'.
//!
//! For one output channel, `H` the second moments of its inputs, `w*` the real weights and `s` the step, the loss is
//! `(s·q − w*)ᵀ H (s·q − w*)`. With the gradient `g = H(s·q − w*)`, each weight in turn moves to its optimum,
//! `q_j ← clamp(rne(q_j − g_j / (s·H_jj)))`, and g follows; the weights that matter most, by `√H_jj·|w_j|`, come first. After a
//! sweep the step moves to its own optimum. (COMQ, arXiv 2403.07134.)

use ndarray::{Array2, ArrayView1};

/// Sweeps over the weights of a channel.
const SWEEPS: usize = 3;

/// Steps that the search tries, as shares of the largest weight.
const STEPS: usize = 80;

/// Integer weights and step of one output channel.
pub struct Rounded {
    /// In −127…127.
    pub weights: Vec<i8>,
    /// Real size of one step.
    pub step: f64,
}

/// Rounds `target` under the loss of `gram`.
pub fn round(gram: &Array2<f64>, target: ArrayView1<'_, f64>) -> Rounded {
    let target: Vec<f64> = target.to_vec();
    let k = target.len();
    let mut step = search(gram, &target);
    let mut q: Vec<f64> = target.iter().map(|w| (w / step).round_ties_even().clamp(-127.0, 127.0)).collect();
    let mut order: Vec<usize> = (0..k).collect();
    let weight = |j: usize| gram[[j, j]].sqrt() * target[j].abs();
    order.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)).then(a.cmp(&b)));
    let mut gradient = vec![0.0; k];
    for sweep in 0..SWEEPS {
        // g = H (s q − w*), from scratch: rounding errors of the updates do not pile up.
        gradient.fill(0.0);
        for j in 0..k {
            let error = step * q[j] - target[j];
            if error != 0.0 {
                add(&mut gradient, gram, j, error);
            }
        }
        let mut moved = false;
        for &j in &order {
            let diagonal = gram[[j, j]];
            if diagonal <= 0.0 {
                continue;
            }
            let best = (q[j] - gradient[j] / (step * diagonal)).round_ties_even().clamp(-127.0, 127.0);
            if best != q[j] {
                add(&mut gradient, gram, j, step * (best - q[j]));
                q[j] = best;
                moved = true;
            }
        }
        // s* = qᵀH w* / qᵀH q; H(s q − w*) is at hand.
        let along: f64 = q.iter().zip(&gradient).map(|(q, g)| q * g).sum();
        let square: f64 = (0..k).filter(|&j| q[j] != 0.0).map(|j| q[j] * times(gram, j, &q)).sum();
        if square > 0.0 {
            let better = step - along / square;
            if better > 0.0 && better.is_finite() {
                step = better;
            }
        }
        if !moved && sweep > 0 {
            break;
        }
    }
    Rounded { weights: q.into_iter().map(|q| q as i8).collect(), step }
}

/// The step with the least error of plain rounding, every weight counting by its input's variance.
fn search(gram: &Array2<f64>, target: &[f64]) -> f64 {
    let largest = target.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    if largest <= 0.0 {
        return 1.0;
    }
    let loss = |step: f64| -> f64 {
        let error = |w: f64| (w / step).round_ties_even().clamp(-127.0, 127.0) * step - w;
        target.iter().enumerate().map(|(j, &w)| gram[[j, j]] * error(w) * error(w)).sum()
    };
    let candidates = (0..STEPS).map(|i| largest / 127.0 * (1.0 - 0.8 * i as f64 / STEPS as f64));
    candidates.map(|step| (loss(step), step)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |best| best.1)
}

/// `to += factor · H[j]`.
fn add(to: &mut [f64], gram: &Array2<f64>, j: usize, factor: f64) {
    if let Some(row) = gram.row(j).to_slice() {
        to.iter_mut().zip(row).for_each(|(g, h)| *g += factor * h);
    }
}

/// `(H q)_j`.
fn times(gram: &Array2<f64>, j: usize, q: &[f64]) -> f64 {
    gram.row(j).iter().zip(q).map(|(h, q)| h * q).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn errors_of_inputs_that_go_together_cancel() {
        // Two inputs that are always equal: only the sum of their weights counts, and 0.5 + 0.5 = 1 + 0.
        let gram = array![[1.0, 0.999], [0.999, 1.0]];
        let step = 10.0 / 127.0;
        let gram3 =
            Array2::from_shape_fn(
                (3, 3),
                |(i, j)| if i < 2 && j < 2 { gram[[i, j]] } else { f64::from(u8::from(i == j)) },
            );
        let target = array![2.5 * step, 2.5 * step, 10.0];
        let rounded = round(&gram3, target.view());
        let sum = rounded.step * (f64::from(rounded.weights[0]) + f64::from(rounded.weights[1]));
        assert!((sum - 5.0 * step).abs() < 0.2 * step, "{sum} {:?}", rounded.weights);
    }

    #[test]
    fn weights_on_the_grid_stay() {
        let gram = Array2::eye(3);
        let rounded = round(&gram, array![-127.0, 3.0, 64.0].view());
        assert_eq!(rounded.weights, [-127, 3, 64]);
        assert!((rounded.step - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(round(&Array2::eye(2), array![0.0, 0.0].view()).weights, [0, 0]);
    }
}
