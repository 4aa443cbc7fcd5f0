//! The factors of a convolution as whole numbers of 16 bits (eq. 43–46).
//!
//! `u = acc · 2^shift / 2^16 · multiplier / 2^15`, so a factor `f` of the accumulator is `multiplier = f · 2^(31 − shift)`, rounded. A small
//! multiplier is coarse, a large one leaves few steps of `t` to a step of `u`: each channel has the shift between. Where a channel has none, the layer
//! stays in f32.

use super::bounds;
use crate::qgraph::{QActivation, QEpilogue};

/// Multipliers of linear layers are at least this: rounding them moves a channel's scale by less than a two-thousandth, and `t` has 16 to 32
/// steps for a code, so that it adds less than half a percent to the error of a rounded code.
const LINEAR: f64 = 1024.0;

/// `half` is at most this: twice as much stays in 16 bits.
const HALF: f64 = 16_383.0;

/// Multipliers are at most this.
const MOST: f64 = 32_767.0;

/// Codes that a step of `u` may be with a hard-swish.
const COARSEST: f64 = 0.25;

/// A channel in 16 bits.
struct Channel {
    shift: i32,
    multiplier: f64,
    offset: i32,
    /// `half` and `zero`.
    hard_swish: Option<[f64; 2]>,
}

/// The epilogue by way of 16 bits, or as it is where it cannot be. `weights` are those of each output channel, `top` is the largest input code.
pub fn in_sixteen_bits(weights: &[i8], epilogue: QEpilogue, top: u16) -> QEpilogue {
    fixed(weights, &epilogue, top).unwrap_or(epilogue)
}

fn fixed(weights: &[i8], epilogue: &QEpilogue, top: u16) -> Option<QEpilogue> {
    if epilogue.bias.is_some() || epilogue.residual.is_some() || epilogue.fine {
        return None;
    }
    let outputs = epilogue.offset.len();
    let row = weights.len().checked_div(outputs)?.max(1);
    let channels: Option<Vec<Channel>> =
        weights.chunks(row).enumerate().map(|(o, weights)| channel(weights, epilogue, o)).collect();
    let channels = channels.filter(|channels| channels.len() == outputs)?;
    let offset: Vec<i32> = channels.iter().map(|channel| channel.offset).collect();
    // Half a step more: there may be no room for it.
    bounds::prove(weights, &QEpilogue { offset: offset.clone(), ..epilogue.clone() }, top).ok()?;
    let of_hard_swish = |i: usize| channels.iter().map(|of| of.hard_swish.map_or(0.0, |both| both[i]) as f32).collect();
    Some(QEpilogue {
        offset,
        multiplier: channels.iter().map(|channel| channel.multiplier as f32).collect(),
        activation: match &epilogue.activation {
            QActivation::Linear => QActivation::Linear,
            QActivation::HardSwish { .. } => QActivation::HardSwish { half: of_hard_swish(0), zero: of_hard_swish(1) },
        },
        shift: Some(channels.iter().map(|channel| channel.shift).collect()),
        ..epilogue.clone()
    })
}

