//! Product of two maps (eq. 29): `v = ((f32(x₁) − z₁) · (f32(x₂) − z₂)) · multiplier + bias`.

use crate::isa::{Isa, Kernel};
use crate::layer::{LANE_PAD, Shape, padded};

/// Multiplies two maps; the second may have a single channel, which then belongs to all of the first.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// The first map and the output.
    pub shape: Shape,
    /// Channels of the second map: as many, or one.
    pub second_channels: usize,
    /// Zero point of the first map per channel, padded.
    pub first_zero: &'a [f32],
    /// Zero point of the second map per channel of the output, padded.
    pub second_zero: &'a [f32],
    /// Factor per channel, padded.
    pub multiplier: &'a [f32],
    /// Summand per channel, padded.
    pub bias: &'a [f32],
}

/// All maps are `[pixels][channels]`.
#[inline]
pub fn product<I: Isa>(isa: I, layer: &Product<'_>, first: &[u8], second: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, first, second, output });
}

struct Run<'a> {
    layer: &'a Product<'a>,
    first: &'a [u8],
    second: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, first, second, output } = self;
        let (n, len) = (layer.shape.channels, layer.shape.len());
        let single = layer.second_channels == 1;
        let second_len = if single { layer.shape.pixels() } else { len };
        let constants = [layer.first_zero, layer.second_zero, layer.multiplier, layer.bias];
        if (!single && layer.second_channels != n)
            || first.len() < len
            || second.len() < second_len
            || output.len() < len
            || constants.iter().any(|slice| slice.len() < padded(n))
        {
            return;
        }
        for pixel in 0..layer.shape.pixels() {
            // One code for all channels: a vector of it.
            let same = [second.get(pixel).copied().unwrap_or(0); LANE_PAD];
            let mut channel = 0;
            while channel < n {
                let (at, count) = (pixel * n + channel, (n - channel).min(I::LANES));
                let a = isa.to_f32(isa.load_codes(first, at, count));
                let codes = if single { isa.load_codes(&same, 0, count) } else { isa.load_codes(second, at, count) };
                let a = isa.sub(a, isa.load_f32(layer.first_zero, channel));
                let b = isa.sub(isa.to_f32(codes), isa.load_f32(layer.second_zero, channel));
                let factor = isa.load_f32(layer.multiplier, channel);
                let v = isa.add(isa.mul(isa.mul(a, b), factor), isa.load_f32(layer.bias, channel));
                isa.store_codes([isa.to_i32(v)], output, at, count);
                channel += I::LANES;
            }
        }
    }
}
