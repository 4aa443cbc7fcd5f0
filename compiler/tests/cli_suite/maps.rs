//! Networks that answer a mask, features, or several things: the crate that is written of them, and its program.

use crate::bakelite::{SHARED, bakelite};
use crate::builder::{Net, ints, text};
use ::bakelite::build::toolchain::in_path;
use onnx_protobuf::ValueInfoProto;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A mask of three classes at twice the size of its convolution, its class numbers, and a vector of features, of a grey picture.
fn network() -> Vec<u8> {
    let stride = [ints("strides", &[2, 2])];
    let mode = [text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")];
    let mut net = Net::new(13, &["1", "1", "24", "40"])
        .conv("x", "a", [8, 1, 3], &stride)
        .node("Relu", &["a"], "b", &[])
        .conv("b", "c", [3, 8, 1], &[])
        .floats("scales", &[4], &[1.0, 1.0, 2.0, 2.0])
        .node("Resize", &["c", "", "scales"], "y", &mode)
        .node("GlobalAveragePool", &["b"], "m", &[])
        .node("Flatten", &["m"], "the features!", &[]);
    net.graph().output.push(ValueInfoProto { name: "the features!".into(), ..Default::default() });
    net.bytes()
}

/// The crate of [`network`], built with its libraries.
pub struct Compiled {
    /// The crate's folder.
    pub folder: PathBuf,
    /// The program.
    pub program: PathBuf,
    /// What `compile --json` said.
    pub outcome: Value,
}

/// Made once, for this machine.
pub static TWO: LazyLock<Compiled> = LazyLock::new(|| compiled("native"));

/// Compiles [`network`] for a target. The folder stays, so that cargo finds its cache.
pub fn compiled(target: &str) -> Compiled {
    let (folder, outcome) = emitted(target, "bin,staticlib,cdylib");
    let program = PathBuf::from(outcome["program"].as_str().expect("a program"));
    Compiled { folder, program, outcome }
}

/// The same as a library alone: the crate's folder, and the library. A module for the web was run in Node, if that is installed.
pub fn library(target: &str, kind: &str) -> (PathBuf, PathBuf) {
    let (folder, outcome) = emitted(target, kind);
    assert!(outcome["program"].is_null(), "{outcome}");
    let unrun = outcome["notes"].to_string().contains("only libraries were made, and nothing was run");
    if target == "wasm32" && in_path("node").is_some() {
        assert_eq!((unrun, &outcome["verified"]["kernels"]), (false, &serde_json::json!(["simd128"])), "{outcome}");
        assert!(outcome["verified"]["images"].as_u64() >= Some(10), "{outcome}");
    } else {
        assert!(unrun && outcome["verified"].is_null(), "{outcome}");
    }
    (folder, PathBuf::from(outcome["libraries"][0].as_str().expect("a library")))
}

fn emitted(target: &str, emit: &str) -> (PathBuf, Value) {
    let folder = SHARED.model.with_file_name(format!("two-{target}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (model, out) = (folder.join("two.onnx"), folder.join("crate"));
    std::fs::write(&model, network()).expect("a file");
    let run = bakelite(["compile", "--json", "--preprocess", "unit", "--calibration-images", "6", "--recipe", "best"]);
    let run = run.args(["--target", target, "--emit", emit, "--images"]).arg(&SHARED.images).arg("--out").arg(&out);
    let run = run.arg(&model).succeeds();
    (out, serde_json::from_str(&run.stdout).expect("JSON"))
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {err}");
    out.into_owned()
}

#[test]
fn a_mask_and_features_come_out_of_one_program() {
    let it = &*TWO;
    // Every bit of both answers was compared, of pixels and of files.
    assert!(it.outcome["verified"]["images"].as_u64() >= Some(10), "{}", it.outcome);
    assert_eq!(it.outcome["verified"]["files"], it.outcome["verified"]["images"]);
    assert!(it.outcome["accuracy"]["masks"]["mean_iou"].as_f64() > Some(0.8), "{}", it.outcome);

    let picture = SHARED.images.join("00003.png").display().to_string();
    let masks = it.folder.join("masks").display().to_string();
    let text = run(&it.program, &["--json", "--scores", "--masks", &masks, &picture]);
    let answer: Value = serde_json::from_str(&text).expect("one object");
    let outputs = answer["outputs"].as_array().expect("outputs");
    assert_eq!((outputs[0]["name"].as_str(), outputs[1]["name"].as_str()), (Some("y"), Some("the features!")));
    assert_eq!(
        (outputs[0]["shape"].to_string(), outputs[1]["shape"].to_string()),
        ("[24,40,3]".into(), "[1,1,8]".into())
    );
    let scores: Vec<f64> = answer["scores"].as_array().expect("numbers").iter().flat_map(Value::as_f64).collect();
    assert_eq!(scores.len(), 24 * 40 * 3 + 8);

    // The picture of the mask holds the class of every pixel, as the numbers tell it.
    let file = std::fs::File::open(it.folder.join("masks/00003.png.mask.png")).expect("a mask");
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a picture");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!((info.width, info.height, info.color_type), (40, 24, png::ColorType::Indexed));
    let largest = |pixel: &[f64]| (0..3).rev().max_by(|&a, &b| pixel[a].total_cmp(&pixel[b])).unwrap_or(0) as u8;
    let expected: Vec<u8> = scores[..24 * 40 * 3].chunks_exact(3).map(largest).collect();
    assert_eq!(pixels, expected);
    let of = |class: u8| expected.iter().filter(|&&c| c == class).count() as f64 / expected.len() as f64;
    for class in answer["mask"].as_array().expect("classes") {
        let (number, share) = (class["class"].as_u64().expect("a number"), class["share"].as_f64().expect("a share"));
        assert!((of(number as u8) - share).abs() < 1e-9, "{class}");
    }

    // Masks that would overwrite each other, or cannot be written, are errors; nothing half-written stays.
    let failed = |masks: &str, pictures: [&str; 2]| {
        let output = Command::new(&it.program).args(["--masks", masks]).args(pictures).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = failed(&masks, [&picture, &picture]);
    assert!(code == Some(2) && told.contains("same name"), "{told}");
    let (code, told) = failed(&picture, [&picture, "other.png"]);
    assert!(code == Some(1) && told.starts_with(&format!("two: {picture}")), "{told}");

    let shown = run(&it.program, &[&picture]);
    assert!(shown.contains("y: 24 x 40 x 3") && shown.contains("the features!: 1 x 1 x 8"), "{shown}");
    assert!(run(&it.program, &["selftest"]).contains("every output bit"));
    assert!(run(&it.program, &["bench", "--iterations", "3"]).contains("of 3 runs"));
    assert!(run(&it.program, &["--help"]).contains("--masks DIR"));

    // Others can build on the library: its answers have fields, shapes and scales.
    let library = std::fs::read_to_string(it.folder.join("src/lib.rs")).expect("a library");
    for item in
        ["pub mod the_features {", "pub y: &'a [u8]", "pub the_features: &'a [f32]", "pub const HEIGHT: usize = 24;"]
    {
        assert!(library.contains(item), "no {item} in {library}");
    }
}

/// A cargo command on the crate, which must have nothing to say.
pub fn is_clean(it: &Compiled, arguments: &[&str]) {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(&it.folder).env_remove("RUSTFLAGS").env_remove("RUSTDOCFLAGS");
    let output = command.output().expect("cargo");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("warning"), "{arguments:?}: {told}");
}

/// Clippy has nothing to say on program and library.
pub fn lints(it: &Compiled) {
    if !Command::new("cargo").args(["clippy", "--version"]).output().is_ok_and(|it| it.status.success()) {
        println!("skipped: cargo clippy is not installed");
        return;
    }
    for features in [&["--all-targets"][..], &["--lib", "--no-default-features", "--features", "c"]] {
        is_clean(it, &[&["clippy", "--release", "--offline", "--quiet"], features].concat());
    }
}

#[test]
fn lints_and_documentation_of_the_crate_are_clean() {
    lints(&TWO);
    is_clean(&TWO, &["doc", "--release", "--offline", "--quiet", "--no-deps", "--lib"]);
    is_clean(&TWO, &["test", "--release", "--offline", "--quiet", "--doc"]);
}
