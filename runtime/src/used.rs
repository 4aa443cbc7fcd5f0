//! What kernels have to be able to do.
//!
//! Here that is everything. An emitted crate has this file anew, with what its own network needs; what it does not need is then no
//! part of its program.

/// Whether there are fine maps (eq. 37).
pub const FINE: bool = true;
/// Whether convolutions add maps (eq. 10).
pub const RESIDUAL: bool = true;
/// Whether a hard-swish follows a layer (eq. 12).
pub const HARD_SWISH: bool = true;
/// Depthwise convolutions: size and stride of the window, planes of the input.
const DEPTHWISE: &[[usize; 3]] =
    &[[3, 1, 1], [3, 2, 1], [5, 1, 1], [5, 2, 1], [3, 1, 2], [3, 2, 2], [5, 1, 2], [5, 2, 2]];

/// Whether there are depthwise convolutions of this kind.
pub const fn depthwise(size: usize, stride: usize, planes: usize) -> bool {
    let mut rest = DEPTHWISE;
    while let [[k, s, p], others @ ..] = rest {
        if *k == size && *s == stride && *p == planes {
            return true;
        }
        rest = others;
    }
    false
}
