//! Work in parts: statistics and evaluations merge into exactly what one run gives; what does not belong is refused.

use crate::bakelite::{PICTURES, Run, SHARED, bakelite, compile_on, names, scratch, squeezed};
use onnx_protobuf::{Message, ModelProto};
use std::fs;
use std::path::Path;

fn calibrate(out: &Path) -> Run {
    bakelite(["calibrate", "--preprocess", "imagenet"])
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
        .arg("--out")
        .arg(out)
}

fn merge(parts: &[&Path], out: &Path) -> Run {
    bakelite(["calibrate", "--merge"]).args(parts).arg("--out").arg(out)
}

#[test]
fn parts_of_a_calibration_merge_into_one_run_byte_for_byte() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    for selection in [&[][..], &["--calibration-images", "7", "--seed", "3"]] {
        calibrate(&path("whole")).args(selection).threads(1).succeeds();
        calibrate(&path("1")).args(selection).args(["--shard", "1/2"]).succeeds();
        calibrate(&path("2")).args(selection).args(["--shard", "2/2"]).succeeds();
        merge(&[&path("1"), &path("2")], &path("12")).succeeds();
        merge(&[&path("2"), &path("1")], &path("21")).succeeds();
        let [whole, one, a, b] = ["whole", "1", "12", "21"].map(|name| fs::read(path(name)).unwrap());
        assert!(whole == a && whole == b, "merged parts differ from one run");
        assert_ne!(whole, one);
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    calibrate(&path("1")).args(["--shard", "1/2"]).succeeds();
    calibrate(&path("whole")).succeeds();
    let other = bakelite(["calibrate", "--preprocess", "unit", "--shard", "2/2"]);
    other.arg(&SHARED.model).arg("--images").arg(&SHARED.images).arg("--out").arg(path("unit")).succeeds();
    fs::write(path("text"), "hello").unwrap();
    let cut = fs::read(path("whole")).unwrap();
    fs::write(path("cut"), &cut[..cut.len() / 2]).unwrap();
    let before = names(folder.path());
    for (part, words) in [
        ("whole", &["the parts overlap", "8 images are in both"][..]),
        ("unit", &["another preprocessing"]),
        ("text", &["not a .calib file", "text"]),
        ("cut", &["truncated", "cut"]),
        ("nowhere", &["cannot be read", "nowhere"]),
    ] {
        merge(&[&path("1"), &path(part)], &path("merged")).refused("calibrate", words);
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn statistics_of_another_model_or_preprocessing_are_refused_naming_both() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    calibrate(&path("m.calib")).args(["--calibration-images", "2"]).succeeds();
    let mut model = ModelProto::parse_from_bytes(::bakelite::demo::MODEL).unwrap();
    model.doc_string = "another".into();
    fs::write(path("other.onnx"), model.write_to_bytes().unwrap()).unwrap();
    let hash = |model: &Path| {
        let ran = bakelite(["inspect", "--json"]).arg(model).succeeds();
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()["sha256"].as_str().unwrap().to_owned()
    };
    let (own, other) = (hash(&SHARED.model), hash(&path("other.onnx")));
    assert_ne!(own, other);
    let compile = |model: &Path, preprocess: &str| {
        let run = bakelite(["compile", "--emit", "crate", "--preprocess", preprocess]);
        run.arg(model).arg("--calib").arg(path("m.calib")).arg("--out").arg(path("out"))
    };
    compile(&path("other.onnx"), "imagenet").refused("calibrate", &["another model", &own, &other, "m.calib"]);
    compile(&SHARED.model, "imagenet").arg("--keep-sigmoid").refused("calibrate", &["another model", &own]);
    let ran = compile(&SHARED.model, "unit").refused("calibrate", &["another preprocessing", "m.calib"]);
    let hashes = squeezed(&ran.stderr);
    let hashes: Vec<&str> = hashes.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() >= 64).collect();
    assert!(hashes.len() == 2 && hashes[0] != hashes[1], "both are named: {}", ran.stderr);
    fs::write(path("m.calib"), b"BAKELITE\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").unwrap();
    compile(&SHARED.model, "imagenet").refused("calibrate", &["m.calib"]);
    assert!(!path("out").exists());
}

fn eval() -> Run {
    let run = bakelite(["eval", "--json", "--preprocess", "imagenet", "--calibration-images", "5"]);
    run.arg(&SHARED.model).arg("--images").arg(&SHARED.images).arg("--evaluation").arg(&SHARED.images)
}

