//! The report: one HTML file that says what was compiled, what it costs, and where float and int8 differ.
//!
//! It stands by itself: style, drawings and pictures are inside of it, it loads nothing and runs no script. Apart from
//! measured times, the same inputs give the same file. The parts are values for the templates in `templates/`, which
//! escape all text. `analyze` has a report of its own ([`analysis`]), made in the same way.

pub mod analysis;
mod arena;
mod cores;
mod facts;
mod flash;
mod layers;
mod network;
mod page;
mod pictures;
mod profile;

use crate::compile::{Outcome, Quantized};
use crate::dataset::Dataset;
use crate::emit::Facts;
use crate::error::{Error, Result, Stage};
use crate::evaluate::Evaluation;
use crate::interrupt::{Staged, uninterrupted};
use crate::plan::Plan;
use crate::roofline::timing::timing;
use crate::specs::target::Target;
use serde::Serialize;
use std::path::Path;

/// Its name in the crate's folder.
pub const FILE: &str = "report.html";

/// How often the network is run to time its layers.
const ROUNDS: usize = 20;

/// What the report is about.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// Results.
    pub outcome: &'a Outcome,
    /// From the model's file to integers.
    pub work: &'a Quantized,
    /// The target.
    pub target: &'a Target,
    /// The plan that was emitted.
    pub plan: &'a Plan,
    /// The plan of the target that this machine runs, to time it layer by layer; none where the target is another machine.
    pub timed: Option<&'a Plan>,
    /// What the crate says of itself.
    pub facts: &'a Facts,
    /// Pictures that were compared on, and what came of each.
    pub evaluation: Option<(&'a Dataset, &'a Evaluation)>,
}

/// All that the templates show.
#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    title: &'a str,
    input: String,
    outputs: usize,
    version: &'static str,
    target: &'a str,
    kernels: &'a str,
    cards: Vec<facts::Card>,
    results: Vec<facts::Row>,
    remarks: Vec<String>,
    swap: Option<facts::Swap>,
    what: Vec<facts::Fact>,
    hashes: Vec<facts::Fact>,
    flash: Vec<flash::Part>,
    arena: arena::Arena,
    profile: Option<profile::Profile>,
    cores: Vec<cores::Cores>,
    layers: layers::Layers,
    pictures: pictures::Pictures,
    notes: &'a [String],
}

/// Writes the report down.
///
/// # Errors
/// Where a template is broken.
pub fn report(contents: &Contents<'_>) -> Result<String> {
    let Contents { outcome, plan, facts, .. } = *contents;
    let input = plan.input;
    let timing = contents.timed.and_then(|plan| timing(plan, ROUNDS));
    let page = Page {
        name: &outcome.name,
        title: &facts.title,
        input: format!("{} × {} × {}", input.height, input.width, input.channels),
        outputs: plan.answers(),
        version: env!("CARGO_PKG_VERSION"),
        target: &outcome.target,
        kernels: &outcome.kernels,
        cards: facts::cards(contents),
        results: facts::results(outcome),
        remarks: facts::remarks(outcome),
        swap: facts::swap(outcome),
        what: facts::what(contents),
        hashes: facts::hashes(facts),
        flash: flash::flash(contents),
        cores: outcome.estimates.iter().map(cores::cores).collect(),
        arena: arena::arena(&contents.work.q, plan),
        profile: contents.timed.zip(timing.as_ref()).map(|(plan, timing)| profile::profile(plan, timing)),
        layers: layers::layers(contents, timing.as_ref()),
        pictures: pictures::pictures(contents),
        notes: &outcome.notes,
    };
    page::render(FILE, &page)
}

/// Puts the report at `path`, whole or not at all.
///
/// # Errors
/// Where the folder is not writable or the disk is full.
pub fn write(text: &str, path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(Stage::Emit, format!("cannot be written: {error}"))
            .at(path.display().to_string())
            .remedy("check that the folder is writable and the disk has room; the crate itself is complete")
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    // Removes itself when an error or an interrupt comes first.
    let (_staged, staging) =
        Staged::make(|| tempfile::Builder::new().prefix(".bakelite-").tempdir_in(folder)).map_err(failed)?;
    let fresh = staging.path().join(FILE);
    uninterrupted(|| std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path))).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_an_older_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for text in ["first", "second"] {
            write(text, &path).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write("third", &folder.path().join("nowhere").join(FILE)).is_err());
    }
}
