//! From accumulators to codes (eq. 9–13): the one place where kernels rescale.
//!
//! ```text
//! v = f32(acc + offset) · multiplier + bias              one conversion, one product, one sum if there is a bias
//! v = v + f32(residual code) · residual                a fine residual's code is 16·h + l (eq. 40)
//! y = v                                                  linear
//! y = (v − half) · min(max(v, 0), 2·half) + zero         hard-swish
//! q = saturate(rne(y))                                   top = 255: the store saturates
//! h, l = ⌊q/16⌋, q mod 16                                fine maps (eq. 37): q up to 4095, in two planes
//! ```
//!
//! Layers of 8-bit codes that nothing is added to go by way of 16 bits ([`super::fixed`]).

use super::fixed::{Fixed, out};
use super::planes::Source;
use crate::isa::{Isa, each_row};
use crate::layer::{Activation, Epilogue, FINE_TOP, padded};
use crate::used;

/// True if every slice of constants is long enough for `channels`.
#[inline(always)]
pub(super) fn fits(epilogue: &Epilogue<'_>, channels: usize) -> bool {
    let len = padded(channels);
    epilogue.offset.len() >= len
        && epilogue.multiplier.len() >= len
        && epilogue.bias.is_none_or(|bias| bias.len() >= len)
        && epilogue.residual.is_none_or(|residual| residual.len() >= len)
        && epilogue.shift.is_none_or(|shift| shift.len() >= len)
        && activation_fits(&epilogue.activation, channels)
}

/// As [`fits`], of the activation alone.
#[inline(always)]
pub(super) fn activation_fits(activation: &Activation<'_>, channels: usize) -> bool {
    match activation {
        Activation::Linear => true,
        Activation::HardSwish { half, zero } => half.len() >= padded(channels) && zero.len() >= padded(channels),
    }
}

/// (eq. 9).
#[inline(always)]
pub(super) fn rescale<I: Isa>(isa: I, acc: I::I32, multiplier: I::F32, bias: I::F32) -> I::F32 {
    isa.add(isa.mul(isa.to_f32(acc), multiplier), bias)
}

/// Constants of the hard-swish of a vector of channels.
#[derive(Clone, Copy)]
pub(super) struct HardSwish<I: Isa> {
    half: I::F32,
    full: I::F32,
    zero: I::F32,
}

impl<I: Isa> HardSwish<I> {
    /// No channel of it.
    #[inline(always)]
    pub fn none(isa: I) -> Self {
        let zero = isa.splat_f32(0.0);
        Self { half: zero, full: zero, zero }
    }

    #[inline(always)]
    pub fn new(isa: I, half: I::F32, zero: I::F32) -> Self {
        Self { half, full: isa.add(half, half), zero }
    }

    /// (eq. 12).
    #[inline(always)]
    pub fn of(&self, isa: I, v: I::F32) -> I::F32 {
        isa.add(isa.mul(isa.sub(v, self.half), isa.clamp(v, self.full)), self.zero)
    }
}

/// Constants two channels at a time, where lanes are pixels.
pub(super) struct Pairs<'a> {
    offset: &'a [[i32; 2]],
    multiplier: &'a [[f32; 2]],
    bias: Option<&'a [[f32; 2]]>,
    hard_swish: Option<[&'a [[f32; 2]]; 2]>,
    shift: Option<&'a [[i32; 2]]>,
}

impl<'a> Pairs<'a> {
    #[inline(always)]
    pub fn new(epilogue: &Epilogue<'a>) -> Self {
        let two = |from: &'a [f32]| from.as_chunks().0;
        Self {
            offset: epilogue.offset.as_chunks().0,
            multiplier: two(epilogue.multiplier),
            bias: epilogue.bias.map(two),
            hard_swish: match epilogue.activation {
                Activation::HardSwish { half, zero } => Some([half, zero].map(two)),
                Activation::Linear => None,
            },
            shift: epilogue.shift.map(|shift| shift.as_chunks().0),
        }
    }

    /// Those of channels 2i and 2i + 1, if they are there.
    #[inline(always)]
    pub fn pair(&self, i: usize) -> Option<Pair<'a>> {
        let [half, zero] = match self.hard_swish {
            Some([half, zero]) => [half.get(i)?, zero.get(i)?],
            None => [&[0.0; 2]; 2],
        };
        // What has no bias has zero added: no code is another by that.
        let bias = self.bias.map_or(Some(&[0.0; 2]), |bias| bias.get(i))?;
        let shift = self.shift.map_or(Some(&[0; 2]), |shift| shift.get(i))?;
        Some(Pair { offset: self.offset.get(i)?, multiplier: self.multiplier.get(i)?, bias, half, zero, shift })
    }
}

