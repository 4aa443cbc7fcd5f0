//! Plane geometry and colour from `+ − × ÷ √` alone.
//!
//! IEEE 754 rounds these five the same way everywhere, and Rust neither fuses nor reorders them, so a picture is
//! the same bytes on every machine. The sine, exponential and power of a platform's libm are not: they are absent
//! here, and [`turn`] is a polynomial.

use std::ops::{Add, Mul, Sub};

/// A point or direction; x to the right, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec2 {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Shorthand for a [`Vec2`].
pub const fn v(x: f32, y: f32) -> Vec2 {
    Vec2 { x, y }
}

impl Vec2 {
    /// Scalar product.
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Length.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// This vector in the frame whose x axis is the unit vector `axis`.
    pub fn along(self, axis: Self) -> Self {
        v(self.dot(axis), axis.x * self.y - axis.y * self.x)
    }

    /// This vector turned so that the x axis comes to lie on `axis`: the inverse of [`Vec2::along`].
    pub fn turned(self, axis: Self) -> Self {
        v(self.x * axis.x - self.y * axis.y, self.x * axis.y + self.y * axis.x)
    }
}

impl Add for Vec2 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v(self.x + o.x, self.y + o.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v(self.x - o.x, self.y - o.y)
    }
}

impl Mul<f32> for Vec2 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        v(self.x * k, self.y * k)
    }
}

/// `(cos 2πt, sin 2πt)` for `t` in turns, to about 1e-6: the Taylor polynomials on an eighth of a turn.
pub fn turn(t: f32) -> Vec2 {
    let t = fract(t);
    let quarter = floor(t * 4.0 + 0.5);
    let a = (t - quarter * 0.25) * std::f32::consts::TAU; // in ±π/4
    let b = a * a;
    let sin = a * (1.0 - b * (1.0 / 6.0 - b * (1.0 / 120.0 - b / 5040.0)));
    let cos = 1.0 - b * (0.5 - b * (1.0 / 24.0 - b * (1.0 / 720.0 - b / 40320.0)));
    match quarter as u32 % 4 {
        0 => v(cos, sin),
        1 => v(-sin, cos),
        2 => v(-cos, -sin),
        _ => v(sin, -cos),
    }
}

/// `⌊x⌋` for `|x| < 2³¹`, by way of an integer: where the baseline has no instruction for it, as on x86-64, `f32::floor`
/// is a call for every pixel and octave.
pub fn floor(x: f32) -> f32 {
    let whole = x as i32 as f32;
    if whole > x { whole - 1.0 } else { whole }
}

/// `x − ⌊x⌋`.
pub fn fract(x: f32) -> f32 {
    x - floor(x)
}

/// 0 below `low`, 1 above `high`, `3t² − 2t³` between.
pub fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Red, green and blue as displayed, nominally in `[0, 1]`; light may push them beyond until the camera clamps.
pub type Colour = [f32; 3];

/// `a + (b − a)·t` per channel.
pub fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// `a·k` per channel.
pub fn scale(a: Colour, k: f32) -> Colour {
    [a[0] * k, a[1] * k, a[2] * k]
}

/// From hue (in turns), saturation and value: the hexcone.
pub fn hsv(hue: f32, saturation: f32, value: f32) -> Colour {
    [1.0, 2.0 / 3.0, 1.0 / 3.0].map(|shift| {
        let ramp = ((fract(hue + shift) * 6.0 - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        value * (1.0 - saturation + saturation * ramp)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_cosine_and_sine() {
        for i in -40..80 {
            let t = i as f32 / 37.0;
            let a = f64::from(t) * std::f64::consts::TAU;
            assert!((f64::from(turn(t).x) - a.cos()).abs() < 3e-6, "cos of {t} turns");
            assert!((f64::from(turn(t).y) - a.sin()).abs() < 3e-6, "sin of {t} turns");
        }
    }

    #[test]
    fn floor_is_floor() {
        for x in [-2.0, -1.5, -0.0, 0.0, 0.3, 1.0, 7.99, -1e-9] {
            assert_eq!(floor(x), x.floor(), "{x}");
        }
    }

    #[test]
    fn turned_undoes_along() {
        let (p, axis) = (v(0.3, -0.7), turn(0.15));
        assert!((p.along(axis).turned(axis) - p).length() < 1e-6);
    }

    #[test]
    fn hues() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(hsv(0.4, 0.0, 0.5), [0.5; 3]);
    }
}
