//! An umbrella: a scalloped canopy, a thin stick, a hooked handle. Not a mushroom: nothing under the cap is thick.

use super::super::maths::v;
use super::super::paint::{Palette, Part, Pattern};
use super::super::random::Random;
use super::super::shape::{Prim, above, below, ellipse, rod};

pub fn parts(random: &mut Random, palette: &Palette) -> Vec<Part> {
    let (wide, tall) = (random.range(0.78, 0.98), random.range(0.5, 0.85));
    let hem = random.range(-0.15, 0.1);
    let panels = random.int(3, 6);
    let canopy = ellipse(v(0.0, hem), wide, tall);
    let step = 2.0 * wide / panels as f32;
    let sag = random.range(0.06, 0.13);
    let middle = |i: u32| -wide + step * (i as f32 + 0.5);
    let mut cloth = Part::new(palette.main, vec![canopy.clone()]).within(above(hem));
    for i in 0..panels {
        cloth = cloth.without(ellipse(v(middle(i), hem), step * 0.5, sag));
    }
    // Ribs are ellipses of the canopy's height and less width; every other panel may have the second colour.
    let mut ribs = Vec::new();
    let mut panes = Vec::new();
    for i in 1..panels {
        let x = -wide + step * i as f32;
        ribs.push(Prim::Ring { c: v(0.0, hem), r: v(x.abs().max(0.03), tall), half: 0.012 });
    }
    if random.chance(0.5) {
        let inner = (wide - step).max(0.15);
        panes.push(Part::new(palette.trim, vec![ellipse(v(0.0, hem), inner, tall)]).round(0.3, palette.gloss));
    }
    let dress = |mut part: Part| {
        part.shape.within = cloth.shape.within.clone();
        part.shape.without = cloth.shape.without.clone();
        part
    };
    let foot = random.range(0.65, 0.82);
    let hook = random.range(0.1, 0.17);
    let girth = random.range(0.025, 0.045);
    let top = hem - tall;
    let stick = vec![rod(v(0.0, top - random.range(0.05, 0.12)), v(0.0, foot), girth)];
    let grip = Prim::Ring { c: v(hook, foot), r: v(hook, hook), half: girth * 1.5 };
    let mut parts = vec![
        Part::new(palette.dark, stick).round(0.03, palette.gloss),
        Part::new(palette.trim, vec![grip]).within(below(foot)).round(0.04, palette.gloss),
        cloth.clone().pattern(Pattern::any(random, palette.trim)).round(0.35, palette.gloss * 0.5),
    ];
    parts.extend(panes.into_iter().map(dress));
    parts.push(dress(Part::new(palette.dark, ribs).round(0.01, 0.0)));
    parts
}