/// Constants of two channels, where they are: they go to all lanes as they are read.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// Where the sums start.
    pub offset: &'a [i32; 2],
    multiplier: &'a [f32; 2],
    bias: &'a [f32; 2],
    half: &'a [f32; 2],
    zero: &'a [f32; 2],
    shift: &'a [i32; 2],
}

/// Those of one of them, in all lanes.
#[derive(Clone, Copy)]
pub(super) struct Splat<I: Isa> {
    pub multiplier: I::F32,
    pub bias: I::F32,
    pub half: I::F32,
    /// Twice `half`.
    pub full: I::F32,
    pub zero: I::F32,
}

impl Pair<'_> {
    /// Those of channel c of the two.
    #[inline(always)]
    pub fn of_channel<I: Isa>(&self, isa: I, c: usize) -> Splat<I> {
        let [multiplier, bias, half, zero] =
            [self.multiplier, self.bias, self.half, self.zero].map(|of| isa.splat_f32(of[c]));
        Splat { multiplier, bias, half, full: isa.add(half, half), zero }
    }

    /// The same for 16 bits.
    #[inline(always)]
    pub fn fixed<I: Isa>(&self, isa: I, c: usize) -> Fixed<I, 1> {
        let [multiplier, half, zero] = [self.multiplier, self.half, self.zero].map(|of| [isa.splat_f32(of[c])]);
        Fixed::new(isa, [isa.splat_i32(self.shift[c])], multiplier, Some([half, zero]))
    }

    /// Values (eq. 43–46) of M vectors of each channel, before they are saturated.
    #[inline(always)]
    pub fn fixed_values<I: Isa, const M: usize, const HARD_SWISH: bool>(
        &self,
        isa: I,
        sums: [[I::I32; M]; 2],
    ) -> [[I::I32; M]; 2] {
        let mut values = sums;
        for c in 0..2 {
            let shorts = self.fixed(isa, c).codes::<M, HARD_SWISH>(isa, 0, sums[c]);
            for i in 0..M / 2 {
                [values[c][2 * i], values[c][2 * i + 1]] = isa.split(shorts[i]);
            }
        }
        values
    }

    /// Rounded values (eq. 9, 11, 12, rne of 13) of M vectors of each channel.
    #[inline(always)]
    pub fn rounded<I: Isa, const M: usize, const HARD_SWISH: bool>(
        &self,
        isa: I,
        sums: [[I::I32; M]; 2],
    ) -> [[I::I32; M]; 2] {
        let mut rounded = sums;
        for c in 0..2 {
            let Splat { multiplier, bias, half, full, zero } = self.of_channel(isa, c);
            for m in 0..M {
                let v = rescale(isa, sums[c][m], multiplier, bias);
                let y = if HARD_SWISH { HardSwish { half, full, zero }.of(isa, v) } else { v };
                rounded[c][m] = isa.to_i32(y);
            }
        }
        rounded
    }
}

/// The code of `y` on a fine map, before it is parted (eq. 37).
#[inline(always)]
pub(super) fn fine<I: Isa>(isa: I, y: I::F32) -> I::I32 {
    isa.to_i32(isa.min(isa.max(y, isa.splat_f32(0.0)), isa.splat_f32(f32::from(FINE_TOP))))
}

/// The same for what stores both parts.
#[inline(always)]
pub(super) fn fine_to_store<I: Isa>(isa: I, y: I::F32) -> I::I32 {
    if const { I::LEVEL.saturates() } { isa.to_i32(y) } else { fine(isa, y) }
}

/// `y` (eq. 11, 12) of `N` vectors of channels from `channel` on.
#[inline(always)]
pub(super) fn activate<I: Isa, const N: usize>(
    isa: I,
    activation: &Activation<'_>,
    v: [I::F32; N],
    channel: usize,
) -> [I::F32; N] {
    let mut y = v;
    if let Activation::HardSwish { half, zero } = activation {
        for n in 0..N {
            let at = channel + n * I::LANES;
            y[n] = HardSwish::new(isa, isa.load_f32(half, at), isa.load_f32(zero, at)).of(isa, v[n]);
        }
    }
    y
}

/// Where tiles of pixels × `N` vectors go.
pub(super) struct Place {
    /// Channels from one pixel to the next.
    pub stride: usize,
    /// First channel.
    pub channel: usize,
    /// Channels of the tile, at most N · LANES.
    pub count: usize,
}

