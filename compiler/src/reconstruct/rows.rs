//! Samples of what a convolution reads and should answer.
//!
//! A row belongs to one output pixel of one picture: the codes under the window, less their zero points, as the integer
//! network reads them, and what the float layer answers there before its activation. Where the convolution adds a map, the
//! answer asked for includes the difference between the float map and the integer one: the sum is what has to be right.

use super::walk::Walk;
use crate::error::{Error, Result, Stage};
use crate::graph::Shape;
use crate::ops::Conv;
use crate::qgraph::reference::Value;
use crate::qgraph::{Codes, QTensor};
use crate::quantize::sites::SiteKind;
use crate::quantize::{Draft, fine};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};

/// Samples that are enough to leave others out.
const FEWEST: usize = 256;

/// Samples of one layer.
pub struct Rows<'a> {
    /// Codes less zero points, `[row][tap][channel]`: whole numbers, unless a gate multiplies them.
    pub codes: ArrayView2<'a, f32>,
    /// What the float layer answers, `[row][output]`.
    pub target: ArrayView2<'a, f32>,
}

/// Samples of all pictures, the held-out ones last.
pub struct Samples {
    codes: Array2<f32>,
    target: Array2<f32>,
    /// Rows of pictures that are not held out.
    train: usize,
}

impl Samples {
    fn rows(&self, from: usize, to: usize) -> Rows<'_> {
        Rows { codes: self.codes.slice(s![from..to, ..]), target: self.target.slice(s![from..to, ..]) }
    }

    /// Leaves only the rows of which an answer lies between `lo` and `hi`, if they are not too few.
    pub fn keep(&mut self, (lo, hi): (f32, f32)) {
        let live: Vec<usize> =
            (0..self.target.nrows()).filter(|&row| self.target.row(row).iter().any(|&y| lo <= y && y <= hi)).collect();
        let train = live.iter().filter(|&&row| row < self.train).count();
        if train >= FEWEST && live.len() > train {
            self.codes = self.codes.select(Axis(0), &live);
            self.target = self.target.select(Axis(0), &live);
            self.train = train;
        }
    }

    /// Of pictures that are not held out.
    pub fn train(&self) -> Rows<'_> {
        self.rows(0, self.train)
    }

    /// Of pictures that are held out.
    pub fn held(&self) -> Rows<'_> {
        self.rows(self.train, self.codes.nrows())
    }

    /// Of all pictures.
    pub fn all(&self) -> Rows<'_> {
        self.rows(0, self.codes.nrows())
    }
}

/// How many rows of `row` inputs a layer gets of all pictures together: about 64 MB.
fn count(row: usize) -> usize {
    ((1 << 24) / row.max(1)).clamp(256, 16_384)
}

/// Whole numbers that look random: which pixels of which picture.
fn pixels(seed: u64, count: usize, of: usize) -> Vec<usize> {
    if count >= of {
        return (0..of).collect();
    }
    // One pixel of each of `count` equal parts, so that no region is missed.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (from, to) = (i * of / count, (i + 1) * of / count);
            from + (state >> 33) as usize % (to - from).max(1)
        })
        .collect()
}

/// What is read under the window of output pixel `at`: `[tap][channel]`, `None` outside.
fn patch<T: Copy>(conv: &Conv, x: &[T], shape: Shape, at: [usize; 2], outside: &[T], to: &mut [T]) {
    let (window, channels) = (&conv.window, shape.channels);
    for (tap, to) in to.chunks_exact_mut(channels).enumerate() {
        let step = [tap / window.kernel[1], tap % window.kernel[1]];
        let position = |axis: usize, size: usize| {
            (at[axis] * window.stride[axis] + step[axis] * window.dilation[axis])
                .checked_sub(window.pad[axis])
                .filter(|&p| p < size)
        };
        match (position(0, shape.height), position(1, shape.width)) {
            (Some(row), Some(column)) => {
                let start = (row * shape.width + column) * channels;
                to.copy_from_slice(&x[start..start + channels]);
            }
            _ => to.copy_from_slice(outside),
        }
    }
}

