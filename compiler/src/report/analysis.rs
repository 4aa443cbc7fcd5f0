//! The report of `analyze`: where the error comes from, drawn, with what would help.
//!
//! Errors of layers are all but independent, so that their energies add up: a layer's share is its part of the sum of what
//! weights and codes of every layer, each alone, put into the answers.

mod strips;

use super::network::{self, Drawing, Head};
use super::page;
use super::pictures;
use crate::analyze::ranges::{Channel, Ranges, STARVED_DB};
use crate::analyze::remedies::{Remedy, energy};
use crate::analyze::{Analysis, Layer};
use crate::compile::Quantized;
use crate::dataset::{Dataset, Loader};
use crate::error::Result;
use serde::Serialize;
use strips::Strip;

/// How many changed pictures are shown; all of them are listed.
const SHOWN: usize = 24;

/// What the report is about.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// What was found.
    pub analysis: &'a Analysis,
    /// The network that was looked at.
    pub work: &'a Quantized,
    /// The pictures that were looked at.
    pub dataset: &'a Dataset,
    /// The recipe's name.
    pub recipe: &'a str,
}

/// All that the template shows.
#[derive(Serialize)]
struct Page<'a> {
    name: String,
    title: String,
    recipe: &'a str,
    version: &'static str,
    pictures: usize,
    all: String,
    weights: String,
    codes: String,
    /// Pictures with the same best class, in these three cases.
    agreement: Option<[String; 3]>,
    along: Drawing,
    alone: Drawing,
    remedies: Vec<Help<'a>>,
    starved_below: String,
    starved: usize,
    channels: usize,
    ranges: Vec<Starving<'a>>,
    changed: Vec<Changed<'a>>,
    layers: Vec<Row<'a>>,
    notes: &'a [String],
}

/// What would help a layer.
#[derive(Serialize)]
struct Help<'a> {
    name: &'a str,
    option: &'a str,
    gain: String,
}

/// A layer with channels that starve.
#[derive(Serialize)]
struct Starving<'a> {
    name: &'a str,
    codes: String,
    strip: Strip,
    starved: usize,
    channels: usize,
    ratio: String,
    worst: String,
    remedy: String,
}

/// A picture whose class changed.
#[derive(Serialize)]
struct Changed<'a> {
    file: &'a str,
    /// A JPEG as data URI, its width and height; none where there are too many, or the file cannot be read any more.
    picture: Option<(String, u32, u32)>,
    float: usize,
    int8: usize,
    repaired_by: Option<&'a str>,
    remedy: Option<&'a Remedy>,
}

/// A layer in the table of all.
#[derive(Serialize)]
struct Row<'a> {
    index: usize,
    name: &'a str,
    alone: String,
    weights: String,
    codes: String,
    share: String,
    in_float: String,
    up_to_here: String,
    strip: Option<Strip>,
}

/// Writes the report down.
///
/// # Errors
/// Where a template is broken.
pub fn report(contents: Contents<'_>) -> Result<String> {
    let Contents { analysis, work, recipe, .. } = contents;
    let layers = &analysis.layers;
    let remedy = |name: &str| layers.iter().find(|layer| layer.name == name)?.remedy.as_ref();
    let (mut loader, fit) = (Loader::default(), &work.prepared.preprocess.fit);
    let changed = analysis.changed.iter().enumerate().map(|(index, picture)| Changed {
        file: &picture.file,
        picture: (index < SHOWN)
            .then(|| pictures::by_name(&picture.file, contents.dataset, &mut loader, fit))
            .flatten(),
        float: picture.float_top1,
        int8: picture.int8_top1,
        repaired_by: picture.repaired_by.as_deref(),
        remedy: picture.repaired_by.as_deref().and_then(remedy),
    });
    let ranges = || layers.iter().filter_map(|layer| layer.ranges.as_ref());
    let recognised = work.loaded.recognised.as_ref();
    let page = Page {
        name: work.loaded.path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        title: recognised.map_or_else(|| work.q.name.clone(), |recognised| recognised.architecture.clone()),
        recipe,
        version: env!("CARGO_PKG_VERSION"),
        pictures: analysis.pictures,
        all: db(analysis.all_db),
        weights: db(analysis.weights_db),
        codes: db(analysis.activations_db),
        agreement: analysis
            .agreement
            .map(|it| [it.all, it.weights, it.activations].map(|share| format!("{share:.1} %"))),
        along: along(analysis),
        alone: alone(layers),
        remedies: remedies(layers),
        starved_below: format!("{STARVED_DB:.0} dB"),
        starved: ranges().map(|ranges| ranges.starved).sum(),
        channels: ranges().map(|ranges| ranges.channels.len()).sum(),
        ranges: starving(layers),
        changed: changed.collect(),
        layers: layers.iter().zip(shares(layers)).enumerate().map(row).collect(),
        notes: &work.notes,
    };
    page::render("analysis.html", &page)
}

