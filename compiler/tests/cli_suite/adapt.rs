//! `adapt`.

use crate::bakelite::{Run, SHARED, bakelite, compile, scratch, shared};
use std::fs;
use std::path::Path;

fn adapt(model: &Path, images: &Path, out: &Path) -> Run {
    let run = bakelite(["adapt", "--preprocess", "imagenet", "--calibration-images", "12", "--step", "0.02"]);
    run.arg("--images").arg(images).arg(model).arg("--out").arg(out)
}

#[test]
fn a_smaller_network_is_found_written_and_compiles() {
    let folder = scratch();
    let (out, again) = (folder.path().join("smaller.onnx"), folder.path().join("again.onnx"));
    let run = adapt(&SHARED.model, &SHARED.images, &out).args(["--target", "cortex-a76", "--cost", "0.9", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&run.succeeds().stdout).expect("JSON");
    let [before, after] = ["before", "after"].map(|key| found[key].as_f64().expect("a number"));
    assert!(found["reached"].as_bool().unwrap() && after <= 0.9 * before && after > 0.5 * before, "{found}");
    assert_eq!(found["unit"], "M instructions");
    let steps = found["steps"].as_array().expect("steps");
    assert!(!steps.is_empty(), "{found}");
    let mut cost = 1.0;
    for step in steps {
        assert!(
            step["to"].as_u64() < step["from"].as_u64() && step["cost"].as_f64().unwrap() <= cost - 0.019,
            "{step}"
        );
        cost = step["cost"].as_f64().unwrap();
    }
    // The first step costs the answers little: the channels that are missed least, and their readers fitted.
    assert!(steps[0]["sqnr_db"].as_f64().unwrap() > 15.0, "{found}");
    // The file is what was found: as large, and it compiles.
    let read = bakelite(["inspect", "--json"]).arg(&out).succeeds().stdout;
    let read: serde_json::Value = serde_json::from_str(&read).expect("JSON");
    assert_eq!(read["macs"], found["macs"]);
    assert_eq!(read["parameters"], found["parameters"]);
    assert!(found["macs"].as_u64().unwrap() < macs(&SHARED.model));
    compile(&out, &SHARED.images, &folder.path().join("crate")).succeeds();
    // The same with one thread, byte for byte, and as a table.
    let mut run = adapt(&SHARED.model, &SHARED.images, &again).args(["--target", "cortex-a76", "--cost", "0.9"]);
    run.0.env("RAYON_NUM_THREADS", "1");
    let told = run.succeeds().stdout;
    assert!(told.contains("M instructions") && told.contains("agreement"), "{told}");
    assert!(fs::read(&out).unwrap() == fs::read(&again).unwrap(), "threads matter");
}

fn macs(model: &Path) -> u64 {
    let read = bakelite(["inspect", "--json"]).arg(model).succeeds().stdout;
    serde_json::from_str::<serde_json::Value>(&read).expect("JSON")["macs"].as_u64().expect("a number")
}

/// On the machine itself the clock is real: what it says may differ from run to run, that it is asked may not.
#[test]
fn the_machine_at_hand_is_timed() {
    let folder = scratch();
    let out = folder.path().join("smaller.onnx");
    let run = adapt(&SHARED.model, &SHARED.images, &out).args(["--cost", "0.97", "--json"]).run();
    if run.stderr.contains("there is no estimate") {
        println!("skipped: {}", run.stderr);
        return;
    }
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let unit = if cfg!(target_arch = "aarch64") { "M instructions" } else { "ms" };
    assert_eq!(found["unit"], unit);
    assert!(found["before"].as_f64().unwrap() > 0.0 && out.is_file(), "{found}");
}

#[test]
fn what_cannot_be_adapted_is_said_before_the_search() {
    let folder = scratch();
    let out = folder.path().join("smaller.onnx");
    bakelite(["adapt", "--out"]).arg(&out).arg(&SHARED.model).refused("arguments", &["no pictures", "--images"]);
    for cost in ["0", "1", "1.5", "-0.2", "NaN", "half"] {
        adapt(&SHARED.model, &SHARED.images, &out).arg(format!("--cost={cost}")).misused(&[cost, "between 0 and 1"]);
    }
    let few =
        bakelite(["adapt", "--calibration-images", "3", "--target", "cortex-a76", "--images"]).arg(&SHARED.images);
    few.arg(&SHARED.model).arg("--out").arg(&out).refused("adapt", &["too few pictures", "at least 4"]);
    let nowhere = folder.path().join("nowhere/x.onnx");
    adapt(&SHARED.model, &SHARED.images, &nowhere).refused("adapt", &["cannot be written"]);
    let target = ["--target", "thumbv7em"];
    adapt(&SHARED.model, &SHARED.images, &out)
        .args(target)
        .refused("adapt", &["there is no estimate", "bakelite targets"]);
    let map = folder.path().join("map.onnx");
    bakelite(["model", "mobilenet-v3-large-lr-aspp", "--size", "64", "--out"]).arg(&map).succeeds();
    adapt(&map, &SHARED.images, &out).refused("adapt", &["answers a map", "classifier"]);
    assert!(!out.exists());
}

/// Trained networks of few classes have channels to spare.
#[test]
fn a_trained_network_of_two_classes_gives_channels_away() {
    let (Some(models), Some(images)) = (shared("models"), shared("images")) else { return };
    let folder = scratch();
    let model = models.join("text_direction_mobilenet_v3_small_035.paddle2onnx.onnx");
    let run =
        bakelite(["adapt", "--input-size", "48x192", "--target", "cortex-a76", "--cost", "0.93", "--json", "--images"]);
    let run = run.arg(images.join("text_direction")).arg(&model).arg("--out").arg(folder.path().join("smaller.onnx"));
    let found: serde_json::Value = serde_json::from_str(&run.succeeds().stdout).expect("JSON");
    let last = found["steps"].as_array().and_then(|steps| steps.last()).expect("steps");
    assert!(last["agreement"].as_f64().unwrap() >= 95.0 && last["sqnr_db"].as_f64().unwrap() > 15.0, "{found}");
}
