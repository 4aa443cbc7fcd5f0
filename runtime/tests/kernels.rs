//! Every kernel of every instruction set equals the reference bit for bit: one list of cases for all.

mod shared;

use bakelite_runtime::isa::{self, Team};
use bakelite_runtime::kernel::{Tile, exp, sigmoid, softmax};
use bakelite_runtime::layer::{Shape, Window};
use bakelite_runtime::reference;
use shared::{Fill, Rescaling, STYLES, Style, bits};

const PIXELS: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 49];
const KS: [usize; 9] = [1, 2, 3, 4, 5, 16, 31, 72, 131];
const NS: [usize; 14] = [1, 3, 7, 8, 9, 15, 16, 17, 24, 33, 48, 63, 80, 131];

const SHAPES: [Shape; 11] = [
    Shape::new(1, 1, 1),
    Shape::new(1, 5, 3),
    Shape::new(3, 2, 15),
    Shape::new(2, 3, 16),
    Shape::new(5, 7, 17),
    Shape::new(7, 7, 24),
    Shape::new(4, 9, 40),
    Shape::new(3, 5, 63),
    Shape::new(3, 4, 64),
    Shape::new(6, 5, 72),
    Shape::new(8, 13, 131),
];

fn windows() -> Vec<Window> {
    let mut windows = Vec::new();
    for kernel in [[1, 1], [3, 3], [5, 5], [2, 3], [3, 5], [5, 3], [7, 7], [4, 1], [9, 2]] {
        for stride in [[1, 1], [2, 2], [3, 2], [1, 3]] {
            windows.push(Window { kernel, stride, dilation: [1, 1], pad: [kernel[0] / 2, kernel[1] / 2] });
        }
        windows.push(Window { kernel, stride: [1, 1], dilation: [2, 3], pad: [kernel[0], kernel[1]] });
        windows.push(Window { kernel, stride: [2, 1], dilation: [3, 1], pad: [0, 1] });
    }
    windows
}

/// Whether at least one tap row and column is there.
fn possible(shape: Shape, window: &Window) -> bool {
    let fits =
        |axis: usize, size: usize| size + 2 * window.pad[axis] > (window.kernel[axis] - 1) * window.dilation[axis];
    fits(0, shape.height) && fits(1, shape.width)
}

