//! What machines read.

use crate::bakelite::{DEMO, HELD_OUT, SHARED, bakelite, compile, scratch};
use serde_json::Value;
use std::fs;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}:\n{text}"))
}

#[test]
fn inspect() {
    let value = json(&bakelite(["inspect", "--json"]).arg(&SHARED.model).succeeds().stdout);
    assert_eq!(value["compiles"], true);
    assert_eq!(value["input"]["shape"], serde_json::json!([96, 96, 3]));
    assert_eq!(value["outputs"][0]["shape"], serde_json::json!([1, 1, 10]));
    assert!(value["macs"].as_u64() > Some(10_000_000) && value["parameters"].as_u64() > Some(1_000_000), "{value}");
    let table = bakelite(["inspect", "--layers"]).arg(&SHARED.model).succeeds().stdout;
    assert!(table.contains("MobileNetV3"), "{table}");
}

#[test]
fn targets() {
    let value = json(&bakelite(["targets", "--json"]).succeeds().stdout);
    let targets = value["targets"].as_array().unwrap();
    assert!(
        targets
            .iter()
            .any(|target| target["name"] == "cortex-a76" && target["kernels"] == serde_json::json!(["neondot"])),
        "{value}"
    );
    assert_eq!(targets.iter().filter(|target| target["native"] == true).count(), 1);
    let text = bakelite(["targets"]).succeeds().stdout;
    for name in targets.iter().map(|t| &t["name"]).chain(value["recipes"].as_array().unwrap()) {
        assert!(text.contains(name.as_str().unwrap()), "no {name} in\n{text}");
    }
}

#[test]
fn compile_explains_every_layer() {
    let folder = scratch();
    let explain = |target: &str, more: &[&str]| {
        let run = compile(&SHARED.model, &SHARED.images, &folder.path().join(target)).args(["--target", target]);
        run.args(["--explain"]).args(more).succeeds().stdout
    };
    let value = json(&explain("x86-64-avx2", &["--json"]));
    let explanation = &value["explanations"][0];
    assert_eq!((&explanation["kernels"], value["explanations"].as_array().unwrap().len()), (&"avx2".into(), 1));
    let layers = explanation["layers"].as_array().unwrap();
    let products: Vec<&Value> = layers.iter().filter(|layer| layer["kernel"] == "pointwise").collect();
    assert!(products.len() > 10 && layers.len() > products.len(), "{explanation}");
    for layer in &products {
        let [pairs, instructions] = ["pairs", "instructions"].map(|key| layer["safe"][key].as_f64().unwrap());
        assert!(pairs > 50.0 && pairs <= 100.0 && (0.0..=pairs).contains(&instructions), "{layer}");
        assert!(layer["tile"][0].as_u64() >= Some(1) && layer["idle_lanes"].as_f64() < Some(50.0), "{layer}");
    }
    let fused = |what: &str| layers.iter().any(|it| it["fused"].as_array().unwrap().contains(&what.into()));
    assert!(fused("hard-swish") && fused("sum with another map") && fused("gate in the weights"), "{explanation}");
    // As a table: only AVX2 has pairs to prove, only a target of several sets has several tables.
    assert!(explain("x86-64-avx2", &[]).contains("vpmaddwd"));
    let told = explain("aarch64-multi", &["--memory", "least"]);
    assert!(
        !told.contains("safe in i16") && told.contains("products by sdot") && told.contains("products by usmmla"),
        "{told}"
    );
    assert!(json(&compile(&SHARED.model, &SHARED.images, &folder.path().join("plain")).arg("--json").succeeds().stdout)["explanations"].is_null());
}

#[test]
fn compile_tells_what_it_made() {
    let folder = scratch();
    let out = folder.path().join("out");
    let value = json(
        &compile(&SHARED.model, &SHARED.images, &out).args(["--json", "--target", "cortex-a76"]).succeeds().stdout,
    );
    assert_eq!((&value["target"], &value["kernels"]), (&"cortex-a76".into(), &"neondot".into()));
    assert_eq!((&value["program"], &value["accuracy"]["images"]), (&Value::Null, &10.into()));
    // What the core would take, layer by layer.
    let estimate = &value["estimates"][0];
    assert_eq!((&estimate["kernels"], &estimate["unknown"]), (&"neondot".into(), &serde_json::json!([])));
    let layers = estimate["layers"].as_array().unwrap();
    let instructions: Vec<f64> = layers.iter().map(|layer| layer["instructions"].as_f64().unwrap()).collect();
    assert!(layers.len() > 40 && instructions.iter().all(|&it| it > 0.0), "{estimate}");
    let (sum, all) = (instructions.iter().sum::<f64>(), estimate["instructions"].as_f64().unwrap());
    assert!((sum / all - 1.0).abs() < 1e-9 && (1e6..1e7).contains(&all), "{sum} {all}");
    let cycles = estimate["cycles"]["cortex-a76"].as_f64().unwrap();
    assert!((0.1..1.5).contains(&(cycles / all)), "{cycles} cycles, {all} instructions");
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("Arm cores, estimated") && report.contains("cycles, cortex-a76"));
    let mark = json(&fs::read_to_string(out.join("bakelite.json")).unwrap());
    assert_eq!((&mark["outputs"], &mark["calibration"]["images"]), (&10.into(), &6.into()));
    assert_eq!(mark["input"], serde_json::json!([96, 96, 3]));
}

