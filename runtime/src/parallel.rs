//! Layers whose parts several threads compute: the kernels on pieces of their maps.
//!
//! | layer | a part is |
//! |---|---|
//! | pointwise, gate, add | some pixels |
//! | depthwise, convolution | some rows; the input from the first row that its taps see on, with less padding above |
//! | gated | some vectors of output channels, whose weights it gates; then some pixels |
//! | dense | some output channels |
//!
//! A team of one calls the kernel on all of it. Constants and weights are shared, every output code has one writer.

use crate::isa::{Isa, Team};
use crate::kernel::{self, Add, Convolution, Dense, Depthwise, Gate, Gated, Pointwise, RealActivation};
use crate::layer::{Epilogue, Shape, Window};
use crate::pack;

/// Pixels of the largest tile.
const TILE: usize = 8;

/// Output channels of a dense layer that one panel holds, at most.
const PANEL: usize = 64;

/// Bytes of scratch that a thread has by itself.
const SCRATCH: usize = 8192;

/// The elements of `all` from `at` on; all there are, at most `len`.
#[inline(always)]
fn piece<T>(all: &[T], at: usize, len: usize) -> &[T] {
    let rest = all.get(at..).unwrap_or(&[]);
    rest.get(..len).unwrap_or(rest)
}

/// The piece of the map that is added which belongs to the `len` codes of the output from `at` on.
#[inline(always)]
fn added<'a>(epilogue: &Epilogue<'_>, residual: &'a [u8], at: usize, len: usize) -> &'a [u8] {
    piece(residual, epilogue.added(at), epilogue.added(len))
}

/// The share of `part` in what a layer prefetches.
#[inline(always)]
fn share(all: &[u8], part: usize, parts: usize) -> &[u8] {
    let at = |part: usize| (all.len() * part).checked_div(parts).unwrap_or(0);
    piece(all, at(part), at(part + 1) - at(part))
}

/// [`kernel::pointwise`].
#[inline]
pub fn pointwise<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Pointwise<'_>,
    input: &[u8],
    residual: &[u8],
    output: &mut [u8],
) {
    let (parts, n) = (team.parts(), layer.out_channels * layer.epilogue.planes());
    let Some(output) = output.get_mut(..layer.pixels * n).filter(|_| parts > 1 && n > 0) else {
        return kernel::pointwise(isa, layer, input, residual, output);
    };
    team.share(output, TILE * n, |part, start, output| {
        let (first, pixels) = (start.checked_div(n).unwrap_or(0), output.len().checked_div(n).unwrap_or(0));
        let part = Pointwise { pixels, ahead: share(layer.ahead, part, parts), ..*layer };
        let input = piece(input, first * layer.in_channels, pixels * layer.in_channels);
        kernel::pointwise(isa, &part, input, added(&layer.epilogue, residual, start, output.len()), output);
    });
}

/// The part of a window's layer from output row `first` on: where its input starts, its input and its window.
#[inline(always)]
fn from_row(input: Shape, window: &Window, first: usize) -> (usize, Shape, Window) {
    let reach = first * window.stride[0];
    let above = reach.saturating_sub(window.pad[0]).min(input.height);
    let pad = [window.pad[0].saturating_sub(reach), window.pad[1]];
    let input = Shape { height: input.height - above, ..input };
    (above * input.width * input.channels, input, Window { pad, ..*window })
}

/// [`kernel::depthwise`].
#[inline]
pub fn depthwise<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Depthwise<'_>,
    input: &[u8],
    residual: &[u8],
    output: &mut [u8],
) {
    let row = layer.output.width * layer.output.channels;
    let parts = team.parts();
    let Some(output) = output.get_mut(..layer.output.len()).filter(|_| parts > 1 && row > 0) else {
        return kernel::depthwise(isa, layer, input, residual, output);
    };
    team.share(output, row, |_, start, output| {
        let row_count = |len: usize| len.checked_div(row).unwrap_or(0);
        let (skip, shape, window) = from_row(layer.input, &layer.window, row_count(start));
        let part = Depthwise {
            input: shape,
            output: Shape { height: row_count(output.len()), ..layer.output },
            window,
            ..*layer
        };
        kernel::depthwise(
            isa,
            &part,
            piece(input, skip, shape.len()),
            added(&layer.epilogue, residual, start, output.len()),
            output,
        );
    });
}

