//! NEON with the matrix product of bytes (ARMv8.6 i8mm): `usmmla` multiplies two rows of eight codes with the weights of two
//! output channels, `usdot` four codes per lane. Both take codes as they are, unsigned.
//!
//! The intrinsics are not stable, so each instruction is assembly in a block of its own. Everything else is that of [`Neon`].
//!
//! The SAFETY lines say *token*: a value of [`I8mm`] exists only where the CPU has the feature.

mod product;

use super::neon::gate::{self, gates_in_neon};
use super::neondot::{as_neon, shorts_as_neon, sixteen};
use super::{Gates, Isa, Kernel, Level, Matrix, Neon, Panel, Rows, identification};
use core::arch::aarch64::*;
use core::arch::asm;

/// Proof of NEON and the matrix product of bytes.
#[derive(Clone, Copy, Debug)]
pub struct I8mm(Neon);

impl I8mm {
    /// If this CPU has it (the folder's `identification`), or the target of the compilation says so.
    pub fn detect() -> Option<Self> {
        let there = cfg!(target_feature = "i8mm") || identification::has_matrix_product();
        there.then_some(Self(Neon::from_target()))
    }

    /// Whether the very CPU has it, whatever was compiled for; true where nobody can be asked.
    pub fn on_this_cpu() -> bool {
        !identification::CAN_ASK || identification::has_matrix_product()
    }

    /// The target of this compilation has it.
    #[cfg(target_feature = "i8mm")]
    pub const fn from_target() -> Self {
        Self(Neon::from_target())
    }
}

/// `sum[lane] + Σ x[4 · lane + i] · w[4 · lane + i]`.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn dot(sum: int32x4_t, x: uint8x16_t, w: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the function has the feature; only registers are touched.
    unsafe {
        asm!(
            "usdot {sum:v}.4s, {x:v}.16b, {w:v}.16b",
            sum = inout(vreg) sum, x = in(vreg) x, w = in(vreg) w,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

shorts_as_neon!(I8mm);

/// `sums + a · bᵀ` of two rows of eight bytes each.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn products(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the function has the feature; only registers are touched.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

impl Gates for I8mm {
    /// Of outputs 0, 0, 1, 1 and 2, 2, 3, 3.
    type Rest = [int32x4_t; 2];

    gates_in_neon!(gate::EIGHTS, |isa| isa.0);

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        [self.splat_i32(0); 2]
    }

    #[inline(always)]
    fn rest(self, [low, high]: Self::Rest, [a, b, c, d]: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        // SAFETY: token; 8 bytes are there, and loads want no alignment.
        unsafe {
            let means = vreinterpretq_s8_s64(vld1q_dup_s64(means.as_ptr().cast()));
            [products(low, gate::lower(self.0, a, b), means), products(high, gate::lower(self.0, c, d), means)]
        }
    }

    #[inline(always)]
    fn rests(self, [low, high]: Self::Rest) -> Self::I32 {
        // SAFETY: token.
        unsafe { vuzp1q_s32(low, high) }
    }
}

impl Isa for I8mm {
    const LEVEL: Level = Level::I8mm;
    const APART: bool = true;
    const PASS: usize = 1;

    type Bytes = uint8x16_t;
    /// `[four channels][channel][tap]`.
    type Quads = [uint8x16_t; 4];
    type Weights = [u8; 64];

    as_neon!();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,i8mm")]
        fn enter<K: Kernel>(isa: I8mm, kernel: K) -> K::Output {
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

    /// `x = 256·h + l` in bytes: `Σ w·x = Σ w·l + 256·Σ w·h`. Both sums are right modulo 2^32, and so is the whole, which fits in i32. Lower and
    /// upper bytes are the two rows of a product of matrices.
    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        let zero = self.splat_i32(0);
        let mut sums = [[zero; 2]; N];
        let vector = input.len().div_ceil(8) * 32;
        let input = if panel.len() < N * vector { &[] } else { input };
        let planes = |codes: &[u16]| {
            let [a, b] = sixteen(self.0, codes);
            // SAFETY: token.
            unsafe {
                let (a, b) = (vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
                let (low, high) = (vreinterpretq_u64_u8(vuzp1q_u8(a, b)), vreinterpretq_u64_u8(vuzp2q_u8(a, b)));
                [vreinterpretq_u8_u64(vzip1q_u64(low, high)), vreinterpretq_u8_u64(vzip2q_u64(low, high))]
            }
        };
        let (whole, rest) = input.as_chunks::<16>();
        let mut from = panel.as_ptr().cast::<i8>();
        for codes in whole {
            let [x, y] = planes(codes);
            for n in 0..N {
                // SAFETY: token; `panel` has N vectors of 64 bytes for every sixteen codes.
                unsafe {
                    let w = vld1q_s8_x4(from.add(n * vector));
                    let [first, second] = sums[n];
                    let (first, second) = (product::matrix(first, x, w.0), product::matrix(second, x, w.1));
                    sums[n] = [product::matrix(first, y, w.2), product::matrix(second, y, w.3)];
                }
            }
            from = from.wrapping_add(64);
        }
        for (half, x) in planes(rest).into_iter().enumerate() {
            if 8 * half < rest.len() {
                for n in 0..N {
                    // SAFETY: token; `panel` has N vectors of 32 bytes for every eight codes.
                    unsafe {
                        let w = from.add(n * vector + 32 * half);
                        sums[n][0] = product::matrix(sums[n][0], x, vld1q_s8(w));
                        sums[n][1] = product::matrix(sums[n][1], x, vld1q_s8(w.add(16)));
                    }
                }
            }
        }
        let mut result = [zero; N];
        for n in 0..N {
            let [low, high] = product::halves(self.0, sums[n][0], sums[n][1]);
            // SAFETY: token.
            result[n] = unsafe { vaddq_s32(low, vshlq_n_s32::<8>(high)) };
        }
        result
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [Self::Bytes; 4]) -> Self::Quads {
        // SAFETY: token.
        unsafe {
            let (ab_low, ab_high) = (vzip1q_u8(a, b), vzip2q_u8(a, b));
            let (cd_low, cd_high) = (vzip1q_u8(c, d), vzip2q_u8(c, d));
            let quads = |ab, cd| {
                let (ab, cd) = (vreinterpretq_u16_u8(ab), vreinterpretq_u16_u8(cd));
                [vreinterpretq_u8_u16(vzip1q_u16(ab, cd)), vreinterpretq_u8_u16(vzip2q_u16(ab, cd))]
            };
            let ([first, second], [third, fourth]) = (quads(ab_low, cd_low), quads(ab_high, cd_high));
            [first, second, third, fourth]
        }
    }

    #[inline(always)]
    fn store_quads(self, [a, b, c, d]: [Self::Bytes; 4], to: &mut Self::Quads) {
        // SAFETY: token; `to` has 64 bytes.
        unsafe { vst4q_u8(to.as_mut_ptr().cast(), uint8x16x4_t(a, b, c, d)) }
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
            sums[n] = unsafe { dot(sums[n], taps[n], vld1q_s8(weights.as_ptr().add(16 * n).cast())) };
        }
        sums
    }
}
