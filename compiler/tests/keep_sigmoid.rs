//! Networks with true sigmoid and swish: hard by default, exact on request, and what has no integer form.

#[path = "import_suite/builder.rs"]
#[allow(dead_code)]
mod builder;

use bakelite::calibrate;
use bakelite::dataset::Dataset;
use bakelite::evaluate;
use bakelite::golden;
use bakelite::pipeline::{self, ModelOptions, Prepared};
use bakelite::plan::{self, Kernel, run};
use bakelite::qgraph::{QGraph, reference};
use bakelite::quantize::{self, recipe::Recipe};
use bakelite::reconstruct::reconstruct;
use builder::{Net, int, ints};
use std::path::Path;

/// `x·sigmoid(x)` after `name`, as exporters write it.
fn swish(net: Net, name: &str) -> Net {
    let (gate, output) = (format!("{name}_s"), format!("{name}_w"));
    net.node("Sigmoid", &[name], &gate, &[]).node("Mul", &[name, &gate], &output, &[])
}

/// Stem, one inverted residual with squeeze-excite, head; `hidden` is the function between the two small layers.
fn block(hidden: &str) -> Net {
    let net =
        swish(Net::new(13, &["1", "3", "16", "16"]).conv("x", "stem", [8, 3, 3], &[ints("strides", &[2, 2])]), "stem");
    let net = swish(net.conv("stem_w", "expand", [24, 8, 1], &[]), "expand");
    let net = swish(net.conv("expand_w", "depth", [24, 1, 3], &[int("group", 24)]), "depth");
    let net = net.node("GlobalAveragePool", &["depth_w"], "mean", &[]).conv("mean", "squeeze", [8, 24, 1], &[]);
    let net = match hidden {
        "silu" => swish(net, "squeeze"),
        _ => net.node("Relu", &["squeeze"], "squeeze_w", &[]),
    };
    net.conv("squeeze_w", "excite", [24, 8, 1], &[])
        .node("Sigmoid", &["excite"], "gate", &[])
        .node("Mul", &["depth_w", "gate"], "gated", &[])
        .conv("gated", "project", [8, 24, 1], &[])
        .node("Add", &["project", "stem_w"], "sum", &[])
        .node("GlobalAveragePool", &["sum"], "pooled", &[])
        .conv("pooled", "logits", [5, 8, 1], &[])
        .node("Flatten", &["logits"], "y", &[])
}

/// Pictures of deterministic noise, and the model's file, in `folder`.
fn put(folder: &Path, net: &Net) -> Dataset {
    std::fs::write(folder.join("net.onnx"), net.bytes()).unwrap();
    for index in 0..8_u64 {
        let rgb = bakelite::emit::noise_image(index + 1, 16 * 16 * 3);
        image::RgbImage::from_raw(16, 16, rgb).unwrap().save(folder.join(format!("{index}.png"))).unwrap();
    }
    Dataset::open(folder).unwrap()
}

fn prepared(folder: &Path, keep_sigmoid: bool) -> (Prepared, pipeline::Loaded) {
    let options = ModelOptions { keep_sigmoid, preprocess: Some("unit".into()), ..ModelOptions::default() };
    let loaded = pipeline::load(&folder.join("net.onnx"), &options).unwrap();
    (pipeline::prepare(&loaded, &options).unwrap().0, loaded)
}

fn quantized(prepared: &Prepared, loaded: &pipeline::Loaded, dataset: &Dataset) -> bakelite::error::Result<QGraph> {
    let recipe = Recipe::load("default")?;
    let (profile, _) = calibrate::calibrate(&prepared.graph, dataset, &prepared.preprocess, loaded.hash)?;
    quantize::quantize(&prepared.graph, &calibrate::ranges(&prepared.graph, &profile, &recipe)?, &recipe)
}

#[test]
fn both_ways_are_equal_to_the_reference_bit_for_bit_and_near_the_floats() {
    for keep_sigmoid in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let dataset = put(folder.path(), &block("relu"));
        let (prepared, loaded) = prepared(folder.path(), keep_sigmoid);
        assert_eq!(prepared.exact.is_some(), !keep_sigmoid);
        let q = quantized(&prepared, &loaded, &dataset).unwrap();
        for level in run::levels() {
            let plan = plan::plan(&q, level).unwrap();
            let tables = plan.steps.iter().filter(|s| matches!(s.kernel, Kernel::Table { .. })).count();
            assert_eq!(tables, if keep_sigmoid { 3 } else { 0 });
            for seed in 1..=4 {
                let image = bakelite::emit::noise_image(seed, plan.input.len());
                let mut memory = run::Memory::of(&plan);
                let answer = run::run(&plan, &mut memory, &image).unwrap();
                let expected = reference::run(&q, &image).unwrap();
                let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(answer), bits(&expected), "{level:?}, image {seed}");
            }
        }
        let plan = plan::plan(&q, run::levels()[0]).unwrap();
        let summary = evaluate::evaluate(&prepared, &plan, &dataset).unwrap().0.summary();
        // What was exchanged costs more than rounding does.
        match summary.swap {
            Some(swap) => {
                assert!(!keep_sigmoid && swap.images == 8 && swap.kept.is_none(), "{swap:?}");
                assert!(swap.hard.sqnr_db < 40.0 && swap.repaired.sqnr_db == summary.sqnr_db, "{swap:?}");
            }
            None => assert!(keep_sigmoid && summary.sqnr_db > 20.0, "{summary:?}"),
        }
    }
}

