//! The main job on real models: quantizes each once, compiles it for several targets, verifies every bit, and checks the agreement.
//!
//! ```text
//! cargo run --release --example main_job -- SHARED [--targets a,b,c] [--images N] [--models PART]
//! ```
//!
//! `SHARED` holds `models/` and `images/calibration`, `images/evaluation`. Prints a table and fails where a bit differs
//! or an agreement is below its bound. A target that this machine cannot build or run is skipped, and said so.

use bakelite::compile::{Ready, Request, compile_for, ready};
use bakelite::pipeline::ModelOptions;
use bakelite::plan::Economy;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Model, preprocess spec, least agreement in percent.
const MODELS: [(&str, &str, f64); 6] = [
    ("mobilenet_v3_small_imagenet.torch_dynamo", "timm-half", 94.0),
    ("mobilenet_v3_small_imagenet_offgrid.torch_dynamo", "timm-half", 93.0),
    ("mobilenet_v3_small_imagenet.keras_tf2onnx_nhwc", "keras", 94.0),
    ("mobilenet_v3_large_minimalistic_imagenet.torch_dynamo", "timm-half", 95.0),
    ("mobilenet_v3_large_minimalistic_imagenet.torchscript_dynamic_padding", "timm-half", 95.0),
    ("fundus_mobilenet_v3_small.torchscript", "torchvision", 94.0),
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
        "| model | target | verified images | agreement | SQNR dB | int8 top-1 (float) | latency ms | arena KB | flash KB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (model, preprocess, least) in MODELS.into_iter().filter(|(model, ..)| model.contains(&part)) {
        let request = request(&shared, model, preprocess, images);
        let ready = match ready(&request) {
            Ok(ready) => ready,
            Err(error) => {
                eprintln!("{model}: {error}");
                failed = true;
                continue;
            }
        };
        for target in targets.split(',') {
            match one(&request, &ready, model, target) {
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

fn request(shared: &Path, model: &str, preprocess: &str, images: usize) -> Request {
    // The fundus photographs of its training are not here; any pictures show whether float and int8 agree.
    let evaluation = (!model.starts_with("fundus")).then(|| shared.join("images/evaluation"));
    Request {
        model: shared.join("models").join(format!("{model}.onnx")),
        options: ModelOptions { preprocess: Some(preprocess.to_owned()), ..ModelOptions::default() },
        images: shared.join("images/calibration"),
        calibration_images: 128,
        seed: 0,
        evaluation,
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

fn one(request: &Request, ready: &Ready, model: &str, target: &str) -> bakelite::error::Result<(String, f64)> {
    let out = PathBuf::from("target/main_job").join(target).join(bakelite::pipeline::crate_name(Path::new(model)));
    let outcome = compile_for(&Request { target: target.to_owned(), out, ..request.clone() }, ready)?;
    let a = outcome.accuracy.as_ref();
    let number = |v: Option<f64>, digits: usize| v.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
    let top1 = match a.and_then(|a| a.int8_top1.zip(a.float_top1)).filter(|_| !model.starts_with("fundus")) {
        Some((int8, float)) => format!("{int8:.1} ({float:.1})"),
        None => "–".to_owned(),
    };
    let row = format!(
        "| {model} | {target} | {} | {} | {} | {top1} | {} | {:.0} | {} |",
        outcome.verified.as_ref().map_or("–".to_owned(), |v| v.images.to_string()),
        number(a.map(|a| a.agreement), 1),
        number(a.map(|a| a.sqnr_db), 1),
        number(outcome.latency_ms.map(|(median, _)| median), 2),
        outcome.arena as f64 / 1e3,
        outcome.contents.as_ref().map_or("–".to_owned(), |c| format!("{:.0}", c.flash as f64 / 1e3)),
    );
    Ok((row, a.map_or(0.0, |a| a.agreement)))
}