#[test]
fn bench() {
    let value = json(
        &bakelite(["bench", "--json", "--iterations", "3", "--kernels", "portable"])
            .arg(&SHARED.model)
            .succeeds()
            .stdout,
    );
    let layers = value["layers"].as_array().unwrap();
    assert!(layers.len() > 40 && layers.iter().all(|layer| layer["median_ns"].as_f64() > Some(0.0)), "{value}");
    assert_eq!(value["kernels"], "portable");
    assert!(value["roofline"]["peak_gmacs"].as_f64() > Some(0.0), "{value}");
    let sizes = value["roofline"]["bandwidth"].as_array().unwrap();
    // The last one is all that the network holds: more weights than parameters of a byte, since they are padded.
    assert!(sizes.iter().is_sorted_by_key(|it| it["bytes"].as_u64()) && sizes.len() > 5, "{value}");
    assert!(sizes.last().unwrap()["bytes"].as_u64() > Some(1_500_000), "{value}");
    // A bound is never nothing, and no longer than the products and bytes take one after the other.
    let sum = |key: &str| layers.iter().map(|layer| layer[key].as_f64().unwrap()).sum::<f64>();
    assert!(layers.iter().all(|layer| layer["bound_ns"].as_f64() > Some(0.0)), "{value}");
    let (share, bound) = (value["share"].as_f64().unwrap(), value["bound_ns"].as_f64().unwrap());
    assert!(
        (sum("bound_ns") / bound - 1.0).abs() < 1e-9 && (bound / sum("median_ns") / share - 1.0).abs() < 1e-9,
        "{value}"
    );
    assert_eq!(value["macs"].as_f64(), Some(sum("macs")));
}

#[test]
fn demo() {
    let value = &DEMO.outcome;
    assert_eq!(value["accuracy"]["images"], HELD_OUT);
    assert_eq!((&value["verified"]["images"], &value["verified"]["files"]), (&HELD_OUT.into(), &HELD_OUT.into()));
    assert!(value["accuracy"]["agreement"].as_f64() >= Some(80.0), "{value}");
    assert!(value["latency_ms"][0].as_f64() > Some(0.0) && value["arena"].as_u64() > Some(1000), "{value}");
    assert!(value["contents"]["libraries"].as_array().is_some_and(Vec::is_empty), "a static program: {value}");
}

#[test]
fn commands_that_take_a_compiled_crate() {
    let (folder, held_out) = (DEMO.folder.join("crate"), DEMO.folder.join("held-out"));
    let value = json(&bakelite(["eval", "--json", "--evaluation"]).arg(&held_out).arg(&folder).succeeds().stdout);
    assert_eq!(value["labelled"], HELD_OUT);
    assert_eq!(value["int8_top1"], DEMO.outcome["accuracy"]["int8_top1"]);
    let value = json(&bakelite(["bench", "--json"]).arg(&folder).succeeds().stdout);
    assert!(value["median_ms"].as_f64() >= value["min_ms"].as_f64() && value["min_ms"].as_f64() > Some(0.0), "{value}");
    bakelite(["bench"]).arg(&held_out).refused("arguments", &["bakelite.json", "bakelite compile"]);
}

#[test]
fn completions() {
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef bakelite"), ("fish", "complete -c bakelite")] {
        let script = bakelite(["completions", shell]).succeeds().stdout;
        assert!(script.contains(word) && script.contains("calibration-images"), "{shell}:\n{script}");
    }
}

#[test]
fn kernels_alone_are_verified_too() {
    let folder = crate::bakelite::scratch();
    let ran = bakelite(["verify", "--kernels", "--json", "--calibration-images", "8", "--verify-images", "4", "--out"])
        .arg(folder.path().join("crate"))
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
        .succeeds();
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(said["images"], 8);
    assert_eq!(said["kernels"].as_array().and_then(|all| all.last()), Some(&"portable".into()));
    assert!(crate::bakelite::names(folder.path()).is_empty());
}
