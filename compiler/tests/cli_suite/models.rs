//! Files that are no model, or not one that can be compiled: a stated refusal, and nothing written.

use crate::bakelite::{Run, SHARED, bakelite, compile, names, scratch};
use crate::builder::{Net, int, ints};
use onnx_protobuf::{StringStringEntryProto, TensorProto};
use std::fs;
use std::path::Path;

/// Every command that reads a model refuses it in the same words and leaves nothing behind.
fn refused_by_all(model: &Path, stage: &str, words: &[&str]) {
    let folder = scratch();
    let out = folder.path().join("out");
    let with_images = |command: &str| -> Run {
        bakelite([command]).arg(model).arg("--images").arg(&SHARED.images).arg("--out").arg(&out)
    };
    compile(model, &SHARED.images, &out).refused(stage, words);
    with_images("calibrate").refused(stage, words);
    bakelite(["inspect", "--json"]).arg(model).refused(stage, words);
    bakelite(["eval"]).arg(model).arg("--images").arg(&SHARED.images).refused(stage, words);
    bakelite(["bench"]).arg(model).refused(stage, words);
    assert!(names(folder.path()).is_empty(), "left behind: {:?}", names(folder.path()));
}

fn refused_bytes(bytes: &[u8], stage: &str, words: &[&str]) {
    let folder = scratch();
    let model = folder.path().join("model.onnx");
    fs::write(&model, bytes).unwrap();
    refused_by_all(&model, stage, words);
    assert_eq!(names(folder.path()), ["model.onnx"]);
}

#[test]
fn files_that_are_no_model() {
    refused_bytes(b"", "read", &["empty"]);
    refused_bytes(b"This is a text file, and no model at all.\n", "read", &[]);
    refused_bytes(&::bakelite::emit::noise_image(7, 5000), "read", &[]);
    refused_bytes(&fs::read(SHARED.images.join("00000.png")).unwrap(), "read", &[]);
    let whole = ::bakelite::demo::MODEL;
    for length in [whole.len() - 1, whole.len() / 2, 1000, 7, 1] {
        let folder = scratch();
        let model = folder.path().join("model.onnx");
        fs::write(&model, &whole[..length]).unwrap();
        refused_by_all(&model, "read", &[]);
    }
}

#[test]
fn a_folder_or_nothing_in_place_of_a_model() {
    let folder = scratch();
    compile(folder.path(), &SHARED.images, &folder.path().join("out")).refused("read", &["directory", ".onnx"]);
    bakelite(["inspect"]).arg(folder.path()).refused("read", &["directory"]);
    assert!(names(folder.path()).is_empty());
    refused_by_all(&folder.path().join("nowhere.onnx"), "read", &["nowhere.onnx", "cannot be read"]);
}

#[test]
fn dimensions_that_make_no_sense() {
    for (dims, words) in [
        (["1", "3", "100000", "100000"], &["an image of"][..]),
        (["1", "3", "-5", "8"], &["leaves the height of the image open"]),
        (["1", "3", "8", "9223372036854775807"], &["9223372036854775807"]),
    ] {
        refused_bytes(&Net::new(13, &dims).node("Relu", &["x"], "y", &[]).bytes(), "import", words);
    }
    let tensor =
        |dims: &[i64]| TensorProto { name: "w".into(), dims: dims.to_vec(), data_type: 1, ..Default::default() };
    for dims in [&[-1, 3, 1, 1][..], &[i64::MAX, i64::MAX, 1, 1], &[1 << 40, 3, 1, 1]] {
        let net = Net::new(13, &["1", "3", "8", "8"]).tensor(tensor(dims)).node("Conv", &["x", "w"], "y", &[]);
        refused_bytes(&net.bytes(), "read", &["w"]);
    }
}

#[test]
fn graphs_that_cannot_be_walked() {
    let net = || Net::new(13, &["1", "3", "8", "8"]);
    let missing = net().node("Conv", &["x", "nowhere"], "y", &[]);
    refused_bytes(&missing.bytes(), "import", &["“nowhere” is read, but nothing produces it"]);
    let cycle = net().node("Add", &["x", "b"], "a", &[]).node("Relu", &["a"], "b", &[]).node("Relu", &["b"], "y", &[]);
    refused_bytes(&cycle.bytes(), "import", &["cycle"]);
    let ranks = net().weights("w", &[2, 3]).node("Conv", &["x", "w"], "y", &[]);
    refused_bytes(&ranks.bytes(), "import", &["n_y"]);
    let groups = net().conv("x", "y", [2, 3, 3], &[int("group", 2)]);
    refused_bytes(&groups.bytes(), "import", &["n_y", "2 groups of 3 channels"]);
    let strides = net().conv("x", "y", [2, 3, 3], &[ints("strides", &[0, 1])]);
    refused_bytes(&strides.bytes(), "import", &["strides [0, 1]"]);
}

#[test]
fn weights_outside_of_the_models_folder() {
    let folder = scratch();
    let inner = folder.path().join("models");
    fs::create_dir(&inner).unwrap();
    fs::write(folder.path().join("secret"), [0; 64]).unwrap();
    for (place, words) in [
        ("../secret", &["../secret", "outside of the model's folder"][..]),
        ("/etc/passwd", &["/etc/passwd", "outside"]),
        ("link", &["link", "leaves the model's folder"]),
        ("absent", &["absent", "cannot be read"]),
    ] {
        let entry = StringStringEntryProto { key: "location".into(), value: place.into(), ..Default::default() };
        let tensor = TensorProto {
            name: "w".into(),
            dims: vec![4, 3, 1, 1],
            data_type: 1,
            data_location: onnx_protobuf::tensor_proto::DataLocation::EXTERNAL.into(),
            external_data: vec![entry],
            ..Default::default()
        };
        let net = Net::new(13, &["1", "3", "8", "8"]).tensor(tensor).node("Conv", &["x", "w"], "y", &[]);
        fs::write(inner.join("model.onnx"), net.bytes()).unwrap();
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink("../secret", inner.join("link"));
        refused_by_all(&inner.join("model.onnx"), "read", words);
    }
}

#[test]
fn all_unsupported_operators_at_once() {
    let net = Net::new(13, &["1", "3", "8", "8"]).node("Elu", &["x"], "a", &[]).node("Gelu", &["a"], "b", &[]).node(
        "Frobnicate",
        &["b"],
        "y",
        &[],
    );
    refused_bytes(&net.bytes(), "import", &["Elu ×1", "Gelu ×1", "Frobnicate ×1"]);
}

#[test]
fn weights_that_are_not_numbers() {
    let mut values = vec![0.5; 12];
    values[5] = f32::NAN;
    let net = Net::new(13, &["1", "3", "8", "8"])
        .floats("w", &[4, 3, 1, 1], &values)
        .node("Conv", &["x", "w"], "c", &[])
        .node("GlobalAveragePool", &["c"], "p", &[])
        .node("Flatten", &["p"], "y", &[]);
    let folder = scratch();
    let model = folder.path().join("model.onnx");
    fs::write(&model, net.bytes()).unwrap();
    let ran = compile(&model, &SHARED.images, &folder.path().join("out")).run();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("help:"), "{}", ran.stderr);
    assert_eq!(names(folder.path()), ["model.onnx"]);
}
