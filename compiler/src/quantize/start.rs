//! The bias of a convolution as whole steps of its accumulator: one sum less for every output (eq. 9).
//!
//! `acc·m + b = (acc + b/m)·m`. A step is `m` codes, some thousandths where weights use their range, so that rounding `b/m`
//! moves next to nothing. Where it would move channels by more than 1/64 of a code (in the mean square; a single one by more than
//! a quarter), or the accumulator has no room, the layer keeps its bias.

use super::bounds;
use crate::qgraph::{QActivation, QEpilogue};

/// Codes by which rounding may move outputs, as the root of the mean square over all channels: a twentieth of what rounding an output itself does
/// (`1/√12`).
const MOVED: f64 = 1.0 / 64.0;

/// The same of a single channel.
const MOST: f64 = 1.0 / 4.0;

/// Where the accumulator of a channel without weights starts: nothing is added, so any step will do.
const CONSTANT: i32 = 1 << 12;

/// Most that hard-swish grows with its argument.
const STEEPEST: f64 = 1.5;

/// The weights, but those of channels whose sums move the output by less than rounding may: networks keep channels that training has switched off, whose
/// tiny factors would have whole layers keep a bias. `factor` is the real of a step of the accumulator, `scale` that of an output code.
pub fn without_silent(weights: &[i8], factor: &[f64], top: u16, scale: &[f32]) -> Vec<i8> {
    let mut weights = weights.to_vec();
    let row = weights.len().checked_div(factor.len()).unwrap_or(0).max(1);
    for ((weights, factor), scale) in weights.chunks_mut(row).zip(factor).zip(scale) {
        let reach = weights.iter().map(|&w| f64::from(w).abs()).sum::<f64>() * f64::from(top);
        if reach * factor.abs() * STEEPEST < MOVED * f64::from(*scale) {
            weights.fill(0);
        }
    }
    weights
}

/// The epilogue without a bias, or as it is. `weights` are those of each output channel, `top` is the largest input code.
pub fn from_bias(weights: &[i8], epilogue: QEpilogue, top: u16) -> QEpilogue {
    match absorbed(weights, &epilogue) {
        Some(absorbed) if bounds::prove(weights, &absorbed, top).is_ok() => absorbed,
        _ => epilogue,
    }
}

fn absorbed(weights: &[i8], epilogue: &QEpilogue) -> Option<QEpilogue> {
    let bias = epilogue.bias.as_ref()?;
    let mut absorbed = QEpilogue { bias: None, ..epilogue.clone() };
    let row = weights.len().checked_div(bias.len())?.max(1);
    let mut squares = 0.0;
    for (o, (&bias, weights)) in bias.iter().zip(weights.chunks(row)).enumerate() {
        let (step, start) = (f64::from(epilogue.multiplier[o]), f64::from(epilogue.offset[o]));
        if weights.iter().all(|&w| w == 0) {
            let value = start * step + f64::from(bias);
            absorbed.multiplier[o] = (value / f64::from(CONSTANT)) as f32;
            absorbed.offset[o] = CONSTANT;
            continue;
        }
        // The steepest part of the hard-swish is that before `v` reaches `2·half`.
        let slope = match &epilogue.activation {
            QActivation::Linear => 1.0,
            QActivation::HardSwish { half, .. } => 3.0 * f64::from(half[o]),
        };
        let steps = (f64::from(bias) / step).round_ties_even();
        let moved = (steps * step - f64::from(bias)).abs() * slope;
        // Not a number where the step is zero.
        if !(moved <= MOST && (start + steps).abs() < f64::from(i32::MAX)) {
            return None;
        }
        squares += moved * moved;
        absorbed.offset[o] = (start + steps) as i32;
    }
    (squares <= MOVED * MOVED * bias.len() as f64).then_some(absorbed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epilogue(multiplier: f32, bias: f32, activation: QActivation) -> QEpilogue {
        QEpilogue {
            offset: vec![-100],
            multiplier: vec![multiplier],
            bias: Some(vec![bias]),
            residual: None,
            activation,
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    #[test]
    fn silent_channels_have_no_weights() {
        let weights = [100, -100, 100, -100];
        assert_eq!(without_silent(&weights, &[1e-9, 1e-6], 255, &[0.02, 0.02]), [0, 0, 100, -100]);
    }

    #[test]
    fn a_bias_of_fine_steps_is_a_start() {
        let start = from_bias(&[127; 9], epilogue(0.01, 12.344, QActivation::Linear), 255);
        assert_eq!((start.bias, start.offset), (None, vec![1134]));
    }

    #[test]
    fn a_bias_of_coarse_steps_stays() {
        let coarse = epilogue(0.1, 12.34, QActivation::Linear);
        assert_eq!(from_bias(&[127; 9], coarse.clone(), 255), coarse);
        // 0.004 in v, where y grows by 27 codes for each unit.
        let steep = epilogue(0.01, 12.344, QActivation::HardSwish { half: vec![9.0], zero: vec![0.0] });
        assert_eq!(from_bias(&[127; 9], steep.clone(), 255), steep);
        let far = epilogue(1e-9, 200.0, QActivation::Linear);
        assert_eq!(from_bias(&[127; 9], far.clone(), 255), far);
    }

    #[test]
    fn a_channel_without_weights_keeps_its_value() {
        let start = from_bias(&[0; 9], epilogue(0.5, 62.3, QActivation::Linear), 255);
        assert_eq!(start.bias, None);
        assert!((f64::from(start.offset[0]) * f64::from(start.multiplier[0]) - 12.3).abs() < 1e-5);
    }
}
