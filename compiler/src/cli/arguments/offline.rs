//! `model`, `targets`, `demo`: commands that need nothing of the user's.

use super::values::{classes, count, size};
use clap::Args;
use std::path::PathBuf;

/// `model`.
#[derive(Clone, Debug, Args)]
pub struct ModelFileArguments {
    /// The architecture: a name (see `bakelite targets`) or a .yaml file.
    #[arg(value_name = "NAME|FILE")]
    pub architecture: String,
    /// Multiplier of channels.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub width: f64,
    /// Without squeeze-excite, hard-swish and large kernels, where the architecture has such a variant.
    #[arg(long)]
    pub minimalistic: bool,
    /// Height and width of the input [default: the architecture's].
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub size: Option<(usize, usize)>,
    /// Number of classes [default: the architecture's].
    #[arg(long, value_name = "N", value_parser = classes)]
    pub classes: Option<usize>,
    /// Seed of the weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where to write the ONNX file.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Print what was written as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `targets`.
#[derive(Clone, Debug, Args)]
pub struct TargetsArguments {
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArguments {
    /// Where to put pictures, model and crate [default: target/bakelite-demo].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The CPU.
    #[arg(long, default_value = "native", value_name = "NAME|FILE")]
    pub target: String,
    /// How many held-out pictures to classify.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = count)]
    pub pictures: usize,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}
