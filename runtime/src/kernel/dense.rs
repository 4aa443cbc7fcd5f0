//! Dense layer over wide codes [6, 9, 11–14]: `acc[o] = offset[o] + Σ_c w[o,c] · x[c]`.
//!
//! ```text
//! for each 4 vectors of output channels:        one row of weights is read once: memory is the limit,
//!   sums = Σ broadcast pair of x · pair of w    not arithmetic
//!   epilogue(sums)
//! ```

use super::epilogue;
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
    /// Largest code of [`dense_codes`], at most 32767 [13].
    pub top: u16,
}

/// What makes reals of `v` [14].
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
    isa.run(Codes { layer, input, output });
}

/// Wide codes to reals. The layer's own activation must be linear: `activation` replaces it.
#[inline]
pub fn dense_reals<I: Isa>(isa: I, layer: &Dense<'_>, activation: RealActivation, input: &[u16], output: &mut [f32]) {
    isa.run(Reals { layer, activation, input, output });
}

struct Codes<'a> {
    layer: &'a Dense<'a>,
    input: &'a [u16],
    output: &'a mut [u16],
}

impl Kernel for Codes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let Some(output) = output.get_mut(..layer.out_channels) else { return };
        let (zero, top) = (isa.splat_f32(0.0), isa.splat_f32(f32::from(layer.top)));
        for_each(isa, layer, input, |channel, v, count| {
            let y = match layer.epilogue.activation {
                Activation::Linear => v,
                Activation::HardSwish { scale, zero } => {
                    epilogue::hard_swish(isa, v, isa.load_f32(scale, channel), isa.load_f32(zero, channel))
                }
            };
            isa.store_wide(isa.to_i32(isa.min(isa.max(y, zero), top)), output, channel, count);
        });
    }
}

struct Reals<'a> {
    layer: &'a Dense<'a>,
    activation: RealActivation,
    input: &'a [u16],
    output: &'a mut [f32],
}

impl Kernel for Reals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, activation, input, output } = self;
        let Some(output) = output.get_mut(..layer.out_channels) else { return };
        for_each(isa, layer, input, |channel, v, count| {
            let y = match activation {
                RealActivation::Linear | RealActivation::Sigmoid => v,
                RealActivation::Clip { lo, hi } => isa.min(isa.max(v, isa.splat_f32(lo)), isa.splat_f32(hi)),
            };
            isa.store_f32(y, output, channel, count);
        });
        if activation == RealActivation::Sigmoid {
            for y in output {
                *y = sigmoid(*y);
            }
        }
    }
}

/// Calls `store(channel, v, count)` for each vector of output channels [6, 9].
#[inline(always)]
fn for_each<I: Isa>(isa: I, layer: &Dense<'_>, input: &[u16], mut store: impl FnMut(usize, I::F32, usize)) {
    let Some(input) = input.get(..layer.in_channels) else { return };
    let bytes = pack::dense_vector_len(I::LEVEL, layer.in_channels);
    let n = layer.out_channels;
    if layer.weights.len() < pack::dense_len(I::LEVEL, layer.in_channels, n) || !epilogue::fits(&layer.epilogue, n) {
        return;
    }
    let vectors = n.div_ceil(I::LANES);
    let mut first = 0;
    while first < vectors {
        let rest = layer.weights.get(first * bytes..).unwrap_or(&[]);
        if vectors - first >= 4 {
            let sums = isa.dot_wide::<4>(input, rest.get(..4 * bytes).unwrap_or(&[]));
            for (i, sum) in sums.into_iter().enumerate() {
                one(isa, layer, (first + i) * I::LANES, sum, &mut store);
            }
            first += 4;
        } else {
            let [sum] = isa.dot_wide::<1>(input, rest.get(..bytes).unwrap_or(&[]));
            one(isa, layer, first * I::LANES, sum, &mut store);
            first += 1;
        }
    }
}

#[inline(always)]
fn one<I: Isa>(isa: I, layer: &Dense<'_>, channel: usize, sum: I::I32, store: &mut impl FnMut(usize, I::F32, usize)) {
    let Epilogue { offset, multiplier, bias, .. } = layer.epilogue;
    let sum = isa.add_i32(sum, isa.load_i32(offset, channel));
    let v = epilogue::rescale(isa, sum, isa.load_f32(multiplier, channel), isa.load_f32(bias, channel));
    store(channel, v, layer.out_channels.saturating_sub(channel).min(I::LANES));
}
