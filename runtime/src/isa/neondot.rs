//! NEON with dot product (ARMv8.2): `sdot` multiplies four i8 with four i8 per lane and sums them exactly.
//!
//! Codes are taken as `x − 128` (`x ^ 0x80`), which [`crate::pack::offset`] makes up for. Everything but the products
//! is that of [`Neon`].
//!
//! The intrinsics of `sdot` are not stable, so it is written as assembly, one instruction a block.
//!
//! The SAFETY lines say *token*: a value of [`NeonDot`] exists only where the CPU has the feature.

mod product;

use super::neon::gate::{self, gates_in_neon};
use super::neon::signed;
use super::{Gates, Isa, Kernel, Level, Matrix, Neon, Panel, Rows, identification};
use core::arch::aarch64::*;
use core::arch::asm;

/// Proof of NEON and the dot product.
#[derive(Clone, Copy, Debug)]
pub struct NeonDot(Neon);

impl NeonDot {
    /// If this CPU has it (the folder's `identification`), or the target of the compilation says so.
    pub fn detect() -> Option<Self> {
        let there = cfg!(target_feature = "dotprod") || identification::has_dot_product();
        there.then_some(Self(Neon::from_target()))
    }

    /// Whether the very CPU has it, whatever was compiled for; true where nobody can be asked.
    pub fn on_this_cpu() -> bool {
        !identification::CAN_ASK || identification::has_dot_product()
    }

    /// The target of this compilation has it.
    #[cfg(target_feature = "dotprod")]
    pub const fn from_target() -> Self {
        Self(Neon::from_target())
    }
}

/// `sum[lane] + Σ w[4 · lane + i] · x[4 · lane + i]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the function has the feature; only registers are touched.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {x:v}.16b",
            sum = inout(vreg) sum, w = in(vreg) w, x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// Up to 16 wide codes, zeros behind them.
#[inline(always)]
pub(super) fn sixteen(_: Neon, codes: &[u16]) -> [uint16x8_t; 2] {
    let mut padded = [0; 16];
    let whole = match codes.first_chunk::<16>() {
        Some(whole) => whole,
        None => {
            for (to, from) in padded.iter_mut().zip(codes) {
                *to = *from;
            }
            &padded
        }
    };
    // SAFETY: token; `whole` has 16 elements.
    unsafe { [vld1q_u16(whole.as_ptr()), vld1q_u16(whole.as_ptr().add(8))] }
}

/// Methods that are those of [`Neon`], the first field: all that multiplies no codes.
macro_rules! as_neon {
    () => {
        as_neon! {
            fn splat_i32(value: i32) -> Self::I32;
            fn splat_f32(value: f32) -> Self::F32;
            fn load_i32(from: &[i32], at: usize) -> Self::I32;
            fn load_f32(from: &[f32], at: usize) -> Self::F32;
            fn load_codes(from: &[u8], at: usize, count: usize) -> Self::I32;
            fn store_i32(value: Self::I32, to: &mut [i32], at: usize);
            fn add_i32(a: Self::I32, b: Self::I32) -> Self::I32;
            fn to_f32(a: Self::I32) -> Self::F32;
            fn to_i32(a: Self::F32) -> Self::I32;
            fn parts(a: Self::I32) -> [Self::I32; 2];
            fn add(a: Self::F32, b: Self::F32) -> Self::F32;
            fn sub(a: Self::F32, b: Self::F32) -> Self::F32;
            fn mul(a: Self::F32, b: Self::F32) -> Self::F32;
            fn min(a: Self::F32, b: Self::F32) -> Self::F32;
            fn max(a: Self::F32, b: Self::F32) -> Self::F32;
            fn clamp(a: Self::F32, top: Self::F32) -> Self::F32;
            fn store_wide(value: Self::I32, to: &mut [u16], at: usize, count: usize);
            fn store_f32(value: Self::F32, to: &mut [f32], at: usize, count: usize);
            fn load_bytes(from: &[u8], at: usize, count: usize) -> Self::Bytes;
            fn deal_codes(bytes: Self::Bytes) -> [Self::I32; 4];
            fn store_dealt(values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize);
        }

        #[inline(always)]
        fn here<const WAY: u8, const M: usize, const N: usize>(self, values: [[Self::I32; N]; M]) -> [[Self::I32; N]; M] {
            self.0.here::<WAY, M, N>(values)
        }

        #[inline(always)]
        fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
            self.0.store_codes(values, to, at, count);
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
            self.0.store_tile(values, to, at, stride, count);
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
            self.0.store_dealt_tile(values, to, at, stride, count);
        }

        #[inline(always)]
        fn load_tile<const M: usize, const N: usize>(
            self,
            from: &[u8],
            at: usize,
            stride: usize,
            count: usize,
        ) -> [[Self::I32; N]; M] {
            self.0.load_tile(from, at, stride, count)
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
            self.0.sum_codes(from, at, stride, rows, count)
        }

        #[inline(always)]
        fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
            self.0.load_block(rows, t, column)
        }

        #[inline(always)]
        fn weights(self, packed: &[u8]) -> &[Self::Weights] {
            packed.as_chunks().0
        }
    };
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $out:ty)?;)+) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $type),*) $(-> $out)? {
            self.0.$name($($argument),*)
        }
    )+};
}

