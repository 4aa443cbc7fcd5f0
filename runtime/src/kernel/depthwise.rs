//! Depthwise convolution (eq. 5, 9–13), vectorised over channels.
//!
//! ```text
//! input columns      x0   x1   x2   x3   x4   x5        4 output pixels of a 3 × 3 window, stride 1:
//!  rows of    y0     ▒    ▒    ▒    ▒    ▒    ▒         each column of vertical taps is interleaved once
//!  the window y1     ▒    ▒    ▒    ▒    ▒    ▒         (four taps of a channel side by side) and
//!             y2     ▒    ▒    ▒    ▒    ▒    ▒         multiplied into every output pixel that sees it
//!                    └─ p0 ───┘
//!                         └─ p1 ───┘
//!                              └─ p2 ───┘
//! for each block of 4 vectors of channels:                constants stay in registers or on the stack
//!   for each output row:                                  rows outside of the input read pad_code instead
//!     for each P output pixels:
//!       for each quad of vertical taps, for each column:
//!         sums[p] += interleave(column) · w[column − p · stride]
//!       codes = epilogue(sums)
//! ```
//!
//! Where at most 16 channels are left, [`narrow`] fills the vectors with pixels instead.

mod narrow;

use super::convolution::tap;
use super::epilogue;
use crate::isa::{Isa, Kernel, Rows};
use crate::layer::{Activation, Epilogue, Shape, Window};
use crate::pack;

/// Output pixels of a tile.
const P: usize = 4;

/// A convolution in which each output channel sees only its own input channel.
#[derive(Clone, Copy, Debug)]
pub struct Depthwise<'a> {
    /// The input map.
    pub input: Shape,
    /// The output map, of as many channels.
    pub output: Shape,
    /// Taps, stride, dilation, padding.
    pub window: Window,
    /// [`pack::depthwise`] of this instruction set.
    pub weights: &'a [u8],
    /// What taps outside of the input read, per channel.
    pub pad_code: &'a [u8],
    /// Rescaling and activation.
    pub epilogue: Epilogue<'a>,
}

/// `input`, `residual` and `output` are maps.
#[inline]
pub fn depthwise<I: Isa>(isa: I, layer: &Depthwise<'_>, input: &[u8], residual: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, residual, output });
}

struct Run<'a> {
    layer: &'a Depthwise<'a>,
    input: &'a [u8],
    residual: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, residual, output } = self;
        let channels = layer.input.channels;
        let len = layer.output.len();
        if layer.output.channels != channels
            || input.len() < layer.input.len()
            || output.len() < len
            || layer.pad_code.len() < channels
            || layer.weights.len() < pack::depthwise_len(I::LEVEL, channels, layer.window.kernel)
            || !epilogue::fits(&layer.epilogue, channels)
        {
            return;
        }
        let Ok(residual) = epilogue::residual(&layer.epilogue, residual, len) else { return };
        let residual = residual.map_or(&[][..], |residual| residual.codes);
        let quads = layer.window.kernel[0].div_ceil(4);
        let bytes = layer.window.kernel[1] * quads * pack::quad_len(I::LEVEL);
        let (mut channel, mut index) = (0, 0);
        while channel < channels {
            let count = pack::depthwise_block(I::LEVEL, channels - channel);
            let weights = layer.weights.get(index * bytes..).unwrap_or(&[]);
            if I::SPREAD > 1 && count <= pack::NARROW && residual.is_empty() {
                // In a function of its own.
                isa.run(narrow::Narrow { layer, input, weights, channel, count, output });
                return;
            }
            let block = Block {
                layer,
                input,
                residual,
                weights: isa.weights(weights),
                quads,
                channel,
                count,
                constants: Constants::new(isa, &layer.epilogue, channel),
            };
            block.run(isa, output);
            channel += count;
            index += 1;
        }
    }
}

/// Constants of a block of channels, dealt.
struct Constants<I: Isa> {
    offset: [I::I32; 4],
    multiplier: [I::F32; 4],
    bias: [I::F32; 4],
    residual: Option<[I::F32; 4]>,
    hard_swish: Option<[[I::F32; 4]; 2]>,
}

