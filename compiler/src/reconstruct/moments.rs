//! Second moments of a layer's samples, and the ridge regression on them.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Moments of inputs `x` (`[row][k]`) and answers `y` (`[row][o]`) over rows, centred.
pub struct Moments {
    /// `E[x]`.
    pub input_mean: Array1<f64>,
    /// `E[y]`.
    pub target_mean: Array1<f64>,
    /// `H = E[(x − E x)(x − E x)ᵀ]`.
    pub gram: Array2<f64>,
    /// `C = E[(x − E x)(y − E y)ᵀ]`, `[k][o]`.
    pub cross: Array2<f64>,
}

impl Moments {
    /// Of whole-numbered inputs: their products sum exactly, in any order, so that `gram` is the same on every machine.
    pub fn of(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Self {
        let count = x.nrows().max(1) as f64;
        let mean = |a: ArrayView2<'_, f64>| a.sum_axis(Axis(0)) / count;
        let (input_mean, target_mean) = (mean(x), mean(y));
        let mut gram = x.t().dot(&x);
        for ((i, j), value) in gram.indexed_iter_mut() {
            *value = *value / count - input_mean[i] * input_mean[j];
        }
        let centred = &y - &target_mean;
        let cross = x.t().dot(&centred) / count;
        Self { input_mean, target_mean, gram, cross }
    }

    /// [`regularised`] second moments.
    pub fn regularised(&self, share: f64) -> (Array2<f64>, f64) {
        regularised(&self.gram, share)
    }
}

/// `H + λI` and λ, which is `share` of the mean variance of the inputs: a prior against what few samples say.
pub fn regularised(gram: &Array2<f64>, share: f64) -> (Array2<f64>, f64) {
    let lambda = (share * gram.diag().sum() / gram.nrows().max(1) as f64).max(1e-9);
    let mut gram = gram.clone();
    gram.diag_mut().iter_mut().for_each(|d| *d += lambda);
    (gram, lambda)
}

/// The weights `[k][o]` that minimise `E|xᵀw − y|² + λ|w − prior|²`, both centred: `w = (H + λI)⁻¹ (C + λ·prior)`, where
/// `gram` is `H + λI` and `cross` is C. `None` where H is not positive definite.
pub fn ridge(gram: &Array2<f64>, cross: &Array2<f64>, lambda: f64, prior: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let factor = cholesky(gram)?;
    let mut solution = cross + &(&prior * lambda);
    let k = factor.nrows();
    // L z = b, then Lᵀ w = z; all right-hand sides side by side.
    for i in 0..k {
        let (done, mut rest) = solution.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        for (j, solved) in done.outer_iter().enumerate() {
            let l = factor[[i, j]];
            row.zip_mut_with(&solved, |b, &z| *b -= l * z);
        }
        row /= factor[[i, i]];
    }
    for i in (0..k).rev() {
        let (mut open, done) = solution.view_mut().split_at(Axis(0), i + 1);
        let mut row = open.row_mut(i);
        for (j, solved) in done.outer_iter().enumerate() {
            let l = factor[[i + 1 + j, i]];
            row.zip_mut_with(&solved, |b, &w| *b -= l * w);
        }
        row /= factor[[i, i]];
    }
    Some(solution)
}

/// Lower triangular L with `L Lᵀ = a`; `None` where `a` is not positive definite.
fn cholesky(a: &Array2<f64>) -> Option<Array2<f64>> {
    let k = a.nrows();
    let mut l = Array2::<f64>::zeros((k, k));
    for i in 0..k {
        for j in 0..=i {
            let (row_i, row_j) = (l.row(i), l.row(j));
            let (row_i, row_j) = (&row_i.as_slice()?[..j], &row_j.as_slice()?[..j]);
            let rest = a[[i, j]] - dot(row_i, row_j);
            l[[i, j]] = if i == j {
                if rest <= 0.0 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / l[[j, j]]
            };
        }
    }
    Some(l)
}

/// Eight sums side by side, in a written order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn finds_the_line_behind_the_samples() {
        let x = array![[0.0, 1.0], [2.0, 0.0], [1.0, 3.0], [4.0, 4.0], [0.0, 2.0]];
        let y = x.dot(&array![[2.0], [-3.0]]) + 5.0;
        let moments = Moments::of(x.view(), y.view());
        let (gram, lambda) = moments.regularised(1e-9);
        let w = ridge(&gram, &moments.cross, lambda, array![[0.0], [0.0]].view()).unwrap();
        assert!((w[[0, 0]] - 2.0).abs() < 1e-6 && (w[[1, 0]] + 3.0).abs() < 1e-6, "{w}");
    }

    #[test]
    fn without_samples_that_differ_the_prior_stands() {
        let x = Array2::from_elem((4, 2), 7.0);
        let y = Array2::from_elem((4, 1), 1.0);
        let moments = Moments::of(x.view(), y.view());
        let (gram, lambda) = moments.regularised(0.01);
        let w = ridge(&gram, &moments.cross, lambda, array![[0.5], [-1.5]].view()).unwrap();
        assert!((w[[0, 0]] - 0.5).abs() < 1e-9 && (w[[1, 0]] + 1.5).abs() < 1e-9, "{w}");
    }
}
