//! Depthwise convolution: for every output pixel, every tap adds a row of channels.
//!
//! ```text
//! y[p, :] = bias[:] + Σ_tap w[tap, :] ∘ x[p·stride + tap·dilation − pad, :]
//! ```

use crate::graph::Shape;
use crate::ops::Conv;
use ndarray::Array3;

pub(super) fn run(conv: &Conv, x: &Array3<f32>, y: Shape) -> Option<Array3<f32>> {
    let (height, width, channels) = x.dim();
    let x = x.as_slice()?;
    let (window, taps) = (&conv.window, conv.window.taps());
    // From [channel][tap] to [tap][channel].
    let mut weights = vec![0.0f32; taps * channels];
    for (c, filter) in conv.weights.chunks_exact(taps).enumerate() {
        for (tap, &w) in filter.iter().enumerate() {
            weights[tap * channels + c] = w;
        }
    }
    let zero_padding = conv.pad_value.iter().all(|&v| v == 0.0);
    let mut out = Vec::with_capacity(y.len());
    for row in 0..y.height {
        for column in 0..y.width {
            let start = out.len();
            out.extend_from_slice(&conv.bias);
            let sums = &mut out[start..];
            for (tap, w) in weights.chunks_exact(channels).enumerate() {
                let (i, j) = (tap / window.kernel[1], tap % window.kernel[1]);
                let at = |position: usize, axis: usize, step: usize, size: usize| {
                    (position * window.stride[axis] + step * window.dilation[axis])
                        .checked_sub(window.pad[axis])
                        .filter(|&p| p < size)
                };
                let source = match (at(row, 0, i, height), at(column, 1, j, width)) {
                    (Some(r), Some(c)) => x.get((r * width + c) * channels..)?.get(..channels)?,
                    _ if zero_padding => continue,
                    _ => conv.pad_value.as_slice(),
                };
                for ((sum, &w), &v) in sums.iter_mut().zip(w).zip(source) {
                    *sum += w * v;
                }
            }
        }
    }
    Array3::from_shape_vec((y.height, y.width, y.channels), out).ok()
}
