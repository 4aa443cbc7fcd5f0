//! The main job on the whole family: writes every network of the tables at two sizes, compiles it for several targets and verifies
//! every bit, under emulation where the target is another machine.
//!
//! ```text
//! cargo run --release --example family_job -- IMAGES [--targets a,b] [--networks PART]
//! ```
//!
//! `IMAGES` is any folder of pictures, such as `target/bakelite-demo/calibration`. Prints a table and fails where a bit differs. A target
//! that this machine cannot build or run is skipped, and said so. The instruction sets of this very CPU are compared
//! by the tests already (`compiler/tests/cli_suite/family.rs`).

use bakelite::compile::{Request, compile_for, ready};
use bakelite::error::{Error, Result, Stage};
use bakelite::model::{Options, write};
use bakelite::pipeline::ModelOptions;
use bakelite::specs::architecture;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Network, width, two sizes of input.
const FAMILY: [(&str, f64, [[usize; 2]; 2]); 11] = [
    ("mobilenet-v1", 0.25, [[64, 64], [48, 80]]),
    ("mobilenet-v2", 0.35, [[64, 64], [48, 80]]),
    ("mobilenet-v3-small", 0.35, [[64, 64], [48, 80]]),
    ("mobilenet-v3-large", 0.35, [[64, 64], [48, 80]]),
    ("mobilenet-v3-large-lr-aspp", 0.25, [[64, 64], [48, 80]]),
    ("mnasnet-a1", 0.35, [[64, 64], [48, 80]]),
    ("mnasnet-b1", 0.35, [[64, 64], [48, 80]]),
    ("squeezenet-1.0", 0.5, [[64, 64], [80, 52]]),
    ("squeezenet-1.1", 0.5, [[64, 64], [80, 52]]),
    ("efficientnet-b0", 0.25, [[64, 64], [48, 80]]),
    ("efficientnet-lite0", 0.25, [[64, 64], [48, 80]]),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(images) = words.next().map(PathBuf::from).filter(|images| images.is_dir()) else {
        eprintln!("family_job IMAGES [--targets a,b] [--networks PART]");
        return ExitCode::from(2);
    };
    let (mut targets, mut part) = ("aarch64-generic,cortex-a76".to_owned(), String::new());
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag.as_str() {
            "--targets" => targets = value,
            "--networks" => part = value,
            _ => eprintln!("ignored: {flag} {value}"),
        }
    }
    let works: Vec<_> = FAMILY
        .into_iter()
        .filter(|(network, ..)| network.contains(&part))
        .flat_map(|(network, width, sizes)| sizes.map(|size| (network, width, size)))
        .collect();
    // Each crate is compiled by one thread.
    let results: Vec<_> =
        works.par_iter().map(|&(network, width, size)| one(&images, network, width, size, &targets)).collect();
    let mut failed = false;
    println!("| network | width | input | target | pictures equal in every bit |\n|---|---|---|---|---|");
    for ((network, width, [height, columns]), result) in works.into_iter().zip(results) {
        match result {
            Ok(rows) => {
                for (target, what) in rows {
                    println!("| {network} | {width} | {height}×{columns} | {target} | {what} |");
                }
            }
            Err(error) => {
                eprintln!("{network} at {height}×{columns}: {error}");
                failed = true;
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// Each target, and what was verified there.
fn one(
    images: &Path,
    network: &str,
    width: f64,
    [height, columns]: [usize; 2],
    targets: &str,
) -> Result<Vec<(String, String)>> {
    let lost = |error: std::io::Error| Error::new(Stage::Model, error.to_string());
    let folder = PathBuf::from("target/family_job").join(format!("{network}_{height}x{columns}"));
    std::fs::create_dir_all(&folder).map_err(lost)?;
    let model = folder.join("net.onnx");
    let options = Options { width, size: Some((height, columns)), classes: Some(19), ..Options::default() };
    let bytes = write(&architecture::load(network)?, &options)?.bytes()?;
    std::fs::write(&model, bytes).map_err(lost)?;
    let request = Request {
        model,
        options: ModelOptions { preprocess: Some("imagenet".into()), ..ModelOptions::default() },
        images: images.to_owned(),
        calibration_images: 8,
        // All kernels that a network can have: 12-bit maps too.
        recipe: "best".into(),
        verify_images: 4,
        name: Some("net".into()),
        ..Request::default()
    };
    let ready = ready(&request)?;
    let mut rows = Vec::new();
    for target in targets.split(',') {
        let request = Request { target: target.to_owned(), out: folder.join(target), ..request.clone() };
        rows.push((
            target.to_owned(),
            match compile_for(&request, &ready) {
                Ok(outcome) => outcome.verified.map_or("compiled, not run here".into(), |v| v.images.to_string()),
                Err(error) if cannot_here(&error) => format!("skipped: {error}"),
                Err(error) => return Err(error),
            },
        ));
    }
    Ok(rows)
}

/// Whether a machine without this CPU, toolchain or emulator is why.
fn cannot_here(error: &Error) -> bool {
    ["standard library", "emulator", "this program was compiled for CPUs"]
        .iter()
        .any(|words| error.cause.contains(words))
}
