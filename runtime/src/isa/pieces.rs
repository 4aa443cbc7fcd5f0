//! Parts of a vector of NEON as numbers: up to fifteen bytes, in pieces that overlap.

/// One to three bytes, the others zero.
///
/// # Safety
///
/// `count` bytes are there, and `count` is 1, 2 or 3.
#[inline(always)]
pub(super) unsafe fn few_of(from: *const u8, count: usize) -> u32 {
    let (middle, last) = (count / 2, count - 1);
    // SAFETY: the caller's promise. Where two of the three are one byte, `or` does not mind.
    unsafe {
        u32::from(*from) | u32::from(*from.add(middle)) << (8 * middle) | u32::from(*from.add(last)) << (8 * last)
    }
}

/// Up to fifteen bytes and zeros behind them, as a number: pieces that overlap. (No function of its own: a call would
/// cost the registers of the sums, even where it is not taken.)
#[inline(always)]
pub(super) fn partial(bytes: &[u8]) -> u128 {
    let shift = |piece: usize| 8 * bytes.len().wrapping_sub(piece) as u32;
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let last = u128::from(u64::from_le_bytes(*last)).wrapping_shl(shift(8));
        u128::from(u64::from_le_bytes(*first)) | last
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)).wrapping_shl(shift(4));
        u128::from(u64::from(u32::from_le_bytes(*first)) | last)
    } else {
        u128::from(few(bytes))
    }
}

/// Up to three bytes and zeros behind them.
#[inline(always)]
pub(super) fn few(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, ..] => u32::from_le_bytes([*a, *b, *c, 0]),
        [a, b] => u32::from_le_bytes([*a, *b, 0, 0]),
        [a] => u32::from(*a),
        [] => 0,
    }
}

/// Stores the first `to.len()` ≤ 15 bytes of a number: pieces that overlap.
#[inline(always)]
pub(super) fn store_partial(bytes: u128, to: &mut [u8]) {
    let beyond = |piece: usize| 8 * to.len().wrapping_sub(piece) as u32;
    let (beyond_8, beyond_4) = (beyond(8), beyond(4));
    if let Some(first) = to.first_chunk_mut::<8>() {
        *first = (bytes as u64).to_le_bytes();
        if let Some(last) = to.last_chunk_mut::<8>() {
            *last = (bytes.wrapping_shr(beyond_8) as u64).to_le_bytes();
        }
    } else if let Some(first) = to.first_chunk_mut::<4>() {
        *first = (bytes as u32).to_le_bytes();
        if let Some(last) = to.last_chunk_mut::<4>() {
            *last = ((bytes as u64).wrapping_shr(beyond_4) as u32).to_le_bytes();
        }
    } else {
        let [a, b, c, _] = (bytes as u32).to_le_bytes();
        match to {
            [x, y, z, ..] => (*x, *y, *z) = (a, b, c),
            [x, y] => (*x, *y) = (a, b),
            [x] => *x = a,
            [] => {}
        }
    }
}
