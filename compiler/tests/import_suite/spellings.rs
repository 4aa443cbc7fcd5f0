//! Every spelling of functions and pools: graph as imported, graph after the passes, and both computed; tract agrees.

use crate::builder::*;

/// A convolution, then whatever `tail` makes of `c` into `y`.
fn after_conv(opset: i64, tail: impl Fn(Net) -> Net) -> Net {
    tail(Net::new(opset, &["1", "3", "4", "4"]).conv("x", "c", [4, 3, 1], &[]))
}

const SWISH: &str = "input %x 4x4x3
    %y 4x4x4 = conv(%x) 1x1 hard_swish
    output %y";

const CONV: &str = "input %x 4x4x3
    %c 4x4x4 = conv(%x) 1x1";

fn hard_swish(opset: i64, parts: &str, tail: impl Fn(Net) -> Net) {
    check(&after_conv(opset, tail), &format!("{CONV}\n{parts}\noutput %y"), SWISH);
}

#[test]
fn hard_swish_as_one_node() {
    hard_swish(14, "%y 4x4x4 = hard_swish(%c)", |n| n.node("HardSwish", &["c"], "y", &[]));
}

#[test]
fn hard_swish_as_product_with_hard_sigmoid() {
    for alpha in [1.0 / 6.0, 0.16667, 0.166667, 0.1666667] {
        for operands in [["c", "g"], ["g", "c"]] {
            let net = after_conv(13, |n| {
                n.node("HardSigmoid", &["c"], "g", &[float("alpha", alpha)]).node("Mul", &operands, "y", &[])
            });
            let parts = format!(
                "{CONV}\n%g 4x4x4 = hard_sigmoid(0.1667, 0.5000)(%c)\n%y 4x4x4 = mul(%{}, %{})\noutput %y",
                operands[0], operands[1]
            );
            check(&net, &parts, SWISH);
        }
    }
}

#[test]
fn hard_swish_as_add_clip_div_before_the_product() {
    hard_swish(
        13,
        "%a 4x4x4 = affine(%c) *1 +3
         %r 4x4x4 = clip(0, 6)(%a)
         %g 4x4x4 = affine(%r) *0.1667 +0
         %y 4x4x4 = mul(%c, %g)",
        |n| {
            n.scalar("three", 3.0)
                .scalar("zero", 0.0)
                .scalar("six", 6.0)
                .node("Add", &["three", "c"], "a", &[])
                .node("Clip", &["a", "zero", "six"], "r", &[])
                .node("Div", &["r", "six"], "g", &[])
                .node("Mul", &["c", "g"], "y", &[])
        },
    );
}

#[test]
fn hard_swish_as_division_after_the_product() {
    hard_swish(
        10,
        "%a 4x4x4 = affine(%c) *1 +3
         %r 4x4x4 = clip(0, 6)(%a)
         %p 4x4x4 = mul(%r, %c)
         %y 4x4x4 = affine(%p) *0.1667 +0",
        |n| {
            n.scalar("three", 3.0)
                .scalar("sixth", 0.16667)
                .node("Add", &["c", "three"], "a", &[])
                .node("Clip", &["a"], "r", &[float("min", 0.0), float("max", 6.0)])
                .node("Mul", &["r", "c"], "p", &[])
                .node("Mul", &["sixth", "p"], "y", &[])
        },
    );
}

#[test]
fn hard_swish_with_the_factor_on_x_and_min_max() {
    hard_swish(
        13,
        "%a 4x4x4 = affine(%c) *1 +3
         %lo 4x4x4 = relu(%a)
         %r 4x4x4 = clip(-inf, 6)(%lo)
         %s 4x4x4 = affine(%c) *0.1667 +0
         %y 4x4x4 = mul(%s, %r)",
        |n| {
            n.floats("three", &[1, 1, 1, 1], &[3.0])
                .scalar("zero", 0.0)
                .scalar("six", 6.0)
                .node("Add", &["c", "three"], "a", &[])
                .node("Max", &["a", "zero"], "lo", &[])
                .node("Min", &["six", "lo"], "r", &[])
                .node("Div", &["c", "six"], "s", &[])
                .node("Mul", &["s", "r"], "y", &[])
        },
    );
}

#[test]
fn a_slope_that_is_not_a_sixth_stays_what_it_is() {
    let net = after_conv(13, |n| n.node("HardSigmoid", &["c"], "g", &[]).node("Mul", &["c", "g"], "y", &[]));
    let before = format!("{CONV}\n%g 4x4x4 = hard_sigmoid(0.2000, 0.5000)(%c)\n%y 4x4x4 = mul(%c, %g)\noutput %y");
    let after = "input %x 4x4x3\n%y 4x4x4 = conv(%x) 1x1 hard_swish_like(0.2000, 0.5000)\noutput %y";
    check(&net, &before, after);
}