/// (eq. 9–13, 43–46) of a register tile, whose first pixel of the output (and of the residual) is `pixel`; OUT is [`out::of`] the layer.
#[inline(always)]
pub(super) fn finish<I: Isa, const M: usize, const N: usize, const OUT: u8>(
    isa: I,
    constants: &Constants<I, N>,
    sums: [[I::I32; N]; M],
    residual: Option<&Source<'_>>,
    (place, pixel): (&Place, usize),
    output: &mut [u8],
) {
    let place = (place, pixel);
    // Each kind in code of its own, where that pays: where paths meet, sums would have to leave their registers.
    if OUT == out::FIXED {
        // Both kinds in one function, but for their last part: products are most of it.
        if constants.fixed.has_hard_swish() {
            finish_fixed::<I, M, N, true>(isa, constants, sums, place, output);
        } else {
            finish_fixed::<I, M, N, false>(isa, constants, sums, place, output);
        }
    } else if OUT == out::FINE {
        finish_as::<I, M, N, FINE>(isa, constants, sums, residual, place, output);
    } else if const { !I::APART } || constants.bias.is_some() || used::RESIDUAL && residual.is_some() {
        finish_as::<I, M, N, GENERAL>(isa, constants, sums, residual, place, output);
    } else if used::HARD_SWISH && constants.hard_swish.is_some() {
        finish_as::<I, M, N, HARD_SWISH>(isa, constants, sums, None, place, output);
    } else {
        finish_as::<I, M, N, PLAIN>(isa, constants, sums, None, place, output);
    }
}

/// What follows the factor: nothing.
const PLAIN: u8 = 0;
/// Hard-swish.
const HARD_SWISH: u8 = 1;
/// All that there is, where no map is fine.
const GENERAL: u8 = 2;
/// The same where the output or what is added is.
const FINE: u8 = 3;
/// In 16 bits, nothing after the factor.
const FIXED: u8 = 4;
/// In 16 bits, hard-swish after it.
const FIXED_HARD_SWISH: u8 = 5;

#[inline(always)]
fn finish_fixed<I: Isa, const M: usize, const N: usize, const HARD_SWISH: bool>(
    isa: I,
    constants: &Constants<I, N>,
    sums: [[I::I32; N]; M],
    (place, pixel): (&Place, usize),
    output: &mut [u8],
) {
    let sums = if HARD_SWISH { isa.here::<FIXED_HARD_SWISH, M, N>(sums) } else { isa.here::<FIXED, M, N>(sums) };
    let Place { stride, channel, count } = *place;
    let mut codes = [constants.fixed.multiplier; M];
    for n in 0..N {
        let mut of_vector = [sums[0][n]; M];
        each_row!(m, M, { of_vector[m] = sums[m][n] });
        let of_vector = constants.fixed.codes::<M, HARD_SWISH>(isa, n, of_vector);
        each_row!(m, M, { codes[m][n] = of_vector[m] });
    }
    isa.store_shorts(codes, output, [pixel * stride + channel, stride], count);
}

#[inline(always)]
fn finish_as<I: Isa, const M: usize, const N: usize, const KIND: u8>(
    isa: I,
    constants: &Constants<I, N>,
    sums: [[I::I32; N]; M],
    residual: Option<&Source<'_>>,
    (place, pixel): (&Place, usize),
    output: &mut [u8],
) {
    let sums = isa.here::<KIND, M, N>(sums);
    let Place { stride, channel, count } = *place;
    let (len, at) = (N * I::LANES, pixel * stride + channel);
    let y = constants.values::<M, KIND>(isa, sums, residual, (place, pixel));
    let mut codes = sums;
    if KIND == FINE && constants.fine {
        each_row!(m, M, {
            for n in 0..N {
                codes[m][n] = fine_to_store(isa, y[m][n]);
            }
        });
        isa.store_fine_tile(codes, output, at, stride, count);
        return;
    }
    each_row!(m, M, {
        for n in 0..N {
            codes[m][n] = isa.to_i32(y[m][n]);
        }
    });
    // Pixels side by side in memory go out together, as many as one store takes.
    if const { N == 1 && M >= 4 } && count == len && stride == len {
        macro_rules! four {
            ($($m:literal)*) => {$(
                if $m + 4 <= M {
                    let four = [codes[$m][0], codes[$m + 1][0], codes[$m + 2][0], codes[$m + 3][0]];
                    isa.store_codes(four, output, at + $m * stride, 4 * len);
                }
            )*};
        }
        four!(0 4);
        return;
    }
    if const { N == 2 && M >= 4 } && count == len && stride == len {
        macro_rules! two {
            ($($m:literal)*) => {$(
                if $m + 2 <= M {
                    let four = [codes[$m][0], codes[$m][1], codes[$m + 1][0], codes[$m + 1][1]];
                    isa.store_codes(four, output, at + $m * stride, 2 * len);
                }
            )*};
        }
        two!(0 2 4 6);
        return;
    }
    isa.store_tile(codes, output, at, stride, count);
}

