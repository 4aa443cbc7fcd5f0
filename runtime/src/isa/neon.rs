//! ARMv8.0 NEON: vectors of four lanes, no dot product.
//!
//! There is no product of unsigned with signed bytes, so codes are taken as `x − 128` (`x ^ 0x80`), which
//! [`crate::pack::offset`] makes up for. With weights in −127…127 two products fit in i16, 2 · 128 · 127 < 2^15, and
//! their pairwise sum goes into i32: three instructions for 16 products, of pairs of codes (`product`), or of vertical taps.
//!
//! A dealt block is in natural order.
//!
//! The SAFETY lines say *token*: a value of [`Neon`] exists only where the CPU has the feature.

mod codes;
pub(super) mod gate;
mod product;
mod shorts;

use super::pieces::{few, partial};
use super::{Isa, Kernel, Level, Matrix, Panel, Rows, apart};
use core::arch::aarch64::*;
use core::arch::asm;

/// Proof of NEON, which every target has for which this is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// Always there.
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }

    /// Always there.
    pub const fn from_target() -> Self {
        Self(())
    }
}

/// Codes as signed bytes: `x − 128`.
#[inline(always)]
pub(super) fn signed(_: Neon, codes: uint8x16_t) -> int8x16_t {
    // SAFETY: token.
    unsafe { vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(0x80))) }
}

/// Four bytes in all lanes.
#[inline(always)]
pub(super) fn splat_bytes(_: Neon, bytes: u32) -> uint8x16_t {
    // SAFETY: token.
    unsafe { vreinterpretq_u8_u32(vdupq_n_u32(bytes)) }
}

impl Isa for Neon {
    const LEVEL: Level = Level::Neon;
    const APART: bool = true;
    const PASS: usize = 2;

