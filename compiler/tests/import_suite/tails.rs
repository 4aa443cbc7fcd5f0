//! Tails, batch norm, weights, batch and sizes in every spelling.

use crate::builder::*;

/// Pool, then a tail to ten classes; `f` is the pooled value of rank four.
fn tail(opset: i64, after: &str, build: impl Fn(Net) -> Net) {
    let net = build(
        Net::new(opset, &["1", "4", "3", "3"])
            .node("GlobalAveragePool", &["x"], "f", &[])
            .weights("fc", &[10, 4])
            .weights("fct", &[4, 10])
            .weights("bias", &[10]),
    );
    let head = "input %x 3x3x4\n%f 1x1x4 = global_average_pool(%x)\n";
    let graph = net.import().unwrap_or_else(|e| panic!("{e:?}")).graph;
    let (rewritten, _) = bakelite::passes::run(graph.clone(), &Default::default()).unwrap();
    assert_eq!(rewritten.to_string().trim(), format!("{head}{after}\noutput %y").trim());
    let x = image(&graph);
    assert!(difference(&run(&graph, &x), &run(&rewritten, &x)) < 1e-5);
    assert!(difference(&run(&graph, &x), &oracle(&net.bytes(), &x, false)) < 1e-5);
}

#[test]
fn tails() {
    let dense = "%y 1x1x10 = conv(%f) 1x1";
    let gemm = |n: Net, input: &str| n.node("Gemm", &[input, "fc", "bias"], "y", &[int("transB", 1)]);
    tail(13, dense, |n| gemm(n.node("Flatten", &["f"], "v", &[]), "v"));
    tail(13, dense, |n| gemm(n.ints("s", &[0, -1]).node("Reshape", &["f", "s"], "v", &[]), "v"));
    tail(13, dense, |n| gemm(n.ints("s", &[1, 4]).node("Reshape", &["f", "s"], "v", &[]), "v"));
    tail(13, dense, |n| gemm(n.ints("a", &[2, 3]).node("Squeeze", &["f", "a"], "v", &[]), "v"));
    tail(13, dense, |n| {
        let n = n.node("Shape", &["f"], "sh", &[]).ints("i", &[0]).ints("minus", &[-1]);
        let n = n.node("Gather", &["sh", "i"], "b", &[]).node("Concat", &["b", "minus"], "s", &[int("axis", 0)]);
        gemm(n.node("Reshape", &["f", "s"], "v", &[]), "v")
    });
    tail(13, dense, |n| {
        let n = n.node("Flatten", &["f"], "v", &[]).node("Gemm", &["v", "fct"], "g", &[float("alpha", 0.5)]);
        n.node("Add", &["g", "bias"], "y", &[])
    });
    tail(13, dense, |n| {
        let n = n.node("Flatten", &["f"], "v", &[]).node("MatMul", &["v", "fct"], "g", &[]);
        n.node("Add", &["bias", "g"], "y", &[])
    });
    // The pool's output as one long vector, and a copy of it by index.
    tail(13, dense, |n| {
        let n = n.ints("m1", &[-1]).node("Reshape", &["f", "m1"], "l", &[]);
        let n = n.tensor(ints_tensor("idx", &[1, 4], &[0, 1, 2, 3])).node("Gather", &["l", "idx"], "v", &[]);
        gemm(n, "v")
    });
    // Weights behind Transpose and Identity.
    tail(13, dense, |n| {
        let n = n.node("Identity", &["fct"], "w1", &[]).node("Transpose", &["w1"], "w2", &[]);
        n.node("Flatten", &["f"], "v", &[]).node("Gemm", &["v", "w2", "bias"], "y", &[int("transB", 1)])
    });
    let softmax = "%l 1x1x10 = conv(%f) 1x1\n%y 1x1x10 = softmax(%l)";
    tail(13, softmax, |n| {
        let n = n.node("Flatten", &["f"], "v", &[]).node("Dropout", &["v"], "d", &[]);
        let n = n.node("Gemm", &["d", "fc", "bias"], "l", &[int("transB", 1)]);
        n.node("Softmax", &["l"], "y", &[int("axis", 1)])
    });
    // Paddle's scaled dropout.
    tail(13, dense, |n| {
        let n = n.scalar("keep", 0.8).node("Mul", &["f", "keep"], "k", &[]).node("Flatten", &["k"], "v", &[]);
        gemm(n, "v")
    });
}