fn codes_less_zero(value: &Value, codes: &Codes) -> Option<Vec<f32>> {
    let zeros = codes.zero.iter().cycle();
    Some(match value {
        Value::Map(q) => q.iter().zip(zeros).map(|(&q, &z)| f32::from(q) - f32::from(z)).collect(),
        Value::Wide(q) => q.iter().zip(zeros).map(|(&q, &z)| f32::from(q) - f32::from(z)).collect(),
        Value::Real(_) => return None,
    })
}

/// What a tap outside of the input reads, less its zero point.
fn pad_codes_less_zero(conv: &Conv, x: &QTensor, codes: &Codes) -> Vec<f32> {
    let channels = conv.in_channels().max(1);
    let code = |(c, &zero): (usize, &u16)| {
        let value = conv.pad_value[c % channels];
        let code = match fine::whole(x).filter(|_| x.fine) {
            Some(whole) => f32::from(fine::parts(&whole, c % channels, value)[c / channels]),
            None => (value / codes.scale[c] + f32::from(zero)).round_ties_even().clamp(0.0, 255.0),
        };
        code - f32::from(zero)
    };
    codes.zero.iter().enumerate().map(code).collect()
}

/// Patches `[tap][plane][channel]` of a fine map as a depthwise convolution reads them: `[plane][tap][channel]`.
fn planes_apart(patches: &Array2<f32>, taps: usize, both: usize) -> Array2<f32> {
    let channels = both / 2;
    Array2::from_shape_fn(patches.dim(), |(row, i)| {
        let (plane, tap, c) = (i / (taps * channels), i / channels % taps, i % channels);
        patches[[row, tap * both + plane * channels + c]]
    })
}

/// Samples of site `site`, whose convolution is `conv`; `held` says which pictures are held out. `None` without pictures.
///
/// # Errors
/// Where the walk does not reach the layer.
pub fn samples(
    walk: &Walk<'_>,
    draft: &Draft<'_>,
    site: usize,
    conv: &Conv,
    held: impl Fn(usize) -> bool,
) -> Result<Option<Samples>> {
    let place = &draft.sites[site];
    let broken = || Error::new(Stage::Quantize, "its samples are not there").at(&place.node.name);
    let input = *draft.q.nodes[draft.node[site]].inputs.first().ok_or_else(broken)?;
    let tensor = draft.q.tensor(input);
    let codes = tensor.codes().ok_or_else(broken)?;
    let (x, y) = (tensor.shape, draft.q.tensor(place.output).shape);
    let columns = match &place.kind {
        SiteKind::Gated { .. } => draft.filters[site].as_ref().map(|f| f.columns.as_slice()).unwrap_or(&[]),
        _ => &[],
    };
    let gate = (!columns.is_empty()).then(|| place.inputs[1]);
    let taps = conv.window.taps();
    let row = taps * x.channels;
    let outside = pad_codes_less_zero(conv, tensor, codes);
    // As the float layer sees it.
    let float_x = Shape { channels: conv.in_channels(), ..x };
    let per_picture = count(row).div_ceil(walk.pictures().max(1));
    let parts = walk.see(&place.inputs, |picture, floats, values| {
        let chosen = pixels((site as u64) << 32 | picture as u64, per_picture, y.pixels());
        let integers = values.get(input.index()).and_then(Option::as_ref).ok_or_else(broken)?;
        let integers = codes_less_zero(integers, codes).ok_or_else(broken)?;
        let float = floats[0].as_slice().ok_or_else(broken)?;
        // Behind a gate, what is read is times gate and column; the float layer reads what the float gate lets through.
        let factor: Option<Vec<f32>> = gate
            .map(|gate| {
                let value = values.get(gate.index()).and_then(Option::as_ref).ok_or_else(broken)?;
                let reals = draft.q.tensor(gate).reals(value);
                // The planes of a fine map have the same gates.
                Ok(reals.iter().cycle().zip(columns).map(|(g, a)| g * a).collect())
            })
            .transpose()?;
        let mut read = Array2::<f32>::zeros((chosen.len(), row));
        let mut truth = Array2::<f32>::zeros((chosen.len(), taps * float_x.channels));
        for (i, &pixel) in chosen.iter().enumerate() {
            let at = [pixel / y.width, pixel % y.width];
            patch(conv, &integers, x, at, &outside, read.row_mut(i).into_slice().ok_or_else(broken)?);
            patch(conv, float, float_x, at, &conv.pad_value, truth.row_mut(i).into_slice().ok_or_else(broken)?);
        }
        if tensor.fine && conv.is_depthwise() {
            read = planes_apart(&read, taps, x.channels);
        }
        if let Some(factor) = factor {
            let float_gate = floats[1].as_slice().ok_or_else(broken)?;
            for (mut read, mut truth) in read.outer_iter_mut().zip(truth.outer_iter_mut()) {
                read.iter_mut().zip(&factor).for_each(|(x, f)| *x *= f);
                truth.iter_mut().zip(float_gate).for_each(|(x, g)| *x *= g);
            }
        }
        let mut target = answers(conv, float_x.channels, &truth).ok_or_else(broken)?;
        let summed = if gate.is_some() { 2 } else { 1 };
        if let Some(&added) = place.inputs.get(summed) {
            let integers = values.get(added.index()).and_then(Option::as_ref).ok_or_else(broken)?;
            let integers = draft.q.tensor(added).reals(integers);
            let float = floats[summed].as_slice().ok_or_else(broken)?;
            for (mut target, &pixel) in target.outer_iter_mut().zip(&chosen) {
                let span = pixel * conv.out_channels..(pixel + 1) * conv.out_channels;
                for ((t, f), i) in target.iter_mut().zip(&float[span.clone()]).zip(&integers[span]) {
                    *t += f - i;
                }
            }
        }
        Ok((read, target))
    })?;
    Ok(join(&parts, held))
}

