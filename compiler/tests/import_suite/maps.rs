//! What segmentation and detection heads are made of: pixels made and cut, channels split, functions with a bend.

use crate::builder::*;
use onnx_protobuf::NodeProto;

const INPUT: [&str; 4] = ["1", "3", "5", "7"];

/// Imports, rewrites, and compares all three executions.
fn agree(what: &str, net: &Net) {
    let graph = net.import().unwrap_or_else(|e| panic!("{what}: {e:?}")).graph;
    let x = image(&graph);
    let imported = run(&graph, &x);
    let options = bakelite::passes::Options { keep_sigmoid: true };
    let (rewritten, _) = bakelite::passes::run(graph, &options).expect("passes");
    assert!(difference(&run(&rewritten, &x), &imported) < 2e-5, "{what}: the passes change the meaning\n{rewritten}");
    let expected = oracle(&net.bytes(), &x, false);
    assert!(difference(&imported, &expected) < 1e-5, "{what}: tract disagrees\n{rewritten}");
}

#[test]
fn means_of_tensors() {
    let net = |width: &str| {
        Net::new(13, &["1", "2", "4", width])
            .conv("x", "a", [3, 2, 3], &[])
            .conv("x", "b", [3, 2, 1], &[])
            .conv("x", "c", [3, 2, 3], &[])
            .node("Mean", &["a", "b", "c"], "y", &[])
    };
    let graph = net("6").import().unwrap().graph;
    let answers = |name: &str| {
        let mut net = net("6");
        net.graph().output[0].name = name.into();
        let graph = net.import().unwrap().graph;
        run(&graph, &image(&graph))
    };
    let (a, b, c) = (answers("a"), answers("b"), answers("c"));
    let expected: Vec<f32> = a.iter().zip(&b).zip(&c).map(|((a, b), c)| (a + b + c) / 3.0).collect();
    assert!(difference(&run(&graph, &image(&graph)), &expected) < 1e-6, "{graph}");
    let misfit = net("6").conv("x", "d", [1, 2, 3], &[]).node("Mean", &["a", "d"], "z", &[]);
    let mut misfit = misfit;
    misfit.graph().output[0].name = "z".into();
    assert!(misfit.refusal().contains("do not fit together"));
}

#[test]
fn absolute_values() {
    let net = Net::new(13, &["1", "2", "4", "6"]).conv("x", "a", [3, 2, 3], &[]).node("Abs", &["a"], "y", &[]);
    let text = "input %x 4x6x2
        %a 4x6x3 = conv(%x) 3x3 pad 1,1,1,1
        %y 4x6x3 = leaky(-1.0000)(%a)
        output %y";
    check(&net, text, text);
}

#[test]
fn space_to_depth() {
    let net = |block: i64| {
        Net::new(13, &["1", "2", "4", "6"]).conv("x", "a", [3, 2, 3], &[]).node(
            "SpaceToDepth",
            &["a"],
            "y",
            &[int("blocksize", block)],
        )
    };
    let text = "input %x 4x6x2
        %a 4x6x3 = conv(%x) 3x3 pad 1,1,1,1";
    let graph = net(2).import().unwrap().graph;
    assert!(graph.to_string().starts_with(&text.replace("        ", "")), "{graph}");
    assert_eq!(graph.shape(graph.outputs[0]), bakelite::graph::Shape::new(2, 3, 12));
    let x = image(&graph);
    let (map, answer) = (run(&net(1).import().unwrap().graph, &x), run(&graph, &x));
    for (i, &value) in answer.iter().enumerate() {
        let (pixel, channel) = (i / 12, i % 12);
        let (row, column) = (2 * (pixel / 3) + channel / 6, 2 * (pixel % 3) + channel / 3 % 2);
        assert_eq!(value, map[(row * 6 + column) * 3 + channel % 3]);
    }
    assert!(net(3).refusal().contains("blocks of 3 × 3 of 4 × 6"));
}

