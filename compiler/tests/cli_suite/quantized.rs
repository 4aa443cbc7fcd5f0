//! Files that are quantized already: codes and integers that stay what they are.

use crate::bakelite::{SHARED, bakelite, scratch};
use crate::bits::{all_levels_equal_the_reference, pixels, quantize, synthetic};
use crate::builder::{Net, ints, ints_tensor, noise};
use ::bakelite::pipeline::ModelOptions;
use ::bakelite::qgraph::{Kind, QOp};
use onnx_protobuf::TensorProto;

fn codes(name: &str, dims: &[i64], data_type: i32, values: &[i32]) -> TensorProto {
    TensorProto { name: name.into(), dims: dims.to_vec(), data_type, int32_data: values.to_vec(), ..Default::default() }
}

/// `map` through QuantizeLinear and DequantizeLinear, as `map_d`.
fn through(net: Net, map: &str, scale: f32, zero: i32) -> Net {
    let name = |suffix: &str| format!("{map}_{suffix}");
    net.scalar(&name("s"), scale)
        .tensor(codes(&name("z"), &[], 2, &[zero]))
        .node("QuantizeLinear", &[map, &name("s"), &name("z")], &name("q"), &[])
        .node("DequantizeLinear", &[&name("q"), &name("s"), &name("z")], &name("d"), &[])
}

/// The integers of a layer: at most 100, so that a step of its own would be finer than that of the file.
fn integers(seed: u64, count: usize) -> Vec<i32> {
    noise(seed, count).iter().map(|w| (w * 200.0).round() as i32).collect()
}

fn weights(net: Net, name: &str, seed: u64, dims: [i64; 4], scale: f32) -> Net {
    let [s, z, q] = ["s", "z", "q"].map(|suffix| format!("{name}_{suffix}"));
    net.tensor(codes(&q, &dims, 3, &integers(seed, dims.iter().product::<i64>() as usize)))
        .scalar(&s, scale)
        .tensor(codes(&z, &[], 3, &[0]))
        .node("DequantizeLinear", &[&q, &s, &z], name, &[])
}

/// Conv, ReLU left to the codes, conv, mean: of the first map the file has codes with a zero point of 0, of the second 121.
fn network() -> Net {
    let net = through(Net::new(13, &["1", "3", "24", "24"]), "x", 0.02, 118);
    let net = weights(net, "w", 3, [9, 3, 3, 3], 0.004).node(
        "Conv",
        &["x_d", "w"],
        "a",
        &[ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2])],
    );
    let net = weights(through(net, "a", 0.013, 0), "v", 5, [5, 9, 1, 1], 0.003).node("Conv", &["a_d", "v"], "b", &[]);
    let net = through(net, "b", 0.021, 121).node("GlobalAveragePool", &["b_d"], "g", &[]);
    net.tensor(ints_tensor("shape", &[2], &[1, 5])).node("Reshape", &["g", "shape"], "y", &[])
}

fn options(requantize: bool) -> ModelOptions {
    ModelOptions { preprocess: Some("imagenet".into()), requantize, ..ModelOptions::default() }
}

