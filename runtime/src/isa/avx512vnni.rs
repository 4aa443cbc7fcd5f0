//! AVX-512 with VNNI: vectors of 16 lanes, `vpdpbusd` multiplies four u8 with four i8 per lane and sums them exactly.
//!
//! A dealt block is what unpacking bytes and then words of four rows leaves: lane `4h + i` of vector `j` is channel
//! `16h + 4j + i`. Packing back with saturation undoes it.
//!
//! The SAFETY lines say *token*: a value of [`Avx512Vnni`] exists only where the CPU has the features.

mod bytes;
mod gates;
mod picture;
mod shorts;

use super::cpuid::Features;
use super::each::{span, sum_each};
use super::{Isa, Kernel, Level, Matrix, Panel, Rows};
use bytes::first;
use core::arch::asm;
use core::arch::x86_64::*;

/// Proof of AVX-512 F, BW, DQ, VL and VNNI.
#[derive(Clone, Copy, Debug)]
pub struct Avx512Vnni(());

impl Avx512Vnni {
    /// If this CPU and operating system have it.
    pub fn detect() -> Option<Self> {
        Features::detect().avx512_vnni.then_some(Self(()))
    }

    /// The target of this compilation has it.
    #[cfg(all(
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512dq",
        target_feature = "avx512vl",
        target_feature = "avx512vnni"
    ))]
    pub const fn from_target() -> Self {
        Self(())
    }
}

impl Isa for Avx512Vnni {
    const LEVEL: Level = Level::Avx512Vnni;
    const SPREAD: usize = 4;
    const PASS: usize = 1;
    const PICTURE: bool = true;