#[test]
fn transposed_convolutions_are_phases_that_become_pixels() {
    for (kernel, stride, pads, more, dilation, groups) in [
        ([2, 2], [2, 2], [0; 4], [0, 0], [1, 1], 1),
        ([3, 3], [2, 2], [1, 1, 1, 1], [1, 1], [1, 1], 1),
        ([4, 4], [2, 2], [1, 1, 1, 1], [0, 0], [1, 1], 3),
        ([3, 5], [1, 3], [0, 1, 2, 0], [0, 2], [1, 1], 1),
        ([3, 2], [3, 2], [0, 0, 1, 0], [0, 0], [2, 1], 1),
        ([1, 1], [2, 3], [0; 4], [1, 0], [1, 1], 1),
        ([5, 5], [2, 2], [2, 2, 2, 2], [1, 0], [1, 1], 3),
    ] {
        let attributes = [
            ints("kernel_shape", &kernel),
            ints("strides", &stride),
            ints("pads", &pads),
            ints("output_padding", &more),
            ints("dilations", &dilation),
            int("group", groups),
        ];
        let outputs = 4 / if groups == 1 { 1 } else { 2 };
        let net = Net::new(13, &INPUT)
            .weights("w", &[3, outputs, kernel[0], kernel[1]])
            .weights("b", &[outputs * groups])
            .node("ConvTranspose", &["x", "w", "b"], "y", &attributes);
        agree(&format!("{kernel:?} {stride:?} {pads:?} {more:?} {dilation:?} {groups}"), &net);
    }
}

#[test]
fn a_batch_norm_and_a_function_behind_a_transposed_convolution_fuse() {
    let net = Net::new(13, &["1", "2", "3", "4"])
        .weights("w", &[2, 5, 2, 2])
        .node("ConvTranspose", &["x", "w"], "t", &[ints("strides", &[2, 2])])
        .weights("s2", &[5, 1, 1])
        .node("Mul", &["t", "s2"], "m", &[])
        .node("Relu", &["m"], "y", &[]);
    let before = "input %x 3x4x2
        %n_t/phases 3x4x20 = conv(%x) 1x1
        %t 6x8x5 = depth_to_space(%n_t/phases) 2x2
        %m 6x8x5 = affine(%t) *[-0.3738, 0.4915, -0.0516, 0.0016, … 5] +[0, 0, 0, 0, … 5]
        %y 6x8x5 = relu(%m)
        output %y";
    let after = "input %x 3x4x2
        %y/before 3x4x20 = conv(%x) 1x1 relu
        %y 6x8x5 = depth_to_space(%y/before) 2x2
        output %y";
    check(&net, before, after);
}

#[test]
fn resizes_mean_what_they_say() {
    let resize = |attributes: &[onnx_protobuf::AttributeProto], scales: Option<[f32; 4]>| {
        let net = Net::new(13, &INPUT).floats("roi", &[0], &[]);
        match scales {
            Some(scales) => net.floats("k", &[4], &scales).node("Resize", &["x", "roi", "k"], "y", attributes),
            None => net.floats("none", &[0], &[]).ints("k", &[1, 3, 8, 11]).node(
                "Resize",
                &["x", "roi", "none", "k"],
                "y",
                attributes,
            ),
        }
    };
    for (mode, coordinates, nearest) in [
        ("linear", "half_pixel", ""),
        ("linear", "align_corners", ""),
        ("linear", "asymmetric", ""),
        ("nearest", "asymmetric", "floor"),
    ] {
        let mut attributes = vec![text("mode", mode), text("coordinate_transformation_mode", coordinates)];
        if !nearest.is_empty() {
            attributes.push(text("nearest_mode", nearest));
        }
        for scales in [Some([1.0, 1.0, 2.0, 2.0]), None] {
            let net = resize(&attributes, scales);
            let graph = net.import().unwrap().graph;
            let s = graph.shape(graph.outputs[0]);
            assert_eq!([s.height, s.width, s.channels], if scales.is_some() { [10, 14, 3] } else { [8, 11, 3] });
            agree(&format!("{mode} {coordinates} {scales:?}"), &net);
        }
    }
    assert!(resize(&[text("mode", "cubic")], None).refusal().contains("cubic"));
    let channels = resize(&[text("mode", "linear")], Some([1.0, 2.0, 1.0, 1.0])).refusal();
    assert!(channels.contains("no row or column"), "{channels}");
}

/// `Split` has several outputs, which the builder's nodes have not.
fn split(net: Net, axis: i64, outputs: &[&str]) -> Net {
    let mut net = net;
    net.graph().node.push(NodeProto {
        name: "n_split".into(),
        op_type: "Split".into(),
        input: vec!["x".into()],
        output: outputs.iter().map(|s| s.to_string()).collect(),
        attribute: vec![int("axis", axis)],
        ..Default::default()
    });
    net
}

