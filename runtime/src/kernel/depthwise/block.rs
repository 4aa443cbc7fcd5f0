//! Channels of a depthwise convolution that are computed together, and one output pixel of them.

use super::super::epilogue::{self, HardSwish};
use super::super::fixed::{Fixed, out};
use super::super::planes::Source;
use super::{Depthwise, tap};
use crate::isa::{Isa, Kernel, Rows};
use crate::layer::{Activation, Epilogue, Shape, Window};
use crate::pack;
use crate::used;

/// Some channels of a layer and its maps.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub layer: &'a Depthwise<'a>,
    pub input: &'a [u8],
    pub residual: Option<Source<'a>>,
    /// The weights of these channels.
    pub packed: &'a [u8],
    pub channel: usize,
    pub count: usize,
}

impl<'a> Part<'a> {
    /// The first block, and what is left.
    #[inline(always)]
    pub fn split<I: Isa>(self) -> (Self, Self) {
        let count = pack::depthwise_block(I::LEVEL, self.count);
        let bytes = self.layer.window.kernel[1] * self.quads() * pack::quad_len(I::LEVEL);
        let (packed, rest) = self.packed.split_at_checked(bytes).unwrap_or_default();
        let left = Self { packed: rest, channel: self.channel + count, count: self.count - count, ..self };
        (Self { packed, count, ..self }, left)
    }

    /// Quads of vertical taps.
    #[inline(always)]
    fn quads(&self) -> usize {
        self.layer.kernel()[0].div_ceil(4)
    }

    /// Whether a strip can load these channels (no instruction loads the odd last bytes of a block) and has `quads` quads of weights.
    #[inline(always)]
    pub fn fits<I: Isa>(&self, quads: usize) -> bool {
        self.count.is_multiple_of(4) && self.packed.len() >= quads * pack::quad_len(I::LEVEL)
    }

    /// With its constants.
    #[inline(always)]
    pub fn block<I: Isa>(self, isa: I) -> Block<'a, I> {
        let constants = Constants::new(isa, &self.layer.epilogue, self.channel);
        Block { part: self, weights: isa.weights(self.packed), constants }
    }

    /// The four rows of a quad of vertical taps, of which there are `reach` in all; those of the second plane of a fine input come
    /// after those of the first. A row outside of the input is the padding, over and over; so is a tap beyond them, whose weights
    /// are zero.
    #[inline(always)]
    pub fn rows(&self, row: usize, quad: usize, reach: usize) -> Rows<'_> {
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
}

/// Constants of a block of channels, dealt.
pub(super) struct Constants<I: Isa> {
    pub offset: [I::I32; 4],
    pub multiplier: [I::F32; 4],
    pub bias: Option<[I::F32; 4]>,
    pub residual: Option<[I::F32; 4]>,
    pub hard_swish: Option<[HardSwish<I>; 4]>,
    /// The same numbers for 16 bits, if they are.
    pub fixed: Fixed<I, 4>,
}

impl<I: Isa> Constants<I> {
    #[inline(always)]
    pub fn new(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        Self::of_dealt(isa, epilogue, |ints| isa.deal_i32(ints, channel), |reals| isa.deal_f32(reals, channel))
    }

    /// With what deals the constants of the block's channels.
    #[inline(always)]
    pub fn of_dealt(
        isa: I,
        epilogue: &Epilogue<'_>,
        ints: impl Fn(&[i32]) -> [I::I32; 4],
        reals: impl Fn(&[f32]) -> [I::F32; 4],
    ) -> Self {
        let multiplier = reals(epilogue.multiplier);
        let of_hard_swish = match epilogue.activation {
            Activation::Linear => None,
            Activation::HardSwish { half, zero } => Some([reals(half), reals(zero)]),
        };
        Self {
            offset: ints(epilogue.offset),
            multiplier,
            bias: epilogue.bias.map(&reals),
            residual: epilogue.residual.map(&reals),
            hard_swish: of_hard_swish.map(|[half, zero]| hard_swish(isa, half, zero)),
            fixed: Fixed::new(isa, ints(epilogue.shift.unwrap_or(&[])), multiplier, of_hard_swish),
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

/// A part and its constants.
pub(super) struct Block<'a, I: Isa> {
    pub part: Part<'a>,
    pub weights: &'a [I::Weights],
    pub constants: Constants<I>,
}

/// A block of any layer, pixel by pixel.
pub(super) struct Each<'a> {
    pub part: Part<'a>,
    pub output: &'a mut [u8],
}

impl Kernel for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let block = self.part.block(isa);
        for row in 0..self.part.layer.output.height {
            for column in 0..self.part.layer.output.width {
                block.pixel(isa, row, column, self.output);
            }
        }
    }
}

impl<I: Isa> Block<'_, I> {
    /// One output pixel of any window.
    #[inline(always)]
    fn pixel(&self, isa: I, row: usize, column: usize, output: &mut [u8]) {
        let Window { kernel, stride, dilation, pad } = self.part.layer.window;
        let (quads, mut sums) = (self.part.quads(), self.constants.offset);
        for quad in 0..quads {
            let rows = self.part.rows(row, quad, self.part.layer.kernel()[0]);
            for kx in 0..kernel[1] {
                let at = (column * stride[1] + kx * dilation[1]).wrapping_sub(pad[1]);
                if let Some(weights) = self.weights.get(kx * quads + quad) {
                    let mut taps = [isa.load_bytes(&[], 0, 0); 4];
                    for t in 0..4 {
                        taps[t] = isa.load_bytes(rows.block(t, at), 0, self.part.count);
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
        let at = (row * self.part.layer.output.width + column) * self.part.layer.output.channels + self.part.channel;
        let constants = &self.constants;
        let mut codes = sums;
        let kind = out::of(&self.part.layer.epilogue);
        if out::is_fixed(kind) {
            for n in 0..4 {
                let [both] = if kind == out::FIXED_HARD_SWISH {
                    constants.fixed.codes::<1, true>(isa, n, [sums[n]])
                } else {
                    constants.fixed.codes::<1, false>(isa, n, [sums[n]])
                };
                [codes[n], _] = isa.split(both);
            }
            return isa.store_dealt(codes, output, at, self.part.count);
        }
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
            && let (Some(factor), Some(residual)) = (constants.residual, self.part.residual)
        {
            let codes =
                residual.deal(isa, row * self.part.layer.output.width + column, self.part.channel, self.part.count);
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
        if used::FINE && self.part.layer.epilogue.fine {
            for n in 0..4 {
                codes[n] = epilogue::fine_to_store(isa, v[n]);
            }
            let behind = self.part.layer.output.channels / 2;
            return isa.store_dealt_fine(codes, output, [at, behind], self.part.count);
        }
        for n in 0..4 {
            codes[n] = isa.to_i32(v[n]);
        }
        isa.store_dealt(codes, output, at, self.part.count);
    }
}
