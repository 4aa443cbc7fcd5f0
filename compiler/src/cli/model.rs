//! `model`: a float network from an architecture's table.

use super::arguments::ModelFileArguments;
use super::{line, output, print_json};
use crate::error::{Result, Stage};
use crate::model::{self, Options};
use crate::specs::architecture;

/// `bakelite model`.
pub fn model(arguments: &ModelFileArguments) -> Result<()> {
    let spec = architecture::load(&arguments.architecture)?;
    let options = Options {
        width: arguments.width,
        minimalistic: arguments.minimalistic,
        size: arguments.size,
        classes: arguments.classes,
        seed: arguments.seed,
        ..Options::default()
    };
    let model = model::write(&spec, &options)?;
    output::write(Stage::Model, &arguments.out, &model.bytes()?)?;
    let (height, width) = model.size;
    if arguments.json {
        return print_json(&serde_json::json!({
            "architecture": model.name,
            "input": [height, width, 3],
            "classes": model.classes,
            "parameters": model.parameters,
            "macs": model.macs,
            "seed": options.seed,
            "file": arguments.out,
        }));
    }
    line(format!(
        "{}, {height}×{width}×3, {} classes: {} parameters, {:.1} M multiply-accumulates → {}",
        model.name,
        model.classes,
        model.parameters,
        model.macs as f64 / 1e6,
        arguments.out.display()
    ))
}
