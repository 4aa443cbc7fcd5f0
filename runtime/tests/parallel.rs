//! Layers shared by threads: the bits of one thread, whatever the number of threads.

#![cfg(feature = "threads")]

use bakelite_runtime::isa::{self, Isa, Team};
use bakelite_runtime::kernel::{self, RealActivation, Tile};
use bakelite_runtime::layer::{Activation, Epilogue, Shape, Window, padded};
use bakelite_runtime::{pack, parallel};

/// Any bytes: xorshift64.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Per-channel constants of a layer of `n` channels.
struct Constants {
    offset: Vec<i32>,
    floats: [Vec<f32>; 5],
    /// For 16 bits.
    shift: Vec<i32>,
    whole: [Vec<f32>; 3],
}

impl Constants {
    fn new(n: usize, multiplier: f32) -> Self {
        let real = |seed, lo: f32, hi: f32| {
            bytes(seed, padded(n)).iter().map(|&b| lo + (hi - lo) * f32::from(b) / 255.0).collect()
        };
        Self {
            offset: bytes(9, padded(n)).iter().map(|&b| i32::from(b) - 128).collect(),
            floats: [
                real(1, 0.5 * multiplier, multiplier),
                real(2, 0.0, 6.0),
                real(3, -0.1, 0.1),
                real(4, 2.0, 8.0),
                real(5, 0.0, 40.0),
            ],
            shift: bytes(6, padded(n)).iter().map(|&b| 8 + i32::from(b % 8)).collect(),
            whole: [real(7, 500.0, 9000.0), real(8, 500.0, 2000.0), real(9, 0.0, 40.0)]
                .map(|whole: Vec<f32>| whole.into_iter().map(f32::round).collect()),
        }
    }

    fn epilogue(&self, residual: bool, hard_swish: bool) -> Epilogue<'_> {
        let [multiplier, bias, factor, half, zero] = &self.floats;
        Epilogue {
            offset: &self.offset,
            multiplier,
            bias: Some(bias),
            residual: residual.then_some(&factor[..]),
            activation: if hard_swish { Activation::HardSwish { half, zero } } else { Activation::Linear },
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }
}

impl Constants {
    /// By way of 16 bits.
    fn fixed(&self, hard_swish: bool) -> Epilogue<'_> {
        let [multiplier, half, zero] = &self.whole;
        Epilogue {
            multiplier,
            bias: None,
            activation: if hard_swish { Activation::HardSwish { half, zero } } else { Activation::Linear },
            shift: Some(&self.shift),
            ..self.epilogue(false, false)
        }
    }
}

