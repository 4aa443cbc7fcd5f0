//! Random layers, and one check per kind of layer: the kernel against the reference.
#![allow(dead_code)]

pub mod band;
pub mod maps;

use bakelite_runtime::isa::Isa;
use bakelite_runtime::kernel::{self, RealActivation, Tile};
use bakelite_runtime::layer::{Activation, Epilogue, Shape, Window, padded};
use bakelite_runtime::{pack, reference};

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// In lo…hi.
    pub fn real(&mut self, lo: f32, hi: f32) -> f32 {
        lo + (hi - lo) * (self.next() % 65_537) as f32 / 65_536.0
    }
}

/// What codes or weights look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    Random,
    Low,
    High,
}

pub fn codes(random: &mut Random, fill: Fill, len: usize) -> Vec<u8> {
    (0..len)
        .map(|_| match fill {
            Fill::Random => random.next() as u8,
            Fill::Low => 0,
            Fill::High => 255,
        })
        .collect()
}

pub fn weights(random: &mut Random, fill: Fill, len: usize) -> Vec<i8> {
    (0..len)
        .map(|_| match fill {
            Fill::Random => (random.below(255) as i32 - 127) as i8,
            Fill::Low => -127,
            Fill::High => 127,
        })
        .collect()
}

/// Owns what an [`Epilogue`] borrows.
pub struct Constants {
    offset: Vec<i32>,
    multiplier: Vec<f32>,
    bias: Option<Vec<f32>>,
    residual: Option<Vec<f32>>,
    hard_swish: Option<[Vec<f32>; 2]>,
    fine: bool,
    fine_residual: bool,
    shift: Option<Vec<i32>>,
}

/// Padded with zeros.
pub fn constants<T: Default + Clone>(n: usize, mut value: impl FnMut() -> T) -> Vec<T> {
    let mut values: Vec<T> = (0..n).map(|_| value()).collect();
    values.resize(padded(n), T::default());
    values
}

impl Constants {
    /// Codes that spread over 0…top and beyond for accumulators of about ±`reach`.
    pub fn new(random: &mut Random, n: usize, reach: f32, top: f32, residual: bool, hard_swish: bool) -> Self {
        // Three in units in which `(v − half)·(2·half)` reaches beyond the top.
        let three = 3.0 * (top / 42.0).sqrt();
        let spread = if hard_swish { 8.0 / 3.0 * three } else { 0.7 * top };
        let middle = if hard_swish { three } else { 0.5 * top };
        Self {
            offset: constants(n, || random.below(2001) as i32 - 1000),
            multiplier: constants(n, || random.real(0.2, 1.0) * spread / reach),
            bias: Some(constants(n, || middle + random.real(-0.2, 0.2) * spread)),
            residual: residual.then(|| constants(n, || random.real(-1.0, 1.0) * spread / 256.0)),
            hard_swish: hard_swish.then(|| {
                [constants(n, || random.real(0.7, 1.4) * three), constants(n, || random.real(0.0, 0.2) * top)]
            }),
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    pub fn activation(&self) -> Activation<'_> {
        match &self.hard_swish {
            None => Activation::Linear,
            Some([half, zero]) => Activation::HardSwish { half, zero },
        }
    }

    pub fn epilogue(&self) -> Epilogue<'_> {
        Epilogue {
            offset: &self.offset,
            multiplier: &self.multiplier,
            bias: self.bias.as_deref(),
            residual: self.residual.as_deref(),
            activation: self.activation(),
            fine: self.fine,
            fine_residual: self.fine_residual,
            shift: self.shift.as_deref(),
        }
    }

    /// Those of a layer of maps.
    fn of_map(random: &mut Random, n: usize, reach: f32, style: Style) -> Self {
        let top = if style.fine { 4095.0 } else { 255.0 };
        let fine_residual = style.residual == Some(2);
        let mut constants = Self::new(random, n, reach, top, style.residual.is_some(), style.hard_swish);
        if let (true, Some(factor)) = (fine_residual, &mut constants.residual) {
            factor.iter_mut().for_each(|factor| *factor /= 16.0);
        }
        let constants = Self { fine: style.fine, fine_residual, ..constants };
        match style.rescaling {
            Rescaling::Bias => constants,
            Rescaling::Start => constants.without_bias(),
            Rescaling::Fixed if style.fine || style.residual.is_some() => constants.without_bias(),
            Rescaling::Fixed => constants.without_bias().in_sixteen_bits(random, n, style.hard_swish),
        }
    }

