//! Same inputs, same bytes: whatever the number of threads, the folder, or the order of its files.

use crate::bakelite::{SHARED, assert_same_files, bakelite, compile, copy_backwards, scratch, tree};
use std::fs;

#[test]
fn a_crate_is_the_same_whatever_the_threads_the_folder_and_the_order_of_files() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    compile(&SHARED.model, &SHARED.images, &path("one")).threads(1).succeeds();
    compile(&SHARED.model, &SHARED.images, &path("two")).threads(2).succeeds();
    assert_same_files(&path("one"), &path("two"));

    copy_backwards(&SHARED.images, &path("elsewhere/pictures"));
    fs::copy(&SHARED.model, path("elsewhere/small.onnx")).unwrap();
    let mut run = compile("small.onnx".as_ref(), "pictures".as_ref(), "three".as_ref());
    run.0.current_dir(path("elsewhere"));
    run.succeeds();
    assert_same_files(&path("one"), &path("elsewhere/three"));
}

#[test]
fn other_inputs_give_other_bytes() {
    // Or the comparisons above would prove nothing.
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    compile(&SHARED.model, &SHARED.images, &path("one")).succeeds();
    compile(&SHARED.model, &SHARED.images, &path("two")).args(["--seed", "1"]).succeeds();
    compile(&SHARED.model, &SHARED.images, &path("three")).args(["--recipe", "per-tensor"]).succeeds();
    let [one, two, three] = ["one", "two", "three"].map(|name| tree(&path(name)));
    assert_ne!(one["scales.bin"], two["scales.bin"]);
    assert_ne!(one["bakelite.json"], two["bakelite.json"]);
    assert_ne!(one["scales.bin"], three["scales.bin"]);
}

#[test]
fn compiling_again_replaces_the_crate_and_keeps_its_cache() {
    let folder = scratch();
    let (out, fresh) = (folder.path().join("out"), folder.path().join("fresh"));
    compile(&SHARED.model, &SHARED.images, &out).args(["--recipe", "per-tensor"]).succeeds();
    fs::create_dir(out.join("target")).unwrap();
    fs::write(out.join("target/cache"), "kept").unwrap();
    fs::write(out.join("src/stale.rs"), "gone").unwrap();
    compile(&SHARED.model, &SHARED.images, &out).succeeds();
    compile(&SHARED.model, &SHARED.images, &fresh).succeeds();
    assert_same_files(&out, &fresh);
    assert_eq!(fs::read_to_string(out.join("target/cache")).unwrap(), "kept");
    assert_eq!(crate::bakelite::names(folder.path()), ["fresh", "out"]);
}

#[test]
fn no_path_of_this_machine_is_in_a_crate() {
    let folder = scratch();
    let out = folder.path().join("out");
    compile(&SHARED.model, &SHARED.images, &out).succeeds();
    let private = [folder.path(), &SHARED.images, env!("CARGO_MANIFEST_DIR").as_ref()].map(|p| p.display().to_string());
    for (name, bytes) in tree(&out) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!private.iter().any(|path| text.contains(path)), "{name} holds a path of this machine");
    }
}

#[test]
fn compiling_from_statistics_is_compiling_from_their_pictures() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    bakelite(["calibrate", "--preprocess", "imagenet", "--calibration-images", "6"])
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
        .arg("--out")
        .arg(path("m.calib"))
        .succeeds();
    let from_statistics = |recipe: &str, out: &str| {
        bakelite([
            "compile",
            "--preprocess",
            "imagenet",
            "--emit",
            "crate",
            "--calibration-images",
            "6",
            "--recipe",
            recipe,
        ])
        .arg(&SHARED.model)
        .arg("--calib")
        .arg(path("m.calib"))
        .arg("--out")
        .arg(path(out))
    };
    compile(&SHARED.model, &SHARED.images, &path("pictures")).args(["--recipe", "fast"]).succeeds();
    from_statistics("fast", "statistics").succeeds();
    assert_same_files(&path("pictures"), &path("statistics"));
    // Layers cannot be reconstructed from statistics: that is told without the pictures, and done with them.
    let told = from_statistics("default", "alone").succeeds().stderr;
    assert!(told.contains("layers were not reconstructed") && told.contains("--images"), "{told}");
    compile(&SHARED.model, &SHARED.images, &path("default")).succeeds();
    from_statistics("default", "both").arg("--images").arg(&SHARED.images).succeeds();
    assert_same_files(&path("default"), &path("both"));
}
