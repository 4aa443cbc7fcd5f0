//! Gate of a squeeze-excite (eq. 15, 11–13): `v = f32(x) · m + b`, `m = g · multiplier`, `b = bias − m · zero`.

use super::epilogue;
use super::planes::{Source, Target};
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Shape, padded};

/// Scales every channel of a map by a real.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// Input and output map, or a plane of each.
    pub shape: Shape,
    /// Whether input and output are fine maps (eq. 41).
    pub fine: [bool; 2],
    /// `s_x / s_y` per channel (with hard-swish: `s_x`), padded.
    pub multiplier: &'a [f32],
    /// Zero point of the input per channel, padded.
    pub zero: &'a [f32],
    /// Summand per channel, padded.
    pub bias: &'a [f32],
    /// What follows.
    pub activation: Activation<'a>,
}

/// `input` and `output` are `[pixels][planes][channels]`, `gate` is `[channels]` reals.
#[inline]
pub fn gate<I: Isa>(isa: I, layer: &Gate<'_>, input: &[u8], gate: &[f32], output: &mut [u8]) {
    isa.run(Run { layer, input, gate, output });
}

struct Run<'a> {
    layer: &'a Gate<'a>,
    input: &'a [u8],
    gate: &'a [f32],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, gate, output } = self;
        let (n, pixels) = (layer.shape.channels, layer.shape.pixels());
        let [of_input, of_output] = layer.fine;
        let (Some(input), Some(mut output)) =
            (Source::new(input, pixels, n, of_input), Target::new(output, pixels, n, of_output))
        else {
            return;
        };
        if gate.len() < n
            || [layer.multiplier, layer.zero, layer.bias].iter().any(|slice| slice.len() < padded(n))
            || !epilogue::activation_fits(&layer.activation, n)
        {
            return;
        }
        let mut channel = 0;
        while channel < n {
            if n - channel >= 4 * I::LANES {
                strip::<I, 4>(isa, layer, input, gate, &mut output, channel, 4 * I::LANES);
                channel += 4 * I::LANES;
            } else {
                strip::<I, 1>(isa, layer, input, gate, &mut output, channel, (n - channel).min(I::LANES));
                channel += I::LANES;
            }
        }
    }
}

/// `count` channels in N vectors, all pixels.
#[inline(always)]
fn strip<I: Isa, const N: usize>(
    isa: I,
    layer: &Gate<'_>,
    input: Source<'_>,
    gate: &[f32],
    output: &mut Target<'_>,
    channel: usize,
    count: usize,
) {
    let mut m = [isa.splat_f32(0.0); N];
    let mut b = [isa.splat_f32(0.0); N];
    // The gate is no constant and not padded: its last lanes go through a copy.
    let mut tail = [0.0; crate::layer::LANE_PAD];
    for n in 0..N {
        let at = channel + n * I::LANES;
        let rest = gate.get(at..).unwrap_or(&[]);
        let g = if rest.len() >= I::LANES {
            isa.load_f32(rest, 0)
        } else {
            for (to, from) in tail.iter_mut().zip(rest) {
                *to = *from;
            }
            isa.load_f32(&tail, 0)
        };
        m[n] = isa.mul(g, isa.load_f32(layer.multiplier, at));
        b[n] = isa.sub(isa.load_f32(layer.bias, at), isa.mul(m[n], isa.load_f32(layer.zero, at)));
    }
    let each = count.min(I::LANES);
    for pixel in 0..layer.shape.pixels() {
        let mut v = b;
        for n in 0..N {
            let x = input.load(isa, pixel, channel + n * I::LANES, each);
            v[n] = epilogue::rescale(isa, x, m[n], b[n]);
        }
        let y = epilogue::activate(isa, &layer.activation, v, channel);
        output.store(isa, y, pixel, channel, count);
    }
}