#[test]
fn channels_rows_and_columns_are_split_and_cut() {
    let input = ["1", "6", "4", "8"];
    let channels = split(Net::new(11, &input), 1, &["a", "b", "c"]).node("Add", &["a", "c"], "y", &[]);
    agree("channels", &channels);
    let text = channels.import().unwrap().graph.to_string();
    assert!(text.contains("%c 4x8x2 = select(%x) 4..6"), "{text}");
    agree("rows", &split(Net::new(11, &input), 2, &["a", "b"]).node("Mul", &["a", "b"], "y", &[]));
    agree("columns", &split(Net::new(11, &input), -1, &["a", "b"]).node("Add", &["a", "b"], "y", &[]));
    let cut = |step: i64| {
        Net::new(13, &input)
            .ints("from", &[1, -7])
            .ints("to", &[3, 1000])
            .ints("axes", &[2, 3])
            .ints("steps", &[1, step])
            .node("Slice", &["x", "from", "to", "axes", "steps"], "y", &[])
    };
    agree("slice", &cut(1));
    assert!(cut(2).refusal().contains("neighbouring"), "{}", cut(2).refusal());
    let unequal = split(Net::new(11, &["1", "7", "4", "4"]), 1, &["a", "b"]).node("Relu", &["b"], "y", &[]);
    let s = unequal.import().unwrap().graph;
    assert_eq!(s.shape(s.outputs[0]).channels, 3);
}

#[test]
fn functions_with_a_bend_and_pixels_of_channels() {
    agree("leaky", &Net::new(13, &INPUT).node("LeakyRelu", &["x"], "y", &[float("alpha", 0.2)]));
    agree("tanh", &Net::new(13, &INPUT).node("Tanh", &["x"], "y", &[]));
    for dims in [vec![3, 1, 1], vec![1]] {
        let net = Net::new(13, &INPUT).weights("s", &dims).node("PRelu", &["x", "s"], "y", &[]);
        agree(&format!("slopes {dims:?}"), &net);
    }
    for mode in ["DCR", "CRD"] {
        let attributes = [int("blocksize", 2), text("mode", mode)];
        let net = Net::new(13, &["1", "12", "3", "5"]).node("DepthToSpace", &["x"], "y", &attributes);
        agree(mode, &net);
    }
    agree("softmax of pixels", &Net::new(13, &INPUT).node("Softmax", &["x"], "y", &[int("axis", 1)]));
}

#[test]
fn vectors_and_planes_join_maps() {
    let pooled = |op: &str, first: bool| {
        let operands = if first { ["g", "x"] } else { ["x", "g"] };
        Net::new(13, &INPUT).node("GlobalAveragePool", &["x"], "g", &[]).node(op, &operands, "y", &[])
    };
    let plane = |op: &str| Net::new(13, &INPUT).conv("x", "p", [1, 3, 3], &[]).node(op, &["p", "x"], "y", &[]);
    for op in ["Add", "Mul"] {
        agree(op, &pooled(op, false));
        agree(op, &pooled(op, true));
        agree(op, &plane(op));
    }
    let text = pooled("Add", true).import().unwrap().graph.to_string();
    assert!(text.contains("%n_y/widened 5x7x3 = resize(%g) nearest asymmetric"), "{text}");
}

#[test]
fn classes_of_pixels_are_answered() {
    let net = Net::new(13, &INPUT)
        .conv("x", "c", [4, 3, 3], &[])
        .node("ArgMax", &["c"], "m", &[int("axis", 1), int("keepdims", 0)])
        .node("Cast", &["m"], "y", &[int("to", 2)]);
    let graph = net.import().unwrap().graph;
    let s = graph.shape(graph.outputs[0]);
    assert_eq!([s.height, s.width, s.channels], [5, 7, 1]);
    let x = image(&graph);
    let mut scores = Vec::new();
    let mut see = |id, values: &ndarray::Array3<f32>| {
        if graph.name_of(id) == "c" {
            scores = values.iter().copied().collect();
        }
    };
    let classes = bakelite::execute::run(&graph, &x, &mut see).unwrap().remove(0);
    assert!(classes.iter().any(|&class| class != classes[[0, 0, 0]]));
    for (pixel, &class) in scores.chunks(4).zip(&classes) {
        assert!(pixel.iter().all(|&score| score <= pixel[class as usize]));
    }
    let rows = Net::new(13, &INPUT).node("ArgMax", &["x"], "y", &[int("axis", 2)]).refusal();
    assert!(rows.contains("something else than the channels"), "{rows}");
}
