//! A wheel: tyre, rim, hub and spokes; of a bicycle, a cart or a car. Not a clock: the middle is open or symmetric.

use super::super::maths::{mix, turn, v};
use super::super::paint::{Palette, Part};
use super::super::random::Random;
use super::super::shape::{disc, ring, rod, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let c = v(0.0, 0.0);
    let tyre = random.range(0.05, 0.15);
    let outer = random.range(0.82, 0.95);
    let rim = outer - tyre * 2.0;
    let hub = random.range(0.07, 0.22);
    let thin = random.chance(0.5);
    let (count, girth) = if thin { (random.int(10, 18), 0.014) } else { (random.int(4, 9), random.range(0.04, 0.1)) };
    let first = random.unit();
    // Bicycle spokes leave the hub at a slant, alternately to either side.
    let slant = if thin { random.range(0.0, 0.1) } else { 0.0 };
    let spokes = (0..count)
        .map(|i| {
            let t = first + i as f32 / count as f32;
            let from = turn(t + if i % 2 == 0 { slant } else { -slant }) * (hub * 0.8);
            if thin { rod(from, turn(t) * rim, girth) } else { taper(from, turn(t) * rim, girth * 1.2, girth * 0.8) }
        })
        .collect();
    let rubber = mix(palette.dark, [0.1; 3], random.range(0.3, 1.0));
    let mut parts = Vec::new();
    if random.chance(0.3) {
        parts.push(Part::new(palette.dark, vec![disc(c, rim)]).round(0.02, 0.0)); // closed, as a car's
    }
    parts.extend([
        Part::new(palette.trim, spokes).round(0.04, palette.gloss),
        Part::new(rubber, vec![ring(c, outer - tyre, tyre)]).round(tyre, palette.gloss * 0.4),
        Part::new(palette.main, vec![ring(c, rim, random.range(0.03, 0.07))]).round(0.04, palette.gloss),
        Part::new(palette.main, vec![disc(c, hub)]).round(0.1, palette.gloss),
        Part::new(palette.dark, vec![disc(c, hub * 0.4)]),
    ]);
    parts
}
