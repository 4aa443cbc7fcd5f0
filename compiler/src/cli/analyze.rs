//! `analyze`.

use super::arguments::AnalyzeArguments;
use super::{line, output, print_json, print_notes, table};
use crate::analyze::ranges::{Channel, Ranges};
use crate::analyze::remedies::Remedy;
use crate::analyze::{self, Analysis, Layer};
use crate::compile;
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::report::{self, analysis::Contents};
use crate::specs;

/// How many layers the table shows.
const SHOWN: usize = 12;

/// `bakelite analyze`.
pub fn analyze(arguments: &AnalyzeArguments) -> Result<()> {
    let images = arguments.pictures.images.clone().ok_or_else(|| {
        Error::new(Stage::Arguments, "no pictures to calibrate on").remedy("give a folder with --images")
    })?;
    if let Some(path) = &arguments.report {
        output::check(Stage::Print, path)?;
    }
    let all = Dataset::open(&images)?;
    let request = arguments.pictures.integers_of(&arguments.model, &arguments.reading, &arguments.recipe);
    let work = compile::quantized(&request)?;
    let unseen = match &work.calibrated_on {
        Some(chosen) if all.len() > chosen.len() => all.without(chosen),
        _ => all,
    };
    let dataset = unseen.select(arguments.analysis_images, arguments.pictures.seed);
    let analysis = analyze::analyze(&work, &dataset)?;
    if let Some(path) = &arguments.report {
        let recipe = specs::read(specs::Kind::Recipe, &arguments.recipe)?.name;
        let contents = Contents { analysis: &analysis, work: &work, dataset: &dataset, recipe: &recipe };
        output::write(Stage::Print, path, report::analysis::report(contents)?.as_bytes())?;
    }
    if arguments.json {
        return print_json(&analysis);
    }
    print_notes(&work.notes);
    show(&analysis)
}

fn show(analysis: &Analysis) -> Result<()> {
    let noise = |db: f64| 10f64.powf(-db / 10.0);
    let total: f64 = analysis.layers.iter().map(|layer| noise(layer.alone_in_integers_db)).sum();
    let mut worst: Vec<&Layer> = analysis.layers.iter().collect();
    worst.sort_by(|a, b| a.alone_in_integers_db.total_cmp(&b.alone_in_integers_db));
    let mut t = table::new(&[
        "layer",
        "alone in integers",
        "its weights",
        "its codes",
        "share",
        "alone in float",
        "result so far",
        "range ratio",
        "starving",
    ]);
    for layer in worst.into_iter().take(SHOWN) {
        table::row(
            &mut t,
            &[
                layer.name.clone(),
                format!("{:.1} dB", layer.alone_in_integers_db),
                format!("{:.1} dB", layer.weights_alone_db),
                format!("{:.1} dB", layer.codes_alone_db),
                format!("{:.1} %", 100.0 * noise(layer.alone_in_integers_db) / total.max(f64::MIN_POSITIVE)),
                format!("{:.2} dB", layer.alone_in_float_db),
                format!("{:.1} dB", layer.up_to_here_db),
                layer.ranges.as_ref().map_or("–".into(), |ranges| format!("{:.1}", ranges.ratio)),
                layer.ranges.as_ref().map_or("–".into(), |it| format!("{} of {}", it.starved, it.channels.len())),
            ],
        );
    }
    line(&t)?;
    line(format!(
        "answers to {} pictures: {:.1} dB in integers; {:.1} dB with integer weights alone, {:.1} dB with activations in codes alone",
        analysis.pictures, analysis.all_db, analysis.weights_db, analysis.activations_db
    ))?;
    if let Some(agreement) = &analysis.agreement {
        line(format!(
            "of them with the same best class: {:.1} %; {:.1} %, {:.1} %",
            agreement.all, agreement.weights, agreement.activations
        ))?;
    }
    show_ranges(analysis)?;
    let mut remedies: Vec<(&Layer, &Remedy)> =
        analysis.layers.iter().filter_map(|layer| Some((layer, layer.remedy.as_ref()?))).collect();
    remedies.sort_by(|a, b| b.1.at_most_db.total_cmp(&a.1.at_most_db));
    for (layer, remedy) in remedies.into_iter().take(SHOWN) {
        line(format!("{}: {} (at most {:.1} dB)", layer.name, remedy.option, remedy.at_most_db))?;
    }
    for picture in &analysis.changed {
        let repaired = picture
            .repaired_by
            .as_ref()
            .map_or("no single layer repairs it".into(), |by| format!("{by} in float repairs it"));
        line(format!("{}: class {} became {}; {repaired}", picture.file, picture.float_top1, picture.int8_top1))?;
    }
    Ok(())
}

/// The worst channel of the layers whose codes hurt the answers most.
fn show_ranges(analysis: &Analysis) -> Result<()> {
    let mut starving: Vec<(&Layer, &Ranges, &Channel)> = analysis
        .layers
        .iter()
        .filter_map(|layer| layer.ranges.as_ref().and_then(|ranges| Some((layer, ranges, ranges.worst.first()?))))
        .collect();
    starving.sort_by(|a, b| a.0.codes_alone_db.total_cmp(&b.0.codes_alone_db));
    for (layer, ranges, worst) in starving.into_iter().take(SHOWN / 2) {
        let remedy = ranges
            .remedy
            .as_ref()
            .map_or_else(String::new, |it| format!("; {} (at most {:.1} dB)", it.option, it.at_most_db));
        line(format!(
            "{}: {} of {} channels starve; channel {} spans {:.1} of {} steps, {:.1} dB{remedy}",
            layer.name,
            ranges.starved,
            ranges.channels.len(),
            worst.channel,
            worst.spans(),
            ranges.steps,
            worst.db
        ))?;
    }
    Ok(())
}
