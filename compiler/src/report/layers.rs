//! The table of layers: what each runs, what it costs.

use super::Contents;
use crate::roofline::timing::{Layer, Timing};
use crate::units::bytes;
use serde::Serialize;

/// All layers.
#[derive(Debug, Serialize)]
pub struct Layers {
    rows: Vec<Row>,
    /// Whether they have times.
    timed: bool,
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
    gmacs: String,
    roofline: String,
}

/// Every step of the plan, with its share of the time, if it was timed.
pub fn layers(contents: &Contents<'_>, timing: Option<&Timing>) -> Layers {
    let (plan, q) = (contents.plan, &contents.work.q);
    let whole = timing.map_or(0.0, |timing| timing.whole().median_ns);
    let rows = plan.steps.iter().enumerate().map(|(index, step)| {
        let shape = q.tensor(step.tensor).shape;
        let macs = step.kernel.macs();
        let size = step.kernel.weights();
        // Whichever kernels were timed, they have the same steps.
        let time = timing.and_then(|timing| timing.layers.get(index));
        let told = |text: fn(&Layer) -> String| time.map_or_else(String::new, text);
        Row {
            index,
            opens: index > 0 && plan.steps[index - 1].block != step.block,
            name: step.name.clone(),
            kernel: step.kernel.name(),
            shape: format!("{} × {} × {}", shape.height, shape.width, shape.channels),
            macs: if macs > 0 { format!("{:.3}", macs as f64 / 1e6) } else { String::new() },
            weights: if size > 0 { bytes(size as u64) } else { String::new() },
            share: time.map_or(0.0, |layer| (1000.0 * layer.median_ns / whole.max(1.0)).round() / 10.0),
            micros: told(|layer| format!("{:.1}", layer.median_ns / 1e3)),
            gmacs: told(|layer| layer.gmacs().map_or_else(String::new, |gmacs| format!("{gmacs:.0}"))),
            roofline: told(|layer| format!("{:.0} %", 100.0 * layer.share())),
        }
    });
    Layers { rows: rows.collect(), timed: timing.is_some() }
}
