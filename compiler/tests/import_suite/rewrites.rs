//! Rewrites that the spellings do not reach: sigmoid to hard-sigmoid, preprocessing, what must not be touched.

use crate::builder::*;
use bakelite::graph::{Given, Graph};
use bakelite::passes::{self, Options, fold_preprocess};
use ndarray::Array3;

fn canonical(net: &Net, keep_sigmoid: bool) -> (Graph, Vec<String>) {
    let graph = net.import().unwrap_or_else(|e| panic!("{e:?}")).graph;
    passes::run(graph, &Options { keep_sigmoid }).unwrap_or_else(|e| panic!("{e:?}"))
}

fn expect(graph: &Graph, text: &str) {
    let lines = |t: &str| t.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect::<Vec<_>>();
    assert_eq!(lines(&graph.to_string()), lines(text), "{graph}");
}

#[test]
fn soft_becomes_hard_on_request_and_says_where() {
    let net = Net::new(13, &["1", "3", "4", "4"])
        .conv("x", "c", [4, 3, 3], &[])
        .node("Sigmoid", &["c"], "s", &[])
        .node("Mul", &["c", "s"], "w", &[])
        .node("GlobalAveragePool", &["w"], "p", &[])
        .conv("p", "e", [4, 4, 1], &[])
        .node("Sigmoid", &["e"], "g", &[])
        .node("Mul", &["w", "g"], "m", &[])
        .conv("m", "o", [1, 4, 1], &[])
        .node("Sigmoid", &["o"], "y", &[]);
    let soft = "input %x 4x4x3
        %c 4x4x4 = conv(%x) 3x3 pad 1,1,1,1
        %w 4x4x4 = silu(%c)
        %p 1x1x4 = global_average_pool(%w)
        %e 1x1x4 = conv(%p) 1x1
        %g 1x1x4 = sigmoid(%e)
        %m 4x4x4 = mul(%w, %g)
        %o 4x4x1 = conv(%m) 1x1
        %y 4x4x1 = sigmoid(%o)
        output %y";
    expect(&canonical(&net, true).0, soft);
    let (hard, log) = canonical(&net, false);
    expect(
        &hard,
        "input %x 4x4x3
        %w 4x4x4 = conv(%x) 3x3 pad 1,1,1,1 hard_swish
        %p 1x1x4 = global_average_pool(%w)
        %g 1x1x4 = conv(%p) 1x1 hard_sigmoid(0.1667, 0.5000)
        %m 4x4x4 = mul(%w, %g)
        %o 4x4x1 = conv(%m) 1x1
        %y 4x4x1 = sigmoid(%o)
        output %y",
    );
    assert!(log.iter().any(|l| l.contains("n_w, n_g")), "{log:?}");
    assert!(log.iter().any(|l| l.contains("n_y stays exact")), "{log:?}");
}

#[test]
fn a_function_read_twice_is_not_fused_and_one_after_add_stays() {
    let net = Net::new(13, &["1", "3", "4", "4"])
        .conv("x", "c", [3, 3, 3], &[])
        .node("Relu", &["c"], "r", &[])
        .node("Add", &["r", "c"], "a", &[])
        .node("Relu", &["a"], "y", &[]);
    expect(
        &canonical(&net, false).0,
        "input %x 4x4x3
        %c 4x4x3 = conv(%x) 3x3 pad 1,1,1,1
        %r 4x4x3 = relu(%c)
        %a 4x4x3 = add(%r, %c)
        %y 4x4x3 = relu(%a)
        output %y",
    );
}

#[test]
fn a_channel_scaled_by_zero_before_padding_declines() {
    let net = Net::new(13, &["1", "2", "4", "4"])
        .floats("k", &[2, 1, 1], &[0.0, 2.0])
        .floats("t", &[2, 1, 1], &[1.0, 0.0])
        .node("Mul", &["x", "k"], "m", &[])
        .node("Add", &["m", "t"], "a", &[])
        .conv("a", "y", [2, 2, 3], &[]);
    let (graph, log) = canonical(&net, false);
    assert!(graph.to_string().contains("affine"), "{graph}");
    assert!(log.iter().any(|l| l.contains("channel 0 is scaled by 0")), "{log:?}");
    // Without a shift, what is outside is what is inside: it folds.
    let net = Net::new(13, &["1", "2", "4", "4"])
        .floats("k", &[2, 1, 1], &[0.0, 2.0])
        .node("Mul", &["x", "k"], "m", &[])
        .conv("m", "y", [2, 2, 3], &[]);
    let before = "input %x 4x4x2
        %m 4x4x2 = affine(%x) *[0, 2] +[0, 0]
        %y 4x4x2 = conv(%m) 3x3 pad 1,1,1,1
        output %y";
    check(&net, before, "input %x 4x4x2\n%y 4x4x2 = conv(%x) 3x3 pad 1,1,1,1\noutput %y");
}

