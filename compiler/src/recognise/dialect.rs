//! Who wrote a file, told from its producer and from how it names layers.

use crate::onnx::{Dim, Model, ValueInfo};
use std::fmt;

/// An exporter, together with the library whose network it exported where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// torchvision's layer names, any PyTorch exporter.
    TorchVision,
    /// timm's layer names, symmetric padding.
    Timm,
    /// timm's layer names, padding as TensorFlow's SAME (`tf_*` models).
    TimmTf,
    /// PyTorch's newer exporter.
    TorchDynamo,
    /// PyTorch's older exporter.
    TorchScript,
    /// Keras or TensorFlow through tf2onnx, or Keras through PyTorch.
    Keras,
    /// A TensorFlow Lite file, converted.
    TfLite,
    /// PaddlePaddle through paddle2onnx.
    Paddle,
    /// None of these.
    Unknown,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::TorchVision => "torchvision (PyTorch)",
            Dialect::Timm => "timm (PyTorch)",
            Dialect::TimmTf => "timm tf_* (PyTorch)",
            Dialect::TorchDynamo => "PyTorch, dynamo exporter",
            Dialect::TorchScript => "PyTorch, TorchScript exporter",
            Dialect::Keras => "Keras",
            Dialect::TfLite => "TensorFlow Lite, converted",
            Dialect::Paddle => "PaddlePaddle (paddle2onnx)",
            Dialect::Unknown => "an unknown exporter",
        })
    }
}

impl Dialect {
    /// Producer first, then layer names, then padding.
    pub fn of(model: &Model) -> Self {
        let producer = model.producer.to_lowercase();
        let named = |part: &str| {
            let initializers = model.initializers.iter().map(|(name, _)| name);
            let nodes = model.nodes.iter().map(|n| &n.name);
            initializers.chain(nodes).any(|name| name.contains(part))
        };
        // Newer paddle2onnx names no producer, but Paddle its parameters.
        if producer.contains("paddle") || producer.is_empty() && named("conv2d_0.w_0") {
            return Dialect::Paddle;
        }
        if producer.contains("tf2onnx") {
            return Dialect::Keras;
        }
        if producer.contains("tfl") || producer.contains("tflite") {
            return Dialect::TfLite;
        }
        if named("conv_stem") || named("blocks.0.0") {
            return if same_padding(model) { Dialect::TimmTf } else { Dialect::Timm };
        }
        if named("features.0.0") || named("features.1.block") {
            return Dialect::TorchVision;
        }
        if !producer.contains("pytorch") {
            return Dialect::Unknown;
        }
        // Channels last: a network of Keras on PyTorch.
        if model.inputs.iter().any(channels_last) {
            return Dialect::Keras;
        }
        // TorchScript names values of a call `/layer/Conv_output_0`, dynamo does not.
        let slashes = model.nodes.iter().flat_map(|n| &n.outputs).any(|o| o.starts_with('/'));
        if slashes || !model.functions.is_empty() && model.opset() < 18 {
            Dialect::TorchScript
        } else {
            Dialect::TorchDynamo
        }
    }
}

/// Whether an input is `[batch, height, width, 3]`.
fn channels_last(input: &ValueInfo) -> bool {
    matches!(input.dims.as_deref(), Some([_, height, _, Dim::Known(3)]) if *height != Dim::Known(3))
}

/// Padding as TensorFlow does it: more at the end, or computed in the graph and written as `Pad`.
fn same_padding(model: &Model) -> bool {
    model.nodes.iter().any(|n| {
        n.op == "Pad"
            || n.op == "Conv"
                && (n.ints("pads").is_some_and(|p| p.len() == 4 && (p[0] != p[2] || p[1] != p[3]))
                    || n.text("auto_pad").is_some_and(|a| a.starts_with("SAME")))
    })
}
