//! AVX2 without VNNI: vectors of 8 lanes, `vpmaddwd` multiplies two i16 with two i16 per lane and sums them exactly.
//!
//! Codes and weights are widened to i16. `vpmaddubsw`, which takes bytes, saturates: 2 · 255 · 127 > 2^15. It is exact where of each pair
//! of weights neither the positive nor the negative ones sum up to more than 128, and two of its results can be added in i16 where that
//! holds for four. An instruction has 16 pairs, a step of a tile 32, and all of them must hold. In the pointwise layers of trained networks,
//! channels' scales absorbed (weighted by products; pairs of steps matched greedily):
//!
//! | network | pairs that hold | steps of 4 channels × 16 outputs that hold | matched with another | products' time, by the peaks of the three forms |
//! |---|---|---|---|---|
//! | V3-Small | 94.8 % | 27 % | 5 % | 96 % |
//! | V3-Large minimalistic | 96.9 % | 49 % | 28 % | 88 % |
//! | V2 | 96.3 % | 46 % | 25 % | 89 % |
//!
//! What is left over would need a second layout and loops that change between them, for a few percent of a network: not done.
//!
//! The SAFETY lines say *token*: a value of [`Avx2`] exists only where the CPU has the feature.

use super::cpuid::Features;
use super::ymm::{self, Ymm};
use super::{Isa, Kernel, Level};
use core::arch::x86_64::*;
use core::mem::MaybeUninit;

/// Proof of AVX2.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// If this CPU and operating system have it.
    pub fn detect() -> Option<Self> {
        Features::detect().avx2.then_some(Self(()))
    }

    /// The target of this compilation has it.
    #[cfg(target_feature = "avx2")]
    pub const fn from_target() -> Self {
        Self(())
    }
}

/// Input channels that are widened at once: a vector of i16.
const DEPTH: usize = 16;

/// DEPTH codes of each of M rows, widened, from element DEPTH on. Before them, there is room for what the last vector
/// of a row, which ends with the row, reads again.
type Wide<const M: usize> = [[MaybeUninit<u16>; 3 * DEPTH]; M];

/// Widens DEPTH codes of each row from `rows[m · stride]` on to `wide[m][to]`.
///
/// # Safety
///
/// `rows` can be read there, and `to` ≤ 2 · DEPTH.
#[inline(always)]
unsafe fn widen<const M: usize>(_token: Avx2, rows: *const u8, stride: usize, wide: &mut Wide<M>, to: usize) {
    for m in 0..M {
        // SAFETY: token; the caller's promise.
        unsafe {
            let codes = _mm256_cvtepu8_epi16(_mm_loadu_si128(rows.add(m * stride).cast()));
            _mm256_storeu_si256(wide[m].as_mut_ptr().add(to).cast(), codes);
        }
    }
}

/// As [`widen`], of DEPTH / 2 codes.
///
/// # Safety
///
/// `rows` can be read there, and `to` ≤ 2.5 · DEPTH.
#[inline(always)]
unsafe fn widen_half<const M: usize>(_token: Avx2, rows: *const u8, stride: usize, wide: &mut Wide<M>, to: usize) {
    for m in 0..M {
        // SAFETY: token; the caller's promise.
        unsafe {
            let codes = _mm_cvtepu8_epi16(_mm_loadl_epi64(rows.add(m * stride).cast()));
            _mm_storeu_si128(wide[m].as_mut_ptr().add(to).cast(), codes);
        }
    }
}

/// Adds the products of pair `pair` of widened codes: `wide[m][DEPTH + 2 · pair..][..2] · panel[n · bytes..][..16]`.
///
/// # Safety
///
/// These codes were written, and these weights can be read.
#[inline(always)]
unsafe fn step<const M: usize, const N: usize>(
    token: Avx2,
    sums: &mut [[__m256i; N]; M],
    wide: &Wide<M>,
    pair: usize,
    panel: *const u8,
    bytes: usize,
) {
    // SAFETY: token.
    let mut w = [unsafe { _mm256_setzero_si256() }; N];
    for n in 0..N {
        // SAFETY: token; the caller's promise.
        w[n] = unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(panel.add(n * bytes).cast())) };
    }
    for m in 0..M {
        // SAFETY: token; the caller's promise.
        let x = unsafe { wide[m].as_ptr().add(DEPTH + 2 * pair).cast::<i32>().read_unaligned() };
        let x = token.splat_i32(x);
        for n in 0..N {
            let sum = token.dot_pair(sums[m][n], x, w[n]);
            // SAFETY: token.
            sums[m][n] = unsafe { ymm::pin(sum) };
        }
    }
}

/// Two rows of bytes unpacked to words side by side, dealt. No closure: one is inlined only where LLVM likes to.
#[inline(always)]
fn pairs(_token: Avx2, a: __m256i, b: __m256i) -> [__m256i; 4] {
    // SAFETY: token.
    unsafe {
        let zero = _mm256_setzero_si256();
        let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
        [
            _mm256_unpacklo_epi8(low, zero),
            _mm256_unpackhi_epi8(low, zero),
            _mm256_unpacklo_epi8(high, zero),
            _mm256_unpackhi_epi8(high, zero),
        ]
    }
}

