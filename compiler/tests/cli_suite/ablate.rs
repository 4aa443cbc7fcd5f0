//! What each step is worth, on the demo network.

use crate::bakelite::{PICTURES, Run, SHARED, bakelite, scratch};
use serde_json::Value;
use std::fs;

fn ablate(recipe: &str) -> Run {
    bakelite(["ablate", "--preprocess", "imagenet", "--calibration-images", "6", "--seeds", "2", "--recipe", recipe])
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
}

#[test]
fn every_step_is_switched_off_in_turn() {
    let folder = scratch();
    let file = folder.path().join("recipe.yaml");
    fs::write(&file, "description: two steps\nsteps: [channel-weights, channel-scales, gates-in-weights, bias]\n")
        .unwrap();
    let recipe = file.display().to_string();
    let told = ablate(&recipe).args(["--json", "--evaluation"]).arg(&SHARED.images).succeeds().stdout;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["images"], &told["calibration_images"]), (&PICTURES.into(), &6.into()));
    assert_eq!(told["seeds"], serde_json::json!([0, 1]));
    let rows = told["rows"].as_array().expect("rows");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "per-tensor",
            "and channel-scales",
            "all steps",
            "without channel-weights",
            "without channel-scales",
            "without gates-in-weights",
            "without bias"
        ]
    );
    let figures = |name: &str| &rows.iter().find(|row| row["name"] == name).expect("a row")["figures"];
    // The same steps give the same network, whichever way they are reached; two seeds are two networks.
    assert_eq!(figures("without bias"), figures("and channel-scales"));
    let seeds = |name: &str| figures(name)["seeds"].as_array().expect("seeds").clone();
    assert!(seeds("all steps").len() == 2 && seeds("all steps")[0] != seeds("all steps")[1], "{told}");
    // Every row is the network that `eval` judges with these steps.
    for (name, steps) in [
        ("all steps", "channel-weights, channel-scales, gates-in-weights, bias"),
        ("per-tensor", "channel-weights, gates-in-weights"),
        ("without channel-weights", "channel-scales, gates-in-weights, bias"),
    ] {
        fs::write(&file, format!("description: these\nsteps: [{steps}]\n")).unwrap();
        let eval = bakelite(["eval", "--json", "--preprocess", "imagenet", "--calibration-images", "6", "--seed", "1"]);
        let eval = eval.args(["--recipe", &recipe, "--images"]).arg(&SHARED.images).arg(&SHARED.model);
        let eval: Value =
            serde_json::from_str(&eval.arg("--evaluation").arg(&SHARED.images).succeeds().stdout).expect("JSON");
        assert_eq!(eval["summary"], seeds(name)[1], "{name}");
    }
}

#[test]
fn without_other_pictures_those_left_over_are_compared_on() {
    let table = ablate("per-tensor").succeeds().stdout;
    let shown = format!("{} pictures, calibrated on 6, 2 choices of them", PICTURES - 6);
    assert!(table.contains("without gates-in-weights") && table.contains(&shown), "{table}");
    let none = bakelite(["ablate", "--preprocess", "imagenet"]).arg(&SHARED.model).arg("--images").arg(&SHARED.images);
    none.refused("dataset", &["no pictures are left", "--calibration-images"]);
    bakelite(["ablate"]).arg(&SHARED.model).refused("arguments", &["no pictures to calibrate on", "--images"]);
}
