//! Value noise: random heights on the integer lattice, smoothly joined.
//!
//! ```text
//! value(p) = bilinear(hash(⌊p⌋ + {0,1}²), s(p − ⌊p⌋)),   s(t) = 3t² − 2t³
//! fbm(p)   = Σ value(2ᵏ·p) / 2ᵏ⁺¹,  k = 0, 1, 2
//! ```

use super::maths::{Vec2, floor};

/// The height at lattice point `(x, y)`, in `[0, 1)`: an integer hash, hence equal on every machine.
pub fn lattice(x: i32, y: i32, salt: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x85eb_ca6b) ^ (y as u32).wrapping_mul(0xc2b2_ae35) ^ salt;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / 16_777_216.0
}

/// One octave, in `[0, 1)`.
pub fn value(p: Vec2, salt: u32) -> f32 {
    let (fx, fy) = (floor(p.x), floor(p.y));
    let (x, y) = (fx as i32, fy as i32);
    let (tx, ty) = (p.x - fx, p.y - fy);
    let (sx, sy) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
    let top = lattice(x, y, salt) * (1.0 - sx) + lattice(x + 1, y, salt) * sx;
    let bottom = lattice(x, y + 1, salt) * (1.0 - sx) + lattice(x + 1, y + 1, salt) * sx;
    top + (bottom - top) * sy
}

/// Three octaves, in `[0, 0.875)`.
pub fn fbm(p: Vec2, salt: u32) -> f32 {
    value(p, salt) * 0.5 + value(p * 2.03, salt ^ 0x51ed) * 0.25 + value(p * 4.1, salt ^ 0xa37b) * 0.125
}

#[cfg(test)]
mod tests {
    use super::super::maths::v;
    use super::*;

    #[test]
    fn noise_passes_through_the_lattice_and_is_smooth() {
        assert_eq!(value(v(3.0, -2.0), 7), lattice(3, -2, 7));
        for i in 0..1000 {
            let p = v(i as f32 * 0.013, i as f32 * 0.007);
            assert!((value(p, 1) - value(p + v(0.001, 0.0), 1)).abs() < 0.01);
        }
    }
}
