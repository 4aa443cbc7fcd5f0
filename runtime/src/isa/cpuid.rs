//! What the CPU and the operating system allow, without std.

use core::arch::x86_64::{__cpuid, __cpuid_count, __get_cpuid_max, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

/// The features once they are known, as bits below [`KNOWN`]. A virtual machine traps `cpuid`, which then costs more
/// than a layer; asking twice at the same time does no harm.
static CACHE: AtomicU8 = AtomicU8::new(0);
const KNOWN: u8 = 1 << 7;

/// The features that tokens need.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    /// AVX2.
    pub avx2: bool,
    /// AVX-VNNI (and AVX2).
    pub avx_vnni: bool,
    /// AVX-512 F, BW, DQ, VL and VNNI (and AVX2, and BMI2).
    pub avx512_vnni: bool,
}

impl Features {
    /// What [`Features::ask`] says, asked once.
    #[inline]
    pub(super) fn detect() -> Self {
        let cached = CACHE.load(Ordering::Relaxed);
        if cached & KNOWN != 0 {
            return Self { avx2: cached & 1 != 0, avx_vnni: cached & 2 != 0, avx512_vnni: cached & 4 != 0 };
        }
        let found = Self::ask();
        let bits = u8::from(found.avx2) | u8::from(found.avx_vnni) << 1 | u8::from(found.avx512_vnni) << 2;
        CACHE.store(bits | KNOWN, Ordering::Relaxed);
        found
    }

    /// Asks the CPU, and the operating system whether it saves the registers.
    #[allow(unused_unsafe, reason = "cpuid became safe in a later Rust than the oldest we build with")]
    #[cold]
    fn ask() -> Self {
        // SAFETY: every x86-64 CPU has cpuid.
        let (max, one) = unsafe { (__get_cpuid_max(0).0, __cpuid(1)) };
        let (osxsave, avx) = (bit(one.ecx, 27), bit(one.ecx, 28));
        if max < 7 || !osxsave || !avx {
            return Self::default();
        }
        // SAFETY: leaf 7 is there, its subleaf 0 says how many subleaves are.
        let seven = unsafe { __cpuid_count(7, 0) };
        // SAFETY: as above; an absent subleaf reads as zero.
        let seven_one = if seven.eax >= 1 { unsafe { __cpuid_count(7, 1) }.eax } else { 0 };
        // SAFETY: OSXSAVE says that xgetbv works.
        let saved = unsafe { _xgetbv(0) };
        let (ymm, zmm) = (saved & 0x06 == 0x06, saved & 0xE6 == 0xE6);
        let avx2 = ymm && bit(seven.ebx, 5);
        let avx512 = [8, 16, 17, 30, 31].into_iter().all(|feature| bit(seven.ebx, feature));
        Self { avx2, avx_vnni: avx2 && bit(seven_one, 4), avx512_vnni: avx2 && zmm && avx512 && bit(seven.ecx, 11) }
    }
}

const fn bit(word: u32, index: u32) -> bool {
    word >> index & 1 != 0
}
