//! `specs/arithmetic.md` as naive code. Nothing here is fast, everything here is right: numbers in brackets are the
//! equations. It indexes, and so panics on impossible shapes.

use core::f32::consts::LOG2_E;

mod maps;
mod vectors;

use crate::kernel::{Add, Gate, MaxPool, Mean, RealActivation, SHUT};
use crate::layer::{Activation, Epilogue, FINE_TOP, Shape, Window};
pub use maps::*;
pub use vectors::*;

/// *rne*: to the nearest integer, ties to even.
fn rne(x: f32) -> i32 {
    let down = x as i32;
    let (below, rest) = if down as f32 > x { (down - 1, x - (down - 1) as f32) } else { (down, x - down as f32) };
    if rest > 0.5 || (rest == 0.5 && below % 2 != 0) { below + 1 } else { below }
}

fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `v[o] = f32(acc[o]) · multiplier[o] + bias[o]` (eq. 9).
fn rescale(acc: i32, multiplier: f32, bias: f32) -> f32 {
    acc as f32 * multiplier + bias
}

/// The same of output channel o of a layer with weights, which may have no bias.
fn of_layer(epilogue: &Epilogue<'_>, acc: i32, o: usize) -> f32 {
    match epilogue.bias {
        Some(bias) => rescale(acc, epilogue.multiplier[o], bias[o]),
        None => acc as f32 * epilogue.multiplier[o],
    }
}

/// `y` of `v` (eq. 11, 12).
fn activate(activation: &Activation<'_>, v: f32, o: usize) -> f32 {
    match activation {
        Activation::Linear => v,
        Activation::HardSwish { half, zero } => (v - half[o]) * min(max(v, 0.0), half[o] + half[o]) + zero[o],
    }
}

/// `q = rne(min(max(y, 0), top))` (eq. 13).
pub fn code(y: f32, top: u16) -> u16 {
    rne(min(max(y, 0.0), f32::from(top))) as u16
}

/// `v` with what is added for output channel o of `outputs` at `pixel` (eq. 10, 40); `residual` is empty if there is none.
fn sum(epilogue: &Epilogue<'_>, v: f32, residual: &[u8], at: [usize; 3]) -> f32 {
    match epilogue.residual {
        Some(factor) => v + f32::from(whole(residual, epilogue.fine_residual, at)) * factor[at[1]],
        None => v,
    }
}

/// `sat16(n)`.
fn saturated(n: i64) -> i32 {
    n.clamp(-32768, 32767) as i32
}

/// `sat16(⌊(a · b + 2^14) / 2^15⌋)` of two numbers of 16 bits.
fn rounded_product(a: i32, b: i32) -> i32 {
    saturated((i64::from(a) * i64::from(b) + (1 << 14)) >> 15)
}

/// The code of output channel o where rescaling is in 16 bits (eq. 43–46).
fn fixed_code(epilogue: &Epilogue<'_>, shift: i32, acc: i32, o: usize) -> u8 {
    let t = saturated((i64::from(acc) << shift) >> 16);
    let u = rounded_product(t, epilogue.multiplier[o] as i32);
    let y = match epilogue.activation {
        Activation::Linear => u,
        Activation::HardSwish { half, zero } => {
            let (half, zero) = (half[o] as i32, zero[o] as i32);
            rounded_product(saturated(i64::from(u - half)), u.clamp(0, half + half)) + zero
        }
    };
    y.clamp(0, 255) as u8
}

/// The code of `y` for channel c of `channels` at `pixel` (eq. 13), or both parts of a fine one (eq. 37).
fn store(y: f32, fine: bool, output: &mut [u8], [pixel, c, channels]: [usize; 3]) {
    if fine {
        let (q, at) = (code(y, FINE_TOP), pixel * 2 * channels + c);
        output[at] = (q / 16) as u8;
        output[at + channels] = (q % 16) as u8;
    } else {
        output[pixel * channels + c] = code(y, 255) as u8;
    }
}

