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
