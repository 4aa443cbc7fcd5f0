//! `adapt`.

use super::arguments::AdaptArguments;
use super::{line, output, print_json, print_notes, table};
use crate::adapt::search::{Found, Goal};
use crate::adapt::{self, Adapted};
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::model;
use crate::specs::target::Target;

/// `bakelite adapt`.
pub fn adapt(arguments: &AdaptArguments) -> Result<()> {
    let images = arguments.pictures.images.as_ref().ok_or_else(|| {
        Error::new(Stage::Arguments, "no pictures to fit weights to").remedy("give a folder with --images")
    })?;
    output::check(Stage::Adapt, &arguments.out)?;
    let target = Target::load(&arguments.target)?;
    let pictures = Dataset::open(images)?.select(arguments.pictures.calibration_images, arguments.pictures.seed);
    let goal = Goal { cost: arguments.cost, step: arguments.step };
    let Adapted { found, preprocess, notes } =
        adapt::adapt(&arguments.model, &arguments.reading.options(), &pictures, &target, goal)?;
    let origin = format!(
        "{}, adapted to {} by bakelite: {:.1} % of its cost",
        found.graph.name,
        target.name,
        100.0 * found.after / found.before
    );
    output::write(Stage::Adapt, &arguments.out, &model::float::file(&found.graph, &origin)?)?;
    if arguments.json {
        return print_json(&serde_json::json!({
            "target": target.name, "unit": found.unit.name(), "before": found.before, "after": found.after,
            "reached": found.reached, "steps": found.steps, "macs": found.graph.macs(),
            "parameters": found.graph.parameters(), "preprocess": preprocess,
            "file": arguments.out,
        }));
    }
    print_notes(&notes);
    show(&found, &preprocess, arguments)
}

fn show(found: &Found, preprocess: &str, arguments: &AdaptArguments) -> Result<()> {
    let unit = found.unit.name();
    let mut t = table::new(&["step", "channels of", "from", "to", "cost", "logit SQNR", "agreement"]);
    for (number, step) in (1..).zip(&found.steps) {
        let others = if step.with > 0 { format!(" and {} more", step.with) } else { String::new() };
        table::row(
            &mut t,
            &[
                format!("{number}"),
                format!("{}{others}", step.layer),
                step.from.to_string(),
                step.to.to_string(),
                format!("{:.1} %", 100.0 * step.cost),
                format!("{:.1} dB", step.sqnr_db),
                format!("{:.1} %", step.agreement),
            ],
        );
    }
    line(&t)?;
    line(format!(
        "{:.3} → {:.3} {unit}, {:.1} M multiply-accumulates, {} parameters → {}",
        found.before,
        found.after,
        found.graph.macs() as f64 / 1e6,
        found.graph.parameters(),
        arguments.out.display()
    ))?;
    if !found.reached {
        line("the goal was not reached: no layer has channels left whose half would take a step off the cost")?;
    }
    line(
        "agreement and SQNR: the float network against what it was, on a quarter of the pictures: steps were chosen by them, nothing was fitted to them",
    )?;
    line(format!("next: bakelite compile {} --preprocess {preprocess} --images DIR", arguments.out.display()))
}
