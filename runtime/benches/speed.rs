//! Multiply-adds per second of the kernels on the shapes of MobileNetV3-Large.
//!
//! `cargo bench -p bakelite-runtime --bench speed -- [level] [part of a case's name]`

use bakelite_runtime::isa::{self, Isa, Level};
use bakelite_runtime::kernel::{self, RealActivation, Tile};
use bakelite_runtime::layer::{Activation, Epilogue, Shape, Window, padded};
use bakelite_runtime::pack;
use std::hint::black_box;
use std::time::Instant;

/// Pixels, input and output channels, and whether hard-swish follows.
const POINTWISE: [(usize, usize, usize, bool); 14] = [
    (12544, 16, 16, false),
    (12544, 16, 64, false),
    (3136, 64, 24, false),
    (3136, 24, 72, false),
    (784, 72, 40, false),
    (784, 40, 120, false),
    (784, 40, 240, true),
    (196, 240, 80, false),
    (196, 80, 480, true),
    (196, 480, 112, false),
    (196, 112, 672, true),
    (49, 672, 160, false),
    (49, 160, 960, true),
    (49, 960, 160, false),
];

/// Pixels, input and output channels of projections to which a map is added.
const ADDED: [(usize, usize, usize); 4] = [(12544, 16, 16), (3136, 72, 24), (784, 120, 40), (49, 960, 160)];

/// Pixels, input and output channels of projections behind a gate.
const GATED: [(usize, usize, usize); 4] = [(784, 120, 40), (196, 480, 112), (49, 576, 96), (49, 960, 160)];

/// Input side, channels, kernel, stride, and whether hard-swish follows.
type Depthwise = (usize, usize, usize, usize, bool);

const DEPTHWISE: [Depthwise; 12] = [
    (112, 16, 3, 2, false),
    (112, 16, 3, 1, false),
    (112, 64, 3, 2, false),
    (56, 72, 3, 1, false),
    (56, 72, 5, 2, false),
    (28, 120, 5, 1, false),
    (28, 240, 3, 2, true),
    (14, 200, 3, 1, true),
    (14, 480, 3, 1, true),
    (14, 672, 5, 2, true),
    (7, 960, 5, 1, true),
    (14, 672, 3, 1, true),
];

/// The same where input or output are fine maps.
const FINE_DEPTHWISE: [(Depthwise, [bool; 2]); 7] = [
    ((112, 16, 3, 2, false), [true, false]),
    ((112, 16, 3, 2, false), [false, true]),
    ((112, 16, 3, 2, false), [true, true]),
    ((56, 72, 3, 2, false), [false, false]),
    ((56, 72, 3, 2, false), [true, false]),
    ((56, 72, 3, 2, false), [false, true]),
    ((14, 96, 5, 1, true), [true, true]),
];

