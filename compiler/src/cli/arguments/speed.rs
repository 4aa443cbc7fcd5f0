//! `bench`, `tune`, `adapt`.

use super::values::{count, part};
use super::{ImageArguments, ModelArguments};
use clap::Args;
use std::path::PathBuf;

/// `bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArguments {
    /// An ONNX file, or the folder of a compiled crate.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures to calibrate on; without any, ranges are made up: values do not matter for time.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// The recipe. What it decides by pictures (12 bits for some maps) needs --images.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Runs to time.
    #[arg(long, default_value_t = 200, value_parser = count)]
    pub iterations: usize,
    /// Kernels to time: avx2, avxvnni, avx512vnni, neon, neondot, portable [default: the best of this CPU].
    #[arg(long)]
    pub kernels: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `tune`.
#[derive(Clone, Debug, Args)]
pub struct TuneArguments {
    /// What to time, and how.
    #[command(flatten)]
    pub of: BenchArguments,
    /// Where to write what `compile --tuning` takes.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}

/// `adapt`.
#[derive(Clone, Debug, Args)]
pub struct AdaptArguments {
    /// The float ONNX file of a classifier.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures to fit weights to, and, a quarter of them, to judge by; no labels are needed.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// The CPU: `native`, a name (see `bakelite targets`) or a .yaml file. Timed if it is this one, estimated for Arm cores.
    #[arg(long, default_value = "native", value_name = "NAME|FILE")]
    pub target: String,
    /// What the result may cost, as a part of what the network costs: 0.9 takes a tenth off.
    #[arg(long, default_value_t = 0.9, value_name = "PART", value_parser = part)]
    pub cost: f64,
    /// What every step takes off at least, as such a part.
    #[arg(long, default_value_t = 0.01, value_name = "PART", value_parser = part)]
    pub step: f64,
    /// Where to write the ONNX file.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}