/// The whole code of channel c of `channels` at `pixel`.
fn whole(map: &[u8], fine: bool, [pixel, c, channels]: [usize; 3]) -> u16 {
    if fine {
        let at = pixel * 2 * channels + c;
        16 * u16::from(map[at]) + u16::from(map[at + channels])
    } else {
        u16::from(map[pixel * channels + c])
    }
}

/// A convolution with its weights as the network has them.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// The input map.
    pub input: Shape,
    /// The output map.
    pub output: Shape,
    /// Taps, stride, dilation, padding.
    pub window: Window,
    /// Groups: 1 in general, as many as channels if depthwise.
    pub groups: usize,
    /// Whether a depthwise convolution reads a fine map (eq. 38), whose planes are then the two channels of each group.
    pub fine_input: bool,
    /// `[o][kh][kw][c of the group]`; of a fine input `[o][plane][kh][kw]`.
    pub weights: &'a [i8],
    /// What taps outside of the input read, per input channel.
    pub pad_code: &'a [u8],
    /// Rescaling and activation.
    pub epilogue: Epilogue<'a>,
}

/// Convolution: pointwise, general, grouped and depthwise (eq. 5, 9–13). `residual` is empty if there is none.
pub fn convolution(layer: &Convolution<'_>, input: &[u8], residual: &[u8], output: &mut [u8]) {
    let Window { kernel, stride, dilation, pad } = layer.window;
    let taps = layer.window.taps();
    let outputs = layer.output.channels / layer.epilogue.planes();
    let (c_len, o_len) = (layer.input.channels / layer.groups, outputs / layer.groups);
    for oy in 0..layer.output.height {
        for ox in 0..layer.output.width {
            for o in 0..outputs {
                let mut acc = layer.epilogue.offset[o];
                for ky in 0..kernel[0] {
                    for kx in 0..kernel[1] {
                        for i in 0..c_len {
                            let c = if layer.fine_input { i * layer.groups + o } else { o / o_len * c_len + i };
                            let y = (oy * stride[0] + ky * dilation[0]).wrapping_sub(pad[0]);
                            let x = (ox * stride[1] + kx * dilation[1]).wrapping_sub(pad[1]);
                            let inside = y < layer.input.height && x < layer.input.width;
                            let code = if inside {
                                input[(y * layer.input.width + x) * layer.input.channels + c]
                            } else {
                                layer.pad_code[c]
                            };
                            let tap = ky * kernel[1] + kx;
                            let w = if layer.fine_input { i * taps + tap } else { tap * c_len + i };
                            let w = layer.weights[o * taps * c_len + w];
                            acc += i32::from(w) * i32::from(code);
                        }
                    }
                }
                let at = [oy * layer.output.width + ox, o, outputs];
                if let Some(shift) = layer.epilogue.fixed() {
                    output[at[0] * outputs + o] = fixed_code(&layer.epilogue, shift[o], acc, o);
                    continue;
                }
                let v = of_layer(&layer.epilogue, acc, o);
                let v = sum(&layer.epilogue, v, residual, at);
                store(activate(&layer.epilogue.activation, v, o), layer.epilogue.fine, output, at);
            }
        }
    }
}

/// A pointwise convolution of a gated map, with its weights as the network has them.
#[derive(Clone, Copy, Debug)]
pub struct Gated<'a> {
    /// Pixels of input and output.
    pub pixels: usize,
    /// Whether the input is a fine map (eq. 38): its two planes have the same gates.
    pub fine_input: bool,
    /// `[o][c]`.
    pub weights: &'a [i8],
    /// What the gate is multiplied with, per input channel.
    pub factor: &'a [f32],
    /// Zero point, per input channel.
    pub zero: &'a [f32],
    /// Output channels.
    pub out_channels: usize,
    /// Rescaling and activation; the offset is not used.
    pub epilogue: Epilogue<'a>,
}

