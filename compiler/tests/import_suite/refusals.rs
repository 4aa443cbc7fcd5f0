//! What is refused, by name: operators, sizes, names, ranks, operands. Every refusal has node and remedy.

use crate::builder::*;
use crate::damage::network;
use onnx_protobuf::FunctionProto;

#[test]
fn huge_images_and_results() {
    for dims in [["1", "3", "100000", "100000"], ["1", "99999999999", "4", "4"]] {
        let net = Net::new(13, &dims).node("Relu", &["x"], "y", &[]);
        assert!(net.refusal().contains("an image of"));
    }
    let net = Net::new(13, &["1", "3", "8", "8"]).ints("k", &[0, 0, 60_000, 60_000, 0, 0, 60_000, 60_000]).node(
        "Pad",
        &["x", "k"],
        "y",
        &[],
    );
    assert!(net.refusal().contains("result would have"), "{}", net.refusal());
    let net = Net::new(13, &["1", "3", "8", "8"]).ints("k", &[1 << 40]).node("ConstantOfShape", &["k"], "c", &[]).node(
        "Add",
        &["x", "c"],
        "y",
        &[],
    );
    assert!(net.refusal().contains("too large"), "{}", net.refusal());
}

#[test]
fn missing_cyclic_and_doubled_names() {
    let missing = Net::new(13, &["1", "3", "4", "4"]).node("Conv", &["x", "nowhere"], "y", &[]);
    assert!(missing.refusal().contains("“nowhere” is read, but nothing produces it"));
    let cycle = Net::new(13, &["1", "3", "4", "4"])
        .node("Add", &["x", "b"], "a", &[])
        .node("Relu", &["a"], "b", &[])
        .node("Relu", &["b"], "y", &[]);
    assert!(cycle.refusal().contains("cycle"));
    let twice = Net::new(13, &["1", "3", "4", "4"]).node("Relu", &["x"], "y", &[]).node("Relu", &["x"], "y", &[]);
    assert!(twice.refusal().contains("produced twice"));
    let mut no_output = network();
    no_output.graph().output.clear();
    assert!(no_output.refusal().contains("no output"));
    let mut no_input = network();
    no_input.graph().input.clear();
    assert!(no_input.refusal().contains("“x” is read"));
}

#[test]
fn all_unsupported_operators_at_once() {
    let net = Net::new(13, &["1", "3", "4", "4"])
        .node("Elu", &["x"], "a", &[])
        .node("Gelu", &["a"], "b", &[])
        .node("Frobnicate", &["b"], "c", &[])
        .node("Elu", &["c"], "y", &[]);
    let text = net.refusal();
    for part in ["Elu ×2 (n_a, n_y", "Gelu ×1 (n_b", "Frobnicate ×1", "nearest supported: Relu, LeakyRelu, PRelu, Clip"]
    {
        assert!(text.contains(part), "{text}");
    }
    // Those that are supported, but not so, are collected as well.
    let net = Net::new(13, &["1", "3", "4", "4"])
        .node("Div", &["x", "x"], "a", &[])
        .node("Softmax", &["x"], "b", &[int("axis", 3)])
        .node("Add", &["a", "b"], "y", &[]);
    let text = net.refusal();
    assert!(text.contains("division by a tensor") && text.contains("n_b: Softmax"), "{text}");
}

#[test]
fn dynamically_quantized_models_are_named() {
    let dynamic = Net::new(13, &["1", "3", "4", "4"]).node("ConvInteger", &["x"], "y", &[]);
    assert!(dynamic.refusal().contains("quantized dynamically (1 such nodes"));
}

#[test]
fn functions_that_never_end() {
    let mut net = Net::new(18, &["1", "3", "4", "4"]).node("f", &["x"], "y", &[]);
    let body = |op: &str, calls: usize| FunctionProto {
        name: op.into(),
        input: vec!["a".into()],
        output: vec![format!("o{}", calls - 1)],
        node: (0..calls).map(|i| node(if op == "f" { "f" } else { "g" }, &["a"], &format!("o{i}"), &[])).collect(),
        ..Default::default()
    };
    net.0.functions.push(body("f", 1));
    assert!(net.refusal().contains("calls itself"));
    net.0.functions[0] = body("f", 9);
    assert!(net.refusal().contains("functions"));
}

#[test]
fn wrong_ranks_and_operands() {
    let base = || Net::new(13, &["1", "3", "4", "4"]);
    let cases: Vec<(Net, &str)> = vec![
        (base().weights("k", &[1, 1, 4, 4]).node("Add", &["x", "k"], "y", &[]), "between channels only"),
        (base().weights("k", &[2, 3, 4, 4]).node("Add", &["x", "k"], "y", &[]), "would widen"),
        (base().scalar("k", 0.0).node("Div", &["x", "k"], "y", &[]), "zero"),
        (base().scalar("k", 1.0).node("Div", &["k", "x"], "y", &[]), "constant divided by"),
        (base().ints("k", &[1, 2, -1]).node("Reshape", &["x", "k"], "y", &[]), "splits an axis"),
        (base().ints("k", &[7]).node("Reshape", &["x", "k"], "y", &[]), "cannot be reshaped"),
        (base().node("Transpose", &["x"], "y", &[ints("perm", &[0, 1, 1, 2])]), "name one twice"),
        (base().node("Transpose", &["x"], "t", &[ints("perm", &[0, 2, 3, 1])]).conv("t", "y", [2, 4, 1], &[]), "batch"),
        (base().conv("x", "y", [2, 3, 9], &[ints("pads", &[0; 4])]), "does not fit"),
        (base().conv("x", "y", [2, 3, 3], &[ints("strides", &[0, 1])]), "strides [0, 1]"),
        (base().conv("x", "y", [2, 3, 3], &[ints("pads", &[-1; 4])]), "padding of -1"),
        (base().conv("x", "y", [2, 3, 3], &[int("group", 2)]), "2 groups of 3 channels"),
        (base().node("Conv", &["x", "x"], "y", &[]), "the weight is not constant"),
        (base().weights("w", &[3, 3]).node("Gemm", &["x", "w"], "y", &[]), "no matrix"),
        (base().node("ReduceMean", &["x"], "y", &[ints("axes", &[1])]), "over the channels"),
        (base().node("Clip", &["x"], "y", &[float("min", 2.0), float("max", 1.0)]), "bounds are 2 and 1"),
        (base().floats("k", &[3, 1, 1], &[f32::NAN, 0.0, 1.0]).node("Mul", &["x", "k"], "y", &[]), "NaN"),
        (base().ints("k", &[0, 1, 0, 0, 0, 0, 0, 0]).node("Pad", &["x", "k"], "y", &[]), "no row or column"),
        (base().scalar("k", 1.0).node("Relu", &["k"], "y", &[]), "reads no input"),
    ];
    for (net, expected) in cases {
        let text = net.refusal();
        assert!(text.contains(expected), "expected “{expected}” in: {text}");
    }
}
