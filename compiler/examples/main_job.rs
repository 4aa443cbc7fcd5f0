//! The main job on real models: quantizes each once, compiles it for several targets, verifies every bit, and checks the agreement.
//!
//! ```text
//! cargo run --release --example main_job -- SHARED [--targets a,b,c] [--images N] [--models PART]
//! ```
//!
//! `SHARED` holds `models/` and `images/calibration`, `images/evaluation`, `images/text_direction`. Prints a table and fails where a bit differs
//! or an agreement is below its bound. A target that this machine cannot build or run is skipped, and said so.

use bakelite::build::Library;
use bakelite::compile::{Ready, Request, compile_for, ready};
use bakelite::pipeline::ModelOptions;
use bakelite::plan::Economy;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A real model, and how it is compiled.
struct Case {
    /// Its file, less the ending.
    model: &'static str,
    /// Preprocess spec.
    preprocess: &'static str,
    /// Folder of pictures; what is not calibrated on is compared.
    images: &'static str,
    /// Calibration pictures.
    calibrate: usize,
    /// Whether to compare on the labelled pictures instead.
    labelled: bool,
    /// Height and width, where the model leaves them open.
    size: Option<(usize, usize)>,
    /// Whether its sigmoids stay.
    keep_sigmoid: bool,
    /// Least agreement, or of a mask pixels of the same class, in percent.
    least: f64,
}

impl Case {
    const fn new(model: &'static str, preprocess: &'static str, least: f64) -> Self {
        let (images, calibrate, labelled) = ("calibration", 128, true);
        Self { model, preprocess, images, calibrate, labelled, size: None, keep_sigmoid: false, least }
    }

    /// No labels for its classes: what is left of `images` shows whether float and int8 agree.
    const fn unlabelled(self) -> Self {
        Self { labelled: false, ..self }
    }
}

const CASES: [Case; 10] = [
    Case::new("mobilenet_v3_small_imagenet.torch_dynamo", "timm-half", 94.0),
    Case::new("mobilenet_v3_small_imagenet_offgrid.torch_dynamo", "timm-half", 93.0),
    Case::new("mobilenet_v3_small_imagenet.keras_tf2onnx_nhwc", "keras", 94.0),
    Case::new("mobilenet_v3_large_minimalistic_imagenet.torch_dynamo", "timm-half", 95.0),
    Case::new("mobilenet_v3_large_minimalistic_imagenet.torchscript_dynamic_padding", "timm-half", 95.0),
    Case::new("mobilenet_v2_imagenet.tflite_converted", "timm-half", 95.0),
    Case::new("mobilenet_v1_025_imagenet.tflite_converted", "timm-half", 91.0),
    Case::new("fundus_mobilenet_v3_small.torchscript", "torchvision", 94.0).unlabelled(),
    Case {
        images: "text_direction",
        calibrate: 64,
        size: Some((48, 192)),
        ..Case::new("text_direction_mobilenet_v3_small_035.paddle2onnx", "paddleocr", 96.0).unlabelled()
    },
    Case { keep_sigmoid: true, ..Case::new("selfie_segmentation_mobilenet_v3.tf2onnx", "unit", 95.0).unlabelled() },
];

