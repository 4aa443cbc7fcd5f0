//! The bands of a plan: a constant that lists the layers of each, and its call.

use super::calls::pieces_of;
use super::layers::constant_name;
use crate::plan::{Band, Kernel, Plan, Slot};

/// `B03` of the band that begins with step 3.
fn name(band: &Band) -> String {
    format!("B{:02}", band.choice.first)
}

/// Its constant.
pub fn constant(plan: &Plan, band: &Band) -> String {
    let layer = |(index, width): (usize, &usize)| match &plan.steps[index].kernel {
        Kernel::Pointwise { .. } => format!("Layer::Pointwise(&{}, {width})", constant_name(index)),
        Kernel::Depthwise { .. } => format!("Layer::Depthwise(&{})", constant_name(index)),
        _ => format!("Layer::Convolution(&{})", constant_name(index)),
    };
    let layers: Vec<String> = band.choice.steps().zip(&band.choice.widths).map(layer).collect();
    format!(
        "\n/// {rows} rows at a time.\npub static {}: Band<'static> = Band {{ layers: &[{}], rows: {rows} }};\n",
        name(band),
        layers.join(", "),
        rows = band.choice.rows,
    )
}

/// The call of a band.
pub fn call(plan: &Plan, band: &Band, isa: &str) -> String {
    let steps = &plan.steps[band.choice.steps()];
    let (x, second) = (steps[0].inputs.first(), steps.iter().find_map(|step| step.inputs.get(1)));
    // What is added may be what the band begins with.
    let again = second.is_some() && second == x;
    let mut pieces = Vec::new();
    for (slot, name) in [
        (x, "x"),
        (second.filter(|_| !again), "second"),
        (Some(&band.scratch), "scratch"),
        (Some(&steps[steps.len() - 1].output), "y"),
    ] {
        if let Some(&Slot::Map { start, len }) = slot {
            pieces.push((name, start, len));
        }
    }
    let input = if x == Some(&Slot::Image) { "image" } else { "&*x" };
    let added = match (again, second) {
        (true, _) => input,
        (false, Some(Slot::Image)) => "image",
        (false, Some(_)) => "&*second",
        (false, None) => "&[]",
    };
    let own = band.scratch.bytes();
    format!(
        "{}    band::band::<_, {own}>({isa}, team, &layers::{}, [{input}, {added}], scratch, y);\n",
        pieces_of("maps", &pieces),
        name(band)
    )
}
