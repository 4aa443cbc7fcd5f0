//! From the light in the scene to eight-bit pixels: shadows and casts, blur, exposure, noise.

use super::maths::{Colour, Vec2, smoothstep, turn, v};
use super::noise;
use super::random::Random;

/// How one photograph was lit and taken.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Brightness changes along this direction, by this much per pixel.
    ramp: Vec2,
    /// A shadow with a soft edge: normal, offset in pixels, softness, depth.
    shadow: (Vec2, f32, f32, f32),
    /// Light through leaves: depth and salt.
    dapple: (f32, u32),
    /// Gain per channel: exposure times colour cast.
    gain: Colour,
    /// Flare that lifts black.
    haze: f32,
    /// Bend of the tone curve: `c + curve·c·(1 − c)`.
    curve: f32,
    /// Radius of the blur, in pixels, across and down.
    blur: (usize, usize),
    /// Amplitude of the sensor noise: shared by the channels, and per channel.
    grain: (f32, f32),
}

impl Camera {
    /// Any photographer.
    pub fn any(random: &mut Random) -> Self {
        let exposure = random.range(0.75, 1.3);
        let warmth = random.range(-0.18, 0.18);
        let tint = random.range(-0.08, 0.08);
        let depth = if random.chance(0.4) { random.range(0.2, 0.5) } else { 0.0 };
        let blur = match random.int(0, 9) {
            0..=4 => (0, 0),
            5..=6 => (1, 1),
            7 => (2, 0),
            8 => (0, 2),
            _ => (2, 2),
        };
        let noisy = if random.chance(0.3) { 0.07 } else { 0.03 };
        Self {
            ramp: turn(random.unit()) * random.range(0.0, 0.006),
            shadow: (turn(random.unit()), random.range(-40.0, 40.0), random.range(1.0, 30.0), depth),
            dapple: (if random.chance(0.25) { random.range(0.2, 0.5) } else { 0.0 }, random.salt()),
            gain: [exposure * (1.0 + warmth), exposure * (1.0 + tint), exposure * (1.0 - warmth)],
            haze: random.range(0.0, 0.15),
            curve: random.range(-0.3, 0.3),
            blur,
            grain: (random.range(0.0, noisy), random.range(0.0, noisy)),
        }
    }

    /// Takes the picture of a scene of the given width.
    pub fn expose(&self, mut scene: Vec<Colour>, width: usize, random: &mut Random) -> Vec<u8> {
        let height = scene.len() / width;
        blur(&mut scene, width, 1, self.blur.0);
        blur(&mut scene, height, width, self.blur.1);
        let middle = v(width as f32 * 0.5, height as f32 * 0.5);
        let mut rgb = Vec::with_capacity(scene.len() * 3);
        for (i, pixel) in scene.iter().enumerate() {
            let p = v((i % width) as f32, (i / width) as f32) - middle;
            let light = self.light(p);
            let bits = random.bits();
            let shared = grain(bits) * self.grain.0;
            for (channel, gain) in self.gain.iter().enumerate() {
                let c = (pixel[channel] * gain * light).clamp(0.0, 1.0);
                let c = c + self.curve * c * (1.0 - c);
                let own = grain(bits >> (16 * channel + 8)) * self.grain.1;
                let c = self.haze + c * (1.0 - self.haze) + shared + own;
                rgb.push((c * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        rgb
    }

    /// The light that falls on a place, `p` from the middle.
    fn light(&self, p: Vec2) -> f32 {
        let (normal, offset, soft, depth) = self.shadow;
        let shade = 1.0 - depth * smoothstep(-soft, soft, p.dot(normal) - offset);
        let leaves = if self.dapple.0 > 0.0 {
            1.0 - self.dapple.0 * smoothstep(0.35, 0.65, noise::value(p * 0.06, self.dapple.1))
        } else {
            1.0
        };
        let vignette = 1.0 - p.dot(p) * 0.000_012;
        (1.0 + p.dot(self.ramp)).max(0.2) * shade * leaves * vignette
    }
}

/// The sum of two bytes, centred: a triangle on (−1, 1), near enough to a bell.
fn grain(bits: u64) -> f32 {
    ((bits & 255) + (bits >> 8 & 255)) as f32 / 255.0 - 1.0
}

/// A running mean of `2·radius + 1` along lines of `length` pixels, `step` apart in memory; the ends repeat.
fn blur(scene: &mut [Colour], length: usize, step: usize, radius: usize) {
    if radius == 0 {
        return;
    }
    let mut line = vec![[0.0; 3]; length];
    let weight = 1.0 / (2 * radius + 1) as f32;
    for start in 0..scene.len() / length {
        let first = if step == 1 { start * length } else { start };
        for (i, slot) in line.iter_mut().enumerate() {
            *slot = scene[first + i * step];
        }
        for i in 0..length {
            let mut sum = [0.0; 3];
            for offset in 0..=2 * radius {
                let near = line[(i + offset).saturating_sub(radius).min(length - 1)];
                sum = [sum[0] + near[0], sum[1] + near[1], sum[2] + near[2]];
            }
            scene[first + i * step] = sum.map(|c| c * weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_a_constant_and_spreads_a_point() {
        let mut flat = vec![[0.5; 3]; 35];
        blur(&mut flat, 7, 1, 2);
        blur(&mut flat, 5, 7, 2);
        assert!(flat.iter().all(|c| (c[0] - 0.5).abs() < 1e-6));
        let mut point = vec![[0.0; 3]; 35];
        point[17] = [1.0; 3];
        blur(&mut point, 5, 7, 1);
        assert!((point[10][0] - 1.0 / 3.0).abs() < 1e-6 && point[16][0] == 0.0);
    }
}