#[test]
fn codes_and_integers_of_the_file_are_kept() {
    let folder = scratch();
    let model = folder.path().join("net.onnx");
    std::fs::write(&model, network().bytes()).unwrap();
    for recipe in ["fast", "default", "best"] {
        let work = quantize(&model, &SHARED.images, 8, options(false), recipe);
        let held: Vec<(f32, u16)> = work
            .q
            .nodes
            .iter()
            .filter(|node| matches!(node.op, QOp::Conv(_)))
            .map(|node| match &work.q.tensor(node.output).kind {
                Kind::Map(codes) => {
                    assert!(codes.scale.windows(2).all(|two| two[0] == two[1]), "one scale for all channels");
                    (codes.scale[0], codes.zero[0])
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(held, [(0.013, 0), (0.021, 121)], "{recipe}");
        let QOp::Conv(second) = &work.q.nodes[1].op else { panic!("a convolution") };
        let expected: Vec<i8> = integers(5, 45).into_iter().map(|w| w as i8).collect();
        // A row whose largest integers have a common divisor may come in other steps; these have none.
        assert_eq!(second.weights, expected, "{recipe}");
        assert!(work.notes.iter().any(|note| note.contains("codes are kept for 2 of 2 maps")), "{:?}", work.notes);
        assert!(work.reconstruction.is_none());
        let mut images = pixels(&work, &SHARED.images, 4);
        images.extend(synthetic(images[0].len(), 2));
        all_levels_equal_the_reference(recipe, &work, &images);
    }
    // As if it were a float file.
    let work = quantize(&model, &SHARED.images, 8, options(true), "default");
    let QOp::Conv(first) = &work.q.nodes[0].op else { panic!("a convolution") };
    assert!(first.epilogue.multiplier.windows(2).any(|two| two[0] != two[1]), "a scale for each channel");
    assert!(work.reconstruction.is_some() && !work.notes.iter().any(|note| note.contains("codes are kept")));
}

/// A clip is the end of the codes: one around zero, as symmetric quantizers have, begins at zero behind a ReLU, in the same steps; behind
/// a ReLU6 it would reach beyond six.
#[test]
fn bounds_stay_bounds_whatever_the_codes() {
    let folder = scratch();
    for (clip, expected) in [("Relu", Some((0.05, 0))), ("Clip", None)] {
        let net = weights(Net::new(13, &["1", "3", "24", "24"]), "w", 3, [9, 3, 3, 3], 0.004)
            .node("Conv", &["x", "w"], "c", &[ints("kernel_shape", &[3, 3])])
            .scalar("zero", 0.0)
            .scalar("six", 6.0)
            .node(clip, if clip == "Clip" { &["c", "zero", "six"] } else { &["c"] }, "a", &[]);
        let net = weights(through(net, "a", 0.05, 128), "v", 5, [5, 9, 1, 1], 0.003)
            .node("Conv", &["a_d", "v"], "b", &[])
            .node("GlobalAveragePool", &["b"], "g", &[])
            .node("Flatten", &["g"], "y", &[]);
        let model = folder.path().join("net.onnx");
        std::fs::write(&model, net.bytes()).unwrap();
        let work = quantize(&model, &SHARED.images, 8, options(false), "default");
        let Kind::Map(codes) = &work.q.tensor(work.q.nodes[0].output).kind else { panic!("a map") };
        match expected {
            Some((scale, zero)) => assert_eq!((codes.scale[0], codes.zero[0]), (scale, zero)),
            None => {
                assert!(codes.zero.iter().all(|&zero| zero == 0));
                assert!(codes.scale.iter().all(|scale| 255.0 * scale < 6.1));
                assert!(work.notes.iter().any(|note| note.contains("pass its bounds")), "{:?}", work.notes);
            }
        }
    }
}

#[test]
fn the_command_line_says_what_was_kept() {
    let folder = scratch();
    let (model, out) = (folder.path().join("net.onnx"), folder.path().join("out"));
    std::fs::write(&model, network().bytes()).unwrap();
    let compile = |more: &[&str]| {
        let ran = bakelite(["compile", "--preprocess", "imagenet", "--calibration-images", "8", "--emit", "crate"])
            .arg(&model)
            .arg("--images")
            .arg(&SHARED.images)
            .arg("--out")
            .arg(&out)
            .args(more)
            .succeeds();
        std::fs::remove_dir_all(&out).unwrap();
        ran.stdout + &ran.stderr
    };
    let kept = compile(&[]);
    assert!(kept.contains("QDQ, 3 activations") && kept.contains("kept for 2 of 2 maps"), "{kept}");
    assert!(!compile(&["--requantize"]).contains("kept for"));
}
