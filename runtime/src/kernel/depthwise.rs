//! Depthwise convolution (eq. 5, 9–13), vectorised over channels.
//!
//! ```text
//! for each block of 4 vectors of channels:                constants stay in registers or on the stack
//!   for each R output rows, for each strip of columns:      [`strip`]: rows outside of the input read pad_code instead
//!     taps = interleave(columns)                            vertical taps of a channel side by side, once for all R rows
//!     for each output row, for each P output pixels:
//!       sums[p] += taps[column] · w[column − p · stride]
//!       codes = epilogue(sums)
//! ```
//!
//! Windows that no strip is written for go pixel by pixel. Where few channels are left, [`narrow`] fills the vectors with
//! pixels instead.

mod narrow;
mod strip;

use super::convolution::tap;
use super::epilogue::{self, HardSwish};
use super::planes::Source;
use crate::isa::{Isa, Kernel, Rows};
use crate::layer::{Activation, Epilogue, Shape, Window};
use crate::pack;
use crate::used;
use narrow::Narrow;
use strip::Strip;

/// A convolution in which each output channel sees only its own input channel.
#[derive(Clone, Copy, Debug)]
pub struct Depthwise<'a> {
    /// The input map; of a fine one, both planes.
    pub input: Shape,
    /// The output map, of as many channels; of a fine one, both planes.
    pub output: Shape,
    /// Taps, stride, dilation, padding.
    pub window: Window,
    /// [`pack::depthwise`] of this instruction set; of a fine input (eq. 38), the taps of the low plane are further vertical ones.
    pub weights: &'a [u8],
    /// What taps outside of the input read, per channel and plane.
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

impl Depthwise<'_> {
    /// Channels, of which input and output may have two planes.
    #[inline(always)]
    const fn channels(&self) -> usize {
        self.output.channels / self.epilogue.planes()
    }

    /// Planes of the input.
    #[inline(always)]
    fn planes(&self) -> usize {
        if self.input.channels == 2 * self.channels() { 2 } else { 1 }
    }

    /// Vertical taps of all planes, and horizontal ones.
    #[inline(always)]
    fn kernel(&self) -> [usize; 2] {
        [self.planes() * self.window.kernel[0], self.window.kernel[1]]
    }
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, residual, output } = self;
        let channels = layer.channels();
        let len = layer.output.len();
        if layer.planes() * channels != layer.input.channels
            || input.len() < layer.input.len()
            || output.len() < len
            || layer.pad_code.len() < layer.input.channels
            || layer.weights.len() < pack::depthwise_len(I::LEVEL, channels, layer.kernel())
            || !epilogue::fits(&layer.epilogue, channels)
        {
            return;
        }
        let Ok(residual) =
            epilogue::residual(&layer.epilogue, residual, [layer.output.pixels(), channels, layer.output.channels])
        else {
            return;
        };
        let quads = layer.kernel()[0].div_ceil(4);
        let bytes = layer.window.kernel[1] * quads * pack::quad_len(I::LEVEL);
        let mut strip = Strip::new(isa);
        let mut channel = 0;
        let mut rest = layer.weights;
        while channel < channels {
            let count = pack::depthwise_block(I::LEVEL, channels - channel);
            let (packed, left) = rest.split_at_checked(bytes).unwrap_or_default();
            rest = left;
            if I::SPREAD > 1 && count <= pack::NARROW && residual.is_none() {
                // In a function of its own.
                isa.run(Narrow { layer, input, packed, channel, count, output });
            } else {
                let constants = Constants::new(isa, &layer.epilogue, channel);
                let weights = isa.weights(packed);
                let block = Block { layer, input, residual, packed, weights, quads, channel, count, constants };
                block.run(isa, &mut strip, output);
            }
            channel += count;
        }
    }
}

/// Constants of a block of channels, dealt.
struct Constants<I: Isa> {
    offset: [I::I32; 4],
    multiplier: [I::F32; 4],
    bias: Option<[I::F32; 4]>,
    residual: Option<[I::F32; 4]>,
    hard_swish: Option<[HardSwish<I>; 4]>,
}

impl<I: Isa> Constants<I> {
    #[inline(always)]
    fn new(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        Self {
            offset: isa.deal_i32(epilogue.offset, channel),
            multiplier: isa.deal_f32(epilogue.multiplier, channel),
            bias: epilogue.bias.map(|bias| isa.deal_f32(bias, channel)),
            residual: epilogue.residual.map(|factor| isa.deal_f32(factor, channel)),
            hard_swish: match epilogue.activation {
                Activation::Linear => None,
                Activation::HardSwish { half, zero } => {
                    Some(hard_swish(isa, isa.deal_f32(half, channel), isa.deal_f32(zero, channel)))
                }
            },
        }
    }
}

/// Constants of the hard-swish of a block.
#[inline(always)]
fn hard_swish<I: Isa>(isa: I, half: [I::F32; 4], zero: [I::F32; 4]) -> [HardSwish<I>; 4] {
    let mut vectors = [HardSwish::none(isa); 4];
    for n in 0..4 {
        vectors[n] = HardSwish::new(isa, half[n], zero[n]);
    }
    vectors
}

/// Interleaved taps, and how a block of channels is computed from them.
trait Taps<I: Isa> {
    /// All rows of a K × K window of stride S, R ≤ 2 at once, whose V vertical taps (those of both planes of a fine input) are Q
    /// quads; false where it cannot, and then nothing was written.
    fn rows<const K: usize, const S: usize, const R: usize, const V: usize, const Q: usize>(
        &mut self,
        isa: I,
        block: &Block<'_, I>,
        output: &mut [u8],
    ) -> bool;
}

