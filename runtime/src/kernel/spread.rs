//! A vector of reals over all pixels of a map (eq. 30): `q[p,c] = rne(min(max(r[c] · multiplier[c] + bias[c], 0), 255))`.

use crate::isa::{Isa, Kernel};
use crate::layer::{LANE_PAD, Shape, padded};

/// The same codes in every pixel.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a> {
    /// The output map.
    pub output: Shape,
    /// `1 / s_y` per channel, padded.
    pub multiplier: &'a [f32],
    /// `z_y` per channel, padded.
    pub bias: &'a [f32],
}

/// `input` is `[channels]` reals, `output` the map.
#[inline]
pub fn spread<I: Isa>(isa: I, layer: &Spread<'_>, input: &[f32], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a Spread<'a>,
    input: &'a [f32],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let n = layer.output.channels;
        if input.len() < n
            || output.len() < layer.output.len()
            || layer.multiplier.len() < padded(n)
            || layer.bias.len() < padded(n)
        {
            return;
        }
        let mut channel = 0;
        while channel < n {
            let count = (n - channel).min(I::LANES);
            // The vector is not padded: it goes through a copy.
            let mut reals = [0.0; LANE_PAD];
            for (to, from) in reals.iter_mut().zip(input.get(channel..).unwrap_or(&[])).take(count) {
                *to = *from;
            }
            let factor = isa.load_f32(layer.multiplier, channel);
            let v = isa.add(isa.mul(isa.load_f32(&reals, 0), factor), isa.load_f32(layer.bias, channel));
            let code = isa.to_i32(isa.min(isa.max(v, isa.splat_f32(0.0)), isa.splat_f32(255.0)));
            for pixel in 0..layer.output.pixels() {
                isa.store_codes([code], output, pixel * n + channel, count);
            }
            channel += I::LANES;
        }
    }
}
