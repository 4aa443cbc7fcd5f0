//! From a plan to files: path → bytes, deterministic.
//!
//! The emitted crate holds constants and calls. Its logic is the runtime, which is vendored word for word (only
//! `crate::` becomes `crate::runtime::`), so what was tested here is what runs there.

mod answers;
mod bands;
mod blob;
mod calls;
mod foreign;
pub mod golden;
mod layers;
mod library;
mod lockfile;
mod program;
mod sets;
mod used;
mod vendor;
mod write;

use crate::error::Result;
use crate::golden::Golden;
use crate::qgraph::QGraph;
use crate::specs::target::Target;
use bakelite_runtime::image::Fit;
use blob::Blob;
use layers::Place;
use std::collections::BTreeMap;

pub use library::float;
pub use program::golden_hash;
pub use sets::Sets;
pub use write::{MARK, refuse_foreign, write};

/// Path inside of the crate → bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What the crate says of itself, beyond the plan.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Name of crate and program: lower case, digits, underscores.
    pub name: String,
    /// What the network is, in a phrase.
    pub title: String,
    /// Geometry between picture and network.
    pub fit: Fit,
    /// One per class, or none.
    pub labels: Vec<String>,
    /// Whether the outputs are probabilities already.
    pub probabilities: bool,
    /// Golden pictures and what the network answers.
    pub golden: Golden,
    /// Hashes and names of all that went in, as JSON.
    pub provenance: String,
}

/// Noise: every byte by chance (xorshift64 from `seed`), for tests and timing.
pub fn noise_image(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Writes the crate down, with the kernels of each of these plans of `q`.
///
/// # Errors
/// Where something cannot be written down.
pub fn emit(q: &QGraph, sets: Sets<'_>, target: &Target, facts: &Facts) -> Result<Files> {
    let plan = sets.best();
    let mut files = Files::new();
    let mut text = |path: &str, text: String| {
        files.insert(path.to_owned(), text.into_bytes());
    };
    text("Cargo.toml", program::manifest(facts)?);
    text("Cargo.lock", lockfile::lockfile(&facts.name)?);
    text(".cargo/config.toml", program::cargo_config(target)?);
    text(".gitignore", "/target\n".into());
    text("README.md", program::readme(q, sets, target, facts)?);
    text("src/lib.rs", library::library(q, sets, target, facts)?);
    if sets.several() {
        for plan in sets.plans() {
            let name = plan.level.name();
            text(&format!("src/{name}.rs"), library::set(q, plan));
            text(&format!("src/{name}/layers.rs"), layers::layers(q, plan, &sets.places(plan)));
        }
    } else {
        text("src/layers.rs", layers::layers(q, plan, &sets.places(plan)));
    }
    text("src/main.rs", program::main(sets, facts)?);
    text("src/cli/show.rs", program::show(sets, facts)?);
    text("src/cli/text.rs", include_str!("emit/templates/text.rs").into());
    if plan.scores().is_none() {
        text("src/cli/outputs.rs", answers::settings(plan));
    }
    text("src/cli/decode.rs", include_str!("dataset/decode.rs").into());
    text("src/cli/golden.rs", include_str!("emit/golden.rs").into());
    text("src/cli/settings.rs", program::settings(sets, facts));
    text(MARK, facts.provenance.clone());
    if !facts.labels.is_empty() {
        text("labels.txt", facts.labels.join("\n") + "\n");
    }
    foreign::files(&mut files, sets, target, facts)?;
    for (path, source) in vendor::runtime(|all| used::used(q, sets, all)) {
        files.insert(format!("src/runtime/{path}"), source.into_bytes());
    }
    for plan in sets.plans() {
        for (blob, place) in Blob::ALL.into_iter().zip(sets.places(plan).blobs) {
            if let Place::File(name) = place {
                files.insert(name, blob.content(plan));
            }
        }
    }
    Ok(files)
}
