//! A teapot: a belly, a spout opposite the handle, a lid with a knob.

use super::super::maths::v;
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{Prim, above, block, disc, ellipse, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (wide, tall) = (random.range(0.5, 0.66), random.range(0.42, 0.62));
    let c = v(0.0, 0.12);
    let top = c.y - tall;
    let tip = v(random.range(0.85, 1.05), random.range(-0.45, -0.2));
    let elbow = v(wide * random.range(0.95, 1.15), random.range(0.0, 0.2));
    let thick = random.range(0.1, 0.17);
    let spout = vec![
        taper(v(wide * 0.7, c.y + tall * 0.35), elbow, thick * 1.3, thick),
        taper(elbow, tip, thick, thick * random.range(0.4, 0.7)),
    ];
    let handle = v(random.range(0.2, 0.36), random.range(0.26, 0.42));
    let grip = Prim::Ring { c: v(-wide * 0.95, c.y - 0.05), r: handle, half: random.range(0.05, 0.09) };
    // From a squat box to a ball.
    let body = if random.chance(0.4) { block(c, wide, tall, random.range(0.15, 0.4)) } else { ellipse(c, wide, tall) };
    let lid = random.range(0.26, 0.42);
    let cover = ellipse(v(0.0, top + 0.1), lid, random.range(0.14, 0.24));
    vec![
        Part::new(palette.main, vec![grip]).round(0.08, palette.gloss),
        Part::new(palette.main, spout).blend(0.1).round(0.14, palette.gloss),
        Part::new(palette.main, vec![body, block(v(0.0, c.y + tall - 0.02), wide * 0.55, 0.07, 0.03)])
            .pattern(Pattern::any(random, palette.trim))
            .round(0.45, palette.gloss),
        Part::new(palette.trim, vec![cover]).within(above(top + 0.1)).round(0.15, palette.gloss),
        Part::new(palette.dark, vec![disc(v(0.0, top - 0.12), random.range(0.06, 0.12))]).round(0.1, palette.gloss),
    ]
}
