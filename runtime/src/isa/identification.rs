//! What an Arm CPU says of itself.
//!
//! Without std only Linux (and Android) can be asked, which answers a program's read of the identification registers since
//! 4.11; before, the program dies of it. So the first question is the release.

#[cfg(any(target_os = "linux", target_os = "android"))]
use core::arch::asm;

/// `ID_AA64ISAR0_EL1`, DP: `sdot` and `udot`.
pub(super) fn has_dot_product() -> bool {
    linux_answers() && isar0() >> 44 & 15 != 0
}

/// `ID_AA64ISAR1_EL1`, I8MM: `usmmla`, `usdot` and their kin.
pub(super) fn has_matrix_product() -> bool {
    linux_answers() && isar1() >> 52 & 15 != 0
}

/// Whether a question can be answered at all: elsewhere one has to ask the system.
pub(super) const CAN_ASK: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn linux_answers() -> bool {
    false
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn isar0() -> u64 {
    0
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn isar1() -> u64 {
    0
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn isar0() -> u64 {
    let features: u64;
    // SAFETY: this Linux answers.
    unsafe { asm!("mrs {}, ID_AA64ISAR0_EL1", out(reg) features, options(pure, nomem, nostack, preserves_flags)) };
    features
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn isar1() -> u64 {
    let features: u64;
    // SAFETY: this Linux answers.
    unsafe { asm!("mrs {}, ID_AA64ISAR1_EL1", out(reg) features, options(pure, nomem, nostack, preserves_flags)) };
    features
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn linux_answers() -> bool {
    // struct utsname: six fields of 65 bytes, the third is the release.
    let mut names = [0u8; 6 * 65];
    let mut result = names.as_mut_ptr() as usize;
    // SAFETY: system call 160, uname, writes a struct utsname and changes nothing but x0.
    unsafe { asm!("svc 0", in("x8") 160, inout("x0") result, options(nostack)) };
    result == 0 && names.get(130..195).is_some_and(answers)
}

/// Whether a release like `6.1.0-rpi7` is 4.11 or later.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn answers(release: &[u8]) -> bool {
    let mut numbers = release.split(|byte| !byte.is_ascii_digit()).map(|digits| {
        digits.iter().fold(0u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit & 15)))
    });
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    major > 4 || major == 4 && minor >= 11
}
