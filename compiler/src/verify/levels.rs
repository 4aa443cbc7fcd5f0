//! The kernels of every instruction set of this CPU against the reference, in this process: nothing is built.

use crate::compile::Quantized;
use crate::dataset::Dataset;
use crate::emit::noise_image;
use crate::error::{Error, Result, Stage};
use crate::plan::{self, run};
use crate::qgraph::reference;
use bakelite_runtime::isa::Level;
use std::path::Path;

/// Images of noise that are compared beside the pictures, and the two ends of the range of bytes.
const NOISES: u64 = 2;

/// Runs `count` pictures of a folder, and images of noise, through all levels; says which, and how many images were equal.
///
/// # Errors
/// Where a bit differs, by level, image and number.
pub fn levels(work: &Quantized, folder: &Path, count: usize) -> Result<(Vec<Level>, usize)> {
    let mut images = Vec::new();
    let dataset = Dataset::open(folder)?.first(count);
    let take = |_, pixels| {
        images.push(pixels);
        Ok(())
    };
    dataset.stream("reading", &work.prepared.preprocess.fit, |sight| sight.rgb.to_vec(), take)?;
    let len = work.q.tensor(work.q.input).shape.len();
    images.extend((1..=NOISES).map(|seed| noise_image(seed, len)).chain([vec![0; len], vec![255; len]]));
    let levels = run::levels();
    let plans = levels.iter().map(|&level| plan::plan(&work.q, level)).collect::<Result<Vec<_>>>()?;
    let mut memories: Vec<_> = plans.iter().map(run::Memory::of).collect();
    for (index, image) in images.iter().enumerate() {
        let expected = reference::run(&work.q, image)?;
        for (plan, memory) in plans.iter().zip(&mut memories) {
            let differs = |what: String| {
                let remedy = "this is a fault of Bakelite: please report it with the model";
                Error::new(Stage::Verify, format!("image {index}, kernels {}: {what}", plan.level.name()))
                    .remedy(remedy)
            };
            let found = run::run(plan, memory, image).ok_or_else(|| differs("they did not run".into()))?;
            let equal = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
            if found.len() != expected.len() || !found.iter().zip(&expected).all(equal) {
                let at = found.iter().zip(&expected).position(|pair| !equal(pair)).unwrap_or(0);
                return Err(differs(format!("number {at} of the answer is not the reference's")));
            }
        }
    }
    Ok((levels, images.len()))
}
