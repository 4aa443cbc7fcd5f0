//! Pointwise convolution of a gated map (eq. 22–26): the gate goes into the weights, not into the map.
//!
//! A squeeze-excite multiplies every channel of a map by a real that differs from picture to picture. Multiplying the map would
//! round it to codes a second time, with a scale that has to suit every picture; here the weights of the projection
//! that follows are multiplied and rounded anew for each picture, to a scale per output channel that suits this one.
//!
//! ```text
//! F = gate · a in 16 bits, and the means of all input channels
//! for each 64 output channels:
//!   largest |w · F| of each output channel                 two passes over the weights: K · N steps,
//!   codes of w · F, packed for the pointwise kernel        where gating the map takes K · pixels
//!   Σ codes · z: one more pixel, whose codes are the zero points
//!   pointwise convolution of all pixels with these weights
//! ```

mod columns;
mod weights;

use super::pointwise::{Product, Tile};
use crate::isa::{Isa, Level, Team};
use crate::layer::{Epilogue, LANE_PAD, padded};
use crate::pack;
use columns::{Columns, Find};
use weights::{Prepare, Task};

/// Output channels whose weights are prepared at a time; their constants begin at whole vectors of every instruction set.
const PANEL: usize = 4 * LANE_PAD;

/// Pixels of the largest tile: threads share whole ones.
const TILE: usize = 8;

/// Where `gate · a` of all channels is no larger than 2^-100, all gates are shut: 32767 divided by less would overflow.
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
#[inline(always)]
pub const fn gated_scratch_len(level: Level, k: usize, n: usize) -> usize {
    let n = if n < PANEL { n } else { PANEL };
    // Columns, then the weights of a panel. A step of four input channels may be written beyond the last vector.
    4 * codes_len(k) + pack::pointwise_len(level, k, n) + 4 * level.lanes()
}

/// Bytes of the scratch buffer that hold a code of each input channel.
#[inline(always)]
const fn codes_len(k: usize) -> usize {
    k.next_multiple_of(64)
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
#[inline]
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
        || e.bias.is_some_and(|bias| bias.len() < padded(n))
    {
        return;
    }
    let (factor, rest) = scratch.split_at_mut_checked(2 * codes_len(k)).unwrap_or_default();
    let (mean, rest) = rest.split_at_mut_checked(codes_len(k)).unwrap_or_default();
    let (zero, packed) = rest.split_at_mut_checked(codes_len(k)).unwrap_or_default();
    let mut columns = Columns { largest: 0.0, inverse: 0.0, factor: factor.as_chunks_mut().0, mean, zero };
    let gate = gate.get(..layer.gates()).unwrap_or(&[]);
    isa.run(Find { columns: &mut columns, layer, input, gate });
    let mut first = 0;
    while first < n {
        let count = (n - first).min(PANEL);
        let (mut offset, mut multiplier, mut bias) = ([0; PANEL], [0.0; PANEL], [0.0; PANEL]);
        let mut tasks = [const { Task::none() }; PANEL / 4];
        let all = Task {
            weights: layer.weights.get(first * pack::gated_row(k)..).unwrap_or(&[]),
            packed: &mut *packed,
            vectors: count.div_ceil(I::LANES),
            offset: &mut offset,
            scale: &mut multiplier,
            error: &mut bias,
        };
        let tasks = all.deal(isa, k, team.parts(), &mut tasks);
        team.share(tasks, 1, |_, _, tasks| isa.run(Prepare { k, columns: &columns, tasks }));
        let biases = e.bias.unwrap_or(&[]).iter().chain(core::iter::repeat(&0.0)).skip(first);
        let constants = e.multiplier.iter().skip(first).zip(biases);
        for ((multiplier, bias), (m, b)) in multiplier.iter_mut().zip(&mut bias).zip(constants) {
            *multiplier *= m;
            *bias = b + *bias * *multiplier;
        }
        let epilogue =
            Epilogue { offset: &offset, multiplier: &multiplier, bias: Some(&bias), ..e.from_channel(first) };
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