    type Bytes = uint8x16_t;
    /// `[pair of taps][channels 0…7, 8…15][channel][tap of the pair]`.
    type Quads = [int8x16_t; 4];
    type Weights = [u8; 64];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        apart(self, kernel)
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        // SAFETY: token.
        unsafe { vdupq_n_s32(value) }
    }

    #[inline(always)]
    fn splat_f32(self, value: f32) -> Self::F32 {
        // SAFETY: token.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            // SAFETY: token; four elements are there.
            Some(lanes) => unsafe { vld1q_s32(lanes.as_ptr()) },
            None => self.splat_i32(0),
        }
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            // SAFETY: token; four elements are there.
            Some(lanes) => unsafe { vld1q_f32(lanes.as_ptr()) },
            None => self.splat_f32(0.0),
        }
    }

    #[inline(always)]
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32 {
        let codes = match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            Some(codes) if count == 4 => u32::from_le_bytes(*codes),
            _ => few(from.get(at..).and_then(|rest| rest.get(..count)).unwrap_or(&[])),
        };
        // SAFETY: token.
        unsafe {
            let wide = vmovl_u8(vcreate_u8(u64::from(codes)));
            vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide)))
        }
    }

    #[inline(always)]
    fn sum_codes<const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        rows: usize,
        count: usize,
    ) -> [Self::I32; N] {
        codes::sum(self, from, [at, stride], rows, count)
    }

    #[inline(always)]
    fn load_tile<const M: usize, const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        count: usize,
    ) -> [[Self::I32; N]; M] {
        codes::load(self, from, [at, stride], count)
    }

    #[inline(always)]
    fn store_tile<const M: usize, const N: usize>(
        self,
        values: [[Self::I32; N]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        codes::store(self, values, to, [at, stride], count);
    }

    #[inline(always)]
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(<[i32]>::first_chunk_mut::<4>) {
            // SAFETY: token; 4 elements are there.
            unsafe { vst1q_s32(to.as_mut_ptr(), value) }
        }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: token.
        unsafe { vaddq_s32(a, b) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: token. (FPCR rounds to nearest even; Rust forbids another mode.)
        unsafe { vcvtq_f32_s32(a) }
    }

    #[inline(always)]
    fn to_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: token.
        unsafe { vcvtnq_s32_f32(a) }
    }

    #[inline(always)]
    fn parts(self, a: Self::I32) -> [Self::I32; 2] {
        // SAFETY: token.
        unsafe { [vshrq_n_s32::<4>(a), vandq_s32(a, vdupq_n_s32(15))] }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token. (`fmin` makes another choice between zeros of different sign.)
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token. (As above.)
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn clamp(self, a: Self::F32, top: Self::F32) -> Self::F32 {
        // SAFETY: token. `fmax` with a zero above zero and `fmin` with what is no zero choose as the others do.
        unsafe { vminq_f32(vmaxq_f32(a, vdupq_n_f32(0.0)), top) }
    }

    #[inline(always)]
    fn here<const WAY: u8, const M: usize, const N: usize>(self, values: [[Self::I32; N]; M]) -> [[Self::I32; N]; M] {
        let mut values = values;
        for m in 0..M {
            for n in 0..N {
                // SAFETY: there is nothing in it.
                unsafe {
                    asm!("// {0:v} {1}", inout(vreg) values[m][n], const WAY, options(pure, nomem, nostack, preserves_flags));
                }
            }
        }
        values
    }

    #[inline(always)]
    fn before<const M: usize>(self, values: [[Self::I32; 2]; M]) -> [[Self::I32; 2]; M] {
        let mut values = values;
        for [a, b] in &mut values {
            // SAFETY: there is nothing in it.
            unsafe {
                asm!("// {0:v} {1:v}", inout(vreg) * a, inout(vreg) * b, options(nomem, nostack, preserves_flags))
            }
        }
        values
    }

    #[inline(always)]
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
        let mut four = [self.splat_i32(0); 4];
        for (four, value) in four.iter_mut().zip(values) {
            *four = value;
        }
        let bytes = self.pack(four);
        if N > 4 {
            let mut rest = [self.splat_i32(0); 4];
            for (rest, value) in rest.iter_mut().zip(values.into_iter().skip(4)) {
                *rest = value;
            }
            self.store_bytes::<16>(bytes, to, at, count.min(16));
            return self.store_bytes::<8>(self.pack(rest), to, at + 16, count.saturating_sub(16));
        }
        match N {
            1 => self.store_bytes::<4>(bytes, to, at, count),
            2 => self.store_bytes::<8>(bytes, to, at, count),
            3 => self.store_bytes::<12>(bytes, to, at, count),
            _ => self.store_bytes::<16>(bytes, to, at, count),
        }
    }

    #[inline(always)]
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        // SAFETY: token.
        let values = unsafe { vget_lane_u64::<0>(vreinterpret_u64_s16(vmovn_s32(value))) };
        for (i, to) in to.iter_mut().enumerate().take(4) {
            *to = (values >> (16 * i)) as u16;
        }
    }

    #[inline(always)]
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        if let Some(to) = to.first_chunk_mut::<4>() {
            // SAFETY: token; `to` has four elements.
            return unsafe { vst1q_f32(to.as_mut_ptr(), value) };
        }
        let mut lanes = [0.0; 4];
        // SAFETY: token; `lanes` has four elements.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), value) };
        for (to, lane) in to.iter_mut().zip(lanes) {
            *to = lane;
        }
    }

    #[inline(always)]
    fn arrange(self, packed: &mut [u8], k: usize) {
        product::arrange(self, packed, k);
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(
        self,
        start: [[Self::I32; N]; M],
        matrix: &Matrix<'_>,
        first: usize,
        panel: &Panel<'_, Self, N>,
    ) -> [[Self::I32; N]; M] {
        product::multiply(self, start, matrix, first, panel)
    }

    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        let mut sums = [self.splat_i32(0); N];
        let vector = input.len() * 4;
        if panel.len() < N * vector {
            return sums;
        }
        // Four elements of the input with sixteen weights.
        let four = |sum: Self::I32, w: int8x16_t, x: int16x4_t| {
            // SAFETY: token.
            unsafe {
                let (low, high) = (vmovl_s8(vget_low_s8(w)), vmovl_high_s8(w));
                let sum = vmlal_lane_s16::<0>(sum, vget_low_s16(low), x);
                let sum = vmlal_high_lane_s16::<1>(sum, low, x);
                let sum = vmlal_lane_s16::<2>(sum, vget_low_s16(high), x);
                vmlal_high_lane_s16::<3>(sum, high, x)
            }
        };
        let mut from = panel.as_ptr().cast::<i8>();
        let (sixteens, rest) = input.as_chunks::<16>();
        for x in sixteens {
            // SAFETY: token; `x` has sixteen elements.
            let x = unsafe { vld1_s16_x4(x.as_ptr().cast()) };
            for n in 0..N {
                // SAFETY: token; `panel` has N vectors of `vector` bytes, 4 for each element of `input`.
                let w = unsafe { vld1q_s8_x4(from.add(n * vector)) };
                sums[n] = four(four(four(four(sums[n], w.0, x.0), w.1, x.1), w.2, x.2), w.3, x.3);
            }
            from = from.wrapping_add(64);
        }
        let (fours, rest) = rest.as_chunks::<4>();
        for x in fours {
            // SAFETY: token; `x` has four elements.
            let x = unsafe { vld1_s16(x.as_ptr().cast()) };
            for n in 0..N {
                // SAFETY: as above.
                sums[n] = four(sums[n], unsafe { vld1q_s8(from.add(n * vector)) }, x);
            }
            from = from.wrapping_add(16);
        }
        for (i, x) in rest.iter().enumerate() {
            for n in 0..N {
                // SAFETY: as above.
                sums[n] = unsafe {
                    let w = from.add(n * vector + 4 * i).cast::<u32>().read_unaligned();
                    let w = vget_low_s16(vmovl_s8(vcreate_s8(u64::from(w))));
                    vmlal_n_s16(sums[n], w, *x as i16)
                };
            }
        }
        sums
    }

    #[inline(always)]
    fn load_bytes(self, from: &[u8], at: usize, count: usize) -> Self::Bytes {
        if count == 0 {
            // SAFETY: token.
            return unsafe { vdupq_n_u8(0) };
        }
        let rest = from.get(at..).unwrap_or(&[]);
        if let Some(bytes) = rest.first_chunk::<16>() {
            // SAFETY: token; 16 bytes are there.
            return unsafe { vld1q_u8(bytes.as_ptr()) };
        }
        let bytes = partial(rest.get(..count).unwrap_or(&[]));
        // SAFETY: token.
        unsafe { vcombine_u8(vcreate_u8(bytes as u64), vcreate_u8((bytes >> 64) as u64)) }
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [Self::Bytes; 4]) -> Self::Quads {
        let (a, b, c, d) = (signed(self, a), signed(self, b), signed(self, c), signed(self, d));
        // SAFETY: token.
        unsafe { [vzip1q_s8(a, b), vzip2q_s8(a, b), vzip1q_s8(c, d), vzip2q_s8(c, d)] }
    }

    #[inline(always)]
    fn store_quads(self, [a, b, c, d]: [Self::Bytes; 4], to: &mut Self::Quads) {
        let (a, b, c, d) = (signed(self, a), signed(self, b), signed(self, c), signed(self, d));
        // SAFETY: token; each half of `to` has 32 bytes.
        unsafe {
            let to: *mut i8 = to.as_mut_ptr().cast();
            vst2q_s8(to, int8x16x2_t(a, b));
            vst2q_s8(to.add(32), int8x16x2_t(c, d));
        }
    }

    #[inline(always)]
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
        self.load_bytes(rows.block(t, column), 0, rows.count())
    }

    #[inline(always)]
    fn weights(self, packed: &[u8]) -> &[Self::Weights] {
        packed.as_chunks().0
    }

    #[inline(always)]
    fn dot_quads<const FROM: usize, const TO: usize>(
        self,
        sums: [Self::I32; 4],
        taps: Self::Quads,
        weights: &Self::Weights,
    ) -> [Self::I32; 4] {
        let mut sums = sums;
        for half in FROM / 2..TO.min(4).div_ceil(2) {
            // SAFETY: token; `weights` has 64 bytes. Two products fit in i16.
            unsafe {
                let first = vld1q_s8(weights.as_ptr().add(16 * half).cast());
                let second = vld1q_s8(weights.as_ptr().add(32 + 16 * half).cast());
                let low = vmull_s8(vget_low_s8(taps[half]), vget_low_s8(first));
                let low = vmlal_s8(low, vget_low_s8(taps[2 + half]), vget_low_s8(second));
                let high = vmull_high_s8(taps[half], first);
                let high = vmlal_high_s8(high, taps[2 + half], second);
                sums[2 * half] = vpadalq_s16(sums[2 * half], low);
                sums[2 * half + 1] = vpadalq_s16(sums[2 * half + 1], high);
            }
        }
        sums
    }

    #[inline(always)]
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4] {
        // SAFETY: token.
        unsafe {
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
            [
                vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))),
                vreinterpretq_s32_u32(vmovl_high_u16(low)),
                vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))),
                vreinterpretq_s32_u32(vmovl_high_u16(high)),
            ]
        }
    }

    #[inline(always)]
    fn store_dealt_tile<const M: usize>(
        self,
        values: [[Self::I32; 4]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        if count == 16 {
            return self.store_rows(values, to, at, stride);
        }
        for m in 0..M {
            self.store_dealt(values[m], to, at + m * stride, count);
        }
    }

    #[inline(always)]
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize) {
        self.store_bytes::<16>(self.pack(values), to, at, count);
    }
}
