//! `compile` and `verify`.

use super::{ImageArguments, ModelArguments};
use crate::build::Library;
use crate::compile::Request;
use crate::error::{Error, Result, Stage};
use crate::pipeline;
use crate::plan::Economy;
use clap::Args;
use std::path::PathBuf;

/// `compile`, `verify`.
#[derive(Clone, Debug, Args)]
pub struct CompileArguments {
    /// The ONNX file.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// The CPU: `native`, a name (see `bakelite targets`) or a .yaml file.
    #[arg(long, default_value = "native", value_name = "NAME|FILE")]
    pub target: String,
    /// The recipe: `fast`, `default`, `mixed` (12 bits where they count), `best` (wherever they help), or a .yaml file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Register tiles from `bakelite tune`, for kernels of the same instruction set.
    #[arg(long, value_name = "FILE")]
    pub tuning: Option<PathBuf>,
    /// How much time memory may cost.
    #[arg(long, value_enum, default_value_t = Economy::Cache)]
    pub memory: Economy,
    /// One label per line, for the program's answers.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Statistics from `bakelite calibrate`, instead of calibrating now.
    #[arg(long, value_name = "FILE")]
    pub calib: Option<PathBuf>,
    /// Labelled pictures to compare float and int8 on, instead of those not calibrated on.
    #[arg(long, value_name = "DIR")]
    pub evaluation: Option<PathBuf>,
    /// Folder of the emitted crate [default: the crate's name].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of crate and program [default: from the model's file].
    #[arg(long)]
    pub name: Option<String>,
    /// What to make, separated by commas. Libraries are for C and all that calls C (APPS.md in the crate says how).
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Emit::Bin])]
    pub emit: Vec<Emit>,
    /// How many pictures to verify bit for bit against the reference.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub verify_images: usize,
    /// Do not run the program or module.
    #[arg(long)]
    pub no_verify: bool,
    /// Toolchain of rustup that builds the crate [default: the first that can].
    #[arg(long, value_name = "NAME")]
    pub toolchain: Option<String>,
    /// Also say what was decided for every layer: kernel, tile, what is fused, what is idle, what lies in bands.
    #[arg(long)]
    pub explain: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArguments {
    /// As for `compile`.
    #[command(flatten)]
    pub compile: CompileArguments,
    /// Build nothing: compare the kernels of every instruction set of this CPU with the reference.
    #[arg(long)]
    pub kernels: bool,
}

/// What `compile` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Emit {
    /// The crate and its program.
    Bin,
    /// The same and a static library with a C interface.
    Staticlib,
    /// The same and a shared library with a C interface.
    Cdylib,
    /// The crate alone, not built.
    Crate,
}

impl CompileArguments {
    /// As the main job wants them.
    pub fn request(&self) -> Result<Request> {
        let name = match &self.name {
            Some(name) if pipeline::crate_name(std::path::Path::new(&format!("{name}.onnx"))) != *name => {
                return Err(Error::new(Stage::Arguments, format!("`{name}` cannot be the name of a crate"))
                    .remedy("use up to 64 lower case letters, digits and underscores, starting with a letter; no word of Rust's own"));
            }
            Some(name) => name.clone(),
            None => pipeline::crate_name(&self.model),
        };
        let images = match (&self.pictures.images, &self.calib) {
            (Some(images), _) => images.clone(),
            (None, Some(_)) => PathBuf::new(),
            (None, None) => {
                return Err(Error::new(Stage::Arguments, "no pictures to calibrate on")
                    .remedy("give a folder with --images, or statistics with --calib"));
            }
        };
        Ok(Request {
            model: self.model.clone(),
            options: self.reading.options(),
            images,
            calibration_images: self.pictures.calibration_images,
            seed: self.pictures.seed,
            evaluation: self.evaluation.clone(),
            calib: self.calib.clone(),
            target: self.target.clone(),
            recipe: self.recipe.clone(),
            tuning: self.tuning.clone(),
            economy: self.memory,
            labels: self.labels.clone(),
            out: self.out.clone().unwrap_or_else(|| PathBuf::from(&name)),
            name: Some(name),
            crate_only: self.emit.iter().all(|emit| *emit == Emit::Crate),
            libraries: [(Emit::Staticlib, Library::Static), (Emit::Cdylib, Library::Shared)]
                .into_iter()
                .filter_map(|(emit, library)| self.emit.contains(&emit).then_some(library))
                .collect(),
            verify_images: if self.no_verify { 0 } else { self.verify_images },
            toolchain: self.toolchain.clone(),
        })
    }
}
