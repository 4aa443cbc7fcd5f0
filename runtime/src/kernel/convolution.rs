//! General convolution (eq. 5, 9–13): patches of a strip of pixels are gathered, then multiplied as pointwise. Where few
//! channels make rows of taps short, they are multiplied one after the other ([`short`]), and most are read where they are.
//!
//! ```text
//! for each strip of STRIP output pixels:
//!   for each pixel:  scratch[pixel] = its kh × kw × c codes (pad_code outside), a patch as the instruction set wants it
//!   pointwise(scratch)
//! ```
//!
//! With several groups there is no tile, only the naive loop: of all networks that come, only depthwise ones have
//! groups, and those have their own kernel.

mod picture;
mod short;

use super::epilogue;
use super::fixed::out;
use super::pointwise::{Product, Tile};
use crate::isa::{Isa, Kernel, Level, copy_runs};
use crate::layer::{Epilogue, LANE_PAD, Shape, Window};
use crate::pack;
use core::ops::Range;
use picture::Picture;
use short::{Pixels, Short};

/// Output pixels whose patches are gathered at once.
const STRIP: usize = 64;

/// Bytes that a patch of short runs may take with what is copied behind them.
const SHORT: usize = 48;

/// A convolution of any window.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// The input map.
    pub input: Shape,
    /// The output map.
    pub output: Shape,
    /// Taps, stride, dilation, padding.
    pub window: Window,
    /// Groups; a divisor of both numbers of channels.
    pub groups: usize,
    /// [`pack::convolution`] of this instruction set, or [`pack::grouped`] with several groups.
    pub weights: &'a [u8],
    /// What taps outside of the input read, per input channel.
    pub pad_code: &'a [u8],
    /// Rescaling and activation.
    pub epilogue: Epilogue<'a>,
}

impl Convolution<'_> {
    /// Bytes of scratch that [`convolution`] needs; none with several groups.
    #[inline(always)]
    pub const fn scratch_len(&self) -> usize {
        if self.groups == 1 { STRIP * pack::longest_patch(self.rows()) + SHORT } else { 0 }
    }

    /// Codes of a row of taps.
    #[inline(always)]
    const fn run(&self) -> usize {
        self.window.kernel[1] * self.input.channels
    }

    /// Filters: channels of the output, but for a fine one's second plane.
    #[inline(always)]
    const fn out_channels(&self) -> usize {
        self.output.channels / self.epilogue.planes()
    }

    /// Pixels, channels and distance of pixels of what it makes.
    #[inline(always)]
    const fn made(&self) -> [usize; 3] {
        [self.output.pixels(), self.out_channels(), self.output.channels]
    }

    /// Rows of taps, and codes of each.
    #[inline(always)]
    const fn rows(&self) -> [usize; 2] {
        [self.window.kernel[0], self.run()]
    }

    /// Bytes of a patch, and from a row of its taps to the next.
    #[inline(always)]
    const fn patch(&self, level: Level) -> [usize; 2] {
        [pack::patch_len(level, self.rows()), pack::patch_row(level, self.run())]
    }
}

/// `scratch` has [`Convolution::scratch_len`] bytes of any value.
#[inline]
pub fn convolution<I: Isa>(
    isa: I,
    layer: &Convolution<'_>,
    input: &[u8],
    residual: &[u8],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    isa.run(Run { layer, input, residual, scratch, output });
}

struct Run<'a> {
    layer: &'a Convolution<'a>,
    input: &'a [u8],
    residual: &'a [u8],
    scratch: &'a mut [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, residual, scratch, output } = self;
        if layer.groups != 1 {
            return grouped(isa, layer, input, residual, output);
        }
        let [k, _] = layer.patch(I::LEVEL);
        if input.len() < layer.input.len()
            || layer.pad_code.len() < layer.input.channels
            || scratch.len() < layer.scratch_len()
            || k == 0
        {
            return;
        }
        let Shape { height, width, .. } = layer.output;
        if pack::short_row(I::LEVEL, layer.run()).is_none() {
            return gathered(isa, layer, None, input, residual, scratch, output, 0..height * width);
        }
        let Some(short) = Short::new(isa, layer, residual, output.len()) else { return };
        // The constant keeps it out of the programs of others.
        if const { I::PICTURE }
            && let Some(picture) = Picture::new(isa, layer)
        {
            return picture.run(isa, input, output);
        }
        for row in 0..height {
            let inside = short.columns(row, layer.input.len());
            short.row(isa, row, inside.clone(), input, output);
            // One call in a loop: there is much code behind it.
            for part in [0..inside.start, inside.end..width] {
                let part = row * width + part.start..row * width + part.end;
                gathered(isa, layer, Some(&short), input, residual, scratch, output, part);
            }
        }
    }
}

