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
//! Windows that no strip is written for go pixel by pixel, and so do layers that add a map: with that in their tiles, and all windows in one
//! function, LLVM kept sums in memory (AVX-VNNI took two thirds longer), for what hardly any network has. Where few channels are left, [`narrow`] fills the vectors with pixels
//! instead.

mod block;
mod narrow;
mod strip;

use super::convolution::tap;
use super::epilogue;
use super::fixed::out;
use crate::isa::{Isa, Kernel};
use crate::layer::{Epilogue, Shape, Window};
use crate::pack;
use crate::used;
use block::{Each, Part};
use narrow::Narrow;
pub use strip::tile as depthwise_tile;
use strip::{P, Strip, WIDE};

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
        let all = Part { layer, input, residual, packed: layer.weights, channel: 0, count: channels };
        let done = const { I::UNROLL }
            && residual.is_none()
            && match out::of(&layer.epilogue) {
                out::FIXED => window::<I, { out::FIXED }>(isa, all, output),
                out::FIXED_HARD_SWISH => window::<I, { out::FIXED_HARD_SWISH }>(isa, all, output),
                out::FINE => window::<I, { out::FINE }>(isa, all, output),
                _ => window::<I, { out::CODES }>(isa, all, output),
            };
        let mut left = all;
        while !done && left.count > 0 {
            let (part, rest) = left.split::<I>();
            isa.run(Each { part, output });
            left = rest;
        }
    }
}

/// All of a layer, if strips are written for its window. A strip takes one or two rows: two where their taps fill no more quads than
/// those of one.
#[inline(always)]
fn window<I: Isa, const OUT: u8>(isa: I, all: Part<'_>, output: &mut [u8]) -> bool {
    let Window { kernel, stride, dilation, .. } = all.layer.window;
    if kernel[0] != kernel[1] || stride[0] != stride[1] || dilation != [1, 1] {
        return false;
    }
    match (kernel[0], stride[0], all.layer.planes()) {
        (3, 1, 1) => unrolled::<I, 3, 1, 2, 4, 1, OUT>(isa, all, output),
        (3, 2, 1) => unrolled::<I, 3, 2, 1, 3, 1, OUT>(isa, all, output),
        (5, 1, 1) => unrolled::<I, 5, 1, 2, 6, 2, OUT>(isa, all, output),
        (5, 2, 1) => unrolled::<I, 5, 2, 2, 7, 2, OUT>(isa, all, output),
        (3, 1, 2) => unrolled::<I, 3, 1, 1, 6, 2, OUT>(isa, all, output),
        (3, 2, 2) => unrolled::<I, 3, 2, 1, 6, 2, OUT>(isa, all, output),
        (5, 1, 2) => unrolled::<I, 5, 1, 1, 10, 3, OUT>(isa, all, output),
        (5, 2, 2) => unrolled::<I, 5, 2, 1, 10, 3, OUT>(isa, all, output),
        _ => false,
    }
}

/// The same of a K × K window of stride S, R ≤ 2 rows at once, whose V vertical taps (those of both planes of a fine input) are Q quads,
/// whose sums become OUT ([`out`]); false where the program has no code for it.
#[inline(always)]
fn unrolled<I: Isa, const K: usize, const S: usize, const R: usize, const V: usize, const Q: usize, const OUT: u8>(
    isa: I,
    all: Part<'_>,
    output: &mut [u8],
) -> bool {
    // Each in a function of its own, and so is each window: all in one would take LLVM many times as long.
    if const {
        I::LEVEL.wide()
            && (OUT != out::FINE || I::LEVEL.saturates())
            && V != 2 * K
            && used::depthwise([K, S, 1], OUT, WIDE)
    } && strip::tile(I::LEVEL, all.layer.output.width, [false, OUT == out::FINE]) == WIDE
    {
        isa.run(Blocks::<K, S, R, V, Q, WIDE, OUT> { all, output });
        return true;
    }
    if const { used::depthwise([K, S, if V == 2 * K { 2 } else { 1 }], OUT, P) } {
        isa.run(Blocks::<K, S, R, V, Q, P, OUT> { all, output });
        return true;
    }
    false
}

/// A layer whose window strips are written for.
struct Blocks<
    'a,
    const K: usize,
    const S: usize,
    const R: usize,
    const V: usize,
    const Q: usize,
    const P: usize,
    const OUT: u8,
> {
    all: Part<'a>,
    output: &'a mut [u8],
}

impl<const K: usize, const S: usize, const R: usize, const V: usize, const Q: usize, const P: usize, const OUT: u8>
    Kernel for Blocks<'_, K, S, R, V, Q, P, OUT>
{
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { all, output } = self;
        let mut strip = Strip::new(isa);
        let mut left = all;
        while left.count > 0 {
            let (part, rest) = left.split::<I>();
            left = rest;
            let narrow = I::SPREAD > 1 && part.count <= pack::NARROW;
            if !part.fits::<I>(const { K * Q }) || !narrow && all.layer.output.width < P {
                isa.run(Each { part, output });
            } else if narrow {
                isa.run(Narrow::<K, S, R, V, Q, OUT> { part, output });
            } else {
                part.block(isa).strips::<K, S, R, V, Q, P, OUT>(isa, &mut strip, output);
            }
        }
    }
}
