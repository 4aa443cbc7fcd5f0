//! Files in QDQ form: weights that are integers, and nodes around every activation.

use crate::builder::*;
use bakelite::execute;
use onnx_protobuf::TensorProto;

/// Integers of ONNX data type `data_type` (2: u8, 3: i8, 6: i32).
fn codes(name: &str, dims: &[i64], data_type: i32, values: &[i32]) -> TensorProto {
    TensorProto { name: name.into(), dims: dims.to_vec(), data_type, int32_data: values.to_vec(), ..Default::default() }
}

/// x → Q → DQ → Conv (weights i8 per channel, bias i32) → Q → DQ, the ReLU left to the codes or not.
fn network(zero: i32) -> Net {
    let weights: Vec<i32> = noise(5, 4 * 3 * 9).iter().map(|w| (w * 254.0) as i32).collect();
    Net::new(13, &["1", "3", "6", "6"])
        .scalar("sx", 0.031)
        .tensor(codes("zx", &[], 2, &[117]))
        .node("QuantizeLinear", &["x", "sx", "zx"], "xq", &[])
        .node("DequantizeLinear", &["xq", "sx", "zx"], "xd", &[])
        .tensor(codes("wq", &[4, 3, 3, 3], 3, &weights))
        .floats("sw", &[4], &[0.004, 0.002, 0.001, 0.003])
        .tensor(codes("zw", &[4], 3, &[0; 4]))
        .node("DequantizeLinear", &["wq", "sw", "zw"], "w", &[int("axis", 0)])
        .tensor(codes("bq", &[4], 6, &[900, -700, 30, 0]))
        .floats("sb", &[4], &[1e-4; 4])
        .node("DequantizeLinear", &["bq", "sb"], "b", &[int("axis", 0)])
        .node("Conv", &["xd", "w", "b"], "c", &[ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])])
        .scalar("sy", 0.011)
        .tensor(codes("zy", &[], 2, &[zero]))
        .node("QuantizeLinear", &["c", "sy", "zy"], "cq", &[])
        .node("DequantizeLinear", &["cq", "sy", "zy"], "y", &[])
}

#[test]
fn weights_are_what_they_mean_and_codes_from_zero_are_a_clip() {
    for (zero, function) in [(0, " clip(0, 2.8050)"), (128, "")] {
        let imported = network(zero).import().unwrap();
        assert!(imported.notes.iter().any(|note| note.contains("QDQ")), "{:?}", imported.notes);
        let (graph, _) = bakelite::passes::run(imported.graph, &Default::default()).unwrap();
        let text = graph.to_string();
        assert_eq!(text.lines().count(), 3, "{text}");
        let image = image(&graph);
        let ours = execute::run(&graph, &image, &mut |_, _| {}).unwrap();
        // By hand, at one pixel of the inside and for every output channel.
        let weights: Vec<i32> = noise(5, 4 * 3 * 9).iter().map(|w| (w * 254.0) as i32).collect();
        for (o, (scale, bias)) in [0.004, 0.002, 0.001, 0.003].into_iter().zip([0.09, -0.07, 0.003, 0.0]).enumerate() {
            let mut sum = bias;
            for c in 0..3 {
                for (ky, kx) in (0..9).map(|tap| (tap / 3, tap % 3)) {
                    let w = weights[(o * 3 + c) * 9 + ky * 3 + kx] as f32 * scale;
                    sum += w * image[[1 + ky, 2 + kx, c]];
                }
            }
            let expected = if zero == 0 { sum.clamp(0.0, 255.0 * 0.011) } else { sum };
            let answer = ours[0][[2, 3, o]];
            assert!((answer - expected).abs() < 1e-4, "channel {o}: {answer}, not {expected}; {function}\n{text}");
        }
    }
}