#[test]
fn an_affine_map_with_several_convolutions_folds_into_each() {
    let net = Net::new(13, &["1", "2", "4", "4"])
        .node("Relu", &["x"], "r", &[])
        .floats("k", &[2, 1, 1], &[0.5, 2.0])
        .node("Mul", &["r", "k"], "m", &[])
        .conv("m", "a", [3, 2, 3], &[])
        .conv("m", "b", [3, 2, 1], &[])
        .node("Add", &["a", "b"], "y", &[]);
    let before = "input %x 4x4x2
        %r 4x4x2 = relu(%x)
        %m 4x4x2 = affine(%r) *[0.5, 2] +[0, 0]
        %a 4x4x3 = conv(%m) 3x3 pad 1,1,1,1
        %b 4x4x3 = conv(%m) 1x1
        %y 4x4x3 = add(%a, %b)
        output %y";
    let after = "input %x 4x4x2
        %r 4x4x2 = relu(%x)
        %a 4x4x3 = conv(%r) 3x3 pad 1,1,1,1
        %b 4x4x3 = conv(%r) 1x1
        %y 4x4x3 = add(%a, %b)
        output %y";
    check(&net, before, after);
}

/// Preprocessing by hand, then the network; against the folded network on the raw image.
fn preprocessed(net: &Net, bgr: bool, expected: &str) {
    let (mean, scale) = ([123.675, 116.28, 103.53], [0.017, 0.0175, 0.0174]);
    let (graph, _) = canonical(net, false);
    let raw = image(&graph).mapv(|v| (v + 4.0) * 31.0);
    let prepared = Array3::from_shape_fn(raw.dim(), |(r, c, k)| {
        let from = if bgr { 2 - k } else { k };
        (raw[[r, c, from]] - mean[from]) * scale[from]
    });
    let by_hand = run(&graph, &prepared);
    let (folded, log) = fold_preprocess(graph, mean, scale, bgr).unwrap();
    expect(&folded, expected);
    assert!(!log.is_empty());
    assert!(difference(&run(&folded, &raw), &by_hand) < 1e-5, "{folded}");
}

#[test]
fn preprocessing_folds_into_the_first_convolution() {
    let net = Net::new(13, &["1", "3", "6", "6"]).conv("x", "c", [4, 3, 3], &[]).node("Relu", &["c"], "y", &[]);
    let folded = |pad| format!("input %x 6x6x3\n%y 6x6x4 = conv(%x) 3x3 pad 1,1,1,1 pad_value {pad} relu\noutput %y");
    preprocessed(&net, false, &folded("[123.675, 116.28, 103.53]"));
    preprocessed(&net, true, &folded("[123.675, 116.28, 103.53]"));
}

#[test]
fn preprocessing_before_something_else_stays_a_node() {
    let net = Net::new(13, &["1", "3", "6", "6"]).node("Relu", &["x"], "r", &[]).conv("r", "y", [4, 3, 3], &[]);
    let (graph, _) = canonical(&net, false);
    let (folded, log) = fold_preprocess(graph.clone(), [127.5; 3], [1.0 / 127.5; 3], true).unwrap();
    assert!(folded.to_string().contains("%rgb_to_bgr 6x6x3 = select(%preprocess) [2, 1, 0]"), "{folded}");
    assert!(log.iter().any(|l| l.contains("node of their own")), "{log:?}");
    let raw = image(&graph).mapv(|v| (v + 4.0) * 31.0);
    let prepared = Array3::from_shape_fn(raw.dim(), |(r, c, k)| (raw[[r, c, 2 - k]] - 127.5) / 127.5);
    assert!(difference(&run(&folded, &raw), &run(&graph, &prepared)) < 1e-5);
}

