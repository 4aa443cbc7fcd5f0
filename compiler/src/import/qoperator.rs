//! Files whose operators compute in integers (QOperator form): each becomes the same operator on floats, with `DequantizeLinear` before
//! and `QuantizeLinear` behind it, as the QDQ form ([`super::quantized`]) spells it.
//!
//! ```text
//! QLinearConv(x, sx, zx, w, sw, zw, sy, zy, b)  →  Q(Conv(D(x, sx, zx), D(w, sw, zw), D(b, sx·sw)), sy, zy)
//! ```
//!
//! The operators are those of ONNX itself and of ONNX Runtime's own domain. What multiplies integers without saying what
//! they mean (`ConvInteger`, `MatMulInteger`, whose scales differ from picture to picture) stays, and is refused.

use crate::onnx::{Attribute, Node, is_standard_domain};

/// Where a quantized operator has its inputs: each a position, followed by those of its scale and zero point.
struct Form {
    /// The operator on floats.
    plain: &'static str,
    /// Positions of tensors.
    tensors: &'static [usize],
    /// Position of the summand, in steps of the product of the first two scales.
    bias: Option<usize>,
    /// Position of the scale of the output; its zero point is next.
    output: usize,
}

fn form(op: &str) -> Option<Form> {
    let form = |plain, tensors, bias, output| Some(Form { plain, tensors, bias, output });
    match op {
        "QLinearConv" => form("Conv", &[0, 3], Some(8), 6),
        "QLinearMatMul" => form("MatMul", &[0, 3], None, 6),
        "QGemm" => form("Gemm", &[0, 3], Some(6), 7),
        "QLinearAdd" => form("Add", &[0, 3], None, 6),
        "QLinearMul" => form("Mul", &[0, 3], None, 6),
        "QLinearGlobalAveragePool" => form("GlobalAveragePool", &[0], None, 3),
        "QLinearAveragePool" => form("AveragePool", &[0], None, 3),
        "QLinearReduceMean" => form("ReduceMean", &[0], None, 3),
        "QLinearSigmoid" => form("Sigmoid", &[0], None, 3),
        "QLinearLeakyRelu" => form("LeakyRelu", &[0], None, 3),
        "QLinearSoftmax" => form("Softmax", &[0], None, 3),
        // Of any number of tensors, behind scale and zero point of the output.
        "QLinearConcat" => form("Concat", &[], None, 0),
        _ => None,
    }
}

/// Spreads all such nodes; says how many there were.
pub(super) fn spread(nodes: Vec<Node>) -> (Vec<Node>, usize) {
    let (mut all, mut count) = (Vec::with_capacity(nodes.len()), 0);
    for node in nodes {
        let ours = is_standard_domain(&node.domain) || node.domain == "com.microsoft";
        match form(&node.op).filter(|_| ours && node.int("channels_last").unwrap_or(0) == 0) {
            Some(form) => {
                one(&node, &form, &mut all);
                count += 1;
            }
            None => all.push(node),
        }
    }
    (all, count)
}

fn one(node: &Node, form: &Form, all: &mut Vec<Node>) {
    let input = |at: usize| node.inputs.get(at).cloned().unwrap_or_default();
    let made = |what: &str| format!("{}/{what}", node.name);
    let mut push = |op: &str, inputs: Vec<String>, output: &str, attributes: Vec<(String, Attribute)>| {
        let name = format!("{output} ({op})");
        all.push(Node {
            name,
            op: op.into(),
            domain: String::new(),
            overload: String::new(),
            inputs,
            outputs: vec![output.into()],
            attributes,
        });
    };
    let concat = form.plain == "Concat";
    let tensors: Vec<usize> = if concat { (2..node.inputs.len()).step_by(3).collect() } else { form.tensors.to_vec() };
    let mut reals = Vec::with_capacity(tensors.len() + 1);
    for (i, &at) in tensors.iter().enumerate() {
        // Where scales differ, they do so along the output channels of weights.
        let along = match (form.plain, i) {
            ("Conv", 1) => 0,
            ("Gemm", 1) if node.int("transB") == Some(1) => 0,
            _ => 1,
        };
        let real = made(&format!("input_{i}"));
        let axis = vec![("axis".to_owned(), Attribute::Int(along))];
        push("DequantizeLinear", vec![input(at), input(at + 1), input(at + 2)], &real, axis);
        reals.push(real);
    }
    if let Some(at) = form.bias.filter(|&at| !input(at).is_empty()) {
        let (scale, real) = (made("bias_scale"), made("bias"));
        push("Mul", vec![input(1), input(4)], &scale, Vec::new());
        push("DequantizeLinear", vec![input(at), scale], &real, vec![("axis".to_owned(), Attribute::Int(0))]);
        reals.push(real);
    }
    let output = node.outputs.first().cloned().unwrap_or_default();
    let attributes = node.attributes.clone();
    // Without a scale the answer is real already.
    if input(form.output).is_empty() {
        push(form.plain, reals, &output, attributes);
        return;
    }
    let real = made("real");
    push(form.plain, reals, &real, attributes);
    push("QuantizeLinear", vec![real, input(form.output), input(form.output + 1)], &output, Vec::new());
}
