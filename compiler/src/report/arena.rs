//! The arena over time: steps to the right, offsets upwards, one rectangle per tensor's life.
//!
//! ```text
//! offset │      ┌───────┐           The three sections lie above each other as in `ArenaLen::bytes`:
//!        │ ┌────┤ block │ ┌───┐     maps of u8, then wide codes of u16, then reals.
//!        │ │stem│       ├─┘   │
//!        └─┴────┴───────┴─────┴──► step
//! ```

use super::page::round;
use crate::plan::{Plan, Slot};
use crate::qgraph::{QGraph, TensorId};
use crate::units::bytes;
use serde::Serialize;

/// The drawing's size in its own units, without the axes' room.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 320.0;

/// Nothing is drawn thinner: a vector of a few bytes is to be seen and hovered.
const THINNEST: f64 = 1.5;

/// The drawing.
#[derive(Debug, Serialize)]
pub struct Arena {
    width: f64,
    height: f64,
    lives: Vec<Life>,
    /// Marks of the axes.
    offsets: Vec<Mark>,
    steps: Vec<Mark>,
    /// The step with the largest sum of living maps.
    peak: Mark,
    peak_width: f64,
}

/// A tensor or scratch buffer, for as long as it lives.
#[derive(Debug, PartialEq, Serialize)]
struct Life {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Kernel that makes it, or `scratch`.
    class: &'static str,
    title: String,
}

/// A mark of an axis.
#[derive(Debug, Serialize)]
struct Mark {
    at: f64,
    text: String,
}

/// Draws the arena of `plan`, whose steps are the nodes of `q`.
pub fn arena(q: &QGraph, plan: &Plan) -> Arena {
    let step_width = WIDTH / plan.steps.len().max(1) as f64;
    let total = plan.arena.bytes().max(1);
    let scale = HEIGHT / total as f64;
    let rectangle = |slot: &Slot, born: usize, dies: usize, class, title: String| {
        let (start, len) = place(plan, slot)?;
        let height = (len as f64 * scale).max(THINNEST);
        Some(Life {
            x: round(born as f64 * step_width),
            y: round(HEIGHT - start as f64 * scale - height),
            width: round((dies + 1 - born) as f64 * step_width),
            height: round(height),
            class,
            title,
        })
    };
    let mut lives = Vec::new();
    for band in &plan.bands {
        let title = format!(
            "between steps {} and {}, {} rows at a time",
            band.choice.first,
            band.choice.last(),
            band.choice.rows
        );
        lives.extend(rectangle(&band.scratch, band.choice.first, band.choice.last(), "scratch", title));
    }
    for (made, step) in plan.steps.iter().enumerate() {
        let tensor = q.tensor(step.tensor);
        let read = last_reader(q, step.tensor).unwrap_or(made).max(made);
        let (born, dies) = (plan.together(made).start, plan.together(read).end - 1);
        let shape = tensor.shape;
        let rows = if plan.within_band(made) { ", some rows at a time" } else { "" };
        let title = format!(
            "{}: {} × {} × {}, {}{rows}, made by {} ({}) in step {made}, last read in step {read}",
            tensor.name,
            shape.height,
            shape.width,
            shape.channels,
            bytes(tensor.bytes() as u64),
            step.name,
            step.kernel.name()
        );
        lives.extend(rectangle(&step.output, born, dies, step.kernel.name(), title));
        if let Some(scratch) = &step.scratch {
            let title = format!("scratch of {} in step {made}", step.name);
            lives.extend(rectangle(scratch, made, made, "scratch", title));
        }
    }
    let quarter = |i: usize| Mark { at: round(HEIGHT * (1.0 - i as f64 / 4.0)), text: bytes((total * i / 4) as u64) };
    let every = (plan.steps.len() / 12).max(1).next_multiple_of(5);
    Arena {
        width: WIDTH,
        height: HEIGHT,
        lives,
        offsets: (0..=4).map(quarter).collect(),
        steps: (0..plan.steps.len())
            .step_by(every)
            .map(|step| Mark { at: round((step as f64 + 0.5) * step_width), text: step.to_string() })
            .collect(),
        peak: Mark {
            at: round(plan.peak.1 as f64 * step_width),
            text: format!("largest sum of living maps: step {}, {}", plan.peak.1, bytes(plan.peak.0 as u64)),
        },
        peak_width: round(step_width),
    }
}

/// First byte and length in bytes of what lies in the arena.
fn place(plan: &Plan, slot: &Slot) -> Option<(usize, usize)> {
    let wide = plan.arena.maps;
    let reals = wide + 2 * plan.arena.wide;
    match *slot {
        Slot::Map { start, len } => Some((start, len)),
        Slot::Wide { start, len } => Some((wide + 2 * start, 2 * len)),
        Slot::Real { start, len } => Some((reals + 4 * start, 4 * len)),
        Slot::Image | Slot::Output => None,
    }
}

/// The last node that reads a tensor.
fn last_reader(q: &QGraph, id: TensorId) -> Option<usize> {
    q.nodes.iter().rposition(|node| node.inputs.contains(&id))
}