pub(super) use as_neon;

/// [`Shorts`](super::Shorts) as that of [`Neon`], the first field.
macro_rules! shorts_as_neon {
    ($token:ty) => {
        impl crate::isa::Shorts for $token {
            type I32 = int32x4_t;
            type F32 = float32x4_t;
            type I16 = int16x8_t;
            type Shift = int32x4_t;

            as_neon! {
                fn shift(shifts: Self::I32) -> Self::Shift;
                fn shorts(two: [Self::I32; 2], shift: Self::Shift) -> Self::I16;
                fn both(whole: Self::F32) -> Self::I16;
                fn mul_shorts(a: Self::I16, b: Self::I16) -> Self::I16;
                fn add_shorts(a: Self::I16, b: Self::I16) -> Self::I16;
                fn sub_shorts(a: Self::I16, b: Self::I16) -> Self::I16;
                fn clamp_shorts(a: Self::I16, top: Self::I16) -> Self::I16;
                fn split(two: Self::I16) -> [Self::I32; 2];
                fn in_turn(value: Self::I16) -> Self::I16;
            }

            #[inline(always)]
            fn store_shorts<const M: usize, const N: usize>(
                self,
                values: [[Self::I16; N]; M],
                to: &mut [u8],
                place: [usize; 2],
                count: usize,
            ) {
                self.0.store_shorts(values, to, place, count);
            }

            #[inline(always)]
            fn store_dealt_shorts<const M: usize>(
                self,
                values: [[Self::I16; 4]; M],
                to: &mut [u8],
                place: [usize; 2],
                count: usize,
            ) {
                self.0.store_dealt_shorts(values, to, place, count);
            }
        }
    };
}

pub(super) use shorts_as_neon;

shorts_as_neon!(NeonDot);

impl Gates for NeonDot {
    type Rest = int32x4_t;

    gates_in_neon!(gate::FOURS, |isa| isa.0);

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        self.splat_i32(0)
    }

    #[inline(always)]
    fn rest(self, sum: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        let from = means.as_ptr().cast::<i32>();
        // SAFETY: token; 8 bytes are there, and loads want no alignment.
        unsafe {
            let (first, second) = (vld1q_dup_s32(from), vld1q_dup_s32(from.add(1)));
            let sum = dot(sum, gate::lower(self.0, a, b), vreinterpretq_s8_s32(first));
            dot(sum, gate::lower(self.0, c, d), vreinterpretq_s8_s32(second))
        }
    }

    #[inline(always)]
    fn rests(self, sum: Self::Rest) -> Self::I32 {
        sum
    }
}

impl Isa for NeonDot {
    const LEVEL: Level = Level::NeonDot;
    const APART: bool = true;
    const PASS: usize = 1;

    type Bytes = uint8x16_t;
    /// `[four channels][channel][tap]`.
    type Quads = [int8x16_t; 4];
    type Weights = [u8; 64];

