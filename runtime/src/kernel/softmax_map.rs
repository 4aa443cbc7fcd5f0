//! Softmax over the channels of each pixel (eq. 32): reals of codes, eq. 20, and codes in steps of 1/255.

use super::real::exp;
use crate::isa::{Isa, Kernel};
use crate::layer::Shape;

/// Probabilities of every pixel.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxMap<'a> {
    /// Input and output map.
    pub shape: Shape,
    /// Real size of one step of the input per channel; may be padded.
    pub scale: &'a [f32],
    /// Zero point of the input per channel; may be padded.
    pub zero: &'a [f32],
}

/// `input` and `output` are `[pixels][channels]`.
#[inline]
pub fn softmax_map<I: Isa>(isa: I, layer: &SoftmaxMap<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a SoftmaxMap<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let n = layer.shape.channels;
        let (Some(scale), Some(zero)) = (layer.scale.get(..n), layer.zero.get(..n)) else { return };
        let (Some(input), Some(output)) = (input.get(..layer.shape.len()), output.get_mut(..layer.shape.len())) else {
            return;
        };
        if n == 0 {
            return;
        }
        for (to, pixel) in output.chunks_exact_mut(n).zip(input.chunks_exact(n)) {
            // There is no room for the reals of a pixel: they are computed again where they are needed.
            let reals = || pixel.iter().zip(scale).zip(zero).map(|((&x, scale), zero)| scale * (f32::from(x) - zero));
            let mut most = f32::NEG_INFINITY;
            for real in reals() {
                most = if real > most { real } else { most };
            }
            let mut sum = 0.0;
            for real in reals() {
                sum += exp(real - most);
            }
            for (to, real) in to.iter_mut().zip(reals()) {
                let code = isa.to_i32(isa.splat_f32(exp(real - most) / sum * 255.0));
                let mut out = [0_u8; 1];
                isa.store_codes([code], &mut out, 0, 1);
                *to = out[0];
            }
        }
    }
}
