//! Layers computed band by band: the bits of whole maps, whatever the number of rows and of threads.

use super::{Fill, Random, codes, weights};
use bakelite_runtime::band::{self, Band, Layer};
use bakelite_runtime::isa::{self, Isa, Level, Team};
use bakelite_runtime::kernel::{self, Convolution, Depthwise, Pointwise, Tile};
use bakelite_runtime::layer::{Activation, Epilogue, Shape, Window, padded};
use bakelite_runtime::pack;

/// A layer's own numbers.
struct Numbers {
    kind: Kind,
    input: Shape,
    output: Shape,
    window: Window,
    packed: Vec<u8>,
    pad_code: Vec<u8>,
    offset: Vec<i32>,
    multiplier: Vec<f32>,
    factor: Vec<f32>,
    half: Vec<f32>,
    /// Whole numbers that take the place of those, where rescaling is in 16 bits.
    shift: Vec<i32>,
    whole: [Vec<f32>; 3],
    fixed: bool,
    fine: bool,
    added: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Pointwise,
    Depthwise,
    Convolution,
}

impl Numbers {
    /// A layer that reads `input`, which has two planes if it is `fine`.
    fn new(random: &mut Random, level: Level, kind: Kind, input: Shape, fine_input: bool) -> Self {
        let size = [1, 3, 5][random.below(3)];
        let (size, stride) = if kind == Kind::Pointwise { (1, 1) } else { (size, 1 + random.below(2)) };
        let window = Window { kernel: [size; 2], stride: [stride; 2], dilation: [1; 2], pad: [size / 2; 2] };
        let side = |len: usize| (len + 2 * (size / 2) - size) / stride + 1;
        let [height, width] = [side(input.height), side(input.width)];
        let planes = if fine_input { 2 } else { 1 };
        let n = if kind == Kind::Depthwise { input.channels / planes } else { 1 + random.below(40) };
        let k = window.taps() * input.channels;
        let packed = match kind {
            Kind::Pointwise => {
                let mut packed = vec![0; pack::pointwise_len(level, k, n)];
                pack::pointwise(level, &weights(random, Fill::Random, k * n), k, n, &mut packed);
                packed
            }
            Kind::Depthwise => {
                let taps = [planes * size, size];
                let mut packed = vec![0; pack::depthwise_len(level, n, taps)];
                pack::depthwise(level, &weights(random, Fill::Random, n * planes * size * size), n, taps, &mut packed);
                packed
            }
            Kind::Convolution => {
                let rows = [size, size * input.channels];
                let mut packed = vec![0; pack::convolution_len(level, rows, n)];
                pack::convolution(level, &weights(random, Fill::Random, k * n), rows, n, &mut packed);
                packed
            }
        };
        let fine = random.below(4) == 0;
        let fixed = random.below(2) == 0;
        let mut whole = |from: usize, below: usize| {
            (0..padded(n)).map(|_| (from + random.below(below)) as f32).collect::<Vec<f32>>()
        };
        let whole = [whole(500, 8000), whole(500, 2000), whole(0, 40)];
        let reals = |random: &mut Random, lo, hi| (0..padded(n)).map(|_| random.real(lo, hi)).collect::<Vec<f32>>();
        Self {
            kind,
            input,
            output: Shape::new(height, width, if fine { 2 * n } else { n }),
            window,
            packed,
            pad_code: codes(random, Fill::Random, input.channels),
            offset: (0..padded(n)).map(|_| random.below(20_000) as i32 - 10_000).collect(),
            multiplier: reals(random, 0.001, 0.02),
            factor: reals(random, -0.5, 0.5),
            half: reals(random, 3.0, 9.0),
            shift: (0..padded(n)).map(|_| 8 + random.below(8) as i32).collect(),
            whole,
            fixed,
            fine,
            added: false,
        }
    }