/// Gated pointwise convolution (eq. 22–26, 9–13). `residual` is empty if there is none.
pub fn gated(layer: &Gated<'_>, input: &[u8], gate: &[f32], residual: &[u8], output: &mut [u8]) {
    let (k, n) = (layer.weights.len() / layer.out_channels, layer.out_channels);
    let mean = |c: usize| {
        let sum: i32 = (0..layer.pixels).map(|p| i32::from(input[p * k + c])).sum();
        (sum as f32 - layer.pixels as f32 * layer.zero[c]) * (1.0 / layer.pixels as f32)
    };
    let gates = if layer.fine_input { k / 2 } else { k };
    let factor = |c: usize| max(gate[c % gates] * layer.factor[c], 0.0);
    let largest = (0..k).map(factor).fold(0.0, max);
    let inverse = if largest > SHUT { 32767.0 / largest } else { 0.0 };
    let half = |c: usize| rne(min(max(mean(c) * 0.5, -127.0), 127.0));
    for o in 0..n {
        let weight = |c: usize| 256 * i32::from(layer.weights[o * k + c]);
        // (a · b) / 2^15, to the nearest.
        let times = |a: i32, b: i32| (a * b + (1 << 14)) >> 15;
        let factor = |c: usize| rne(factor(c) * inverse);
        let most = (0..k).map(|c| times(weight(c).abs(), factor(c))).max().unwrap_or(0);
        let t = if most > 0 { ((32512 << 15) + most / 2) / most } else { 0 };
        let value = |c: usize| {
            let p = times(weight(c), factor(c));
            p * (t >> 15) + times(p, t & 0x7FFF)
        };
        let weight = |c: usize| (value(c) + 128) >> 8;
        let step = if most > 0 { largest * ((1 << 30) as f32 / 32767.0 / t as f32) } else { 0.0 };
        let multiplier = layer.epilogue.multiplier[o] * step;
        let rest = |c: usize| (value(c) - 256 * weight(c)) * half(c);
        let error = (0..k).map(rest).fold(0i32, i32::wrapping_add) as f32 * (1.0 / 128.0);
        let bias = layer.epilogue.bias.map_or(0.0, |bias| bias[o]) + error * multiplier;
        for p in 0..layer.pixels {
            let product = |c: usize| weight(c) * (i32::from(input[p * k + c]) - layer.zero[c] as i32);
            let v = rescale((0..k).map(product).sum(), multiplier, bias);
            let v = sum(&layer.epilogue, v, residual, [p, o, n]);
            store(activate(&layer.epilogue.activation, v, o), layer.epilogue.fine, output, [p, o, n]);
        }
    }
}

/// A dense layer with its weights as the network has them.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// `[o][c]`.
    pub weights: &'a [i8],
    /// Rescaling and activation; the residual is not used.
    pub epilogue: Epilogue<'a>,
    /// Largest code.
    pub top: u16,
}

/// `v` of every output channel (eq. 6, 9).
fn dense<'a>(layer: &'a Dense<'_>, input: &'a [u16]) -> impl Iterator<Item = f32> + 'a {
    (0..layer.out_channels).map(|o| {
        let mut acc = layer.epilogue.offset[o];
        for c in 0..layer.in_channels {
            acc += i32::from(layer.weights[o * layer.in_channels + c]) * i32::from(input[c]);
        }
        of_layer(&layer.epilogue, acc, o)
    })
}

/// Dense layer to wide codes (eq. 6, 9, 11–13).
pub fn dense_codes(layer: &Dense<'_>, input: &[u16], output: &mut [u16]) {
    for (o, v) in dense(layer, input).enumerate() {
        output[o] = code(activate(&layer.epilogue.activation, v, o), layer.top);
    }
}

/// Dense layer to reals (eq. 6, 9, 14).
pub fn dense_reals(layer: &Dense<'_>, activation: RealActivation, input: &[u16], output: &mut [f32]) {
    for (o, v) in dense(layer, input).enumerate() {
        output[o] = match activation {
            RealActivation::Linear => v,
            RealActivation::Clip { lo, hi } => min(max(v, lo), hi),
            RealActivation::Sigmoid => sigmoid(v),
        };
    }
}

