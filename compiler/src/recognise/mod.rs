//! What a network is: who exported it, which architecture it is, what it costs, how its images are prepared.
//!
//! A guess for people to read and for choosing defaults, never a condition for compiling: any graph that imports is
//! compiled, whatever it is called here.

mod blocks;
mod dialect;
mod head;
mod tables;

pub use blocks::{Block, Layout, layout};
pub use dialect::Dialect;
use head::Head;

use crate::graph::Graph;
use crate::onnx::Model;
use crate::ops::Op;

/// What was recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// Who wrote the file.
    pub dialect: Dialect,
    /// For instance "MobileNetV3-Small, width 1.0, 1000 classes"; "unknown network" where no table is near.
    pub architecture: String,
    /// Where the network differs from that table, one sentence each.
    pub differences: Vec<String>,
    /// Multiplications per image.
    pub macs: u64,
    /// Number of constants.
    pub parameters: u64,
    /// Name of the preprocess spec: "torchvision", "timm-half", "keras", "unit" or "paddleocr".
    pub preprocess: &'static str,
    /// Why that one.
    pub preprocess_reason: String,
}

/// Recognises a network; `graph` is best given after [`crate::passes::run`], where functions have their names.
///
/// `None` where the graph holds no convolution at all.
pub fn recognise(model: &Model, graph: &Graph) -> Option<Recognised> {
    let layout = layout(graph)?;
    let dialect = Dialect::of(model);
    let found = tables::nearest(&layout);
    let classes = graph.outputs.first().map_or(0, |&id| graph.shape(id).channels);
    let body = found.as_ref().map(|found| found.name.replace(" with LR-ASPP", ""));
    let architecture = match (body, head::head(graph), &found) {
        (Some(body), Some(Head::DeepLab), _) => format!("{body}, DeepLabV3 head, {classes} classes"),
        (Some(body), Some(Head::Detector), _) => format!("{body}, detection heads, {} maps", graph.outputs.len()),
        (_, None, Some(found)) => format!("{}, {classes} classes", found.name),
        (None, Some(Head::Detector), _) => format!("unknown network, detection heads, {} maps", graph.outputs.len()),
        (_, _, _) => format!("unknown network, {classes} outputs"),
    };
    let (preprocess, preprocess_reason) = preprocess(model, graph, dialect, &architecture);
    Some(Recognised {
        dialect,
        architecture,
        differences: found.map_or_else(Vec::new, |found| found.differences),
        macs: graph.macs(),
        parameters: graph.parameters(),
        preprocess,
        preprocess_reason,
    })
}

/// What the graph does to its input tells most: a zero point of its own, as an affine map or as what the first
/// convolution pads with, means raw pixels where it is a pixel value, and x/255 where it is a fraction of one.
/// Otherwise it is the dialect's habit.
fn preprocess(model: &Model, graph: &Graph, dialect: Dialect, architecture: &str) -> (&'static str, String) {
    match zero_point(graph) {
        Some(zero) if zero > 2.0 => {
            return ("keras", format!("the graph itself shifts its input by {zero:.1}: it takes raw pixels"));
        }
        Some(zero) => {
            return ("unit", format!("the graph itself shifts its input by {zero:.3}: it takes x/255"));
        }
        None => {}
    }
    let scaled = |n: &crate::onnx::Node| {
        matches!(n.op.as_str(), "Mul" | "Div") && model.inputs.iter().any(|i| n.inputs.contains(&i.name))
    };
    if model.nodes.iter().any(scaled) {
        return ("keras", "the graph itself scales its input: it takes raw pixels".into());
    }
    let who = dialect.to_string();
    // A mean for each colour says nothing to a network of grey pictures.
    if graph.shape(graph.input).channels == 1 && dialect != Dialect::TfLite && dialect != Dialect::TimmTf {
        return ("unit", format!("written by {who}, one channel: x/255 is the usual choice"));
    }
    let (name, why) = match dialect {
        Dialect::Paddle if architecture.ends_with(", 1000 classes") => {
            ("torchvision", "of 1000 classes, so ImageNet mean and deviation")
        }
        Dialect::Paddle => ("paddleocr", "(x/255 − 0.5)/0.5, BGR"),
        Dialect::TorchVision => ("torchvision", "ImageNet mean and deviation"),
        Dialect::TimmTf => ("timm-half", "SAME padding goes with x/127.5 − 1"),
        Dialect::Timm => ("torchvision", "symmetric padding goes with ImageNet mean and deviation"),
        Dialect::TorchDynamo | Dialect::TorchScript => {
            ("torchvision", "most such networks take ImageNet mean and deviation")
        }
        Dialect::TfLite => ("timm-half", "TensorFlow's MobileNets take x/127.5 − 1"),
        Dialect::Keras if ["MobileNetV1", "MobileNetV2"].iter().any(|name| architecture.starts_with(name)) => {
            ("timm-half", "its MobileNetV1 and V2 take x/127.5 − 1")
        }
        Dialect::Keras => ("unit", "without scaling inside, x/255 is the usual choice"),
        Dialect::Unknown => ("torchvision", "nothing tells; ImageNet mean and deviation are the most common"),
    };
    (name, format!("written by {who}: {why}"))
}

/// Which value of the input the network treats as zero, where it shows and is not zero.
fn zero_point(graph: &Graph) -> Option<f32> {
    let readers = graph.nodes.iter().filter(|n| n.inputs.contains(&graph.input));
    let zeros = readers.filter_map(|n| match &n.op {
        Op::Affine(affine) => Some(-affine.shift.first()? / affine.scale.first()?),
        Op::Conv(conv) if conv.is_padded() => conv.pad_value.first().copied(),
        Op::Conv(_) | Op::Activation(_) | Op::PRelu(_) | Op::Add | Op::Mul | Op::Concat | Op::Select(_) => None,
        Op::Crop(_) | Op::DepthToSpace(_) | Op::Resize(_) | Op::GlobalAveragePool | Op::AveragePool(_) => None,
        Op::MaxPool(_) | Op::Softmax | Op::ArgMax => None,
    });
    zeros.filter(|z| z.is_finite() && *z != 0.0).map(f32::abs).next()
}
