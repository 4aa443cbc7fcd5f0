//! Pointwise convolution of a gated map (eq. 22–26): the gate goes into the weights, not into the map.
//!
//! A squeeze-excite multiplies every channel of a map by a real that differs from picture to picture. Multiplying the map would
//! round it to codes a second time, with a scale that has to suit every picture; here the weights of the projection
//! that follows are multiplied and rounded anew for each picture, to a scale per output channel that suits this one.
//!
//! ```text
//! for each 64 output channels:
//!   largest |w · f| of each output channel                 two passes over the weights: K · N steps,
//!   codes of w · f, packed for the pointwise kernel        where gating the map takes K · pixels
//!   pointwise convolution of all pixels with these weights
//! ```

use super::pointwise::{Product, Tile};
use crate::isa::{Isa, Kernel, Level};
use crate::layer::{Activation, Epilogue, LANE_PAD, padded};
use crate::pack;

/// Output channels whose weights are prepared at a time; their constants begin at whole vectors of every instruction set.
const PANEL: usize = 4 * LANE_PAD;

/// Input channels of which a sum of products of weights and zero points is exact in f32: 64 · 127 · 255 < 2^21.
const EXACT: usize = 64;

/// Output channels whose gated weights are all smaller than 2^-100 are shut: 127 divided by less would overflow.
pub const SHUT: f32 = f32::from_bits((127 - 100) << 23);

/// A pointwise convolution whose input channels are multiplied by reals.
#[derive(Clone, Copy, Debug)]
pub struct Gated<'a> {
    /// Pixels of input and output.
    pub pixels: usize,
    /// Input channels, k.
    pub in_channels: usize,
    /// Output channels, n.
    pub out_channels: usize,
    /// [`pack::gated`] of this instruction set.
    pub weights: &'a [u8],
    /// What the gate of each input channel is multiplied with, `a[c]`.
    pub factor: &'a [f32],
    /// Zero point of each input channel.
    pub zero: &'a [f32],
    /// Rescaling and activation; `offset` is not used.
    pub epilogue: Epilogue<'a>,
    /// The register tile.
    pub tile: Tile,
}

/// Bytes of the scratch buffer for `k` input and `n` output channels.
pub const fn gated_scratch_len(level: Level, k: usize, n: usize) -> usize {
    let n = if n < PANEL { n } else { PANEL };
    // The means, then the weights of a panel. A step of four input channels may be written beyond the last vector.
    means_len(k) + pack::pointwise_len(level, k, n) + 4 * level.lanes()
}

/// Bytes of the scratch buffer that hold the mean of each input channel; whole cache lines.
const fn means_len(k: usize) -> usize {
    (4 * k).next_multiple_of(64)
}

/// `input` is `[pixels][in_channels]`, `gate` `[in_channels]`, `residual` and `output` `[pixels][out_channels]`;
/// `scratch` has [`gated_scratch_len`] bytes.
#[inline]
pub fn gated<I: Isa>(
    isa: I,
    layer: &Gated<'_>,
    input: &[u8],
    gate: &[f32],
    residual: &[u8],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    isa.run(Run { layer, input, gate, residual, scratch, output });
}

struct Run<'a> {
    layer: &'a Gated<'a>,
    input: &'a [u8],
    gate: &'a [f32],
    residual: &'a [u8],
    scratch: &'a mut [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, gate, residual, scratch, output } = self;
        let (k, n) = (layer.in_channels, layer.out_channels);
        let e = &layer.epilogue;
        if k == 0
            || gate.len() < k
            || layer.factor.len() < k
            || layer.zero.len() < k
            || layer.weights.len() < pack::gated_len(I::LEVEL, k, n)
            || scratch.len() < gated_scratch_len(I::LEVEL, k, n)
            || e.multiplier.len() < padded(n)
            || e.bias.len() < padded(n)
        {
            return;
        }
        let (means, scratch) = scratch.split_at_mut_checked(means_len(k)).unwrap_or_default();
        let means = means.as_chunks_mut::<4>().0;
        find_means(isa, layer, input, means);
        let mut first = 0;
        while first < n {
            let count = (n - first).min(PANEL);
            let mut offset = [0; PANEL];
            let (mut multiplier, mut bias) = ([0.0; PANEL], [0.0; PANEL]);
            for v in 0..count.div_ceil(I::LANES) {
                let at = first + v * I::LANES;
                let weights = layer.weights.get(at * k..).unwrap_or(&[]);
                let packed = scratch.get_mut(v * pack::vector_len(I::LEVEL, k)..).unwrap_or(&mut []);
                let prepared = prepare(isa, layer, gate, means, weights, packed);
                let lanes = v * I::LANES;
                let to = offset.iter_mut().zip(&mut multiplier).zip(&mut bias).skip(lanes);
                let constants = e.multiplier.iter().zip(e.bias).skip(at);
                let channels = prepared.offset.iter().zip(&prepared.scale).zip(&prepared.error).take(I::LANES);
                for ((((offset, multiplier), bias), (m, b)), ((sum, scale), error)) in to.zip(constants).zip(channels) {
                    *offset = *sum;
                    *multiplier = m * scale;
                    *bias = b + error * *multiplier;
                }
            }
            let epilogue = Epilogue {
                offset: &offset,
                multiplier: &multiplier,
                bias: &bias,
                residual: e.residual.map(|r| r.get(first..).unwrap_or(&[])),
                activation: match e.activation {
                    Activation::Linear => Activation::Linear,
                    Activation::HardSwish { scale, zero } => Activation::HardSwish {
                        scale: scale.get(first..).unwrap_or(&[]),
                        zero: zero.get(first..).unwrap_or(&[]),
                    },
                },
            };
            let product = Product {
                pixels: layer.pixels,
                first_pixel: 0,
                k,
                stride: k,
                n: count,
                row: n,
                weights: scratch,
                epilogue: &epilogue,
                tile: layer.tile,
                ahead: &[],
            };
            let residual = residual.get(first..).unwrap_or(&[]);
            product.run(isa, input, residual, output.get_mut(first..).unwrap_or(&mut []));
            first += count;
        }
    }
}