    /// The same by way of 16 bits (eq. 43–46): u up to some 4000 with a hard-swish, and up to some hundreds without.
    fn in_sixteen_bits(mut self, random: &mut Random, n: usize, hard_swish: bool) -> Self {
        let three = 1100.0;
        let unit = if hard_swish { three / (3.0 * (255.0f32 / 42.0).sqrt()) } else { 1.0 };
        let mut shift = constants(n, || random.below(17) as i32);
        for (shift, multiplier) in shift.iter_mut().zip(&mut self.multiplier) {
            let wanted = *multiplier * unit;
            // Any shift is right; the one that leaves a factor of 14 bits loses least.
            let mut best = 0;
            while best < 16 && wanted * 2f32.powi(31 - best) >= 16384.0 {
                best += 1;
            }
            *shift = if *shift == 3 { *shift } else { best };
            *multiplier = (wanted * 2f32.powi(31 - *shift)).round().clamp(0.0, 16383.0);
        }
        self.shift = Some(shift);
        if let Some([half, zero]) = &mut self.hard_swish {
            half.iter_mut().for_each(|half| *half = (*half * unit).round().min(16383.0));
            zero.iter_mut().for_each(|zero| *zero = zero.round());
        }
        self
    }

    /// The bias as whole steps of the accumulator.
    fn without_bias(mut self) -> Self {
        let steps = self.bias.take().into_iter().flatten().zip(&self.multiplier);
        for (offset, (bias, multiplier)) in self.offset.iter_mut().zip(steps) {
            *offset += (bias / multiplier.max(1e-9)) as i32;
        }
        self
    }

    /// The same with the offset that the level needs.
    fn shifted<I: Isa>(&self, kind: pack::Kind, weights: &[i8], k: usize, n: usize) -> Vec<i32> {
        let mut offset = self.offset.clone();
        pack::offset(I::LEVEL, kind, weights, k, n, &mut offset);
        offset
    }
}

/// First difference, for the message.
pub fn differ<T: PartialEq + std::fmt::Debug>(ours: &[T], right: &[T], case: &dyn std::fmt::Debug) {
    assert_eq!(ours.len(), right.len(), "{case:?}");
    if let Some(at) = (0..ours.len()).find(|&i| ours[i] != right[i]) {
        panic!("{case:?}: element {at} is {:?}, the reference says {:?}", ours[at], right[at]);
    }
}

/// How accumulators become codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescaling {
    /// With a bias after the factor.
    Bias,
    /// With a bias where the accumulator starts.
    Start,
    /// By way of 16 bits.
    Fixed,
}

#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub inputs: Fill,
    pub weights: Fill,
    /// Planes of the map that is added.
    pub residual: Option<usize>,
    pub hard_swish: bool,
    pub rescaling: Rescaling,
    /// Of the output (eq. 37).
    pub fine: bool,
}

pub const STYLES: [Style; 16] = {
    use Fill::*;
    use Rescaling::*;
    [
        style([Random, Random], None, false, Start, false),
        style([Random, Random], Some(1), true, Bias, false),
        style([Random, Random], None, true, Start, false),
        style([High, Low], Some(1), false, Start, false),
        style([High, High], None, true, Bias, false),
        style([Low, Random], None, false, Bias, false),
        style([Random, Random], None, false, Start, true),
        style([High, High], None, true, Bias, true),
        style([Random, Random], Some(2), true, Start, false),
        style([Random, Random], Some(1), false, Bias, true),
        style([Random, High], Some(2), false, Bias, true),
        style([Random, Random], None, false, Fixed, false),
        style([Random, Random], None, true, Fixed, false),
        style([High, High], None, true, Fixed, false),
        style([High, Low], None, false, Fixed, false),
        style([Low, Random], None, true, Fixed, false),
    ]
};

