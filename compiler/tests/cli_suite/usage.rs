//! Arguments that make no sense, and the help.

use crate::bakelite::{SHARED, bakelite, compile, names, scratch};
use std::fs;

#[test]
fn arguments_that_make_no_sense() {
    let folder = scratch();
    let out = folder.path().join("out");
    let run = || compile(&SHARED.model, &SHARED.images, &out);
    for size in ["0x5", "axb", "", "-3x4", "99999x2", "2x2x2"] {
        run().arg(format!("--input-size={size}")).misused(&["--input-size", "224x224"]);
    }
    let calibrate = |option: &str| {
        let run = bakelite(["calibrate"]).arg(&SHARED.model).arg("--images").arg(&SHARED.images).arg("--out").arg(&out);
        run.arg(option)
    };
    for shard in ["0/2", "3/2", "1", "", "a/b", "1/0", "-1/4", "1/99999999999999999999999"] {
        calibrate(&format!("--shard={shard}")).misused(&["--shard", "is not a shard", "1/4"]);
    }
    for count in ["0", "-1", "many", "1.5", "18446744073709551615"] {
        calibrate(&format!("--calibration-images={count}")).misused(&["--calibration-images", "whole number from 1"]);
        bakelite(["bench"]).arg(&SHARED.model).arg(format!("--iterations={count}")).misused(&["--iterations"]);
        bakelite(["demo"]).arg(format!("--pictures={count}")).misused(&["--pictures"]);
    }
    let zero =
        bakelite(["compile", "--calibration-images", "0"]).arg(&SHARED.model).arg("--images").arg(&SHARED.images);
    zero.misused(&["--calibration-images", "`0`"]);
    bakelite(["compile", "m.onnx", "--emit", "smoke"]).misused(&["smoke", "bin", "crate"]);
    run().arg("--frobnicate").misused(&["--frobnicate"]);
    bakelite(["frobnicate"]).misused(&["frobnicate"]);
    bakelite(["compile"]).misused(&["<MODEL>"]);
    bakelite(["calibrate"]).arg(&SHARED.model).arg("--out").arg(&out).misused(&["--images"]);
    calibrate("--merge=a").misused(&["--merge"]);
    bakelite(["completions", "abacus"]).misused(&["abacus", "bash"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn names_that_no_crate_can_have() {
    let folder = scratch();
    let out = folder.path().join("out");
    let long = "long".repeat(100);
    for name in
        ["a/b", "../up", "", "Upper", "3d", "with space", "while", "std", "build", "ümlaut", "a-b", "_a", "a;b", &long]
    {
        let run = compile(&SHARED.model, &SHARED.images, &out).arg(format!("--name={name}"));
        run.refused("arguments", &[&format!("`{name}`"), "lower case letters, digits and underscores"]);
    }
    compile(&SHARED.model, &SHARED.images, &out).args(["--name", "net_3d"]).succeeds();
    assert!(fs::read_to_string(out.join("Cargo.toml")).unwrap().contains("name = \"net_3d\""));
}

#[test]
fn an_input_size_that_the_model_does_not_have() {
    let folder = scratch();
    let run = compile(&SHARED.model, &SHARED.images, &folder.path().join("out")).args(["--input-size", "64x64"]);
    run.refused("import", &["96", "64 is asked for"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn pictures_or_statistics_are_needed() {
    bakelite(["compile"]).arg(&SHARED.model).refused("arguments", &["no pictures", "--images", "--calib"]);
    bakelite(["eval"]).arg(&SHARED.model).refused("arguments", &["no pictures", "--images", "--calib"]);
}

#[test]
fn kernels_that_do_not_exist() {
    let run = bakelite(["bench", "--kernels", "mmx"]).arg(&SHARED.model);
    run.refused("arguments", &["`mmx`", "portable", "avx2"]);
    // Those of another architecture exist, but not here.
    let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    let run = bakelite(["bench", "--kernels", foreign]).arg(&SHARED.model);
    run.refused("verify", &["this CPU cannot run", foreign]);
}

#[test]
fn toolchains_that_are_not_installed() {
    let folder = scratch();
    let out = folder.path().join("out");
    let run = bakelite(["compile", "--calibration-images", "2", "--toolchain", "no-such-toolchain"]);
    let run = run.arg(&SHARED.model).arg("--images").arg(&SHARED.images).arg("--out").arg(&out);
    run.refused("build", &["no-such-toolchain", "rustup toolchain list"]);
    // The crate is whole, as the message of a failed build says.
    assert!(out.join("bakelite.json").is_file());
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn the_help_names_every_command_and_ends_well() {
    let help = bakelite(["--help"]).succeeds().stdout;
    for command in [
        "compile",
        "calibrate",
        "inspect",
        "eval",
        "verify",
        "bench",
        "tune",
        "adapt",
        "targets",
        "demo",
        "completions",
    ] {
        assert!(help.contains(command), "no {command} in\n{help}");
        assert!(bakelite([command, "--help"]).succeeds().stdout.contains("Usage:"));
    }
    assert_eq!(bakelite(["--version"]).succeeds().stdout, format!("bakelite {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(bakelite::<&str>([]).run().code, Some(2));
}