/// Constants of N vectors of channels.
pub(super) struct Constants<I: Isa, const N: usize> {
    /// Where the sums start.
    pub offset: [I::I32; N],
    multiplier: [I::F32; N],
    bias: Option<[I::F32; N]>,
    residual: [I::F32; N],
    hard_swish: Option<[HardSwish<I>; N]>,
    fine: bool,
    /// The same numbers for 16 bits, if they are.
    fixed: Fixed<I, N>,
}

impl<I: Isa, const N: usize> Constants<I, N> {
    /// From `channel` on. What is not there is zero; see [`fits`].
    #[inline(always)]
    pub(super) fn new(isa: I, epilogue: &Epilogue<'_>, channel: usize) -> Self {
        let mut constants = Self {
            offset: [isa.splat_i32(0); N],
            multiplier: [isa.splat_f32(0.0); N],
            bias: None,
            residual: [isa.splat_f32(0.0); N],
            hard_swish: None,
            fine: epilogue.fine,
            fixed: Fixed::from_channel(isa, epilogue, channel),
        };
        for n in 0..N {
            let at = channel + n * I::LANES;
            constants.offset[n] = isa.load_i32(epilogue.offset, at);
            constants.multiplier[n] = isa.load_f32(epilogue.multiplier, at);
        }
        if let Some(bias) = epilogue.bias {
            let mut vectors = [isa.splat_f32(0.0); N];
            for n in 0..N {
                vectors[n] = isa.load_f32(bias, channel + n * I::LANES);
            }
            constants.bias = Some(vectors);
        }
        if used::RESIDUAL
            && let Some(factor) = epilogue.residual
        {
            for n in 0..N {
                constants.residual[n] = isa.load_f32(factor, channel + n * I::LANES);
            }
        }
        if used::HARD_SWISH
            && let Activation::HardSwish { half, zero } = epilogue.activation
        {
            let mut vectors = [HardSwish::none(isa); N];
            for n in 0..N {
                let at = channel + n * I::LANES;
                vectors[n] = HardSwish::new(isa, isa.load_f32(half, at), isa.load_f32(zero, at));
            }
            constants.hard_swish = Some(vectors);
        }
        constants
    }

    /// `y` (eq. 9–12) of a tile. Each question is asked once for all of it.
    #[inline(always)]
    fn values<const M: usize, const KIND: u8>(
        &self,
        isa: I,
        sums: [[I::I32; N]; M],
        residual: Option<&Source<'_>>,
        (place, pixel): (&Place, usize),
    ) -> [[I::F32; N]; M] {
        let mut v = [self.multiplier; M];
        for n in 0..N {
            each_row!(m, M, { v[m][n] = isa.mul(isa.to_f32(sums[m][n]), self.multiplier[n]) });
        }
        if KIND >= GENERAL
            && let Some(bias) = self.bias
        {
            for n in 0..N {
                each_row!(m, M, { v[m][n] = isa.add(v[m][n], bias[n]) });
            }
        }
        if used::RESIDUAL
            && KIND >= GENERAL
            && let Some(residual) = residual
        {
            let x = if KIND == FINE {
                residual.tile::<I, M, N>(isa, pixel, place.channel, place.count)
            } else {
                isa.load_tile::<M, N>(residual.codes, pixel * residual.row + place.channel, residual.row, place.count)
            };
            each_row!(m, M, {
                for n in 0..N {
                    v[m][n] = isa.add(v[m][n], isa.mul(isa.to_f32(x[m][n]), self.residual[n]));
                }
            });
        }
        if used::HARD_SWISH
            && KIND != PLAIN
            && let Some(vectors) = self.hard_swish
        {
            for n in 0..N {
                each_row!(m, M, { v[m][n] = vectors[n].of(isa, v[m][n]) });
            }
        }
        v
    }
}

/// The residual of a layer whose output has `pixels` pixels of which `n` channels are made, `row` codes apart: `None` if it has none, or
/// the error that its codes are not there.
#[inline(always)]
pub(super) fn residual<'a>(
    epilogue: &Epilogue<'a>,
    codes: &'a [u8],
    [pixels, n, row]: [usize; 3],
) -> Result<Option<Source<'a>>, ()> {
    let (fine, row) = (epilogue.fine_residual, epilogue.added(row));
    let len = pixels.saturating_sub(1) * row + if fine { row / 2 } else { 0 } + n;
    match epilogue.residual {
        None => Ok(None),
        Some(_) if codes.len() >= len => Ok(Some(Source { codes, row, fine })),
        Some(_) => Err(()),
    }
}
