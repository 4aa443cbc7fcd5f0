//! The arguments of every command, with the help that people read.

use crate::build::Library;
use crate::compile::Request;
use crate::dataset::Shard;
use crate::error::{Error, Result, Stage};
use crate::pipeline::{self, ModelOptions};
use crate::plan::Economy;
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// A float MobileNetV3 ONNX file becomes a small, static int8 crate and program for one CPU.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, after_help = "Try `bakelite demo`: it needs no model and no pictures.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job: quantize a model and compile it to a crate and a program.
    #[command(after_help = "Example: bakelite compile mobilenet_v3.onnx --images photos/ --target cortex-a76")]
    Compile(CompileArguments),
    /// Collect the statistics of activations on images, once, for many compilations.
    #[command(
        after_help = "Example, on four machines: bakelite calibrate m.onnx --images photos/ --shard 1/4 -o 1.calib\n         \
                            then: bakelite calibrate --merge 1.calib 2.calib 3.calib 4.calib -o m.calib"
    )]
    Calibrate(CalibrateArguments),
    /// Say what a model is, what it costs, and what would not compile.
    Inspect(InspectArguments),
    /// Compare float and int8 on labelled images.
    #[command(
        after_help = "Labels are read from `labels.csv` (file,class) in the folder, or the folder has one folder per class."
    )]
    Eval(EvalArguments),
    /// Say where the error comes from, layer by layer.
    #[command(after_help = "Example: bakelite analyze mobilenet_v3.onnx --images photos/ --report analysis.html

For each layer: the answers' signal to noise if it alone were in integers (or only its weights, or only its codes) and if it alone \
were in float; its result's, everything before it in integers too; its widest channel's range against the median one's; how many of its \
channels starve, with less than 20 dB left of their own signal by their codes; and what would \
help. For each picture whose best class changed: the first layer that brings it back.")]
    Analyze(AnalyzeArguments),
    /// Say what each step of a recipe is worth: without it, and from the plainest recipe up.
    #[command(
        after_help = "Example: bakelite ablate mobilenet_v3.onnx --images photos/ --evaluation labelled/\n\nThe network is quantized \
                      anew for every row, some twenty times for each choice of calibration pictures: minutes to an hour. The \
                      difference of top-1 to float has its 95 % interval, paired."
    )]
    Ablate(AblateArguments),
    /// Build the program and compare every bit of its answers with the reference.
    Verify(VerifyArguments),
    /// Time a model layer by layer, or a compiled crate as a whole.
    #[command(after_help = "Example: bakelite bench mobilenet_v3.onnx

The roofline is what one core of this machine does at best, measured now: multiply-accumulates per second of the kernels' own dot \
product on data in the first cache, and bytes per second read from as many bytes as the network holds. A layer's bound is the longer of \
its products at the one and its weights and maps at the other; the last column is that bound as a share of the measured time. 100 % \
would leave nothing to gain; how it is counted is noisy by a few percent.")]
    Bench(BenchArguments),
    /// Measure on this machine which register tile each matrix product is quickest with, for `compile --tuning`.
    #[command(after_help = "Example: bakelite tune mobilenet_v3.onnx --out tuned.yaml
         bakelite compile mobilenet_v3.onnx --images photos/ --tuning tuned.yaml

Without it the tile follows from the registers of the instruction set. Every candidate is timed in whole runs of the network; a tile is \
changed where that takes at least 1 % off the time of all layers of one shape. Answers do not depend on tiles.")]
    Tune(TuneArguments),
    /// Take channels off a float network until it costs less on a target (NetAdapt), and write it as ONNX.
    #[command(after_help = ADAPT_HELP)]
    Adapt(AdaptArguments),
    /// Write a float ONNX network from the table of an architecture, with made-up weights.
    #[command(after_help = "Example: bakelite model mobilenet-v3-large --width 0.75 --size 192x192 -o large.onnx")]
    Model(ModelFileArguments),
    /// List the targets, recipes, preprocess specs and architectures.
    Targets(TargetsArguments),
    /// Compile a small embedded network and classify drawn pictures: the whole job with nothing to bring.
    Demo(DemoArguments),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What `adapt --help` adds.
const ADAPT_HELP: &str = "\
Example: bakelite adapt mobilenet_v3.onnx --images photos --target cortex-a76 --cost 0.8 -o smaller.onnx

Each step takes channels off one expansion or bottleneck: off the one whose loss the answers feel least for what it saves. The \
layers that read them are fitted to do without (least squares on the pictures); nothing is trained. The result is a float file like \
the one that was given: compile it, or train it a little first, where you can. A network of few classes often gives a twentieth \
of its cost away unnoticed; one of a thousand classes needs training afterwards.";

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
    /// Do not run the program.
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

fn size(text: &str) -> std::result::Result<(usize, usize), String> {
    let parse = |side: &str| side.trim().parse::<usize>().ok().filter(|side| (1..=16384).contains(side));
    match text.split_once(['x', '×', ',']) {
        Some((h, w)) => parse(h).zip(parse(w)),
        None => parse(text).map(|side| (side, side)),
    }
    .ok_or_else(|| format!("`{text}` is not a height and width such as 224x224"))
}

/// At least one, and not so many that lists of them overflow.
fn count(text: &str) -> std::result::Result<usize, String> {
    let most = 1_000_000_000;
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("`{text}` is not a whole number from 1 to {most}"))
}

/// More than nothing, less than all.
fn part(text: &str) -> std::result::Result<f64, String> {
    let part = text.parse().ok().filter(|part| *part > 0.0 && *part < 1.0);
    part.ok_or_else(|| format!("`{text}` is not a number between 0 and 1, such as 0.9"))
}

/// At least one, and no more than any data set has.
fn classes(text: &str) -> std::result::Result<usize, String> {
    let most = 100_000;
    let classes = text.parse().ok().filter(|classes| (1..=most).contains(classes));
    classes.ok_or_else(|| format!("`{text}` is not a whole number from 1 to {most}"))
}

fn shard(text: &str) -> std::result::Result<Shard, String> {
    text.parse().map_err(|e: Error| format!("{}; {}", e.cause, e.remedy.unwrap_or_default()))
}
