//! Padding, windows and layouts in every spelling: graph before, graph after, and tract agrees.

use crate::builder::*;

const SAME: &str = "input %x 6x6x3
    %y 3x3x4 = conv(%x) 3x3 /2 pad 0,0,1,1
    output %y";

#[test]
fn same_padding() {
    for (mode, pads) in [("SAME_UPPER", "0,0,1,1"), ("SAME_LOWER", "1,1,0,0")] {
        let extra = [text("auto_pad", mode), ints("strides", &[2, 2])];
        let net = Net::new(13, &["1", "3", "6", "6"]).conv("x", "y", [4, 3, 3], &extra);
        let expected = SAME.replace("0,0,1,1", pads);
        check(&net, &expected, &expected);
    }
}

#[test]
fn a_pad_node_in_every_form() {
    let before = "input %x 6x6x3
        %p 7x7x3 = conv(%x) 1x1 pad 0,0,1,1 depthwise
        %y 3x3x4 = conv(%p) 3x3 /2
        output %y";
    let extra = [ints("pads", &[0, 0, 0, 0]), ints("strides", &[2, 2])];
    let net =
        |opset, pad: &dyn Fn(Net) -> Net| pad(Net::new(opset, &["1", "3", "6", "6"])).conv("p", "y", [4, 3, 3], &extra);
    let pads = [0, 0, 0, 0, 0, 0, 1, 1];
    check(&net(10, &|n| n.node("Pad", &["x"], "p", &[ints("pads", &pads)])), before, SAME);
    check(&net(11, &|n| n.ints("k", &pads).node("Pad", &["x", "k"], "p", &[])), before, SAME);
    let with_axes = net(18, &|n| {
        n.ints("k", &[0, 0, 1, 1]).scalar("v", 0.0).ints("a", &[-2, 3]).node("Pad", &["x", "k", "v", "a"], "p", &[])
    });
    check_without_oracle(&with_axes, before, SAME);
}

#[test]
fn padding_with_a_value_and_twice() {
    let net = Net::new(13, &["1", "3", "6", "6"])
        .ints("k", &[0, 0, 1, 1, 0, 0, 1, 1])
        .scalar("v", 2.5)
        .node("Pad", &["x", "k", "v"], "p", &[])
        .conv("p", "y", [4, 3, 3], &[]);
    let text = "input %x 6x6x3
        %p 8x8x3 = conv(%x) 1x1 pad 1,1,1,1 depthwise pad_value [2.5, 2.5, 2.5]
        %y 8x8x4 = conv(%p) 3x3 pad 1,1,1,1
        output %y";
    // The convolution pads with zero itself: the node stays.
    check(&net, text, text);
    let net = Net::new(13, &["1", "3", "6", "6"])
        .ints("k", &[0, 0, 1, 1, 0, 0, 1, 1])
        .scalar("v", 2.5)
        .node("Pad", &["x", "k", "v"], "p", &[])
        .conv("p", "y", [4, 3, 3], &[ints("pads", &[0; 4])]);
    let after = "input %x 6x6x3
        %y 6x6x4 = conv(%x) 3x3 pad 1,1,1,1 pad_value [2.5, 2.5, 2.5]
        output %y";
    check(&net, &text.replace("%y 8x8x4 = conv(%p) 3x3 pad 1,1,1,1", "%y 6x6x4 = conv(%p) 3x3"), after);
}

#[test]
fn padding_computed_in_the_graph() {
    let net = Net::new(13, &["1", "3", "6", "6"])
        .node("Shape", &["x"], "s", &[])
        .ints("two", &[2])
        .node("Gather", &["s", "two"], "h", &[])
        .node("Cast", &["h"], "hf", &[int("to", 1)])
        .floats("stride", &[1], &[2.0])
        .node("Div", &["hf", "stride"], "d", &[])
        .node("Ceil", &["d"], "out", &[])
        .floats("one", &[1], &[1.0])
        .node("Sub", &["out", "one"], "o1", &[])
        .node("Mul", &["o1", "stride"], "o2", &[])
        .floats("reach", &[1], &[3.0])
        .node("Add", &["o2", "reach"], "o3", &[])
        .node("Sub", &["o3", "hf"], "total", &[])
        .node("Cast", &["total"], "t", &[int("to", 7)])
        .ints("zeros", &[0, 0, 0, 0, 0, 0])
        .node("Concat", &["zeros", "t", "t"], "pads", &[int("axis", 0)])
        .node("Pad", &["x", "pads"], "p", &[])
        .conv("p", "y", [4, 3, 3], &[ints("pads", &[0; 4]), ints("strides", &[2, 2])]);
    let before = "input %x 6x6x3
        %p 7x7x3 = conv(%x) 1x1 pad 0,0,1,1 depthwise
        %y 3x3x4 = conv(%p) 3x3 /2
        output %y";
    check_without_oracle(&net, before, SAME);
}

