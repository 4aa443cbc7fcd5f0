//! Constants of an emitted crate, read at compile time from bytes that lie beside it.
//!
//! Everything is a `const fn` and total: bytes that are not there read as zero.

/// `T` at a multiple of 64 bytes, a cache line and the widest vector.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

/// `all[start..start + len]`, or nothing where that is not inside.
pub const fn slice<T>(all: &'static [T], start: usize, len: usize) -> &'static [T] {
    match all.split_at_checked(start) {
        Some((_, rest)) => match rest.split_at_checked(len) {
            Some((piece, _)) => piece,
            None => &[],
        },
        None => &[],
    }
}

const fn word(bytes: &[u8], index: usize) -> [u8; 4] {
    let at = index * 4;
    if at + 4 <= bytes.len() { [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] } else { [0; 4] }
}

/// `N` little-endian f32.
pub const fn f32s<const N: usize>(bytes: &[u8]) -> [f32; N] {
    let mut values = [0.0; N];
    let mut i = 0;
    while i < N {
        values[i] = f32::from_le_bytes(word(bytes, i));
        i += 1;
    }
    values
}

/// `N` little-endian i32.
pub const fn i32s<const N: usize>(bytes: &[u8]) -> [i32; N] {
    let mut values = [0; N];
    let mut i = 0;
    while i < N {
        values[i] = i32::from_le_bytes(word(bytes, i));
        i += 1;
    }
    values
}
