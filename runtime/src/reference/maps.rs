//! Maps without weights: moved, resized, averaged, multiplied, and what is said of their pixels (eq. 21, 27–32).

use super::{code, exp, store, whole};
use crate::kernel::{ArgMax, AveragePool, ChannelTables, Product, Rearrange, Resize, SoftmaxMap, Spread};
use crate::layer::{Shape, Window};

/// Elements in another place (eq. 21).
pub fn rearrange<T: Copy>(layer: &Rearrange<'_>, inputs: &[&[T]], output: &mut [T]) {
    let Shape { height, width, channels } = layer.output;
    for row in 0..height {
        for column in 0..width {
            for (part, input) in layer.parts.iter().zip(inputs) {
                for [from, to, len] in part.runs.iter().map(|run| run.map(|n| n as usize)) {
                    for i in 0..len {
                        let at = (part.rows[row] + part.columns[column]) as usize + from + i;
                        output[(row * width + column) * channels + to + i] = input[at];
                    }
                }
            }
        }
    }
}

/// A table for each channel (eq. 17).
pub fn channel_tables(layer: &ChannelTables<'_>, input: &[u8], output: &mut [u8]) {
    for i in 0..layer.shape.len() {
        output[i] = layer.tables[256 * (i % layer.shape.channels) + usize::from(input[i])];
    }
}

/// Bilinear resize (eq. 27, 13, 42).
pub fn resize(layer: &Resize<'_>, input: &[u8], output: &mut [u8]) {
    let n = layer.input.channels;
    for i in 0..layer.output.len() {
        let (row, column, c) = (i / n / layer.output.width, i / n % layer.output.width, i % n);
        let at = |y: usize, x: usize| {
            let (y, x) = (layer.rows[2 * row + y] as usize, layer.columns[2 * column + x] as usize);
            f32::from(whole(input, layer.fine, [y * layer.input.width + x, c, n]))
        };
        let (fx, fy) = (layer.column_shares[column], layer.row_shares[row]);
        let t = at(0, 0) + (at(0, 1) - at(0, 0)) * fx;
        let u = at(1, 0) + (at(1, 1) - at(1, 0)) * fx;
        store(t + (u - t) * fy, layer.fine, output, [i / n, c, n]);
    }
}

/// Mean over a window (eq. 28, 13).
pub fn average_pool(layer: &AveragePool<'_>, input: &[u8], output: &mut [u8]) {
    let Window { kernel, stride, dilation, pad } = layer.window;
    let Shape { height, width, channels } = layer.input;
    for (i, q) in output[..layer.output.len()].iter_mut().enumerate() {
        let (oy, ox, c) = (i / channels / layer.output.width, i / channels % layer.output.width, i % channels);
        let (mut sum, mut inside) = (0_i32, 0_u32);
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let y = (oy * stride[0] + ky * dilation[0]).wrapping_sub(pad[0]);
                let x = (ox * stride[1] + kx * dilation[1]).wrapping_sub(pad[1]);
                if y < height && x < width {
                    sum += i32::from(input[(y * width + x) * channels + c]);
                    inside += 1;
                }
            }
        }
        let counted = if layer.count_pad { (kernel[0] * kernel[1]) as u32 } else { inside.max(1) };
        let mean = (sum as f32 - inside as f32 * layer.zero[c]) * (1.0 / counted as f32);
        *q = code(mean * layer.multiplier[c] + layer.bias[c], 255) as u8;
    }
}

/// Product of two maps (eq. 29, 13).
pub fn product(layer: &Product<'_>, first: &[u8], second: &[u8], output: &mut [u8]) {
    let n = layer.shape.channels;
    for i in 0..layer.shape.len() {
        let (c, j) = (i % n, if layer.second_channels == 1 { i / n } else { i });
        let (a, b) = (f32::from(first[i]) - layer.first_zero[c], f32::from(second[j]) - layer.second_zero[c]);
        output[i] = code((a * b) * layer.multiplier[c] + layer.bias[c], 255) as u8;
    }
}

/// A vector over all pixels (eq. 30, 13).
pub fn spread(layer: &Spread<'_>, input: &[f32], output: &mut [u8]) {
    for (i, q) in output[..layer.output.len()].iter_mut().enumerate() {
        let c = i % layer.output.channels;
        *q = code(input[c] * layer.multiplier[c] + layer.bias[c], 255) as u8;
    }
}

/// The first channel of the largest real (eq. 31).
pub fn arg_max(layer: &ArgMax<'_>, input: &[u8], output: &mut [u8]) {
    let n = layer.input.channels;
    for (pixel, q) in output[..layer.input.pixels()].iter_mut().enumerate() {
        let real = |c: usize| layer.scale[c] * (f32::from(input[pixel * n + c]) - layer.zero[c]);
        *q = (1..n).fold(0, |best, c| if real(c) > real(best) { c } else { best }) as u8;
    }
}

/// Softmax over channels (eq. 32, 13).
pub fn softmax_map(layer: &SoftmaxMap<'_>, input: &[u8], output: &mut [u8]) {
    let n = layer.shape.channels;
    for pixel in 0..layer.shape.pixels() {
        let real = |c: usize| layer.scale[c] * (f32::from(input[pixel * n + c]) - layer.zero[c]);
        let most = (0..n).map(real).fold(f32::NEG_INFINITY, |most, r| if r > most { r } else { most });
        let sum = (0..n).fold(0.0, |sum, c| sum + exp(real(c) - most));
        for c in 0..n {
            output[pixel * n + c] = code(exp(real(c) - most) / sum * 255.0, 255) as u8;
        }
    }
}
