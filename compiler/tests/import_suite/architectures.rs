//! The networks of `specs/architectures`: counts as published, and the same answers from file, import and another runtime.

use crate::builder::*;
use bakelite::demo::pictures::picture;
use bakelite::import::{ImportOptions, import};
use bakelite::model::{Model, Options, write};
use bakelite::recognise::recognise;
use bakelite::specs::Kind;
use bakelite::specs::architecture::load;
use bakelite::{onnx, passes};
use ndarray::Array3;

fn written(name: &str, options: &Options) -> Model {
    write(&load(name).unwrap(), options).unwrap_or_else(|e| panic!("{name}: {e:?}"))
}

/// A drawn picture, repeated where it is too small, about as the networks expect it: noise, on which they were not measured, makes
/// the answers of the deepest ones explode, and with them the differences in the last bit.
fn drawn(index: u64, (height, width): (usize, usize)) -> Array3<f32> {
    let picture = picture(9, index);
    let (rows, columns) = (picture.height as usize, picture.width as usize);
    Array3::from_shape_fn((height, width, 3), |(r, c, k)| {
        (f32::from(picture.rgb[(r % rows * columns + c % columns) * 3 + k]) - 118.0) / 58.0
    })
}

/// Parameters of torchvision's own networks where it has them, otherwise as the papers round them; multiplications as the papers
/// and torchvision round them.
#[test]
fn counts_are_the_published_ones() {
    let counting = Options { samples: 0, ..Options::default() };
    let minimalistic = Options { minimalistic: true, ..counting.clone() };
    let narrow = Options { width: 0.5, ..counting.clone() };
    for (name, options, parameters, millions) in [
        ("mobilenet-v3-large", &counting, 5_483_032..=5_483_032, 216.5..216.7),
        ("mobilenet-v3-small", &counting, 2_542_856..=2_542_856, 56.4..56.6),
        ("mobilenet-v3-large", &minimalistic, 3_850_000..=3_949_999, 208.0..210.0),
        ("mobilenet-v2", &counting, 3_504_872..=3_504_872, 300.0..301.0),
        ("mobilenet-v2", &narrow, 1_950_000..=1_989_999, 96.5..97.9),
        ("mobilenet-v1", &counting, 4_231_976..=4_231_976, 568.0..570.0),
        ("squeezenet-1.0", &counting, 1_248_424..=1_248_424, 815.0..825.0),
        ("squeezenet-1.1", &counting, 1_235_496..=1_235_496, 345.0..355.0),
        ("mnasnet-b1", &counting, 4_383_312..=4_383_312, 312.0..318.0),
        ("mnasnet-a1", &counting, 3_850_000..=3_949_999, 310.0..316.0),
        ("efficientnet-b0", &counting, 5_288_548..=5_288_548, 385.0..391.0),
        ("efficientnet-lite0", &counting, 4_600_000..=4_699_999, 383.0..408.0),
        ("mobilenet-v3-large-lr-aspp", &counting, 3_221_538..=3_221_538, 2_050.0..2_130.0),
    ] {
        let model = written(name, options);
        println!("{}: {} parameters, {:.2} M", model.name, model.parameters, model.macs as f64 / 1e6);
        assert!(parameters.contains(&model.parameters), "{name}: {} parameters", model.parameters);
        assert!(millions.contains(&(model.macs as f64 / 1e6)), "{name}: {} MACs", model.macs);
    }
}

#[test]
fn what_is_written_imports_and_means_the_same_everywhere() {
    for name in Kind::Architecture.names() {
        for (size, width) in [((96, 96), 1.0), ((64, 80), 0.5)] {
            let options = Options { size: Some(size), width, classes: Some(37), ..Options::default() };
            let model = written(name, &options);
            let bytes = model.bytes().unwrap();
            let file = onnx::read(&bytes, None).unwrap();
            let graph = import(&file, &ImportOptions::default()).unwrap_or_else(|e| panic!("{name}: {e:?}")).graph;
            let x = drawn(1, size);
            let ours = run(&graph, &x);
            let (rewritten, _) = passes::run(graph, &passes::Options { keep_sigmoid: true }).unwrap();
            assert_eq!(rewritten.macs(), model.macs, "{name}");
            let passes = difference(&run(&rewritten, &x), &ours);
            let worst = difference(&ours, &oracle(&bytes, &x, false));
            println!("{}: {worst:.1e} relative to tract, {passes:.1e} by the passes", model.name);
            assert!(passes < 1e-4, "{name}: the passes change the meaning: {passes}");
            assert!(worst < 1e-4, "{name}: {worst} relative to tract");
            // Tables are recognised by their depthwise convolutions; SqueezeNet has none.
            let unknown = load(name).unwrap().blocks().is_empty();
            let expected =
                if unknown { "unknown network, 37 outputs".into() } else { format!("{}, 37 classes", model.name) };
            assert_eq!(recognise(&file, &rewritten).unwrap().architecture, expected);
        }
    }
}

/// Activations neither vanish nor explode, and pictures differ in their class.
#[test]
fn answers_differ_from_picture_to_picture() {
    for name in ["mobilenet-v3-small", "mobilenet-v1"] {
        let options = Options { size: Some((128, 128)), ..Options::default() };
        let model = written(name, &options);
        let graph =
            import(&onnx::read(&model.bytes().unwrap(), None).unwrap(), &ImportOptions::default()).unwrap().graph;
        let mut best = std::collections::HashSet::new();
        let mut largest = 0.0f32;
        for index in 100..116 {
            let x = drawn(index, (128, 128));
            let y = run(&graph, &x);
            largest = y.iter().fold(largest, |m, v| m.max(v.abs()));
            best.insert(bakelite::evaluate::top1(&y));
        }
        println!("{name}: {} classes for 16 pictures, answers up to {largest}", best.len());
        assert!(best.len() >= 4, "{name}: only {} classes", best.len());
        assert!((1.0..200.0).contains(&largest), "{name}: {largest}");
    }
}

#[test]
fn the_seed_decides() {
    let spec = load("mobilenet-v3-small").unwrap();
    let bytes = |seed, samples| {
        let options = Options { seed, samples, size: Some((32, 32)), width: 0.25, ..Options::default() };
        write(&spec, &options).unwrap().bytes().unwrap()
    };
    assert_eq!(bytes(1, 2), bytes(1, 2));
    assert_ne!(bytes(1, 2), bytes(2, 2));
    assert_ne!(bytes(1, 2), bytes(1, 0));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let refusal = |name: &str, options: Options| write(&load(name).unwrap(), &options).unwrap_err();
    let wide = Options { width: 1e9, ..Options::default() };
    let huge = Options { size: Some((224, 9999)), ..Options::default() };
    let tiny = Options { size: Some((4, 224)), ..Options::default() };
    let large = Options { size: Some((2048, 2048)), width: 4.0, samples: 0, ..Options::default() };
    let plain = Options { minimalistic: true, ..Options::default() };
    for (error, words) in [
        (refusal("mobilenet-v2", wide), "width of 1000000000"),
        (refusal("mobilenet-v2", huge), "224 × 9999"),
        (refusal("squeezenet-1.0", tiny), "does not fit"),
        (refusal("mobilenet-v1", large), "134217728 elements"),
        (refusal("mobilenet-v1", plain), "no minimalistic variant"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.node.is_some() && error.remedy.is_some(), "{error:?}");
    }
}
