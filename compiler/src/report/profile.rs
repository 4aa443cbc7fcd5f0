//! The time of each layer along the network, beside its products.

use super::network::{self, Amount, Drawing, Head};
use crate::plan::{Plan, Step};
use crate::roofline::timing::{Layer, Timing};
use serde::Serialize;

/// Both drawings, and what they were measured with.
#[derive(Debug, Serialize)]
pub struct Profile {
    /// Kernels that ran.
    kernels: &'static str,
    /// Sum of the layers' medians.
    total: String,
    /// Share of the roofline, all layers together.
    share: String,
    roofline: String,
    time: Drawing,
    macs: Drawing,
}

/// Draws what was timed: every step of `plan`.
pub fn profile(plan: &Plan, timing: &Timing) -> Profile {
    let Timing { roofline, layers } = timing;
    let (steps, whole) = (&plan.steps, timing.whole());
    let name = |step: &Step| format!("{} ({})", step.name, step.kernel.name());
    let time = |(step, layer): (&Step, &Layer)| {
        let micros = layer.median_ns / 1e3;
        let bound = (layer.bound_ns / 1e3).min(micros);
        let title = format!("{}: {micros:.1} µs, {:.0} % of the roofline", name(step), 100.0 * layer.share());
        let class = step.kernel.name();
        (title, vec![(class, false, bound), (class, true, micros - bound)])
    };
    let macs = |(step, layer): (&Step, &Layer)| -> (String, Vec<Amount>) {
        let millions = layer.macs as f64 / 1e6;
        let speed = layer.gmacs().map_or_else(String::new, |gmacs| format!(", {gmacs:.0} GMAC/s"));
        let title = format!("{}: {millions:.3} M multiply-accumulates{speed}", name(step));
        (title, vec![(step.kernel.name(), false, millions)])
    };
    let slowest = steps.iter().zip(layers).max_by(|a, b| a.1.median_ns.total_cmp(&b.1.median_ns));
    let slowest = slowest.map_or_else(String::new, |(step, layer)| {
        format!("; the longest is {:.1} µs at {}", layer.median_ns / 1e3, step.name)
    });
    let description = |slowest: &str| {
        format!("A bar for each of {} steps{slowest}. The table of layers has the numbers.", steps.len())
    };
    let head = Head { id: "time", title: "Microseconds of each layer", unit: "µs", axis: "step" };
    let macs_head = Head { id: "macs", title: "Multiply-accumulates of each layer", unit: "M", axis: "step" };
    Profile {
        kernels: plan.level.name(),
        total: format!("{:.3} ms", whole.median_ns / 1e6),
        share: format!("{:.0} %", 100.0 * whole.share()),
        roofline: roofline.to_string(),
        time: network::bars(head, description(&slowest), steps.iter().zip(layers).map(time).collect()),
        macs: network::bars(macs_head, description(""), steps.iter().zip(layers).map(macs).collect()),
    }
}
