//! The class of each pixel (eq. 31): the first channel whose real `scale[c] · (f32(x) − zero[c])` is the largest.

use crate::isa::{Isa, Kernel};
use crate::layer::Shape;

/// The best channel of every pixel.
#[derive(Clone, Copy, Debug)]
pub struct ArgMax<'a> {
    /// The input map, of at most 256 channels.
    pub input: Shape,
    /// Real size of one step per channel; may be padded.
    pub scale: &'a [f32],
    /// Zero point per channel; may be padded.
    pub zero: &'a [f32],
}

/// `input` is `[pixels][channels]`, `output` `[pixels]`: class numbers.
#[inline]
pub fn arg_max<I: Isa>(isa: I, layer: &ArgMax<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a ArgMax<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { layer, input, output } = self;
        let n = layer.input.channels;
        let (Some(scale), Some(zero)) = (layer.scale.get(..n), layer.zero.get(..n)) else { return };
        if n == 0 || n > 256 || input.len() < layer.input.len() || output.len() < layer.input.pixels() {
            return;
        }
        for (to, pixel) in output.iter_mut().zip(input.chunks_exact(n)).take(layer.input.pixels()) {
            let (mut best, mut class) = (f32::NEG_INFINITY, 0);
            for (c, ((&x, scale), zero)) in pixel.iter().zip(scale).zip(zero).enumerate() {
                let real = scale * (f32::from(x) - zero);
                if real > best {
                    (best, class) = (real, c as u8);
                }
            }
            *to = class;
        }
    }
}
