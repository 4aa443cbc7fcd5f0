//! A clock: a face in a frame, ticks, two hands of different length.

use super::super::maths::{mix, turn, v};
use super::super::paint::{Palette, Part};
use super::super::random::Random;
use super::super::shape::{Prim, block, disc, ring, rod, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let c = v(0.0, 0.0);
    let outer = random.range(0.82, 0.95);
    let frame = random.range(0.04, 0.12);
    let face = outer - frame;
    let square = random.chance(0.2);
    let light = random.chance(0.7);
    let (paper, ink) = if light {
        (mix(palette.pale, [1.0; 3], 0.4), mix(palette.dark, [0.0; 3], 0.5))
    } else {
        (palette.dark, palette.pale)
    };
    let step = if random.chance(0.7) { 1 } else { 3 };
    let (length, girth) = (random.range(0.06, 0.16), random.range(0.015, 0.035));
    let ticks: Vec<Prim> = (0..12)
        .step_by(step)
        .map(|i| {
            let ray = turn(i as f32 / 12.0);
            let reach = if i % 3 == 0 { length * 1.4 } else { length };
            rod(ray * (face * 0.88), ray * (face * 0.88 - reach), girth)
        })
        .collect();
    let minute = random.int(0, 59) as f32 / 60.0;
    let hour = (random.int(0, 11) as f32 + minute) / 12.0;
    let wide = random.range(0.025, 0.05);
    let hand = |t: f32, long: f32, wide: f32| taper(turn(t) * -0.12, turn(t) * (face * long), wide, wide * 0.5);
    let hands = vec![hand(minute, 0.8, wide), hand(hour, random.range(0.42, 0.56), wide * 1.4), disc(c, wide * 1.8)];
    let (case, rim) = if square {
        (block(c, outer, outer, 0.12), block(c, face, face, 0.08))
    } else {
        (disc(c, outer), disc(c, face))
    };
    let mut parts = vec![
        Part::new(palette.main, vec![case]).round(frame.max(0.05), palette.gloss),
        Part::new(paper, vec![rim]).round(0.015, 0.0),
        Part::new(ink, ticks).round(0.01, 0.0),
        Part::new(ink, hands).round(0.03, palette.gloss),
    ];
    if random.chance(0.4) {
        // A ring inside the ticks, as a wheel has.
        parts.insert(2, Part::new(palette.trim, vec![ring(c, face * random.range(0.4, 0.7), 0.02)]));
    }
    parts
}
