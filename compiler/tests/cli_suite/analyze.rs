//! `analyze`, and its report.

use crate::bakelite::{Run, SHARED, bakelite, names, scratch};
use crate::html::stands_by_itself;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// `analyze` with one scale per tensor, which lets channels starve.
fn analyze() -> Run {
    analyze_on("6", "3")
}

/// The same after calibrating on so many pictures, on others.
fn analyze_on(calibration: &str, analysis: &str) -> Run {
    bakelite(["analyze", "--preprocess", "imagenet", "--recipe", "per-tensor"])
        .args(["--calibration-images", calibration, "--analysis-images", analysis])
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
}

#[test]
fn layers_and_remedies_are_told() {
    let told: Value = serde_json::from_str(&analyze().arg("--json").succeeds().stdout).unwrap();
    let db = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
    assert_eq!(told["pictures"], 3);
    let layers = told["layers"].as_array().expect("layers");
    let alone: Vec<f64> = layers.iter().map(|layer| db(&layer["alone_in_integers_db"])).collect();
    assert!(layers.len() > 40 && alone.iter().any(|db| db.is_finite()), "{told}");
    // One scale per tensor hurts activations more than weights, and no layer alone as much as all of them.
    assert!(db(&told["all_db"]) < db(&told["weights_db"]), "{told}");
    assert!(alone.iter().all(|&alone| alone > db(&told["all_db"])), "{told}");
    // Of three pictures those that changed have another best class.
    let changed = told["changed"].as_array().expect("pictures").len();
    assert_eq!(told["agreement"]["all"].as_f64(), Some(100.0 * (3 - changed) as f64 / 3.0), "{told}");
    assert!(told["agreement"]["weights"].as_f64() >= told["agreement"]["all"].as_f64(), "{told}");
    let remedies: Vec<&str> = layers.iter().filter_map(|layer| layer["remedy"]["option"].as_str()).collect();
    assert!(remedies.iter().any(|remedy| remedy.contains("--recipe fast: a scale for each channel")), "{remedies:?}");
}

#[test]
fn a_report_shows_every_layer_and_stands_by_itself() {
    let folder = scratch();
    let path = folder.path().join("analysis.html");
    let told: Value =
        serde_json::from_str(&analyze().arg("--json").arg("--report").arg(&path).succeeds().stdout).unwrap();
    let html = fs::read_to_string(&path).unwrap();
    assert_eq!(names(folder.path()), ["analysis.html"]);
    stands_by_itself(&html);
    let layers = told["layers"].as_array().unwrap();
    for layer in layers {
        let name = layer["name"].as_str().unwrap();
        assert!(html.contains(&format!("title=\"{name}\"")), "no {name} in the table");
        assert!(html.contains(&format!("<title>{name}: ")), "no {name} in the drawings");
    }
    // Two drawings have a column for each layer.
    assert_eq!(html.matches("<rect class=\"hover\"").count(), 2 * layers.len());
    assert_eq!(html.matches("<circle").count(), layers.len());
    // One scale for all channels lets narrow ones starve; the remedy is a scale for each, or pictures that show the whole range.
    let starved: Vec<&Value> =
        layers.iter().map(|layer| &layer["ranges"]).filter(|ranges| ranges["starved"].as_u64() > Some(0)).collect();
    let helped_by = |words: &str| {
        let remedies = starved.iter().map(|ranges| ranges["remedy"]["option"].as_str().expect("a remedy"));
        remedies.filter(|remedy| remedy.contains(words)).count()
    };
    let [scales, pictures] = ["a scale for each channel", "--calibration-images"].map(helped_by);
    assert!(scales > 5 && scales + pictures == starved.len(), "{scales} and {pictures} in\n{told}");
    assert!(starved.iter().all(|ranges| ranges["worst"][0]["db"].as_f64() < Some(20.0)), "{told}");
}

#[test]
fn a_report_shows_the_pictures_that_changed() {
    let folder = scratch();
    let path = folder.path().join("analysis.html");
    // Calibrated on a single picture, whose ranges are those of no other.
    let run = analyze_on("1", "10").arg("--json").arg("--report").arg(&path).succeeds();
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let html = fs::read_to_string(&path).unwrap();
    stands_by_itself(&html);
    let changed = told["changed"].as_array().unwrap();
    assert!(!changed.is_empty(), "{told}");
    for picture in changed {
        let [float, int8] = ["float_top1", "int8_top1"].map(|key| picture[key].as_u64().unwrap());
        assert!(html.contains(&format!("alt=\"{}\"", picture["file"].as_str().unwrap())), "{picture}");
        assert!(html.contains(&format!("<b>class {float}</b>")) && html.contains(&format!("<b>class {int8}</b>")));
    }
    assert_eq!(html.matches(";base64,").count(), changed.len());
    assert_eq!(html.matches("repaired by").count() + html.matches("no single layer repairs it").count(), changed.len());
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_long_work() {
    let folder = scratch();
    fs::write(folder.path().join("file"), "mine").unwrap();
    for place in ["file/analysis.html", "nowhere/analysis.html", "."] {
        let ran = analyze().arg("--report").arg(folder.path().join(place)).refused("print", &["cannot be written"]);
        assert!(!ran.stderr.contains("calibrat"), "{}", ran.stderr);
    }
    assert_eq!(names(folder.path()), ["file"]);
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
}

#[test]
fn an_analysis_that_fails_leaves_no_report() {
    let folder = scratch();
    let path = folder.path().join("analysis.html");
    fs::write(&path, "older").unwrap();
    bakelite(["analyze", "--images", "nowhere", "--report"])
        .arg(&path)
        .arg(Path::new("nowhere.onnx"))
        .refused("dataset", &["nowhere"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "older");
    assert_eq!(names(folder.path()), ["analysis.html"]);
}
