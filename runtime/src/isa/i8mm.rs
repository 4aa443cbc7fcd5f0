//! NEON with the matrix product of bytes (ARMv8.6 i8mm): `usmmla` multiplies two rows of eight codes with the weights of two
//! output channels, `usdot` four codes per lane. Both take codes as they are, unsigned.
//!
//! The intrinsics are not stable, so each instruction is assembly in a block of its own. Everything else is that of [`Neon`].
//!
//! The SAFETY lines say *token*: a value of [`I8mm`] exists only where the CPU has the feature.

mod product;

use super::neon::gate;
use super::neondot::{as_neon, shorts_as_neon, sixteen};
use super::{Isa, Kernel, Level, Matrix, Neon, Panel, Rows, identification};
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

impl Isa for I8mm {
    const LEVEL: Level = Level::I8mm;
    const APART: bool = true;
    const PASS: usize = 1;

    type Bytes = uint8x16_t;
    /// `[four channels][channel][tap]`.
    type Quads = [uint8x16_t; 4];
    type Weights = [u8; 64];

    as_neon!();

    /// The eight weights of a channel lie side by side, so that four go to the first or the second half of each.
    #[inline(always)]
    fn store_group(self, [a, b, c, d]: [Self::I32; 4], to: &mut [u8], at: usize) {
        let (first, half) = (at & !31, at >> 4 & 1);
        let Some(to) = to.get_mut(first..).and_then(<[u8]>::first_chunk_mut::<32>) else { return };
        let to = to.as_mut_ptr().wrapping_add(4 * half).cast::<i32>();
        // SAFETY: token; of 32 bytes those at 4 · half + 8 · lane, half 0 or 1. Vector stores of lanes want no alignment.
        unsafe {
            let packed = vsliq_n_s32::<24>(vsliq_n_s32::<16>(vsliq_n_s32::<8>(a, b), c), d);
            vst1q_lane_s32::<0>(to, packed);
            vst1q_lane_s32::<1>(to.add(2), packed);
            vst1q_lane_s32::<2>(to.add(4), packed);
            vst1q_lane_s32::<3>(to.add(6), packed);
        }
    }

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
        for (i, codes) in input.chunks(16).enumerate() {
            let [a, b] = sixteen(self.0, codes);
            // SAFETY: token.
            let x = unsafe {
                let (a, b) = (vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
                let (low, high) = (vreinterpretq_u64_u8(vuzp1q_u8(a, b)), vreinterpretq_u64_u8(vuzp2q_u8(a, b)));
                [vreinterpretq_u8_u64(vzip1q_u64(low, high)), vreinterpretq_u8_u64(vzip2q_u64(low, high))]
            };
            for (half, x) in x.into_iter().enumerate() {
                if 8 * half < codes.len() {
                    for n in 0..N {
                        // SAFETY: token; `panel` has N vectors of 32 bytes for every eight codes.
                        unsafe {
                            let weights = panel.as_ptr().add(n * vector + 64 * i + 32 * half).cast();
                            sums[n][0] = product::matrix(sums[n][0], x, vld1q_s8(weights));
                            sums[n][1] = product::matrix(sums[n][1], x, vld1q_s8(weights.add(16)));
                        }
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
