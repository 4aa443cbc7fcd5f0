//! The networks around MobileNetV3, and the operators that only they have: same bits at every instruction set.

use crate::bakelite::{SHARED, scratch};
use crate::bits::{ECONOMIES, all_levels_equal_the_reference, pixels, quantize, synthetic};
use crate::builder::{Net, float, int, ints, text};
use ::bakelite::compile::Quantized;
use ::bakelite::evaluate;
use ::bakelite::model::{Options, write};
use ::bakelite::pipeline::ModelOptions;
use ::bakelite::plan;
use ::bakelite::specs::architecture;
use bakelite_runtime::isa::Level;

fn same_bits(what: &str, bytes: &[u8]) -> Quantized {
    let folder = scratch();
    let model = folder.path().join("net.onnx");
    std::fs::write(&model, bytes).expect("a file");
    let options = ModelOptions { preprocess: Some("imagenet".into()), ..Default::default() };
    let work = quantize(&model, &SHARED.images, 8, options, "best");
    let mut images = pixels(&work, &SHARED.images, 3);
    images.extend(synthetic(images[0].len(), 1));
    let compared = all_levels_equal_the_reference(what, &work, &images);
    println!("{what}: {compared} answers equal");
    work
}

/// How far integers are from floats on the pictures, in dB.
fn sqnr(work: &Quantized) -> f64 {
    let plan = plan::plan(&work.q, Level::Portable).expect("a plan");
    let dataset = ::bakelite::dataset::Dataset::open(&SHARED.images).expect("pictures");
    evaluate::evaluate(&work.prepared, &plan, &dataset).expect("an evaluation").0.summary().sqnr_db
}

#[test]
fn written_networks_have_the_same_bits_at_every_level() {
    for (name, width, sizes) in [
        ("mobilenet-v1", 0.25, [(64, 64), (48, 80)]),
        ("mobilenet-v2", 0.35, [(64, 64), (48, 80)]),
        ("mnasnet-a1", 0.35, [(64, 64), (48, 80)]),
        ("mnasnet-b1", 0.35, [(64, 64), (48, 80)]),
        ("efficientnet-b0", 0.25, [(64, 64), (48, 80)]),
        ("efficientnet-lite0", 0.25, [(64, 64), (48, 80)]),
        ("squeezenet-1.0", 0.5, [(64, 64), (80, 52)]),
        ("squeezenet-1.1", 0.5, [(64, 64), (80, 52)]),
        ("mobilenet-v3-large-lr-aspp", 0.25, [(64, 64), (48, 80)]),
    ] {
        for size in sizes {
            let options = Options { width, size: Some(size), classes: Some(19), ..Options::default() };
            let model = write(&architecture::load(name).unwrap(), &options).unwrap();
            let work = same_bits(&format!("{name} of {size:?}"), &model.bytes().unwrap());
            // Made-up answers that are centred drown in rounding; SqueezeNet's are not, and tell a wrong scale or channel.
            let sqnr = sqnr(&work);
            println!("{name} of {size:?}: {sqnr:.1} dB");
            assert!(sqnr > 25.0 || !name.starts_with("squeezenet"), "{name} of {size:?}: {sqnr} dB");
        }
    }
}

#[test]
fn bands_save_memory() {
    for (name, width) in [("mobilenet-v1", 0.25), ("mobilenet-v3-small", 0.5)] {
        let options = Options { width, size: Some((160, 128)), classes: Some(19), ..Options::default() };
        let model = write(&architecture::load(name).unwrap(), &options).unwrap();
        let work = same_bits(name, &model.bytes().unwrap());
        for level in [Level::Portable, Level::Avx512Vnni, Level::Neon] {
            let [whole, small, least] =
                ECONOMIES.map(|economy| plan::plan_in(&work.q, level, (economy, 0)).expect("a plan").arena.maps);
            println!("{name}, {}: {whole}, {small}, {least} bytes of maps", level.name());
            assert!(3 * small < 2 * whole && least <= small, "{name} {}: {whole} {small} {least}", level.name());
        }
    }
}

/// Maxima and averages of every kind, joined with what they read and with each other: codes that are moved several times, and
/// a convolution that reads parts of different makers.
#[test]
fn joins_of_pools_have_the_same_bits_at_every_level() {
    let pool = |stride: i64, pad: i64| {
        [
            ints("kernel_shape", &[3, 3]),
            ints("strides", &[stride; 2]),
            ints("pads", &[pad; 4]),
            int("count_include_pad", 1),
        ]
    };
    let net = Net::new(13, &["1", "3", "26", "22"])
        .conv("x", "c0", [9, 3, 3], &[ints("strides", &[2, 2])])
        .node("Relu", &["c0"], "a", &[])
        .node("MaxPool", &["a"], "p", &pool(1, 1)[..3])
        .node("AveragePool", &["a"], "q", &pool(1, 1))
        .conv("a", "c1", [5, 9, 1], &[])
        .node("HardSwish", &["c1"], "b", &[])
        .node("Concat", &["a", "p", "b", "q"], "j", &[int("axis", 1)])
        .node("AveragePool", &["j"], "k", &pool(2, 0)[..3])
        .node("MaxPool", &["j"], "l", &pool(2, 0)[..3])
        .node("Concat", &["l", "k"], "m", &[int("axis", 1)])
        .conv("m", "c2", [17, 64, 3], &[])
        .node("Relu", &["c2"], "n", &[])
        .node("GlobalAveragePool", &["n"], "g", &[])
        .node("Flatten", &["g"], "y", &[]);
    let mut net = net;
    net.0.opset_import[0].version = 14;
    let work = same_bits("joins of pools", &net.bytes());
    let sqnr = sqnr(&work);
    assert!(sqnr > 25.0, "{sqnr} dB");
}

