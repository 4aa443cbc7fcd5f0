//! What was decided for every layer, and why, for `compile --explain`: kernel, register tile, what is fused, what is idle.
//!
//! With AVX2 also what is *not* used: `vpmaddubsw` multiplies bytes, twice as many as `vpmaddwd` multiplies words, and sums pairs of products
//! in i16 with saturation. A pair of weights `(a, b)` is safe for all codes 0…255 where neither its positive nor its negative weights sum up
//! to more than 128; an instruction has 16 pairs. `bakelite_runtime::isa` (AVX2) says why that is not enough.

use crate::plan::constants::{Bytes, EpilogueSpans};
use crate::plan::{Kernel, Plan, Step};
use bakelite_runtime::isa::Level;
use serde::Serialize;

/// All layers of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The instruction set.
    pub kernels: &'static str,
    /// What multiplies.
    pub instruction: &'static str,
    /// Every step, in order.
    pub layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its kernel.
    pub kernel: &'static str,
    /// Rows and vectors of output channels of the register tile, of matrix products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<[usize; 2]>,
    /// What happens in registers behind the sums, and to the weights.
    pub fused: Vec<&'static str>,
    /// Lanes of vectors of output channels that hold none, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_lanes: Option<f64>,
    /// The last layer that is computed with it, some rows after the other; none where maps are whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_bands_up_to: Option<String>,
    /// Share of its pairs of weights, and of instructions' worth of them, that `vpmaddubsw` would multiply without saturation, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<Safe>,
}

/// Shares in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Safe {
    /// Of pairs.
    pub pairs: f64,
    /// Of instructions, all 16 of whose pairs are safe.
    pub instructions: f64,
}

/// What a plan decided.
pub fn explain(plan: &Plan) -> Explanation {
    let layers = plan.steps.iter().enumerate().map(|(index, step)| {
        let together = plan.together(index);
        let last = plan.steps.get(together.end.saturating_sub(1)).filter(|_| together.len() > 1);
        layer(plan, step, last.map(|step| step.name.clone()))
    });
    Explanation { kernels: plan.level.name(), instruction: instruction(plan.level), layers: layers.collect() }
}

/// What multiplies codes and weights in products of an instruction set.
fn instruction(level: Level) -> &'static str {
    match level {
        Level::Portable => "plain Rust",
        Level::Avx2 => "vpmaddwd, two i16 per lane",
        Level::AvxVnni => "vpdpbusd, four bytes per lane of 256 bits",
        Level::Avx512Vnni => "vpdpbusd, four bytes per lane of 512 bits",
        Level::Neon => "smull, smlal and sadalp, two bytes per i16",
        Level::NeonDot => "sdot, four bytes per lane",
        Level::I8mm => "usmmla, eight bytes of two pixels and two outputs",
        Level::Simd128 => "i32x4.dot_i16x8_s, two i16 per lane",
    }
}

fn layer(plan: &Plan, step: &Step, in_bands_up_to: Option<String>) -> Layer {
    let (mut fused, mut tile, mut outputs, mut safe) = (Vec::new(), None, None, None);
    match &step.kernel {
        Kernel::Pointwise { out_channels, epilogue, tile: chosen, weights, .. } => {
            (tile, outputs) = (Some([chosen.rows, chosen.vectors]), Some(*out_channels));
            fused.extend(behind(epilogue));
            safe = (plan.level == Level::Avx2).then(|| proven(&plan.constants.bytes, *weights));
        }
        Kernel::Gated { out_channels, epilogue, tile: chosen, fine_input, .. } => {
            (tile, outputs) = (Some([chosen.rows, chosen.vectors]), Some(*out_channels));
            fused.push("gate in the weights");
            fused.extend(fine_input.then_some("12-bit input"));
            fused.extend(behind(epilogue));
        }
        Kernel::Depthwise { epilogue, .. } | Kernel::Convolution { epilogue, .. } => fused.extend(behind(epilogue)),
        Kernel::Dense { out_channels, epilogue, reals, .. } => {
            outputs = Some(*out_channels);
            fused.extend(behind(epilogue));
            fused.extend(reals.map(|_| "answers in reals"));
        }
        Kernel::Mean { .. }
        | Kernel::Gate { .. }
        | Kernel::Add { .. }
        | Kernel::Weightless { .. }
        | Kernel::Table { .. }
        | Kernel::MaxPool { .. }
        | Kernel::Softmax { .. } => {}
    }
    let idle = |outputs: usize| {
        let lanes = outputs.next_multiple_of(plan.level.lanes()).max(1);
        100.0 * (lanes - outputs) as f64 / lanes as f64
    };
    Layer {
        name: step.name.clone(),
        kernel: step.kernel.name(),
        tile,
        fused,
        idle_lanes: outputs.map(idle),
        in_bands_up_to,
        safe,
    }
}

/// What an epilogue does besides rescaling.
fn behind(epilogue: &EpilogueSpans) -> impl Iterator<Item = &'static str> {
    [
        epilogue.shift.map(|_| "in 16 bits"),
        epilogue.hard_swish.as_ref().map(|_| "hard-swish"),
        epilogue.residual.as_ref().map(|_| "sum with another map"),
        epilogue.fine.then_some("12-bit output"),
        epilogue.fine_residual.then_some("12-bit summand"),
    ]
    .into_iter()
    .flatten()
}

/// Pairs side by side, as `pack` leaves them for AVX2: `[o / 8][k / 2][8][2]`.
fn proven(bytes: &[u8], weights: Bytes) -> Safe {
    let packed = bytes.get(weights.start..weights.start + weights.len).unwrap_or(&[]);
    let is_safe = |pair: &[u8; 2]| {
        let [a, b] = pair.map(|byte| i32::from(byte as i8));
        a.max(0) + b.max(0) <= 128 && a.min(0) + b.min(0) >= -128
    };
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let (pairs, _) = packed.as_chunks::<2>();
    let (instructions, _) = packed.as_chunks::<32>();
    let whole = |bytes: &&[u8; 32]| bytes.as_chunks::<2>().0.iter().all(is_safe);
    Safe {
        pairs: share(pairs.iter().filter(|pair| is_safe(pair)).count(), pairs.len()),
        instructions: share(instructions.iter().filter(whole).count(), instructions.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_safe_up_to_what_saturates() {
        let share = |weights: &[i8]| {
            let bytes: Vec<u8> = weights.iter().map(|&w| w as u8).collect();
            proven(&bytes, Bytes { start: 0, len: bytes.len() })
        };
        // 255 · 128 = 32640 fits into i16, 255 · 129 does not; opposite signs never add up.
        for (pair, safe) in
            [([64, 64], true), ([64, 65], false), ([-127, -1], true), ([-127, -2], false), ([127, -127], true)]
        {
            let sum = |x: i32, y: i32| x * i32::from(pair[0]) + y * i32::from(pair[1]);
            let extremes = [sum(255, 255), sum(255, 0), sum(0, 255)];
            assert_eq!(extremes.iter().all(|&s| i16::try_from(s).is_ok()), safe, "{pair:?}");
            assert_eq!(share(&pair).pairs, if safe { 100.0 } else { 0.0 }, "{pair:?}");
        }
        let mut two = [1i8; 64];
        two[40] = 127;
        two[41] = 127;
        assert_eq!(share(&two), Safe { pairs: 100.0 * 31.0 / 32.0, instructions: 50.0 });
    }
}
