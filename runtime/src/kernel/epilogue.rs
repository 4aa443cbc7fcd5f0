//! From accumulators to codes [9–13]: the one place where kernels rescale.
//!
//! ```text
//! v = f32(acc + offset) · multiplier + bias              one conversion, one product, one sum
//! v = v + f32(residual code) · residual
//! y = v                                                  linear
//! y = ((v − 3) · min(max(v, 0), 6)) · scale + zero       hard-swish
//! q = saturate(rne(y))                                   top = 255: the store saturates
//! ```

use crate::isa::Isa;
use crate::layer::{Activation, Epilogue, padded};

/// True if every slice of constants is long enough for `channels`.
#[inline(always)]
pub(super) fn fits(epilogue: &Epilogue<'_>, channels: usize) -> bool {
    let len = padded(channels);
    epilogue.offset.len() >= len
        && epilogue.multiplier.len() >= len
        && epilogue.bias.len() >= len
        && epilogue.residual.is_none_or(|residual| residual.len() >= len)
        && activation_fits(&epilogue.activation, channels)
}

/// As [`fits`], of the activation alone.
#[inline(always)]
pub(super) fn activation_fits(activation: &Activation<'_>, channels: usize) -> bool {
    match activation {
        Activation::Linear => true,
        Activation::HardSwish { scale, zero } => scale.len() >= padded(channels) && zero.len() >= padded(channels),
    }
}

/// [9].
#[inline(always)]
pub(super) fn rescale<I: Isa>(isa: I, acc: I::I32, multiplier: I::F32, bias: I::F32) -> I::F32 {
    isa.add(isa.mul(isa.to_f32(acc), multiplier), bias)
}

/// [12].
#[inline(always)]
pub(super) fn hard_swish<I: Isa>(isa: I, v: I::F32, scale: I::F32, zero: I::F32) -> I::F32 {
    let clamped = isa.min(isa.max(v, isa.splat_f32(0.0)), isa.splat_f32(6.0));
    isa.add(isa.mul(isa.mul(isa.sub(v, isa.splat_f32(3.0)), clamped), scale), zero)
}

/// [11–13] of `N` vectors of channels from `channel` on, of one pixel; the store saturates.
#[inline(always)]
pub(super) fn activate<I: Isa, const N: usize>(
    isa: I,
    activation: &Activation<'_>,
    v: [I::F32; N],
    channel: usize,
    to: &mut [u8],
    at: usize,
    count: usize,
) {
    let mut codes = [isa.splat_i32(0); N];
    match activation {
        Activation::Linear => {
            for n in 0..N {
                codes[n] = isa.to_i32(v[n]);
            }
        }
        Activation::HardSwish { scale, zero } => {
            for n in 0..N {
                let scale = isa.load_f32(scale, channel + n * I::LANES);
                let zero = isa.load_f32(zero, channel + n * I::LANES);
                codes[n] = isa.to_i32(hard_swish(isa, v[n], scale, zero));
            }
        }
    }
    isa.store_codes(codes, to, at, count);
}

/// The codes to add, and where the tile's first pixel lies in them.
#[derive(Clone, Copy)]
pub(super) struct Residual<'a> {
    pub codes: &'a [u8],
    pub factor: &'a [f32],
}

/// Where a tile of `M` pixels × `N` vectors goes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// First pixel of the output (and of the residual).
    pub pixel: usize,
    /// Channels from one pixel to the next.
    pub stride: usize,
    /// First channel.
    pub channel: usize,
    /// Channels of the tile, at most N · LANES.
    pub count: usize,
}

/// [9–13] of a register tile.
#[inline(always)]
pub(super) fn finish<I: Isa, const M: usize, const N: usize>(
    isa: I,
    epilogue: &Epilogue<'_>,
    sums: [[I::I32; N]; M],
    residual: Option<Residual<'_>>,
    place: Place,
    output: &mut [u8],
) {
    let Place { pixel, stride, channel, count } = place;
    let mut v = [[isa.splat_f32(0.0); N]; M];
    for n in 0..N {
        let offset = isa.load_i32(epilogue.offset, channel + n * I::LANES);
        let multiplier = isa.load_f32(epilogue.multiplier, channel + n * I::LANES);
        let bias = isa.load_f32(epilogue.bias, channel + n * I::LANES);
        for m in 0..M {
            v[m][n] = rescale(isa, isa.add_i32(sums[m][n], offset), multiplier, bias);
        }
    }
    if let Some(residual) = residual {
        for n in 0..N {
            let factor = isa.load_f32(residual.factor, channel + n * I::LANES);
            let count = count.saturating_sub(n * I::LANES).min(I::LANES);
            for m in 0..M {
                let codes = isa.load_codes(residual.codes, (pixel + m) * stride + channel + n * I::LANES, count);
                v[m][n] = isa.add(v[m][n], isa.mul(isa.to_f32(codes), factor));
            }
        }
    }
    let mut codes = [[isa.splat_i32(0); N]; M];
    match epilogue.activation {
        Activation::Linear => {
            for m in 0..M {
                for n in 0..N {
                    codes[m][n] = isa.to_i32(v[m][n]);
                }
            }
        }
        Activation::HardSwish { scale, zero } => {
            for n in 0..N {
                let scale = isa.load_f32(scale, channel + n * I::LANES);
                let zero = isa.load_f32(zero, channel + n * I::LANES);
                for m in 0..M {
                    codes[m][n] = isa.to_i32(hard_swish(isa, v[m][n], scale, zero));
                }
            }
        }
    }
    for m in 0..M {
        isa.store_codes(codes[m], output, (pixel + m) * stride + channel, count);
    }
}

/// The residual of a layer: `None` if it has none, or the error that its codes are not there.
#[inline(always)]
pub(super) fn residual<'a>(epilogue: &Epilogue<'a>, codes: &'a [u8], len: usize) -> Result<Option<Residual<'a>>, ()> {
    match epilogue.residual {
        None => Ok(None),
        Some(factor) if codes.len() >= len => Ok(Some(Residual { codes, factor })),
        Some(_) => Err(()),
    }
}