/// Inputs and weights, planes of the map that is added, whether there is a hard-swish, rescaling, whether the output is fine.
const fn style(
    [inputs, weights]: [Fill; 2],
    residual: Option<usize>,
    hard_swish: bool,
    rescaling: Rescaling,
    fine: bool,
) -> Style {
    Style { inputs, weights, residual, hard_swish, rescaling, fine }
}

impl Style {
    /// About the size of an accumulator of `k` products.
    fn reach(&self, k: usize, code: f32) -> f32 {
        match self.weights {
            Fill::Random => 64.0 * code * (k as f32).sqrt() + 1000.0,
            _ => 127.0 * code * k as f32 / 2.0,
        }
    }
}

pub fn pointwise<I: Isa>(isa: I, pixels: usize, k: usize, n: usize, tile: Option<Tile>, style: Style) {
    let random = &mut Random::new((pixels * 31 + k * 7 + n) as u64);
    let plain = weights(random, style.weights, n * k);
    let input = codes(random, style.inputs, pixels * k);
    let added = codes(random, Fill::Random, style.residual.map_or(0, |planes| pixels * n * planes));
    let constants = Constants::of_map(random, n, style.reach(k, 150.0), style);
    let tile = tile.unwrap_or(Tile::best(I::LEVEL, pixels, n));

    let planes = if style.fine { 2 } else { 1 };
    let mut right = vec![0; pixels * n * planes];
    let layer = reference::Convolution {
        input: Shape::new(1, pixels, k),
        output: Shape::new(1, pixels, n * planes),
        window: Window::POINT,
        groups: 1,
        fine_input: false,
        weights: &plain,
        pad_code: &vec![0; k],
        epilogue: constants.epilogue(),
    };
    reference::convolution(&layer, &input, &added, &mut right);

    let mut packed = vec![0; pack::pointwise_len(I::LEVEL, k, n)];
    pack::pointwise(I::LEVEL, &plain, k, n, &mut packed);
    let offset = constants.shifted::<I>(pack::Kind::Pointwise, &plain, k, n);
    let epilogue = Epilogue { offset: &offset, ..constants.epilogue() };
    // What is prefetched does not matter; its length decides how.
    let ahead = &packed;
    let layer = kernel::Pointwise { pixels, in_channels: k, out_channels: n, weights: &packed, epilogue, tile, ahead };
    let mut ours = vec![77; pixels * n * planes];
    kernel::pointwise(isa, &layer, &input, &added, &mut ours);
    differ(&ours, &right, &("pointwise", I::LEVEL, pixels, k, n, tile, style));
}

/// `k` are the channels of one plane; of a `fine_input` there are two.
pub fn gated<I: Isa>(isa: I, pixels: usize, k: usize, n: usize, fine_input: bool, style: Style, gates: [f32; 2]) {
    let (gate_count, k) = if fine_input { (k, 2 * k) } else { (k, k) };
    let random = &mut Random::new((pixels * 37 + k * 5 + n) as u64);
    let plain = weights(random, style.weights, n * k);
    let input = codes(random, style.inputs, pixels * k);
    let added = codes(random, Fill::Random, style.residual.map_or(0, |planes| pixels * n * planes));
    // What is gated is rescaled in f32.
    let style =
        if style.rescaling == Rescaling::Fixed { Style { rescaling: Rescaling::Start, ..style } } else { style };
    let mut constants = Constants::of_map(random, n, style.reach(k, 150.0), style);
    let zero: Vec<f32> = (0..k).map(|_| random.below(256) as f32).collect();
    let factor: Vec<f32> = (0..k).map(|_| random.real(0.001, 3.0)).collect();
    let gate: Vec<f32> = (0..gate_count).map(|_| random.real(gates[0], gates[1])).collect();
    constants.multiplier.iter_mut().for_each(|m| *m *= 1.5);

    let planes = if style.fine { 2 } else { 1 };
    let mut right = vec![0; pixels * n * planes];
    let epilogue = constants.epilogue();
    let layer = reference::Gated {
        pixels,
        fine_input,
        weights: &plain,
        factor: &factor,
        zero: &zero,
        out_channels: n,
        epilogue,
    };
    reference::gated(&layer, &input, &gate, &added, &mut right);

    let mut packed = vec![0; pack::gated_len(I::LEVEL, k, n)];
    pack::gated(I::LEVEL, &plain, k, n, &mut packed);
    let layer = kernel::Gated {
        pixels,
        in_channels: k,
        fine_input,
        out_channels: n,
        weights: &packed,
        factor: &factor,
        zero: &zero,
        epilogue: constants.epilogue(),
        tile: Tile::best(I::LEVEL, pixels, n),
    };
    let mut ours = vec![77; pixels * n * planes];
    let mut scratch = vec![99; kernel::gated_scratch_len(I::LEVEL, k, n)];
    kernel::gated(isa, &layer, &input, &gate, &added, &mut scratch, &mut ours);
    differ(&ours, &right, &("gated", I::LEVEL, pixels, k, n, fine_input, style, gates));
}

