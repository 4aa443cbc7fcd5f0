//! What a network costs on Arm cores that are not at hand: executed instructions and cycles of every layer, estimated.
//!
//! ```text
//! instructions of a layer = Σ coefficient · feature                    features: what its loops count ([`features`])
//! cycles on a core        = instructions · cycles per instruction      of the kernel's own code, as a model of the core schedules it
//! ```
//!
//! The coefficients are data, `specs/costs/*.yaml`, one file for each instruction set. `compiler/scripts/fit_arm_cost.py` writes them: an
//! emulator counts what each layer of several networks executes, the coefficients are those that explain the counts best, and a network
//! that was left out says how far off they are. Cycles per instruction are those of the code that was executed, block by block, in
//! `llvm-mca`'s models of cores: everything in the first cache and every jump foreseen, so they are a lower bound, good to compare layers
//! and cores rather than to promise milliseconds.

pub mod features;

use crate::error::Result;
use crate::plan::{Plan, Step};
use crate::specs::{self, Source, builtin};
use bakelite_runtime::isa::Level;
use features::features;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was fitted for an instruction set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Costs {
    /// Instructions per unit of each feature, by kernel.
    pub instructions: BTreeMap<String, BTreeMap<String, f64>>,
    /// Cycles per instruction of each kernel's code, by core.
    pub cycles_per_instruction: BTreeMap<String, BTreeMap<String, f64>>,
    /// How far the estimate of a whole network is off, in percent, by network.
    pub error: Errors,
}

/// Estimated less counted, in percent of counted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Errors {
    /// Of the networks that were fitted.
    pub fitted: BTreeMap<String, f64>,
    /// Of those that were not.
    pub left_out: BTreeMap<String, f64>,
}

/// The estimate for a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Name of the instruction set.
    pub kernels: &'static str,
    /// How far off it was on networks that had no part in the fit.
    pub error: Errors,
    /// Every step, in order.
    pub layers: Vec<Layer>,
    /// Executed instructions of all layers that have an estimate.
    pub instructions: f64,
    /// Cycles of the same, by core.
    pub cycles: BTreeMap<String, f64>,
    /// Kernels of layers without an estimate: they were in no network that was counted.
    pub unknown: Vec<&'static str>,
}

/// A layer.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its kernel.
    pub kernel: &'static str,
    /// What its loops count.
    pub features: BTreeMap<&'static str, f64>,
    /// Executed instructions; none where its kernel was never counted.
    pub instructions: Option<f64>,
    /// Cycles, by core.
    pub cycles: BTreeMap<String, f64>,
}

impl Costs {
    /// Those of an instruction set; `None` where nothing was fitted: an estimate is for machines that are not at hand.
    ///
    /// # Errors
    /// Where the file is broken.
    pub fn of(level: Level) -> Result<Option<Self>> {
        let Some((name, text)) = builtin::COSTS.iter().find(|(name, _)| *name == level.name()) else { return Ok(None) };
        let source = Source { name: (*name).into(), origin: format!("costs `{name}`"), text: (*text).into() };
        specs::parse(&source).map(Some)
    }

    /// Executed instructions of a kernel whose loops count this much.
    fn instructions(&self, kernel: &str, features: &BTreeMap<&'static str, f64>) -> Option<f64> {
        let coefficients = self.instructions.get(kernel)?;
        Some(features.iter().map(|(name, amount)| amount * coefficients.get(*name).copied().unwrap_or(0.0)).sum())
    }

    fn layer(&self, level: Level, step: &Step) -> Layer {
        let features = features(level, step);
        let kernel = step.kernel.name();
        let instructions = self.instructions(kernel, &features);
        let on = |(core, kernels): (&String, &BTreeMap<String, f64>)| {
            Some((core.clone(), instructions? * kernels.get(kernel)?))
        };
        let cycles = self.cycles_per_instruction.iter().filter_map(on).collect();
        Layer { name: step.name.clone(), kernel, features, instructions, cycles }
    }
}

/// The estimate for a plan; `None` for instruction sets of machines that can be measured.
///
/// # Errors
/// Where the data are broken.
pub fn estimate(plan: &Plan) -> Result<Option<Estimate>> {
    let Some(costs) = Costs::of(plan.level)? else { return Ok(None) };
    let layers: Vec<Layer> = plan.steps.iter().map(|step| costs.layer(plan.level, step)).collect();
    let mut cycles: BTreeMap<String, f64> = BTreeMap::new();
    for (core, amount) in layers.iter().flat_map(|layer| &layer.cycles) {
        *cycles.entry(core.clone()).or_default() += amount;
    }
    let mut unknown: Vec<&str> = plan
        .steps
        .iter()
        .zip(&layers)
        .filter(|(_, layer)| layer.instructions.is_none())
        .map(|(step, _)| step.kernel.name())
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    Ok(Some(Estimate {
        kernels: plan.level.name(),
        error: costs.error,
        instructions: layers.iter().filter_map(|layer| layer.instructions).sum(),
        layers,
        cycles,
        unknown,
    }))
}

impl Estimate {
    /// The largest error among networks that had no part in the fit, in percent.
    pub fn worst_percent(&self) -> f64 {
        self.error.left_out.values().fold(0.0, |worst, error| error.abs().max(worst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fitted_is_complete_and_close() {
        for (name, _) in builtin::COSTS {
            let costs = Costs::of(Level::parse(name).unwrap()).unwrap().unwrap();
            for kernel in ["pointwise", "gated", "depthwise", "convolution", "dense", "mean"] {
                let of = &costs.instructions[kernel];
                assert!(!of.is_empty() && of.values().all(|&it| it >= 0.0), "{name} {kernel}: {of:?}");
                for (core, kernels) in &costs.cycles_per_instruction {
                    assert!((0.1..3.0).contains(&kernels[kernel]), "{name} {kernel} on {core}: {}", kernels[kernel]);
                }
            }
            assert!(!costs.cycles_per_instruction.is_empty() && !costs.error.left_out.is_empty(), "{name}");
            assert!(costs.error.left_out.values().all(|error| error.abs() < 10.0), "{name}: {:?}", costs.error);
        }
        assert!(Costs::of(Level::Avx2).unwrap().is_none());
    }

    #[test]
    fn instructions_are_coefficients_times_features() {
        let coefficients = [("products".to_owned(), 2.0), ("tiles".to_owned(), 10.0)].into();
        let none = Errors { fitted: BTreeMap::new(), left_out: [("a".into(), -3.0), ("b".into(), 2.0)].into() };
        let costs = Costs {
            instructions: [("pointwise".to_owned(), coefficients)].into(),
            cycles_per_instruction: BTreeMap::new(),
            error: none.clone(),
        };
        let features = [("products", 100.0), ("tiles", 3.0), ("layer", 1.0)].into();
        assert_eq!(costs.instructions("pointwise", &features), Some(230.0));
        assert_eq!(costs.instructions("dense", &features), None);
        let estimate = Estimate {
            kernels: "neon",
            error: none,
            layers: Vec::new(),
            instructions: 0.0,
            cycles: BTreeMap::new(),
            unknown: Vec::new(),
        };
        assert_eq!(estimate.worst_percent(), 3.0);
    }
}