    type Bytes = __m512i;
    type Quads = [__m512i; 4];
    type Weights = [[u8; 64]; 4];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn enter<K: Kernel>(isa: Avx512Vnni, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: token.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        // SAFETY: token.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    fn splat_f32(self, value: f32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32], at: usize) -> Self::I32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            // SAFETY: token; 16 elements are there.
            Some(lanes) => unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) },
            None => self.splat_i32(0),
        }
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32], at: usize) -> Self::F32 {
        match from.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            // SAFETY: token; 16 elements are there.
            Some(lanes) => unsafe { _mm512_loadu_ps(lanes.as_ptr()) },
            None => self.splat_f32(0.0),
        }
    }

    #[inline(always)]
    fn load_codes(self, from: &[u8], at: usize, count: usize) -> Self::I32 {
        let Some(codes) = from.get(at..).and_then(|rest| rest.get(..count)) else { return self.splat_i32(0) };
        let mask = first(count) as __mmask16;
        // SAFETY: token; the mask selects at most `count` codes, which are there.
        unsafe { _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, codes.as_ptr().cast())) }
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
        if N != 4 || count > 64 {
            return sum_each(self, from, [at, stride], rows, count);
        }
        let mut sums = [self.splat_i32(0); N];
        for (sum, of_four) in sums.iter_mut().zip(self.sum_block(from, [at, stride], rows, count)) {
            *sum = of_four;
        }
        sums
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: token.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn to_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: token. (The default rounding mode is to nearest even; Rust forbids another.)
        unsafe { _mm512_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn parts(self, a: Self::I32) -> [Self::I32; 2] {
        // SAFETY: token.
        unsafe { [_mm512_srli_epi32::<4>(a), _mm512_and_si512(a, _mm512_set1_epi32(15))] }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn store_codes<const N: usize>(self, values: [Self::I32; N], to: &mut [u8], at: usize, count: usize) {
        self.store_bytes(self.codes(values), to, at, count.min(64));
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
        let Some(to) = span(M, stride, count).and_then(|len| to.get_mut(at..)?.get_mut(..len)) else { return };
        let of_row = count.min(16 * N);
        each_row!(m, M, {
            // SAFETY: `to` has (M − 1) · stride + count bytes, and a row's part is no longer.
            self.fill(self.codes(values[m]), unsafe { to.get_unchecked_mut(m * stride..m * stride + of_row) });
        });
    }

    #[inline(always)]
    fn load_tile<const M: usize, const N: usize>(
        self,
        from: &[u8],
        at: usize,
        stride: usize,
        count: usize,
    ) -> [[Self::I32; N]; M] {
        let mut tile = [[self.splat_i32(0); N]; M];
        let Some(from) = span(M, stride, count).and_then(|len| from.get(at..)?.get(..len)) else { return tile };
        each_row!(m, M, {
            for n in 0..N {
                let mask = first(count.saturating_sub(16 * n).min(16)) as __mmask16;
                // SAFETY: token; `from` has (M − 1) · stride + count bytes, and the mask selects no others of the row.
                tile[m][n] = unsafe {
                    let codes = from.as_ptr().wrapping_add(m * stride + 16 * n);
                    _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, codes.cast()))
                };
            }
        });
        tile
    }

    #[inline(always)]
    fn store_wide(self, value: Self::I32, to: &mut [u16], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        let mask = first(count) as __mmask16;
        // SAFETY: token; the mask selects at most `count` elements, which are there.
        unsafe { _mm512_mask_cvtepi32_storeu_epi16(to.as_mut_ptr().cast(), mask, value) }
    }

    #[inline(always)]
    fn store_i32(self, value: Self::I32, to: &mut [i32], at: usize) {
        if let Some(to) = to.get_mut(at..).and_then(<[i32]>::first_chunk_mut::<16>) {
            // SAFETY: token; 16 elements are there.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
        }
    }

    #[inline(always)]
    fn store_f32(self, value: Self::F32, to: &mut [f32], at: usize, count: usize) {
        let Some(to) = to.get_mut(at..).and_then(|rest| rest.get_mut(..count)) else { return };
        let mask = first(count) as __mmask16;
        // SAFETY: token; the mask selects at most `count` elements, which are there.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, value) }
    }

    #[inline(always)]
    fn pixel_quads(self, bytes: &[u8; 128], before: usize, pad: &[u8; 128]) -> [Self::I32; 3] {
        self.quads(bytes, before, pad)
    }

    #[inline(always)]
    fn dot_lanes(self, sum: Self::I32, x: Self::I32, w: Self::I32) -> Self::I32 {
        // SAFETY: token.
        unsafe { _mm512_dpbusd_epi32(sum, x, w) }
    }

    #[inline(always)]
    fn now(self, value: Self::I32) -> Self::I32 {
        // SAFETY: token.
        unsafe { pin(value) }
    }

    #[inline(always)]
    fn now_f32(self, value: Self::F32) -> Self::F32 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(pin(_mm512_castps_si512(value))) }
    }

    #[inline(always)]
    fn four_channels(self, codes: [Self::I32; 4]) -> Self::I32 {
        self.by_lane(self.pack(codes))
    }

    #[inline(always)]
    fn four_fine_channels(self, codes: [Self::I32; 4]) -> [Self::I32; 2] {
        self.fine_parts(codes).map(|packed| self.by_lane(packed))
    }

    #[inline(always)]
    fn store_pixels(self, channels: [Self::I32; 4], to: &mut [u8], stride: usize) {
        self.store_sixteen(self.sixteen_channels(channels), to, stride);
    }

    #[inline(always)]
    fn store_fine_pixels(self, [high, low]: [[Self::I32; 4]; 2], to: &mut [u8], stride: usize) {
        let [high, low] = [self.sixteen_channels(high), self.sixteen_channels(low)];
        if stride == 32 {
            self.store_both([high, low], to);
        } else {
            self.store_sixteen(high, to, stride);
            self.store_sixteen(low, to.get_mut(stride / 2..).unwrap_or_default(), stride);
        }
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            // SAFETY: a hint, which never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(bytes.as_ptr().wrapping_add(at).cast()) }
            at += 64;
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
        // What is not there is not read. No early return: its own copy of `start` would cost a move for every sum.
        let (rows, stride, k) = matrix.rows(first, M, panel);
        let whole = k / 4;
        for group in 0..whole {
            let mut w = [self.splat_i32(0); N];
            for n in 0..N {
                // SAFETY: token; `panel` has N vectors of `vector` bytes, and 64 · group + 64 ≤ vector.
                w[n] = unsafe { _mm512_loadu_si512(panel_at.add(n * vector + group * 64).cast()) };
            }
            for m in 0..M {
                // SAFETY: each of the M rows has k codes, and 4 · group + 4 ≤ k.
                let x = unsafe { rows.add(m * stride + group * 4).cast::<i32>().read_unaligned() };
                let x = self.splat_i32(x);
                for n in 0..N {
                    // SAFETY: token.
                    sums[m][n] = unsafe { _mm512_dpbusd_epi32(sums[m][n], x, w[n]) };
                }
            }
        }
        if !k.is_multiple_of(4) {
            for m in 0..M {
                // SAFETY: rows first … first + M − 1 have k codes each.
                let x = self.splat_i32(unsafe { tail(rows.add(m * stride + whole * 4), k % 4) });
                for n in 0..N {
                    // SAFETY: token; `panel` has N vectors of `vector` bytes, and 64 · whole + 64 = vector.
                    sums[m][n] = unsafe {
                        let w = _mm512_loadu_si512(panel_at.add(n * vector + whole * 64).cast());
                        _mm512_dpbusd_epi32(sums[m][n], x, w)
                    };
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn dot_wide<const N: usize>(self, input: &[u16], panel: &[u8]) -> [Self::I32; N] {
        // Two sums of each vector, so that one instruction need not wait for the one before.
        let mut sums = [[self.splat_i32(0); N]; 2];
        let pairs = input.len().div_ceil(2);
        if panel.len() < N * pairs * 32 {
            return sums[0];
        }
        let (twice, rest) = input.as_chunks::<4>();
        for (i, [a, b, c, d]) in twice.iter().enumerate() {
            let x = [pair(*a, *b), pair(*c, *d)];
            for j in 0..2 {
                let x = self.splat_i32(x[j]);
                for n in 0..N {
                    let at = (n * pairs + 2 * i + j) * 32;
                    // SAFETY: token; `panel` has N vectors of `pairs` times 32 bytes, and 2i + j < pairs.
                    sums[j][n] = unsafe { dot_pair(sums[j][n], x, panel.as_ptr().add(at)) };
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
                let at = (n * pairs + 2 * twice.len() + j) * 32;
                // SAFETY: token; `panel` has N vectors of `pairs` times 32 bytes, and 2 · twice + j < pairs.
                sums[0][n] = unsafe { dot_pair(sums[0][n], x, panel.as_ptr().add(at)) };
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
        let Some(bytes) = from.get(at..).and_then(|rest| rest.get(..count)) else { return self.splat_i32(0) };
        // SAFETY: token; the mask selects at most `count` bytes, which are there.
        unsafe { _mm512_maskz_loadu_epi8(first(count), bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_block(self, rows: &Rows<'_>, t: usize, column: usize) -> Self::Bytes {
        // SAFETY: token; the mask selects `count` bytes, which a block has.
        unsafe { _mm512_maskz_loadu_epi8(first(rows.count()), rows.block(t, column).as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_spread(self, rows: &Rows<'_>, t: usize, column: usize, stride: usize) -> Self::Bytes {
        if let Some((from, step)) = rows.near(t, column, 3 * stride) {
            let step = step * stride;
            // SAFETY: token; 16 bytes can be read at each of the four pixels, side by side if they are 16 bytes apart.
            return unsafe {
                if step == 16 {
                    _mm512_loadu_si512(from.cast())
                } else {
                    let low = _mm256_loadu2_m128i(from.add(step).cast(), from.cast());
                    let high = _mm256_loadu2_m128i(from.add(3 * step).cast(), from.add(2 * step).cast());
                    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
                }
            };
        }
        let mask = first(rows.count().min(16)) as __mmask16;
        // Written out: `map` over an array is not always inlined, and then calls cost more than the loads.
        let a = rows.block(t, column).as_ptr();
        let b = rows.block(t, column.wrapping_add(stride)).as_ptr();
        let c = rows.block(t, column.wrapping_add(2 * stride)).as_ptr();
        let d = rows.block(t, column.wrapping_add(3 * stride)).as_ptr();
        // SAFETY: token; the mask selects at most `count` bytes, which a block has.
        unsafe {
            let (a, b) = (_mm_maskz_loadu_epi8(mask, a.cast()), _mm_maskz_loadu_epi8(mask, b.cast()));
            let (c, d) = (_mm_maskz_loadu_epi8(mask, c.cast()), _mm_maskz_loadu_epi8(mask, d.cast()));
            let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
            let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        }
    }

    #[inline(always)]
    fn further(self, now: Self::Quads, next: Self::Quads, pixels: usize) -> Self::Quads {
        let mut further = now;
        for n in 0..4 {
            // SAFETY: token.
            further[n] = unsafe {
                match pixels {
                    0 => now[n],
                    1 => _mm512_alignr_epi64::<2>(next[n], now[n]),
                    2 => _mm512_alignr_epi64::<4>(next[n], now[n]),
                    _ => _mm512_alignr_epi64::<6>(next[n], now[n]),
                }
            };
        }
        further
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [Self::Bytes; 4]) -> Self::Quads {
        // SAFETY: token.
        unsafe {
            let (ab_low, ab_high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
            [
                _mm512_unpacklo_epi16(ab_low, cd_low),
                _mm512_unpackhi_epi16(ab_low, cd_low),
                _mm512_unpacklo_epi16(ab_high, cd_high),
                _mm512_unpackhi_epi16(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    fn weights(self, packed: &[u8]) -> &[Self::Weights] {
        packed.as_chunks().0.as_chunks().0
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
            // SAFETY: token; 64 bytes are there.
            sums[n] =
                unsafe { pin(_mm512_dpbusd_epi32(sums[n], taps[n], _mm512_loadu_si512(weights[n].as_ptr().cast()))) };
        }
        sums
    }

    #[inline(always)]
    fn deal_i32(self, from: &[i32], at: usize) -> [Self::I32; 4] {
        self.deal([
            self.load_i32(from, at),
            self.load_i32(from, at + 16),
            self.load_i32(from, at + 32),
            self.load_i32(from, at + 48),
        ])
    }

    #[inline(always)]
    fn deal_f32(self, from: &[f32], at: usize) -> [Self::F32; 4] {
        // SAFETY: token.
        unsafe {
            let [a, b, c, d] = self.deal([
                _mm512_castps_si512(self.load_f32(from, at)),
                _mm512_castps_si512(self.load_f32(from, at + 16)),
                _mm512_castps_si512(self.load_f32(from, at + 32)),
                _mm512_castps_si512(self.load_f32(from, at + 48)),
            ]);
            [_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), _mm512_castsi512_ps(c), _mm512_castsi512_ps(d)]
        }
    }

    #[inline(always)]
    fn deal_codes(self, bytes: Self::Bytes) -> [Self::I32; 4] {
        let zero = self.splat_i32(0);
        self.interleave([bytes, zero, zero, zero])
    }

    #[inline(always)]
    fn store_dealt(self, values: [Self::I32; 4], to: &mut [u8], at: usize, count: usize) {
        self.store_bytes(self.pack(values), to, at, count.min(64));
    }

    #[inline(always)]
    fn store_spread(self, values: [Self::I32; 4], to: &mut [u8], [at, step]: [usize; 2], pixels: usize, count: usize) {
        self.store_pixels_of(self.pack(values), to, [at, step], pixels, count);
    }

    #[inline(always)]
    fn store_fine_tile<const M: usize, const N: usize>(
        self,
        values: [[Self::I32; N]; M],
        to: &mut [u8],
        at: usize,
        stride: usize,
        count: usize,
    ) {
        let Some(to) = span(M, stride, stride / 2 + count).and_then(|len| to.get_mut(at..)?.get_mut(..len)) else {
            return;
        };
        if const { N == 1 && M.is_multiple_of(4) } && count == 16 {
            macro_rules! four {
                ($($m:literal)*) => {$(
                    if $m + 4 <= M {
                        let four = [values[$m][0], values[$m + 1][0], values[$m + 2][0], values[$m + 3][0]];
                        self.store_four(self.fine_codes(four), to, [$m * stride, stride]);
                    }
                )*};
            }
            four!(0 4);
            return;
        }
        let of_row = count.min(16 * N);
        each_row!(m, M, {
            for (plane, codes) in self.fine_codes(values[m]).into_iter().enumerate() {
                let at = m * stride + plane * (stride / 2);
                // SAFETY: `to` has (M − 1) · stride + stride / 2 + count bytes, and a row's part is no longer.
                self.fill(codes, unsafe { to.get_unchecked_mut(at..at + of_row) });
            }
        });
    }

    #[inline(always)]
    fn store_dealt_fine(self, values: [Self::I32; 4], to: &mut [u8], [at, behind]: [usize; 2], count: usize) {
        let [high, low] = self.fine_parts(values);
        self.store_bytes(high, to, at, count.min(64));
        self.store_bytes(low, to, at + behind, count.min(64));
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
        let parts = self.fine_parts(values);
        if step == 32 && count == 16 && pixels >= 4 {
            return self.store_four(parts, to, [at, step]);
        }
        self.store_pixels_of(parts[0], to, [at, step], pixels, count);
        self.store_pixels_of(parts[1], to, [at + step / 2, step], pixels, count);
    }
}

/// The same vector, in a register here and now: what computes it is not moved past what follows. Without it, LLVM
/// starts all products of an unrolled tile before it adds the first ones, and keeps them on the stack.
///
/// # Safety
///
/// The CPU has AVX-512 F.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn pin(vector: __m512i) -> __m512i {
    let mut vector = vector;
    // SAFETY: there is no instruction.
    unsafe { asm!("/* {0} */", inout(zmm_reg) vector, options(nomem, nostack, preserves_flags)) }
    vector
}

/// Two wide codes as the halves of a lane.
#[inline(always)]
fn pair(a: u16, b: u16) -> i32 {
    i32::from(a) | i32::from(b) << 16
}

/// The `count` ≤ 3 bytes from `from` on, the others zero.
///
/// # Safety
///
/// They are there.
#[inline(always)]
unsafe fn tail(from: *const u8, count: usize) -> i32 {
    let mut bytes = [0; 4];
    // SAFETY: the caller's promise.
    for (to, from) in bytes.iter_mut().zip(unsafe { core::slice::from_raw_parts(from, count) }) {
        *to = *from;
    }
    i32::from_le_bytes(bytes)
}

/// `sum + x · w` for 32 weights from `weights` on, pairs of products summed exactly.
///
/// # Safety
///
/// The CPU has the features of [`Avx512Vnni`] and 32 bytes can be read.
#[inline(always)]
unsafe fn dot_pair(sum: __m512i, x: __m512i, weights: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { _mm512_dpwssd_epi32(sum, x, _mm512_cvtepi8_epi16(_mm256_loadu_si256(weights.cast()))) }
}
