//! A mug: straight sides, an open top, one handle. Not a teapot: no spout, no lid.

use super::super::maths::{scale, v};
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{Prim, below, ellipse};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (top, base) = (random.range(0.5, 0.66), random.range(0.4, 0.62));
    let (rim, foot) = (-random.range(0.55, 0.85), random.range(0.6, 0.85));
    let open = random.range(0.1, 0.22); // how far we look into it
    let handle = v(random.range(0.2, 0.36), random.range(0.26, 0.42));
    let middle = (rim + foot) * 0.5 + random.range(-0.12, 0.08);
    let grip = Prim::Ring { c: v(top * 0.95, middle), r: handle, half: random.range(0.05, 0.09) };
    let side = Prim::Polygon(vec![v(-top, rim), v(top, rim), v(base, foot), v(-base, foot)]);
    let belly = ellipse(v(0.0, foot), base, open * 0.6);
    let wall = Part::new(palette.main, vec![side, belly])
        .pattern(Pattern::any(random, palette.trim))
        .round(0.3, palette.gloss);
    let lip = Part::new(palette.pale, vec![ellipse(v(0.0, rim), top, open)]).round(0.03, palette.gloss);
    let inside = Part::new(palette.dark, vec![ellipse(v(0.0, rim), top * 0.9, open * 0.8)]).round(0.01, 0.0);
    // Tea, if any, shows as a lower ellipse inside the opening.
    let drink = Part::new(scale(palette.trim, 0.5), vec![ellipse(v(0.0, rim + open * 0.5), top * 0.86, open * 0.7)])
        .within(ellipse(v(0.0, rim), top * 0.9, open * 0.8))
        .within(below(rim));
    vec![Part::new(palette.main, vec![grip]).round(0.08, palette.gloss), wall, lip, inside, drink]
}
