//! Depthwise convolution [5, 9–13], vectorised over channels.
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

use super::convolution::tap;
use super::epilogue;
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Epilogue, Shape, Window};
use crate::pack;

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
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(4 * I::LANES);
            let block = Block {
                layer,
                input,
                residual,
                weights: layer.weights.get(channel / (4 * I::LANES) * bytes..).unwrap_or(&[]),
                quads,
                channel,
                count,
                constants: Constants::new(isa, &layer.epilogue, channel),
            };
            block.run(isa, output);
            channel += 4 * I::LANES;
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
    weights: &'a [u8],
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
            match (kernel[1], stride[1], dilation[1]) {
                (3, 1, 1) => self.row::<4, 3, 1>(isa, row, output),
                (3, 2, 1) => self.row::<4, 3, 2>(isa, row, output),
                (5, 1, 1) => self.row::<4, 5, 1>(isa, row, output),
                (5, 2, 1) => self.row::<4, 5, 2>(isa, row, output),
                _ => {
                    for column in 0..self.layer.output.width {
                        self.any(isa, row, column, output);
                    }
                }
            }
        }
    }

    /// One output row: tiles of P pixels, the last overlapping the one before.
    #[inline(always)]
    fn row<const P: usize, const KW: usize, const S: usize>(&self, isa: I, row: usize, output: &mut [u8]) {
        let width = self.layer.output.width;
        let mut column = 0;
        if width >= P {
            while column < width {
                let start = column.min(width - P);
                self.tile::<P, KW, S>(isa, row, start, output);
                column += P;
            }
        } else {
            while column < width {
                self.tile::<1, KW, S>(isa, row, column, output);
                column += 1;
            }
        }
    }

    /// Where the four rows of a quad of vertical taps are read: codes from column 0 on, and the step of a column.
    /// A row outside of the input is the padding, over and over; a tap that the window does not have is nothing.
    #[inline(always)]
    fn rows(&self, row: usize, quad: usize) -> [(&[u8], usize); 4] {
        let Shape { height, width, channels } = self.layer.input;
        let mut rows = [(&[][..], 0); 4];
        for (t, source) in rows.iter_mut().enumerate() {
            let ky = 4 * quad + t;
            if ky < self.layer.window.kernel[0] {
                *source = match tap(&self.layer.window, 0, height, row, ky) {
                    Some(y) => (self.input.get(y * width * channels + self.channel..).unwrap_or(&[]), channels),
                    None => self.pad(),
                };
            }
        }
        rows
    }

    #[inline(always)]
    fn pad(&self) -> (&[u8], usize) {
        (self.layer.pad_code.get(self.channel..).unwrap_or(&[]), 0)
    }

    /// A column of four vertical taps, `column` relative to the input (outside: padding).
    #[inline(always)]
    fn column(&self, isa: I, rows: &[(&[u8], usize); 4], column: Option<usize>) -> I::Quads {
        let mut taps = [isa.load_bytes(&[], 0, 0); 4];
        match column {
            Some(column) => {
                for t in 0..4 {
                    taps[t] = isa.load_bytes(rows[t].0, column * rows[t].1, self.count);
                }
            }
            // Weights of taps that the window does not have are zero, so they may read padding too.
            None => taps = [isa.load_bytes(self.pad().0, 0, self.count); 4],
        }
        isa.interleave(taps)
    }

    /// P output pixels from `column` on.
    #[inline(always)]
    fn tile<const P: usize, const KW: usize, const S: usize>(
        &self,
        isa: I,
        row: usize,
        column: usize,
        output: &mut [u8],
    ) {
        let mut sums = [self.constants.offset; P];
        let (width, pad) = (self.layer.input.width, self.layer.window.pad[1]);
        for quad in 0..self.quads {
            let rows = self.rows(row, quad);
            for j in 0..(P - 1) * S + KW {
                let at = (column * S + j).wrapping_sub(pad);
                let taps = self.column(isa, &rows, if at < width { Some(at) } else { None });
                for p in 0..P {
                    if j >= p * S && j < p * S + KW {
                        sums[p] = isa.dot_quads(sums[p], taps, self.weights, (j - p * S) * self.quads + quad);
                    }
                }
            }
        }
        for p in 0..P {
            self.finish(isa, row, column + p, sums[p], output);
        }
    }

    /// One output pixel of any window.
    #[inline(always)]
    fn any(&self, isa: I, row: usize, column: usize, output: &mut [u8]) {
        let mut sums = self.constants.offset;
        for quad in 0..self.quads {
            let rows = self.rows(row, quad);
            for kx in 0..self.layer.window.kernel[1] {
                let at = tap(&self.layer.window, 1, self.layer.input.width, column, kx);
                let taps = self.column(isa, &rows, at);
                sums = isa.dot_quads(sums, taps, self.weights, kx * self.quads + quad);
            }
        }
        self.finish(isa, row, column, sums, output);
    }

    /// [9–13] of one pixel.
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
