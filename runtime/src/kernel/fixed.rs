//! From accumulators to codes in 16 bits (eq. 43–46).
//!
//! ```text
//! t = sat16(⌊acc · 2^shift / 2^16⌋)                     one shift
//! u = (t · multiplier) / 2^15                            rounded; two pixels at a time from here on
//! y = u                                                  linear
//! y = ((u − half) · min(max(u, 0), 2·half)) / 2^15 + zero  hard-swish
//! q = saturate(y)
//! ```
//!
//! Of two vectors of sums that is four operations in place of seven, with a hard-swish 9 in place of 17 ([`super::epilogue`]): a vector has twice as many
//! lanes, and nothing is converted. Shifts are each channel's own, since the factors of a layer's channels differ by 10 to 20 times: with one
//! shift for all of them, most layers with a hard-swish have channels that would leave 16 bits, or have no steps left.
//!
//! What it is worth: 8 to 11 % of a network's instructions with the dot product and i8mm, 4 to 5 % of V3-Small's time with AVX2. With AVX512-VNNI (Zen 4) pointwise
//! layers take 5 to 22 % less time, depthwise ones of 5 × 5 taps and 7 × 7 pixels 25 to 34 % more, V3-Small as much as before. On Zen 5 an
//! experiment before this (one shift for a layer, pointwise and first layers alone) took 0.1 % more time of V3-Large by medians and 0.5 % less by minima.

use crate::isa::{Isa, each_pair};
use crate::layer::{Activation, Epilogue};
use crate::used;

/// What becomes of the accumulators of a layer: of each, kernels have code of their own.
pub(crate) mod out {
    use super::{Activation, Epilogue, used};

    /// Codes by way of f32.
    pub const CODES: u8 = 0;
    /// Codes by way of 16 bits, where nothing follows the factor.
    pub const FIXED: u8 = 1;
    /// Fine codes, or codes to which those of a fine map are added.
    pub const FINE: u8 = 2;
    /// Codes by way of 16 bits with a hard-swish.
    pub const FIXED_HARD_SWISH: u8 = 3;

    /// Whether by way of 16 bits.
    #[inline(always)]
    pub const fn is_fixed(out: u8) -> bool {
        matches!(out, FIXED | FIXED_HARD_SWISH)
    }

    /// That of a layer.
    #[inline(always)]
    pub const fn of(epilogue: &Epilogue<'_>) -> u8 {
        if used::FIXED && epilogue.fixed().is_some() {
            match epilogue.activation {
                Activation::Linear => FIXED,
                Activation::HardSwish { .. } => FIXED_HARD_SWISH,
            }
        } else if used::FINE && (epilogue.fine || (epilogue.residual.is_some() && epilogue.fine_residual)) {
            FINE
        } else {
            CODES
        }
    }
}

/// Constants of N vectors of channels, each of them for two pixels.
pub(super) struct Fixed<I: Isa, const N: usize> {
    shift: [I::Shift; N],
    pub multiplier: [I::I16; N],
    hard_swish: Option<[HardSwish<I>; N]>,
}

#[derive(Clone, Copy)]
struct HardSwish<I: Isa> {
    half: I::I16,
    full: I::I16,
    zero: I::I16,
}

impl<I: Isa, const N: usize> Fixed<I, N> {
    /// Of shifts, multipliers, and of a hard-swish `half` and `zero`.
    #[inline(always)]
    pub fn new(isa: I, shift: [I::I32; N], multiplier: [I::F32; N], hard_swish: Option<[[I::F32; N]; 2]>) -> Self {
        let none = isa.both(isa.splat_f32(0.0));
        let mut fixed = Self { shift: [isa.shift(isa.splat_i32(0)); N], multiplier: [none; N], hard_swish: None };
        for n in 0..N {
            fixed.shift[n] = isa.shift(shift[n]);
            fixed.multiplier[n] = isa.both(multiplier[n]);
        }
        if used::HARD_SWISH
            && let Some([half, zero]) = hard_swish
        {
            let mut vectors = [HardSwish { half: none, full: none, zero: none }; N];
            for n in 0..N {
                let half = isa.both(half[n]);
                vectors[n] = HardSwish { half, full: isa.add_shorts(half, half), zero: isa.both(zero[n]) };
            }
            fixed.hard_swish = Some(vectors);
        }
        fixed
    }

    /// From `channel` on. What is not there is zero; see [`super::epilogue::fits`].
    #[inline(always)]
    pub fn from_channel(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        let load = |from: &[f32]| {
            let mut vectors = [isa.splat_f32(0.0); N];
            for n in 0..N {
                vectors[n] = isa.load_f32(from, channel + n * I::LANES);
            }
            vectors
        };
        let mut shift = [isa.splat_i32(0); N];
        for n in 0..N {
            shift[n] = isa.load_i32(epilogue.shift.unwrap_or(&[]), channel + n * I::LANES);
        }
        let hard_swish = match epilogue.activation {
            Activation::Linear => None,
            Activation::HardSwish { half, zero } => Some([load(half), load(zero)]),
        };
        Self::new(isa, shift, load(epilogue.multiplier), hard_swish)
    }

    /// Whether there is a hard-swish.
    #[inline(always)]
    pub fn has_hard_swish(&self) -> bool {
        used::HARD_SWISH && self.hard_swish.is_some()
    }

    /// Codes, before they are saturated, of vector `n` of M pixels: those of pixels 2i and 2i + 1 in `[i]`; a last one alone is there twice.
    #[inline(always)]
    pub fn codes<const M: usize, const HARD_SWISH: bool>(&self, isa: I, n: usize, sums: [I::I32; M]) -> [I::I16; M] {
        let mut codes = [self.multiplier[n]; M];
        each_pair!(i, M, {
            let two = [sums[2 * i], sums[(2 * i + 1).min(M - 1)]];
            codes[i] = isa.mul_shorts(isa.shorts(two, self.shift[n]), self.multiplier[n]);
            if !HARD_SWISH {
                codes[i] = isa.in_turn(codes[i]);
            }
        });
        if HARD_SWISH && let Some(vectors) = &self.hard_swish {
            let HardSwish { half, full, zero } = vectors[n];
            each_pair!(i, M, {
                let u = codes[i];
                let y = isa.mul_shorts(isa.sub_shorts(u, half), isa.clamp_shorts(u, full));
                codes[i] = isa.add_shorts(y, zero);
            });
        }
        codes
    }
}

/// Step by step, of channels each of which has a vector for itself.
impl<I: Isa> Fixed<I, 1> {
    /// t (eq. 43).
    #[inline(always)]
    pub fn shorts(&self, isa: I, two: [I::I32; 2]) -> I::I16 {
        isa.shorts(two, self.shift[0])
    }

    /// u (eq. 44).
    #[inline(always)]
    pub fn product(&self, isa: I, t: I::I16) -> I::I16 {
        isa.mul_shorts(t, self.multiplier[0])
    }

    /// u − half.
    #[inline(always)]
    pub fn below(&self, isa: I, u: I::I16) -> I::I16 {
        self.hard_swish.map_or(u, |[of]| isa.sub_shorts(u, of.half))
    }

    /// `min(max(u, 0), 2·half)`.
    #[inline(always)]
    pub fn clamped(&self, isa: I, u: I::I16) -> I::I16 {
        self.hard_swish.map_or(u, |[of]| isa.clamp_shorts(u, of.full))
    }

    /// u + zero.
    #[inline(always)]
    pub fn above(&self, isa: I, u: I::I16) -> I::I16 {
        self.hard_swish.map_or(u, |[of]| isa.add_shorts(u, of.zero))
    }
}