/// Output channel `o`, or `None` if no shift is good enough.
fn channel(weights: &[i8], epilogue: &QEpilogue, o: usize) -> Option<Channel> {
    let (step, start) = (f64::from(epilogue.multiplier[o]), epilogue.offset[o]);
    // `v · unit = u`, and the least multiplier with which `t` reaches all codes.
    let (unit, least, hard_swish) = match &epilogue.activation {
        QActivation::Linear => (1.0, LINEAR, None),
        QActivation::HardSwish { half, zero } => {
            let (half, zero) = (f64::from(half[o]), f64::from(zero[o]).round());
            // y = (u − half)·c / 2^15 where y = (v − half)·c in f32: both factors have the root of 2^15 for their unit.
            let whole = (half * f64::from(1 << 15).sqrt()).round();
            // Where y is the largest code: (u − half)·u up to 2·half, (u − half)·2·half beyond; and by how much y grows there with u.
            let top = (255.0 - zero) * f64::from(1 << 15);
            let (most, slope) = if top < 2.0 * whole * whole {
                let root = (whole * whole + 4.0 * top).sqrt();
                ((whole + root) / 2.0, root)
            } else {
                (whole + top / (2.0 * whole), 2.0 * whole)
            };
            if !(1.0..=HALF).contains(&whole) || slope > COARSEST * f64::from(1 << 15) {
                return None;
            }
            (whole / half, most + 1.0, Some([whole, zero]))
        }
    };
    if weights.iter().all(|&w| w == 0) {
        // All of the accumulator is its start: in quarters of u.
        let u = (f64::from(start) * step * unit).round().clamp(-8191.0, 8191.0);
        return Some(Channel { shift: 16, multiplier: 8192.0, offset: 4 * u as i32, hard_swish });
    }
    let multiplier = |shift: i32| (step * unit * 2f64.powi(31 - shift)).round();
    // At 16, no step of the accumulator is lost.
    let shift = (0..=16).rev().find(|&shift| multiplier(shift) >= least)?;
    // `t` is rounded down; with half a step before, to the nearest.
    let below = if shift < 16 { 1 << (15 - shift) } else { 0 };
    let offset = start.checked_add(below)?;
    (multiplier(shift) <= MOST).then_some(Channel { shift, multiplier: multiplier(shift), offset, hard_swish })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epilogue(multiplier: f32, offset: i32, activation: QActivation) -> QEpilogue {
        QEpilogue {
            offset: vec![offset],
            multiplier: vec![multiplier],
            bias: None,
            residual: None,
            activation,
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    /// Eq. 43 and 44.
    fn u(epilogue: &QEpilogue, acc: i32) -> f64 {
        let shift = epilogue.shift.as_ref().map_or(0, |shift| shift[0]);
        let t = ((i64::from(acc + epilogue.offset[0]) << shift) >> 16).clamp(-32768, 32767);
        (((t * epilogue.multiplier[0] as i64) + (1 << 14)) >> 15) as f64
    }

    #[test]
    fn codes_are_those_of_the_factor() {
        for factor in [0.9, 0.4, 0.03, 0.0071, 1.3e-4, 2e-6] {
            let fixed = in_sixteen_bits(&[100; 9], epilogue(factor, 0, QActivation::Linear), 255);
            assert!(fixed.shift.is_some(), "{factor}");
            for code in [0.0, 1.0, 77.3, 128.0, 254.0] {
                let acc = (code / f64::from(factor)).round();
                let right = acc * f64::from(factor);
                assert!((u(&fixed, acc as i32) - right).abs() < 0.7, "{factor}: {right}");
            }
            assert!(u(&fixed, i32::MAX / 4) >= 255.0, "{factor}");
        }
    }

    #[test]
    fn a_hard_swish_reaches_all_codes() {
        // Codes of 0.04, up to 10.
        let half = 3.0 * (1.0f32 / (6.0 * 0.04)).sqrt();
        let activation = QActivation::HardSwish { half: vec![half], zero: vec![9.0] };
        let fixed = in_sixteen_bits(&[100; 9], epilogue(0.002, 50, activation), 255);
        let QActivation::HardSwish { half: whole, zero } = &fixed.activation else { panic!() };
        assert_eq!((whole[0].fract(), zero[0]), (0.0, 9.0));
        for acc in [-5000, 0, 1234, 4321, 9000] {
            let v = f64::from(acc + 50) * 0.002;
            let right = (v - f64::from(half)) * v.clamp(0.0, 2.0 * f64::from(half)) + 9.0;
            let (u, whole) = (u(&fixed, acc), f64::from(whole[0]));
            let y = (u - whole) * u.clamp(0.0, 2.0 * whole) / 32768.0 + 9.0;
            assert!((y - right).abs() < 0.2, "{acc}: {y}, not {right}");
        }
    }

    #[test]
    fn what_has_no_good_factor_stays() {
        for factor in [1.5, 1e-10] {
            let coarse = epilogue(factor, 0, QActivation::Linear);
            assert_eq!(in_sixteen_bits(&[100; 9], coarse.clone(), 255), coarse);
        }
        let biased = QEpilogue { bias: Some(vec![1.0]), ..epilogue(0.01, 0, QActivation::Linear) };
        assert_eq!(in_sixteen_bits(&[100; 9], biased.clone(), 255), biased);
    }

    #[test]
    fn a_channel_without_weights_keeps_its_value() {
        let fixed = in_sixteen_bits(&[0; 9], epilogue(-13.0 / 4096.0, 4096, QActivation::Linear), 255);
        assert_eq!(u(&fixed, 0), -13.0);
    }
}
