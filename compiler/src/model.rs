//! From an architecture to a float ONNX file with made-up weights: networks for tests, benchmarks and searches, without a
//! download.
//!
//! ```text
//! table ──at width──► layers ──for each──► ONNX nodes      weights: seeded
//!                                      └─► sample values   batch norms: measured on them
//! ```
//!
//! Weights have the variance that keeps activations of one size (He), and each batch norm the mean and variance that its input
//! really has on a few drawn pictures; so the network behaves in its ranges like a trained one, unlike one of weights alone,
//! whose activations vanish or explode. Its answers mean nothing, but differ from picture to picture, by so little that rounding
//! moves them far more than a trained network's: such networks serve for bits, counts, memory and speed, not for accuracy.
//!
//! The same table, options and seed give the same weights everywhere. The measured statistics are kept to eight bits of
//! precision, so that the last bits of a float matrix product, in which CPU generations differ, hardly ever show.

pub mod float;
mod layers;
mod measure;
mod network;
mod onnx;
mod samples;

use crate::error::{Error, Result, Stage};
use crate::specs::architecture::ArchitectureSpec;
use onnx_protobuf::{Message, ModelProto};

/// What to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Multiplier of channels.
    pub width: f64,
    /// Without squeeze-excite, hard-swish and large kernels.
    pub minimalistic: bool,
    /// Height and width of the input; the table's own if `None`.
    pub size: Option<(usize, usize)>,
    /// Number of classes; the table's own if `None`.
    pub classes: Option<usize>,
    /// Of weights and pictures.
    pub seed: u64,
    /// How many pictures batch norms are measured on. With none they are left at mean 0 and variance 1, and the network
    /// serves for counting only.
    pub samples: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 1.0, minimalistic: false, size: None, classes: None, seed: 0, samples: 16 }
    }
}

/// A network and what it costs.
#[derive(Clone, Debug)]
pub struct Model {
    /// As the table calls it, with its width.
    pub name: String,
    /// The ONNX file.
    pub proto: ModelProto,
    /// Height and width of the input.
    pub size: (usize, usize),
    /// Number of classes.
    pub classes: usize,
    /// Constants that training would change: weights, biases, scales and shifts of batch norms.
    pub parameters: u64,
    /// Products of convolutions and matrices, for one picture.
    pub macs: u64,
}

/// Longer sides than any of these networks is used with would need more memory than a picture is worth.
const LONGEST_SIDE: usize = 2048;

/// Multipliers beyond these are no networks that anybody runs.
const WIDTHS: std::ops::RangeInclusive<f64> = 0.05..=4.0;

/// Writes the network.
///
/// # Errors
/// Where the table has no minimalistic variant; where width or size are out of bounds or a layer does not fit into its map.
pub fn write(spec: &ArchitectureSpec, options: &Options) -> Result<Model> {
    let refuse = |cause: String, remedy: String| Error::new(Stage::Model, cause).at(&spec.name).remedy(remedy);
    let spec = match options.minimalistic {
        false => spec.clone(),
        true => spec.minimalist().ok_or_else(|| {
            let remedy = "leave --minimalistic out; mobilenet-v3-large and mobilenet-v3-small have such a variant";
            refuse("there is no minimalistic variant".to_owned(), remedy.to_owned())
        })?,
    };
    if !WIDTHS.contains(&options.width) {
        let remedy = format!("give one from {} to {}", WIDTHS.start(), WIDTHS.end());
        return Err(refuse(format!("a width of {}", options.width), remedy));
    }
    let size = options.size.unwrap_or((spec.size, spec.size));
    if size.0.max(size.1) > LONGEST_SIDE || size.0.min(size.1) == 0 {
        let remedy = format!("give sides from 1 to {LONGEST_SIDE} with --size");
        return Err(refuse(format!("an input of {} × {} pixels", size.0, size.1), remedy));
    }
    let classes = options.classes.unwrap_or(spec.classes);
    let name = format!("{}, width {:?}", spec.name, options.width);
    let network = layers::network(&spec.at_width(options.width), options, size, classes)?;
    let (parameters, macs) = (network.parameters, network.macs);
    let origin = format!("{name}, {classes} classes, made-up weights of seed {}", options.seed);
    Ok(Model { name, proto: network.finish(&origin), size, classes, parameters, macs })
}

impl Model {
    /// The file's bytes.
    ///
    /// # Errors
    /// Where the network is larger than an ONNX file can be (2 GB).
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.proto.write_to_bytes().map_err(|e| {
            Error::new(Stage::Model, format!("cannot be encoded: {e}")).at(&self.name).remedy("give a smaller --width")
        })
    }
}
