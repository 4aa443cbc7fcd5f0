//! What the instruction sets over 256 bits share: everything but the products.
//!
//! A dealt block is what unpacking bytes and then words of four rows leaves: lane `4h + i` of vector `j` is channel
//! `16h + 4j + i`. Packing back with saturation undoes it.
//!
//! ```text
//! [`Isa`] ◄── every [`Ymm`] ◄──┬── Avx2          vpmaddwd, vpaddd
//!                              └── every `Vnni` ◄── AvxVnni, AvxVnniEvex
//! ```
//!
//! The SAFETY lines say *token*: a value of a type that is [`Ymm`] exists only where the CPU has AVX2.

mod gates;
mod shorts;

use super::each::planes;
use super::{Isa, Kernel, Level, Matrix, Panel, Rows};
use core::arch::asm;
use core::arch::x86_64::*;

/// A token of an instruction set over 256 bits: its products.
///
/// # Safety
///
/// A value proves AVX2.
pub unsafe trait Ymm: Copy + Sync {
    /// Its name.
    const NAME: Level;
    /// [`Isa::Quads`].
    type Taps: Copy;
    /// [`Isa::Weights`].
    type TapWeights;
    /// [`Isa::run`].
    fn enter<K: Kernel>(self, kernel: K) -> K::Output;
    /// `sum + x · w`, pairs of i16 multiplied and summed exactly.
    fn dot_pair(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i;
    /// [`Isa::multiply`], of what is there.
    ///
    /// # Safety
    ///
    /// M rows from `rows` on, `stride` apart, have `k` ≥ 1 codes each; `panel` has N packed vectors of `k` input channels.
    unsafe fn product<const M: usize, const N: usize>(
        self,
        start: [[__m256i; N]; M],
        rows: *const u8,
        stride: usize,
        panel: *const u8,
        k: usize,
    ) -> [[__m256i; N]; M];
    /// [`Isa::interleave`].
    fn taps(self, rows: [__m256i; 4]) -> Self::Taps;
    /// [`Isa::further`] by one pixel.
    fn next_pixel(self, now: Self::Taps, next: Self::Taps) -> Self::Taps;
    /// [`Isa::weights`].
    fn tap_weights(self, packed: &[u8]) -> &[Self::TapWeights];
    /// [`Isa::dot_quads`].
    fn dot_taps<const FROM: usize, const TO: usize>(
        self,
        sums: [__m256i; 4],
        taps: Self::Taps,
        weights: &Self::TapWeights,
    ) -> [__m256i; 4];
}

/// Four rows of bytes unpacked to bytes side by side, dealt.
#[inline(always)]
pub(super) fn quads<T: Ymm>(_token: T, [a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: token.
    unsafe {
        let (ab_low, ab_high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d));
        [
            _mm256_unpacklo_epi16(ab_low, cd_low),
            _mm256_unpackhi_epi16(ab_low, cd_low),
            _mm256_unpacklo_epi16(ab_high, cd_high),
            _mm256_unpackhi_epi16(ab_high, cd_high),
        ]
    }
}

/// The same vector, in a register here and now: what computes it is not moved past what follows. Without it, LLVM
/// starts all products of an unrolled tile before it adds the first ones, and keeps them on the stack.
///
/// # Safety
///
/// The CPU has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pin(vector: __m256i) -> __m256i {
    let mut vector = vector;
    // SAFETY: there is no instruction.
    unsafe { asm!("/* {0} */", inout(ymm_reg) vector, options(nomem, nostack, preserves_flags)) }
    vector
}

/// Saturates four vectors to bytes; within each 128 bits, the parts of the four vectors lie side by side.
#[inline(always)]
fn pack<T: Ymm>(_token: T, [a, b, c, d]: [__m256i; 4]) -> __m256i {
    // SAFETY: token.
    unsafe { _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)) }
}

