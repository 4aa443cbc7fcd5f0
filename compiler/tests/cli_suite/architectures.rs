//! `model`: networks from tables.

use crate::bakelite::{SHARED, bakelite, compile, names, scratch};
use std::fs;

#[test]
fn a_written_network_is_recognised_and_compiles() {
    let folder = scratch();
    let (model, out) = (folder.path().join("net.onnx"), folder.path().join("out"));
    let words = ["mobilenet-v3-small", "--width", "0.35", "--size", "48x64", "--classes", "7", "--seed", "3", "--json"];
    let ran = bakelite(["model"]).args(words).arg("--out").arg(&model).succeeds();
    let written: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let ran = bakelite(["inspect", "--json"]).arg(&model).succeeds();
    let inspected: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(written["macs"], inspected["macs"]);
    assert_eq!(inspected["architecture"], "MobileNetV3-Small, width 0.35, 7 classes");
    assert_eq!(inspected["input"]["shape"], written["input"]);
    assert_eq!(inspected["compiles"], true);
    compile(&model, &SHARED.images, &out).succeeds();
    assert_eq!(names(folder.path()), ["net.onnx", "out"]);
}

#[test]
fn tables_of_ones_own_are_read_and_wrong_ones_refused() {
    let folder = scratch();
    let (table, model) = (folder.path().join("mine.yaml"), folder.path().join("net.onnx"));
    let write = |text: &str| {
        fs::write(&table, text).unwrap();
        bakelite(["model", "--size", "32"]).arg(&table).arg("--out").arg(&model)
    };
    let head = "name: Mine\nclasses: 5\nlayers:\n  - [conv, 3, 8, RE, 2]\n";
    let ran = write(&format!("{head}  - [mean]\n  - [dense, classes, \"-\"]\n")).succeeds();
    assert!(ran.stdout.contains("Mine, width 1.0, 32×32×3, 5 classes: 277 parameters"), "{}", ran.stdout);
    fs::remove_file(&model).unwrap();
    write(&format!("{head}  - [dense, classes, \"-\"]\n")).refused("model", &["layer1", "[mean]"]);
    write(&format!("{head}  - [lr-aspp, 8]\n")).refused("model", &["layer1", "[keep]"]);
    write(&format!("{head}  - [bneck, 3, 8]\n")).refused("specs", &["mine.yaml", "line", "output channels"]);
    write("name: Mine\nlayers: []\n").refused("specs", &["mine.yaml", "no layer with channels"]);
    write("name: Mine\nlayers:\n  - [valid-conv, 31, 8, RE, 1]\n  - [max-pool, 9, 1]\n").refused("model", &["--size"]);
    let unknown = bakelite(["model", "resnet-50"]).arg("--out").arg(&model);
    unknown.refused("specs", &["resnet-50", "mobilenet-v3-large", "squeezenet-1.1", ".yaml"]);
    let lost = folder.path().join("nowhere").join("net.onnx");
    bakelite(["model", "mobilenet-v2", "--size", "32"])
        .arg("--out")
        .arg(&lost)
        .refused("model", &["nowhere", "folder exists"]);
    assert_eq!(names(folder.path()), ["mine.yaml"]);
}
