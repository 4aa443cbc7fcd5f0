//! What Arm cores would take, layer by layer: an estimate ([`crate::cost`]).

use crate::cost::{Estimate, Layer};
use serde::Serialize;

/// A table for an instruction set.
#[derive(Debug, Serialize)]
pub struct Cores {
    kernels: &'static str,
    /// Names of cores, a column of cycles each.
    cores: Vec<String>,
    rows: Vec<Row>,
    total: Amounts,
    /// Of the networks that had no part in the fit.
    worst: String,
    left_out: String,
    /// Kernels without an estimate.
    unknown: String,
}

/// A layer.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kernel: &'static str,
    amounts: Amounts,
    /// Instructions, in percent of all.
    share: f64,
}

/// In thousands.
#[derive(Debug, Serialize)]
struct Amounts {
    instructions: String,
    cycles: Vec<String>,
}

/// The table.
pub fn cores(estimate: &Estimate) -> Cores {
    let cores: Vec<String> = estimate.cycles.keys().cloned().collect();
    let thousands = |amount: f64| format!("{:.0}", amount / 1e3);
    let row = |layer: &Layer| {
        let instructions = layer.instructions.map_or_else(|| "–".to_owned(), thousands);
        let cycles =
            cores.iter().map(|core| layer.cycles.get(core).map_or_else(|| "–".to_owned(), |&it| thousands(it)));
        let share = layer.instructions.unwrap_or(0.0) / estimate.instructions.max(1.0);
        Row {
            name: layer.name.clone(),
            kernel: layer.kernel,
            amounts: Amounts { instructions, cycles: cycles.collect() },
            share: (1000.0 * share).round() / 10.0,
        }
    };
    Cores {
        kernels: estimate.kernels,
        rows: estimate.layers.iter().map(row).collect(),
        total: Amounts {
            instructions: thousands(estimate.instructions),
            cycles: estimate.cycles.values().map(|&it| thousands(it)).collect(),
        },
        cores,
        worst: format!("{:.1} %", estimate.worst_percent()),
        left_out: estimate.error.left_out.keys().cloned().collect::<Vec<_>>().join(", "),
        unknown: estimate.unknown.join(", "),
    }
}
