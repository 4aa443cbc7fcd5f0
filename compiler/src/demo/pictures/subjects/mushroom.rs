//! A mushroom: a cap, gills in its shadow, a stem that thickens to the ground.

use super::super::maths::{mix, scale, v};
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{above, ellipse, ring, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (wide, tall) = (random.range(0.6, 0.95), random.range(0.4, 0.85));
    let hem = random.range(-0.1, 0.15);
    let under = random.range(0.06, 0.2); // how much of the gills we see
    let (neck, foot) = (random.range(0.1, 0.2), random.range(0.14, 0.3));
    let ground = random.range(0.75, 0.9);
    let cream = mix(palette.pale, [0.95, 0.92, 0.85], random.range(0.0, 0.8));
    let stem = taper(v(0.0, hem), v(random.range(-0.12, 0.12), ground - foot * 0.5), neck, foot);
    let spots = (0..random.int(0, 9))
        .map(|_| {
            let (x, y) = (random.range(-0.8, 0.8), random.range(0.1, 0.9));
            let r = random.range(0.05, 0.12);
            // Foreshortened towards the side of the cap.
            ellipse(v(x * wide, hem - y * tall), r * (1.1 - x.abs() * 0.6), r)
        })
        .collect();
    let cap = ellipse(v(0.0, hem), wide, tall);
    let top = Part::new(palette.main, vec![cap.clone()]).within(above(hem + 0.02));
    let mut parts = vec![
        Part::new(scale(cream, 0.55), vec![ellipse(v(0.0, hem), wide * 0.97, under)]).round(0.1, 0.0),
        Part::new(cream, vec![stem]).round(0.2, palette.gloss * 0.4),
        top.pattern(Pattern::any(random, palette.trim)).round(0.4, palette.gloss),
        Part::new(palette.trim, spots).within(cap).within(above(hem)).round(0.05, 0.0),
    ];
    if random.chance(0.35) {
        // The skirt that some wear.
        let y = hem + (ground - hem) * 0.35;
        parts.insert(2, Part::new(cream, vec![ring(v(0.0, y), neck * 1.2, 0.04)]).within(above(y + 0.06)));
    }
    parts
}