/// The light segmentation head's average reaches over most of the map.
#[test]
fn large_averages_have_the_same_bits_at_every_level() {
    for (kernel, stride) in [([49, 49], [16, 20]), ([2, 2], [2, 2]), ([1, 7], [1, 3]), ([25, 23], [3, 1])] {
        let net = Net::new(13, &["1", "3", "52", "64"])
            .conv("x", "c0", [11, 3, 3], &[])
            .node("Relu", &["c0"], "a", &[])
            .node("AveragePool", &["a"], "p", &[ints("kernel_shape", &kernel), ints("strides", &stride)])
            .conv("p", "c1", [7, 11, 1], &[])
            .node("GlobalAveragePool", &["c1"], "g", &[])
            .node("Flatten", &["g"], "y", &[]);
        let work = same_bits(&format!("average of {kernel:?} every {stride:?}"), &net.bytes());
        let sqnr = sqnr(&work);
        println!("average of {kernel:?} every {stride:?}: {sqnr:.1} dB");
        assert!(sqnr > 25.0, "average of {kernel:?}: {sqnr} dB");
    }
}

/// Operators without weights, each between convolutions, of channels and sizes that no vector length divides.
fn operators() -> Vec<(&'static str, Net)> {
    let base = || Net::new(13, &["1", "3", "22", "26"]).conv("x", "a", [13, 3, 3], &[ints("strides", &[2, 2])]);
    let end = |net: Net| {
        net.conv("b", "last", [5, 13, 3], &[]).node("GlobalAveragePool", &["last"], "g", &[]).node(
            "Flatten",
            &["g"],
            "y",
            &[],
        )
    };
    let unary = |op: &str, attributes: &[_]| end(base().node(op, &["a"], "b", attributes));
    let resize = |mode: &str, coordinates: &str| {
        let attributes =
            [text("mode", mode), text("coordinate_transformation_mode", coordinates), text("nearest_mode", "floor")];
        let net = base().floats("none", &[0], &[]).ints("k", &[1, 13, 17, 31]);
        end(net.node("Resize", &["a", "none", "none", "k"], "b", &attributes))
    };
    let pool = [ints("kernel_shape", &[3, 5]), ints("strides", &[2, 1]), ints("pads", &[1, 2, 1, 2])];
    let transposed = |net: Net| net.node("ConvTranspose", &["a", "w"], "b", &[ints("strides", &[2, 2])]);
    let two =
        |op: &str| end(base().conv("x", "c", [13, 3, 3], &[ints("strides", &[2, 2])]).node(op, &["a", "c"], "b", &[]));
    let classes = |net: Net| net.node("ArgMax", &["a"], "y", &[int("axis", 1), int("keepdims", 0)]);
    vec![
        ("bilinear", resize("linear", "half_pixel")),
        ("bilinear, corners aligned", resize("linear", "align_corners")),
        ("nearest", resize("nearest", "asymmetric")),
        ("average without padding", unary("AveragePool", &pool)),
        ("leaky", unary("LeakyRelu", &[float("alpha", 0.1)])),
        ("tanh", unary("Tanh", &[])),
        ("slopes", end(base().weights("s", &[13, 1, 1]).node("PRelu", &["a", "s"], "b", &[]))),
        ("softmax of pixels", unary("Softmax", &[int("axis", 1)])),
        ("transposed convolution", end(transposed(base().weights("w", &[13, 13, 3, 3])))),
        ("product of maps", two("Mul")),
        ("difference of maps", two("Sub")),
        ("product with a plane", end(base().conv("a", "p", [1, 13, 3], &[]).node("Mul", &["p", "a"], "b", &[]))),
        (
            "vector on a map",
            end(base()
                .node("GlobalAveragePool", &["a"], "v", &[])
                .conv("v", "e", [13, 13, 1], &[])
                .node("Tanh", &["e"], "f", &[])
                .node("Add", &["a", "f"], "b", &[])),
        ),
        ("classes of pixels", classes(base())),
        ("a map as it is", base().node("Identity", &["a"], "y", &[])),
        (
            "vectors between dense layers",
            base()
                .node("GlobalAveragePool", &["a"], "v", &[])
                .conv("v", "e", [13, 13, 1], &[])
                .node("LeakyRelu", &["e"], "f", &[float("alpha", 0.3)])
                .node("Add", &["f", "v"], "h", &[])
                .node("Mul", &["h", "f"], "i", &[])
                .node("Concat", &["i", "e"], "j", &[int("axis", 1)])
                .conv("j", "k", [7, 26, 1], &[])
                .node("Flatten", &["k"], "y", &[]),
        ),
    ]
}

#[test]
fn operators_without_weights_have_the_same_bits_at_every_level() {
    for (what, net) in operators() {
        let work = same_bits(what, &net.bytes());
        let sqnr = sqnr(&work);
        println!("{what}: {sqnr:.1} dB");
        // Class numbers are equal or not: their noise says nothing.
        assert!(sqnr > 15.0 || what == "classes of pixels", "{what}: {sqnr} dB");
    }
}
