//! `compile --explain`: what was decided for every layer.

use super::{line, table};
use crate::error::Result;
use crate::explain::{Explanation, Layer};

/// A table of the layers, for each instruction set.
///
/// # Errors
/// Where it cannot be printed.
pub fn show(explanations: &[Explanation]) -> Result<()> {
    for explanation in explanations {
        line(format!("kernels {}: products by {}", explanation.kernels, explanation.instruction))?;
        let proven = explanation.layers.iter().any(|layer| layer.safe.is_some());
        let mut head = vec!["layer", "kernel", "tile", "idle lanes", "fused", "in bands up to"];
        head.extend(proven.then_some("safe in i16: pairs, instructions"));
        let mut t = table::new(&head);
        for layer in &explanation.layers {
            let mut cells = cells(layer);
            if proven {
                let safe = layer.safe.map(|safe| format!("{:.1} %, {:.0} %", safe.pairs, safe.instructions));
                cells.push(safe.unwrap_or_default());
            }
            table::row(&mut t, &cells);
        }
        line(&t)?;
    }
    line("tile: rows × vectors of output channels that are summed in registers; `bakelite tune` looks for quicker ones")
}

fn cells(layer: &Layer) -> Vec<String> {
    vec![
        layer.name.clone(),
        layer.kernel.to_owned(),
        layer.tile.map(|[rows, vectors]| format!("{rows} × {vectors}")).unwrap_or_default(),
        layer.idle_lanes.map(|idle| format!("{idle:.0} %")).unwrap_or_default(),
        layer.fused.join(", "),
        layer.in_bands_up_to.clone().unwrap_or_default(),
    ]
}
