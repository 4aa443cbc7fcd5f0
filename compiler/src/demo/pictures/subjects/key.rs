//! A key: a bow with a hole, a shaft, teeth on one side. Not a spoon, whose far end may have a hole too.

use super::super::maths::v;
use super::super::paint::{Palette, Part};
use super::super::random::Random;
use super::super::shape::{Prim, block, disc, ellipse, rod};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let bow = random.range(0.26, 0.38);
    let c = v(-0.95 + bow, 0.0);
    let thick = random.range(0.05, 0.085);
    let (solids, blend): (Vec<Prim>, f32) = match random.int(0, 3) {
        0 => (vec![disc(c, bow)], 0.0),
        1 => (vec![ellipse(c, bow * 0.8, bow * 1.15)], 0.0),
        2 => (vec![block(c, bow * 0.85, bow, bow * 0.4)], 0.0),
        // A clover of three rounds.
        _ => {
            let leaf = bow * 0.55;
            (vec![disc(c - v(leaf, 0.0), leaf), disc(c + v(0.0, leaf), leaf), disc(c - v(0.0, leaf), leaf)], 0.1)
        }
    };
    let hole = disc(c - v(random.range(0.0, 0.08), 0.0), bow * random.range(0.3, 0.6));
    let end = random.range(0.8, 1.0);
    let mut shaft = vec![rod(v(c.x + bow * 0.7, 0.0), v(end, 0.0), thick)];
    let teeth = random.int(2, 4);
    let mut x = end - thick;
    for _ in 0..teeth {
        let (wide, long) = (random.range(0.035, 0.065), random.range(0.1, 0.24));
        shaft.push(block(v(x - wide, thick * 0.5 + long * 0.5), wide, long * 0.5 + thick * 0.5, 0.01));
        x -= wide * 2.0 + random.range(0.02, 0.07);
    }
    if random.chance(0.5) {
        shaft.push(block(v(c.x + bow + 0.08, 0.0), 0.04, thick * 1.7, 0.02)); // the collar
    }
    let head = Part::new(if random.chance(0.3) { palette.trim } else { palette.main }, solids)
        .blend(blend)
        .without(hole)
        .round(0.07, palette.gloss);
    vec![Part::new(palette.main, shaft).round(0.05, palette.gloss), head]
}
