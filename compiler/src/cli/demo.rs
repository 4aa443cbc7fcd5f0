//! `demo`: the main job on an embedded network.

use super::arguments::DemoArguments;
use super::{compile as show, line, print_json};
use crate::compile::{self, Request};
use crate::demo;
use crate::error::{Error, Result, Stage};
use crate::pipeline::ModelOptions;
use crate::plan::Economy;
use std::path::{Path, PathBuf};

/// Pictures to calibrate on.
const CALIBRATION: usize = 128;

/// `bakelite demo`.
pub fn demo(arguments: &DemoArguments) -> Result<()> {
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from("target/bakelite-demo"));
    let say = |text: &str| if arguments.json { Ok(()) } else { line(text) };
    say(&format!("drawing {CALIBRATION} pictures to calibrate on and {} to classify …", arguments.pictures))?;
    let (calibration, held_out) = (folder.join("calibration"), folder.join("held-out"));
    // A shorter run after a longer one must not see the pictures of the longer one.
    for old in [&calibration, &held_out] {
        if old.join("labels.csv").is_file() {
            std::fs::remove_dir_all(old).map_err(|e| failed(old, &e))?;
        }
    }
    demo::draw(&calibration, demo::CALIBRATION_SEED, CALIBRATION)?;
    demo::draw(&held_out, demo::HELD_OUT_SEED, arguments.pictures)?;
    let model = folder.join("mobilenet_v3_small_demo.onnx");
    std::fs::write(&model, demo::MODEL).map_err(|e| failed(&model, &e))?;
    let labels = folder.join("labels.txt");
    std::fs::write(&labels, demo::pictures::CLASSES.join("\n") + "\n").map_err(|e| failed(&labels, &e))?;
    let out = folder.join("crate");
    let command = format!(
        "bakelite compile {} --images {} --evaluation {} --labels {} --preprocess imagenet --target {} --out {}",
        model.display(),
        calibration.display(),
        held_out.display(),
        labels.display(),
        arguments.target,
        out.display()
    );
    say(&format!("$ {command}"))?;
    let outcome = compile::compile(&Request {
        model,
        options: ModelOptions { preprocess: Some("imagenet".into()), ..ModelOptions::default() },
        images: calibration,
        calibration_images: CALIBRATION,
        seed: 0,
        evaluation: Some(held_out.clone()),
        calib: None,
        target: arguments.target.clone(),
        recipe: "default".into(),
        labels: Some(labels),
        out,
        name: Some("demo".into()),
        crate_only: false,
        libraries: Vec::new(),
        verify_images: 64,
        tuning: None,
        economy: Economy::default(),
        toolchain: None,
    })?;
    if arguments.json {
        return print_json(&outcome);
    }
    show::show(&outcome)?;
    classify(&outcome, &held_out)
}

/// Shows what the program itself says of a few pictures.
fn classify(outcome: &compile::Outcome, held_out: &Path) -> Result<()> {
    let Some(program) = outcome.program.as_ref().filter(|_| outcome.latency_ms.is_some()) else { return Ok(()) };
    let files: Vec<PathBuf> = (0..3).map(|i| held_out.join(format!("{i:05}.png"))).filter(|f| f.is_file()).collect();
    let words: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    line(format!("$ {} --top 2 {}", program.display(), words.join(" ")))?;
    let status = std::process::Command::new(program).args(["--top", "2"]).args(&files).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::new(Stage::Verify, format!("the program ended with {status}"))),
        Err(e) => Err(failed(program, &e)),
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Stage::Dataset, format!("cannot be written: {error}"))
        .at(path.display().to_string())
        .remedy("name a writable folder with --out")
}