/// The mean of `x − z` of each input channel over the pixels of this picture (eq. 26), as the bytes of an f32.
#[inline(always)]
fn find_means<I: Isa>(isa: I, layer: &Gated<'_>, input: &[u8], means: &mut [[u8; 4]]) {
    let k = layer.in_channels;
    let share = isa.splat_f32(1.0 / layer.pixels as f32);
    let pixels = isa.splat_f32(layer.pixels as f32);
    let mut c = 0;
    while c < k {
        let count = (k - c).min(I::LANES);
        let mut sum = isa.splat_i32(0);
        for p in 0..layer.pixels {
            sum = isa.add_i32(sum, isa.load_codes(input, p * k + c, count));
        }
        // Whole numbers below 2^24 where a map has no more than 65,793 pixels; beyond, rounded here as in the reference.
        let mut zero = [0.0; LANE_PAD];
        for (to, from) in zero.iter_mut().zip(layer.zero.iter().skip(c).take(count)) {
            *to = *from;
        }
        let shifted = isa.sub(isa.to_f32(sum), isa.mul(pixels, isa.load_f32(&zero, 0)));
        let mut mean = [0.0; LANE_PAD];
        isa.store_f32(isa.mul(shifted, share), &mut mean, 0, I::LANES);
        for (to, from) in means.iter_mut().skip(c).zip(mean).take(count) {
            *to = from.to_le_bytes();
        }
        c += I::LANES;
    }
}

/// What the gate makes of one vector of output channels.
struct Prepared {
    /// `Σ −ŵ·z`, with the shift of inputs that the instruction set wants.
    offset: [i32; LANE_PAD],
    /// `m / 127` (eq. 25).
    scale: [f32; LANE_PAD],
    /// `Σ (p·r − ŵ)·mean` (eq. 26).
    error: [f32; LANE_PAD],
}

/// The weights of one vector of output channels, gated, rounded and packed (eq. 22–26).
#[inline(always)]
fn prepare<I: Isa>(
    isa: I,
    layer: &Gated<'_>,
    gate: &[f32],
    means: &[[u8; 4]],
    weights: &[u8],
    packed: &mut [u8],
) -> Prepared {
    let zero = isa.splat_f32(0.0);
    let shift = isa.splat_f32(128.0);
    let k = layer.in_channels;
    let row = |c: usize| isa.sub(isa.to_f32(isa.load_codes(weights, c * I::LANES, I::LANES)), shift);
    let factor = |c: usize| match (gate.get(c), layer.factor.get(c)) {
        (Some(gate), Some(factor)) => isa.splat_f32(gate * factor),
        _ => zero,
    };
    let mut largest = zero;
    for c in 0..k {
        let p = isa.mul(row(c), factor(c));
        largest = isa.max(largest, isa.max(p, isa.sub(zero, p)));
    }
    let (mut most, mut scales, mut inverse) = ([0.0; LANE_PAD], [0.0; LANE_PAD], [0.0; LANE_PAD]);
    isa.store_f32(largest, &mut most, 0, I::LANES);
    for ((most, scale), inverse) in most.iter().zip(&mut scales).zip(&mut inverse) {
        *scale = most * (1.0 / 127.0);
        *inverse = if *most > SHUT { 127.0 / most } else { 0.0 };
    }
    let inverse = isa.load_f32(&inverse, 0);
    // Signed instruction sets read `x − 128`, so the zero point is 128 lower.
    let low = if const { pack::shifted(I::LEVEL) } { 128.0 } else { 0.0 };
    let mut offset = [0; LANE_PAD];
    let mut error = zero;
    let mut start = 0;
    while start < k {
        let mut part = zero;
        let end = (start + EXACT).min(k);
        let mut c = start;
        while c < end {
            let mut codes = [isa.splat_i32(0); 4];
            for i in 0..4 {
                if c + i < end {
                    let real = isa.mul(isa.mul(row(c + i), factor(c + i)), inverse);
                    codes[i] = isa.to_i32(real);
                    let code = isa.to_f32(codes[i]);
                    let z = layer.zero.get(c + i).copied().unwrap_or(0.0);
                    part = isa.sub(part, isa.mul(code, isa.splat_f32(z - low)));
                    let mean = means.get(c + i).map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
                    error = isa.add(error, isa.mul(isa.sub(real, code), isa.splat_f32(mean)));
                }
            }
            isa.store_group(codes, packed, c * I::LANES);
            c += 4;
        }
        let mut whole = [0.0; LANE_PAD];
        isa.store_f32(part, &mut whole, 0, I::LANES);
        for (offset, whole) in offset.iter_mut().zip(whole) {
            *offset += whole as i32;
        }
        start = end;
    }
    let mut errors = [0.0; LANE_PAD];
    isa.store_f32(error, &mut errors, 0, I::LANES);
    Prepared { offset, scale: scales, error: errors }
}