#[test]
fn gather_that_permutes_and_slices() {
    let net = Net::new(13, &["1", "3", "2", "2"])
        .ints("bgr", &[2, 1, 0])
        .node("Gather", &["x", "bgr"], "g", &[int("axis", 1)])
        .ints("from", &[1])
        .ints("to", &[3])
        .ints("axis", &[1])
        .node("Slice", &["g", "from", "to", "axis"], "y", &[]);
    let text = "input %x 2x2x3
        %g 2x2x3 = select(%x) [2, 1, 0]
        %y 2x2x2 = select(%g) 1..3
        output %y";
    check(&net, text, text);
}

#[test]
fn flattened_map_into_a_dense_layer() {
    let net = Net::new(13, &["1", "2", "3", "4"])
        .weights("w", &[5, 24])
        .weights("b", &[5])
        .node("Flatten", &["x"], "v", &[])
        .node("Gemm", &["v", "w", "b"], "y", &[int("transB", 1)]);
    let text = "input %x 3x4x2\n%y 1x1x5 = conv(%x) 3x4\noutput %y";
    check(&net, text, text);
}

#[test]
fn batch_norm_separate_after_flatten_and_as_mul_add() {
    let statistics = |n: Net| {
        let n = n.weights("gamma", &[4]).weights("beta", &[4]).weights("mean", &[4]);
        n.floats("var", &[4], &[0.5, 1.0, 2.0, 0.25])
    };
    let bn = |n: Net, from: &str, to: &str| {
        n.node("BatchNormalization", &[from, "gamma", "beta", "mean", "var"], to, &[float("epsilon", 1e-3)])
    };
    let before = "input %x 4x4x3
        %c 4x4x4 = conv(%x) 3x3 pad 1,1,1,1
        %y 4x4x4 = affine(%c) *";
    let net = bn(statistics(Net::new(13, &["1", "3", "4", "4"]).conv("x", "c", [4, 3, 3], &[])), "c", "y");
    assert!(net.import().unwrap().graph.to_string().contains("affine(%c)"), "{before}");
    let after = "input %x 4x4x3\n%y 4x4x4 = conv(%x) 3x3 pad 1,1,1,1\noutput %y";
    let folded = |net: &Net, after: &str| {
        let graph = net.import().unwrap().graph;
        let (rewritten, _) = bakelite::passes::run(graph.clone(), &Default::default()).unwrap();
        assert_eq!(rewritten.to_string().trim(), after);
        let x = image(&graph);
        assert!(difference(&run(&rewritten, &x), &oracle(&net.bytes(), &x, false)) < 1e-5);
    };
    folded(&net, after);
    let net = statistics(Net::new(13, &["1", "4", "4", "4"])).node("GlobalAveragePool", &["x"], "p", &[]).node(
        "Flatten",
        &["p"],
        "f",
        &[],
    );
    let net = bn(net, "f", "n").weights("w", &[2, 4]).node("Gemm", &["n", "w"], "y", &[int("transB", 1)]);
    folded(&net, "input %x 4x4x4\n%p 1x1x4 = global_average_pool(%x)\n%y 1x1x2 = conv(%p) 1x1\noutput %y");
    let net = Net::new(13, &["1", "3", "4", "4"])
        .conv("x", "c", [4, 3, 3], &[])
        .weights("s", &[1, 4, 1, 1])
        .weights("t", &[4, 1, 1])
        .node("Mul", &["c", "s"], "m", &[])
        .node("Add", &["t", "m"], "y", &[]);
    folded(&net, after);
}

