//! A leaf: two arcs that meet in a tip, veins, a stalk. Not a fish: no tail fin, no eye.

use super::super::maths::{fract, v};
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{Prim, rod, taper};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let width = random.range(0.3, 0.55);
    let base = random.range(-0.65, -0.5); // where blade and stalk meet
    let widest = random.range(0.3, 0.6);
    let (teeth, depth) = (random.int(4, 9), if random.chance(0.5) { random.range(0.03, 0.09) } else { 0.0 });
    // Half a blade: two parabolas, 0 at the ends, that meet at `widest`; then the teeth, each a ramp.
    let edge = |t: f32| {
        let s = if t < widest { t / widest } else { (1.0 - t) / (1.0 - widest) };
        let saw = t * teeth as f32;
        (width * s * (2.0 - s) - depth * fract(saw)).max(0.0)
    };
    const STEPS: u32 = 22;
    let station = |i: u32| i as f32 / STEPS as f32;
    let point = |t: f32, side: f32| v(base + t * (0.95 - base), side * edge(t));
    let mut outline = vec![v(base, 0.0)];
    outline.extend((1..STEPS).map(|i| point(station(i), -1.0)));
    outline.push(v(0.95, 0.0));
    outline.extend((1..STEPS).rev().map(|i| point(station(i), 1.0)));
    let veins = random.int(3, 6);
    let mut ribs = vec![taper(v(base, 0.0), v(0.85, 0.0), 0.03, 0.008)];
    for i in 0..veins {
        let t = (i as f32 + 0.5) / veins as f32 * 0.8;
        let (from, out) = (v(base + t * (0.95 - base), 0.0), (t + 0.18).min(0.97));
        for side in [-1.0, 1.0] {
            ribs.push(rod(from, point(out, side * 0.8), 0.012));
        }
    }
    let vein = if random.chance(0.5) { palette.pale } else { palette.dark };
    let stalk = taper(v(-1.0, random.range(-0.15, 0.15)), v(base + 0.05, 0.0), 0.035, 0.025);
    let mottle = Pattern::any(random, palette.trim);
    vec![
        Part::new(palette.dark, vec![stalk]),
        Part::new(palette.main, vec![Prim::Polygon(outline)]).pattern(mottle).round(0.25, palette.gloss * 0.5),
        Part::new(vein, ribs).round(0.02, 0.0),
    ]
}
