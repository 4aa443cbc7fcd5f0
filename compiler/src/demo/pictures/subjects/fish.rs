//! A fish: a leaf-shaped body with a forked tail, fins, a gill and an eye.

use super::super::maths::{turn, v};
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{Prim, below, disc, ellipse, ring};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (long, deep) = (random.range(0.62, 0.74), random.range(0.26, 0.48));
    let c = v(-0.22, 0.0);
    let joint = c.x + long * 0.85;
    let (spread, fork) = (random.range(0.28, 0.46), random.range(0.05, 0.22));
    let tail = Prim::Polygon(vec![
        v(joint - 0.05, -0.06),
        v(0.95, -spread),
        v(0.95 - fork, 0.0),
        v(0.95, spread * random.range(0.8, 1.1)),
        v(joint - 0.05, 0.06),
    ]);
    let fin = Prim::Polygon(vec![
        v(c.x - random.range(0.1, 0.3), -deep * 0.8),
        v(c.x + random.range(0.0, 0.2), -deep - random.range(0.12, 0.3)),
        v(c.x + random.range(0.25, 0.45), -deep * 0.6),
    ]);
    let rear = Prim::Polygon(vec![
        v(c.x, deep * 0.8),
        v(c.x + random.range(0.2, 0.4), deep + random.range(0.05, 0.22)),
        v(c.x + 0.35, deep * 0.6),
    ]);
    // An almond: an ellipse for the head, drawn out towards the tail.
    let body = vec![
        ellipse(c - v(long * 0.2, 0.0), long * 0.78, deep),
        Prim::Capsule { a: c, b: v(joint, 0.0), ra: deep * 0.85, rb: 0.07 },
    ];
    let eye = v(c.x - long * random.range(0.6, 0.72), -deep * random.range(0.15, 0.3));
    let size = random.range(0.05, 0.085);
    let side = Prim::Ellipse {
        c: v(c.x + 0.02, deep * 0.25),
        r: v(random.range(0.12, 0.2), random.range(0.05, 0.09)),
        axis: turn(0.08),
    };
    let belly = Part::new(palette.pale, body.clone()).within(below(deep * random.range(0.1, 0.5))).blend(0.05);
    vec![
        Part::new(palette.trim, vec![tail, fin, rear]).round(0.04, palette.gloss),
        Part::new(palette.main, body).blend(0.05).pattern(Pattern::any(random, palette.trim)).round(0.3, palette.gloss),
        belly.round(0.3, palette.gloss),
        Part::new(palette.dark, vec![ring(v(c.x - long * 0.85, 0.0), long * 0.45, 0.014)]).within(ellipse(
            v(c.x - long * 0.35, 0.0),
            long * 0.2,
            deep * 0.75,
        )),
        Part::new(palette.trim, vec![side]),
        Part::new([0.93; 3], vec![disc(eye, size)]),
        Part::new([0.06; 3], vec![disc(eye, size * 0.55)]).round(0.05, 0.8),
    ]
}
