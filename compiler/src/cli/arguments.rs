//! The arguments of every command, with the help that people read.

mod accuracy;
mod common;
mod compile;
mod offline;
mod speed;
mod values;

pub use accuracy::{AblateArguments, AnalyzeArguments, CalibrateArguments, EvalArguments, InspectArguments};
use clap::{Parser, Subcommand};
pub use common::{ImageArguments, ModelArguments};
pub use compile::{CompileArguments, VerifyArguments};
pub use offline::{DemoArguments, ModelFileArguments, TargetsArguments};
pub use speed::{AdaptArguments, BenchArguments, TuneArguments};

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
