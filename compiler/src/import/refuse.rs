//! What is refused, and the nearest spelling that is not.

use super::table;
use crate::error::{Error, Result, Stage};
use crate::onnx::{Model, Node, is_standard_domain};
use std::collections::BTreeMap;

/// Operators that are understood where all their inputs are constant.
const ON_CONSTANTS: &[&str] = &[
    "Abs",
    "And",
    "Ceil",
    "Constant",
    "ConstantOfShape",
    "Equal",
    "Exp",
    "Expand",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Log",
    "Mod",
    "Not",
    "Or",
    "Pow",
    "Range",
    "Reciprocal",
    "ReduceMin",
    "ReduceProd",
    "Round",
    "Sqrt",
    "Tile",
    "Where",
];

/// What to write instead.
fn nearest(op: &str) -> &'static str {
    match op {
        "ThresholdedRelu" | "Elu" | "Selu" | "Celu" => "Relu, LeakyRelu, PRelu, Clip or HardSwish",
        "Gelu" | "Mish" | "Softplus" | "Softsign" | "Erf" => "HardSwish, Tanh, or x·Sigmoid(x)",
        "LogSoftmax" | "Hardmax" => "Softmax, or no function behind the logits",
        "InstanceNormalization" | "GroupNormalization" | "LayerNormalization" | "LpNormalization" | "LRN" => {
            "BatchNormalization"
        }
        "GridSample" | "AffineGrid" | "CropAndResize" => "Resize",
        "GlobalLpPool" | "LpPool" => "GlobalAveragePool or MaxPool",
        "MatMulInteger" | "ConvInteger" => "Conv or MatMul of floats: give the float model",
        "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp" => "ReduceMean over the pixels",
        "If" | "Loop" | "Scan" => "a model exported by tracing, without control flow",
        "LSTM" | "GRU" | "RNN" | "Attention" | "MultiHeadAttention" | "Einsum" => "a convolutional network",
        "FusedConv" => "Conv followed by its activation: give the file before onnxruntime optimised it",
        "QuickGelu" => "Mul(x, Sigmoid(x))",
        "NonMaxSuppression" | "RoiAlign" => "the network before its post-processing",
        _ => "the same network from another exporter or opset (13 to 20 are understood best)",
    }
}

/// One line per operator: how often, where first, what instead.
pub(super) fn suggestion(op: &str) -> String {
    format!("nearest supported: {}", nearest(op))
}

/// Names every operator that is not understood, all at once.
pub(super) fn unsupported(nodes: &[Node]) -> Result<()> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for node in nodes {
        let known = is_standard_domain(&node.domain)
            && (table::on_maps(&node.op).is_some() || ON_CONSTANTS.contains(&node.op.as_str()));
        if !known {
            let domain = if is_standard_domain(&node.domain) { String::new() } else { format!("{}::", node.domain) };
            found.entry(format!("{domain}{}", node.op)).or_default().push(&node.name);
        }
    }
    let Some((_, names)) = found.first_key_value() else {
        return Ok(());
    };
    let first = names.first().copied().unwrap_or_default().to_string();
    let lines: Vec<String> = found
        .iter()
        .map(|(op, names)| {
            let shown: Vec<&str> = names.iter().take(4).copied().collect();
            let more = if names.len() > 4 { format!(" and {} more", names.len() - 4) } else { String::new() };
            let plain = op.rsplit("::").next().unwrap_or(op);
            format!("{op} ×{} ({}{more}; {})", names.len(), shown.join(", "), suggestion(plain))
        })
        .collect();
    Err(Error::new(Stage::Import, format!("unsupported operators: {}", lines.join("; "))).at(first).remedy(
        "export the model with the supported spelling, or cut the graph before these nodes; `bakelite inspect` lists \
         them too",
    ))
}

/// Explains a model that is quantized anew for each picture: its integers have no meaning that could be kept. (What has one is brought
/// into floats: [`super::quantized`], [`super::qoperator`].)
pub(super) fn quantized(model: &Model) -> Result<()> {
    let body = model.functions.iter().flat_map(|f| &f.nodes);
    let marks = |n: &&Node| {
        matches!(n.op.as_str(), "ConvInteger" | "MatMulInteger" | "DynamicQuantizeLinear" | "DynamicQuantizeMatMul")
    };
    let all: Vec<&Node> = model.nodes.iter().chain(body).filter(marks).collect();
    let Some(first) = all.first() else {
        return Ok(());
    };
    Err(Error::new(
        Stage::Import,
        format!(
            "the model is quantized dynamically ({} such nodes, the first is a {}): its activations get scales while it runs, of which \
             nothing can be kept",
            all.len(),
            first.op
        ),
    )
    .at(&first.name)
    .remedy("give the float model that it was made from, which Bakelite quantizes itself, or a static quantization (QDQ or QOperator)"))
}