/// A number of dB, or a dash where there is no noise.
fn db(value: f64) -> String {
    if value.is_finite() { format!("{value:.1} dB") } else { "–".into() }
}

fn at_most(remedy: &Remedy) -> String {
    format!("{:.2} dB", remedy.at_most_db)
}

/// For each layer, what its weights and its codes are of the sum of all, in percent.
fn shares(layers: &[Layer]) -> Vec<[f64; 2]> {
    let both = |layer: &Layer| [energy(layer.weights_alone_db), energy(layer.codes_alone_db)];
    let all: f64 = layers.iter().flat_map(both).sum::<f64>().max(f64::MIN_POSITIVE);
    layers.iter().map(|layer| both(layer).map(|part| 100.0 * part / all)).collect()
}

fn along(analysis: &Analysis) -> Drawing {
    let point = |layer: &Layer| (format!("{}: {}", layer.name, db(layer.up_to_here_db)), layer.up_to_here_db);
    let worst = analysis.layers.iter().min_by(|a, b| a.up_to_here_db.total_cmp(&b.up_to_here_db));
    let worst = worst.map_or_else(String::new, |it| format!("; the least is {} at {}", db(it.up_to_here_db), it.name));
    let head = Head {
        id: "along",
        title: "Signal to noise of each layer's result, all before it in integers",
        unit: "dB",
        axis: "layer",
    };
    let description =
        format!("A line through {} layers{worst}. The table of every layer has the numbers.", analysis.layers.len());
    network::line(head, description, analysis.layers.iter().map(point).collect())
}

fn alone(layers: &[Layer]) -> Drawing {
    let shares = shares(layers);
    let bar = |(layer, &[weights, codes]): (&Layer, &[f64; 2])| {
        let title = format!("{}: weights {weights:.1} %, codes {codes:.1} %", layer.name);
        (title, vec![("weights", false, weights), ("codes", false, codes)])
    };
    let sum = |share: &[f64; 2]| share[0] + share[1];
    let worst = layers.iter().zip(&shares).max_by(|a, b| sum(a.1).total_cmp(&sum(b.1)));
    let worst =
        worst.map_or_else(String::new, |(it, share)| format!("; the largest is {:.1} % at {}", sum(share), it.name));
    let head = Head {
        id: "alone",
        title: "Each layer's share of the error of the answers, weights and codes",
        unit: "%",
        axis: "layer",
    };
    let description =
        format!("A bar for each of {} layers{worst}. The table of every layer has the numbers.", layers.len());
    network::bars(head, description, layers.iter().zip(&shares).map(bar).collect())
}

/// What would help, the most first.
fn remedies(layers: &[Layer]) -> Vec<Help<'_>> {
    let mut remedies: Vec<(&Layer, &Remedy)> = layers.iter().filter_map(|it| Some((it, it.remedy.as_ref()?))).collect();
    remedies.sort_by(|a, b| b.1.at_most_db.total_cmp(&a.1.at_most_db));
    let help = remedies.into_iter().map(|(layer, remedy)| Help {
        name: &layer.name,
        option: &remedy.option,
        gain: at_most(remedy),
    });
    help.collect()
}

/// The layers with starving channels, those first whose codes hurt the answers most.
fn starving(layers: &[Layer]) -> Vec<Starving<'_>> {
    let mut found: Vec<(&Layer, &Ranges, &Channel)> = layers
        .iter()
        .filter_map(|layer| layer.ranges.as_ref().and_then(|ranges| Some((layer, ranges, ranges.worst.first()?))))
        .collect();
    found.sort_by(|a, b| a.0.codes_alone_db.total_cmp(&b.0.codes_alone_db));
    let gain = |remedy: &Remedy| format!("{} (at most {})", remedy.option, at_most(remedy));
    let told = found.into_iter().map(|(layer, ranges, worst)| Starving {
        name: &layer.name,
        codes: db(layer.codes_alone_db),
        strip: strips::strip(ranges),
        starved: ranges.starved,
        channels: ranges.channels.len(),
        ratio: format!("{:.1}", ranges.ratio),
        worst: channel(worst, ranges.steps),
        remedy: ranges.remedy.as_ref().map_or_else(|| "–".into(), gain),
    });
    told.collect()
}

fn channel(channel: &Channel, steps: u16) -> String {
    let spans = channel.spans();
    format!(
        "{}: {:.3} to {:.3}, {spans:.1} of {steps} steps, {}",
        channel.channel,
        channel.low,
        channel.high,
        db(channel.db)
    )
}

fn row((index, (layer, share)): (usize, (&Layer, [f64; 2]))) -> Row<'_> {
    Row {
        index,
        name: &layer.name,
        alone: db(layer.alone_in_integers_db),
        weights: db(layer.weights_alone_db),
        codes: db(layer.codes_alone_db),
        share: format!("{:.1} %", share[0] + share[1]),
        in_float: db(layer.alone_in_float_db),
        up_to_here: db(layer.up_to_here_db),
        strip: layer.ranges.as_ref().map(strips::strip),
    }
}