#[test]
fn batch_in_every_spelling() {
    for batch in ["N", "unk__616", "-1", "0", "8", "1"] {
        let net = Net::new(13, &[batch, "3", "4", "4"]).node("Relu", &["x"], "y", &[]);
        let imported = net.import().unwrap();
        assert_eq!(imported.notes.iter().any(|n| n.contains("batch fixed to 1")), batch != "1", "{batch}");
    }
    let net = Net::new(13, &["3", "4", "4"]).ints("a", &[0]).node("Unsqueeze", &["x", "a"], "b", &[]).conv(
        "b",
        "y",
        [4, 3, 3],
        &[],
    );
    assert!(net.import().unwrap().graph.to_string().contains("%y 4x4x4"));
}

#[test]
fn open_sizes_need_a_size() {
    let net = Net::new(13, &["N", "3", "h", "w"]).node("Relu", &["x"], "y", &[]);
    assert!(net.refusal().contains("height"), "{}", net.refusal());
    let imported = net.import_sized(Some((48, 192))).unwrap();
    assert!(imported.graph.to_string().contains("48x192x3"));
    let fixed = Net::new(13, &["N", "3", "4", "4"]).node("Relu", &["x"], "y", &[]);
    assert!(fixed.import_sized(Some((8, 8))).unwrap_err().to_string().contains("fixes the height to 4"));
}

#[test]
fn argmax_is_left_out_with_a_note() {
    let net = Net::new(13, &["1", "3", "1", "1"])
        .conv("x", "c", [5, 3, 1], &[])
        .node("Flatten", &["c"], "f", &[])
        .node("ArgMax", &["f"], "a", &[int("axis", 1), int("keepdims", 0)])
        .node("Cast", &["a"], "y", &[int("to", 6)]);
    let imported = net.import().unwrap();
    assert!(imported.graph.to_string().ends_with("output %c\n"));
    assert!(imported.notes.iter().any(|n| n.contains("ArgMax left out")));
}

#[test]
fn half_precision_weights_behind_a_cast() {
    let mut half = floats_tensor("w16", &[2, 3, 1, 1], &[]);
    half.data_type = 10;
    half.raw_data = [0x3c00u16, 0xbc00, 0x3800, 0x4000, 0, 0x3400].iter().flat_map(|v| v.to_le_bytes()).collect();
    let net = Net::new(13, &["1", "3", "2", "2"]).tensor(half).node("Cast", &["w16"], "w", &[int("to", 1)]).node(
        "Conv",
        &["x", "w"],
        "y",
        &[],
    );
    let text = "input %x 2x2x3\n%y 2x2x2 = conv(%x) 1x1\noutput %y";
    check(&net, text, text);
}

#[test]
fn initializers_listed_as_inputs_are_no_inputs() {
    let mut net = Net::new(13, &["1", "3", "2", "2"]).conv("x", "y", [2, 3, 1], &[]);
    let mut extra = net.graph().input[0].clone();
    extra.name = "w_y".into();
    net.graph().input.push(extra);
    assert!(net.import().is_ok());
}

#[test]
fn constants_cast_like_a_map_and_expanded_to_its_shape() {
    let net = Net::new(18, &["1", "3", "4", "4"])
        .conv("x", "c", [4, 3, 1], &[])
        .ints("three", &[3])
        .node("CastLike", &["three", "c"], "t", &[])
        .node("Shape", &["c"], "s", &[])
        .node("Expand", &["t", "s"], "e", &[])
        .node("Add", &["c", "e"], "a", &[])
        .node("Expand", &["a", "s"], "y", &[]);
    let before = "input %x 4x4x3\n%c 4x4x4 = conv(%x) 1x1\n%a 4x4x4 = affine(%c) *1 +3\noutput %a";
    check_without_oracle(&net, before, "input %x 4x4x3\n%a 4x4x4 = conv(%x) 1x1\noutput %a");
}

#[test]
fn top_k_is_left_out_too() {
    let mut net = Net::new(13, &["1", "3", "1", "1"])
        .conv("x", "c", [5, 3, 1], &[])
        .node("Flatten", &["c"], "f", &[])
        .ints("k", &[2])
        .node("TopK", &["f", "k"], "v", &[]);
    net.graph().node.last_mut().unwrap().output.push("y".into());
    assert!(net.import().unwrap().graph.to_string().ends_with("output %c\n"));
}
