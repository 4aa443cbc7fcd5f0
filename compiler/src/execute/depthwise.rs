//! Depthwise convolution: for every output pixel, the taps that count, then sixteen channels at a time in registers.
//!
//! ```text
//! y[p, :] = bias[:] + Σ_tap w[tap, :] ∘ x[p·stride + tap·dilation − pad, :]
//! ```

use crate::graph::Shape;
use crate::ops::Conv;
use ndarray::Array3;

/// One tap of one output pixel: where its weights and its input channels begin; `None` reads the padding.
type Tap = (usize, Option<usize>);

pub(super) fn run(conv: &Conv, x: &Array3<f32>, y: Shape) -> Option<Array3<f32>> {
    let (height, width, channels) = x.dim();
    let input = x.as_slice()?;
    let (window, count) = (&conv.window, conv.window.taps());
    // From [channel][tap] to [tap][channel].
    let mut weights = vec![0.0f32; count * channels];
    for (c, filter) in conv.weights.chunks_exact(count).enumerate() {
        for (tap, &w) in filter.iter().enumerate() {
            weights[tap * channels + c] = w;
        }
    }
    let zero_padding = conv.pad_value.iter().all(|&v| v == 0.0);
    let at = |position: usize, axis: usize, step: usize, size: usize| {
        (position * window.stride[axis] + step * window.dilation[axis])
            .checked_sub(window.pad[axis])
            .filter(|&p| p < size)
    };
    let mut out = vec![0.0f32; y.len()];
    let mut taps: Vec<Tap> = Vec::with_capacity(count);
    for (pixel, sums) in out.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (pixel / y.width, pixel % y.width);
        taps.clear();
        for tap in 0..count {
            let (i, j) = (tap / window.kernel[1], tap % window.kernel[1]);
            let source = at(row, 0, i, height).zip(at(column, 1, j, width));
            if source.is_some() || !zero_padding {
                taps.push((tap * channels, source.map(|(r, c)| (r * width + c) * channels)));
            }
        }
        let sources = Sources { input, weights: &weights, padding: &conv.pad_value, bias: &conv.bias };
        let (wide, rest) = sums.as_chunks_mut::<16>();
        let first_rest = wide.len() * 16;
        for (block, sums) in wide.iter_mut().enumerate() {
            *sums = sources.block(&taps, block * 16)?;
        }
        let (narrow, rest) = rest.as_chunks_mut::<4>();
        let first_single = first_rest + narrow.len() * 4;
        for (block, sums) in narrow.iter_mut().enumerate() {
            *sums = sources.block(&taps, first_rest + block * 4)?;
        }
        for (i, sum) in rest.iter_mut().enumerate() {
            [*sum] = sources.block(&taps, first_single + i)?;
        }
    }
    Array3::from_shape_vec((y.height, y.width, y.channels), out).ok()
}

/// What all pixels read.
struct Sources<'a> {
    input: &'a [f32],
    weights: &'a [f32],
    padding: &'a [f32],
    bias: &'a [f32],
}

impl Sources<'_> {
    /// `N` channels from `c` on.
    #[inline]
    fn block<const N: usize>(&self, taps: &[Tap], c: usize) -> Option<[f32; N]> {
        let mut sums: [f32; N] = *self.bias.get(c..)?.first_chunk()?;
        for &(w, source) in taps {
            let w: &[f32; N] = self.weights.get(w + c..)?.first_chunk()?;
            let v: &[f32; N] = match source {
                Some(at) => self.input.get(at + c..)?.first_chunk()?,
                None => self.padding.get(c..)?.first_chunk()?,
            };
            for i in 0..N {
                sums[i] += w[i] * v[i];
            }
        }
        Some(sums)
    }
}
