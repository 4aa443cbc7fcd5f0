//! Instruction sets.
//!
//! A value of a token type ([`Portable`], `Avx512Vnni`, …) proves that the CPU has the feature, so everything that
//! takes one is safe. A token comes from `detect` (asks the CPU) or `from_target` (the target of the compilation has
//! it). [`Isa::run`] enters a function with the feature enabled, once per layer and again
//! for large parts of it; all else is inlined.
//!
//! This folder is the only place of the crate with `unsafe`. All methods are total: what does not lie inside of a
//! slice reads as zero and is not written.
//!
//! ## To add an instruction set
//!
//! One file here that implements [`Isa`], one each that implements [`Shorts`] (16 bits) and [`Gates`] (weights behind a gate), its variant in [`Level`], its layouts in [`crate::pack`], one line in the
//! list of `tests/kernels.rs`. The four things that matter for speed are [`Isa::multiply`] (pointwise),
//! [`Isa::interleave`] with [`Isa::dot_quads`] (depthwise), [`Isa::dot_wide`] (dense) and [`Isa::store_codes`].

/// Does something for each of M ≤ 8 rows of a tile. Written out: an index that is no constant would move the vectors to memory, and LLVM leaves
/// a long loop as it is.
macro_rules! each_row {
    ($m:ident, $M:ident, $do:block) => {
        each_row!($m, $M, $do, 0 1 2 3 4 5 6 7);
    };
    ($m:ident, $M:ident, $do:block, $($at:literal)*) => {$(
        if $at < $M {
            let $m = $at;
            $do
        }
    )*};
}
pub(crate) use each_row;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "x86_64")]
mod cpuid;
mod each;
pub mod foreign;
mod gates;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod i8mm;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod identification;
mod level;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neondot;
mod operands;
#[cfg(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod pieces;
mod portable;
mod rows;
mod runs;
mod shorts;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod team;
#[cfg(target_arch = "x86_64")]
mod ymm;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512vnni::Avx512Vnni;
#[cfg(target_arch = "x86_64")]
pub use avxvnni::{AvxVnni, AvxVnniEvex};
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub use i8mm::I8mm;
pub use level::Level;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub use neon::Neon;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub use neondot::NeonDot;
pub use operands::{Matrix, Panel};
pub use portable::Portable;
pub use rows::{Column, Rows, Walk};
pub use runs::copy_runs;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::Simd128;
pub use team::Team;

pub use gates::Gates;
pub use shorts::Shorts;
pub(crate) use shorts::each_pair;

use each::{load_rows, planes, store_each, sum_each};

/// Something to compute with an instruction set: a closure that is generic over it.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// Computes. Implementations are `#[inline(always)]`, as is everything they call.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}

/// [`Isa::run`] where the whole crate has the features: a function all the same. Inlined, all tiles of a product would be there once more
/// for each kernel that calls it, and for each part of a team.
#[inline(never)]
fn apart<I: Isa, K: Kernel>(isa: I, kernel: K) -> K::Output {
    kernel.run(isa)
}

/// The operations of an instruction set. All implementations give the same bits.
///
/// A *vector* has [`Isa::LANES`] lanes of 32 bits. A *block* is four vectors, as many channels as [`Isa::Bytes`] has
/// bytes. In a *dealt* block the four vectors hold the channels in an order of the instruction set's choice (that in
/// which unpacking bytes leaves them); [`Isa::deal_f32`] and packed weights follow it, [`Isa::store_dealt`] undoes it.
///
/// `at` is always an index into the slice, `count` a number of elements.
pub trait Isa: Gates {
    /// Its name.
    const LEVEL: Level;
    /// Lanes of a vector; a divisor of [`crate::layer::LANE_PAD`].
    const LANES: usize = Self::LEVEL.lanes();
    /// Most vectors of accumulators of a pointwise tile: rows × vectors.
    const ACCUMULATORS: usize = Self::LEVEL.accumulators();

    /// Whether depthwise tiles are worth unrolling: where vectors are registers, not loops.
    const UNROLL: bool = true;
    /// Whether epilogues of different kinds have code of their own. What it saves on Arm (2 % of all instructions with i8mm) costs 1 to 2 % of the
    /// time on x86.
    const APART: bool = false;
    /// Vectors of a block that a depthwise tile takes at a time, 1, 2 or 4: as many as have room for the sums of its pixels,
    /// weights and constants in registers.
    const PASS: usize = 4;