/// The output map that the window's padding and one pixel of padding after give.
pub fn output(input: Shape, window: &Window, channels: usize) -> Shape {
    let size = |axis: usize, size: usize| {
        let reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        ((size + 2 * window.pad[axis]).saturating_sub(reach)) / window.stride[axis] + 1
    };
    Shape::new(size(0, input.height), size(1, input.width), channels)
}

/// `input` has the channels of one plane; of a `fine_input` there are two.
pub fn depthwise<I: Isa>(isa: I, input: Shape, window: Window, fine_input: bool, style: Style) {
    let channels = input.channels;
    let [planes_in, planes] = [fine_input, style.fine].map(|fine| if fine { 2 } else { 1 });
    let input = Shape { channels: planes_in * channels, ..input };
    let random = &mut Random::new((input.len() + window.taps()) as u64);
    let output = output(input, &window, channels * planes);
    let taps = planes_in * window.taps();
    let plain = weights(random, style.weights, channels * taps);
    let x = codes(random, style.inputs, input.len());
    let pad_code = codes(random, Fill::Random, input.channels);
    let added = codes(random, Fill::Random, style.residual.map_or(0, |all| output.len() / planes * all));
    let reach = style.reach(taps, 150.0);
    let constants = Constants::of_map(random, channels, reach, style);

    let mut right = vec![0; output.len()];
    let layer = reference::Convolution {
        input,
        output,
        window,
        groups: channels,
        fine_input,
        weights: &plain,
        pad_code: &pad_code,
        epilogue: constants.epilogue(),
    };
    reference::convolution(&layer, &x, &added, &mut right);

    let kernel = [planes_in * window.kernel[0], window.kernel[1]];
    let mut packed = vec![0; pack::depthwise_len(I::LEVEL, channels, kernel)];
    pack::depthwise(I::LEVEL, &plain, channels, kernel, &mut packed);
    let offset = constants.shifted::<I>(pack::Kind::Depthwise, &plain, taps, channels);
    let epilogue = Epilogue { offset: &offset, ..constants.epilogue() };
    let layer = kernel::Depthwise { input, output, window, weights: &packed, pad_code: &pad_code, epilogue };
    let mut ours = vec![77; output.len()];
    kernel::depthwise(isa, &layer, &x, &added, &mut ours);
    differ(&ours, &right, &("depthwise", I::LEVEL, input, window, style));
}