/// A block of channels of a layer.
struct Block<'a, I: Isa> {
    layer: &'a Depthwise<'a>,
    input: &'a [u8],
    residual: Option<Source<'a>>,
    /// The block's weights,
    packed: &'a [u8],
    /// and as the instruction set sees them.
    weights: &'a [I::Weights],
    /// Quads of vertical taps.
    quads: usize,
    channel: usize,
    count: usize,
    constants: Constants<I>,
}

impl<I: Isa> Block<'_, I> {
    /// All rows. A strip takes one or two rows: two where their taps fill no more quads than those of one.
    #[inline(always)]
    fn run<T: Taps<I>>(&self, isa: I, taps: &mut T, output: &mut [u8]) {
        let Window { kernel, stride, dilation, .. } = self.layer.window;
        let done = const { I::UNROLL }
            && match (kernel, stride, dilation, self.layer.planes()) {
                ([3, 3], [1, 1], [1, 1], 1) if const { used::depthwise(3, 1, 1) } => {
                    taps.rows::<3, 1, 2, 4, 1>(isa, self, output)
                }
                ([3, 3], [2, 2], [1, 1], 1) if const { used::depthwise(3, 2, 1) } => {
                    taps.rows::<3, 2, 1, 3, 1>(isa, self, output)
                }
                ([5, 5], [1, 1], [1, 1], 1) if const { used::depthwise(5, 1, 1) } => {
                    taps.rows::<5, 1, 2, 6, 2>(isa, self, output)
                }
                ([5, 5], [2, 2], [1, 1], 1) if const { used::depthwise(5, 2, 1) } => {
                    taps.rows::<5, 2, 2, 7, 2>(isa, self, output)
                }
                ([3, 3], [1, 1], [1, 1], 2) if const { used::depthwise(3, 1, 2) } => {
                    taps.rows::<3, 1, 1, 6, 2>(isa, self, output)
                }
                ([3, 3], [2, 2], [1, 1], 2) if const { used::depthwise(3, 2, 2) } => {
                    taps.rows::<3, 2, 1, 6, 2>(isa, self, output)
                }
                ([5, 5], [1, 1], [1, 1], 2) if const { used::depthwise(5, 1, 2) } => {
                    taps.rows::<5, 1, 1, 10, 3>(isa, self, output)
                }
                ([5, 5], [2, 2], [1, 1], 2) if const { used::depthwise(5, 2, 2) } => {
                    taps.rows::<5, 2, 1, 10, 3>(isa, self, output)
                }
                _ => false,
            };
        if !done {
            for row in 0..self.layer.output.height {
                for column in 0..self.layer.output.width {
                    self.any(isa, row, column, output);
                }
            }
        }
    }

    /// The four rows of a quad of vertical taps, of which there are `reach` in all; those of the second plane of a fine input come
    /// after those of the first. A row outside of the input is the padding, over and over; so is a tap beyond them, whose weights
    /// are zero.
    #[inline(always)]
    fn rows(&self, row: usize, quad: usize, reach: usize) -> Rows<'_> {
        let Shape { height, width, channels } = self.layer.input;
        let (planes, of_plane) = (self.layer.planes(), self.layer.window.kernel[0]);
        let mut paddings = [&[][..]; 4];
        let mut rows = [(&[][..], 0); 4];
        for (t, (source, padding)) in rows.iter_mut().zip(&mut paddings).enumerate() {
            let ky = 4 * quad + t;
            let (ky, channel) = if planes == 2 && ky >= of_plane {
                (ky - of_plane, self.channel + channels / 2)
            } else {
                (ky, self.channel)
            };
            *padding = self.layer.pad_code.get(channel..).unwrap_or(&[]);
            *source = (*padding, 0);
            if 4 * quad + t < reach
                && let Some(y) = tap(&self.layer.window, 0, height, row, ky)
            {
                *source = (self.input.get(y * width * channels + channel..).unwrap_or(&[]), channels);
            }
        }
        Rows::new(rows, width, paddings, self.count)
    }

    /// One output pixel of any window.
    #[inline(always)]
    fn any(&self, isa: I, row: usize, column: usize, output: &mut [u8]) {
        let Window { kernel, stride, dilation, pad } = self.layer.window;
        let mut sums = self.constants.offset;
        for quad in 0..self.quads {
            let rows = self.rows(row, quad, self.layer.kernel()[0]);
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
        let mut v = constants.multiplier;
        for n in 0..4 {
            v[n] = isa.mul(isa.to_f32(sums[n]), constants.multiplier[n]);
        }
        if let Some(bias) = constants.bias {
            for n in 0..4 {
                v[n] = isa.add(v[n], bias[n]);
            }
        }
        if used::RESIDUAL
            && let (Some(factor), Some(residual)) = (constants.residual, self.residual)
        {
            let codes = residual.deal(isa, row * self.layer.output.width + column, self.channel, self.count);
            for n in 0..4 {
                v[n] = isa.add(v[n], isa.mul(isa.to_f32(codes[n]), factor[n]));
            }
        }
        if used::HARD_SWISH
            && let Some(hard_swish) = constants.hard_swish
        {
            for n in 0..4 {
                v[n] = hard_swish[n].of(isa, v[n]);
            }
        }
        let mut codes = sums;
        if used::FINE && self.layer.epilogue.fine {
            let mut low = sums;
            for n in 0..4 {
                [codes[n], low[n]] = isa.parts(epilogue::fine(isa, v[n]));
            }
            isa.store_dealt(low, output, at + self.layer.output.channels / 2, self.count);
        } else {
            for n in 0..4 {
                codes[n] = isa.to_i32(v[n]);
            }
        }
        isa.store_dealt(codes, output, at, self.count);
    }
}
