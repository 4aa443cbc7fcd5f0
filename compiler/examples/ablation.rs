//! What each step of a recipe is worth on real models: the tables of `specs/ablation.md`.
//!
//! ```text
//! cargo run --release --example ablation -- SHARED [--models PART] [--seeds 3] [--recipe default]
//! ```
//!
//! `SHARED` holds `models/` and `images/calibration`, `images/evaluation`, `images/text_direction`. Prints Markdown, one table per
//! model. Networks without labelled pictures are compared on the pictures that each choice of calibration pictures leaves over.

use bakelite::ablate::variants::Part;
use bakelite::ablate::{Ablation, ablate};
use bakelite::compile::Request;
use bakelite::pipeline::ModelOptions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A model and how to read and judge it.
struct Model {
    name: &'static str,
    preprocess: &'static str,
    calibration: &'static str,
    calibration_images: usize,
    evaluation: Option<&'static str>,
    input_size: Option<(usize, usize)>,
}

const fn imagenet(name: &'static str, preprocess: &'static str) -> Model {
    let (calibration, evaluation) = ("images/calibration", Some("images/evaluation"));
    Model { name, preprocess, calibration, calibration_images: 128, evaluation, input_size: None }
}

const MODELS: [Model; 8] = [
    imagenet("mobilenet_v3_small_imagenet.torch_dynamo", "timm-half"),
    imagenet("mobilenet_v3_small_imagenet_offgrid.torch_dynamo", "timm-half"),
    imagenet("mobilenet_v3_small_imagenet.keras_tf2onnx_nhwc", "keras"),
    imagenet("mobilenet_v3_large_minimalistic_imagenet.torch_dynamo", "timm-half"),
    imagenet("mobilenet_v2_imagenet.tflite_converted", "timm-half"),
    imagenet("mobilenet_v1_025_imagenet.tflite_converted", "timm-half"),
    // The photographs of its training are not here; any pictures show whether float and int8 agree.
    Model { evaluation: None, ..imagenet("fundus_mobilenet_v3_small.torchscript", "torchvision") },
    Model {
        calibration: "images/text_direction",
        calibration_images: 64,
        evaluation: None,
        input_size: Some((48, 192)),
        ..imagenet("text_direction_mobilenet_v3_small_035.paddle2onnx", "paddleocr")
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(shared) = words.next().map(PathBuf::from) else {
        eprintln!("ablation SHARED [--models PART] [--seeds N] [--recipe NAME]");
        return ExitCode::from(2);
    };
    let (mut part, mut seeds, mut recipe) = (String::new(), 3, "default".to_owned());
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag.as_str() {
            "--models" => part = value,
            "--seeds" => seeds = value.parse().unwrap_or(seeds),
            "--recipe" => recipe = value,
            _ => eprintln!("ignored: {flag} {value}"),
        }
    }
    let mut code = ExitCode::SUCCESS;
    for model in MODELS.iter().filter(|model| model.name.contains(&part)) {
        if !shared.join("models").join(format!("{}.onnx", model.name)).is_file() {
            eprintln!("skipped: there is no {} in {}", model.name, shared.display());
            continue;
        }
        match ablate(&request(&shared, model, &recipe), seeds) {
            Ok(ablation) => print(model.name, &ablation),
            Err(error) => {
                eprintln!("{}: {error}", model.name);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn request(shared: &Path, model: &Model, recipe: &str) -> Request {
    Request {
        model: shared.join("models").join(format!("{}.onnx", model.name)),
        options: ModelOptions {
            preprocess: Some(model.preprocess.to_owned()),
            input_size: model.input_size,
            ..ModelOptions::default()
        },
        images: shared.join(model.calibration),
        calibration_images: model.calibration_images,
        evaluation: model.evaluation.map(|folder| shared.join(folder)),
        recipe: recipe.to_owned(),
        ..Request::default()
    }
}

fn print(name: &str, ablation: &Ablation) {
    let labelled = name.contains("imagenet");
    let choices = if ablation.seeds.len() == 1 { "choice" } else { "choices" };
    println!("## {name}\n");
    println!(
        "Recipe `{}`; {} pictures, calibrated on {}; {} {choices} of them{}.\n",
        ablation.recipe,
        ablation.images,
        ablation.calibration_images,
        ablation.seeds.len(),
        ablation.float_top1.filter(|_| labelled).map_or(String::new(), |top1| format!("; float top-1 {top1:.1}")),
    );
    println!("| | agreement | SQNR | top-1 | beyond float |\n|---|---|---|---|---|");
    for row in &ablation.rows {
        let cells = row.cells();
        // The labels of the folder mean something to networks of its classes alone.
        let cells: Vec<&str> =
            cells.iter().enumerate().map(|(i, cell)| if i < 3 || labelled { cell } else { "–" }).collect();
        let line = cells.join(" | ");
        println!(
            "| {} |",
            if row.part == Part::Whole { format!("**{}** | {}", cells[0], cells[1..].join(" | ")) } else { line }
        );
    }
    println!();
}
