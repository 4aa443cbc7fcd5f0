//! Fixed histogram bins, read off the bits of an f32.
//!
//! Bin 0 holds `|x| < 2^-20`. Bin `+m` (`-m`) holds the positive (negative) values whose magnitude lies in
//! `[edge(m), edge(m + 1))`; there are eight bins to each octave, equally wide, so a bin is 6 to 12.5 % of its value wide:
//!
//! ```text
//! m = (bits(|x|) >> 20) − (bits(2^-20) >> 20) + 1          bits: sign 1 · exponent 8 · mantissa 23
//! ```
//!
//! Edges never depend on the data, so histograms of different images, shards and machines add up.

/// Bits of the mantissa that are dropped: three remain.
pub const SHIFT: u32 = 20;

/// Smallest magnitude outside of bin 0.
pub const TINY: f32 = 1.0 / (1u32 << 20) as f32;

const BASE: i32 = (TINY.to_bits() >> SHIFT) as i32;

/// The bin of a finite value.
#[inline(always)]
pub fn bin(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    let magnitude = (((bits & 0x7fff_ffff) >> SHIFT) - (BASE - 1)).max(0);
    let sign = bits >> 31;
    (magnitude ^ sign) - sign
}

/// Lower edge of the magnitudes of bin `m ≥ 1`; 0 for bin 0.
pub fn edge(m: u32) -> f32 {
    if m == 0 { 0.0 } else { f32::from_bits((BASE as u32 + m - 1) << SHIFT) }
}

/// Lower and upper edge of a bin on the real line; bin 0 counts as the point 0.
pub fn edges(bin: i32) -> (f32, f32) {
    let m = bin.unsigned_abs();
    match bin.signum() {
        0 => (0.0, 0.0),
        1 => (edge(m), edge(m + 1)),
        _ => (-edge(m + 1), -edge(m)),
    }
}

/// The largest bin that a finite f32 can fall into.
pub const LAST: i32 = (f32::MAX.to_bits() >> SHIFT) as i32 - (BASE - 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_between_the_edges_of_its_bin() {
        let mut x = TINY;
        while x < 1e9 {
            for v in [x, -x, x * 1.062, -x * 1.1249] {
                let (lo, hi) = edges(bin(v));
                assert!(lo <= v && v <= hi, "{v} is in bin {} = {lo}..{hi}", bin(v));
            }
            x *= 1.09;
        }
    }

    #[test]
    fn zero_subnormal_and_extreme_values() {
        for v in [0.0, -0.0, f32::MIN_POSITIVE, -1e-42, TINY * 0.999] {
            assert_eq!(bin(v), 0);
        }
        assert_eq!((bin(TINY), bin(-TINY)), (1, -1));
        assert_eq!(bin(f32::MAX), LAST);
        assert_eq!(edges(bin(1.0)), (1.0, 1.125));
        assert_eq!(edges(bin(-1.9)), (-2.0, -1.875));
    }
}