// SAFETY: `detect` and `from_target` give a token only where the feature is.
unsafe impl Ymm for Avx2 {
    const NAME: Level = Level::Avx2;

    /// Pairs of taps, then vectors.
    type Taps = [[__m256i; 4]; 2];
    /// As [`Ymm::Taps`], i16.
    type TapWeights = [[[u8; 32]; 4]; 2];

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2")]
        fn enter<K: Kernel>(isa: Avx2, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: token.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn dot_pair(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: token.
        unsafe { _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)) }
    }

    /// ```text
    ///  for each DEPTH input channels: widen the codes of all rows, then
    ///              w[0]  w[1]     registers: 6 × 2 sums, 2 vectors of weights, 1 broadcast, 1 product
    ///  x[0] ────► │ sum │ sum │   instructions per 2 input channels: 2 vpmovsxbw, 6 broadcasts from memory,
    ///   ⋮         │  ⋮  │  ⋮  │                                       12 vpmaddwd, 12 vpaddd
    ///  x[5] ────► │ sum │ sum │
    /// ```
    #[inline(always)]
    unsafe fn product<const M: usize, const N: usize>(
        self,
        start: [[__m256i; N]; M],
        rows: *const u8,
        stride: usize,
        panel: *const u8,
        k: usize,
    ) -> [[__m256i; N]; M] {
        let mut sums = start;
        let mut wide = [[MaybeUninit::uninit(); 3 * DEPTH]; M];
        let bytes = k.div_ceil(2) * 16;
        let mut at = 0;
        while at + DEPTH <= k {
            // SAFETY: the caller's promise; at + DEPTH ≤ k.
            unsafe { widen(self, rows.add(at), stride, &mut wide, DEPTH) }
            for pair in 0..DEPTH / 2 {
                // SAFETY: DEPTH codes were just written; at / 2 + pair < ⌈k / 2⌉.
                unsafe { step(self, &mut sums, &wide, pair, panel.add((at / 2 + pair) * 16), bytes) }
            }
            at += DEPTH;
        }
        let rest = k - at;
        if rest > 0 {
            if k >= DEPTH {
                // SAFETY: the caller's promise; element DEPTH becomes code `at` = k − rest, and rest < DEPTH.
                unsafe { widen(self, rows.add(k - DEPTH), stride, &mut wide, rest) }
            } else if k >= DEPTH / 2 {
                // SAFETY: the caller's promise; k is at least half of DEPTH, and less than DEPTH.
                unsafe {
                    widen_half(self, rows, stride, &mut wide, DEPTH);
                    widen_half(self, rows.add(k - DEPTH / 2), stride, &mut wide, DEPTH / 2 + k);
                }
            } else {
                for m in 0..M {
                    // SAFETY: the caller's promise.
                    let codes = unsafe { core::slice::from_raw_parts(rows.add(m * stride), k) };
                    for (to, code) in wide[m].iter_mut().skip(DEPTH).zip(codes) {
                        to.write(u16::from(*code));
                    }
                }
            }
            for m in 0..M {
                // The second code of an odd pair: its weight is zero.
                if let Some(to) = wide[m].get_mut(DEPTH + rest) {
                    to.write(0);
                }
            }
            for pair in 0..rest.div_ceil(2) {
                // SAFETY: rest + 1 codes were just written; at / 2 + pair < ⌈k / 2⌉.
                unsafe { step(self, &mut sums, &wide, pair, panel.add((at / 2 + pair) * 16), bytes) }
            }
        }
        sums
    }

    #[inline(always)]
    fn taps(self, [a, b, c, d]: [__m256i; 4]) -> Self::Taps {
        [pairs(self, a, b), pairs(self, c, d)]
    }

    #[inline(always)]
    fn next_pixel(self, now: Self::Taps, next: Self::Taps) -> Self::Taps {
        let mut further = now;
        for pair in 0..2 {
            for n in 0..4 {
                // SAFETY: token.
                further[pair][n] = unsafe { _mm256_permute2x128_si256::<0x21>(now[pair][n], next[pair][n]) };
            }
        }
        further
    }

    #[inline(always)]
    fn tap_weights(self, packed: &[u8]) -> &[Self::TapWeights] {
        packed.as_chunks().0.as_chunks().0.as_chunks().0
    }

    #[inline(always)]
    fn dot_taps<const FROM: usize, const TO: usize>(
        self,
        sums: [__m256i; 4],
        taps: Self::Taps,
        weights: &Self::TapWeights,
    ) -> [__m256i; 4] {
        let mut sums = sums;
        for pair in 0..2 {
            for n in FROM..TO.min(4) {
                // SAFETY: token; 32 bytes are there.
                let w = unsafe { _mm256_loadu_si256(weights[pair][n].as_ptr().cast()) };
                let sum = self.dot_pair(sums[n], taps[pair][n], w);
                // SAFETY: token.
                sums[n] = unsafe { ymm::pin(sum) };
            }
        }
        sums
    }
}
