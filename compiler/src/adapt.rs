//! Platform-aware search: a network whose layers have fewer channels, until it costs what it may on a target (NetAdapt, arXiv 1804.03230,
//! as MobileNetV3 uses it, arXiv 1905.02244, section 4.2), without training.
//!
//! ```text
//! until the cost is low enough:
//!   for every family of tied channels (an expansion, a bottleneck)      [`family`]
//!     the fewest channels that take a step off the cost                 [`clock`]: timed here, or estimated for an Arm core
//!     those that are missed least leave, their readers make up for them [`surgeon`], by what they read on pictures [`moments`]
//!     how far the answers move on other pictures
//!   take the one with the least movement per cost saved                 [`search`]
//! ```
//!
//! The paper trains after every step and once more at the end. Here the layers that read what left are fitted by least squares, and the
//! result is written as a float ONNX file: to compile as it is, or to train first, where there are data for it. All pictures are held in
//! memory, 0.6 MB each for 224 × 224 pixels: every proposal is judged by the same ones.
//!
//! Tried in the place of training, on V3-Small, after each of the first three steps, and not kept; the SQNR is that on pictures that nothing
//! was fitted to:
//!
//! | after a step | pictures | SQNR |
//! |---|---|---|
//! | nothing more | 96 | 20.5, 16.6, 13.8 dB |
//! | every layer fitted, in turn, to what it answered at the beginning, λ = 0.001 of the variance | 96 | 18.4, 14.5, 12.5 |
//! | the same, λ = 0.3 | 96 | 20.9, 16.9, 14.8 |
//! | nothing more, the steps before trained as below | 192 | 20.2, 17.1, 14.2 |
//! | Adam on the answers of the beginning, 16 passes | 192 | 20.6, 17.3, 14.9 (31, 29, 27 on the pictures it was fitted to) |
//!
//! A few hundred pictures do not say enough to move millions of weights.

pub mod clock;
pub mod family;
pub mod moments;
pub mod remove;
pub mod search;
pub mod surgeon;

use crate::dataset::{Dataset, Skipped};
use crate::error::{Error, Result, Stage};
use crate::passes;
use crate::pipeline::{self, ModelOptions};
use crate::specs::target::Target;
use clock::Clock;
use ndarray::Array3;
use search::{Found, Goal, Pictures, search};
use std::path::Path;

/// Every so many pictures one judges and is not fitted to.
const JUDGES: usize = 4;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// The smaller network.
    pub found: Found,
    /// The preprocessing that it needs, as the larger one did.
    pub preprocess: String,
    /// What to know.
    pub notes: Vec<String>,
}

/// Reads a model and searches; `pictures` are those to fit and judge by.
///
/// # Errors
/// Where the model is quantized already, has several outputs, or a stage refuses.
pub fn adapt(model: &Path, options: &ModelOptions, pictures: &Dataset, target: &Target, goal: Goal) -> Result<Adapted> {
    let loaded = pipeline::load(model, options)?;
    let refuse =
        |cause: &str, remedy: &str| Err(Error::new(Stage::Adapt, cause).at(model.display().to_string()).remedy(remedy));
    if loaded.canonical.is_quantized() {
        return refuse("the file is quantized already", "give the float model");
    }
    if loaded.canonical.outputs.len() != 1 {
        return refuse("the network has several outputs", "give a classifier");
    }
    if loaded.canonical.shape(loaded.canonical.outputs[0]).pixels() != 1 {
        return refuse("the network answers a map", "give a classifier");
    }
    let graph = match &loaded.exact {
        Some(exact) => passes::soften(&loaded.canonical, exact)?,
        None => loaded.canonical.clone(),
    };
    // What cannot be written need not be searched for.
    crate::model::float::file(&graph, "")?;
    let clock = Clock::new(&loaded, options, target)?;
    let (prepared, _) = pipeline::prepare(&loaded, options)?;
    let mut notes = loaded.notes.clone();
    notes.push(format!("preprocessing `{}`: {}", prepared.preprocess_name, prepared.preprocess_reason));
    let (preprocess, shape) = (&prepared.preprocess, graph.shape(graph.input));
    let table = preprocess.table();
    let mut all = Vec::with_capacity(pictures.len());
    let skipped: Skipped = pictures.stream(
        "reading pictures",
        &preprocess.fit,
        |sight| preprocess.values(&table, sight.rgb),
        |_, values| {
            let values = if shape.channels == 1 { grey(&values) } else { values };
            let picture = Array3::from_shape_vec((shape.height, shape.width, shape.channels), values);
            all.push(picture.map_err(|e| Error::new(Stage::Adapt, format!("a picture of another size: {e}")))?);
            Ok(())
        },
    )?;
    notes.extend(skipped.message());
    let (mut fit, mut judge) = (Vec::new(), Vec::new());
    for (index, picture) in all.into_iter().enumerate() {
        if index % JUDGES == JUDGES - 1 { judge.push(picture) } else { fit.push(picture) }
    }
    if judge.is_empty() {
        return refuse("there are too few pictures", "give a folder of at least 4, better 128, with --images");
    }
    let found = search(&graph, &clock, &Pictures { fit, judge }, goal)?;
    Ok(Adapted { found, preprocess: prepared.preprocess_name, notes })
}

/// Colours as a network of grey pictures sees them.
fn grey(colours: &[f32]) -> Vec<f32> {
    let luma = |pixel: &[f32; 3]| pixel.iter().zip(passes::LUMA).map(|(value, share)| value * share).sum();
    colours.as_chunks::<3>().0.iter().map(luma).collect()
}
