//! AVX2 without VNNI: vectors of 8 lanes, `vpmaddwd` multiplies two i16 with two i16 per lane and sums them exactly.
//!
//! Codes and weights are widened to i16. `vpmaddubsw`, which takes bytes, saturates: 2 · 255 · 127 > 2^15.
//!
//! The SAFETY lines say *token*: a value of [`Avx2`] exists only where the CPU has the feature.

use super::cpuid::Features;
use super::ymm::Ymm;
use super::{Kernel, Level};
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

/// Input channels that are widened at once.
const DEPTH: usize = 128;

/// Codes of a row, widened: each pair is broadcast from here.
type Wide = [MaybeUninit<u16>; DEPTH];

/// Widens `codes`, at most [`DEPTH`]; an odd one is followed by a zero.
#[inline(always)]
fn widen(_token: Avx2, codes: &[u8], wide: &mut Wide) {
    let to = wide.as_mut_ptr();
    let len = codes.len().min(DEPTH);
    if len >= 16 {
        let mut at = 0;
        loop {
            // SAFETY: token; 16 codes and as many wide ones are there from `at` ≤ len − 16 on.
            unsafe {
                let codes = _mm_loadu_si128(codes.as_ptr().add(at).cast());
                _mm256_storeu_si256(to.add(at).cast(), _mm256_cvtepu8_epi16(codes));
            }
            if at + 16 >= len {
                break;
            }
            // The last one overlaps the one before.
            at = (at + 16).min(len - 16);
        }
    } else {
        for (to, code) in wide.iter_mut().zip(codes) {
            to.write(u16::from(*code));
        }
    }
    if !len.is_multiple_of(2)
        && let Some(to) = wide.get_mut(len)
    {
        to.write(0);
    }
}

// SAFETY: `detect` and `from_target` give a token only where the feature is.
unsafe impl Ymm for Avx2 {
    const NAME: Level = Level::Avx2;

    /// Pairs of taps, then vectors.
    type Taps = [[__m256i; 4]; 2];

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
    ///  for each DEPTH input channels: widen the codes of all rows once, for all of their pairs
    ///              w[0]  w[1]     registers: 6 × 2 sums, 2 vectors of weights, 1 broadcast, 1 product
    ///  x[0] ────► │ sum │ sum │   instructions per 2 input channels: 2 vpmovsxbw, 6 broadcasts from memory,
    ///   ⋮         │  ⋮  │  ⋮  │                                       12 vpmaddwd, 12 vpaddd
    ///  x[5] ────► │ sum │ sum │
    /// ```
    #[inline(always)]
    unsafe fn product<const M: usize, const N: usize>(
        self,
        rows: &[u8],
        stride: usize,
        panel: &[u8],
        k: usize,
    ) -> [[__m256i; N]; M] {
        // SAFETY: token.
        let zero = unsafe { _mm256_setzero_si256() };
        let mut sums = [[zero; N]; M];
        let mut wide = [const { [MaybeUninit::uninit(); DEPTH] }; M];
        let vector = k.div_ceil(2) * 16;
        let mut start = 0;
        while start < k {
            let depth = (k - start).min(DEPTH);
            for m in 0..M {
                // SAFETY: `rows` has (M − 1) · stride + k bytes, and start + depth ≤ k.
                let codes = unsafe { rows.get_unchecked(m * stride + start..m * stride + start + depth) };
                widen(self, codes, &mut wide[m]);
            }
            for pair in 0..depth.div_ceil(2) {
                let mut w = [zero; N];
                for n in 0..N {
                    let at = n * vector + start / 2 * 16 + pair * 16;
                    // SAFETY: token; `panel` has N vectors of 16 · ⌈k / 2⌉ bytes, and start / 2 + pair < ⌈k / 2⌉.
                    w[n] = unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(panel.as_ptr().add(at).cast())) };
                }
                for m in 0..M {
                    // SAFETY: token; 2 · pair + 2 ≤ DEPTH wide codes, rounded up to even, were just written.
                    let x = unsafe {
                        _mm256_set1_epi32(wide[m].as_ptr().add(2 * pair).cast::<i32>().read_unaligned())
                    };
                    for n in 0..N {
                        sums[m][n] = self.dot_pair(sums[m][n], x, w[n]);
                    }
                }
            }
            start += DEPTH;
        }
        sums
    }

    #[inline(always)]
    fn taps(self, [a, b, c, d]: [__m256i; 4]) -> Self::Taps {
        // SAFETY: token.
        let pairs = |a, b| unsafe {
            let zero = _mm256_setzero_si256();
            let (low, high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            [
                _mm256_unpacklo_epi8(low, zero),
                _mm256_unpackhi_epi8(low, zero),
                _mm256_unpacklo_epi8(high, zero),
                _mm256_unpackhi_epi8(high, zero),
            ]
        };
        [pairs(a, b), pairs(c, d)]
    }

    #[inline(always)]
    fn dot_taps(self, sums: [__m256i; 4], taps: Self::Taps, weights: &[u8], index: usize) -> [__m256i; 4] {
        let Some(weights) = weights.get(index * 256..).and_then(|rest| rest.first_chunk::<256>()) else { return sums };
        let mut sums = sums;
        for (i, w) in weights.as_chunks::<32>().0.iter().enumerate().take(8) {
            // SAFETY: token; `w` has 32 bytes.
            let w = unsafe { _mm256_loadu_si256(w.as_ptr().cast()) };
            sums[i % 4] = self.dot_pair(sums[i % 4], taps[i / 4][i % 4], w);
        }
        sums
    }
}
