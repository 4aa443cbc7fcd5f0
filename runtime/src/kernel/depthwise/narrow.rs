//! The last channels of a depthwise convolution, at most 16 of them: pixels side by side fill the vectors.
//!
//! ```text
//! one output pixel of a block:      c0 … c15 │ c16 … c31 │ c32 … c47 │ c48 … c63
//! four of a narrow block:           p0: c0 … │ p1: c0 …  │ p2: c0 …  │ p3: c0 …      weights once per 128 bits
//! ```
//!
//! Interleaving, products and packing stay within 128 bits, so they are those of a block.

use super::strip::{NARROW, Strip};
use super::{Block, Constants, Depthwise, hard_swish};
use crate::isa::{Isa, Kernel};
use crate::layer::{Activation, Epilogue};
use crate::pack;

/// A narrow block of a layer without residual.
pub(super) struct Narrow<'a> {
    pub layer: &'a Depthwise<'a>,
    pub input: &'a [u8],
    /// The block's weights.
    pub packed: &'a [u8],
    pub channel: usize,
    pub count: usize,
    pub output: &'a mut [u8],
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, packed, channel, count, output } = self;
        let weights = isa.weights(packed);
        let quads = layer.kernel()[0].div_ceil(4);
        let constants = constants(isa, &layer.epilogue, channel);
        let block = Block { layer, input, residual: None, packed, weights, quads, channel, count, constants };
        block.run::<NARROW>(isa, &mut Strip::new(isa), output);
    }
}

/// From `channel` on, once per pixel.
#[inline(always)]
fn constants<I: Isa>(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Constants<I> {
    Constants {
        offset: isa.deal_i32(&repeated(epilogue.offset, channel), 0),
        multiplier: isa.deal_f32(&repeated(epilogue.multiplier, channel), 0),
        bias: epilogue.bias.map(|bias| isa.deal_f32(&repeated(bias, channel), 0)),
        residual: None,
        hard_swish: match epilogue.activation {
            Activation::Linear => None,
            Activation::HardSwish { half, zero } => {
                let (half, zero) = (repeated(half, channel), repeated(zero, channel));
                Some(hard_swish(isa, isa.deal_f32(&half, 0), isa.deal_f32(&zero, 0)))
            }
        },
    }
}

/// 16 elements from `at` on, over and over.
#[inline(never)]
fn repeated<T: Copy + Default>(from: &[T], at: usize) -> [T; 4 * pack::NARROW] {
    let mut all = [T::default(); 4 * pack::NARROW];
    let from = from.get(at..).unwrap_or(&[]);
    for part in all.as_chunks_mut::<{ pack::NARROW }>().0 {
        for (to, from) in part.iter_mut().zip(from) {
            *to = *from;
        }
    }
    all
}
