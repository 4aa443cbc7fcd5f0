//! Channels side by side: spellings, what moves in front of them, what is refused.

use crate::builder::*;

#[test]
fn functions_and_batch_norms_move_in_front_and_fuse() {
    let net = Net::new(13, &["1", "2", "5", "4"])
        .conv("x", "a", [3, 2, 3], &[])
        .conv("x", "b", [4, 2, 1], &[])
        .node("Concat", &["a", "b"], "j", &[int("axis", 1)])
        .weights("s", &[7])
        .weights("t", &[7])
        .weights("m", &[7])
        .floats("v", &[7], &[0.5, 1.0, 1.5, 2.0, 0.7, 0.9, 1.1])
        .node("BatchNormalization", &["j", "s", "t", "m", "v"], "n", &[])
        .node("Relu", &["n"], "y", &[]);
    let before = "input %x 5x4x2
        %a 5x4x3 = conv(%x) 3x3 pad 1,1,1,1
        %b 5x4x4 = conv(%x) 1x1
        %j 5x4x7 = concat(%a, %b)
        %n 5x4x7 = affine(%j) *[-0.1342, 0.3132, 0.2173, -0.2882, … 7] +[-0.0975, -0.088, 0.1003, 0.0688, … 7]
        %y 5x4x7 = relu(%n)
        output %y";
    let after = "input %x 5x4x2
        %y/part_0 5x4x3 = conv(%x) 3x3 pad 1,1,1,1 relu
        %y/part_1 5x4x4 = conv(%x) 1x1 relu
        %y 5x4x7 = concat(%y/part_0, %y/part_1)
        output %y";
    check(&net, before, after);
}

#[test]
fn any_number_of_maps_in_any_layout() {
    let net = Net::new(13, &["1", "2", "4", "4"]).conv("x", "a", [3, 2, 3], &[]).conv("x", "b", [1, 2, 3], &[]).node(
        "Concat",
        &["b", "a", "x"],
        "y",
        &[int("axis", -3)],
    );
    let text = "input %x 4x4x2
        %a 4x4x3 = conv(%x) 3x3 pad 1,1,1,1
        %b 4x4x1 = conv(%x) 3x3 pad 1,1,1,1
        %y 4x4x6 = concat(%b, %a, %x)
        output %y";
    check(&net, text, text);
    // Channels last, as Keras joins them.
    let net = Net::new(13, &["1", "2", "4", "4"])
        .conv("x", "a", [3, 2, 3], &[])
        .node("Transpose", &["x"], "xt", &[ints("perm", &[0, 2, 3, 1])])
        .node("Transpose", &["a"], "at", &[ints("perm", &[0, 2, 3, 1])])
        .node("Concat", &["at", "xt"], "j", &[int("axis", 3)])
        .node("Transpose", &["j"], "y", &[ints("perm", &[0, 3, 1, 2])]);
    let text = "input %x 4x4x2
        %a 4x4x3 = conv(%x) 3x3 pad 1,1,1,1
        %j 4x4x5 = concat(%a, %x)
        output %j";
    check_without_oracle(&net, text, text);
}

#[test]
fn a_function_stays_where_others_read_the_maps_without_it() {
    let net = Net::new(13, &["1", "2", "4", "4"])
        .conv("x", "a", [2, 2, 3], &[])
        .conv("x", "b", [2, 2, 1], &[])
        .node("Concat", &["a", "b"], "j", &[int("axis", 1)])
        .node("Relu", &["j"], "r", &[])
        .node("Add", &["r", "j"], "y", &[]);
    let text = "input %x 4x4x2
        %a 4x4x2 = conv(%x) 3x3 pad 1,1,1,1
        %b 4x4x2 = conv(%x) 1x1
        %j 4x4x4 = concat(%a, %b)
        %r 4x4x4 = relu(%j)
        %y 4x4x4 = add(%r, %j)
        output %y";
    check(&net, text, text);
}