macro_rules! instruction_set {
    ($name:ident, $token:ty) => {
        mod $name {
            use super::*;

            fn token() -> Option<$token> {
                let token = <$token>::detect();
                if token.is_none() {
                    println!("skipped: this CPU has no {}", stringify!($name));
                }
                token
            }

            #[test]
            fn pointwise() {
                let Some(isa) = token() else { return };
                for (i, pixels) in PIXELS.into_iter().enumerate() {
                    for (j, k) in KS.into_iter().enumerate() {
                        for (l, n) in NS.into_iter().enumerate() {
                            shared::pointwise(isa, pixels, k, n, None, STYLES[(i + j + l) % STYLES.len()]);
                        }
                    }
                }
                for style in STYLES {
                    shared::pointwise(isa, 49, 960, 160, None, style);
                    for vectors in 0..=7 {
                        for rows in [0, 1, 4, 5, 6, 8, 9] {
                            shared::pointwise(isa, 23, 29, 75, Some(Tile { rows, vectors }), style);
                        }
                    }
                }
            }

            #[test]
            fn bands() {
                let Some(isa) = token() else { return };
                for seed in 0..if cfg!(target_arch = "x86_64") { 60 } else { 12 } {
                    shared::band::compare(isa, &mut Team::alone(), seed);
                }
                #[cfg(feature = "threads")]
                for threads in [2, 3] {
                    for seed in 100..110 {
                        shared::band::compare(isa, &mut Team::new(threads), seed);
                    }
                }
            }

            #[test]
            fn gated() {
                let Some(isa) = token() else { return };
                for (i, pixels) in PIXELS.into_iter().enumerate() {
                    for (j, k) in KS.into_iter().enumerate() {
                        for (l, n) in NS.into_iter().enumerate() {
                            let style = STYLES[(i + j + l) % STYLES.len()];
                            shared::gated(isa, pixels, k, n, (i + l) % 2 == 1, style, [0.0, 1.0]);
                        }
                    }
                }
                for style in STYLES {
                    shared::gated(isa, 49, 960, 160, false, style, [0.0, 1.0]);
                    // All gates shut, all open, and almost shut.
                    shared::gated(isa, 5, 70, 33, true, style, [0.0, 0.0]);
                    shared::gated(isa, 5, 70, 33, true, style, [1.0, 1.0]);
                    shared::gated(isa, 5, 70, 33, true, style, [1e-44, 1e-38]);
                    shared::gated(isa, 5, 70, 33, true, style, [0.0, 1e-30]);
                }
            }

            #[test]
            fn depthwise() {
                let Some(isa) = token() else { return };
                for (i, shape) in SHAPES.into_iter().enumerate() {
                    for (j, window) in windows().into_iter().enumerate() {
                        if possible(shape, &window) {
                            for fine_input in [false, true] {
                                let style = STYLES[(i + j + usize::from(fine_input)) % STYLES.len()];
                                shared::depthwise(isa, shape, window, fine_input, style);
                            }
                        }
                    }
                }
                for style in STYLES {
                    for kernel in [3, 5] {
                        let window =
                            |s| Window { kernel: [kernel; 2], stride: [s; 2], dilation: [1; 2], pad: [kernel / 2; 2] };
                        for (fine_input, channels) in [(false, 72), (true, 72), (true, 16)] {
                            shared::depthwise(isa, Shape::new(14, 14, channels), window(1), fine_input, style);
                            shared::depthwise(isa, Shape::new(14, 15, channels), window(2), fine_input, style);
                        }
                        // Rows that wide tiles fill, almost fill, or overlap in, and more of them than a strip has.
                        for width in [7, 13, 14, 20, 77] {
                            for channels in [28, 64, 104] {
                                shared::depthwise(isa, Shape::new(3, width, channels), window(1), false, style);
                                shared::depthwise(isa, Shape::new(5, 2 * width, channels), window(2), false, style);
                            }
                        }
                        // Rows of more narrow blocks than are interleaved at a time.
                        for channels in [16, 20] {
                            shared::depthwise(isa, Shape::new(3, 331, channels), window(1), false, style);
                            shared::depthwise(isa, Shape::new(4, 150, channels), window(2), false, style);
                        }
                    }
                }
            }

            #[test]
            fn convolution() {
                let Some(isa) = token() else { return };
                for (i, shape) in SHAPES.into_iter().enumerate() {
                    for (j, window) in windows().into_iter().enumerate() {
                        if possible(shape, &window) {
                            let n = NS[(i * 5 + j) % NS.len()];
                            shared::convolution(isa, shape, n, window, 1, STYLES[(i + j) % STYLES.len()]);
                        }
                    }
                }
                let window = Window { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pad: [1, 1] };
                for style in STYLES {
                    shared::convolution(isa, Shape::new(30, 31, 3), 16, window, 1, style);
                    shared::convolution(isa, Shape::new(7, 6, 24), 12, window, 4, style);
                    shared::convolution(isa, Shape::new(7, 6, 6), 18, window, 6, style);
                }
            }

            /// Where an instruction set has pixels as lanes: several tiles, rows that are no whole vectors, what pads on each side.
            #[test]
            fn pictures() {
                let Some(isa) = token() else { return };
                let mut style = STYLES.into_iter().cycle();
                for (size, n) in
                    [([3, 32], 16), ([5, 33], 32), ([9, 127], 48), ([4, 224], 16), ([6, 225], 17), ([7, 300], 16)]
                {
                    for (kernel, pad) in
                        [([3, 3], [1, 1]), ([3, 3], [0, 0]), ([3, 4], [2, 3]), ([3, 2], [1, 0]), ([3, 1], [3, 25])]
                    {
                        for dilation in [[1, 1], [2, 1]] {
                            let window = Window { kernel, stride: [2, 2], dilation, pad };
                            let (picture, style) = (Shape::new(size[0], size[1], 3), style.next().unwrap());
                            if possible(picture, &window) {
                                shared::convolution(isa, picture, n, window, 1, style);
                            }
                        }
                    }
                }
                let window = Window { kernel: [3, 3], stride: [1, 2], dilation: [1, 1], pad: [1, 1] };
                for style in STYLES {
                    shared::convolution(isa, Shape::new(11, 97, 3), 16, window, 1, style);
                }
                for rescaling in [Rescaling::Bias, Rescaling::Start, Rescaling::Fixed] {
                    for all in 0..4 {
                        let [hard_swish, fine] = [0, 1].map(|bit| all >> bit & 1 == 1);
                        let style = Style { hard_swish, rescaling, fine, ..STYLES[0] };
                        shared::convolution(isa, Shape::new(5, 130, 3), 32, window, 1, style);
                    }
                }
            }

            #[test]
            fn dense() {
                let Some(isa) = token() else { return };
                for style in STYLES {
                    for k in [1, 2, 3, 7, 16, 61, 240] {
                        for n in [1, 8, 15, 16, 17, 64, 72, 131] {
                            for top in [255, 4095, 32_767] {
                                shared::dense(isa, k, n, top, style);
                            }
                        }
                    }
                }
            }

            #[test]
            fn vectors_and_maps() {
                let Some(isa) = token() else { return };
                for shape in SHAPES.into_iter().chain([Shape::new(13, 17, 200)]) {
                    for fill in [Fill::Random, Fill::Low, Fill::High] {
                        shared::mean(isa, shape, false, fill);
                        shared::mean(isa, shape, true, fill);
                    }
                    for hard_swish in [false, true] {
                        for fine in 0..8 {
                            let fine = [0, 1, 2].map(|bit| fine >> bit & 1 == 1);
                            shared::gate(isa, shape, [fine[0], fine[1]], hard_swish);
                            shared::add(isa, shape, fine, hard_swish);
                        }
                    }
                    shared::table(isa, shape.len());
                    for window in windows() {
                        if possible(shape, &window) {
                            shared::max_pool(isa, shape, window);
                        }
                    }
                }
            }

            #[test]
            fn maps_without_weights() {
                let Some(isa) = token() else { return };
                for (i, shape) in SHAPES.into_iter().chain([Shape::new(13, 17, 200)]).enumerate() {
                    for fill in [Fill::Random, Fill::Low, Fill::High] {
                        for size in [[1, 1], [shape.height, shape.width], [3, 5], [2 * shape.height, 3 * shape.width]] {
                            shared::maps::resize(isa, shape, size, false, fill);
                            shared::maps::resize(isa, shape, size, true, fill);
                        }
                        shared::maps::product(isa, shape, fill);
                        shared::maps::arg_max(isa, shape, fill);
                        shared::maps::softmax_map(isa, shape, fill);
                    }
                    shared::maps::channel_tables(isa, shape);
                    shared::maps::spread(isa, shape);
                    for window in windows() {
                        if possible(shape, &window) {
                            let fill = [Fill::Random, Fill::High][i % 2];
                            shared::maps::average_pool(isa, shape, window, fill);
                        }
                    }
                }
                let wide = Window { kernel: [49, 49], stride: [16, 20], dilation: [1, 1], pad: [0, 0] };
                shared::maps::average_pool(isa, Shape::new(65, 70, 19), wide, Fill::High);
            }
        }
    };
}