/// The same as [`network`] in operators that compute in integers, and their relatives behind it.
#[test]
fn operators_on_integers_mean_the_same() {
    let weights: Vec<i32> = noise(5, 4 * 3 * 9).iter().map(|w| (w * 254.0) as i32).collect();
    let head = |net: Net| {
        net.scalar("sx", 0.031)
            .tensor(codes("zx", &[], 2, &[117]))
            .node("QuantizeLinear", &["x", "sx", "zx"], "xq", &[])
            .tensor(codes("wq", &[4, 3, 3, 3], 3, &weights))
            .tensor(codes("zw", &[4], 3, &[0; 4]))
            .tensor(codes("bq", &[4], 6, &[900, -700, 30, 0]))
            .scalar("sy", 0.011)
            .tensor(codes("zy", &[], 2, &[0]))
    };
    let attributes = [ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])];
    let conv = head(Net::new(13, &["1", "3", "6", "6"])).floats("sw", &[4], &[0.004, 0.002, 0.001, 0.003]).node(
        "QLinearConv",
        &["xq", "sx", "zx", "wq", "sw", "zw", "sy", "zy", "bq"],
        "cq",
        &attributes,
    );
    let graph = conv.clone().node("DequantizeLinear", &["cq", "sy", "zy"], "y", &[]).import().unwrap().graph;
    // A bias is in steps of both scales.
    let spelled = network(0).floats("sb", &[4], &[0.031 * 0.004, 0.031 * 0.002, 0.031 * 0.001, 0.031 * 0.003]);
    let spelled = {
        let mut net = spelled;
        let names: Vec<String> = net.graph().initializer.iter().map(|t| t.name.clone()).collect();
        let first = names.iter().position(|name| name == "sb").unwrap();
        net.graph().initializer.remove(first);
        net.import().unwrap().graph
    };
    let image = image(&graph);
    assert!(difference(&run(&graph, &image), &run(&spelled, &image)) < 1e-6);
    assert_eq!(graph.tensors.iter().filter(|tensor| tensor.given.is_some()).count(), 2);

    // ONNX Runtime's own: sum, mean, dense layer with an answer in reals.
    let net = conv
        .node("QLinearAdd", &["cq", "sy", "zy", "cq", "sy", "zy", "sy", "zy"], "aq", &[])
        .node("QLinearGlobalAveragePool", &["aq", "sy", "zy", "sy", "zy"], "gq", &[int("channels_last", 0)])
        .node("Flatten", &["gq"], "fq", &[])
        .tensor(codes("mq", &[2, 4], 3, &[10, -20, 30, 40, -50, 60, 70, 80]))
        .scalar("sm", 0.01)
        .tensor(codes("zm", &[], 3, &[0]))
        .node("QGemm", &["fq", "sy", "zy", "mq", "sm", "zm", "", "", ""], "y", &[int("transB", 1)]);
    let mut net = net;
    for node in &mut net.graph().node {
        if ["QLinearAdd", "QLinearGlobalAveragePool", "QGemm"].contains(&node.op_type.as_str()) {
            node.domain = "com.microsoft".into();
        }
    }
    let imported = net.import().unwrap();
    assert!(imported.notes.iter().any(|note| note.contains("QOperator")), "{:?}", imported.notes);
    let map = run(&graph, &image);
    let answer = run(&imported.graph, &image);
    for (o, row) in [[10.0, -20.0, 30.0, 40.0], [-50.0, 60.0, 70.0, 80.0]].into_iter().enumerate() {
        let mut expected = 0.0;
        for (pixel, values) in map.chunks(4).enumerate() {
            assert!(pixel < 36);
            // The sum stays within what codes from zero can say.
            let clipped = values.iter().map(|v| (2.0 * v).min(255.0 * 0.011));
            expected += clipped.zip(row).map(|(v, w): (f32, f32)| v * w * 0.01 / 36.0).sum::<f32>();
        }
        assert!((answer[o] - expected).abs() < 1e-4, "{answer:?}, not {expected}");
    }
}

#[test]
fn constants_are_quantized_and_back() {
    let net = Net::new(13, &["1", "3", "4", "4"])
        .floats("f", &[1, 3, 1, 1], &[0.26, -9.0, 0.25])
        .scalar("s", 0.1)
        .tensor(codes("z", &[], 3, &[1]))
        .node("QuantizeLinear", &["f", "s", "z"], "q", &[])
        .node("DequantizeLinear", &["q", "s", "z"], "d", &[])
        .node("Mul", &["x", "d"], "y", &[]);
    let graph = net.import().unwrap().graph;
    let ones = ndarray::Array3::from_elem((4, 4, 3), 1.0);
    let answer = execute::run(&graph, &ones, &mut |_, _| {}).unwrap();
    // 2.6 and 2.5 to the nearest even code; −90 is there, since i8 reaches −128.
    for (c, expected) in [0.3, -9.0, 0.2].into_iter().enumerate() {
        assert!((answer[0][[0, 0, c]] - expected).abs() < 1e-6, "{answer:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let base = || Net::new(21, &["1", "3", "4", "4"]);
    let scale = |value: f32| base().scalar("s", value).node("QuantizeLinear", &["x", "s"], "y", &[]);
    for value in [0.0, -1.0, f32::NAN] {
        assert!(scale(value).refusal().contains("scale that is not above zero"), "{value}");
    }
    let net = base()
        .tensor(codes("wq", &[3], 3, &[1, 2, 3]))
        .floats("s", &[2], &[0.1, 0.2])
        .node("DequantizeLinear", &["wq", "s"], "w", &[int("axis", 0)])
        .node("Add", &["x", "w"], "y", &[]);
    assert!(net.refusal().contains("2 scales along an axis of 3"), "{}", net.refusal());
}
