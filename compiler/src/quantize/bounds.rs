//! The proof that no accumulator leaves i32 and no rescaled value leaves the range where conversions agree (eq. 8, 13).

use crate::qgraph::{QActivation, QEpilogue};
use bakelite_runtime::layer::FINE_TOP;

/// Below this, converting before clamping equals clamping before converting on every instruction set (eq. 13).
const RESCALED: f64 = (1u64 << 30) as f64;

/// Checks every output channel: `rows` are the weights of each, `top` the largest input code. Returns what is wrong.
pub fn prove(weights: &[i8], epilogue: &QEpilogue, top: u16) -> Result<(), String> {
    let outputs = epilogue.offset.len();
    let row = (weights.len() / outputs.max(1)).max(1);
    for (o, weights) in weights.chunks(row).enumerate() {
        let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
        // The dot product kernels see codes shifted by −128; |x − 128| ≤ 128 ≤ top keeps this bound true for them.
        let offset = i64::from(epilogue.offset[o]);
        let reach = offset.abs() + sum * i64::from(top.max(255));
        let shifted = offset.abs() + 2 * sum * 128;
        if reach.max(shifted) >= 1 << 31 {
            return Err(format!("output channel {o}: the accumulator may reach {reach}, beyond 2^31"));
        }
        rescaled(epilogue, o, reach as f64)?;
    }
    Ok(())
}

/// The same of a pointwise convolution behind a gate, whose weights are made anew in −127…127 for gates within 0…1.
pub fn prove_gated(weights: &[i8], columns: &[f32], epilogue: &QEpilogue) -> Result<(), String> {
    let k = columns.len().max(1);
    let reach = k as f64 * 127.0 * 255.0;
    if reach >= (1u64 << 31) as f64 {
        return Err(format!("{k} input channels: the accumulator may reach {reach:e}, beyond 2^31"));
    }
    for (o, row) in weights.chunks(k).enumerate() {
        let most = row.iter().zip(columns).map(|(&w, &a)| f64::from(w).abs() * f64::from(a)).fold(0.0, f64::max);
        // A step is worth no more than twice that: the largest product of 16 bits is at least 1 where it is not 0, of at least 1/2.
        rescaled(epilogue, o, reach * 2.0 * most / 127.0)?;
    }
    Ok(())
}

/// `|y| < 2^30` for an accumulator of at most `reach`.
fn rescaled(epilogue: &QEpilogue, o: usize, reach: f64) -> Result<(), String> {
    let top = if epilogue.fine_residual { f64::from(FINE_TOP) } else { 255.0 };
    let residual = epilogue.residual.as_ref().map_or(0.0, |r| f64::from(r[o]).abs() * top);
    let bias = epilogue.bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]).abs());
    let v = reach * f64::from(epilogue.multiplier[o]).abs() + bias + residual;
    let y = match &epilogue.activation {
        QActivation::Linear => v,
        QActivation::HardSwish { half, zero } => {
            let half = f64::from(half[o]).abs();
            (v + half) * 2.0 * half + f64::from(zero[o])
        }
    };
    if y.is_finite() && y < RESCALED {
        Ok(())
    } else {
        Err(format!("output channel {o}: the rescaled value may reach {y:e}, beyond 2^30"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epilogue(multiplier: f32) -> QEpilogue {
        QEpilogue {
            offset: vec![0],
            multiplier: vec![multiplier],
            bias: None,
            residual: None,
            activation: QActivation::Linear,
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    #[test]
    fn the_largest_pointwise_layer_is_safe() {
        assert_eq!(prove(&vec![127; 1280], &epilogue(1e-3), 255), Ok(()));
    }

    #[test]
    fn names_the_channel_that_overflows() {
        let error = prove(&vec![127; 70_000], &epilogue(1e-9), 255).unwrap_err();
        assert!(error.contains("output channel 0") && error.contains("2^31"), "{error}");
        let error = prove(&[127; 1000], &epilogue(1e6), 255).unwrap_err();
        assert!(error.contains("2^30"), "{error}");
    }
}
