//! AVX-VNNI: vectors of 8 lanes, `vpdpbusd` multiplies four u8 with four i8 per lane and sums them exactly.
//!
//! The instruction has two encodings with one meaning: VEX (AVX-VNNI) and EVEX (AVX512-VNNI with AVX512-VL). Few CPUs
//! have both, so the same code is written over [`Vnni`] and has two tokens: [`AvxVnni`], and [`AvxVnniEvex`] by which
//! a CPU without AVX-VNNI tests it. Everything but the encoding is the same.
//!
//! The SAFETY lines say *token*: a value of a type that is [`Vnni`] exists only where the CPU has AVX2 and the
//! instructions in its encoding.

use super::cpuid::Features;
use super::ymm::{self, Ymm};
use super::{Kernel, Level};
use core::arch::x86_64::*;

/// Proof of AVX2 and AVX-VNNI.
#[derive(Clone, Copy, Debug)]
pub struct AvxVnni(());

impl AvxVnni {
    /// If this CPU and operating system have it.
    pub fn detect() -> Option<Self> {
        Features::detect().avx_vnni.then_some(Self(()))
    }

    /// The target of this compilation has it.
    #[cfg(all(target_feature = "avx2", target_feature = "avxvnni"))]
    pub const fn from_target() -> Self {
        Self(())
    }
}

/// Proof of AVX512-VNNI and AVX512-VL, used as if it were AVX-VNNI: for tests on a CPU that has no AVX-VNNI.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AvxVnniEvex(());

impl AvxVnniEvex {
    /// If this CPU and operating system have it.
    pub fn detect() -> Option<Self> {
        Features::detect().avx512_vnni.then_some(Self(()))
    }
}

/// An encoding of the two instructions.
///
/// # Safety
///
/// A value proves AVX2 and the instructions.
pub unsafe trait Vnni: Copy {
    /// Runs with the features enabled.
    fn enter<K: Kernel>(self, kernel: K) -> K::Output;
    /// `sum + x · w`, four u8 and four i8 per lane.
    fn dpbusd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i;
    /// `sum + x · w`, two i16 and two i16 per lane.
    fn dpwssd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i;
}

// SAFETY: `detect` and `from_target` give a token only where both features are.
unsafe impl Vnni for AvxVnni {
    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,avxvnni")]
        fn enter<K: Kernel>(isa: AvxVnni, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: token.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn dpbusd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: token.
        unsafe { _mm256_dpbusd_avx_epi32(sum, x, w) }
    }

    #[inline(always)]
    fn dpwssd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: token.
        unsafe { _mm256_dpwssd_avx_epi32(sum, x, w) }
    }
}

// SAFETY: `detect` gives a token only where AVX2 and both AVX-512 features are.
unsafe impl Vnni for AvxVnniEvex {
    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,avx512vl,avx512vnni")]
        fn enter<K: Kernel>(isa: AvxVnniEvex, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: token.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn dpbusd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: token.
        unsafe { _mm256_dpbusd_epi32(sum, x, w) }
    }

    #[inline(always)]
    fn dpwssd(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: token.
        unsafe { _mm256_dpwssd_epi32(sum, x, w) }
    }
}

/// Sums side by side per accumulator, so that a small tile need not wait for the instruction before.
const fn chains(accumulators: usize) -> usize {
    match accumulators {
        0..=2 => 4,
        3..=4 => 2,
        _ => 1,
    }
}

// SAFETY: a value of `T` proves AVX2.
unsafe impl<T: Vnni> Ymm for T {
    const NAME: Level = Level::AvxVnni;

    type Taps = [__m256i; 4];

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        Vnni::enter(self, kernel)
    }

    #[inline(always)]
    fn dot_pair(self, sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        self.dpwssd(sum, x, w)
    }

    /// ```text
    ///              w[0]  w[1]     registers: 6 × 2 sums, 2 vectors of weights, 1 broadcast
    ///  x[0] ────► │ sum │ sum │   instructions per 4 input channels: 2 loads, 6 broadcasts, 12 products
    ///   ⋮         │  ⋮  │  ⋮  │
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
        let mut sums = [[[zero; N]; M]; 4];
        let (whole, vector) = (k / 4, k.div_ceil(4) * 32);
        // SAFETY: below, group < ⌈k / 4⌉, and `panel` has N vectors of 32 · ⌈k / 4⌉ bytes.
        let weights = |n: usize, group: usize| unsafe {
            _mm256_loadu_si256(panel.as_ptr().add(n * vector + group * 32).cast())
        };
        let step = |sums: &mut [[__m256i; N]; M], group: usize| {
            let mut w = [zero; N];
            for n in 0..N {
                w[n] = weights(n, group);
            }
            for m in 0..M {
                // SAFETY: token; `rows` has (M − 1) · stride + k bytes, and 4 · group + 4 ≤ k.
                let x = unsafe {
                    _mm256_set1_epi32(rows.as_ptr().add(m * stride + group * 4).cast::<i32>().read_unaligned())
                };
                for n in 0..N {
                    sums[m][n] = self.dpbusd(sums[m][n], x, w[n]);
                }
            }
        };
        let chains = chains(M * N);
        let mut group = 0;
        while group + chains <= whole {
            for chain in 0..chains {
                step(&mut sums[chain], group + chain);
            }
            group += chains;
        }
        while group < whole {
            step(&mut sums[0], group);
            group += 1;
        }
        let [mut total, rest @ ..] = sums;
        for sums in rest.iter().take(chains - 1) {
            for m in 0..M {
                for n in 0..N {
                    // SAFETY: token.
                    total[m][n] = unsafe { _mm256_add_epi32(total[m][n], sums[m][n]) };
                }
            }
        }
        if !k.is_multiple_of(4) {
            for m in 0..M {
                // SAFETY: token.
                let x = unsafe { _mm256_set1_epi32(tail(rows, m * stride + whole * 4, k % 4)) };
                for n in 0..N {
                    total[m][n] = self.dpbusd(total[m][n], x, weights(n, whole));
                }
            }
        }
        total
    }

    #[inline(always)]
    fn taps(self, rows: [__m256i; 4]) -> Self::Taps {
        ymm::quads(self, rows)
    }

    #[inline(always)]
    fn dot_taps(self, sums: [__m256i; 4], taps: Self::Taps, weights: &[u8], index: usize) -> [__m256i; 4] {
        let Some(weights) = weights.get(index * 128..).and_then(|rest| rest.first_chunk::<128>()) else { return sums };
        let mut sums = sums;
        for (n, w) in weights.as_chunks::<32>().0.iter().enumerate().take(4) {
            // SAFETY: token; `w` has 32 bytes.
            let w = unsafe { _mm256_loadu_si256(w.as_ptr().cast()) };
            sums[n] = self.dpbusd(sums[n], taps[n], w);
        }
        sums
    }
}

/// Up to three bytes from `at` on, the others zero.
#[inline(always)]
fn tail(rows: &[u8], at: usize, count: usize) -> i32 {
    let mut bytes = [0; 4];
    let rest = rows.get(at..).and_then(|rest| rest.get(..count)).unwrap_or(&[]);
    for (to, from) in bytes.iter_mut().zip(rest) {
        *to = *from;
    }
    i32::from_le_bytes(bytes)
}
