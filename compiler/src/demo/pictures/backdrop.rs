//! What is behind: a wall, perhaps meeting a floor, each of some material.

use super::maths::{Colour, Vec2, floor, fract, mix, scale, turn, v};
use super::noise::{self, lattice};
use super::paint::any_colour;
use super::random::Random;

/// Materials by the way their second colour is laid over the first.
#[derive(Clone, Copy, Debug)]
enum Weave {
    /// Soft clouds.
    Cloud,
    /// Long boards with grain.
    Planks,
    /// Squares of two colours.
    Checks,
    /// Rows of bricks with joints.
    Bricks,
    /// Threads over and under.
    Cloth,
    /// Bands with ragged edges.
    Bands,
    /// Veins where noise crosses its middle.
    Marble,
    /// Pebbles: the nearest of scattered points.
    Pebbles,
    /// Blades, long and thin.
    Grass,
}

/// A material with its colours and its place.
#[derive(Clone, Copy, Debug)]
struct Material {
    weave: Weave,
    colours: [Colour; 3],
    axis: Vec2,
    scale: f32,
    salt: u32,
}

impl Material {
    fn any(random: &mut Random) -> Self {
        let weave = match random.int(0, 8) {
            0 => Weave::Cloud,
            1 => Weave::Planks,
            2 => Weave::Checks,
            3 => Weave::Bricks,
            4 => Weave::Cloth,
            5 => Weave::Bands,
            6 => Weave::Marble,
            7 => Weave::Pebbles,
            _ => Weave::Grass,
        };
        let first = any_colour(random);
        // Half of the materials stay near their first colour: loud checks everywhere would not be photo-like.
        let reach = if random.chance(0.5) { 0.3 } else { 0.8 };
        let second = mix(first, any_colour(random), reach);
        let third = mix(first, any_colour(random), reach);
        Self {
            weave,
            colours: [first, second, third],
            axis: turn(random.unit()),
            scale: random.range(0.03, 0.11),
            salt: random.salt(),
        }
    }

    fn colour(&self, p: Vec2) -> Colour {
        let q = p.along(self.axis) * self.scale;
        let (t, grain) = self.weave(q);
        let base = mix(self.colours[0], self.colours[1], t);
        mix(base, self.colours[2], grain)
    }

    /// How much of the second colour, then how much of the third over it.
    fn weave(&self, q: Vec2) -> (f32, f32) {
        let cell = |p: Vec2| (floor(p.x) as i32, floor(p.y) as i32);
        let salt = self.salt;
        match self.weave {
            Weave::Cloud => (noise::fbm(q * 0.5, salt), noise::value(q * 3.0, !salt) * 0.3),
            Weave::Planks => {
                let row = floor(q.y * 0.6);
                let joint = fract(q.y * 0.6) < 0.07;
                let grain = noise::value(v(q.x * 0.7 + row * 7.3, q.y * 7.0), salt);
                (lattice(row as i32, 0, salt), if joint { 0.9 } else { grain * 0.6 })
            }
            Weave::Checks => {
                let (x, y) = cell(q * 0.7);
                ((x + y).rem_euclid(2) as f32, noise::value(q * 2.0, salt) * 0.25)
            }
            Weave::Bricks => {
                let row = floor(q.y * 0.9);
                let x = q.x * 0.45 + 0.5 * (row as i32).rem_euclid(2) as f32;
                let joint = fract(q.y * 0.9) < 0.12 || fract(x) < 0.06;
                (
                    lattice(floor(x) as i32, row as i32, salt),
                    if joint { 0.9 } else { noise::value(q * 4.0, salt) * 0.3 },
                )
            }
            Weave::Cloth => {
                let (x, y) = (fract(q.x * 2.2), fract(q.y * 2.2));
                let lifted = (cell(q * 2.2).0 + cell(q * 2.2).1).rem_euclid(2) == 0;
                (if lifted { x * (1.0 - x) * 4.0 } else { y * (1.0 - y) * 4.0 }, noise::value(q * 0.4, salt) * 0.5)
            }
            Weave::Bands => {
                let t = fract(q.y * 0.5 + noise::value(q * 0.6, salt) * 0.5);
                (((t - 0.5).abs() * 12.0 - 2.5).clamp(0.0, 1.0), noise::value(q * 3.0, !salt) * 0.3)
            }
            Weave::Marble => {
                let vein = (noise::fbm(q * 0.6, salt) - 0.44).abs() * 14.0;
                (noise::value(q * 0.3, !salt) * 0.6, (1.0 - vein).max(0.0))
            }
            Weave::Pebbles => {
                let (x, y) = cell(q);
                let (mut nearest, mut tone) = (9.0f32, 0.0);
                for (i, j) in [(0, 0), (1, 0), (0, 1), (1, 1), (-1, 0), (0, -1)] {
                    let (cx, cy) = (x + i, y + j);
                    let centre = v(cx as f32 + lattice(cx, cy, salt), cy as f32 + lattice(cx, cy, !salt));
                    let d = (q - centre).dot(q - centre);
                    if d < nearest {
                        (nearest, tone) = (d, lattice(cx, cy, salt ^ 0x77));
                    }
                }
                (tone, ((nearest - 0.15) * 3.0).clamp(0.0, 0.9))
            }
            Weave::Grass => {
                let sway = noise::value(q * 0.8, !salt);
                let blade = noise::value(v(q.x * 5.0 + sway * 3.0, q.y * 0.9), salt);
                (blade, (noise::value(v(q.x * 9.0 - sway * 4.0, q.y * 1.3), !salt) - 0.4).max(0.0))
            }
        }
    }
}

/// A wall and perhaps a floor.
#[derive(Clone, Copy, Debug)]
pub struct Backdrop {
    wall: Material,
    floor: Material,
    /// Height in pixels at which they meet, and how far that line tilts; below every picture if there is no floor.
    horizon: f32,
    tilt: f32,
}

impl Backdrop {
    /// Any backdrop for a picture of the given height.
    pub fn any(random: &mut Random, height: f32) -> Self {
        let horizon = if random.chance(0.45) { height * random.range(0.15, 0.8) } else { 4.0 * height };
        Self { wall: Material::any(random), floor: Material::any(random), horizon, tilt: random.range(-0.12, 0.12) }
    }

    /// Its colour at a pixel.
    pub fn colour(&self, p: Vec2) -> Colour {
        let depth = p.y - self.horizon - p.x * self.tilt;
        if depth < 0.0 {
            return self.wall.colour(p);
        }
        // A floor in perspective: rows draw together towards the horizon.
        let near = 90.0 / (depth + 30.0);
        let floor = self.floor.colour(v((p.x - 64.0) * near, near * 60.0));
        scale(floor, 0.75 + 0.25 * (depth * 0.1).min(1.0))
    }
}
