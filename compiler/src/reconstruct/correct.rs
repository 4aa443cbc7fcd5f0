//! Gain and bias per output channel, and the error that filters leave (step 3 of the recipe).
//!
//! With ŷ what the integers answer on the calibration pictures before the activation, and y what the floats answer:
//! `a = clamp(cov(ŷ, y) / var ŷ, 0.9, 1.1)`, `b = E[y] − a·E[ŷ]`; both fold into step and bias.

use super::rows::Rows;
use crate::ops::Conv;
use crate::quantize::filters::Filters;
use ndarray::{Array2, ArrayView2, s};

/// How far a gain may go.
const GAIN: (f64, f64) = (0.9, 1.1);

/// What the outputs of `group` read: `[row][weight]`.
pub fn inputs(conv: &Conv, rows: &Rows<'_>, group: usize) -> Array2<f64> {
    if conv.groups == 1 {
        return rows.codes.mapv(f64::from);
    }
    let (taps, channels) = (conv.window.taps(), conv.in_channels());
    let each = conv.group_channels();
    Array2::from_shape_fn((rows.codes.nrows(), taps * each), |(row, i)| {
        f64::from(rows.codes[[row, i / each * channels + group * each + i % each]])
    })
}

/// The accumulators less zero points of every row and output: whole numbers, exact.
fn accumulate(conv: &Conv, filters: &Filters, rows: &Rows<'_>) -> Array2<f64> {
    let (outputs, row) = (conv.out_channels / conv.groups.max(1), conv.weights_per_output());
    let weights: Vec<f64> = filters.weights.iter().map(|&q| f64::from(q)).collect();
    let mut all = Array2::zeros((rows.codes.nrows(), conv.out_channels));
    for group in 0..conv.groups {
        let span = group * outputs * row..(group + 1) * outputs * row;
        let Ok(weights) = ArrayView2::from_shape((outputs, row), &weights[span]) else { continue };
        let product = inputs(conv, rows, group).dot(&weights.t());
        all.slice_mut(s![.., group * outputs..(group + 1) * outputs]).assign(&product);
    }
    all
}

/// `filters` with the gain (if `gain`) and bias that fit `rows` best.
pub fn correct(conv: &Conv, filters: &Filters, rows: &Rows<'_>, gain: bool) -> Filters {
    let mut better = filters.clone();
    let accumulators = accumulate(conv, filters, rows);
    let count = rows.codes.nrows().max(1) as f64;
    for (o, (acc, target)) in accumulators.columns().into_iter().zip(rows.target.columns()).enumerate() {
        let answer = |acc: f64| filters.steps[o] * acc + filters.bias[o];
        let mean = acc.iter().map(|&a| answer(a)).sum::<f64>() / count;
        let wanted = target.iter().map(|&y| f64::from(y)).sum::<f64>() / count;
        let (mut together, mut own) = (0.0, 0.0);
        for (&a, &y) in acc.iter().zip(target) {
            let d = answer(a) - mean;
            together += d * (f64::from(y) - wanted);
            own += d * d;
        }
        let a = if gain && own > 0.0 { (together / own).clamp(GAIN.0, GAIN.1) } else { 1.0 };
        better.steps[o] = a * filters.steps[o];
        better.bias[o] = a * filters.bias[o] + wanted - a * mean;
    }
    better
}

/// A function of one value.
type Function<'f> = &'f (dyn Fn(f64) -> f64 + Sync);

/// `Σ (f(ŷ) − g(y))²` over all rows and outputs, f the integer layer's function and g that of the float layer aimed at.
pub fn error(conv: &Conv, filters: &Filters, rows: &Rows<'_>, [own, wanted]: [Function<'_>; 2]) -> f64 {
    let accumulators = accumulate(conv, filters, rows);
    let mut total = 0.0;
    for (acc, target) in accumulators.outer_iter().zip(rows.target.outer_iter()) {
        for (o, (&acc, &y)) in acc.iter().zip(target).enumerate() {
            let answer = filters.steps[o] * acc + filters.bias[o];
            total += (own(answer) - wanted(f64::from(y))).powi(2);
        }
    }
    total
}

/// `Σ (g(y) − E g(y))²`, the mean per output.
pub fn signal(rows: &Rows<'_>, function: Function<'_>) -> f64 {
    let count = rows.target.nrows().max(1) as f64;
    rows.target
        .columns()
        .into_iter()
        .map(|column| {
            let values: Vec<f64> = column.iter().map(|&y| function(f64::from(y))).collect();
            let mean = values.iter().sum::<f64>() / count;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>()
        })
        .sum()
}