pub fn convolution<I: Isa>(isa: I, input: Shape, n: usize, window: Window, groups: usize, style: Style) {
    let random = &mut Random::new((input.len() * 3 + n + window.taps()) as u64);
    let planes = if style.fine { 2 } else { 1 };
    let output = output(input, &window, planes * n);
    let k = window.taps() * input.channels / groups;
    let plain = weights(random, style.weights, n * k);
    let x = codes(random, style.inputs, input.len());
    let pad_code = codes(random, Fill::Random, input.channels);
    let added = codes(random, Fill::Random, style.residual.map_or(0, |all| output.len() / planes * all));
    let constants = Constants::of_map(random, n, style.reach(k, 150.0), style);

    let mut right = vec![0; output.len()];
    let layer = reference::Convolution {
        input,
        output,
        window,
        groups,
        fine_input: false,
        weights: &plain,
        pad_code: &pad_code,
        epilogue: constants.epilogue(),
    };
    reference::convolution(&layer, &x, &added, &mut right);

    let (kind, mut packed);
    if groups == 1 {
        kind = pack::Kind::Convolution;
        let rows = [window.kernel[0], window.kernel[1] * input.channels];
        packed = vec![0; pack::convolution_len(I::LEVEL, rows, n)];
        pack::convolution(I::LEVEL, &plain, rows, n, &mut packed);
    } else {
        kind = pack::Kind::Grouped;
        packed = vec![0; plain.len()];
        pack::grouped(&plain, &mut packed);
    }
    let offset = constants.shifted::<I>(kind, &plain, k, n);
    let epilogue = Epilogue { offset: &offset, ..constants.epilogue() };
    let layer = kernel::Convolution { input, output, window, groups, weights: &packed, pad_code: &pad_code, epilogue };
    let mut ours = vec![77; output.len()];
    let mut scratch = vec![99; layer.scratch_len()];
    kernel::convolution(isa, &layer, &x, &added, &mut scratch, &mut ours);
    differ(&ours, &right, &("convolution", I::LEVEL, input, n, window, groups, style));
}

pub fn dense<I: Isa>(isa: I, k: usize, n: usize, top: u16, style: Style) {
    let random = &mut Random::new((k * 3 + n) as u64);
    let plain = weights(random, style.weights, n * k);
    let input: Vec<u16> = (0..k)
        .map(|_| match style.inputs {
            Fill::Random => random.below(usize::from(top) + 1) as u16,
            Fill::Low => 0,
            Fill::High => top,
        })
        .collect();
    let reach = style.reach(k, f32::from(top) * 0.6);
    let constants = Constants::new(random, n, reach, f32::from(top), false, style.hard_swish);
    let mut packed = vec![0; pack::dense_len(I::LEVEL, k, n)];
    pack::dense(I::LEVEL, &plain, k, n, &mut packed);
    let offset = constants.shifted::<I>(pack::Kind::Dense, &plain, k, n);
    let right_layer =
        reference::Dense { in_channels: k, out_channels: n, weights: &plain, epilogue: constants.epilogue(), top };
    let epilogue = Epilogue { offset: &offset, ..constants.epilogue() };
    let layer = kernel::Dense { in_channels: k, out_channels: n, weights: &packed, epilogue, top };

    let (mut ours, mut right) = (vec![77; n], vec![0; n]);
    reference::dense_codes(&right_layer, &input, &mut right);
    kernel::dense_codes(isa, &layer, &input, &mut ours);
    differ(&ours, &right, &("dense_codes", I::LEVEL, k, n, top, style));
    for activation in [RealActivation::Linear, RealActivation::Clip { lo: 0.0, hi: 1000.0 }, RealActivation::Sigmoid] {
        let (mut ours, mut right) = (vec![77.0; n], vec![0.0; n]);
        reference::dense_reals(&right_layer, activation, &input, &mut right);
        kernel::dense_reals(isa, &layer, activation, &input, &mut ours);
        differ(&bits(&ours), &bits(&right), &("dense_reals", I::LEVEL, k, n, top, activation, style));
    }
}

pub fn bits(reals: &[f32]) -> Vec<u32> {
    reals.iter().map(|x| x.to_bits()).collect()
}