#[test]
fn silu_with_and_without_slope() {
    // A true SiLU stays a node: in integers it is a table.
    let silu = |after: &str| format!("{CONV}\n%y 4x4x4 = {after}(%c)\noutput %y");
    let plain = after_conv(13, |n| n.node("Sigmoid", &["c"], "g", &[]).node("Mul", &["g", "c"], "y", &[]));
    check(&plain, &format!("{CONV}\n%g 4x4x4 = sigmoid(%c)\n%y 4x4x4 = mul(%g, %c)\noutput %y"), &silu("silu"));
    let sloped = after_conv(13, |n| {
        n.scalar("beta", 1.5).node("Mul", &["c", "beta"], "b", &[]).node("Sigmoid", &["b"], "g", &[]).node(
            "Mul",
            &["c", "g"],
            "y",
            &[],
        )
    });
    let before =
        format!("{CONV}\n%b 4x4x4 = affine(%c) *1.5 +0\n%g 4x4x4 = sigmoid(%b)\n%y 4x4x4 = mul(%c, %g)\noutput %y");
    check(&sloped, &before, &silu("silu(1.5)"));
}

#[test]
fn clip_bounds_may_be_absent_cast_or_constant_nodes() {
    let before = format!("{CONV}\n%y 4x4x4 = clip(-inf, 6)(%c)\noutput %y");
    let after = "input %x 4x4x3\n%y 4x4x4 = conv(%x) 1x1 clip(-inf, 6)\noutput %y";
    let net = after_conv(13, |n| {
        n.node("Constant", &[], "k", &[tensor("value", ints_tensor("", &[], &[6]))])
            .node("Cast", &["k"], "six", &[int("to", 1)])
            .node("Clip", &["c", "", "six"], "y", &[])
    });
    check(&net, &before, after);
}

#[test]
fn model_local_functions_are_inlined() {
    let mut net = after_conv(18, |n| n.node("hardsigmoid", &["c"], "g", &[]).node("Mul", &["c", "g"], "y", &[]));
    net.graph().node[1].domain = "pkg.onnxscript.torch_lib".into();
    let mut body = node("HardSigmoid", &["self"], "result", &[float("alpha", 1.0 / 6.0)]);
    let mut beta = float("beta", 0.0);
    beta.ref_attr_name = "b".into();
    body.attribute.push(beta);
    net.0.functions.push(onnx_protobuf::FunctionProto {
        name: "hardsigmoid".into(),
        domain: "pkg.onnxscript.torch_lib".into(),
        input: vec!["self".into()],
        output: vec!["result".into()],
        attribute_proto: vec![float("b", 0.5)],
        node: vec![body],
        ..Default::default()
    });
    let before = format!("{CONV}\n%g 4x4x4 = hard_sigmoid(0.1667, 0.5000)(%c)\n%y 4x4x4 = mul(%c, %g)\noutput %y");
    check_without_oracle(&net, &before, SWISH);
}

#[test]
fn global_pools() {
    let pooled = |opset, tail: &dyn Fn(Net) -> Net| {
        let net = tail(Net::new(opset, &["1", "3", "4", "4"]));
        let text = "input %x 4x4x3\n%y 1x1x3 = global_average_pool(%x)\noutput %y";
        check(&net, text, text);
    };
    pooled(13, &|n| n.node("GlobalAveragePool", &["x"], "y", &[]));
    pooled(13, &|n| n.node("ReduceMean", &["x"], "y", &[ints("axes", &[2, 3]), int("keepdims", 0)]));
    pooled(13, &|n| n.node("ReduceMean", &["x"], "y", &[ints("axes", &[-1, -2])]));
    pooled(18, &|n| n.ints("a", &[2, 3]).node("ReduceMean", &["x", "a"], "y", &[]));
    pooled(13, &|n| n.node("AveragePool", &["x"], "y", &[ints("kernel_shape", &[4, 4])]));
}

#[test]
fn mean_of_rows_then_columns_and_sums() {
    let net = Net::new(13, &["1", "3", "4", "6"])
        .node("ReduceMean", &["x"], "m", &[ints("axes", &[3])])
        .ints("rows", &[2])
        .node("ReduceSum", &["m", "rows"], "y", &[]);
    let before = "input %x 4x6x3
        %m 4x1x3 = average_pool(%x) 1x6
        %n_y/mean 1x1x3 = global_average_pool(%m)
        %y 1x1x3 = affine(%n_y/mean) *4 +0
        output %y";
    check(&net, before, &before.replace("average_pool(%x) 1x6", "conv(%x) 1x6 depthwise"));
}

#[test]
fn squeeze_excite_with_an_expanded_gate() {
    let net = Net::new(13, &["1", "4", "6", "6"])
        .node("GlobalAveragePool", &["x"], "p", &[])
        .conv("p", "s", [2, 4, 1], &[])
        .node("Relu", &["s"], "r", &[])
        .conv("r", "e", [4, 2, 1], &[])
        .node("HardSigmoid", &["e"], "g", &[float("alpha", 1.0 / 6.0)])
        .node("Mul", &["g", "x"], "y", &[]);
    let before = "input %x 6x6x4
        %p 1x1x4 = global_average_pool(%x)
        %s 1x1x2 = conv(%p) 1x1
        %r 1x1x2 = relu(%s)
        %e 1x1x4 = conv(%r) 1x1
        %g 1x1x4 = hard_sigmoid(0.1667, 0.5000)(%e)
        %y 6x6x4 = mul(%x, %g)
        output %y";
    let after = "input %x 6x6x4
        %p 1x1x4 = global_average_pool(%x)
        %r 1x1x2 = conv(%p) 1x1 relu
        %g 1x1x4 = conv(%r) 1x1 hard_sigmoid(0.1667, 0.5000)
        %y 6x6x4 = mul(%x, %g)
        output %y";
    check(&net, before, after);
}
