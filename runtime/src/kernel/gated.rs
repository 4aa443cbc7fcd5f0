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
use crate::isa::{Isa, Kernel, Level, Team};
use crate::layer::{Activation, Epilogue, LANE_PAD, padded};
use crate::pack;

/// Output channels whose weights are prepared at a time; their constants begin at whole vectors of every instruction set.
const PANEL: usize = 4 * LANE_PAD;

/// Pixels of the largest tile: threads share whole ones.
const TILE: usize = 8;

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
    shared(isa, &mut Team::alone(), layer, [input, residual], gate, scratch, output);
}

/// [`gated`] of `[input, residual]` by a team: it shares a panel's vectors of weights, then the pixels.
#[inline(always)]
pub(crate) fn shared<I: Isa>(
    isa: I,
    team: &mut Team,
    layer: &Gated<'_>,
    [input, residual]: [&[u8]; 2],
    gate: &[f32],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    let (k, n) = (layer.in_channels, layer.out_channels);
    let e = &layer.epilogue;
    let row = n * e.planes();
    let Some(output) = output.get_mut(..layer.pixels * row) else { return };
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
    let (zero, packed) = rest.split_at_mut_checked(codes_len(k)).unwrap_or_default();
    let mut columns = Columns { factor: factor.as_chunks_mut().0, mean: mean.as_chunks_mut().0, zero };
    isa.run(Find { columns: &mut columns, layer, input, gate });
    let mut first = 0;
    while first < n {
        let count = (n - first).min(PANEL);
        let (mut offset, mut multiplier, mut bias) = ([0; PANEL], [0.0; PANEL], [0.0; PANEL]);
        let mut tasks = [const { Task::none() }; PANEL / 4];
        let all = Task {
            weights: layer.weights.get(first * k..).unwrap_or(&[]),
            packed: &mut *packed,
            vectors: count.div_ceil(I::LANES),
            offset: &mut offset,
            scale: &mut multiplier,
            error: &mut bias,
        };
        let tasks = all.deal(isa, k, team.parts(), &mut tasks);
        team.share(tasks, 1, |_, _, tasks| isa.run(Prepare { k, columns: &columns, tasks }));
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
        let packed = &*packed;
        team.share(output, TILE * row, |_, start, output| {
            let [before, pixels] = [start, output.len()].map(|codes| codes.checked_div(row).unwrap_or(0));
            let product = Product {
                pixels,
                first_pixel: 0,
                k,
                stride: k,
                n: count,
                row,
                weights: packed,
                epilogue: &epilogue,
                tile: layer.tile,
                ahead: &[],
            };
            let input = input.get(before * k..).unwrap_or(&[]);
            let residual = residual.get(e.added(start) + first..).unwrap_or(&[]);
            product.run(isa, input, residual, output.get_mut(first..).unwrap_or(&mut []));
        });
        first += count;
    }
}

/// Output channels whose weights one thread prepares, and what the gate makes of them.
struct Task<'a> {
    /// As the layer has them.
    weights: &'a [u8],
    /// As the product wants them.
    packed: &'a mut [u8],
    /// Vectors of output channels.
    vectors: usize,
    /// `Σ −ŵ·z`, with the shift of inputs that the instruction set wants.
    offset: &'a mut [i32],
    /// `m / 127` (eq. 25).
    scale: &'a mut [f32],
    /// `Σ (p·r − ŵ)·mean` (eq. 26).
    error: &'a mut [f32],
}

impl<'a> Task<'a> {
    const fn none() -> Self {
        Self { weights: &[], packed: &mut [], vectors: 0, offset: &mut [], scale: &mut [], error: &mut [] }
    }

    /// The first `vectors` of it; the others stay.
    #[inline(always)]
    fn split<I: Isa>(&mut self, _: I, k: usize, vectors: usize) -> Self {
        let (lanes, last) = (vectors * I::LANES, vectors == self.vectors);
        // What the last weights are packed to may end with more: see `apart`.
        let bytes = if last { self.packed.len() } else { vectors * pack::vector_len(I::LEVEL, k) };
        let (weights, others) = self.weights.split_at_checked(lanes * k).unwrap_or_default();
        (self.weights, self.vectors) = (others, self.vectors - vectors);
        Self {
            weights,
            packed: front(&mut self.packed, bytes),
            vectors,
            offset: front(&mut self.offset, lanes),
            scale: front(&mut self.scale, lanes),
            error: front(&mut self.error, lanes),
        }
    }