#[test]
fn channels_last_with_transposes_around_everything() {
    let net = Net::new(13, &["1", "6", "6", "3"])
        .scalar("k", 1.0 / 127.5)
        .scalar("one", 1.0)
        .node("Mul", &["x", "k"], "m", &[])
        .node("Sub", &["m", "one"], "s", &[])
        .node("Transpose", &["s"], "t", &[ints("perm", &[0, 3, 1, 2])])
        .conv("t", "c", [4, 3, 3], &[])
        .node("Transpose", &["c"], "n", &[ints("perm", &[0, 2, 3, 1])])
        .ints("k4", &[0, 1, 1, 0, 0, 1, 1, 0])
        .node("Pad", &["n", "k4"], "p", &[])
        .node("Transpose", &["p"], "q", &[ints("perm", &[0, 3, 1, 2])])
        .conv("q", "d", [4, 1, 3], &[int("group", 4), ints("pads", &[0; 4])])
        .node("Transpose", &["d"], "e", &[ints("perm", &[0, 2, 3, 1])])
        .node("ReduceMean", &["e"], "y", &[ints("axes", &[1, 2]), int("keepdims", 0)]);
    let mut net = net;
    // tract is asked with the channels last too.
    net.graph().node.iter_mut().for_each(|_| {});
    let graph = net.import().unwrap();
    assert!(graph.notes.iter().any(|n| n.contains("NHWC")), "{:?}", graph.notes);
    let before = "input %x 6x6x3
        %m 6x6x3 = affine(%x) *0.0078 +0
        %s 6x6x3 = affine(%m) *1 +-1
        %c 6x6x4 = conv(%s) 3x3 pad 1,1,1,1
        %p 8x8x4 = conv(%c) 1x1 pad 1,1,1,1 depthwise
        %d 6x6x4 = conv(%p) 3x3 depthwise
        %y 1x1x4 = global_average_pool(%d)
        output %y";
    let after = "input %x 6x6x3
        %c 6x6x4 = conv(%x) 3x3 pad 1,1,1,1 pad_value [127.5, 127.5, 127.5]
        %d 6x6x4 = conv(%c) 3x3 pad 1,1,1,1 depthwise
        %y 1x1x4 = global_average_pool(%d)
        output %y";
    check_without_oracle(&net, before, after);
    let x = image(&graph.graph);
    let expected = oracle(&net.bytes(), &x, true);
    assert!(difference(&run(&graph.graph, &x), &expected) < 1e-5);
}

#[test]
fn batch_norm_before_a_padded_convolution_reads_what_zero_was() {
    let net = Net::new(13, &["1", "2", "4", "4"])
        .floats("gamma", &[2], &[2.0, 0.5])
        .floats("beta", &[2], &[1.0, -1.0])
        .floats("mean", &[2], &[0.0, 0.0])
        .floats("var", &[2], &[1.0, 1.0])
        .node("BatchNormalization", &["x", "gamma", "beta", "mean", "var"], "n", &[float("epsilon", 0.0)])
        .conv("n", "y", [3, 2, 3], &[]);
    let before = "input %x 4x4x2
        %n 4x4x2 = affine(%x) *[2, 0.5] +[1, -1]
        %y 4x4x3 = conv(%n) 3x3 pad 1,1,1,1
        output %y";
    let after = "input %x 4x4x2
        %y 4x4x3 = conv(%x) 3x3 pad 1,1,1,1 pad_value [-0.5, 2]
        output %y";
    check(&net, before, after);
}

#[test]
fn pools_with_windows_and_ceil_mode() {
    let kernel = [ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2])];
    for (op, extra, text) in [
        ("MaxPool", vec![], "max_pool(%x) 3x3 /2"),
        ("MaxPool", vec![int("ceil_mode", 1)], "max_pool(%x) 3x3 /2 pad 0,0,1,1"),
        ("AveragePool", vec![ints("pads", &[1; 4])], "average_pool(%x) 3x3 /2 pad 1,1,1,1"),
        (
            "AveragePool",
            vec![ints("pads", &[1; 4]), int("count_include_pad", 1)],
            "average_pool(%x) 3x3 /2 pad 1,1,1,1 count_pad",
        ),
    ] {
        let size = if text.ends_with("3x3 /2") { "2x2" } else { "3x3" };
        let attributes: Vec<_> = kernel.iter().cloned().chain(extra).collect();
        let net = Net::new(13, &["1", "2", "6", "6"]).node(op, &["x"], "y", &attributes);
        let graph = |text: &str| format!("input %x 6x6x2\n%y {size}x2 = {text}\noutput %y");
        // An average over as many numbers everywhere is a convolution of equal weights.
        let after = match text.strip_suffix(" count_pad") {
            Some(counted) => format!("{} depthwise", counted.replace("average_pool", "conv")),
            None => text.to_owned(),
        };
        check(&net, &graph(text), &graph(&after));
    }
}

#[test]
fn padding_a_pooled_map() {
    let net = Net::new(13, &["1", "3", "4", "4"])
        .node("GlobalAveragePool", &["x"], "g", &[])
        .ints("k", &[0, 0, 1, 1, 0, 0, 1, 1])
        .node("Pad", &["g", "k"], "p", &[])
        .conv("p", "y", [4, 3, 3], &[ints("pads", &[0; 4])]);
    let before = "input %x 4x4x3
        %g 1x1x3 = global_average_pool(%x)
        %p 3x3x3 = conv(%g) 1x1 pad 1,1,1,1 depthwise
        %y 1x1x4 = conv(%p) 3x3
        output %y";
    let after = "input %x 4x4x3
        %g 1x1x3 = global_average_pool(%x)
        %y 1x1x4 = conv(%g) 3x3 pad 1,1,1,1
        output %y";
    check(&net, before, after);
}
