//! A spoon: a hollow bowl, a long handle that widens to its end.

use super::super::maths::{mix, v};
use super::super::paint::{Palette, Part};
use super::super::random::Random;
use super::super::shape::{disc, ellipse, ring, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (long, wide) = (random.range(0.3, 0.42), random.range(0.2, 0.3));
    let c = v(-0.95 + long, 0.0);
    let (neck, tail) = (random.range(0.035, 0.06), random.range(0.05, 0.11));
    let end = random.range(0.8, 0.95);
    let bowl = ellipse(c, long, wide);
    let stem = taper(v(c.x + long * 0.85, 0.0), v(end, 0.0), neck, tail);
    let mut whole = Part::new(palette.main, vec![bowl, stem]).blend(0.12).round(0.07, palette.gloss);
    if random.chance(0.35) {
        whole = whole.without(disc(v(end - 0.02, 0.0), tail * 0.5)); // to hang it up
    }
    // Hollow towards us, or the back of the bowl: then only a soft highlight.
    let seen = if random.chance(0.75) { palette.dark } else { palette.pale };
    let hollow = Part::new(mix(palette.main, seen, 0.6), vec![ellipse(c, long * 0.8, wide * 0.78)]).round(0.02, 0.0);
    let deep = Part::new(mix(palette.main, seen, 0.85), vec![ellipse(c + v(0.05, 0.03), long * 0.5, wide * 0.45)]);
    let mut parts = vec![whole, hollow, deep.round(0.02, palette.gloss)];
    if random.chance(0.3) {
        parts.push(Part::new(palette.trim, vec![ring(v(end - 0.1, 0.0), tail * 0.6, 0.015)]));
    }
    parts
}