    /// Cut into tasks for `parts` threads: each of as many vectors as are prepared at a time, or of fewer if some thread were without one.
    #[inline(always)]
    fn deal<'t, I: Isa>(mut self, isa: I, k: usize, parts: usize, tasks: &'t mut [Self]) -> &'t mut [Self] {
        let most = if apart(I::LEVEL, k) { self.vectors.div_ceil(parts.max(1)).min(4) } else { self.vectors };
        let mut used = 0;
        for task in tasks.iter_mut() {
            if self.vectors == 0 {
                break;
            }
            *task = self.split(isa, k, self.vectors.min(most));
            used += 1;
        }
        tasks.get_mut(..used).unwrap_or_default()
    }
}

/// Takes the first `len` elements away.
#[inline(always)]
fn front<'a, T>(all: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (first, rest) = core::mem::take(all).split_at_mut_checked(len).unwrap_or_default();
    *all = rest;
    first
}

/// Whether packing a vector's last group of four input channels leaves the next vector alone; where it does not, that one must come
/// later.
#[inline(always)]
const fn apart(level: Level, k: usize) -> bool {
    pack::vector_len(level, k).is_multiple_of(4 * level.lanes())
}

/// Prepares the weights of tasks.
struct Prepare<'a, 't> {
    /// Input channels.
    k: usize,
    columns: &'a Columns<'a>,
    tasks: &'a mut [Task<'t>],
}

impl Kernel for Prepare<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { k, columns, tasks } = self;
        for task in tasks {
            let mut vector = 0;
            while vector < task.vectors {
                let left = task.vectors - vector;
                // As many vectors at a time as registers allow: each sums one after the other.
                vector += if const { I::ACCUMULATORS >= 16 } && apart(I::LEVEL, k) && left >= 4 {
                    prepare::<I, 4>(isa, k, columns, task, vector)
                } else if apart(I::LEVEL, k) && left >= 2 {
                    prepare::<I, 2>(isa, k, columns, task, vector)
                } else {
                    prepare::<I, 1>(isa, k, columns, task, vector)
                };
            }
        }
    }
}

/// Finds [`Columns`].
struct Find<'a, 'c> {
    columns: &'a mut Columns<'c>,
    layer: &'a Gated<'a>,
    input: &'a [u8],
    gate: &'a [f32],
}

impl Kernel for Find<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        self.columns.find(isa, self.layer, self.input, self.gate);
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

/// N vectors of output channels of a task, from `vector` on, gated, rounded and packed (eq. 22–26). Returns N.
#[inline(always)]
fn prepare<I: Isa, const N: usize>(
    isa: I,
    k: usize,
    columns: &Columns<'_>,
    task: &mut Task<'_>,
    vector: usize,
) -> usize {
    let (lane, bytes) = (vector * I::LANES, pack::vector_len(I::LEVEL, k));
    let weights = task.weights.get(lane * k..).unwrap_or(&[]);
    let packed = task.packed.get_mut(vector * bytes..).unwrap_or(&mut []);
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
        let scales = task.scale.iter_mut().skip(lane + n * I::LANES);
        for ((most, scale), inverse) in most.iter().zip(scales).zip(&mut inverses).take(I::LANES) {
            *scale = most * (1.0 / 127.0);
            *inverse = if *most > SHUT { 127.0 / most } else { 0.0 };
        }
        inverse[n] = isa.load_f32(&inverses, 0);
    }
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
    let panel = packed.get_mut(..N * bytes).unwrap_or_default();
    isa.arrange(panel, k);
    let [sums] = isa.multiply::<1, N>([[isa.splat_i32(0); N]], columns.zero, k, panel, k);
    for n in 0..N {
        isa.store_f32(error[n], task.error, lane + n * I::LANES, I::LANES);
        isa.store_i32(sums[n], task.offset, lane + n * I::LANES);
    }
    for offset in task.offset.iter_mut().skip(lane).take(N * I::LANES) {
        *offset = offset.wrapping_neg();
    }
    N
}