/// Anchors × classes of two maps, each pixel's anchors one after the other, one map behind the other: what SSD's heads answer.
#[test]
fn what_a_detector_answers() {
    let rows = |net: Net, map: &str, [anchors, height, width]: [i64; 3]| {
        let name = |step: &str| format!("{map}_{step}");
        net.conv(map, &name("conv"), [anchors * 5, 2, 3], &[])
            .ints(&name("parted"), &[1, anchors, 5, height, width])
            .ints(&name("rows"), &[1, -1, 5])
            .node("Reshape", &[&name("conv"), &name("parted")], &name("a"), &[])
            .node("Transpose", &[&name("a")], &name("b"), &[ints("perm", &[0, 3, 4, 1, 2])])
            .node("Reshape", &[&name("b"), &name("rows")], &name("c"), &[])
            .node("Sigmoid", &[&name("c")], &name("d"), &[])
    };
    let net = Net::new(13, &["1", "2", "4", "6"]).conv("x", "s", [2, 2, 3], &[ints("strides", &[2, 2])]);
    let net = rows(rows(net, "x", [3, 4, 6]), "s", [2, 2, 3]);
    let joined = |axis| net.clone().node("Concat", &["x_d", "s_d"], "y", &[int("axis", axis)]);
    let imported = joined(1).import().unwrap();
    let graph = imported.graph;
    let names: Vec<&str> = (0..graph.outputs.len()).map(|i| graph.output_name(i)).collect();
    assert_eq!(names, ["y.0", "y.1"]);
    assert!(imported.notes.iter().any(|note| note.contains("2 maps") && note.contains("4×6×15, 2×3×10")));
    let x = image(&graph);
    let answers = bakelite::execute::run(&graph, &x, &mut |_, _| {}).unwrap();
    let answers: Vec<f32> = answers.into_iter().flat_map(|map| map.into_raw_vec_and_offset().0).collect();
    let expected = oracle(&joined(1).bytes(), &x, false);
    assert_eq!(expected.len(), (24 * 3 + 6 * 2) * 5);
    assert!(difference(&answers, &expected) < 1e-5);
    // Along the classes they do not fit, and what is computed behind the join is the caller's.
    assert!(joined(2).refusal().contains("side by side along axis 2"));
    let behind = net.node("Concat", &["x_d", "s_d"], "j", &[int("axis", 1)]).node("Softmax", &["j"], "y", &[]);
    assert!(behind.refusal().contains("leave this node to the caller"));
}

#[test]
fn shuffled_channels() {
    let net = Net::new(13, &["1", "2", "4", "6"])
        .conv("x", "a", [6, 2, 3], &[])
        .ints("parted", &[1, 2, 3, 4, 6])
        .ints("together", &[1, 6, 4, 6])
        .node("Reshape", &["a", "parted"], "b", &[])
        .node("Transpose", &["b"], "c", &[ints("perm", &[0, 2, 1, 3, 4])])
        .node("Reshape", &["c", "together"], "y", &[]);
    let text = "input %x 4x6x2
        %a 4x6x6 = conv(%x) 3x3 pad 1,1,1,1
        %y 4x6x6 = select(%a) [0, 3, 1, 4, 2, 5]
        output %y";
    check(&net, text, text);
}

#[test]
fn rows_and_constants_are_not_joined() {
    let joined = |axis: i64| {
        Net::new(13, &["1", "2", "4", "4"])
            .conv("x", "a", [2, 2, 3], &[])
            .node("Concat", &["a", "x"], "y", &[int("axis", axis)])
            .refusal()
    };
    assert!(joined(2).contains("along axis 2, which is not the channels"), "{}", joined(2));
    let constant = Net::new(13, &["1", "2", "4", "4"])
        .weights("k", &[1, 2, 4, 4])
        .node("Concat", &["x", "k"], "y", &[int("axis", 1)])
        .refusal();
    assert!(constant.contains("input 1 is constant"), "{constant}");
    let sizes = Net::new(13, &["1", "2", "4", "4"])
        .conv("x", "a", [2, 2, 3], &[ints("strides", &[2, 2])])
        .node("Concat", &["a", "x"], "y", &[int("axis", 1)])
        .refusal();
    assert!(sizes.contains("side by side"), "{sizes}");
}