/// Pixels whose patches are gathered, strip by strip.
#[inline(always)]
#[expect(clippy::too_many_arguments)]
fn gathered<I: Isa>(
    isa: I,
    layer: &Convolution<'_>,
    short: Option<&Short<'_>>,
    input: &[u8],
    residual: &[u8],
    scratch: &mut [u8],
    output: &mut [u8],
    pixels: Range<usize>,
) {
    let patch = layer.patch(I::LEVEL);
    let k = patch[0];
    let mut first_pixel = pixels.start;
    while first_pixel < pixels.end {
        let count = (pixels.end - first_pixel).min(STRIP);
        let mut done = 0;
        while done < count {
            let Some(patches) = scratch.get_mut(done * k..) else { return };
            let inside = gather_inside(layer, input, first_pixel + done, count - done, patch, patches);
            if inside == 0 {
                gather(layer, input, first_pixel + done, patch[1], patches);
            }
            done += inside.max(1);
        }
        if let Some(short) = short {
            let pitch = patch[1];
            short.run(isa, &Pixels { codes: scratch, pitch, step: k, first: first_pixel, count }, output);
            first_pixel += count;
            continue;
        }
        let product = Product {
            pixels: count,
            first_pixel,
            k,
            stride: k,
            n: layer.out_channels(),
            row: layer.output.channels,
            weights: layer.weights,
            epilogue: &layer.epilogue,
            tile: Tile { rows: 8, vectors: 4 },
            ahead: &[],
        };
        product.run(isa, scratch, residual, output);
        first_pixel += count;
    }
}

/// Input coordinate of a tap, if it is inside.
#[inline(always)]
pub(super) fn tap(window: &Window, axis: usize, size: usize, out: usize, k: usize) -> Option<usize> {
    let at = (out * window.stride[axis] + k * window.dilation[axis]).checked_sub(window.pad[axis])?;
    (at < size).then_some(at)
}

/// Copies `len` codes; where both slices go on, short runs are copied as 16, and what follows is overwritten later.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8], len: usize) {
    if let (true, Some(from), Some(to)) = (len <= 16, from.first_chunk::<16>(), to.first_chunk_mut::<16>()) {
        *to = *from;
    } else if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// Patches of up to `most` neighbours from `pixel` on whose windows lie inside of the input; how many were gathered.
///
/// A row of taps is one run of codes, copied in pieces of 16: a short run and what follows it (overwritten by the next
/// row, or by the next patch: [`copy_runs`]), or a long run, the last piece overlapping the one before.
#[inline(always)]
fn gather_inside(
    layer: &Convolution<'_>,
    input: &[u8],
    pixel: usize,
    most: usize,
    [k, padded]: [usize; 2],
    patches: &mut [u8],
) -> usize {
    let Shape { height, width, channels } = layer.input;
    let Window { kernel, stride, dilation, .. } = layer.window;
    let (Some(row), Some(column)) = (pixel.checked_div(layer.output.width), pixel.checked_rem(layer.output.width))
    else {
        return 0;
    };
    let last = |axis: usize| kernel[axis].checked_sub(1);
    let (Some(y), Some(x), Some(bottom), Some(right)) = (
        tap(&layer.window, 0, height, row, 0),
        tap(&layer.window, 1, width, column, 0),
        last(0).and_then(|last| tap(&layer.window, 0, height, row, last)),
        last(1).and_then(|last| tap(&layer.window, 1, width, column, last)),
    ) else {
        return 0;
    };
    if dilation[1] != 1 {
        return 0;
    }
    let more = (width - 1 - right).checked_div(stride[1]).unwrap_or(most);
    let (run, step, pitch) = (layer.run(), stride[1] * channels, dilation[0] * width * channels);
    let from = input.get((y * width + x) * channels..).unwrap_or(&[]);
    // Every piece is inside: of the input, of the patches and of the output row.
    let need = (bottom - y) * width * channels + run.max(16);
    let room = from.len().checked_sub(need).map_or(0, |left| left.checked_div(step).map_or(most, |n| n + 1));
    let space = ((kernel[0] - 1) * padded + run.max(16)).max(SHORT);
    let space = patches.len().checked_sub(space).map_or(0, |left| left.checked_div(k).map_or(0, |n| n + 1));
    let count = most.min(more + 1).min(layer.output.width - column).min(room).min(space);
    match (kernel[0], run <= 16) {
        (3, true) => copy_runs::<3>(from, [step, pitch], patches, [k, padded], count),
        (2, true) => copy_runs::<2>(from, [step, pitch], patches, [k, padded], count),
        _ => {
            for i in 0..count {
                for ky in 0..kernel[0] {
                    let from = from.get(i * step + ky * pitch..).unwrap_or(&[]);
                    let to = patches.get_mut(i * k + ky * padded..).unwrap_or(&mut []);
                    pieces(from, to, run);
                }
            }
        }
    }
    count
}

/// Copies `len` codes, or 16 if that is more.
#[inline(always)]
fn pieces(from: &[u8], to: &mut [u8], len: usize) {
    let len = len.max(16);
    let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) else { return };
    for (to, from) in to.as_chunks_mut::<16>().0.iter_mut().zip(from.as_chunks::<16>().0) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<16>(), from.last_chunk::<16>()) {
        *to = *from;
    }
}