/// Stores the first `count` ≤ 32 bytes.
#[inline(always)]
fn store_bytes<T: Ymm>(token: T, bytes: __m256i, to: &mut [u8], at: usize, count: usize) {
    let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
    let pointer = to.as_mut_ptr();
    match to.len() {
        // SAFETY: token; `to` has 32 bytes.
        32 => unsafe { _mm256_storeu_si256(pointer.cast(), bytes) },
        // SAFETY: token; `to` has 24 bytes.
        24 => unsafe {
            _mm_storeu_si128(pointer.cast(), _mm256_castsi256_si128(bytes));
            _mm_storel_epi64(pointer.add(16).cast(), _mm256_extracti128_si256::<1>(bytes));
        },
        // SAFETY: token; `to` has 16 bytes.
        16 => unsafe { _mm_storeu_si128(pointer.cast(), _mm256_castsi256_si128(bytes)) },
        // SAFETY: token; `to` has 8 bytes.
        8 => unsafe { _mm_storel_epi64(pointer.cast(), _mm256_castsi256_si128(bytes)) },
        _ => copy(&array(token, bytes), to),
    }
}

/// The bytes of a vector.
#[inline(always)]
fn array<T: Ymm>(_token: T, bytes: __m256i) -> [u8; 32] {
    let mut array = [0; 32];
    // SAFETY: token; `array` has 32 bytes.
    unsafe { _mm256_storeu_si256(array.as_mut_ptr().cast(), bytes) }
    array
}

