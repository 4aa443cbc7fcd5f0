//! From the sums of a block of channels to codes (eq. 9–13).

use super::super::epilogue::{self, FINE, HARD_SWISH, HardSwish, PLAIN};
use super::Block;
use crate::isa::{Isa, each_row};
use crate::layer::{Activation, Epilogue};
use crate::used;

/// Which code a layer's tiles run: [`PLAIN`] and [`HARD_SWISH`], both with or without bias, [`FINE`] for all else, as whatever reads
/// two planes.
#[inline(always)]
pub(super) const fn kind(epilogue: &Epilogue<'_>, planes: usize) -> u8 {
    if planes > 1 || epilogue.fine || epilogue.residual.is_some() {
        FINE
    } else if matches!(epilogue.activation, Activation::Linear) {
        PLAIN
    } else {
        HARD_SWISH
    }
}

/// Constants of a block of channels, dealt.
pub(super) struct Constants<I: Isa> {
    pub offset: [I::I32; 4],
    pub multiplier: [I::F32; 4],
    pub bias: Option<[I::F32; 4]>,
    pub residual: Option<[I::F32; 4]>,
    pub hard_swish: Option<[HardSwish<I>; 4]>,
}

impl<I: Isa> Constants<I> {
    #[inline(always)]
    pub fn new(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        Self {
            offset: isa.deal_i32(epilogue.offset, channel),
            multiplier: isa.deal_f32(epilogue.multiplier, channel),
            bias: epilogue.bias.map(|bias| isa.deal_f32(bias, channel)),
            residual: epilogue.residual.map(|factor| isa.deal_f32(factor, channel)),
            hard_swish: match epilogue.activation {
                Activation::Linear => None,
                Activation::HardSwish { half, zero } => {
                    Some(hard_swish(isa, isa.deal_f32(half, channel), isa.deal_f32(zero, channel)))
                }
            },
        }
    }
}

/// Constants of the hard-swish of a block.
#[inline(always)]
pub(super) fn hard_swish<I: Isa>(isa: I, half: [I::F32; 4], zero: [I::F32; 4]) -> [HardSwish<I>; 4] {
    let mut vectors = [HardSwish::none(isa); 4];
    for n in 0..4 {
        vectors[n] = HardSwish::new(isa, half[n], zero[n]);
    }
    vectors
}

/// For each vector FROM ≤ n < TO of a block. Written out: an index that is no constant would move the vectors to memory.
macro_rules! each_vector {
    ($n:ident, $FROM:ident, $TO:ident, $do:block) => {
        each_vector!($n, $FROM, $TO, $do, 0 1 2 3);
    };
    ($n:ident, $FROM:ident, $TO:ident, $do:block, $($at:literal)*) => {$(
        if $at >= $FROM && $at < $TO {
            let $n = $at;
            $do
        }
    )*};
}

impl<I: Isa> Block<'_, I> {
    /// The codes of P pixels from `pixel` on (of whole fine ones, before they are parted), in vectors FROM to TO; the others stay as they are.
    #[inline(always)]
    pub(super) fn codes<const FROM: usize, const TO: usize, const P: usize, const KIND: u8>(
        &self,
        isa: I,
        pixel: usize,
        sums: [[I::I32; 4]; P],
    ) -> [[I::I32; 4]; P] {
        let constants = &self.constants;
        let mut codes = sums;
        each_vector!(n, FROM, TO, {
            let mut v = [constants.multiplier[n]; P];
            each_row!(p, P, { v[p] = isa.mul(isa.to_f32(sums[p][n]), constants.multiplier[n]) });
            if let Some(bias) = constants.bias {
                each_row!(p, P, { v[p] = isa.add(v[p], bias[n]) });
            }
            if used::RESIDUAL
                && KIND == FINE
                && let (Some(factor), Some(residual)) = (constants.residual, self.residual)
            {
                each_row!(p, P, {
                    let added = residual.deal(isa, pixel + p, self.channel, self.count);
                    v[p] = isa.add(v[p], isa.mul(isa.to_f32(added[n]), factor[n]));
                });
            }
            if used::HARD_SWISH
                && KIND != PLAIN
                && let Some(hard_swish) = constants.hard_swish
            {
                each_row!(p, P, { v[p] = hard_swish[n].of(isa, v[p]) });
            }
            if used::FINE && KIND == FINE && self.layer.epilogue.fine {
                each_row!(p, P, { codes[p][n] = epilogue::fine(isa, v[p]) });
            } else {
                each_row!(p, P, { codes[p][n] = isa.to_i32(v[p]) });
            }
        });
        codes
    }

    /// (eq. 9–13) of one pixel.
    #[inline(always)]
    pub fn finish(&self, isa: I, row: usize, column: usize, sums: [I::I32; 4], output: &mut [u8]) {
        let at = (row * self.layer.output.width + column) * self.layer.output.channels + self.channel;
        let constants = &self.constants;
        let mut v = constants.multiplier;
        for n in 0..4 {
            v[n] = isa.mul(isa.to_f32(sums[n]), constants.multiplier[n]);
        }
        if let Some(bias) = constants.bias {
            for n in 0..4 {
                v[n] = isa.add(v[n], bias[n]);
            }
        }
        if used::RESIDUAL
            && let (Some(factor), Some(residual)) = (constants.residual, self.residual)
        {
            let codes = residual.deal(isa, row * self.layer.output.width + column, self.channel, self.count);
            for n in 0..4 {
                v[n] = isa.add(v[n], isa.mul(isa.to_f32(codes[n]), factor[n]));
            }
        }
        if used::HARD_SWISH
            && let Some(hard_swish) = constants.hard_swish
        {
            for n in 0..4 {
                v[n] = hard_swish[n].of(isa, v[n]);
            }
        }
        let mut codes = sums;
        if used::FINE && self.layer.epilogue.fine {
            let mut low = sums;
            for n in 0..4 {
                [codes[n], low[n]] = isa.parts(epilogue::fine(isa, v[n]));
            }
            isa.store_dealt(low, output, at + self.layer.output.channels / 2, self.count);
        } else {
            for n in 0..4 {
                codes[n] = isa.to_i32(v[n]);
            }
        }
        isa.store_dealt(codes, output, at, self.count);
    }
}

/// Both planes of fine codes.
#[inline(always)]
pub(super) fn planes<I: Isa>(isa: I, codes: [I::I32; 4]) -> [[I::I32; 4]; 2] {
    let mut planes = [codes; 2];
    for n in 0..4 {
        [planes[0][n], planes[1][n]] = isa.parts(codes[n]);
    }
    planes
}