/// The codes under the window of one output pixel, `[kh][kw · c]`, to the start of `patch`. What pads the rows is any
/// value: its weights are zero.
#[inline(always)]
fn gather(layer: &Convolution<'_>, input: &[u8], pixel: usize, padded: usize, patch: &mut [u8]) {
    let Shape { height, width, channels } = layer.input;
    let window = &layer.window;
    let (Some(row), Some(column)) = (pixel.checked_div(layer.output.width), pixel.checked_rem(layer.output.width))
    else {
        return;
    };
    let run = layer.run();
    // Where a row of taps is one run of codes.
    let start = (window.dilation[1] == 1 && column * window.stride[1] + window.kernel[1] <= width + window.pad[1])
        .then(|| tap(window, 1, width, column, 0))
        .flatten();
    let mut rest = patch;
    for ky in 0..window.kernel[0] {
        let y = tap(window, 0, height, row, ky);
        if let (Some(y), Some(x)) = (y, start) {
            copy(input.get((y * width + x) * channels..).unwrap_or(&[]), rest, run);
            let Some((_, left)) = rest.split_at_mut_checked(padded) else { return };
            rest = left;
            continue;
        }
        for kx in 0..window.kernel[1] {
            match (y, tap(window, 1, width, column, kx)) {
                (Some(y), Some(x)) => copy(input.get((y * width + x) * channels..).unwrap_or(&[]), rest, channels),
                _ => copy(layer.pad_code, rest, channels),
            }
            let Some((_, left)) = rest.split_at_mut_checked(channels) else { return };
            rest = left;
        }
        let Some((_, left)) = rest.split_at_mut_checked(padded - run) else { return };
        rest = left;
    }
}

/// (eq. 5) as it stands, then the shared epilogue.
#[inline(always)]
fn grouped<I: Isa>(isa: I, layer: &Convolution<'_>, input: &[u8], residual: &[u8], output: &mut [u8]) {
    let n = layer.out_channels();
    let (Some(c_len), Some(o_len)) = (layer.input.channels.checked_div(layer.groups), n.checked_div(layer.groups))
    else {
        return;
    };
    let len = layer.output.len();
    let row = layer.window.taps() * c_len;
    if o_len == 0
        || input.len() < layer.input.len()
        || layer.pad_code.len() < layer.input.channels
        || output.len() < len
        || layer.weights.len() < n * row
        || !epilogue::fits(&layer.epilogue, n)
    {
        return;
    }
    let Ok(residual) = epilogue::residual(&layer.epilogue, residual, layer.made()) else { return };
    for pixel in 0..layer.output.pixels() {
        let mut channel = 0;
        while channel < n {
            let count = (n - channel).min(I::LANES);
            let mut sums = [0; LANE_PAD];
            for (i, sum) in sums.iter_mut().enumerate().take(count) {
                let o = channel + i;
                let weights = layer.weights.get(o * row..).unwrap_or(&[]);
                *sum = product(layer, input, pixel, o.checked_div(o_len).unwrap_or(0) * c_len, c_len, weights);
            }
            let place = epilogue::Place { stride: layer.output.channels, channel, count };
            let constants = epilogue::Constants::new(isa, &layer.epilogue, channel);
            let sums = isa.add_i32(isa.load_i32(&sums, 0), constants.offset[0]);
            let (sums, place, added) = ([[sums]], (&place, pixel), residual.as_ref());
            match out::of(&layer.epilogue) {
                out::FIXED | out::FIXED_HARD_SWISH => {
                    epilogue::finish::<I, 1, 1, { out::FIXED }>(isa, &constants, sums, added, place, output);
                }
                out::FINE => epilogue::finish::<I, 1, 1, { out::FINE }>(isa, &constants, sums, added, place, output),
                _ => epilogue::finish::<I, 1, 1, { out::CODES }>(isa, &constants, sums, added, place, output),
            }
            channel += I::LANES;
        }
    }
}

/// The sum of products of one output channel, whose group starts at input channel `first`.
#[inline(always)]
fn product(layer: &Convolution<'_>, input: &[u8], pixel: usize, first: usize, c_len: usize, weights: &[u8]) -> i32 {
    let Shape { height, width, channels } = layer.input;
    let (Some(oy), Some(ox)) = (pixel.checked_div(layer.output.width), pixel.checked_rem(layer.output.width)) else {
        return 0;
    };
    let mut weights = weights;
    let mut sum = 0i32;
    for ky in 0..layer.window.kernel[0] {
        let y = tap(&layer.window, 0, height, oy, ky);
        for kx in 0..layer.window.kernel[1] {
            let codes = match (y, tap(&layer.window, 1, width, ox, kx)) {
                (Some(y), Some(x)) => input.get((y * width + x) * channels + first..),
                _ => layer.pad_code.get(first..),
            };
            let (now, left) = weights.split_at_checked(c_len).unwrap_or((&[], &[]));
            weights = left;
            for (&x, &w) in codes.unwrap_or(&[]).iter().zip(now) {
                sum = sum.wrapping_add(i32::from(x) * i32::from(w as i8));
            }
        }
    }
    sum
}