fn main() {
    // Cargo adds a flag of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let level = arguments.next().and_then(|name| Level::parse(&name));
    let part = arguments.next().unwrap_or_default();
    let wanted = |it| level.is_none_or(|level| level == it);
    if let Some(isa) = isa::Portable::detect().filter(|_| wanted(Level::Portable)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(isa) = isa::Avx2::detect().filter(|_| wanted(Level::Avx2)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(isa) = isa::AvxVnni::detect().filter(|_| wanted(Level::AvxVnni)) {
        all(isa, &part);
    } else if let Some(isa) = isa::AvxVnniEvex::detect().filter(|_| wanted(Level::AvxVnni)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(isa) = isa::Avx512Vnni::detect().filter(|_| wanted(Level::Avx512Vnni)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(isa) = isa::Neon::detect().filter(|_| wanted(Level::Neon)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(isa) = isa::NeonDot::detect().filter(|_| wanted(Level::NeonDot)) {
        all(isa, &part);
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(isa) = isa::I8mm::detect().filter(|_| wanted(Level::I8mm)) {
        all(isa, &part);
    }
}

/// Best of many rounds, printed.
fn time(level: Level, part: &str, name: String, work: usize, mut f: impl FnMut()) -> f64 {
    if !name.contains(part) {
        return 0.0;
    }
    let mut best = f64::MAX;
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 0.1 {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{:11} {name:42} {:8.1} us {:7.1} G/s", level.name(), best * 1e6, work as f64 / best * 1e-9);
    best
}

fn all<I: Isa>(isa: I, part: &str) {
    let level = I::LEVEL;
    let reals: Vec<f32> = (0..4096).map(|i| 1e-4 + i as f32 * 1e-7).collect();
    let offset = vec![0; 4096];
    // On cache lines, as an emitted crate's arena is.
    let (mut input, mut output) = (vec![0u8; (1 << 20) + 64], vec![0u8; (1 << 20) + 64]);
    let (from, to) = (input.as_ptr().align_offset(64), output.as_ptr().align_offset(64));
    input.iter_mut().enumerate().for_each(|(i, code)| *code = ((i * 7919) >> 3) as u8);
    let (input, output) = (&input[from..], &mut output[to..]);
    let mut scratch = vec![0u8; 1 << 16];
    let epilogue = |n: usize, hard_swish: bool| Epilogue {
        offset: &offset[..padded(n)],
        multiplier: &reals[..padded(n)],
        bias: None,
        residual: None,
        activation: if hard_swish {
            Activation::HardSwish { half: &reals[..padded(n)], zero: &reals[..padded(n)] }
        } else {
            Activation::Linear
        },
        fine: false,
        fine_residual: false,
        shift: None,
    };
    let plain = |len: usize| -> Vec<i8> { (0..len).map(|i| ((i * 31) % 255) as u8 as i8).collect() };

    let mut total = 0.0;
    let plain_ones = POINTWISE.map(|(pixels, k, n, hard_swish)| (pixels, k, n, hard_swish, false));
    for (pixels, k, n, hard_swish, added) in
        plain_ones.into_iter().chain(ADDED.map(|(pixels, k, n)| (pixels, k, n, false, true)))
    {
        let mut weights = vec![0; pack::pointwise_len(level, k, n)];
        pack::pointwise(level, &plain(k * n), k, n, &mut weights);
        let tile = Tile::best(level, pixels, n);
        let residual = added.then_some(&reals[..padded(n)]);
        let epilogue = Epilogue { residual, ..epilogue(n, hard_swish) };
        let layer = kernel::Pointwise {
            pixels,
            in_channels: k,
            out_channels: n,
            weights: &weights,
            epilogue,
            tile,
            ahead: &[],
        };
        let what = if hard_swish { " hard-swish" } else { "" };
        let name = format!("pointwise {pixels} x {k} -> {n}{what}{}", if added { " added" } else { "" });
        total += time(level, part, name, pixels * k * n, || {
            kernel::pointwise(isa, black_box(&layer), input, input, output);
        });
    }
    println!("{:11} pointwise in all {:.1} us", level.name(), total * 1e6);

    total = 0.0;
    for (pixels, k, n) in GATED {
        let mut weights = vec![0; pack::gated_len(level, k, n)];
        pack::gated(level, &plain(k * n), k, n, &mut weights);
        let layer = kernel::Gated {
            pixels,
            in_channels: k,
            fine_input: false,
            out_channels: n,
            weights: &weights,
            factor: &reals,
            zero: &[0.0; 4096],
            epilogue: epilogue(n, false),
            tile: Tile::best(level, pixels, n),
        };
        let mut scratch = vec![0; kernel::gated_scratch_len(level, k, n)];
        total += time(level, part, format!("gated {pixels} x {k} -> {n}"), pixels * k * n, || {
            kernel::gated(isa, black_box(&layer), input, &reals, &[], &mut scratch, output);
        });
    }
    println!("{:11} gated in all {:.1} us", level.name(), total * 1e6);

    total = 0.0;
    let plain_ones = DEPTHWISE.map(|shape| (shape, [false; 2]));
    for ((side, channels, kernel, stride, hard_swish), fine) in plain_ones.into_iter().chain(FINE_DEPTHWISE) {
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], dilation: [1; 2], pad: [kernel / 2; 2] };
        let [before, after] = fine.map(|fine| if fine { 2 } else { 1 });
        let (smaller, taps) = (side / stride, [before * kernel, kernel]);
        let mut weights = vec![0; pack::depthwise_len(level, channels, taps)];
        pack::depthwise(level, &plain(channels * taps[0] * taps[1]), channels, taps, &mut weights);
        let layer = kernel::Depthwise {
            input: Shape::new(side, side, before * channels),
            output: Shape::new(smaller, smaller, after * channels),
            window,
            weights: &weights,
            pad_code: &input[..before * channels],
            epilogue: Epilogue { fine: fine[1], ..epilogue(channels, hard_swish) },
        };
        let what = match fine {
            [false, false] => "",
            [true, false] => ", fine to plain",
            [false, true] => ", plain to fine",
            [true, true] => ", fine to fine",
        };
        let name = format!("depthwise {kernel}x{kernel} s{stride} {side} x {side} x {channels}{what}");
        total += time(level, part, name, smaller * smaller * channels * kernel * kernel, || {
            kernel::depthwise(isa, black_box(&layer), input, &[], output);
        });
    }
    println!("{:11} depthwise in all {:.1} us", level.name(), total * 1e6);

    let mut weights = vec![0; pack::convolution_len(level, [3, 9], 16)];
    pack::convolution(level, &plain(27 * 16), [3, 9], 16, &mut weights);
    let layer = kernel::Convolution {
        input: Shape::new(224, 224, 3),
        output: Shape::new(112, 112, 16),
        window: Window { kernel: [3; 2], stride: [2; 2], dilation: [1; 2], pad: [1; 2] },
        groups: 1,
        weights: &weights,
        pad_code: &input[..3],
        epilogue: epilogue(16, true),
    };
    time(level, part, "convolution 3x3 s2 224 x 224 x 3 -> 16".into(), 12544 * 27 * 16, || {
        kernel::convolution(isa, black_box(&layer), input, &[], &mut scratch, output);
    });

    let wide: Vec<u16> = (0..4096).map(|i| (i * 37 % 4096) as u16).collect();
    let mut out = vec![0.0; 4096];
    for (k, n) in [(960, 240), (960, 1280), (1280, 1000)] {
        let mut weights = vec![0; pack::dense_len(level, k, n)];
        pack::dense(level, &plain(k * n), k, n, &mut weights);
        let epilogue = epilogue(n, false);
        let layer = kernel::Dense { in_channels: k, out_channels: n, weights: &weights, epilogue, top: 4095 };
        time(level, part, format!("dense {k} -> {n}"), k * n, || {
            kernel::dense_reals(isa, black_box(&layer), RealActivation::Linear, &wide, &mut out);
        });
    }

    for shape in [Shape::new(28, 28, 120), Shape::new(7, 7, 960)] {
        let n = padded(shape.channels);
        let mut wide = vec![0u16; n];
        let layer = kernel::Mean { shape, fine: false, multiplier: &reals[..n], bias: &reals[..n], top: 4095 };
        time(level, part, format!("mean {} x {}", shape.pixels(), shape.channels), shape.len(), || {
            kernel::mean(isa, black_box(&layer), input, &mut wide);
        });
        let constants = &reals[..n];
        let activation = Activation::HardSwish { half: constants, zero: constants };
        let layer = kernel::Gate {
            shape,
            fine: [false; 2],
            multiplier: constants,
            zero: constants,
            bias: constants,
            activation,
        };
        time(level, part, format!("gate hard-swish {} x {}", shape.pixels(), shape.channels), shape.len(), || {
            kernel::gate(isa, black_box(&layer), input, &reals, output);
        });
        let layer = kernel::Add {
            shape,
            fine: [false; 3],
            first: constants,
            second: constants,
            bias: constants,
            activation: Activation::Linear,
        };
        time(level, part, format!("add {} x {}", shape.pixels(), shape.channels), shape.len(), || {
            kernel::add(isa, black_box(&layer), input, input, output);
        });
        let mut table = [0; 256];
        table.copy_from_slice(&input[..256]);
        let layer = kernel::Table { len: shape.len(), table: &table };
        time(level, part, format!("table {}", shape.len()), shape.len(), || {
            kernel::table(isa, black_box(&layer), input, output);
        });
    }
}
