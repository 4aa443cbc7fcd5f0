//! Weights of gated layers, in 16 bits (eq. 22–26): eight input channels of a vector of output channels at a time.
//!
//! ```text
//! 8 · LANES bytes w ──► i16 × 4 registers, w · 256 ──► · F ──► · T ──► upper bytes: ŵ, where w was
//!                                                                └───► lower bytes · means: what rounding left
//! ```
//!
//! Weights lie as products want them ([`crate::pack::gated`]), so that each register has some channels of some outputs: [`Gates::columns`]
//! and [`Gates::to_outputs`] spread what belongs to a channel or an output accordingly.

use super::Shorts;

/// The part of an instruction set that multiplies gates into weights.
pub trait Gates: Shorts {
    /// Sums of [`Gates::rest`].
    type Rest: Copy;

    /// Zeros.
    fn none(self) -> Self::I16;
    /// Of 8 · LANES bytes w the numbers w · 256; zeros if they are not there.
    fn widen(self, from: &[u8]) -> [Self::I16; 4];
    /// The same of |w|, w not −128.
    fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4];
    /// Eight i16, each where its channel is.
    fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4];
    /// Lane by lane.
    fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// The largest number of each output; none is negative.
    fn of_outputs(self, all: [Self::I16; 4]) -> Self::I32;
    /// A number of each output that fits in i16, where the output is.
    fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4];
    /// `sum + a · b` modulo 2^16.
    fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16;
    /// `⌊(v + 128) / 256⌋` as bytes, where [`Gates::widen`] reads: 8 · LANES, or the first 4 · LANES if there are not so many.
    fn put_upper(self, values: [Self::I16; 4], to: &mut [u8]);
    /// No sums.
    fn no_rest(self) -> Self::Rest;
    /// Of each output `sum + Σ (v − 256 · ⌊(v + 128) / 256⌋) · mean`: the lower bytes of v, signed, times those of eight means.
    fn rest(self, sum: Self::Rest, values: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest;
    /// The sums of each output.
    fn rests(self, sum: Self::Rest) -> Self::I32;
}
