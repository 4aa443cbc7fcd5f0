//! What a network is: who exported it, which architecture it is, what it costs, how its images are prepared.
//!
//! A guess for people to read and for choosing defaults, never a condition for compiling: any graph that imports is
//! compiled, whatever it is called here.

mod blocks;
mod dialect;
mod tables;

pub use blocks::{Block, Layout, layout};
pub use dialect::Dialect;

use crate::graph::Graph;
use crate::onnx::Model;

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
    let classes = graph
        .outputs
        .first()
        .map_or(0, |&id| graph.shape(id).channels);
    let architecture = match &found {
        Some(found) => format!("{}, {classes} classes", found.name),
        None => format!("unknown network, {classes} outputs"),
    };
    let (preprocess, preprocess_reason) = preprocess(model, graph, dialect);
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

/// Preprocessing in the graph shows as an affine map of the input or as a first convolution that pads with something
/// else than zero; otherwise the dialect's habit.
fn preprocess(model: &Model, graph: &Graph, dialect: Dialect) -> (&'static str, String) {
    use crate::ops::Op;
    let in_graph = graph
        .nodes
        .iter()
        .filter(|n| n.inputs.contains(&graph.input))
        .any(|n| match &n.op {
            Op::Affine(_) => true,
            Op::Conv(conv) => conv.pad_value.iter().any(|&v| v != 0.0),
            Op::Activation(_) | Op::Add | Op::Mul | Op::GlobalAveragePool => false,
            Op::AveragePool(_) | Op::MaxPool(_) | Op::Softmax => false,
        });
    let scaled_weights = model
        .nodes
        .iter()
        .take(4)
        .any(|n| n.op == "Mul" || n.op == "Div" || n.op == "Sub")
        && model.nodes.iter().take(3).any(|n| {
            n.inputs
                .iter()
                .any(|i| model.inputs.iter().any(|m| m.name == *i))
        })
        && model
            .nodes
            .first()
            .is_some_and(|n| n.op != "Constant" && n.op != "Conv");
    if in_graph || (scaled_weights && dialect == Dialect::Keras) {
        return (
            "keras",
            "the graph itself scales and shifts its input: it takes raw pixels".into(),
        );
    }
    let who = dialect.to_string();
    match dialect {
        Dialect::Paddle => (
            "paddleocr",
            format!("written by {who}: (x/255 − 0.5)/0.5, BGR"),
        ),
        Dialect::TorchVision => (
            "torchvision",
            format!("layer names and symmetric padding of {who}: ImageNet mean and deviation"),
        ),
        Dialect::TimmTf => (
            "timm-half",
            format!("layer names and SAME padding of {who}: x/127.5 − 1"),
        ),
        Dialect::Timm => (
            "torchvision",
            format!("layer names of {who} with symmetric padding: ImageNet mean and deviation"),
        ),
        Dialect::TorchDynamo | Dialect::TorchScript => (
            "torchvision",
            format!("written by {who}: most such networks take ImageNet mean and deviation"),
        ),
        Dialect::TfLite => (
            "timm-half",
            format!("{who}: TensorFlow's MobileNets take x/127.5 − 1"),
        ),
        Dialect::Keras => (
            "unit",
            format!("{who} without scaling inside: x/255 is the usual choice"),
        ),
        Dialect::Unknown => (
            "torchvision",
            "nothing tells; ImageNet mean and deviation are the most common".into(),
        ),
    }
}