/// A network of grey pictures, given a colour one.
#[test]
fn colours_become_grey() {
    let conv = Net::new(13, &["1", "1", "6", "6"]).conv("x", "c", [4, 1, 3], &[]).node("Relu", &["c"], "y", &[]);
    let node = Net::new(13, &["1", "1", "6", "6"]).node("Relu", &["x"], "r", &[]).conv("r", "y", [4, 1, 3], &[]);
    for (net, first) in [(conv, "%y 6x6x4 = conv(%x) 3x3 pad 1,1,1,1 pad_value"), (node, "%grey 6x6x1 = conv(%x)")] {
        let (graph, _) = canonical(&net, false);
        let (folded, log) = fold_preprocess(graph.clone(), [127.5; 3], [1.0 / 127.5; 3], true).unwrap();
        assert!(folded.to_string().contains(first) && folded.to_string().contains("input %x 6x6x3"), "{folded}");
        assert!(log.iter().any(|line| line.contains("colours become grey")), "{log:?}");
        let raw = image(&folded).mapv(|v| (v + 4.0) * 31.0);
        let grey = Array3::from_shape_fn((6, 6, 1), |(r, c, _)| {
            let [red, green, blue] = [0, 1, 2].map(|k| raw[[r, c, k]]);
            (0.299 * red + 0.587 * green + 0.114 * blue - 127.5) / 127.5
        });
        assert!(difference(&run(&folded, &raw), &run(&graph, &grey)) < 1e-5, "{folded}");
    }
}

#[test]
fn preprocessing_refuses_what_it_cannot_mean() {
    let grey = Net::new(13, &["1", "1", "6", "6"]).conv("x", "y", [4, 1, 3], &[]);
    let error = fold_preprocess(canonical(&grey, false).0, [0.0, 0.0, 1.0], [1.0; 3], false).unwrap_err();
    assert!(error.to_string().contains("1 channels"), "{error}");
    let two = Net::new(13, &["1", "2", "6", "6"]).conv("x", "y", [4, 2, 3], &[]);
    assert!(fold_preprocess(canonical(&two, false).0, [0.0; 3], [1.0; 3], false).is_err());
    let rgb = Net::new(13, &["1", "3", "6", "6"]).conv("x", "y", [4, 3, 3], &[]);
    assert!(fold_preprocess(canonical(&rgb, false).0, [0.0; 3], [1.0, 0.0, 1.0], false).is_err());
}

/// Where that takes no more products, and nobody else reads what was between.
#[test]
fn a_pointwise_convolution_goes_into_the_one_before() {
    let net = |channels: [i64; 3]| {
        let [input, between, output] = channels;
        Net::new(13, &["1", &input.to_string(), "5", "4"])
            .conv("x", "a", [between, input, 1], &[])
            .conv("a", "b", [output, between, 1], &[])
            .node("Relu", &["b"], "y", &[])
    };
    let wide = net([4, 4, 9]);
    let merged = |net: &Net| passes::merge(canonical(net, false).0).unwrap_or_else(|e| panic!("{e:?}"));
    let (graph, log) = merged(&wide);
    expect(&graph, "input %x 5x4x4\n%y 5x4x9 = conv(%x) 1x1 relu\noutput %y");
    assert!(log.iter().any(|line| line.contains("pointwise_after_conv: 1 times")), "{log:?}");
    let imported = wide.import().unwrap().graph;
    let x = image(&imported);
    assert!(difference(&run(&graph, &x), &run(&imported, &x)) < 1e-5);
    // 8·2 + 2·9 products are less than 8·9.
    assert_eq!(merged(&net([8, 2, 9])).0.nodes.len(), 2);
    let read_twice = Net::new(13, &["1", "4", "5", "4"])
        .conv("x", "a", [4, 4, 1], &[])
        .conv("a", "b", [4, 4, 1], &[])
        .node("Relu", &["b"], "r", &[])
        .node("Add", &["a", "r"], "y", &[]);
    assert_eq!(merged(&read_twice).0.to_string().matches("conv(").count(), 2);
    let gated = Net::new(13, &["1", "4", "6", "5"])
        .node("GlobalAveragePool", &["x"], "p", &[])
        .node("Mul", &["x", "p"], "m", &[])
        .conv("m", "a", [4, 4, 1], &[])
        .conv("a", "y", [9, 4, 1], &[]);
    assert_eq!(merged(&gated).0.to_string().matches("conv(").count(), 2);
    // A quantized file has codes for what is between.
    let mut given = canonical(&wide, false).0;
    let between = given.nodes[0].output.index();
    given.tensors[between].given = Some(Given { scale: 0.1, zero: 128 });
    assert_eq!(passes::merge(given.clone()).unwrap().0, given);
    // A window before is one after, padding and all.
    let window = Net::new(13, &["1", "3", "6", "5"]).conv("x", "a", [4, 3, 3], &[]).conv("a", "y", [2, 4, 1], &[]);
    let (graph, imported) = (merged(&window).0, window.import().unwrap().graph);
    expect(&graph, "input %x 6x5x3\n%y 6x5x2 = conv(%x) 3x3 pad 1,1,1,1\noutput %y");
    let x = image(&imported);
    assert!(difference(&run(&graph, &x), &run(&imported, &x)) < 1e-5);
}
