//! What several commands take: how a model is read, and pictures.

use super::values::{count, size};
use crate::compile::Request;
use crate::pipeline::ModelOptions;
use clap::Args;
use std::path::{Path, PathBuf};

/// How a model is read.
#[derive(Clone, Debug, Args)]
pub struct ModelArguments {
    /// Height and width for a model that leaves them open, e.g. 48x192.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub input_size: Option<(usize, usize)>,
    /// Keep true sigmoid and swish (through a table) instead of replacing them by the hard forms.
    #[arg(long)]
    pub keep_sigmoid: bool,
    /// Give activations new scales where the file is quantized already (QDQ, QOperator), and reconstruct its layers, as if it were a float file.
    #[arg(long)]
    pub requantize: bool,
    /// How pictures become the network's input: a name (see `bakelite targets`) or a .yaml file. Guessed if not given.
    #[arg(long, value_name = "NAME|FILE")]
    pub preprocess: Option<String>,
}

impl ModelArguments {
    /// As the pipeline wants them.
    pub fn options(&self) -> ModelOptions {
        ModelOptions {
            input_size: self.input_size,
            keep_sigmoid: self.keep_sigmoid,
            requantize: self.requantize,
            preprocess: self.preprocess.clone(),
        }
    }
}

/// Which pictures, and how many.
#[derive(Clone, Debug, Args)]
pub struct ImageArguments {
    /// A folder of JPEG, PNG or WebP pictures like those the network will see.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// How many of them to calibrate on; the others are compared on.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = count)]
    pub calibration_images: usize,
    /// Seed of the choice.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl ImageArguments {
    /// What makes the integers of `model` and no crate; pictures and statistics may be missing.
    pub fn integers_of(&self, model: &Path, reading: &ModelArguments, recipe: &str) -> Request {
        Request {
            model: model.to_owned(),
            options: reading.options(),
            images: self.images.clone().unwrap_or_default(),
            calibration_images: self.calibration_images,
            seed: self.seed,
            recipe: recipe.to_owned(),
            crate_only: true,
            ..Request::default()
        }
    }
}
