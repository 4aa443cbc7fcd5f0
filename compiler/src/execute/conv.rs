//! Convolutions as matrix products.
//!
//! ```text
//! pointwise   Y[pixel, o] = X[pixel, c] · Wᵀ[c, o]
//! general     Y[pixel, o] = patches(X)[pixel, (tap, c)] · Wᵀ[(tap, c), o], a strip of pixels at a time
//! depthwise   see `depthwise`
//! ```

use super::depthwise;
use crate::graph::Shape;
use crate::ops::Conv;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, s};

/// Patches of so many pixels are unfolded at a time.
const STRIP: usize = 256;

/// The convolution, its bias and its activation; `None` where the shapes do not fit (verified graphs always fit).
pub(crate) fn run(conv: &Conv, x: &Array3<f32>, y: Shape) -> Option<Array3<f32>> {
    if conv.is_depthwise() {
        let mut result = depthwise::run(conv, x, y)?;
        if let Some(function) = conv.activation {
            function.apply_all(result.as_slice_mut()?);
        }
        return Some(result);
    }
    let mut out = vec![0.0f32; y.len()];
    if conv.is_pointwise() {
        pointwise(conv, x, y, &mut out)?;
    } else {
        general(conv, x, y, &mut out)?;
    }
    for pixel in out.chunks_exact_mut(conv.out_channels) {
        pixel.iter_mut().zip(&conv.bias).for_each(|(sum, bias)| *sum += bias);
        if let Some(function) = conv.activation {
            function.apply_all(pixel);
        }
    }
    Array3::from_shape_vec((y.height, y.width, y.channels), out).ok()
}

fn pointwise(conv: &Conv, x: &Array3<f32>, y: Shape, out: &mut [f32]) -> Option<()> {
    let channels = conv.in_channels();
    let x = x.as_slice()?;
    if y.pixels() == 1 {
        for (value, row) in out.iter_mut().zip(conv.weights.chunks_exact(channels)) {
            *value = dot(x, row);
        }
    } else {
        let x = ArrayView2::from_shape((y.pixels(), channels), x).ok()?;
        let w = ArrayView2::from_shape((conv.out_channels, channels), &conv.weights).ok()?;
        let mut out = ArrayViewMut2::from_shape((y.pixels(), conv.out_channels), out).ok()?;
        general_mat_mul(1.0, &x, &w.t(), 0.0, &mut out);
    }
    Some(())
}

/// Sixteen sums side by side, so that it vectorises.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0f32; 16];
    for (a, b) in a.iter().zip(b) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn general(conv: &Conv, x: &Array3<f32>, y: Shape, out: &mut [f32]) -> Option<()> {
    let (group_in, group_out) = (conv.group_channels(), conv.out_channels.checked_div(conv.groups)?);
    let depth = conv.window.taps().checked_mul(group_in)?;
    let mut out = ArrayViewMut2::from_shape((y.pixels(), conv.out_channels), out).ok()?;
    let weights = ArrayView2::from_shape((conv.out_channels, depth), &conv.weights).ok()?;
    let mut patches = Array2::<f32>::zeros((STRIP.min(y.pixels()), depth));
    for group in 0..conv.groups {
        let rows = weights.slice(s![group * group_out..(group + 1) * group_out, ..]);
        for first in (0..y.pixels()).step_by(STRIP) {
            let count = STRIP.min(y.pixels() - first);
            for (i, mut patch) in patches.outer_iter_mut().take(count).enumerate() {
                unfold(
                    conv,
                    x,
                    [(first + i) / y.width, (first + i) % y.width],
                    group * group_in,
                    patch.as_slice_mut()?,
                )?;
            }
            let mut strip = out.slice_mut(s![first..first + count, group * group_out..(group + 1) * group_out]);
            general_mat_mul(1.0, &patches.slice(s![..count, ..]), &rows.t(), 0.0, &mut strip);
        }
    }
    Some(())
}

/// What the filter at output pixel `at` reads: `[tap][channel of the group]`.
fn unfold(conv: &Conv, x: &Array3<f32>, at: [usize; 2], first_channel: usize, patch: &mut [f32]) -> Option<()> {
    let (height, width, channels) = x.dim();
    let x = x.as_slice()?;
    let (window, count) = (&conv.window, conv.group_channels());
    for (tap, target) in patch.chunks_exact_mut(count).enumerate() {
        let step = [tap / window.kernel[1], tap % window.kernel[1]];
        let position = |axis: usize, size: usize| {
            (at[axis] * window.stride[axis] + step[axis] * window.dilation[axis])
                .checked_sub(window.pad[axis])
                .filter(|&p| p < size)
        };
        let source = match (position(0, height), position(1, width)) {
            (Some(row), Some(column)) => {
                let start = (row * width + column) * channels + first_channel;
                x.get(start..start + count)?
            }
            _ => conv.pad_value.get(first_channel..first_channel + count)?,
        };
        target.copy_from_slice(source);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Window;
    use crate::ops::{Activation, Operator as _};

    fn noise(seed: u32, n: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn equals_the_naive_formula() {
        let mut case = 0;
        for (groups, group_in, group_out) in [(1, 3, 5), (6, 1, 1), (3, 2, 4), (4, 1, 2), (1, 1, 1), (1, 17, 33)] {
            for kernel in [[1, 1], [3, 3], [5, 5], [2, 3], [1, 5]] {
                for (stride, dilation) in [([1, 1], [1, 1]), ([2, 2], [1, 1]), ([2, 1], [1, 2]), ([3, 3], [2, 2])] {
                    for (pad, pad_end) in [([0, 0], [0, 0]), ([1, 1], [1, 1]), ([0, 2], [3, 1])] {
                        case += 1;
                        let (channels, out) = (groups * group_in, groups * group_out);
                        let conv = Conv {
                            weights: noise(case, out * kernel[0] * kernel[1] * group_in),
                            bias: noise(case + 1, out),
                            out_channels: out,
                            window: Window { kernel, stride, dilation, pad },
                            pad_end,
                            groups,
                            pad_value: if case % 2 == 0 { noise(case, channels) } else { vec![0.0; channels] },
                            activation: (case % 3 == 0).then_some(Activation::HardSwish),
                        };
                        let shape = Shape::new(9, 11, channels);
                        let x = Array3::from_shape_vec((9, 11, channels), noise(case + 2, shape.len())).unwrap();
                        let y = conv.shape(&[shape]).unwrap();
                        let (fast, naive) = (run(&conv, &x, y).unwrap(), conv.naive(&x, y));
                        let worst = (&fast - &naive).iter().fold(0.0f32, |m, v| m.max(v.abs()));
                        assert!(worst < 1e-5, "{worst} at {:?} groups {groups}", conv.window);
                    }
                }
            }
        }
    }
}