    as_neon!();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn enter<K: Kernel>(isa: NeonDot, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: token.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(
        self,
        start: [[Self::I32; N]; M],
        matrix: &Matrix<'_>,
        first: usize,
        panel: &Panel<'_, Self, N>,
    ) -> [[Self::I32; N]; M] {
        product::multiply(self.0, start, matrix, first, panel)
    }

    /// `x = 128·(h + 128) + l` with bytes h in −128…127 and l in 0…127: `Σ w·x = Σ w·l + 128·Σ w·h + 2^14·Σ w`, the last of which
    /// [`crate::pack::offset`] has. Every sum is right modulo 2^32, and so is the whole, which fits in i32.
    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        let zero = self.splat_i32(0);
        let mut sums = [[zero; 2]; N];
        let vector = input.len().div_ceil(4) * 16;
        let input = if panel.len() < N * vector { &[] } else { input };
        let planes = |codes: &[u16]| {
            let [a, b] = sixteen(self.0, codes);
            // SAFETY: token.
            unsafe {
                let low = vandq_u8(vuzp1q_u8(vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b)), vdupq_n_u8(127));
                let high = vshrn_high_n_u16::<7>(vshrn_n_u16::<7>(a), b);
                (vreinterpretq_s8_u8(low), signed(self.0, high))
            }
        };
        let (whole, rest) = input.as_chunks::<16>();
        let mut from = panel.as_ptr().cast::<i8>();
        for codes in whole {
            let (low, high) = planes(codes);
            for n in 0..N {
                // SAFETY: token; `panel` has N vectors of 64 bytes for every sixteen codes.
                unsafe {
                    let w = vld1q_s8_x4(from.add(n * vector));
                    let [l, h] = sums[n];
                    let (l, h) = (product::dot_lane::<0>(l, w.0, low), product::dot_lane::<0>(h, w.0, high));
                    let (l, h) = (product::dot_lane::<1>(l, w.1, low), product::dot_lane::<1>(h, w.1, high));
                    let (l, h) = (product::dot_lane::<2>(l, w.2, low), product::dot_lane::<2>(h, w.2, high));
                    sums[n] = [product::dot_lane::<3>(l, w.3, low), product::dot_lane::<3>(h, w.3, high)];
                }
            }
            from = from.wrapping_add(64);
        }
        let (low, high) = planes(rest);
        macro_rules! steps {
            ($($step:literal)*) => {$(
                if 4 * $step < rest.len() {
                    for n in 0..N {
                        let [l, h] = sums[n];
                        // SAFETY: token; `panel` has N vectors of 16 bytes for every four codes.
                        sums[n] = unsafe {
                            let w = vld1q_s8(from.add(n * vector + 16 * $step));
                            [product::dot_lane::<$step>(l, w, low), product::dot_lane::<$step>(h, w, high)]
                        };
                    }
                }
            )*};
        }
        steps!(0 1 2 3);
        let mut result = [zero; N];
        for n in 0..N {
            let [l, h] = sums[n];
            // SAFETY: token.
            result[n] = unsafe { vaddq_s32(l, vshlq_n_s32::<7>(h)) };
        }
        result
    }

    #[inline(always)]
    fn interleave(self, taps: [Self::Bytes; 4]) -> Self::Quads {
        let [ab_low, ab_high, cd_low, cd_high] = self.0.interleave(taps);
        // SAFETY: token. Written out: `map` over an array is not always inlined.
        unsafe {
            let (ab_low, ab_high) = (vreinterpretq_s16_s8(ab_low), vreinterpretq_s16_s8(ab_high));
            let (cd_low, cd_high) = (vreinterpretq_s16_s8(cd_low), vreinterpretq_s16_s8(cd_high));
            [
                vreinterpretq_s8_s16(vzip1q_s16(ab_low, cd_low)),
                vreinterpretq_s8_s16(vzip2q_s16(ab_low, cd_low)),
                vreinterpretq_s8_s16(vzip1q_s16(ab_high, cd_high)),
                vreinterpretq_s8_s16(vzip2q_s16(ab_high, cd_high)),
            ]
        }
    }

    #[inline(always)]
    fn store_quads(self, [a, b, c, d]: [Self::Bytes; 4], to: &mut Self::Quads) {
        let (a, b, c, d) = (signed(self.0, a), signed(self.0, b), signed(self.0, c), signed(self.0, d));
        // SAFETY: token; `to` has 64 bytes.
        unsafe { vst4q_s8(to.as_mut_ptr().cast(), int8x16x4_t(a, b, c, d)) }
    }

    #[inline(always)]
    fn dot_quads<const FROM: usize, const TO: usize>(
        self,
        sums: [Self::I32; 4],
        taps: Self::Quads,
        weights: &Self::Weights,
    ) -> [Self::I32; 4] {
        let mut sums = sums;
        for n in FROM..TO.min(4) {
            // SAFETY: token; `weights` has 64 bytes.
            sums[n] = unsafe { dot(sums[n], vld1q_s8(weights.as_ptr().add(16 * n).cast()), taps[n]) };
        }
        sums
    }
}