/// `v` of every channel's mean (eq. 7, 9, 39).
fn means<'a>(layer: &'a Mean<'_>, input: &'a [u8]) -> impl Iterator<Item = f32> + 'a {
    let channels = layer.shape.channels;
    let sum = move |c: usize| (0..layer.shape.pixels()).map(|p| i32::from(input[p * channels + c])).sum::<i32>();
    let means = if layer.fine { channels / 2 } else { channels };
    (0..means).map(move |c| {
        let acc = if layer.fine { 16 * sum(c) + sum(means + c) } else { sum(c) };
        rescale(acc, layer.multiplier[c], layer.bias[c])
    })
}

/// Mean to wide codes (eq. 7, 9, 13).
pub fn mean(layer: &Mean<'_>, input: &[u8], output: &mut [u16]) {
    for (c, v) in means(layer, input).enumerate() {
        output[c] = code(v, layer.top);
    }
}

/// Mean to reals (eq. 7, 9, 14).
pub fn mean_reals(layer: &Mean<'_>, input: &[u8], output: &mut [f32]) {
    for (c, v) in means(layer, input).enumerate() {
        output[c] = v;
    }
}

/// Gate (eq. 15, 11–13, 41).
pub fn gate(layer: &Gate<'_>, input: &[u8], gate: &[f32], output: &mut [u8]) {
    let n = layer.shape.channels;
    for i in 0..layer.shape.len() {
        let (c, at) = (i % n, [i / n, i % n, n]);
        let m = gate[c] * layer.multiplier[c];
        let b = layer.bias[c] - m * layer.zero[c];
        let v = f32::from(whole(input, layer.fine[0], at)) * m + b;
        store(activate(&layer.activation, v, c), layer.fine[1], output, at);
    }
}

/// Sum of two maps (eq. 16, 11–13, 41).
pub fn add(layer: &Add<'_>, first: &[u8], second: &[u8], output: &mut [u8]) {
    let n = layer.shape.channels;
    for i in 0..layer.shape.len() {
        let (c, at) = (i % n, [i / n, i % n, n]);
        let code = |map: &[u8], fine: bool| f32::from(whole(map, fine, at));
        let v = (code(first, layer.fine[0]) * layer.first[c] + layer.bias[c])
            + code(second, layer.fine[1]) * layer.second[c];
        store(activate(&layer.activation, v, c), layer.fine[2], output, at);
    }
}

/// Table (eq. 17).
pub fn table(table: &[u8; 256], input: &[u8], output: &mut [u8]) {
    for (y, &x) in output.iter_mut().zip(input) {
        *y = table[usize::from(x)];
    }
}

/// Maximum pooling (eq. 18); zero where no tap is inside.
pub fn max_pool(layer: &MaxPool, input: &[u8], output: &mut [u8]) {
    let Window { kernel, stride, dilation, pad } = layer.window;
    let Shape { height, width, channels } = layer.input;
    for (i, q) in output[..layer.output.len()].iter_mut().enumerate() {
        let (oy, ox, c) = (i / channels / layer.output.width, i / channels % layer.output.width, i % channels);
        *q = 0;
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let y = (oy * stride[0] + ky * dilation[0]).wrapping_sub(pad[0]);
                let x = (ox * stride[1] + kx * dilation[1]).wrapping_sub(pad[1]);
                if y < height && x < width {
                    *q = (*q).max(input[(y * width + x) * channels + c]);
                }
            }
        }
    }
}

/// `exp(x)` (eq. 19).
pub fn exp(x: f32) -> f32 {
    let x = min(max(x, -87.0), 88.0);
    let n = rne(x * LOG2_E);
    let t = (x - n as f32 * 0.693_359_4) - n as f32 * -2.121_944_4e-4;
    let coefficients = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0, 1.0];
    let e = coefficients.iter().fold(1.0f32 / 5040.0, |e, c| e * t + c);
    e * f32::from_bits(((n + 127) << 23) as u32)
}

/// `sigmoid(x)` (eq. 19).
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Softmax (eq. 20).
pub fn softmax(input: &[f32], output: &mut [f32]) {
    let m = input.iter().fold(f32::NEG_INFINITY, |m, &x| max(x, m));
    for (y, x) in output.iter_mut().zip(input) {
        *y = exp(x - m);
    }
    let sum = output.iter().fold(0.0, |sum, e| sum + e);
    for y in output.iter_mut() {
        *y /= sum;
    }
}