impl<I: Isa> Constants<I> {
    #[inline(always)]
    fn new(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        Self {
            offset: isa.deal_i32(epilogue.offset, channel),
            multiplier: isa.deal_f32(epilogue.multiplier, channel),
            bias: isa.deal_f32(epilogue.bias, channel),
            residual: epilogue.residual.map(|factor| isa.deal_f32(factor, channel)),
            hard_swish: match epilogue.activation {
                Activation::Linear => None,
                Activation::HardSwish { scale, zero } => {
                    Some([isa.deal_f32(scale, channel), isa.deal_f32(zero, channel)])
                }
            },
        }
    }
}

/// A block of channels of a layer.
struct Block<'a, I: Isa> {
    layer: &'a Depthwise<'a>,
    input: &'a [u8],
    /// Empty if there is none.
    residual: &'a [u8],
    weights: &'a [I::Weights],
    /// Quads of vertical taps.
    quads: usize,
    channel: usize,
    count: usize,
    constants: Constants<I>,
}

impl<I: Isa> Block<'_, I> {
    #[inline(always)]
    fn run(&self, isa: I, output: &mut [u8]) {
        let Window { kernel, stride, dilation, .. } = self.layer.window;
        for row in 0..self.layer.output.height {
            if const { I::UNROLL } {
                match (kernel, stride[1], dilation[1]) {
                    ([3, 3], 1, 1) => self.row::<3, 1>(isa, row, output),
                    ([3, 3], 2, 1) => self.row::<3, 2>(isa, row, output),
                    ([5, 5], 1, 1) => self.row::<5, 1>(isa, row, output),
                    ([5, 5], 2, 1) => self.row::<5, 2>(isa, row, output),
                    _ => self.any_row(isa, row, output),
                }
            } else {
                self.any_row(isa, row, output);
            }
        }
    }

    /// One output row of any window.
    #[inline(always)]
    fn any_row(&self, isa: I, row: usize, output: &mut [u8]) {
        for column in 0..self.layer.output.width {
            self.any(isa, row, column, output);
        }
    }

    /// One output row of a K × K window: tiles of P pixels, the last overlapping the one before.
    #[inline(always)]
    fn row<const K: usize, const S: usize>(&self, isa: I, row: usize, output: &mut [u8]) {
        let width = self.layer.output.width;
        // No instruction loads the odd last bytes of a block.
        if width < P || !self.count.is_multiple_of(4) {
            return self.any_row(isa, row, output);
        }
        let rows = [self.rows(row, 0), self.rows(row, 1)];
        let mut column = 0;
        while column < width {
            self.tile::<K, S>(isa, &rows, row, column.min(width - P), output);
            column += P;
        }
    }

    /// The four rows of a quad of vertical taps. A row outside of the input is the padding, over and over; so is a tap
    /// that the window does not have, whose weights are zero.
    #[inline(always)]
    fn rows(&self, row: usize, quad: usize) -> Rows<'_> {
        let Shape { height, width, channels } = self.layer.input;
        let padding = self.layer.pad_code.get(self.channel..).unwrap_or(&[]);
        let mut rows = [(padding, 0); 4];
        for (t, source) in rows.iter_mut().enumerate() {
            let ky = 4 * quad + t;
            if ky < self.layer.window.kernel[0]
                && let Some(y) = tap(&self.layer.window, 0, height, row, ky)
            {
                *source = (self.input.get(y * width * channels + self.channel..).unwrap_or(&[]), channels);
            }
        }
        Rows::new(rows, width, padding, self.count)
    }

    /// A column of vertical taps: `live` ≤ 4 of them, the others are zero.
    #[inline(always)]
    fn column(&self, isa: I, rows: &Rows<'_>, column: usize, live: usize) -> I::Quads {
        let mut taps = [isa.load_bytes(&[], 0, 0); 4];
        for t in 0..4 {
            if t < live {
                taps[t] = isa.load_block(rows, t, column);
            }
        }
        isa.interleave(taps)
    }

    /// P output pixels from `column` on, of output row `row`.
    #[inline(always)]
    fn tile<const K: usize, const S: usize>(
        &self,
        isa: I,
        rows: &[Rows<'_>; 2],
        row: usize,
        column: usize,
        output: &mut [u8],
    ) {
        let mut sums = [self.constants.offset; P];
        let Some(weights) = self.weights.get(..const { K * K.div_ceil(4) }) else { return };
        let first = (column * S).wrapping_sub(self.layer.window.pad[1]);
        if const { I::HALVES } {
            self.columns::<K, S, 0, 2>(isa, rows, weights, first, &mut sums);
            self.columns::<K, S, 2, 4>(isa, rows, weights, first, &mut sums);
        } else {
            self.columns::<K, S, 0, 4>(isa, rows, weights, first, &mut sums);
        }
        self.finish(isa, row, column, sums[0], output);
        self.finish(isa, row, column + 1, sums[1], output);
        self.finish(isa, row, column + 2, sums[2], output);
        self.finish(isa, row, column + 3, sums[3], output);
    }

    /// All input columns of a tile from `first` on (wrapping below zero), in vectors FROM to TO of the block.
    #[inline(always)]
    fn columns<const K: usize, const S: usize, const FROM: usize, const TO: usize>(
        &self,
        isa: I,
        rows: &[Rows<'_>; 2],
        weights: &[I::Weights],
        first: usize,
        sums: &mut [[I::I32; 4]; P],
    ) {
        // Unrolled by hand: sums must stay in registers, and LLVM leaves so long a loop alone.
        macro_rules! columns {
            ($quad:literal: $($j:literal)*) => {$(
                if $j < (P - 1) * S + K {
                    let live = const { if K > 4 * $quad + 4 { 4 } else { K.saturating_sub(4 * $quad) } };
                    let taps = self.column(isa, &rows[$quad], first.wrapping_add($j), live);
                    products::<I, K, S, FROM, TO>(isa, sums, taps, weights, $j, $quad);
                }
            )*};
        }
        columns!(0: 0 1 2 3 4 5 6 7 8 9 10);
        if const { K > 4 } {
            columns!(1: 0 1 2 3 4 5 6 7 8 9 10);
        }
    }

    /// One output pixel of any window.
    #[inline(always)]
    fn any(&self, isa: I, row: usize, column: usize, output: &mut [u8]) {
        let Window { kernel, stride, dilation, pad } = self.layer.window;
        let mut sums = self.constants.offset;
        for quad in 0..self.quads {
            let rows = self.rows(row, quad);
            for kx in 0..kernel[1] {
                let at = (column * stride[1] + kx * dilation[1]).wrapping_sub(pad[1]);
                if let Some(weights) = self.weights.get(kx * self.quads + quad) {
                    let mut taps = [isa.load_bytes(&[], 0, 0); 4];
                    for t in 0..4 {
                        taps[t] = isa.load_bytes(rows.block(t, at), 0, self.count);
                    }
                    sums = isa.dot_quads::<0, 4>(sums, isa.interleave(taps), weights);
                }
            }
        }
        self.finish(isa, row, column, sums, output);
    }

    /// (eq. 9–13) of one pixel.
    #[inline(always)]
    fn finish(&self, isa: I, row: usize, column: usize, sums: [I::I32; 4], output: &mut [u8]) {
        let at = (row * self.layer.output.width + column) * self.layer.output.channels + self.channel;
        let constants = &self.constants;
        let mut v = constants.bias;
        for n in 0..4 {
            v[n] = epilogue::rescale(isa, sums[n], constants.multiplier[n], constants.bias[n]);
        }
        if let Some(factor) = constants.residual {
            let codes = isa.deal_codes(isa.load_bytes(self.residual, at, self.count));
            for n in 0..4 {
                v[n] = isa.add(v[n], isa.mul(isa.to_f32(codes[n]), factor[n]));
            }
        }
        if let Some([scale, zero]) = constants.hard_swish {
            for n in 0..4 {
                v[n] = epilogue::hard_swish(isa, v[n], scale[n], zero[n]);
            }
        }
        let mut codes = sums;
        for n in 0..4 {
            codes[n] = isa.to_i32(v[n]);
        }
        isa.store_dealt(codes, output, at, self.count);
    }
}

/// Adds column `j` of a tile to every output pixel that sees it, in vectors FROM to TO of the block.
#[inline(always)]
fn products<I: Isa, const K: usize, const S: usize, const FROM: usize, const TO: usize>(
    isa: I,
    sums: &mut [[I::I32; 4]; P],
    taps: I::Quads,
    weights: &[I::Weights],
    j: usize,
    quad: usize,
) {
    macro_rules! pixels {
        ($($p:literal)*) => {$(
            if j >= $p * S
                && j < $p * S + K
                && let Some(weights) = weights.get((j - $p * S) * K.div_ceil(4) + quad)
            {
                sums[$p] = isa.dot_quads::<FROM, TO>(sums[$p], taps, weights);
            }
        )*};
    }
    pixels!(0 1 2 3);
}