/// What no whole vector holds: rare, so kept out of the loops.
#[cold]
#[inline(never)]
fn copy<E: Copy>(from: &[E], to: &mut [E]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Up to 32 bytes, then zeros: the end of a map, so kept out of the loops.
#[cold]
#[inline(never)]
fn zero_extended(from: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    let (whole, rest) = from.as_chunks::<8>();
    let mut to = array.as_chunks_mut::<8>().0.iter_mut();
    for from in whole {
        if let Some(to) = to.next() {
            *to = *from;
        }
    }
    if let Some(to) = to.next() {
        for (to, from) in to.iter_mut().zip(rest) {
            *to = *from;
        }
    }
    array
}

/// 0 to 31.
const INDEX: [u8; 32] = {
    let mut index = [0; 32];
    let mut i = 0;
    while i < 32 {
        index[i] = i as u8;
        i += 1;
    }
    index
};

/// Two wide codes as the halves of a lane.
#[inline(always)]
fn pair(a: u16, b: u16) -> i32 {
    i32::from(a) | i32::from(b) << 16
}

impl<T: Ymm> Isa for T {
    const LEVEL: Level = T::NAME;
    const SPREAD: usize = 2;
    const PASS: usize = 1;

    type Bytes = __m256i;
    type Quads = T::Taps;
    type Weights = T::TapWeights;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        self.enter(kernel)
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        // SAFETY: token.
        unsafe { _mm256_set1_epi32(value) }
    }

    #[inline(always)]
    fn splat_f32(self, value: f32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            // SAFETY: token; 8 elements are there.
            Some(lanes) => unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) },
            None => self.splat_i32(0),
        }
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            // SAFETY: token; 8 elements are there.
            Some(lanes) => unsafe { _mm256_loadu_ps(lanes.as_ptr()) },
            None => self.splat_f32(0.0),
        }
    }

    #[inline(always)]
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32 {
        let Some(codes) = from.get(at..).and_then(|rest| rest.get(..count)) else { return self.splat_i32(0) };
        let tail;
        let codes = match codes.first_chunk::<8>() {
            Some(codes) => codes.as_ptr(),
            None => {
                tail = zero_extended(codes);
                tail.as_ptr()
            }
        };
        // SAFETY: token; 8 bytes are there.
        unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(codes.cast())) }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: token.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn to_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: token. (The default rounding mode is to nearest even; Rust forbids another.)
        unsafe { _mm256_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn parts(self, a: Self::I32) -> [Self::I32; 2] {
        // SAFETY: token.
        unsafe { [_mm256_srli_epi32::<4>(a), _mm256_and_si256(a, _mm256_set1_epi32(15))] }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
        let mut four = [self.splat_i32(0); 4];
        for (four, value) in four.iter_mut().zip(values) {
            *four = value;
        }
        let packed = pack(self, four);
        // SAFETY: token. Part h of vector n goes from dword 4h + n to 2n + h.
        let natural = unsafe { _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)) };
        store_bytes(self, natural, to, at, count.min(32));
    }

    #[inline(always)]
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        let mut wide = [0; 8];
        // SAFETY: token; `wide` has 16 bytes.
        unsafe {
            let halves = _mm_packus_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256::<1>(value));
            _mm_storeu_si128(wide.as_mut_ptr().cast(), halves);
        }
        match to.first_chunk_mut::<8>() {
            Some(to) => *to = wide,
            None => copy(&wide, to),
        }
    }

    #[inline(always)]
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(<[i32]>::first_chunk_mut::<8>) {
            // SAFETY: token; 8 elements are there.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) }
        }
    }

    #[inline(always)]
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        let mut reals = [0.0; 8];
        // SAFETY: token; `reals` has 8 elements.
        unsafe { _mm256_storeu_ps(reals.as_mut_ptr(), value) }
        match to.first_chunk_mut::<8>() {
            Some(to) => *to = reals,
            None => copy(&reals, to),
        }
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8]) {
        for line in bytes.chunks(64) {
            // SAFETY: a hint, which never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) }
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
        let (rows, stride, k) = matrix.rows(first, M, panel);
        if k == 0 {
            return start;
        }
        // SAFETY: matrix and panel have what `k` says.
        unsafe { self.product(start, rows, stride, panel.bytes().as_ptr(), k) }
    }

    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        // Two sums of each vector, so that one instruction need not wait for the one before.
        let mut sums = [[self.splat_i32(0); N]; 2];
        let pairs = input.len().div_ceil(2);
        if panel.len() < N * pairs * 16 {
            return sums[0];
        }
        let step = |sum, x, at: usize| {
            // SAFETY: token; callers pass at ≤ (N · pairs − 1) · 16, and `panel` has N · pairs · 16 bytes.
            let w = unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(panel.as_ptr().add(at).cast())) };
            self.dot_pair(sum, x, w)
        };
        let (twice, rest) = input.as_chunks::<4>();
        for (i, [a, b, c, d]) in twice.iter().enumerate() {
            let x = [pair(*a, *b), pair(*c, *d)];
            for j in 0..2 {
                let x = self.splat_i32(x[j]);
                for n in 0..N {
                    sums[j][n] = step(sums[j][n], x, (n * pairs + 2 * i + j) * 16);
                }
            }
        }
        for (j, x) in rest.chunks(2).enumerate() {
            let x = match x {
                [a, b, ..] => pair(*a, *b),
                [a] => pair(*a, 0),
                [] => 0,
            };
            let x = self.splat_i32(x);
            for n in 0..N {
                sums[0][n] = step(sums[0][n], x, (n * pairs + 2 * twice.len() + j) * 16);
            }
        }
        let mut total = sums[0];
        for n in 0..N {
            total[n] = self.add_i32(sums[0][n], sums[1][n]);
        }
        total
    }

    #[inline(always)]
    fn load_bytes(self, from: &[u8], at: usize, count: usize) -> Self::Bytes {
        let rest = from.get(at..).unwrap_or(&[]);
        let Some(bytes) = rest.get(..count).filter(|_| count > 0) else { return self.splat_i32(0) };
        match rest.first_chunk::<32>() {
            // SAFETY: token; 32 bytes are there.
            Some(block) => unsafe {
                let index = _mm256_loadu_si256(INDEX.as_ptr().cast());
                let live = _mm256_cmpgt_epi8(_mm256_set1_epi8(count as i8), index);
                _mm256_and_si256(_mm256_loadu_si256(block.as_ptr().cast()), live)
            },
            // SAFETY: token; the array has 32 bytes.
            None => unsafe { _mm256_loadu_si256(zero_extended(bytes).as_ptr().cast()) },
        }
    }

    #[inline(always)]
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
        // SAFETY: token; the mask selects ⌊count / 4⌋ lanes, and a block has `count` bytes.
        unsafe {
            let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let live = _mm256_cmpgt_epi32(_mm256_set1_epi32((rows.count() / 4) as i32), index);
            _mm256_maskload_epi32(rows.block(t, column).as_ptr().cast(), live)
        }
    }

    #[inline(always)]
    fn load_spread(self, rows: &Rows<'_>, t: usize, column: usize, stride: usize) -> Self::Bytes {
        if let Some((from, step)) = rows.near(t, column, stride) {
            // SAFETY: token; 16 bytes can be read at both pixels.
            return unsafe { _mm256_loadu2_m128i(from.add(step * stride).cast(), from.cast()) };
        }
        // SAFETY: token; the mask selects ⌊count / 4⌋ ≤ 4 lanes, and a block has `count` bytes.
        unsafe {
            let live = _mm_cmpgt_epi32(_mm_set1_epi32((rows.count() / 4) as i32), _mm_setr_epi32(0, 1, 2, 3));
            let low = _mm_maskload_epi32(rows.block(t, column).as_ptr().cast(), live);
            let high = _mm_maskload_epi32(rows.block(t, column.wrapping_add(stride)).as_ptr().cast(), live);
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
        }
    }

    #[inline(always)]
    fn interleave(self, taps: [Self::Bytes; 4]) -> Self::Quads {
        self.taps(taps)
    }

    #[inline(always)]
    fn further(self, now: Self::Quads, next: Self::Quads, pixels: usize) -> Self::Quads {
        if pixels == 0 { now } else { self.next_pixel(now, next) }
    }

    #[inline(always)]
    fn weights(self, packed: &[u8]) -> &[Self::Weights] {
        self.tap_weights(packed)
    }

    #[inline(always)]
    fn dot_quads<const FROM: usize, const TO: usize>(
        self,
        sums: [Self::I32; 4],
        taps: Self::Quads,
        weights: &Self::Weights,
    ) -> [Self::I32; 4] {
        self.dot_taps::<FROM, TO>(sums, taps, weights)
    }

    #[inline(always)]
    fn deal_i32(self, from: &[i32], at: usize) -> [Self::I32; 4] {
        let (a, b) = (self.load_i32(from, at), self.load_i32(from, at + 8));
        let (c, d) = (self.load_i32(from, at + 16), self.load_i32(from, at + 24));
        // SAFETY: token.
        unsafe {
            [
                _mm256_permute2x128_si256::<0x20>(a, c),
                _mm256_permute2x128_si256::<0x31>(a, c),
                _mm256_permute2x128_si256::<0x20>(b, d),
                _mm256_permute2x128_si256::<0x31>(b, d),
            ]
        }
    }

    #[inline(always)]
    fn deal_f32(self, from: &[f32], at: usize) -> [Self::F32; 4] {
        let (a, b) = (self.load_f32(from, at), self.load_f32(from, at + 8));
        let (c, d) = (self.load_f32(from, at + 16), self.load_f32(from, at + 24));
        // SAFETY: token.
        unsafe {
            [
                _mm256_permute2f128_ps::<0x20>(a, c),
                _mm256_permute2f128_ps::<0x31>(a, c),
                _mm256_permute2f128_ps::<0x20>(b, d),
                _mm256_permute2f128_ps::<0x31>(b, d),
            ]
        }
    }

    #[inline(always)]
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4] {
        let zero = self.splat_i32(0);
        quads(self, [bytes, zero, zero, zero])
    }

    #[inline(always)]
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize) {
        store_bytes(self, pack(self, values), to, at, count.min(32));
    }

    #[inline(always)]
    fn store_spread(self, values: [Self::I32; 4], to: &mut [u8], [at, step]: [usize; 2], pixels: usize, count: usize) {
        let (packed, count) = (pack(self, values), count.min(16));
        if step == 16 && count == 16 && pixels >= 2 {
            return store_bytes(self, packed, to, at, 32);
        }
        // SAFETY: token.
        let second = unsafe { _mm256_castsi128_si256(_mm256_extracti128_si256::<1>(packed)) };
        if pixels >= 1 {
            store_bytes(self, packed, to, at, count);
        }
        if pixels >= 2 {
            store_bytes(self, second, to, at + step, count);
        }
    }

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
        if step == 32 && count == 16 && pixels >= 2 {
            let (high, low) = (pack(self, high), pack(self, low));
            // SAFETY: token.
            let [first, second] =
                unsafe { [_mm256_permute2x128_si256::<0x20>(high, low), _mm256_permute2x128_si256::<0x31>(high, low)] };
            store_bytes(self, first, to, at, 32);
            return store_bytes(self, second, to, at + 32, 32);
        }
        self.store_spread(high, to, [at, step], pixels, count);
        self.store_spread(low, to, [at + step / 2, step], pixels, count);
    }
}
