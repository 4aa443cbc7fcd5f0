//! Pointwise convolution of a gated map (eq. 22–26): the gate goes into the weights, not into the map.
//!
//! A squeeze-excite multiplies every channel of a map by a real that differs from picture to picture. Multiplying the map would
//! round it to codes a second time, with a scale that has to suit every picture; here the weights of the projection
//! that follows are multiplied and rounded anew for each picture, to a scale per output channel that suits this one.
//!
//! ```text
//! f = gate · a, and the means of all input channels
//! for each 64 output channels:
//!   largest |w · f| of each output channel                 two passes over the weights: K · N steps,
//!   codes of w · f, packed for the pointwise kernel        where gating the map takes K · pixels
//!   Σ codes · z: one more pixel, whose codes are the zero points
//!   pointwise convolution of all pixels with these weights
//! ```

use super::pointwise::{Product, Tile};
use crate::isa::{Isa, Kernel, Level};
use crate::layer::{Activation, Epilogue, LANE_PAD, padded};
use crate::pack;

/// Output channels whose weights are prepared at a time; their constants begin at whole vectors of every instruction set.
const PANEL: usize = 4 * LANE_PAD;

/// Output channels whose gated weights are all smaller than 2^-100 are shut: 127 divided by less would overflow.
pub const SHUT: f32 = f32::from_bits((127 - 100) << 23);

/// A pointwise convolution whose input channels are multiplied by reals.
#[derive(Clone, Copy, Debug)]
pub struct Gated<'a> {
    /// Pixels of input and output.
    pub pixels: usize,
    /// Input channels, k; of a fine input, those of both planes.
    pub in_channels: usize,
    /// Whether the input is a fine map (eq. 38), both of whose planes have the same gates.
    pub fine_input: bool,
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
    // Columns, then the weights of a panel. A step of four input channels may be written beyond the last vector.
    2 * reals_len(k) + codes_len(k) + pack::pointwise_len(level, k, n) + 4 * level.lanes()
}

/// Bytes of the scratch buffer that hold a real of each input channel; whole vectors and cache lines.
const fn reals_len(k: usize) -> usize {
    4 * k.next_multiple_of(LANE_PAD)
}

/// Bytes of the scratch buffer that hold a code of each input channel.
const fn codes_len(k: usize) -> usize {
    k.next_multiple_of(64)
}

/// What this picture makes of each input channel. Reals are the bytes of an f32.
struct Columns<'a> {
    /// `f` (eq. 22).
    factor: &'a mut [[u8; 4]],
    /// The mean of `x − z` over the pixels (eq. 26).
    mean: &'a mut [[u8; 4]],
    /// `z`.
    zero: &'a mut [u8],
}

impl Gated<'_> {
    /// Gates: channels of a plane of the input.
    #[inline(always)]
    fn gates(&self) -> usize {
        if self.fine_input { self.in_channels / 2 } else { self.in_channels }
    }
}