/// What the float convolution answers for patches `[row][tap][channel]`, before its activation.
fn answers(conv: &Conv, channels: usize, patches: &Array2<f32>) -> Option<Array2<f32>> {
    let (taps, outputs) = (conv.window.taps(), conv.out_channels);
    let mut out = Array2::<f32>::zeros((patches.nrows(), outputs));
    if conv.groups == 1 {
        let weights = ArrayView2::from_shape((outputs, taps * channels), &conv.weights).ok()?;
        general_mat_mul(1.0, patches, &weights.t(), 0.0, &mut out);
    } else {
        let (group_in, group_out) = (channels / conv.groups, outputs / conv.groups);
        for (patch, mut out) in patches.outer_iter().zip(out.outer_iter_mut()) {
            for o in 0..outputs {
                let first = o / group_out * group_in;
                let weights = &conv.weights[o * taps * group_in..(o + 1) * taps * group_in];
                let mut sum = 0.0;
                for (tap, weights) in weights.chunks_exact(group_in).enumerate() {
                    for (i, w) in weights.iter().enumerate() {
                        sum += w * patch[tap * channels + first + i];
                    }
                }
                out[o] = sum;
            }
        }
    }
    for mut row in out.outer_iter_mut() {
        row.iter_mut().zip(&conv.bias).for_each(|(sum, bias)| *sum += bias);
    }
    Some(out)
}

/// The rows of all pictures below each other, the held-out ones last.
fn join(parts: &[(Array2<f32>, Array2<f32>)], held: impl Fn(usize) -> bool) -> Option<Samples> {
    let count = parts.iter().map(|(codes, _)| codes.nrows()).sum();
    let (first, target) = parts.first()?;
    let mut all = Samples {
        codes: Array2::zeros((count, first.ncols())),
        target: Array2::zeros((count, target.ncols())),
        train: 0,
    };
    let mut at = 0;
    for pass in [false, true] {
        for (_, (codes, target)) in parts.iter().enumerate().filter(|&(picture, _)| held(picture) == pass) {
            let to = at + codes.nrows();
            all.codes.slice_mut(s![at..to, ..]).assign(codes);
            all.target.slice_mut(s![at..to, ..]).assign(target);
            at = to;
        }
        if !pass {
            all.train = at;
        }
    }
    Some(all)
}