    /// Neighbouring pixels that a *narrow* block holds, with [`crate::pack::NARROW`] channels each: as many as there are
    /// 128 bits in a vector, each in its own. 1 where a block is no wider than that.
    const SPREAD: usize = 1;

    /// Whether the first layer is computed with pixels as lanes (`kernel::convolution`): where there are [`Isa::pixel_quads`] and what follows it.
    const PICTURE: bool = false;

    /// A block of u8.
    type Bytes: Copy;
    /// Four blocks of u8 (four taps), so arranged that one dot product per channel multiplies them.
    type Quads: Copy;
    /// [`crate::pack::quad_len`] bytes: the weights of four taps of a block.
    type Weights;

    /// Runs with the features of the instruction set enabled.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    /// All lanes the same.
    fn splat_i32(self, value: i32) -> Self::I32;
    /// All lanes the same.
    fn splat_f32(self, value: f32) -> Self::F32;
    /// A whole vector, or zeros if it is not inside.
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32;
    /// A whole vector, or zeros if it is not inside.
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32;
    /// `count` ≤ LANES codes widened to i32; the other lanes are zero.
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32;
    /// The same of M ≤ 8 rows of N vectors side by side, `count` ≤ N · LANES, the first codes `stride` apart. Lanes beyond `count` may be any
    /// value.
    #[inline(always)]
    fn load_tile<const M: usize, const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        count: usize,
    ) -> [[Self::I32; N]; M] {
        load_rows(self, from, [at, stride], count)
    }
    /// Sums of codes over `rows` rows, `stride` codes apart: N vectors from `at` on, the last lanes of the last one zero where
    /// `count` < N · LANES.
    #[inline(always)]
    fn sum_codes<const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        rows: usize,
        count: usize,
    ) -> [Self::I32; N] {
        sum_each(self, from, [at, stride], rows, count)
    }
    /// Lane by lane, wrapping.
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// f32(n): to the nearest, ties to even.
    fn to_f32(self, a: Self::I32) -> Self::F32;
    /// rne(x) where that is in −2^21…2^21; beyond, anything that saturates to the same code (eq. 13).
    fn to_i32(self, a: Self::F32) -> Self::I32;
    /// One rounding.
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// One rounding.
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// One rounding.
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `if a < b { a } else { b }` on numbers.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `if a > b { a } else { b }` on numbers.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `min(max(a, 0), top)` of a number, top > 0.
    #[inline(always)]
    fn clamp(self, a: Self::F32, top: Self::F32) -> Self::F32 {
        self.min(self.max(a, self.splat_f32(0.0)), top)
    }
    /// `⌊a/16⌋` and `a mod 16` of 0…4095.
    fn parts(self, a: Self::I32) -> [Self::I32; 2];
    /// `16·high + low`, of what [`Isa::parts`] parted or of sums of such.
    #[inline(always)]
    fn whole(self, high: Self::I32, low: Self::I32) -> Self::I32 {
        let two = self.add_i32(high, high);
        let four = self.add_i32(two, two);
        let eight = self.add_i32(four, four);
        self.add_i32(self.add_i32(eight, eight), low)
    }
    /// The same values, of which the compiler does not know that they are: what is computed of them on way WAY from a branch is computed
    /// there and not before it, which would take registers. For instruction sets that it matters to.
    #[inline(always)]
    fn here<const WAY: u8, const M: usize, const N: usize>(self, values: [[Self::I32; N]; M]) -> [[Self::I32; N]; M] {
        values
    }
    /// The same values, of which the compiler does not know that they are needed on some way only: they are computed before it branches, while
    /// what they come from is in registers. For instruction sets that it matters to.
    #[inline(always)]
    fn before<const M: usize>(self, values: [[Self::I32; 2]; M]) -> [[Self::I32; 2]; M] {
        values
    }
    /// Saturates to 0…255 and stores the first `count` ≤ N · LANES.
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize);
    /// As [`Isa::store_codes`], M ≤ 8 times, the first codes `stride` apart.
    #[inline(always)]
    fn store_tile<const M: usize, const N: usize>(
        self,
        values: [[Self::I32; N]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        store_each(self, values, to, [at, stride], count);
    }
    /// The same of fine codes (0…4095, or any where [`Level::saturates`]), high parts from `at` on and low ones half of `stride` behind them.
    #[inline(always)]
    fn store_fine_tile<const M: usize, const N: usize>(
        self,
        values: [[Self::I32; N]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        let (mut high, mut low) = (values, values);
        each_row!(m, M, {
            for n in 0..N {
                [high[m][n], low[m][n]] = self.parts(values[m][n]);
            }
        });
        // Both planes of two pixels side by side in memory go out together.
        if const { N == 1 && M.is_multiple_of(2) } && count == Self::LANES && stride == 2 * count {
            macro_rules! two {
                ($($m:literal)*) => {$(
                    if $m + 2 <= M {
                        let four = [high[$m][0], low[$m][0], high[$m + 1][0], low[$m + 1][0]];
                        self.store_codes(four, to, at + $m * stride, 2 * stride);
                    }
                )*};
            }
            two!(0 2 4 6);
            return;
        }
        self.store_tile(high, to, at, stride, count);
        self.store_tile(low, to, at + stride / 2, stride, count);
    }
    /// Stores the first `count` ≤ LANES, which lie in 0…65535.
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize);
    /// Stores a whole vector (not if it does not fit).
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize);
    /// Stores the first `count` ≤ LANES.
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize);

    /// Brings whole packed vectors of `k` input channels, in the order of [`crate::pack::gated`], to that of [`crate::pack::pointwise`].
    #[inline(always)]
    fn arrange(self, _packed: &mut [u8], _k: usize) {}

    /// Of LANES pixels that begin six bytes apart: bytes 0 to 3, 4 to 7 and 8 to 11 of each. The first pixel begins `before` < 64 bytes before
    /// `bytes`, where `pad` is what is read. The order of pixels is the instruction set's choice; [`Isa::store_pixels`] undoes it.
    #[inline(always)]
    fn pixel_quads(self, _bytes: &[u8; 128], _before: usize, _pad: &[u8; 128]) -> [Self::I32; 3] {
        [self.splat_i32(0); 3]
    }
    /// `sum + Σ x · w` over the four bytes of each lane, u8 by i8.
    #[inline(always)]
    fn dot_lanes(self, sum: Self::I32, _x: Self::I32, _w: Self::I32) -> Self::I32 {
        sum
    }
    /// The same value, computed here and not before or after another one of which that is said.
    #[inline(always)]
    fn now(self, value: Self::I32) -> Self::I32 {
        value
    }
    /// The same of an f32.
    #[inline(always)]
    fn now_f32(self, value: Self::F32) -> Self::F32 {
        value
    }
    /// Codes of four channels, saturated to 0…255, side by side in each lane.
    #[inline(always)]
    fn four_channels(self, [codes, ..]: [Self::I32; 4]) -> Self::I32 {
        codes
    }
    /// The same of codes saturated to 0…4095, high parts and low parts (eq. 37).
    #[inline(always)]
    fn four_fine_channels(self, [codes, ..]: [Self::I32; 4]) -> [Self::I32; 2] {
        [codes; 2]
    }
    /// Stores sixteen channels, four in each vector, of LANES pixels that are `stride` bytes apart (not if they are not there).
    #[inline(always)]
    fn store_pixels(self, _channels: [Self::I32; 4], _to: &mut [u8], _stride: usize) {}
    /// The same of both planes, the second one half of `stride` behind the first.
    #[inline(always)]
    fn store_fine_pixels(self, [high, low]: [[Self::I32; 4]; 2], to: &mut [u8], stride: usize) {
        self.store_pixels(high, to, stride);
        self.store_pixels(low, to.get_mut(stride / 2..).unwrap_or_default(), stride);
    }

    /// A hint that these bytes are read soon: into the second cache, while something else is computed.
    #[inline(always)]
    fn prefetch(self, _bytes: &[u8]) {}

    /// The pointwise micro-kernel: `sum[m][n] = start[m][n] + Σ_k matrix[first + m][k] · panel[n][k]`. Only `start` if these rows are
    /// not in the matrix, or the panel is not for its k.
    fn multiply<const M: usize, const N: usize>(
        self,
        start: [[Self::I32; N]; M],
        matrix: &Matrix<'_>,
        first: usize,
        panel: &Panel<'_, Self, N>,
    ) -> [[Self::I32; N]; M];

    /// The dense micro-kernel: `sum[n] = Σ_k input[k] · panel[n][k]` over N packed vectors ([`crate::pack::dense`]), but for what
    /// [`crate::pack::offset`] adds.
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N];

    /// `count` ≤ 4 · LANES bytes; the others may be any value.
    fn load_bytes(self, from: &[u8], at: usize, count: usize) -> Self::Bytes;
    /// The block of row `t` at `column`, [`Rows::block`], of a count that is a multiple of four. What lies beyond it
    /// may be any value.
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes;
    /// A narrow block of row `t`: the pixels at `column`, `column + stride`, … ([`Isa::SPREAD`] of them), side by side. The count
    /// is a multiple of four; what lies beyond it may be any value.
    #[inline(always)]
    fn load_spread(self, rows: &Rows<'_>, t: usize, column: usize, _stride: usize) -> Self::Bytes {
        self.load_block(rows, t, column)
    }
    /// Taps of the narrow block that begins `pixels` < [`Isa::SPREAD`] pixels after `now`, whose last pixels are the first ones of `next`.
    #[inline(always)]
    fn further(self, now: Self::Quads, _next: Self::Quads, _pixels: usize) -> Self::Quads {
        now
    }

    /// Four taps of a block.
    fn interleave(self, taps: [Self::Bytes; 4]) -> Self::Quads;
    /// The same, to memory: where an instruction set has stores that interleave.
    #[inline(always)]
    fn store_quads(self, taps: [Self::Bytes; 4], to: &mut Self::Quads) {
        *to = self.interleave(taps);
    }
    /// The quads of packed depthwise weights.
    fn weights(self, packed: &[u8]) -> &[Self::Weights];
    /// `sums[c] + Σ_t taps[t][c] · weights[t][c]`, dealt, of vectors FROM to TO; the others stay as they are.
    fn dot_quads<const FROM: usize, const TO: usize>(
        self,
        sums: [Self::I32; 4],
        taps: Self::Quads,
        weights: &Self::Weights,
    ) -> [Self::I32; 4];
    /// A block of constants, dealt: in natural order where an instruction set has no other.
    #[inline(always)]
    fn deal_i32(self, from: &[i32], at: usize) -> [Self::I32; 4] {
        [
            self.load_i32(from, at),
            self.load_i32(from, at + Self::LANES),
            self.load_i32(from, at + 2 * Self::LANES),
            self.load_i32(from, at + 3 * Self::LANES),
        ]
    }
    /// The same of f32. Vectors beyond the end of `from` are zero.
    #[inline(always)]
    fn deal_f32(self, from: &[f32], at: usize) -> [Self::F32; 4] {
        [
            self.load_f32(from, at),
            self.load_f32(from, at + Self::LANES),
            self.load_f32(from, at + 2 * Self::LANES),
            self.load_f32(from, at + 3 * Self::LANES),
        ]
    }
    /// A block of bytes widened to i32, dealt.
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4];
    /// As [`Isa::store_dealt`], M ≤ 8 times, the first codes `stride` apart.
    #[inline(always)]
    fn store_dealt_tile<const M: usize>(
        self,
        values: [[Self::I32; 4]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        each_row!(m, M, { self.store_dealt(values[m], to, at + m * stride, count) });
    }
    /// As [`Isa::store_codes`], from dealt vectors.
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize);
    /// As [`Isa::store_dealt`], from the lanes of a narrow block: of its first `pixels` pixels the first `count` ≤ 16 codes each, at
    /// `at`, `at + step`, ….
    #[inline(always)]
    fn store_spread(self, values: [Self::I32; 4], to: &mut [u8], [at, step]: [usize; 2], pixels: usize, count: usize) {
        let _ = step;
        if pixels > 0 {
            self.store_dealt(values, to, at, count);
        }
    }
    /// As [`Isa::store_dealt`], of fine codes as for [`Isa::store_fine_tile`]: high parts from `at` on, low ones from `at + behind` on.
    #[inline(always)]
    fn store_dealt_fine(self, values: [Self::I32; 4], to: &mut [u8], [at, behind]: [usize; 2], count: usize) {
        let [high, low] = planes(self, values);
        self.store_dealt(high, to, at, count);
        self.store_dealt(low, to, at + behind, count);
    }
    /// As [`Isa::store_spread`], of fine codes: pixels are `step` codes apart, the planes of a pixel half of that.
    #[inline(always)]
    fn store_spread_fine(
        self,
        values: [Self::I32; 4],
        to: &mut [u8],
        [at, step]: [usize; 2],
        pixels: usize,
        count: usize,
    ) {
        let [high, low] = planes(self, values);
        self.store_spread(high, to, [at, step], pixels, count);
        self.store_spread(low, to, [at + step / 2, step], pixels, count);
    }
}
