//! What a surface looks like: a colour, a pattern in the thing's own coordinates, how round and how glossy it is.

use super::maths::{Colour, Vec2, fract, hsv, mix, scale, turn, v};
use super::noise;
use super::random::Random;
use super::shape::{Prim, Shape};

/// A second colour over the first.
#[derive(Clone, Copy, Debug)]
pub enum Pattern {
    /// None.
    Plain,
    /// Bands across the unit vector `axis`.
    Stripes { axis: Vec2, period: f32, colour: Colour },
    /// Clouds of noise.
    Mottle { scale: f32, colour: Colour, salt: u32 },
    /// A grid of dots.
    Dots { period: f32, colour: Colour },
}

impl Pattern {
    /// Any pattern, plain half of the time.
    pub fn any(random: &mut Random, colour: Colour) -> Self {
        match random.int(0, 5) {
            0 => Pattern::Stripes { axis: turn(random.unit()), period: random.range(0.15, 0.5), colour },
            1 => Pattern::Mottle { scale: random.range(2.0, 7.0), colour, salt: random.salt() },
            2 => Pattern::Dots { period: random.range(0.2, 0.4), colour },
            _ => Pattern::Plain,
        }
    }

    /// The colour at `p` of a surface whose first colour is `base`.
    pub fn over(&self, base: Colour, p: Vec2) -> Colour {
        match *self {
            Pattern::Plain => base,
            Pattern::Stripes { axis, period, colour } => {
                let wave = (fract(p.dot(axis) / period) * 2.0 - 1.0).abs(); // 1..0..1
                mix(base, colour, ((wave - 0.5) * 8.0 + 0.5).clamp(0.0, 1.0))
            }
            Pattern::Mottle { scale, colour, salt } => {
                mix(base, colour, (noise::fbm(p * scale, salt) * 2.4 - 0.6).clamp(0.0, 1.0))
            }
            Pattern::Dots { period, colour } => {
                let q = p * (1.0 / period);
                let q = v(fract(q.x) - 0.5, fract(q.y) - 0.5);
                mix(base, colour, ((0.28 - q.length()) * 10.0 + 0.5).clamp(0.0, 1.0))
            }
        }
    }
}

/// One piece of a thing, painted over the pieces before it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where it is.
    pub shape: Shape,
    /// Its first colour.
    pub colour: Colour,
    /// Its second.
    pub pattern: Pattern,
    /// How far from its edge it curves, in the thing's units; small is a flat plate, large a pebble.
    pub bevel: f32,
    /// Strength of the highlight.
    pub gloss: f32,
}

impl Part {
    /// A slightly rounded, matt, plain part.
    pub fn new(colour: Colour, solids: Vec<Prim>) -> Self {
        let shape = Shape { solids, ..Shape::default() };
        Self { shape, colour, pattern: Pattern::Plain, bevel: 0.06, gloss: 0.1 }
    }

    /// Only what lies inside `prim`.
    pub fn within(mut self, prim: Prim) -> Self {
        self.shape.within.push(prim);
        self
    }

    /// Not what lies inside `prim`.
    pub fn without(mut self, prim: Prim) -> Self {
        self.shape.without.push(prim);
        self
    }

    /// Solids flow into each other.
    pub fn blend(mut self, k: f32) -> Self {
        self.shape.blend = k;
        self
    }

    /// With a pattern.
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Curved and glossy.
    pub fn round(mut self, bevel: f32, gloss: f32) -> Self {
        self.bevel = bevel;
        self.gloss = gloss;
        self
    }
}

/// The colours of one thing. Every class draws from the same distribution, so that colour never tells the class.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Most of the thing.
    pub main: Colour,
    /// Its trim.
    pub trim: Colour,
    /// A darker `main`: grooves, openings.
    pub dark: Colour,
    /// A lighter `main`.
    pub pale: Colour,
    /// Highlight strength.
    pub gloss: f32,
}

impl Palette {
    /// Chosen by chance: saturated, pastel, metal or nearly black.
    pub fn any(random: &mut Random) -> Self {
        let main = any_colour(random);
        let trim = if random.chance(0.4) { scale(main, random.range(0.6, 0.85)) } else { any_colour(random) };
        let dark = scale(main, random.range(0.25, 0.5));
        Self { main, trim, dark, pale: mix(main, [1.0; 3], random.range(0.3, 0.7)), gloss: random.range(0.0, 0.6) }
    }
}

/// A colour of everyday things.
pub fn any_colour(random: &mut Random) -> Colour {
    let hue = random.unit();
    match random.int(0, 3) {
        0 => hsv(hue, random.range(0.6, 0.95), random.range(0.5, 0.95)),
        1 => hsv(hue, random.range(0.2, 0.5), random.range(0.6, 0.95)),
        2 => hsv(hue, random.range(0.0, 0.2), random.range(0.35, 0.9)),
        _ => hsv(hue, random.range(0.2, 0.8), random.range(0.2, 0.55)),
    }
}