/// `shape` has the channels of one plane.
pub fn mean<I: Isa>(isa: I, shape: Shape, fine: bool, fill: Fill) {
    let random = &mut Random::new(shape.len() as u64);
    let n = shape.channels;
    let multiplier = constants(n, || random.real(0.5, 1.1) * 16.0 / shape.pixels() as f32);
    let bias = constants(n, || random.real(-300.0, 300.0));
    let shape = Shape { channels: if fine { 2 * n } else { n }, ..shape };
    let layer = kernel::Mean { shape, fine, multiplier: &multiplier, bias: &bias, top: 4095 };
    let x = codes(random, fill, shape.len());
    let (mut ours, mut right) = (vec![77; n], vec![0; n]);
    reference::mean(&layer, &x, &mut right);
    kernel::mean(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("mean", I::LEVEL, shape, fine, fill));
    let (mut ours, mut right) = (vec![77.0; n], vec![0.0; n]);
    reference::mean_reals(&layer, &x, &mut right);
    kernel::mean_reals(isa, &layer, &x, &mut ours);
    differ(&bits(&ours), &bits(&right), &("mean_reals", I::LEVEL, shape, fine, fill));
}

pub fn gate<I: Isa>(isa: I, shape: Shape, fine: [bool; 2], hard_swish: bool) {
    let random = &mut Random::new(shape.len() as u64);
    let n = shape.channels;
    let constant = Constants::new(random, n, 200.0, 255.0, false, hard_swish);
    let zero = constants(n, || random.below(256) as f32);
    let gate: Vec<f32> = (0..n).map(|_| random.real(0.0, 1.0)).collect();
    let layer = kernel::Gate {
        shape,
        fine,
        multiplier: &constant.multiplier,
        zero: &zero,
        bias: constant.bias.as_deref().unwrap(),
        activation: constant.activation(),
    };
    let [from, to] = fine.map(|fine| if fine { 2 * shape.len() } else { shape.len() });
    let x = codes(random, Fill::Random, from);
    let (mut ours, mut right) = (vec![77; to], vec![0; to]);
    reference::gate(&layer, &x, &gate, &mut right);
    kernel::gate(isa, &layer, &x, &gate, &mut ours);
    differ(&ours, &right, &("gate", I::LEVEL, shape, fine, hard_swish));
}

pub fn add<I: Isa>(isa: I, shape: Shape, fine: [bool; 3], hard_swish: bool) {
    let random = &mut Random::new(shape.len() as u64);
    let n = shape.channels;
    let constant = Constants::new(random, n, 200.0, 255.0, false, hard_swish);
    let second = constants(n, || random.real(-1.0, 1.0) * if hard_swish { 0.04 } else { 1.0 });
    let layer = kernel::Add {
        shape,
        fine,
        first: &constant.multiplier,
        second: &second,
        bias: constant.bias.as_deref().unwrap(),
        activation: constant.activation(),
    };
    let [a, b, to] = fine.map(|fine| if fine { 2 * shape.len() } else { shape.len() });
    let x = [codes(random, Fill::Random, a), codes(random, Fill::Random, b)];
    let (mut ours, mut right) = (vec![77; to], vec![0; to]);
    reference::add(&layer, &x[0], &x[1], &mut right);
    kernel::add(isa, &layer, &x[0], &x[1], &mut ours);
    differ(&ours, &right, &("add", I::LEVEL, shape, fine, hard_swish));
}

pub fn table<I: Isa>(isa: I, len: usize) {
    let random = &mut Random::new(len as u64);
    let table: [u8; 256] = codes(random, Fill::Random, 256).try_into().unwrap();
    let x = codes(random, Fill::Random, len);
    let (mut ours, mut right) = (vec![77; len], vec![0; len]);
    reference::table(&table, &x, &mut right);
    kernel::table(isa, &kernel::Table { len, table: &table }, &x, &mut ours);
    differ(&ours, &right, &("table", I::LEVEL, len));
}

pub fn max_pool<I: Isa>(isa: I, input: Shape, window: Window) {
    let random = &mut Random::new(input.len() as u64);
    let layer = kernel::MaxPool { input, output: output(input, &window, input.channels), window };
    let x = codes(random, Fill::Random, input.len());
    let (mut ours, mut right) = (vec![77; layer.output.len()], vec![0; layer.output.len()]);
    reference::max_pool(&layer, &x, &mut right);
    kernel::max_pool(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("max_pool", I::LEVEL, layer));
}