#[test]
fn parts_of_an_evaluation_merge_into_one_run() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let summary = |text: &str| {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value["summary"].take()
    };
    let whole = summary(&eval().succeeds().stdout);
    for part in ["1/2", "2/2"] {
        let ran = eval().args(["--shard", part]).succeeds();
        fs::write(path(&part[..1]), ran.stdout).unwrap();
    }
    let merged = bakelite(["eval", "--json", "--merge"]).arg(path("2")).arg(path("1")).succeeds();
    assert_eq!(summary(&merged.stdout), whole);
    assert_eq!((whole["images"].as_u64(), whole["labelled"].as_u64()), (Some(PICTURES as u64), Some(PICTURES as u64)));
    assert!(whole["sqnr_db"].as_f64().unwrap() > 10.0, "{whole}");

    let twice = bakelite(["eval", "--json", "--merge"]).arg(path("1")).arg(path("1"));
    twice.refused("verify", &["part 1 of 2 is there twice"]);
    let half = bakelite(["eval", "--json", "--merge"]).arg(path("1")).succeeds();
    assert!(squeezed(&half.stderr).contains(&squeezed("not all parts are there; missing: 2")), "{}", half.stderr);
    fs::write(path("text"), "hello").unwrap();
    bakelite(["eval", "--merge"]).arg(path("text")).refused("verify", &["not the JSON of a part", "text"]);
    bakelite(["eval", "--merge"]).arg(path("nowhere")).refused("verify", &["cannot be read", "nowhere"]);
}

/// One network's pictures and another's add up to nothing: what the parts do not share is named.
#[test]
fn parts_of_different_evaluations_are_refused() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let part = |name: &str, run: Run| fs::write(path(name), run.succeeds().stdout).unwrap();
    part("1", eval().args(["--shard", "1/2"]));
    let mut model = ModelProto::parse_from_bytes(::bakelite::demo::MODEL).unwrap();
    model.doc_string = "another".into();
    fs::write(path("other.onnx"), model.write_to_bytes().unwrap()).unwrap();
    let with = |arguments: &[&str], model: &Path| {
        let run = bakelite(["eval", "--shard", "2/2", "--preprocess", "imagenet"]).args(arguments);
        run.arg(model).arg("--images").arg(&SHARED.images).arg("--evaluation").arg(&SHARED.images)
    };
    part("model", with(&["--calibration-images", "5"], &path("other.onnx")));
    part("recipe", with(&["--calibration-images", "5", "--recipe", "fast"], &SHARED.model));
    part("calibration", with(&["--calibration-images", "6"], &SHARED.model));
    crate::bakelite::copy_backwards(&SHARED.images, &path("fewer"));
    fs::remove_file(path("fewer/00003.png")).unwrap();
    let fewer = bakelite(["eval", "--preprocess", "imagenet", "--calibration-images", "5", "--shard", "2/2"]);
    let fewer = fewer.arg(&SHARED.model).arg("--images").arg(&SHARED.images);
    part("pictures", fewer.arg("--evaluation").arg(path("fewer")));
    for (file, words) in [
        ("model", "different models or options"),
        ("recipe", "different recipes"),
        ("calibration", "different calibrations"),
        ("pictures", "different sets of pictures"),
    ] {
        let merge = bakelite(["eval", "--merge"]).arg(path("1")).arg(path(file));
        merge.refused("verify", &[words, &path(file).display().to_string()]);
    }
}

#[test]
fn a_part_without_pictures_is_refused() {
    let folder = scratch();
    let run = calibrate(&folder.path().join("m.calib")).args(["--calibration-images", "1", "--shard", "2/2"]);
    run.refused("dataset", &["no pictures", "fewer parts"]);
    eval().args(["--shard", "30/30"]).refused("dataset", &["no pictures are left"]);
    // All of them calibrated on, none left over.
    let none_left =
        bakelite(["eval", "--preprocess", "imagenet"]).arg(&SHARED.model).arg("--images").arg(&SHARED.images);
    none_left.refused("dataset", &["no pictures are left", "--calibration-images"]);
    assert!(names(folder.path()).is_empty());
    // Compiling needs none left over.
    compile_on(999, &SHARED.model, &SHARED.images, &folder.path().join("out")).succeeds();
}
