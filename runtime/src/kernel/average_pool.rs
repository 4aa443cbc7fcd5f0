//! Mean over a window (eq. 28): the sum of codes is exact; taps outside of the input add nothing and may count or not.

use super::convolution::tap;
use crate::isa::{Isa, Kernel};
use crate::layer::{Shape, Window, padded};

/// Mean over a window.
#[derive(Clone, Copy, Debug)]
pub struct AveragePool<'a> {
    /// The input map.
    pub input: Shape,
    /// The output map, of as many channels.
    pub output: Shape,
    /// Taps, stride, padding.
    pub window: Window,
    /// Whether taps outside of the input count.
    pub count_pad: bool,
    /// Zero point of the input per channel, padded.
    pub zero: &'a [f32],
    /// Factor of the mean per channel, padded.
    pub multiplier: &'a [f32],
    /// Summand per channel, padded.
    pub bias: &'a [f32],
}

/// `input` and `output` are the maps.
#[inline]
pub fn average_pool<I: Isa>(isa: I, layer: &AveragePool<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a AveragePool<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let (x, y) = (layer.input, layer.output);
        let n = x.channels;
        if y.channels != n
            || input.len() < x.len()
            || output.len() < y.len()
            || [layer.zero, layer.multiplier, layer.bias].iter().any(|slice| slice.len() < padded(n))
        {
            return;
        }
        for row in 0..y.height {
            for column in 0..y.width {
                let mut channel = 0;
                while channel < n {
                    let at = (row * y.width + column) * n + channel;
                    if n - channel >= 4 * I::LANES {
                        pixel::<I, 4>(isa, layer, input, [row, column, channel], I::LANES, output, at);
                        channel += 4 * I::LANES;
                    } else {
                        let count = (n - channel).min(I::LANES);
                        pixel::<I, 1>(isa, layer, input, [row, column, channel], count, output, at);
                        channel += I::LANES;
                    }
                }
            }
        }
    }
}

/// N vectors of channels of one output pixel, each with `count`.
#[inline(always)]
fn pixel<I: Isa, const N: usize>(
    isa: I,
    layer: &AveragePool<'_>,
    input: &[u8],
    [row, column, channel]: [usize; 3],
    count: usize,
    output: &mut [u8],
    to: usize,
) {
    let Shape { height, width, channels } = layer.input;
    let mut sums = [isa.splat_i32(0); N];
    let mut inside = 0_usize;
    for ky in 0..layer.window.kernel[0] {
        let Some(y) = tap(&layer.window, 0, height, row, ky) else { continue };
        for kx in 0..layer.window.kernel[1] {
            let Some(x) = tap(&layer.window, 1, width, column, kx) else { continue };
            let at = (y * width + x) * channels + channel;
            for n in 0..N {
                sums[n] = isa.add_i32(sums[n], isa.load_codes(input, at + n * I::LANES, count));
            }
            inside += 1;
        }
    }
    let counted = if layer.count_pad { layer.window.taps() } else { inside };
    let (inside, share) = (isa.splat_f32(inside as f32), isa.splat_f32(1.0 / counted.max(1) as f32));
    let mut codes = sums;
    for n in 0..N {
        let at = channel + n * I::LANES;
        let zero = isa.mul(inside, isa.load_f32(layer.zero, at));
        let mean = isa.mul(isa.sub(isa.to_f32(sums[n]), zero), share);
        let v = isa.add(isa.mul(mean, isa.load_f32(layer.multiplier, at)), isa.load_f32(layer.bias, at));
        codes[n] = isa.to_i32(v);
    }
    isa.store_codes(codes, output, to, (N - 1) * I::LANES + count);
}
