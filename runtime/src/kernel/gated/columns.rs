//! What a picture makes of each input channel of a gated layer: its factor and its mean (eq. 22, 26).

use super::Gated;
use crate::isa::{Isa, Kernel};
use crate::layer::LANE_PAD;

/// What this picture makes of each input channel. Reals are the bytes of an f32.
pub(super) struct Columns<'a> {
    /// `f` (eq. 22).
    pub factor: &'a mut [[u8; 4]],
    /// The mean of `x − z` over the pixels (eq. 26).
    pub mean: &'a mut [[u8; 4]],
    /// `z`.
    pub zero: &'a mut [u8],
}

/// Finds [`Columns`].
pub(super) struct Find<'a, 'c> {
    pub columns: &'a mut Columns<'c>,
    pub layer: &'a Gated<'a>,
    pub input: &'a [u8],
    pub gate: &'a [f32],
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
                let left = gates - c;
                if left > I::LANES {
                    self.strip::<I, 4>(isa, layer, input, gate, [plane, c], left.min(4 * I::LANES));
                } else {
                    self.strip::<I, 1>(isa, layer, input, gate, [plane, c], left);
                }
                c += 4 * I::LANES;
            }
            plane += gates;
        }
        // Weights are taken four channels at a time: beyond the last one nothing of an earlier layer may be left.
        for channel in k..k.next_multiple_of(4) {
            put(isa, isa.splat_f32(0.0), self.factor, channel, 1);
            put(isa, isa.splat_f32(0.0), self.mean, channel, 1);
        }
    }

    /// Of `count` input channels, at most N vectors of them, from `channel` on of the plane that begins at `plane`.
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
        let sums = isa.sum_codes::<N>(input, plane + channel, layer.in_channels, layer.pixels, count);
        let (pixels, share) = (isa.splat_f32(layer.pixels as f32), isa.splat_f32(1.0 / layer.pixels as f32));
        for n in 0..N {
            let of_gate = channel + n * I::LANES;
            let (at, count) = (plane + of_gate, count.saturating_sub(n * I::LANES).min(I::LANES));
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