/// Every layer alone and by a team, at shapes that divide badly.
fn compare<I: Isa>(isa: I, team: &mut Team) {
    let parts = team.parts();
    for (pixels, k, n) in [(1, 16, 16), (7, 5, 3), (49, 20, 72), (113, 33, 40), (784, 16, 64)] {
        let constants = Constants::new(n, 0.01);
        let (x, added) = (bytes(3, pixels * k), bytes(4, 2 * pixels * n));
        let mut weights = vec![0; pack::pointwise_len(I::LEVEL, k, n)];
        let plain: Vec<i8> = bytes(5, n * k).iter().map(|&b| b as i8 / 2).collect();
        pack::pointwise(I::LEVEL, &plain, k, n, &mut weights);
        for (fixed, residual, fine, fine_residual) in [
            (false, false, false, false),
            (true, false, false, false),
            (false, true, false, false),
            (false, false, true, false),
            (false, true, true, true),
            (false, true, false, true),
        ] {
            let layer = kernel::Pointwise {
                pixels,
                in_channels: k,
                out_channels: n,
                weights: &weights,
                epilogue: if fixed {
                    constants.fixed(pixels % 2 == 0)
                } else {
                    Epilogue { fine, fine_residual, ..constants.epilogue(residual, !residual) }
                },
                tile: Tile::best(I::LEVEL, pixels, n),
                ahead: &weights,
            };
            let len = pixels * n * layer.epilogue.planes();
            let added = if residual { added.get(..layer.epilogue.added(len)).unwrap_or(&added) } else { &[] };
            let (mut one, mut all) = (vec![7; len], vec![9; len]);
            kernel::pointwise(isa, &layer, &x, added, &mut one);
            parallel::pointwise(isa, team, &layer, &x, added, &mut all);
            assert_eq!(one, all, "pointwise {:?} {pixels} {k} {n} {parts}", I::LEVEL);
        }
    }
    for (side, channels, size, stride) in [(1, 16, 3, 1), (5, 16, 5, 2), (7, 72, 5, 1), (13, 40, 3, 2), (28, 20, 3, 1)]
    {
        let input = Shape::new(side, side + 1, channels);
        let window = Window { kernel: [size; 2], stride: [stride; 2], dilation: [1, 1], pad: [size / 2; 2] };
        let output = Shape::new((side - 1) / stride + 1, side / stride + 1, channels);
        let (x, pad_code) = (bytes(6, input.len()), bytes(7, channels));
        let mut weights = vec![0; pack::depthwise_len(I::LEVEL, channels, window.kernel)];
        let plain: Vec<i8> = bytes(8, channels * window.taps()).iter().map(|&b| b as i8 / 2).collect();
        pack::depthwise(I::LEVEL, &plain, channels, window.kernel, &mut weights);
        let constants = Constants::new(channels, 0.01);
        let epilogue = constants.epilogue(false, true);
        let layer = kernel::Depthwise { input, output, window, weights: &weights, pad_code: &pad_code, epilogue };
        let (mut one, mut all) = (vec![7; output.len()], vec![9; output.len()]);
        kernel::depthwise(isa, &layer, &x, &[], &mut one);
        parallel::depthwise(isa, team, &layer, &x, &[], &mut all);
        assert_eq!(one, all, "depthwise {:?} {side} {channels} {size} {stride} {parts}", I::LEVEL);
        let layer = kernel::Depthwise { epilogue: constants.fixed(side > 5), ..layer };
        kernel::depthwise(isa, &layer, &x, &[], &mut one);
        parallel::depthwise(isa, team, &layer, &x, &[], &mut all);
        assert_eq!(one, all, "depthwise, 16 bits {:?} {side} {channels} {size} {stride} {parts}", I::LEVEL);
        // From two planes to two planes.
        let [input, output] = [input, output].map(|shape| Shape { channels: 2 * channels, ..shape });
        let kernel = [2 * size, size];
        let (x, pad_code) = (bytes(6, input.len()), bytes(7, 2 * channels));
        let mut weights = vec![0; pack::depthwise_len(I::LEVEL, channels, kernel)];
        pack::depthwise(I::LEVEL, &[&plain[..], &plain].concat(), channels, kernel, &mut weights);
        let epilogue = Epilogue { fine: true, ..layer.epilogue };
        let layer = kernel::Depthwise { input, output, window, weights: &weights, pad_code: &pad_code, epilogue };
        let (mut one, mut all) = (vec![7; output.len()], vec![9; output.len()]);
        kernel::depthwise(isa, &layer, &x, &[], &mut one);
        parallel::depthwise(isa, team, &layer, &x, &[], &mut all);
        assert_eq!(one, all, "fine depthwise {:?} {side} {channels} {size} {stride} {parts}", I::LEVEL);

        let (input, n) = (Shape::new(side, side + 20, 3), channels);
        let output = Shape::new((side - 1) / stride + 1, (side + 19) / stride + 1, n);
        let (x, rows) = (bytes(6, input.len()), [size, size * 3]);
        let mut weights = vec![0; pack::convolution_len(I::LEVEL, rows, n)];
        let plain: Vec<i8> = bytes(8, n * size * size * 3).iter().map(|&b| b as i8 / 2).collect();
        pack::convolution(I::LEVEL, &plain, rows, n, &mut weights);
        let epilogue = constants.epilogue(false, false);
        let pad_code = &pad_code;
        let layer = kernel::Convolution { input, output, window, groups: 1, weights: &weights, pad_code, epilogue };
        let (mut one, mut all) = (vec![7; output.len()], vec![9; output.len()]);
        let mut scratch = vec![0; layer.scratch_len()];
        kernel::convolution(isa, &layer, &x, &[], &mut scratch, &mut one);
        parallel::convolution(isa, team, &layer, &x, &[], &mut scratch, &mut all);
        assert_eq!(one, all, "convolution {:?} {side} {n} {size} {stride} {parts}", I::LEVEL);
    }
    for (k, n) in [(3, 1), (16, 64), (40, 65), (72, 200), (31, 1000)] {
        let constants = Constants::new(n, 0.01);
        let input: Vec<u16> = bytes(3, k).iter().map(|&b| u16::from(b) * 16).collect();
        let mut weights = vec![0; pack::dense_len(I::LEVEL, k, n)];
        let plain: Vec<i8> = bytes(5, n * k).iter().map(|&b| b as i8 / 2).collect();
        pack::dense(I::LEVEL, &plain, k, n, &mut weights);
        let epilogue = constants.epilogue(false, k == 40);
        let layer = kernel::Dense { in_channels: k, out_channels: n, weights: &weights, epilogue, top: 4095 };
        let (mut one, mut all) = (vec![7; n], vec![9; n]);
        kernel::dense_codes(isa, &layer, &input, &mut one);
        parallel::dense_codes(isa, team, &layer, &input, &mut all);
        assert_eq!(one, all, "dense {:?} {k} {n} {parts}", I::LEVEL);
        let (mut one, mut all) = (vec![7.0; n], vec![9.0; n]);
        kernel::dense_reals(isa, &layer, RealActivation::Sigmoid, &input, &mut one);
        parallel::dense_reals(isa, team, &layer, RealActivation::Sigmoid, &input, &mut all);
        assert_eq!(one, all, "dense {:?} {k} {n} {parts}", I::LEVEL);
    }
    for (pixels, k, n) in [(1, 4, 3), (7, 70, 33), (49, 96, 40), (60, 24, 160), (113, 8, 64)] {
        let constants = Constants::new(n, 0.01);
        let (factor, gate) =
            (&constants.floats[3], &bytes(2, k).iter().map(|&b| f32::from(b) / 255.0).collect::<Vec<_>>());
        let factor: Vec<f32> = (0..k).map(|c| factor[c % factor.len()]).collect();
        let zero: Vec<f32> = bytes(6, k).iter().map(|&b| f32::from(b)).collect();
        let (x, added) = (bytes(3, pixels * k), bytes(4, 2 * pixels * n));
        let mut weights = vec![0; pack::gated_len(I::LEVEL, k, n)];
        let plain: Vec<i8> = bytes(5, n * k).iter().map(|&b| b as i8 / 2).collect();
        pack::gated(I::LEVEL, &plain, k, n, &mut weights);
        for (residual, fine, fine_input) in [(false, false, false), (true, false, true), (true, true, false)] {
            let layer = kernel::Gated {
                pixels,
                in_channels: k,
                fine_input,
                out_channels: n,
                weights: &weights,
                factor: &factor,
                zero: &zero,
                epilogue: Epilogue { fine, fine_residual: fine, ..constants.epilogue(residual, !residual) },
                tile: Tile::best(I::LEVEL, pixels, n),
            };
            let len = pixels * n * layer.epilogue.planes();
            let added = if residual { added.get(..layer.epilogue.added(len)).unwrap_or(&added) } else { &[] };
            let mut scratch = vec![99; kernel::gated_scratch_len(I::LEVEL, k, n)];
            let (mut one, mut all) = (vec![7; len], vec![9; len]);
            kernel::gated(isa, &layer, &x, gate, added, &mut scratch, &mut one);
            scratch.fill(77);
            parallel::gated(isa, team, &layer, [&x, added], gate, &mut scratch, &mut all);
            assert!(one.iter().any(|&code| code != one[0]) || len < 8, "gated {pixels} {k} {n}: all the same");
            assert_eq!(one, all, "gated {:?} {pixels} {k} {n} {parts}", I::LEVEL);
        }
    }
    for (pixels, n) in [(1, 3), (49, 40), (100, 72)] {
        let constants = Constants::new(n, 1.5);
        let [multiplier, bias, second, _, zero] = &constants.floats;
        let (shape, activation) = (Shape::new(1, pixels, n), constants.epilogue(false, true).activation);
        let (x, other) = (bytes(3, 2 * pixels * n), bytes(4, 2 * pixels * n));
        for fine in [[false; 3], [true; 3], [true, false, false], [false, true, true]] {
            let (mut one, mut all) = (vec![7; 2 * pixels * n], vec![7; 2 * pixels * n]);
            let layer = kernel::Gate { shape, fine: [fine[0], fine[2]], multiplier, zero, bias, activation };
            kernel::gate(isa, &layer, &x, second, &mut one);
            parallel::gate(isa, team, &layer, &x, second, &mut all);
            assert_eq!(one, all, "gate {:?} {pixels} {n} {fine:?} {parts}", I::LEVEL);
            let (mut one, mut all) = (vec![7; 2 * pixels * n], vec![7; 2 * pixels * n]);
            let layer = kernel::Add { shape, fine, first: multiplier, second, bias, activation };
            kernel::add(isa, &layer, &x, &other, &mut one);
            parallel::add(isa, team, &layer, &x, &other, &mut all);
            assert_eq!(one, all, "add {:?} {pixels} {n} {fine:?} {parts}", I::LEVEL);
        }
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bits() {
    for threads in [1, 2, 3, 5] {
        let mut team = Team::new(threads);
        assert_eq!(team.parts(), threads);
        if let Some(isa) = isa::Portable::detect() {
            compare(isa, &mut team);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(isa) = isa::Avx2::detect() {
            compare(isa, &mut team);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(isa) = isa::Avx512Vnni::detect() {
            compare(isa, &mut team);
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(isa) = isa::Neon::detect() {
            compare(isa, &mut team);
        }
    }
}

#[test]
fn pieces_cover_everything_once() {
    for threads in [1, 2, 3, 4] {
        let mut team = Team::new(threads);
        for (len, unit) in [(0, 4), (1, 8), (100, 7), (64, 64), (1000, 1), (10, 0)] {
            let mut counts = vec![0_u8; len];
            team.share(&mut counts, unit, |_, start, piece| {
                assert!(piece.is_empty() || unit == 0 || start % unit == 0);
                for count in piece {
                    *count += 1;
                }
            });
            assert!(counts.iter().all(|&count| count == 1), "{len} {unit} {threads}");
        }
    }
}

#[test]
fn a_team_sleeps_and_wakes() {
    let mut team = Team::new(2);
    for _ in 0..3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut sum = [0_u32; 2];
        team.share(&mut sum, 1, |part, _, piece| piece.fill(part as u32 + 1));
        assert_eq!(sum, [1, 2]);
    }
}
