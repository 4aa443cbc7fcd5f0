//! The bias of a convolution as whole steps of its accumulator: one sum less for every output (eq. 9).
//!
//! `acc·m + b = (acc + b/m)·m`. A step is `m` codes, some thousandths where weights use their range, so that rounding `b/m`
//! moves next to nothing. Where it would move a channel by more than 1/64 of a code, or the accumulator has no room, the layer
//! keeps its bias.

use super::bounds;
use crate::qgraph::{QActivation, QEpilogue};

/// Codes by which rounding may move an output: a twentieth of what rounding the output itself does (`1/√12`).
const MOVED: f64 = 1.0 / 64.0;

/// Where the accumulator of a channel without weights starts: nothing is added, so any step will do.
const CONSTANT: i32 = 1 << 12;

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
        if !(moved <= MOVED && (start + steps).abs() < f64::from(i32::MAX)) {
            return None;
        }
        absorbed.offset[o] = (start + steps) as i32;
    }
    Some(absorbed)
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
        }
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
