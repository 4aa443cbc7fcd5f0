//! From a graph and images to a [`Profile`]: statistics of every tensor, mergeable and independent of order and threads.

use crate::dataset::{Dataset, Preprocess, Skipped};
use crate::error::{Error, Result, Stage};
use crate::execute;
use crate::graph::Graph;
use crate::quantize::Ranges;
use crate::quantize::ranges::TensorRange;
use crate::quantize::recipe::Recipe;
use bakelite_calibration::{Collector, Hash, Profile};
use ndarray::Array3;

/// The raw image as the graph's input: bytes become reals.
pub fn input(graph: &Graph, rgb: &[u8]) -> Result<Array3<f32>> {
    let shape = graph.tensors[graph.input.index()].shape;
    let values = rgb.iter().map(|&code| f32::from(code)).collect();
    Array3::from_shape_vec((shape.height, shape.width, shape.channels), values)
        .map_err(|e| Error::new(Stage::Calibrate, format!("an image of another size: {e}")))
}

/// Runs every image through the graph and collects the statistics of every tensor. Memory is that of one image per
/// thread, however many there are.
pub fn calibrate(
    graph: &Graph,
    dataset: &Dataset,
    preprocess: &Preprocess,
    model_hash: Hash,
) -> Result<(Profile, Skipped)> {
    let tensors = graph.tensors.iter().map(|t| (t.name.clone(), t.shape.channels));
    let collector = Collector::new(tensors);
    let skipped = dataset.stream(
        "calibrating",
        &preprocess.fit,
        |sight| {
            let image = input(graph, sight.rgb)?;
            execute::run(graph, &image, &mut |id, values| {
                if let Some(values) = values.as_slice() {
                    collector.observe(id.index(), values);
                }
            })?;
            collector.image(sight.id);
            Ok(())
        },
        |_, seen: Result<()>| seen,
    )?;
    let profile = collector
        .finish(model_hash, preprocess.hash())
        .map_err(|e| Error::new(Stage::Calibrate, e.to_string()).remedy("check the model and its preprocessing"))?;
    Ok((profile, skipped))
}

/// What the recipe's observer makes of a profile, tensor by tensor.
pub fn ranges(graph: &Graph, profile: &Profile, recipe: &Recipe) -> Result<Ranges> {
    let observer = recipe.observer().map_err(|e| Error::new(Stage::Specs, e.to_string()))?;
    graph
        .tensors
        .iter()
        .map(|tensor| {
            let Some(stats) = profile.tensors.get(&tensor.name) else { return Ok(None) };
            if stats.channels() != tensor.shape.channels {
                return Err(Error::new(
                    Stage::Calibrate,
                    format!("the profile has {} channels, the model {}", stats.channels(), tensor.shape.channels),
                )
                .at(&tensor.name)
                .remedy("calibrate again: the profile is of another model"));
            }
            if stats.count() == 0 {
                return Ok(None);
            }
            let top = if tensor.shape.pixels() == 1 { u32::from(recipe.wide_top()) } else { 255 };
            let ranges = observer.per_channel(stats, top);
            let channels = 0..stats.channels();
            Ok(Some(TensorRange {
                lo: ranges.iter().map(|r| r.lo).collect(),
                hi: ranges.iter().map(|r| r.hi).collect(),
                mean: channels.clone().map(|c| stats.mean(c)).collect(),
                mean_square: channels.map(|c| stats.mean_square(c)).collect(),
                fine: false,
            }))
        })
        .collect()
}
