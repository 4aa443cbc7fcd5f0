//! Dense layer over wide codes (eq. 6, 9, 11–14): `acc[o] = offset[o] + Σ_c w[o,c] · x[c]`.
//!
//! ```text
//! for each 4 vectors of output channels:        one row of weights is read once: memory is the limit,
//!   sums = Σ broadcast pair of x · pair of w    not arithmetic
//!   epilogue(sums)
//! ```

use super::epilogue::{self, HardSwish};
use super::real::sigmoid;
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Epilogue};
use crate::pack;

/// A dense layer. `epilogue.residual` is not used.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// [`pack::dense`] of this instruction set.
    pub weights: &'a [u8],
    /// Rescaling, and the activation of [`dense_codes`].
    pub epilogue: Epilogue<'a>,
    /// Largest code of [`dense_codes`], at most 32767 (eq. 13).
    pub top: u16,
}

/// What makes reals of `v` (eq. 14).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RealActivation {
    /// `v`.
    Linear,
    /// `min(max(v, lo), hi)`.
    Clip {
        /// Lower bound.
        lo: f32,
        /// Upper bound.
        hi: f32,
    },
    /// `1 / (1 + exp(−v))`.
    Sigmoid,
}

/// Wide codes to wide codes.
#[inline]
pub fn dense_codes<I: Isa>(isa: I, layer: &Dense<'_>, input: &[u16], output: &mut [u16]) {
    isa.run(Run { layer, input, output: Output::Codes(output) });
}

/// Wide codes to reals. `activation` replaces that of the layer's epilogue.
#[inline]
pub fn dense_reals<I: Isa>(isa: I, layer: &Dense<'_>, activation: RealActivation, input: &[u16], output: &mut [f32]) {
    let Some(output) = output.get_mut(..layer.out_channels) else { return };
    isa.run(Run { layer, input, output: Output::Reals(output, activation) });
    if activation == RealActivation::Sigmoid {
        for y in output {
            *y = sigmoid(*y);
        }
    }
}

enum Output<'a> {
    Codes(&'a mut [u16]),
    Reals(&'a mut [f32], RealActivation),
}

struct Run<'a> {
    layer: &'a Dense<'a>,
    input: &'a [u16],
    output: Output<'a>,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let layer = self.layer;
        let Some(input) = self.input.get(..layer.in_channels) else { return };
        let n = layer.out_channels;
        if layer.weights.len() < pack::dense_len(I::LEVEL, layer.in_channels, n) || !epilogue::fits(&layer.epilogue, n)
        {
            return;
        }
        let bytes = pack::dense_vector_len(I::LEVEL, layer.in_channels);
        let vectors = n.div_ceil(I::LANES);
        let mut first = 0;
        while first < vectors {
            let rest = layer.weights.get(first * bytes..).unwrap_or(&[]);
            if vectors - first >= 4 {
                let sums = isa.dot_wide::<4>(input, rest.get(..4 * bytes).unwrap_or(&[]));
                for i in 0..4 {
                    self.finish(isa, (first + i) * I::LANES, sums[i]);
                }
                first += 4;
            } else {
                let sums = isa.dot_wide::<1>(input, rest.get(..bytes).unwrap_or(&[]));
                self.finish(isa, first * I::LANES, sums[0]);
                first += 1;
            }
        }
    }
}

impl Run<'_> {
    /// (eq. 9, 11–14) of one vector of output channels.
    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, channel: usize, sum: I::I32) {
        let Epilogue { offset, multiplier, bias, activation, .. } = self.layer.epilogue;
        let sum = isa.add_i32(sum, isa.load_i32(offset, channel));
        let mut v = isa.mul(isa.to_f32(sum), isa.load_f32(multiplier, channel));
        if let Some(bias) = bias {
            v = isa.add(v, isa.load_f32(bias, channel));
        }
        let count = self.layer.out_channels.saturating_sub(channel).min(I::LANES);
        match &mut self.output {
            Output::Codes(output) => {
                let y = match activation {
                    Activation::Linear => v,
                    Activation::HardSwish { half, zero } => {
                        HardSwish::new(isa, isa.load_f32(half, channel), isa.load_f32(zero, channel)).of(isa, v)
                    }
                };
                let top = isa.splat_f32(f32::from(self.layer.top));
                isa.store_wide(isa.to_i32(isa.min(isa.max(y, isa.splat_f32(0.0)), top)), output, channel, count);
            }
            Output::Reals(output, activation) => {
                let y = match *activation {
                    RealActivation::Linear | RealActivation::Sigmoid => v,
                    RealActivation::Clip { lo, hi } => isa.min(isa.max(v, isa.splat_f32(lo)), isa.splat_f32(hi)),
                };
                isa.store_f32(y, output, channel, count);
            }
        }
    }
}
