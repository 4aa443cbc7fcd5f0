//! WebAssembly with simd128: vectors of four lanes, `i32x4.dot_i16x8_s` multiplies two i16 with two i16 per lane and sums them exactly.
//!
//! Codes and weights are widened to i16; the loads do that by themselves. Products of bytes (`i16x8.extmul`) would save them, but are
//! several instructions on x86 where the dot product is one.
//!
//! A dealt block is in natural order. Every function of `core::arch::wasm32` is safe to call but for loads and stores: a module with an
//! unknown instruction is no module at all.

mod gates;
mod shorts;

use super::pieces::{few, few_of, partial, store_partial};
use super::{Isa, Kernel, Level, Matrix, Panel, Rows, apart};
use core::arch::wasm32::*;

/// Proof of simd128, which every module has for which this is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Simd128(());

impl Simd128 {
    /// Always there.
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }

    /// Always there.
    pub const fn from_target() -> Self {
        Self(())
    }
}

/// Input channels that are widened at once: a vector of i16.
const DEPTH: usize = 8;

/// Up to eight codes from `from` on, widened to i16, zeros behind them.
///
/// # Safety
///
/// `count` codes are there.
#[inline(always)]
unsafe fn widened(from: *const u8, count: usize) -> v128 {
    // SAFETY: the caller's promise: each piece that is read lies in front of `count`.
    let bytes = unsafe {
        match count {
            0 => 0,
            1..=3 => u64::from(few_of(from, count)),
            4..=7 => {
                let (first, last) = (from.cast::<u32>(), from.add(count - 4).cast::<u32>());
                u64::from(first.read_unaligned()) | u64::from(last.read_unaligned()) << (8 * (count - 4))
            }
            _ => from.cast::<u64>().read_unaligned(),
        }
    };
    u16x8_extend_low_u8x16(u64x2(bytes, 0))
}

/// `sum[lane] + x[2 · lane] · w[2 · lane] + x[2 · lane + 1] · w[2 · lane + 1]`.
#[inline(always)]
fn dot_pair(sum: v128, x: v128, w: v128) -> v128 {
    i32x4_add(sum, i32x4_dot_i16x8(x, w))
}

/// One step of [`Isa::multiply`]: pair PAIR of the four pairs of codes of each row, with 8 weights of each vector from `weights` on, one
/// vector after `vector` bytes from another.
///
/// # Safety
///
/// `weights` has (N − 1) · vector + 8 bytes.
#[inline(always)]
unsafe fn step<const M: usize, const N: usize, const PAIR: usize>(
    sums: &mut [[v128; N]; M],
    x: &[v128; M],
    weights: *const u8,
    vector: usize,
) {
    let mut w = [i32x4_splat(0); N];
    for n in 0..N {
        // SAFETY: the caller's promise.
        w[n] = unsafe { i16x8_load_extend_i8x8(weights.add(n * vector).cast()) };
    }
    for m in 0..M {
        let pair = i32x4_shuffle::<PAIR, PAIR, PAIR, PAIR>(x[m], x[m]);
        for n in 0..N {
            sums[m][n] = dot_pair(sums[m][n], pair, w[n]);
        }
    }
}

/// Saturates four vectors to bytes.
#[inline(always)]
fn pack([a, b, c, d]: [v128; 4]) -> v128 {
    u8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d))
}

/// 16 bytes as a number.
#[inline(always)]
fn number(bytes: v128) -> u128 {
    u128::from(u64x2_extract_lane::<0>(bytes)) | u128::from(u64x2_extract_lane::<1>(bytes)) << 64
}

/// 16 bytes of a number.
#[inline(always)]
fn vector(bytes: u128) -> v128 {
    u64x2(bytes as u64, (bytes >> 64) as u64)
}

/// Stores the first `count` ≤ WHOLE bytes; WHOLE, usually the count, is 4, 8, 12 or 16.
#[inline(always)]
fn store_bytes<const WHOLE: usize>(bytes: v128, to: &mut [u8], at: usize, count: usize) {
    let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
    if count < WHOLE {
        return store_partial(number(bytes), to);
    }
    match to.first_chunk_mut::<WHOLE>() {
        // SAFETY: `to` has 16 bytes.
        Some(to) if WHOLE == 16 => unsafe { v128_store(to.as_mut_ptr().cast(), bytes) },
        Some(to) => {
            for (to, from) in to.iter_mut().zip(number(bytes).to_le_bytes()) {
                *to = from;
            }
        }
        None => {}
    }
}

