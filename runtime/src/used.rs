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
/// Depthwise convolutions: size and stride of the window, planes of input and output, pixels of a tile.
const DEPTHWISE: &[[usize; 5]] = &[
    [3, 1, 1, 1, 4],
    [3, 1, 1, 1, 7],
    [3, 1, 1, 2, 4],
    [3, 1, 1, 2, 7],
    [3, 1, 2, 1, 4],
    [3, 1, 2, 2, 4],
    [3, 2, 1, 1, 4],
    [3, 2, 1, 1, 7],
    [3, 2, 1, 2, 4],
    [3, 2, 1, 2, 7],
    [3, 2, 2, 1, 4],
    [3, 2, 2, 2, 4],
    [5, 1, 1, 1, 4],
    [5, 1, 1, 1, 7],
    [5, 1, 1, 2, 4],
    [5, 1, 1, 2, 7],
    [5, 1, 2, 1, 4],
    [5, 1, 2, 2, 4],
    [5, 2, 1, 1, 4],
    [5, 2, 1, 1, 7],
    [5, 2, 1, 2, 4],
    [5, 2, 1, 2, 7],
    [5, 2, 2, 1, 4],
    [5, 2, 2, 2, 4],
];

/// Whether there are depthwise convolutions of this kind.
pub const fn depthwise([size, stride, before]: [usize; 3], fine: bool, tile: usize) -> bool {
    let mut rest = DEPTHWISE;
    while let [[k, s, b, a, p], others @ ..] = rest {
        if *k == size && *s == stride && *b == before && *a == 1 + fine as usize && *p == tile {
            return true;
        }
        rest = others;
    }
    false
}
