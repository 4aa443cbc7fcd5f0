//! `calibrate`, `inspect`, `eval`, `analyze`, `ablate`.

use super::values::{count, shard};
use super::{ImageArguments, ModelArguments};
use crate::dataset::Shard;
use clap::Args;
use std::path::PathBuf;

/// `calibrate`.
#[derive(Clone, Debug, Args)]
pub struct CalibrateArguments {
    /// The ONNX file.
    #[arg(required_unless_present = "merge")]
    pub model: Option<PathBuf>,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// A folder of pictures.
    #[arg(long, value_name = "DIR", required_unless_present = "merge")]
    pub images: Option<PathBuf>,
    /// How many of them, chosen by --seed [default: all].
    #[arg(long, value_name = "N", value_parser = count)]
    pub calibration_images: Option<usize>,
    /// Seed of the choice.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Only part I of N, to be merged later.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Merge these files; gives, byte for byte, what one run gives.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["model", "images", "shard"])]
    pub merge: Vec<PathBuf>,
    /// Where to write the statistics.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}

/// `inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArguments {
    /// The ONNX file.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Print every layer.
    #[arg(long)]
    pub layers: bool,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `eval`.
#[derive(Clone, Debug, Args)]
pub struct EvalArguments {
    /// An ONNX file, or the folder of a compiled crate.
    #[arg(required_unless_present = "merge")]
    pub model: Option<PathBuf>,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures to calibrate on.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// Labelled pictures to compare on [default: those of --images not calibrated on].
    #[arg(long, value_name = "DIR")]
    pub evaluation: Option<PathBuf>,
    /// Statistics from `bakelite calibrate`, instead of calibrating now.
    #[arg(long, value_name = "FILE")]
    pub calib: Option<PathBuf>,
    /// The recipe.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Only part I of N of the pictures; prints JSON to be merged.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Merge the JSON of several parts.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["model", "shard"])]
    pub merge: Vec<PathBuf>,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `analyze`.
#[derive(Clone, Debug, Args)]
pub struct AnalyzeArguments {
    /// An ONNX file.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures to calibrate on; the analysis takes others of the same folder.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// Pictures to analyse on.
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub analysis_images: usize,
    /// The recipe.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Write a report with drawings and pictures: one HTML file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `ablate`.
#[derive(Clone, Debug, Args)]
pub struct AblateArguments {
    /// An ONNX file.
    pub model: PathBuf,
    /// How to read it.
    #[command(flatten)]
    pub reading: ModelArguments,
    /// Pictures to calibrate on.
    #[command(flatten)]
    pub pictures: ImageArguments,
    /// Labelled pictures to compare on [default: those of --images not calibrated on].
    #[arg(long, value_name = "DIR")]
    pub evaluation: Option<PathBuf>,
    /// The recipe whose steps are left out.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub recipe: String,
    /// How many choices of calibration pictures, from --seed on; figures are their means.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = count)]
    pub seeds: usize,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}