impl Isa for Simd128 {
    const LEVEL: Level = Level::Simd128;

    type Bytes = v128;
    /// `[pair of taps][vector][lane][tap of the pair]`, i16.
    type Quads = [[v128; 4]; 2];
    /// `[pair of taps][channel][tap of the pair]`, i8.
    type Weights = [u8; 64];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        apart(self, kernel)
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        i32x4_splat(value)
    }

    #[inline(always)]
    fn splat_f32(self, value: f32) -> Self::F32 {
        f32x4_splat(value)
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            // SAFETY: four elements are there.
            Some(lanes) => unsafe { v128_load(lanes.as_ptr().cast()) },
            None => i32x4_splat(0),
        }
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            // SAFETY: four elements are there.
            Some(lanes) => unsafe { v128_load(lanes.as_ptr().cast()) },
            None => f32x4_splat(0.0),
        }
    }

    #[inline(always)]
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32 {
        let codes = match from.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            Some(codes) if count == 4 => u32::from_le_bytes(*codes),
            _ => few(from.get(at..).and_then(|rest| rest.get(..count)).unwrap_or(&[])),
        };
        u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(u32x4(codes, 0, 0, 0)))
    }

    #[inline(always)]
    fn load_tile<const M: usize, const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        count: usize,
    ) -> [[Self::I32; N]; M] {
        if N == 4 && count == 16 {
            let mut tile = [[i32x4_splat(0); N]; M];
            for m in 0..M {
                let dealt = self.deal_codes(self.load_bytes(from, at + m * stride, 16));
                for n in 0..N {
                    tile[m][n] = dealt[n];
                }
            }
            return tile;
        }
        super::load_rows(self, from, [at, stride], count)
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        i32x4_add(a, b)
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        f32x4_convert_i32x4(a)
    }

    #[inline(always)]
    fn to_i32(self, a: Self::F32) -> Self::I32 {
        i32x4_trunc_sat_f32x4(f32x4_nearest(a))
    }

    #[inline(always)]
    fn parts(self, a: Self::I32) -> [Self::I32; 2] {
        [i32x4_shr(a, 4), v128_and(a, i32x4_splat(15))]
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // `pmin(x, y)` is `if y < x { y } else { x }`.
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // `pmax(x, y)` is `if x < y { y } else { x }`.
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
        let mut four = [i32x4_splat(0); 4];
        for (four, value) in four.iter_mut().zip(values) {
            *four = value;
        }
        let bytes = pack(four);
        match N {
            1 => store_bytes::<4>(bytes, to, at, count),
            2 => store_bytes::<8>(bytes, to, at, count),
            3 => store_bytes::<12>(bytes, to, at, count),
            _ => store_bytes::<16>(bytes, to, at, count),
        }
    }

    #[inline(always)]
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        let values = u64x2_extract_lane::<0>(u16x8_narrow_i32x4(value, value));
        for (i, to) in to.iter_mut().enumerate().take(4) {
            *to = (values >> (16 * i)) as u16;
        }
    }

    #[inline(always)]
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(<[i32]>::first_chunk_mut::<4>) {
            // SAFETY: four elements are there.
            unsafe { v128_store(to.as_mut_ptr().cast(), value) }
        }
    }

    #[inline(always)]
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        if let Some(to) = to.first_chunk_mut::<4>() {
            // SAFETY: `to` has four elements.
            return unsafe { v128_store(to.as_mut_ptr().cast(), value) };
        }
        let lanes = number(value);
        for (i, to) in to.iter_mut().enumerate() {
            *to = f32::from_bits((lanes >> (32 * i)) as u32);
        }
    }

    #[inline(always)]
    fn multiply<const M: usize, const N: usize>(
        self,
        start: [[Self::I32; N]; M],
        matrix: &Matrix<'_>,
        first: usize,
        panel: &Panel<'_, Self, N>,
    ) -> [[Self::I32; N]; M] {
        let mut sums = start;
        let (vector, panel_at) = (panel.vector(), panel.bytes().as_ptr());
        // What is not there is not read.
        let (rows, stride, k) = matrix.rows(first, M, panel);
        let mut x = [i32x4_splat(0); M];
        let mut at = 0;
        while at + DEPTH <= k {
            for m in 0..M {
                // SAFETY: each of the M rows has k codes, and at + 8 ≤ k.
                x[m] = unsafe { u16x8_load_extend_u8x8(rows.add(m * stride + at)) };
            }
            // SAFETY: `panel` has N vectors of `vector` bytes, and 4 · (at + 8) ≤ vector.
            unsafe {
                let weights = panel_at.add(4 * at);
                step::<M, N, 0>(&mut sums, &x, weights, vector);
                step::<M, N, 1>(&mut sums, &x, weights.add(8), vector);
                step::<M, N, 2>(&mut sums, &x, weights.add(16), vector);
                step::<M, N, 3>(&mut sums, &x, weights.add(24), vector);
            }
            at += DEPTH;
        }
        let rest = k - at;
        if rest > 0 {
            for m in 0..M {
                // SAFETY: each of the M rows has k codes.
                x[m] = unsafe { widened(rows.add(m * stride + at), rest) };
            }
            // SAFETY: `panel` has N vectors of `vector` bytes, 8 for each pair that is begun.
            unsafe {
                let weights = panel_at.add(4 * at);
                step::<M, N, 0>(&mut sums, &x, weights, vector);
                if rest > 2 {
                    step::<M, N, 1>(&mut sums, &x, weights.add(8), vector);
                }
                if rest > 4 {
                    step::<M, N, 2>(&mut sums, &x, weights.add(16), vector);
                }
                if rest > 6 {
                    step::<M, N, 3>(&mut sums, &x, weights.add(24), vector);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        let mut sums = [i32x4_splat(0); N];
        let vector = input.len().div_ceil(2) * 8;
        if panel.len() < N * vector {
            return sums;
        }
        let (pairs, rest) = input.as_chunks::<2>();
        let last = rest.first().map(|&x| [x, 0]);
        for (i, &[low, high]) in pairs.iter().chain(&last).enumerate() {
            let x = i32x4_splat((u32::from(low) | u32::from(high) << 16) as i32);
            for n in 0..N {
                // SAFETY: `panel` has N vectors of `vector` bytes, 8 for each pair that is begun.
                let w = unsafe { i16x8_load_extend_i8x8(panel.as_ptr().add(n * vector + 8 * i).cast()) };
                sums[n] = dot_pair(sums[n], x, w);
            }
        }
        sums
    }

    #[inline(always)]
    fn load_bytes(self, from: &[u8], at: usize, count: usize) -> Self::Bytes {
        if count == 0 {
            return i32x4_splat(0);
        }
        let rest = from.get(at..).unwrap_or(&[]);
        match rest.first_chunk::<16>() {
            // SAFETY: 16 bytes are there.
            Some(bytes) => unsafe { v128_load(bytes.as_ptr().cast()) },
            None => vector(partial(rest.get(..count).unwrap_or(&[]))),
        }
    }

    #[inline(always)]
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
        self.load_bytes(rows.block(t, column), 0, rows.count())
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [Self::Bytes; 4]) -> Self::Quads {
        let low = |a, b| i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b);
        let high = |a, b| i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b);
        let (ab, ab_high, cd, cd_high) = (low(a, b), high(a, b), low(c, d), high(c, d));
        [
            [
                u16x8_extend_low_u8x16(ab),
                u16x8_extend_high_u8x16(ab),
                u16x8_extend_low_u8x16(ab_high),
                u16x8_extend_high_u8x16(ab_high),
            ],
            [
                u16x8_extend_low_u8x16(cd),
                u16x8_extend_high_u8x16(cd),
                u16x8_extend_low_u8x16(cd_high),
                u16x8_extend_high_u8x16(cd_high),
            ],
        ]
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
        for n in FROM..TO.min(4) {
            // SAFETY: `weights` has 64 bytes.
            let (first, second) = unsafe {
                let weights = weights.as_ptr().cast::<i8>();
                (i16x8_load_extend_i8x8(weights.add(8 * n)), i16x8_load_extend_i8x8(weights.add(32 + 8 * n)))
            };
            sums[n] = dot_pair(dot_pair(sums[n], taps[0][n], first), taps[1][n], second);
        }
        sums
    }

    #[inline(always)]
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4] {
        let (low, high) = (u16x8_extend_low_u8x16(bytes), u16x8_extend_high_u8x16(bytes));
        [
            u32x4_extend_low_u16x8(low),
            u32x4_extend_high_u16x8(low),
            u32x4_extend_low_u16x8(high),
            u32x4_extend_high_u16x8(high),
        ]
    }

    #[inline(always)]
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize) {
        store_bytes::<16>(pack(values), to, at, count);
    }
}