#[test]
fn the_exact_network_has_the_hard_ones_nodes_and_the_files_answers() {
    for hidden in ["relu", "silu"] {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &block(hidden));
        let (hard, _) = prepared(folder.path(), false);
        let (kept, _) = prepared(folder.path(), true);
        let exact = hard.exact.as_ref().unwrap();
        assert_eq!(exact.nodes.len(), hard.graph.nodes.len());
        for seed in 1..=4 {
            let image = bakelite::emit::noise_image(seed, 16 * 16 * 3);
            let answer = |graph| evaluate::answer(graph, &image).unwrap();
            let (found, file, hard) = (answer(exact), answer(&kept.graph), answer(&hard.graph));
            let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart(&found, &file) < 1e-4 && apart(&hard, &file) > 1e-2, "{found:?} {file:?} {hard:?}");
        }
    }
}

/// Aimed at the exact network, the integers answer nearer to it than aimed at their own float network, on pictures of neither.
#[test]
fn reconstruction_repairs_what_the_hard_forms_change() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &block("silu"));
    let (prepared, loaded) = prepared(folder.path(), false);
    let pictures = |from: u64, to: u64| (from..to).map(|seed| golden::picture(seed, 16, 16)).collect::<Vec<_>>();
    let (calibration, unseen) = (pictures(1, 97), pictures(97, 161));
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    for (index, rgb) in calibration.iter().enumerate() {
        image::RgbImage::from_raw(16, 16, rgb.clone()).unwrap().save(images.join(format!("{index:03}.png"))).unwrap();
    }
    let recipe = Recipe::load("default").unwrap();
    let dataset = Dataset::open(&images).unwrap();
    let (profile, _) = calibrate::calibrate(&prepared.graph, &dataset, &prepared.preprocess, loaded.hash).unwrap();
    let ranges = calibrate::ranges(&prepared.graph, &profile, &recipe).unwrap();
    let sqnr = |aim: &bakelite::graph::Graph| {
        let mut draft = quantize::draft(&prepared.graph, &ranges, &recipe).unwrap();
        reconstruct(aim, &mut draft, calibration.clone(), &recipe).unwrap();
        let (signal, noise) = unseen.iter().fold((0.0, 0.0), |(signal, noise), image| {
            let exact = evaluate::answer(prepared.truth(), image).unwrap();
            let (s, n) = evaluate::energies(&exact, &reference::run(&draft.q, image).unwrap());
            (signal + s, noise + n)
        });
        10.0 * (signal / noise).log10()
    };
    let (own, exact) = (sqnr(&prepared.graph), sqnr(prepared.truth()));
    println!("aimed at the hard network {own:.2} dB, at the exact one {exact:.2} dB");
    assert!(exact > own + 1.0, "{own} dB, {exact} dB");
}

/// A vector between two dense layers: hard-swish comes from the accumulator, a true SiLU is computed in reals.
#[test]
fn a_swish_of_a_vector_has_the_same_bits_either_way() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = put(folder.path(), &block("silu"));
    for (keep_sigmoid, in_reals) in [(false, 0), (true, 2)] {
        let (prepared, loaded) = prepared(folder.path(), keep_sigmoid);
        let q = quantized(&prepared, &loaded, &dataset).unwrap();
        for level in run::levels() {
            let plan = plan::plan(&q, level).unwrap();
            // The function, and codes of its result for the next layer.
            assert_eq!(plan.steps.iter().filter(|s| matches!(s.kernel, Kernel::Weightless { .. })).count(), in_reals);
            for seed in 1..=4 {
                let image = bakelite::emit::noise_image(seed, plan.input.len());
                let mut memory = run::Memory::of(&plan);
                let answer = run::run(&plan, &mut memory, &image).unwrap();
                let expected = reference::run(&q, &image).unwrap();
                assert!(answer.iter().map(|x| x.to_bits()).eq(expected.iter().map(|x| x.to_bits())), "{level:?}");
            }
        }
        let plan = plan::plan(&q, run::levels()[0]).unwrap();
        let summary = evaluate::evaluate(&prepared, &plan, &dataset).unwrap().0.summary();
        assert!(summary.sqnr_db > 20.0, "{summary:?}");
    }
}
