//! Plain Rust: arrays and loops of constant length, which compilers vectorise as the target allows.

mod gates;
mod shorts;

use super::{Isa, Kernel, Level, Matrix, Panel, Rows, apart};

const LANES: usize = 8;
const BLOCK: usize = 4 * LANES;

/// Needs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Portable(());

impl Portable {
    /// Always there.
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }

    /// Always there.
    pub const fn from_target() -> Self {
        Self(())
    }
}

/// 1.5 · 2^23: adding it leaves the nearest integer, ties to even, in the low bits.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn piece<T>(from: &[T], at: usize, count: usize) -> &[T] {
    from.get(at..).and_then(|rest| rest.get(..count)).unwrap_or(&[])
}

#[inline(always)]
fn load<T: Copy + Default, const L: usize>(from: &[T], at: usize) -> [T; L] {
    from.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([T::default(); L])
}

#[inline(always)]
fn store<T: Copy>(values: &[T], to: &mut [T], at: usize, count: usize) {
    if let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) {
        for (to, value) in to.iter_mut().zip(values) {
            *to = *value;
        }
    }
}

#[inline(always)]
fn map<const L: usize, A: Copy, B: Copy + Default>(a: [A; L], f: impl Fn(A) -> B) -> [B; L] {
    let mut out = [B::default(); L];
    for (out, a) in out.iter_mut().zip(a) {
        *out = f(a);
    }
    out
}

#[inline(always)]
fn zip<const L: usize, A: Copy>(a: [A; L], b: [A; L], f: impl Fn(A, A) -> A) -> [A; L] {
    let mut out = a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = f(*out, b);
    }
    out
}

#[inline(always)]
fn quarters<T: Copy + Default>(block: [T; BLOCK]) -> [[T; LANES]; 4] {
    let mut out = [[T::default(); LANES]; 4];
    for (out, part) in out.iter_mut().zip(block.as_chunks::<LANES>().0) {
        *out = *part;
    }
    out
}

impl Isa for Portable {
    const LEVEL: Level = Level::Portable;
    const UNROLL: bool = false;

    type Bytes = [u8; BLOCK];
    type Quads = [[u8; BLOCK]; 4];
    type Weights = [u8; 4 * BLOCK];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        apart(self, kernel)
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        [value; LANES]
    }

    #[inline(always)]
    fn splat_f32(self, value: f32) -> Self::F32 {
        [value; LANES]
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32 {
        load(from, at)
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32 {
        load(from, at)
    }

    #[inline(always)]
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32 {
        let mut lanes = [0; LANES];
        for (lane, code) in lanes.iter_mut().zip(piece(from, at, count)) {
            *lane = i32::from(*code);
        }
        lanes
    }

    #[inline(always)]
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(<[i32]>::first_chunk_mut::<LANES>) {
            *to = value;
        }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        map(a, |a| a as f32)
    }

    #[inline(always)]
    fn to_i32(self, a: Self::F32) -> Self::I32 {
        // Between −2^21 and 2^21, far outside of all codes, the sum stays in one binade.
        let a = self.min(self.max(a, [-2_097_152.0; LANES]), [2_097_152.0; LANES]);
        map(a, |a| ((a + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32))
    }

    #[inline(always)]
    fn parts(self, a: Self::I32) -> [Self::I32; 2] {
        [map(a, |a| a >> 4), map(a, |a| a & 15)]
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
        let codes = values.map(|v| map(v, |v| v.clamp(0, 255) as u8));
        store(codes.as_flattened(), to, at, count);
    }

    #[inline(always)]
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize) {
        store(&map(value, |v| v as u16), to, at, count);
    }

    #[inline(always)]
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize) {
        store(&value, to, at, count);
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
        let columns = panel.bytes().as_chunks::<LANES>().0;
        for (n, column) in columns.chunks_exact((columns.len() / N.max(1)).max(1)).take(N).enumerate() {
            for (m, sums) in sums.iter_mut().enumerate() {
                let Some(sum) = sums.get_mut(n) else { continue };
                for (x, w) in matrix.row(first + m, panel).iter().zip(column) {
                    for (sum, w) in sum.iter_mut().zip(w) {
                        // |255 · 127| < 2^15: the product is exact in i16.
                        *sum += i32::from(i16::from(*x).wrapping_mul(i16::from(*w as i8)));
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        let mut sums = [[0; LANES]; N];
        let columns = panel.as_chunks::<LANES>().0;
        for (sum, column) in sums.iter_mut().zip(columns.chunks_exact((columns.len() / N.max(1)).max(1))) {
            for (x, w) in input.iter().zip(column) {
                for (sum, w) in sum.iter_mut().zip(w) {
                    *sum += i32::from(*x as i16) * i32::from(*w as i8);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn load_bytes(self, from: &[u8], at: usize, count: usize) -> Self::Bytes {
        let mut bytes = [0; BLOCK];
        store(piece(from, at, count), &mut bytes, 0, count);
        bytes
    }

    #[inline(always)]
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
        let block = rows.block(t, column);
        match block.first_chunk::<BLOCK>() {
            Some(block) => *block,
            None => self.load_bytes(block, 0, rows.count()),
        }
    }

    #[inline(always)]
    fn interleave(self, taps: [Self::Bytes; 4]) -> Self::Quads {
        taps
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
        for (tap, weights) in taps.iter().zip(weights.as_chunks::<BLOCK>().0) {
            let lanes = sums.as_flattened_mut().iter_mut().zip(tap).zip(weights);
            for ((sum, x), w) in lanes.take(TO * LANES).skip(FROM * LANES) {
                *sum += i32::from(i16::from(*x).wrapping_mul(i16::from(*w as i8)));
            }
        }
        sums
    }

    #[inline(always)]
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4] {
        quarters(map(bytes, i32::from))
    }

    #[inline(always)]
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize) {
        self.store_codes(values, to, at, count);
    }
}
