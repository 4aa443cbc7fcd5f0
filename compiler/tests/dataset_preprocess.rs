//! Preprocess specifications: what ships, what is refused, and the values that the network gets.

use std::fs;

use bakelite::dataset::{Preprocess, Statistics};
use bakelite::graph::Shape;
use bakelite::specs::{self, Kind};
use bakelite_runtime::image::Resize;

const INPUT: Shape = Shape::new(224, 224, 3);

fn preprocess(name: &str, input: Shape) -> Preprocess {
    Preprocess::new(&specs::preprocess::load(name).unwrap(), input).unwrap()
}

#[test]
fn every_file_that_ships_is_compiled_in_and_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/preprocess");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    let names: Vec<_> = Kind::Preprocess.names().map(|name| format!("{name}.yaml")).collect();
    assert_eq!(files, names);
    for name in Kind::Preprocess.names() {
        specs::preprocess::load(name).unwrap();
    }
}

#[test]
fn torchvision_crops_an_eighth_and_normalises_as_pytorch() {
    let torchvision = preprocess("torchvision", INPUT);
    assert_eq!(torchvision.fit.resize, Resize::ShorterSide(256));
    assert_eq!(preprocess("imagenet", INPUT).fit.resize, Resize::ShorterSide(224));
    let values = torchvision.values(&torchvision.table(), &[0, 100, 255]);
    assert_eq!(values, [-2.117_904, -0.285_013_97, 2.64]);
    // FNV-1a of torchvision's ToTensor and Normalize of all codes, channel after channel, little-endian.
    let bytes = torchvision.table().into_iter().flatten().flat_map(f32::to_le_bytes);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, 0xe24d_709a_66de_7cc0);
}

#[test]
fn ranges_of_the_others() {
    for (name, low, high) in
        [("timm-half", -1.0, 1.0), ("keras", 0.0, 255.0), ("unit", 0.0, 1.0), ("paddleocr", -1.0, 1.0)]
    {
        let preprocess = preprocess(name, INPUT);
        assert_eq!(preprocess.values(&preprocess.table(), &[0; 3]), [low; 3], "{name}");
        assert_eq!(preprocess.values(&preprocess.table(), &[255; 3]), [high; 3], "{name}");
        let (scale, offset) = (preprocess.scale(), preprocess.offset());
        for i in 0..3 {
            assert!((scale[i] * 255.0 + offset[i] - f64::from(high)).abs() < 1e-6, "{name}");
        }
        assert_eq!(preprocess.is_raw(), name == "keras");
    }
}

#[test]
fn paddleocr_swaps_channels_and_pads_with_the_middle() {
    let paddle = preprocess("paddleocr", Shape::new(48, 192, 3));
    assert_eq!((paddle.fit.resize, paddle.fit.pad), (Resize::KeepRatioPad, [128; 3]));
    assert_eq!(paddle.values(&paddle.table(), &[0, 51, 255]), [1.0, -0.6, -1.0]);
}

#[test]
fn hashes_tell_preprocessings_apart_and_nothing_else() {
    let hashes: std::collections::BTreeSet<_> =
        Kind::Preprocess.names().map(|name| preprocess(name, INPUT).hash().to_string()).collect();
    assert_eq!(hashes.len(), Kind::Preprocess.names().count());
    assert_ne!(preprocess("unit", INPUT).hash(), preprocess("unit", Shape::new(192, 192, 3)).hash());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    fs::write(&path, "resize: shorter-side\nside: 224\nmean: [0.0, 0, 0]\ndivisor: 255.0\n").unwrap();
    assert_eq!(preprocess(path.to_str().unwrap(), INPUT).hash(), preprocess("unit", INPUT).hash());
}

#[test]
fn faults_are_named_with_file_line_and_known_names() {
    let error = specs::preprocess::load("torchvison").unwrap_err();
    let text = format!("{error} {}", error.remedy.clone().unwrap());
    assert!(text.contains("torchvison") && text.contains("timm-half"), "{text}");
    let error = specs::load::<specs::preprocess::PreprocessSpec>(Kind::Recipe, "nowhere/file.yaml").unwrap_err();
    assert!(error.to_string().contains("nowhere/file.yaml"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    for (text, words) in [
        ("resize: shorter-side\ndivsor: 255\n", &["divsor", "line 2", "divisor"][..]),
        ("resize: shorter\n", &["line 1", "shorter-side"]),
        ("divisor: 255\n", &["resize"]),
        ("resize: [", &["line 1"]),
        ("resize: squash\nmean: [1, 2]\n", &["line 2"]),
        ("resize: squash\nstd: [1, 0, 1]\n", &["not 0"]),
        ("resize: squash\ndivisor: .nan\n", &["finite"]),
        ("resize: shorter-side\ncrop-ratio: 1.5\n", &["crop-ratio"]),
        ("resize: squash\nside: 7\n", &["shorter-side"]),
        ("resize: shorter-side\nside: 0\n", &["at least one"]),
        ("", &["resize"]),
    ] {
        fs::write(&path, text).unwrap();
        let error = specs::preprocess::load(path.to_str().unwrap()).unwrap_err();
        println!("{error}");
        assert_eq!(error.node.as_deref(), path.to_str());
        assert!(words.iter().all(|word| error.cause.contains(word)), "{text:?}: {error}");
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(specs::preprocess::load(path.to_str().unwrap()).is_err());
    assert!(specs::preprocess::load(folder.path().to_str().unwrap()).is_err());
}

#[test]
fn networks_of_another_size_or_kind_are_refused() {
    let mut spec = specs::preprocess::load("paddleocr").unwrap();
    spec.size = Some(specs::preprocess::Size { height: 48, width: 192 });
    assert!(Preprocess::new(&spec, Shape::new(48, 192, 3)).is_ok());
    let error = Preprocess::new(&spec, INPUT).unwrap_err();
    assert!(error.cause.contains("48 × 192") && error.remedy.is_some(), "{error}");
    assert!(Preprocess::new(&spec, Shape::new(224, 224, 1)).is_err());
    assert!(Preprocess::new(&spec, Shape::new(0, 224, 3)).is_err());
}

#[test]
fn suspicious_statistics_are_said() {
    // Photo-like: mean 115, deviation about 70.
    let photo: Vec<u8> = (0..30_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 / 10 * 9).collect();
    let mut statistics = Statistics::of(&photo[..15_000]);
    statistics.merge(&Statistics::of(&photo[15_000..]));
    assert_eq!(statistics, Statistics::of(&photo));
    let warnings = |name: &str, in_graph| statistics.warnings(&preprocess(name, INPUT), in_graph).join("\n");
    for name in ["torchvision", "timm-half", "unit", "paddleocr", "imagenet"] {
        assert_eq!(warnings(name, false), "", "{name}");
        assert!(warnings(name, true).contains("once more"), "{name}");
    }
    assert_eq!(warnings("keras", true), "");
    assert!(warnings("keras", false).contains("0…255"));
    let mut far = preprocess("torchvision", INPUT);
    far.divisor = 20.0;
    assert!(statistics.warnings(&far, false).join("").contains("far from"));
    let flat = Statistics::of(&[120; 3000]);
    assert!(flat.warnings(&preprocess("unit", INPUT), false).join("").contains("contrast"));
    assert!(Statistics::default().warnings(&preprocess("unit", INPUT), false).is_empty());
}
