//! What a picture makes of each input channel of a gated layer: its factor and its mean (eq. 22, 26).

use super::{Gated, SHUT};
use crate::isa::{Isa, Kernel};
use crate::layer::LANE_PAD;

/// What this picture makes of each input channel; zeros where there is none up to a whole step of channels.
pub(super) struct Columns<'a> {
    /// `max f` over all of them (eq. 22).
    pub largest: f32,
    /// `32767 / max f`, 0 where all gates are shut.
    pub inverse: f32,
    /// `F` (eq. 22), the bytes of an i16.
    pub factor: &'a mut [[u8; 2]],
    /// `M` (eq. 26), the byte of an i8.
    pub mean: &'a mut [u8],
    /// `z`.
    pub zero: &'a mut [u8],
}

/// Finds [`Columns`].
pub(super) struct Find<'a, 'c> {
    pub columns: &'a mut Columns<'c>,
    pub layer: &'a Gated<'a>,
    pub input: &'a [u8],
    /// As many as [`Gated::gates`].
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
        self.largest = largest(isa, layer, gate);
        self.inverse = if self.largest > SHUT { 32767.0 / self.largest } else { 0.0 };
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
        // Beyond the last channel nothing of an earlier layer may be left.
        self.factor.iter_mut().skip(k).for_each(|factor| *factor = [0; 2]);
        self.mean.iter_mut().skip(k).for_each(|mean| *mean = 0);
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
        let (half, most) = (isa.splat_f32(0.5), isa.splat_f32(127.0));
        for n in 0..N {
            let of_gate = channel + n * I::LANES;
            let (at, count) = (plane + of_gate, count.saturating_sub(n * I::LANES).min(I::LANES));
            let zero = lanes(isa, layer.zero, at, count);
            // Whole numbers below 2^24 where a map has no more than 65,793 pixels; beyond, rounded here as in the reference.
            let shifted = isa.sub(isa.to_f32(sums[n]), isa.mul(pixels, zero));
            let mean = isa.mul(isa.mul(shifted, share), half);
            let mean = isa.max(isa.min(mean, most), isa.splat_f32(-127.0));
            let mut means = [0; LANE_PAD];
            isa.store_i32(isa.to_i32(mean), &mut means, 0);
            for (to, mean) in self.mean.iter_mut().skip(at).zip(means).take(count) {
                *to = mean as u8;
            }
            let f = isa.mul(lanes(isa, gate, of_gate, count), lanes(isa, layer.factor, at, count));
            let f = isa.max(f, isa.splat_f32(0.0));
            let mut factors = [0; LANE_PAD];
            isa.store_i32(isa.to_i32(isa.mul(f, isa.splat_f32(self.inverse))), &mut factors, 0);
            for (to, factor) in self.factor.iter_mut().skip(at).zip(factors).take(count) {
                *to = (factor as i16).to_le_bytes();
            }
            isa.store_codes([isa.to_i32(zero)], self.zero, at, count);
        }
    }
}

/// `max(gate · a, 0)`, the largest over all input channels (eq. 22).
#[inline(always)]
fn largest<I: Isa>(isa: I, layer: &Gated<'_>, gate: &[f32]) -> f32 {
    let (k, gates) = (layer.in_channels, layer.gates());
    let mut most = isa.splat_f32(0.0);
    let mut plane = 0;
    while plane < k {
        let mut c = 0;
        while c < gates {
            let count = (gates - c).min(I::LANES);
            let f = isa.mul(lanes(isa, gate, c, count), lanes(isa, layer.factor, plane + c, count));
            most = isa.max(most, f);
            c += I::LANES;
        }
        plane += gates;
    }
    let mut all = [0.0; LANE_PAD];
    isa.store_f32(most, &mut all, 0, I::LANES);
    all.into_iter().fold(0.0, |most, one| if one > most { one } else { most })
}

/// `count` elements from `at` on; the other lanes are zero, or of no meaning where `from` has more.
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
