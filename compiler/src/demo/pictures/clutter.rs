//! Things that are not the subject: scraps of simple solids in the subject's own colours and finish, so that neither
//! an edge, nor a highlight, nor a round outline by itself gives the class away.

use super::maths::{Vec2, turn, v};
use super::paint::{Palette, Part, Pattern};
use super::random::Random;
use super::shape::{Prim, disc, ellipse, ring, rod, taper};

/// One to three solids, each a part.
pub fn scrap(random: &mut Random) -> Vec<Part> {
    let palette = Palette::any(random);
    (0..random.int(1, 3))
        .map(|i| {
            let place = if i == 0 { v(0.0, 0.0) } else { turn(random.unit()) * random.range(0.2, 0.7) };
            let colour = if i == 0 { palette.main } else { palette.trim };
            let pattern = Pattern::any(random, palette.pale);
            Part::new(colour, vec![solid(random, place)]).pattern(pattern).round(random.range(0.04, 0.5), palette.gloss)
        })
        .collect()
}

fn solid(random: &mut Random, c: Vec2) -> Prim {
    let size = random.range(0.3, 0.9);
    let axis = turn(random.unit());
    match random.int(0, 7) {
        0 => disc(c, size * 0.8),
        1 => ellipse(c, size, size * random.range(0.3, 0.7)),
        2 => ring(c, size * 0.7, random.range(0.05, 0.15)),
        3 => rod(c - axis * size, c + axis * size, random.range(0.04, 0.15)),
        4 => taper(c - axis * size, c + axis * size, random.range(0.02, 0.1), random.range(0.1, 0.3)),
        5 => Prim::Block { c, half: v(size, size * random.range(0.2, 0.9)), axis, round: random.range(0.0, 0.15) },
        // A star-shaped polygon; its corners go round the centre once, so it never crosses itself.
        _ => {
            let corners = random.int(3, 8);
            let corner = |i: u32, r: f32| c + turn(i as f32 / corners as f32 + 0.03) * (size * r);
            Prim::Polygon((0..corners).map(|i| corner(i, random.range(0.5, 1.0))).collect())
        }
    }
}