const TARGETS: &str = "x86-64-avx2,x86-64-avx512vnni,cortex-a76,aarch64-generic";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(shared) = words.next().map(PathBuf::from) else {
        eprintln!("main_job SHARED [--targets a,b,c] [--images N] [--models PART]");
        return ExitCode::from(2);
    };
    if !shared.join("models").is_dir() {
        println!("skipped: there are no models in {}", shared.display());
        return ExitCode::SUCCESS;
    }
    let (mut targets, mut images, mut part) = (TARGETS.to_owned(), 64, String::new());
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag.as_str() {
            "--targets" => targets = value,
            "--models" => part = value,
            "--images" => images = value.parse().unwrap_or(images),
            _ => eprintln!("ignored: {flag} {value}"),
        }
    }
    let mut failed = false;
    println!(
        "| model | target | verified images (kernels) | agreement | SQNR dB | int8 top-1 (float) | latency ms | arena KB | flash KB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for case in CASES.iter().filter(|case| case.model.contains(&part)) {
        let (model, least) = (case.model, case.least);
        let request = request(&shared, case, images);
        let ready = match ready(&request) {
            Ok(ready) => ready,
            Err(error) => {
                eprintln!("{model}: {error}");
                failed = true;
                continue;
            }
        };
        for target in targets.split(',') {
            match one(&request, &ready, case, target) {
                Ok((row, agreement)) => {
                    println!("{row}");
                    if agreement < least {
                        eprintln!("{model}: agreement {agreement:.2} % is below {least} %");
                        failed = true;
                    }
                }
                Err(error) if cannot_here(&error) => println!("| {model} | {target} | skipped: {error} | | | | | | |"),
                Err(error) => {
                    eprintln!("{model} for {target}: {error}");
                    failed = true;
                }
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// Whether a machine without this CPU, toolchain or emulator is why.
fn cannot_here(error: &bakelite::error::Error) -> bool {
    ["standard library", "emulator", "this program was compiled for CPUs"]
        .iter()
        .any(|words| error.cause.contains(words))
}

fn request(shared: &Path, case: &Case, images: usize) -> Request {
    let options = ModelOptions {
        preprocess: Some(case.preprocess.to_owned()),
        input_size: case.size,
        keep_sigmoid: case.keep_sigmoid,
        ..ModelOptions::default()
    };
    Request {
        model: shared.join("models").join(format!("{}.onnx", case.model)),
        options,
        images: shared.join("images").join(case.images),
        calibration_images: case.calibrate,
        seed: 0,
        evaluation: case.labelled.then(|| shared.join("images/evaluation")),
        calib: None,
        target: String::new(),
        recipe: "default".into(),
        labels: None,
        out: PathBuf::new(),
        name: None,
        crate_only: false,
        libraries: Vec::new(),
        verify_images: images,
        tuning: None,
        economy: Economy::default(),
        toolchain: None,
    }
}

fn one(request: &Request, ready: &Ready, case: &Case, target: &str) -> bakelite::error::Result<(String, f64)> {
    let model = case.model;
    let out = PathBuf::from("target/main_job").join(target).join(bakelite::pipeline::crate_name(Path::new(model)));
    // A module for the web runs in Node; of other targets without programs nothing would be run.
    let libraries = if target.starts_with("wasm") { vec![Library::Shared] } else { Vec::new() };
    let outcome = compile_for(&Request { target: target.to_owned(), out, libraries, ..request.clone() }, ready)?;
    let a = outcome.accuracy.as_ref();
    let number = |v: Option<f64>, digits: usize| v.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
    let top1 = match a.and_then(|a| a.int8_top1.zip(a.float_top1)).filter(|_| case.labelled) {
        Some((int8, float)) => format!("{int8:.1} ({float:.1})"),
        None => "–".to_owned(),
    };
    let unrun = || outcome.notes.last().map_or("–".to_owned(), |why| format!("not verified: {why}"));
    let row = format!(
        "| {model} | {target} | {} | {} | {} | {top1} | {} | {:.0} | {} |",
        outcome.verified.as_ref().map_or_else(unrun, |v| format!("{} ({})", v.images, v.kernels.join(", "))),
        number(a.map(|a| a.agreement), 1),
        number(a.map(|a| a.sqnr_db), 1),
        number(outcome.latency_ms.map(|(median, _)| median), 2),
        outcome.arena as f64 / 1e3,
        outcome.contents.as_ref().map_or("–".to_owned(), |c| format!("{:.0}", c.flash as f64 / 1e3)),
    );
    Ok((row, a.map_or(0.0, |a| a.agreement)))
}
