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
pub unsafe trait Vnni: Copy + Sync {
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

/// Adds the products of four input channels: `rows[m · stride..][..4] · panel[n · bytes..][..32]`.
///
/// # Safety
///
/// All of these bytes can be read.
#[inline(always)]
unsafe fn step<T: Vnni, const M: usize, const N: usize>(
    token: T,
    sums: &mut [[__m256i; N]; M],
    rows: *const u8,
    stride: usize,
    panel: *const u8,
    bytes: usize,
) {
    // SAFETY: token.
    let mut w = [unsafe { _mm256_setzero_si256() }; N];
    for n in 0..N {
        // SAFETY: token; the caller's promise.
        w[n] = unsafe { _mm256_loadu_si256(panel.add(n * bytes).cast()) };
    }
    for m in 0..M {
        // SAFETY: token; the caller's promise.
        let x = unsafe { _mm256_set1_epi32(rows.add(m * stride).cast::<i32>().read_unaligned()) };
        for n in 0..N {
            sums[m][n] = token.dpbusd(sums[m][n], x, w[n]);
        }
    }
}

// SAFETY: a value of `T` proves AVX2.
unsafe impl<T: Vnni> Ymm for T {
    const NAME: Level = Level::AvxVnni;

    type Taps = [__m256i; 4];
    type TapWeights = [[u8; 32]; 4];

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
        start: [[__m256i; N]; M],
        rows: *const u8,
        stride: usize,
        panel: *const u8,
        k: usize,
    ) -> [[__m256i; N]; M] {
        // SAFETY: token.
        let zero = unsafe { _mm256_setzero_si256() };
        let (mut sums, mut other) = (start, [[zero; N]; M]);
        let (whole, bytes) = (k / 4, k.div_ceil(4) * 32);
        let mut group = 0;
        if M * N <= 4 {
            while group + 2 <= whole {
                // SAFETY: the caller's promise; group + 1 < ⌊k / 4⌋.
                unsafe {
                    step(self, &mut sums, rows.add(group * 4), stride, panel.add(group * 32), bytes);
                    let (rows, panel) = (rows.add(group * 4 + 4), panel.add(group * 32 + 32));
                    step(self, &mut other, rows, stride, panel, bytes);
                }
                group += 2;
            }
        }
        while group < whole {
            // SAFETY: the caller's promise; group < ⌊k / 4⌋.
            unsafe {
                step(self, &mut sums, rows.add(group * 4), stride, panel.add(group * 32), bytes);
            }
            group += 1;
        }
        if !k.is_multiple_of(4) {
            let mut last = [[0; 4]; M];
            for m in 0..M {
                // SAFETY: the caller's promise.
                last[m] = unsafe { tail(rows.add(m * stride + whole * 4), k % 4) };
            }
            // SAFETY: `last` has M rows of 4 bytes; whole < ⌈k / 4⌉.
            unsafe { step(self, &mut sums, last.as_ptr().cast(), 4, panel.add(whole * 32), bytes) }
        }
        if M * N <= 4 {
            for m in 0..M {
                for n in 0..N {
                    // SAFETY: token.
                    sums[m][n] = unsafe { _mm256_add_epi32(sums[m][n], other[m][n]) };
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn taps(self, rows: [__m256i; 4]) -> Self::Taps {
        ymm::quads(self, rows)
    }

    #[inline(always)]
    fn next_pixel(self, now: Self::Taps, next: Self::Taps) -> Self::Taps {
        let mut further = now;
        for n in 0..4 {
            // SAFETY: token.
            further[n] = unsafe { _mm256_permute2x128_si256::<0x21>(now[n], next[n]) };
        }
        further
    }

    #[inline(always)]
    fn tap_weights(self, packed: &[u8]) -> &[Self::TapWeights] {
        packed.as_chunks().0.as_chunks().0
    }

    #[inline(always)]
    fn dot_taps<const FROM: usize, const TO: usize>(
        self,
        sums: [__m256i; 4],
        taps: Self::Taps,
        weights: &Self::TapWeights,
    ) -> [__m256i; 4] {
        let mut sums = sums;
        for n in FROM..TO.min(4) {
            // SAFETY: token; 32 bytes are there.
            let w = unsafe { _mm256_loadu_si256(weights[n].as_ptr().cast()) };
            let sum = self.dpbusd(sums[n], taps[n], w);
            // SAFETY: token.
            sums[n] = unsafe { ymm::pin(sum) };
        }
        sums
    }
}

/// The `count` ≤ 3 bytes from `from` on, the others zero.
///
/// # Safety
///
/// They are there.
#[inline(always)]
unsafe fn tail(from: *const u8, count: usize) -> [u8; 4] {
    let mut bytes = [0; 4];
    // SAFETY: the caller's promise.
    for (to, from) in bytes.iter_mut().zip(unsafe { core::slice::from_raw_parts(from, count) }) {
        *to = *from;
    }
    bytes
}