/// [`kernel::convolution`]. Threads beyond the caller have a scratch of their own, if a small one is enough.
#[inline]
pub fn convolution<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Convolution<'_>,
    input: &[u8],
    residual: &[u8],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    let row = layer.output.width * layer.output.channels;
    let parts = team.parts();
    let apart = parts > 1 && row > 0 && layer.scratch_len() <= SCRATCH;
    let Some(output) = output.get_mut(..layer.output.len()).filter(|_| apart) else {
        return kernel::convolution(isa, layer, input, residual, scratch, output);
    };
    team.share(output, row, |_, start, output| {
        let row_count = |len: usize| len.checked_div(row).unwrap_or(0);
        let (skip, shape, window) = from_row(layer.input, &layer.window, row_count(start));
        let part = Convolution {
            input: shape,
            output: Shape { height: row_count(output.len()), ..layer.output },
            window,
            ..*layer
        };
        let (input, residual) =
            (piece(input, skip, shape.len()), added(&layer.epilogue, residual, start, output.len()));
        kernel::convolution(isa, &part, input, residual, &mut [0; SCRATCH], output);
    });
}

/// `count` output channels of a dense layer, from `first` on, a multiple of [`PANEL`].
#[inline(always)]
fn channels<'a, I: Isa>(_: I, layer: &Dense<'a>, first: usize, count: usize) -> Dense<'a> {
    let skip = first / I::LANES * pack::dense_vector_len(I::LEVEL, layer.in_channels);
    Dense {
        out_channels: count,
        weights: layer.weights.get(skip..).unwrap_or(&[]),
        epilogue: layer.epilogue.from_channel(first),
        ..*layer
    }
}

/// [`kernel::dense_codes`].
#[inline]
pub fn dense_codes<I: Isa>(isa: I, team: &mut Team, layer: &Dense<'_>, input: &[u16], output: &mut [u16]) {
    let parts = team.parts();
    let Some(output) = output.get_mut(..layer.out_channels).filter(|_| parts > 1) else {
        return kernel::dense_codes(isa, layer, input, output);
    };
    team.share(output, PANEL, |_, first, output| {
        kernel::dense_codes(isa, &channels(isa, layer, first, output.len()), input, output);
    });
}

/// [`kernel::dense_reals`].
#[inline]
pub fn dense_reals<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Dense<'_>,
    activation: RealActivation,
    input: &[u16],
    output: &mut [f32],
) {
    let parts = team.parts();
    let Some(output) = output.get_mut(..layer.out_channels).filter(|_| parts > 1) else {
        return kernel::dense_reals(isa, layer, activation, input, output);
    };
    team.share(output, PANEL, |_, first, output| {
        kernel::dense_reals(isa, &channels(isa, layer, first, output.len()), activation, input, output);
    });
}

/// Codes of a pixel of `channels` channels.
const fn codes(channels: usize, fine: bool) -> usize {
    if fine { 2 * channels } else { channels }
}

/// [`kernel::gated`] of `[input, residual]`.
#[inline]
pub fn gated<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Gated<'_>,
    [input, residual]: [&[u8]; 2],
    gate: &[f32],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    kernel::gated_by_team(isa, team, layer, [input, residual], gate, scratch, output);
}

/// [`kernel::gate`].
#[inline]
pub fn gate<I: Isa>(isa: I, team: &mut Team, layer: &Gate<'_>, input: &[u8], gate: &[f32], output: &mut [u8]) {
    let (parts, n) = (team.parts(), layer.shape.channels);
    let [of_input, row] = layer.fine.map(|fine| codes(n, fine));
    let Some(output) = output.get_mut(..layer.shape.pixels() * row).filter(|_| parts > 1 && n > 0) else {
        return kernel::gate(isa, layer, input, gate, output);
    };
    team.share(output, TILE * row, |_, start, output| {
        let [first, pixels] = [start, output.len()].map(|codes| codes.checked_div(row).unwrap_or(0));
        let part = Gate { shape: Shape::new(1, pixels, n), ..*layer };
        kernel::gate(isa, &part, piece(input, first * of_input, pixels * of_input), gate, output);
    });
}

/// [`kernel::add`].
#[inline]
pub fn add<I: Isa>(isa: I, team: &mut Team, layer: &Add<'_>, first: &[u8], second: &[u8], output: &mut [u8]) {
    let (parts, n) = (team.parts(), layer.shape.channels);
    let [of_first, of_second, row] = layer.fine.map(|fine| codes(n, fine));
    let Some(output) = output.get_mut(..layer.shape.pixels() * row).filter(|_| parts > 1 && n > 0) else {
        return kernel::add(isa, layer, first, second, output);
    };
    team.share(output, TILE * row, |_, start, output| {
        let [at, pixels] = [start, output.len()].map(|codes| codes.checked_div(row).unwrap_or(0));
        let part = Add { shape: Shape::new(1, pixels, n), ..*layer };
        let first = piece(first, at * of_first, pixels * of_first);
        kernel::add(isa, &part, first, piece(second, at * of_second, pixels * of_second), output);
    });
}