    fn epilogue(&self) -> Epilogue<'_> {
        let fixed = self.fixed && !self.fine && !self.added;
        let [multiplier, half, zero] = match &self.whole {
            [multiplier, half, zero] if fixed => [multiplier, half, zero],
            _ => [&self.multiplier, &self.half, &self.factor],
        };
        Epilogue {
            offset: &self.offset,
            multiplier,
            bias: None,
            residual: self.added.then_some(&self.factor),
            activation: if self.offset[0] > 0 { Activation::Linear } else { Activation::HardSwish { half, zero } },
            fine: self.fine,
            fine_residual: false,
            shift: fixed.then_some(&self.shift),
        }
    }

    fn pointwise(&self, level: Level) -> Pointwise<'_> {
        let n = self.output.channels / if self.fine { 2 } else { 1 };
        let pixels = self.output.pixels();
        let (weights, tile) = (&self.packed, Tile::best(level, pixels, n));
        let epilogue = self.epilogue();
        Pointwise { pixels, in_channels: self.input.channels, out_channels: n, weights, epilogue, tile, ahead: weights }
    }

    fn depthwise(&self) -> Depthwise<'_> {
        let Self { input, output, window, packed, pad_code, .. } = self;
        let epilogue = self.epilogue();
        Depthwise { input: *input, output: *output, window: *window, weights: packed, pad_code, epilogue }
    }

    fn convolution(&self) -> Convolution<'_> {
        let Self { input, output, window, packed, pad_code, .. } = self;
        let epilogue = self.epilogue();
        Convolution { input: *input, output: *output, window: *window, groups: 1, weights: packed, pad_code, epilogue }
    }

    fn whole<I: Isa>(&self, isa: I, input: &[u8], residual: &[u8]) -> Vec<u8> {
        let mut output = vec![7; self.output.len()];
        match self.kind {
            Kind::Pointwise => kernel::pointwise(isa, &self.pointwise(I::LEVEL), input, residual, &mut output),
            Kind::Depthwise => kernel::depthwise(isa, &self.depthwise(), input, residual, &mut output),
            Kind::Convolution => {
                let layer = self.convolution();
                kernel::convolution(isa, &layer, input, residual, &mut vec![0; layer.scratch_len()], &mut output);
            }
        }
        output
    }
}

/// Random layers, one behind the other.
pub fn compare<I: Isa>(isa: I, team: &mut Team, seed: u64) {
    let random = &mut Random::new(seed);
    let input = Shape::new(5 + random.below(20), 4 + random.below(20), 1 + random.below(30));
    let count = 2 + random.below(4);
    let mut layers: Vec<Numbers> = Vec::new();
    for _ in 0..count {
        let (shape, fine) = layers.last().map_or((input, false), |last| (last.output, last.fine));
        let kind = [Kind::Pointwise, Kind::Depthwise, Kind::Convolution][random.below(3)];
        layers.push(Numbers::new(random, I::LEVEL, kind, shape, fine));
    }
    // One of them adds a map, or none does.
    let adds = random.below(count + 1);
    let mut residual = Vec::new();
    if let Some(layer) = layers.get_mut(adds) {
        layer.added = true;
        residual = codes(random, Fill::Random, layer.output.len());
    }
    let output = layers.last().unwrap().output;
    let x = codes(random, Fill::Random, input.len());
    let mut whole = x.clone();
    for layer in &layers {
        whole = layer.whole(isa, &whole, if layer.added { &residual } else { &[] });
    }
    let pointwise: Vec<_> = layers.iter().map(|layer| layer.pointwise(I::LEVEL)).collect();
    let depthwise: Vec<_> = layers.iter().map(Numbers::depthwise).collect();
    let convolution: Vec<_> = layers.iter().map(Numbers::convolution).collect();
    let list: Vec<Layer<'_>> = layers
        .iter()
        .enumerate()
        .map(|(i, layer)| match layer.kind {
            Kind::Pointwise => Layer::Pointwise(&pointwise[i], layer.output.width),
            Kind::Depthwise => Layer::Depthwise(&depthwise[i]),
            Kind::Convolution => Layer::Convolution(&convolution[i]),
        })
        .collect();
    for rows in [1, 2, 3, 7, output.height] {
        let some = Band { layers: &list, rows };
        // What was there before does not matter.
        let (mut scratch, mut banded) = (vec![random.next() as u8; some.scratch_len()], vec![9; output.len()]);
        assert!(some.scratch_len() < 1 << 18, "room for the threads");
        band::band::<I, { 1 << 18 }>(isa, team, &some, [&x, &residual], &mut scratch, &mut banded);
        assert_eq!(whole, banded, "{:?} seed {seed} rows {rows} threads {}", I::LEVEL, team.parts());
    }
}

/// Too little memory, or no rows at a time.
pub fn what_does_not_fit_computes_nothing() {
    let random = &mut Random::new(3);
    let first = Numbers::new(random, Level::Portable, Kind::Pointwise, Shape::new(8, 8, 16), false);
    let second = Numbers::new(random, Level::Portable, Kind::Pointwise, first.output, first.fine);
    let (one, two) = (first.pointwise(Level::Portable), second.pointwise(Level::Portable));
    let layers = [Layer::Pointwise(&one, 8), Layer::Pointwise(&two, 8)];
    let (x, mut y) = (vec![1; 1024], vec![9; second.output.len()]);
    let isa = isa::Portable::detect().unwrap();
    for (rows, less) in [(0, 0), (2, 1)] {
        let some = Band { layers: &layers, rows };
        let mut scratch = vec![0; some.scratch_len().saturating_sub(less)];
        band::band::<_, 0>(isa, &mut Team::alone(), &some, [&x, &[]], &mut scratch, &mut y);
        assert!(y.iter().all(|&code| code == 9), "{rows} {less}");
    }
}
