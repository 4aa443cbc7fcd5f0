//! What kernels have to be able to do.
//!
//! Here that is everything. An emitted crate has this file anew, with what its own network needs; what it does not need is then no
//! part of its program.

/// Whether there are fine maps (eq. 37).
pub const FINE: bool = true;
/// Whether layers are rescaled in 16 bits (eq. 43).
pub const FIXED: bool = true;
/// Whether convolutions add maps (eq. 10).
pub const RESIDUAL: bool = true;
/// Whether a hard-swish follows a layer (eq. 12).
pub const HARD_SWISH: bool = true;
/// Depthwise convolutions: size and stride of the window, planes of the input, what becomes of sums (0: codes by way of f32, 1: by way of 16
/// bits, 2: fine codes, 3: by way of 16 bits with a hard-swish), pixels of a tile.
const DEPTHWISE: &[[usize; 5]] = &[
    [3, 1, 1, 0, 4],
    [3, 1, 1, 0, 7],
    [3, 1, 1, 1, 4],
    [3, 1, 1, 1, 7],
    [3, 1, 1, 2, 4],
    [3, 1, 1, 2, 7],
    [3, 1, 1, 3, 4],
    [3, 1, 1, 3, 7],
    [3, 1, 2, 0, 4],
    [3, 1, 2, 1, 4],
    [3, 1, 2, 2, 4],
    [3, 1, 2, 3, 4],
    [3, 2, 1, 0, 4],
    [3, 2, 1, 0, 7],
    [3, 2, 1, 1, 4],
    [3, 2, 1, 1, 7],
    [3, 2, 1, 2, 4],
    [3, 2, 1, 2, 7],
    [3, 2, 1, 3, 4],
    [3, 2, 1, 3, 7],
    [3, 2, 2, 0, 4],
    [3, 2, 2, 1, 4],
    [3, 2, 2, 2, 4],
    [3, 2, 2, 3, 4],
    [5, 1, 1, 0, 4],
    [5, 1, 1, 0, 7],
    [5, 1, 1, 1, 4],
    [5, 1, 1, 1, 7],
    [5, 1, 1, 2, 4],
    [5, 1, 1, 2, 7],
    [5, 1, 1, 3, 4],
    [5, 1, 1, 3, 7],
    [5, 1, 2, 0, 4],
    [5, 1, 2, 1, 4],
    [5, 1, 2, 2, 4],
    [5, 1, 2, 3, 4],
    [5, 2, 1, 0, 4],
    [5, 2, 1, 0, 7],
    [5, 2, 1, 1, 4],
    [5, 2, 1, 1, 7],
    [5, 2, 1, 2, 4],
    [5, 2, 1, 2, 7],
    [5, 2, 1, 3, 4],
    [5, 2, 1, 3, 7],
    [5, 2, 2, 0, 4],
    [5, 2, 2, 1, 4],
    [5, 2, 2, 2, 4],
    [5, 2, 2, 3, 4],
];

/// Whether there are depthwise convolutions of this kind.
pub const fn depthwise([size, stride, before]: [usize; 3], out: u8, tile: usize) -> bool {
    let mut rest = DEPTHWISE;
    while let [[k, s, b, a, p], others @ ..] = rest {
        if *k == size && *s == stride && *b == before && *a == out as usize && *p == tile {
            return true;
        }
        rest = others;
    }
    false
}