/// `input` is `[pixels][in_channels]`, `gate` a real for each channel, `residual` and `output` `[pixels][out_channels]`;
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
            || gate.len() < layer.gates()
            || layer.factor.len() < k
            || layer.zero.len() < k
            || layer.weights.len() < pack::gated_len(I::LEVEL, k, n)
            || scratch.len() < gated_scratch_len(I::LEVEL, k, n)
            || e.multiplier.len() < padded(n)
            || e.bias.len() < padded(n)
        {
            return;
        }
        let (factor, rest) = scratch.split_at_mut_checked(reals_len(k)).unwrap_or_default();
        let (mean, rest) = rest.split_at_mut_checked(reals_len(k)).unwrap_or_default();
        let (zero, scratch) = rest.split_at_mut_checked(codes_len(k)).unwrap_or_default();
        let mut columns = Columns { factor: factor.as_chunks_mut().0, mean: mean.as_chunks_mut().0, zero };
        columns.find(isa, layer, input, gate);
        let bytes = pack::vector_len(I::LEVEL, k);
        // Where a vector's last group of four reaches into the next one, that one must come later.
        let apart = bytes.is_multiple_of(4 * I::LANES);
        let mut first = 0;
        while first < n {
            let count = (n - first).min(PANEL);
            let mut prepared = Prepared { offset: [0; PANEL], scale: [0.0; PANEL], error: [0.0; PANEL] };
            let vectors = count.div_ceil(I::LANES);
            let mut v = 0;
            while v < vectors {
                let weights = layer.weights.get((first + v * I::LANES) * k..).unwrap_or(&[]);
                let packed = scratch.get_mut(v * bytes..).unwrap_or(&mut []);
                let lane = v * I::LANES;
                // As many vectors at a time as registers allow: each sums one after the other.
                v += if const { I::ACCUMULATORS >= 16 } && apart && vectors - v >= 4 {
                    prepare::<I, 4>(isa, k, &columns, weights, packed, &mut prepared, lane)
                } else if apart && vectors - v >= 2 {
                    prepare::<I, 2>(isa, k, &columns, weights, packed, &mut prepared, lane)
                } else {
                    prepare::<I, 1>(isa, k, &columns, weights, packed, &mut prepared, lane)
                };
            }
            let Prepared { offset, scale: mut multiplier, error: mut bias } = prepared;
            let constants = e.multiplier.iter().zip(e.bias).skip(first);
            for ((multiplier, bias), (m, b)) in multiplier.iter_mut().zip(&mut bias).zip(constants) {
                *multiplier *= m;
                *bias = b + *bias * *multiplier;
            }
            let epilogue = Epilogue {
                offset: &offset,
                multiplier: &multiplier,
                bias: &bias,
                residual: e.residual.map(|r| r.get(first..).unwrap_or(&[])),
                fine_residual: e.fine_residual,
                activation: match e.activation {
                    Activation::Linear => Activation::Linear,
                    Activation::HardSwish { scale, zero } => Activation::HardSwish {
                        scale: scale.get(first..).unwrap_or(&[]),
                        zero: zero.get(first..).unwrap_or(&[]),
                    },
                },
                fine: e.fine,
            };
            let product = Product {
                pixels: layer.pixels,
                first_pixel: 0,
                k,
                stride: k,
                n: count,
                row: n * e.planes(),
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

impl Columns<'_> {
    /// Of all input channels (eq. 22, 26).
    #[inline(always)]
    fn find<I: Isa>(&mut self, isa: I, layer: &Gated<'_>, input: &[u8], gate: &[f32]) {
        let (k, gates) = (layer.in_channels, layer.gates());
        let mut plane = 0;
        while plane < k {
            let mut c = 0;
            while c < gates {
                if gates - c >= 4 * I::LANES {
                    self.strip::<I, 4>(isa, layer, input, gate, [plane, c], I::LANES);
                    c += 4 * I::LANES;
                } else {
                    self.strip::<I, 1>(isa, layer, input, gate, [plane, c], (gates - c).min(I::LANES));
                    c += I::LANES;
                }
            }
            plane += gates;
        }
        // Weights are taken four channels at a time: beyond the last one nothing of an earlier layer may be left.
        for channel in k..k.next_multiple_of(4) {
            put(isa, isa.splat_f32(0.0), self.factor, channel, 1);
            put(isa, isa.splat_f32(0.0), self.mean, channel, 1);
        }
    }

    /// Of N vectors of input channels from `channel` on of the plane that begins at `plane`, the last with `count`.
    #[inline(always)]
    fn strip<I: Isa, const N: usize>(
        &mut self,
        isa: I,
        layer: &Gated<'_>,
        input: &[u8],
        gate: &[f32],
        [plane, channel]: [usize; 2],
        count: usize,
    ) {
        let codes = (N - 1) * I::LANES + count;
        let sums = isa.sum_codes::<N>(input, plane + channel, layer.in_channels, layer.pixels, codes);
        let (pixels, share) = (isa.splat_f32(layer.pixels as f32), isa.splat_f32(1.0 / layer.pixels as f32));
        for n in 0..N {
            let of_gate = channel + n * I::LANES;
            let at = plane + of_gate;
            let zero = lanes(isa, layer.zero, at, count);
            // Whole numbers below 2^24 where a map has no more than 65,793 pixels; beyond, rounded here as in the reference.
            let shifted = isa.sub(isa.to_f32(sums[n]), isa.mul(pixels, zero));
            put(isa, isa.mul(shifted, share), self.mean, at, count);
            put(
                isa,
                isa.mul(lanes(isa, gate, of_gate, count), lanes(isa, layer.factor, at, count)),
                self.factor,
                at,
                count,
            );
            isa.store_codes([isa.to_i32(zero)], self.zero, at, count);
        }
    }
}

/// `count` elements from `at` on; the other lanes are zero.
#[inline(always)]
fn lanes<I: Isa>(isa: I, from: &[f32], at: usize, count: usize) -> I::F32 {
    let from = from.get(at..).unwrap_or(&[]);
    if from.len() >= I::LANES {
        return isa.load_f32(from, 0);
    }
    let mut few = [0.0; LANE_PAD];
    for (to, from) in few.iter_mut().zip(from).take(count) {
        *to = *from;
    }
    isa.load_f32(&few, 0)
}

/// The first `count` lanes as bytes.
#[inline(always)]
fn put<I: Isa>(isa: I, from: I::F32, to: &mut [[u8; 4]], at: usize, count: usize) {
    let mut all = [0.0; LANE_PAD];
    isa.store_f32(from, &mut all, 0, I::LANES);
    for (to, from) in to.iter_mut().skip(at).zip(all).take(count) {
        *to = from.to_le_bytes();
    }
}

/// What the gate makes of the output channels of a panel.
struct Prepared {
    /// `Σ −ŵ·z`, with the shift of inputs that the instruction set wants.
    offset: [i32; PANEL],
    /// `m / 127` (eq. 25).
    scale: [f32; PANEL],
    /// `Σ (p·r − ŵ)·mean` (eq. 26).
    error: [f32; PANEL],
}

/// The weights of N vectors of output channels, gated, rounded and packed (eq. 22–26); `lane` is the first of them in the
/// panel. Returns N.
#[inline(always)]
fn prepare<I: Isa, const N: usize>(
    isa: I,
    k: usize,
    columns: &Columns<'_>,
    weights: &[u8],
    packed: &mut [u8],
    prepared: &mut Prepared,
    lane: usize,
) -> usize {
    let zero = isa.splat_f32(0.0);
    let mut vectors = [&[][..]; N];
    for n in 0..N {
        vectors[n] = weights.get(n * k * I::LANES..).and_then(|rest| rest.get(..k * I::LANES)).unwrap_or(&[]);
    }
    let mut largest = [zero; N];
    let (factors, means) = (columns.factor.as_chunks::<4>().0, columns.mean.as_chunks::<4>().0);
    for (group, factors) in factors.iter().enumerate().take(k.div_ceil(4)) {
        let mut weights = [[isa.splat_i32(0); 4]; N];
        for n in 0..N {
            weights[n] = isa.load_group(vectors[n], 4 * group * I::LANES);
        }
        for i in 0..4 {
            let factor = isa.splat_f32(f32::from_le_bytes(factors[i]));
            for n in 0..N {
                largest[n] = isa.max_abs(largest[n], isa.mul(isa.to_f32(weights[n][i]), factor));
            }
        }
    }
    let mut inverse = largest;
    for n in 0..N {
        let (mut most, mut inverses) = ([0.0; LANE_PAD], [0.0; LANE_PAD]);
        isa.store_f32(largest[n], &mut most, 0, I::LANES);
        let scales = prepared.scale.iter_mut().skip(lane + n * I::LANES);
        for ((most, scale), inverse) in most.iter().zip(scales).zip(&mut inverses).take(I::LANES) {
            *scale = most * (1.0 / 127.0);
            *inverse = if *most > SHUT { 127.0 / most } else { 0.0 };
        }
        inverse[n] = isa.load_f32(&inverses, 0);
    }
    let bytes = pack::vector_len(I::LEVEL, k);
    let mut error = [zero; N];
    for (group, (factors, means)) in factors.iter().zip(means).enumerate().take(k.div_ceil(4)) {
        let mut codes = [[isa.splat_i32(0); 4]; N];
        for n in 0..N {
            codes[n] = isa.load_group(vectors[n], 4 * group * I::LANES);
        }
        for i in 0..4 {
            let factor = isa.splat_f32(f32::from_le_bytes(factors[i]));
            let mean = isa.splat_f32(f32::from_le_bytes(means[i]));
            for n in 0..N {
                let real = isa.mul(isa.mul(isa.to_f32(codes[n][i]), factor), inverse[n]);
                codes[n][i] = isa.to_i32(real);
                error[n] = isa.add(error[n], isa.mul(isa.sub(real, isa.to_f32(codes[n][i])), mean));
            }
        }
        for n in 0..N {
            isa.store_group(codes[n], packed, n * bytes + 4 * group * I::LANES);
        }
    }
    let panel = packed.get(..N * bytes).unwrap_or(&[]);
    let [sums] = isa.multiply::<1, N>([[isa.splat_i32(0); N]], columns.zero, k, panel, k);
    for n in 0..N {
        isa.store_f32(error[n], &mut prepared.error, lane + n * I::LANES, I::LANES);
        isa.store_i32(sums[n], &mut prepared.offset, lane + n * I::LANES);
    }
    for offset in prepared.offset.iter_mut().skip(lane).take(N * I::LANES) {
        *offset = offset.wrapping_neg();
    }
    N
}
