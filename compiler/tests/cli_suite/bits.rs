//! Whole networks at every instruction set of this CPU against the reference, bit for bit.

use crate::bakelite::{SHARED, shared};
use ::bakelite::compile::{Quantized, Request, quantized};
use ::bakelite::dataset::Dataset;
use ::bakelite::emit::noise_image;
use ::bakelite::pipeline::ModelOptions;
use ::bakelite::plan::{self, Economy, run};
use ::bakelite::qgraph::reference;
use bakelite_runtime::isa::Level;
use rayon::prelude::*;
use std::path::Path;

/// A network quantized in this process as `compile` would.
pub fn quantize(model: &Path, images: &Path, count: usize, options: ModelOptions, recipe: &str) -> Quantized {
    let request = Request {
        model: model.to_owned(),
        options,
        images: images.to_owned(),
        calibration_images: count,
        seed: 0,
        evaluation: None,
        calib: None,
        target: "native".into(),
        recipe: recipe.into(),
        tuning: None,
        economy: Economy::default(),
        labels: None,
        out: Default::default(),
        name: None,
        crate_only: true,
        libraries: Vec::new(),
        verify_images: 0,
        toolchain: None,
    };
    quantized(&request).unwrap_or_else(|e| panic!("{}: {e:?}", model.display()))
}

/// The first `count` pictures of a folder as the network gets them.
pub fn pixels(work: &Quantized, folder: &Path, count: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let dataset = Dataset::open(folder).expect("pictures").select(count, 5);
    let take = |_, pixels| {
        all.push(pixels);
        Ok(())
    };
    dataset.stream("", &work.prepared.preprocess.fit, |sight| sight.rgb.to_vec(), take).expect("pictures");
    all
}

/// From most memory to least.
pub const ECONOMIES: [Economy; 3] = [Economy::Whole, Economy::Small, Economy::Least];

/// Compares all levels with the reference; returns how many answers were compared.
pub fn all_levels_equal_the_reference(what: &str, work: &Quantized, images: &[Vec<u8>]) -> usize {
    let levels = run::levels();
    assert_eq!(levels.last(), Some(&Level::Portable), "every CPU runs the portable kernels");
    let planned = |level| ECONOMIES.map(|economy| plan::plan_in(&work.q, level, (economy, 0)).expect("a plan"));
    let mut plans: Vec<_> = levels.iter().flat_map(|&level| planned(level)).collect();
    // Three times the same where nothing is to be saved.
    plans.dedup();
    images
        .par_iter()
        .enumerate()
        .map(|(index, image)| {
            let expected = reference::run(&work.q, image).expect("an answer");
            assert!(expected.iter().all(|y| y.is_finite()) && expected.len() == plans[0].answers());
            for plan in &plans {
                // What an earlier run left in the arena must not matter.
                let mut memory = run::Memory::of(plan);
                let other = noise_image(99, image.len());
                for image in [&other, image] {
                    run::run(plan, &mut memory, image).expect("a level of this CPU");
                }
                let found = run::run(plan, &mut memory, image).expect("a level of this CPU");
                if let Some(i) = (0..expected.len()).find(|&i| expected[i].to_bits() != found[i].to_bits()) {
                    let (found, expected, level, bands) = (found[i], expected[i], plan.level.name(), plan.bands.len());
                    panic!("{what}, image {index}, {level}, {bands} bands: output {i} is {found:e}, the reference says {expected:e}");
                }
            }
            plans.len()
        })
        .sum()
}

/// Noise, and the two ends of the range.
pub fn synthetic(len: usize, noises: u64) -> impl Iterator<Item = Vec<u8>> {
    (1..=noises).map(move |seed| noise_image(seed, len)).chain([vec![0; len], vec![255; len]])
}

#[test]
fn the_demo_network_has_the_same_bits_at_every_level() {
    let imagenet = || ModelOptions { preprocess: Some("imagenet".into()), ..Default::default() };
    for (recipe, keep_sigmoid) in [("default", false), ("per-tensor", false), ("default", true), ("best", false)] {
        let work = quantize(&SHARED.model, &SHARED.images, 8, ModelOptions { keep_sigmoid, ..imagenet() }, recipe);
        let mut images = pixels(&work, &SHARED.images, 16);
        images.extend(synthetic(images[0].len(), 6));
        let fine = work.q.tensors.iter().filter(|tensor| tensor.fine).count();
        assert!(fine >= 3 || recipe != "best", "{fine} maps with 12 bits");
        let compared = all_levels_equal_the_reference(recipe, &work, &images);
        println!("{recipe}, sigmoid kept {keep_sigmoid}: {compared} answers equal");
    }
}

#[test]
fn the_answers_tell_pictures_apart() {
    // Equal answers of equal kernels would mean nothing if all answers were equal.
    let options = ModelOptions { preprocess: Some("imagenet".into()), ..Default::default() };
    let work = quantize(&SHARED.model, &SHARED.images, 8, options, "default");
    let mut answers: Vec<Vec<u32>> = pixels(&work, &SHARED.images, 16)
        .iter()
        .map(|image| reference::run(&work.q, image).expect("an answer").iter().map(|y| y.to_bits()).collect())
        .collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 16);
}

#[test]
fn the_published_networks_have_the_same_bits_at_every_level() {
    let (Some(models), Some(images)) = (shared("models"), shared("images/calibration")) else { return };
    let mut files: Vec<_> = std::fs::read_dir(models).expect("models").flatten().map(|e| e.path()).collect();
    files.sort();
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = name.starts_with("mobilenet_v3_") || name.starts_with("fundus_");
        if !wanted || path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let work = quantize(&path, &images, 6, ModelOptions::default(), "best");
        let mut tested = pixels(&work, &images, 2);
        tested.extend(synthetic(tested[0].len(), 1).take(2));
        let compared = all_levels_equal_the_reference(&name, &work, &tested);
        println!("{name}: {compared} answers equal");
    }
}