instruction_set!(portable, isa::Portable);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, isa::Avx2);
#[cfg(target_arch = "x86_64")]
instruction_set!(avxvnni, isa::AvxVnni);
#[cfg(target_arch = "x86_64")]
instruction_set!(avxvnni_evex, isa::AvxVnniEvex);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx512vnni, isa::Avx512Vnni);
#[cfg(target_arch = "aarch64")]
instruction_set!(neon, isa::Neon);
#[cfg(target_arch = "aarch64")]
instruction_set!(neondot, isa::NeonDot);
#[cfg(target_arch = "aarch64")]
instruction_set!(i8mm, isa::I8mm);
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
instruction_set!(simd128, isa::Simd128);

#[test]
fn reals() {
    for i in -2_000_000..2_000_000 {
        let x = i as f32 * 1e-4;
        assert_eq!(exp(x).to_bits(), reference::exp(x).to_bits(), "exp({x})");
        assert_eq!(sigmoid(x).to_bits(), reference::sigmoid(x).to_bits(), "sigmoid({x})");
        let right = f64::from(x.clamp(-87.0, 88.0)).exp();
        assert!((f64::from(exp(x)) / right - 1.0).abs() < 3e-7, "exp({x}) = {} is not {right}", exp(x));
    }
    for len in [1, 2, 17, 1000] {
        let x: Vec<f32> = (0..len).map(|i| (i * i % 37) as f32 * 0.3 - 5.0).collect();
        let (mut ours, mut right) = (vec![0.0; len], vec![0.0; len]);
        softmax(&x, &mut ours);
        reference::softmax(&x, &mut right);
        assert_eq!(bits(&ours), bits(&right), "softmax of {len}");
        assert!((ours.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    softmax(&[], &mut []);
}

#[test]
fn moved_elements() {
    for shape in SHAPES {
        shared::maps::rearrange(shape, 1);
        shared::maps::rearrange(shape, 3);
    }
}

#[test]
fn vectors_in_reals() {
    for len in NS {
        shared::maps::vectors(len);
    }
}

/// Ties go to the even code, as the text says.
#[test]
fn ties() {
    for (y, q) in [(-0.5, 0), (0.5, 0), (1.5, 2), (2.5, 2), (254.5, 254), (255.5, 255), (-7.0, 0), (1e9, 255)] {
        assert_eq!(reference::code(y, 255), q, "{y}");
    }
}

#[test]
fn bands_that_do_not_fit() {
    shared::band::what_does_not_fit_computes_nothing();
}
