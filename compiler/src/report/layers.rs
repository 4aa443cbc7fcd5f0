//! The table of layers: what each runs, what it costs.

use super::Contents;
use crate::plan::run;
use crate::units::bytes;
use serde::Serialize;

/// How often the network is run to time its layers.
const ROUNDS: usize = 20;

/// All layers.
#[derive(Debug, Serialize)]
pub struct Layers {
    rows: Vec<Row>,
    /// In which kernels they were timed; none if they were not.
    timed_in: Option<&'static str>,
    /// Sum of the layers' medians.
    total: String,
}

/// One layer.
#[derive(Debug, Serialize)]
struct Row {
    index: usize,
    /// First of its block.
    opens: bool,
    name: String,
    kernel: &'static str,
    shape: String,
    macs: String,
    weights: String,
    /// Share of the whole time, in percent.
    share: f64,
    micros: String,
}

/// Every step of the plan, with its share of the time in this process.
pub fn layers(contents: &Contents<'_>) -> Layers {
    let (plan, local, q) = (contents.plan, contents.local, &contents.work.q);
    // Both plans come from the same integer nodes, one step each.
    let times = run::times(local, ROUNDS).map(|times| times.iter().map(|t| run::median(t)).collect::<Vec<f64>>());
    let total: f64 = times.iter().flatten().sum();
    let time = |index: usize| times.as_ref().and_then(|times| times.get(index)).copied();
    let rows = plan.steps.iter().enumerate().map(|(index, step)| {
        let shape = q.tensor(step.tensor).shape;
        let macs = step.kernel.macs();
        let size = step.kernel.weights();
        Row {
            index,
            opens: index > 0 && plan.steps[index - 1].block != step.block,
            name: step.name.clone(),
            kernel: step.kernel.name(),
            shape: format!("{} × {} × {}", shape.height, shape.width, shape.channels),
            macs: if macs > 0 { format!("{:.3}", macs as f64 / 1e6) } else { String::new() },
            weights: if size > 0 { bytes(size as u64) } else { String::new() },
            share: time(index).map_or(0.0, |ns| (1000.0 * ns / total.max(1.0)).round() / 10.0),
            micros: time(index).map_or_else(String::new, |ns| format!("{:.1}", ns / 1e3)),
        }
    });
    Layers {
        rows: rows.collect(),
        timed_in: times.is_some().then(|| local.level.name()),
        total: format!("{:.3} ms", total / 1e6),
    }
}
