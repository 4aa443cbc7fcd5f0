//! The published models against tract, where they are there: `../shared/models` beside the workspace, or below
//! `BAKELITE_SHARED`.

use crate::builder::*;
use bakelite::import::{ImportOptions, import};
use bakelite::{onnx, passes, recognise::recognise};
use std::path::{Path, PathBuf};

fn models() -> Vec<PathBuf> {
    let shared = std::env::var("BAKELITE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_string());
    let folder = Path::new(&shared).join("models");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no models at {} (set BAKELITE_SHARED)", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn tract_agrees_on_every_model_that_must_import() {
    for path in models() {
        let name = stem(&path);
        if !name.starts_with("mobilenet_v") && !name.starts_with("fundus_") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let model = onnx::read(&bytes, path.parent()).unwrap();
        let graph = import(&model, &ImportOptions::default()).unwrap_or_else(|e| panic!("{name}: {e:?}")).graph;
        let keras = name.contains("keras");
        let x = image(&graph).mapv(|v| if keras { v * 31.875 + 127.5 } else { v / 4.0 });
        let imported = run(&graph, &x);
        let (rewritten, _) = passes::run(graph, &passes::Options { keep_sigmoid: true }).unwrap();
        assert!(difference(&run(&rewritten, &x), &imported) < 1e-5, "{name}: the passes change the meaning");
        let expected = oracle(&bytes, &x, keras);
        let worst = difference(&imported, &expected);
        println!("{name}: {worst:.1e} relative to tract");
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn every_model_is_canonical_after_the_passes_and_recognised() {
    let expected = [
        ("fundus_mobilenet_v3_small", "MobileNetV3-Small, width 1.0, 11 classes", "torchvision"),
        ("mobilenet_v1_025", "MobileNetV1, width 0.25, 1001 classes", "timm-half"),
        ("mobilenet_v2_imagenet", "MobileNetV2, width 1.0, 1001 classes", "timm-half"),
        ("mobilenet_v3_large_minimalistic", "MobileNetV3-Large minimalistic, width 1.0, 1000 classes", "timm-half"),
        ("mobilenet_v3_small_imagenet.keras", "MobileNetV3-Small, width 1.0, 1000 classes", "keras"),
        ("mobilenet_v3_small_imagenet", "MobileNetV3-Small, width 1.0, 1000 classes", "timm-half"),
        ("text_direction", "MobileNetV3-Small, width 0.35, 2 classes", "paddleocr"),
    ];
    for path in models() {
        let name = stem(&path);
        let Some((_, architecture, preprocess)) = expected.iter().find(|(prefix, ..)| name.starts_with(prefix)) else {
            continue;
        };
        let model = onnx::read(&std::fs::read(&path).unwrap(), path.parent()).unwrap();
        let input_size = name.starts_with("text_direction").then_some((48, 192));
        let graph = import(&model, &ImportOptions { input_size }).unwrap().graph;
        let (graph, _) = passes::run(graph, &passes::Options::default()).unwrap();
        let text = graph.to_string();
        assert!(!text.contains("affine") && !text.contains("= relu") && !text.contains("hard_sigmoid(%"), "{text}");
        let recognised = recognise(&model, &graph).unwrap();
        assert_eq!((recognised.architecture.as_str(), recognised.preprocess), (*architecture, *preprocess), "{name}");
        if !name.starts_with("text_direction") {
            assert_eq!(recognised.differences, Vec::<String>::new(), "{name}");
        }
        println!("{name}: {} MACs, {} parameters", recognised.macs, recognised.parameters);
    }
}

#[test]
fn segmentation_imports_and_the_passes_keep_its_meaning() {
    for path in models() {
        if stem(&path).starts_with("selfie") {
            let model = onnx::read(&std::fs::read(&path).unwrap(), path.parent()).unwrap();
            let graph = import(&model, &ImportOptions::default()).unwrap().graph;
            let answer = graph.shape(graph.outputs[0]);
            assert_eq!([answer.height, answer.width, answer.channels], [256, 256, 1]);
            let x = image(&graph).mapv(|v| v / 8.0 + 0.5);
            let imported = run(&graph, &x);
            let (rewritten, _) = passes::run(graph, &passes::Options { keep_sigmoid: true }).unwrap();
            assert!(difference(&run(&rewritten, &x), &imported) < 1e-5);
            // Nothing is left that an integer operation of its own would have to do between convolutions.
            assert!(!rewritten.to_string().contains("affine"), "{rewritten}");
        }
    }
}
