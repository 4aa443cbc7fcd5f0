//! One thing, posed, painted and cut out: colour and coverage for the pixels around it.
//!
//! ```text
//! coverage = clamp(½ − d / |∇d|)          one pixel of anti-aliasing, whatever the pose did to distances
//! height   : slopes outward within `bevel` of the edge, flat further in
//! colour   = base · (ambient + (1 − ambient) · n·l / l_z) + gloss · (n·h)³²
//! ```

use super::maths::{Colour, Vec2, fract, mix, turn, v};
use super::paint::Part;
use super::random::Random;

/// The distance of a pixel that a part's bounds rule out.
const FAR: f32 = 1e3;

/// Where the light comes from, the same for all things of one picture.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    /// Towards the light in the picture plane.
    pub towards: Vec2,
    /// Towards the viewer; with `towards` a unit vector.
    pub height: f32,
    /// What reaches surfaces that face away.
    pub ambient: f32,
}

impl Light {
    /// From somewhere above the horizon, mostly from the upper half of the picture.
    pub fn any(random: &mut Random) -> Self {
        let height = random.range(0.45, 0.85);
        let towards = turn(random.range(-0.55, 0.05)) * (1.0 - height * height).sqrt();
        Self { towards, height, ambient: random.range(0.3, 0.65) }
    }
}

/// From pixels to the thing's own coordinates, in which it fills about `[−1, 1]²`.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Pixel of the thing's origin.
    pub centre: Vec2,
    /// Pixels per unit.
    pub radius: f32,
    /// Direction of the thing's x axis.
    pub axis: Vec2,
    /// −1 seen from behind.
    pub mirror: f32,
    /// Foreshortening along this direction, by this much.
    pub squash: (Vec2, f32),
    /// Perspective: nearer on this side.
    pub keystone: Vec2,
    /// Curvature of the thing's y axis.
    pub bend: f32,
    /// Amplitude and phases of a wobble that no two things share.
    pub wobble: (f32, Vec2),
}

impl Pose {
    /// At `centre` with `radius`, leaning up to `lean` turns either way.
    pub fn any(random: &mut Random, centre: Vec2, radius: f32, lean: f32) -> Self {
        Self {
            centre,
            radius,
            axis: turn(random.range(-lean, lean)),
            mirror: random.sign(),
            squash: (turn(random.unit()), random.range(0.74, 1.0)),
            keystone: turn(random.unit()) * random.range(0.0, 0.25),
            bend: random.range(-0.1, 0.1),
            wobble: (random.range(0.0, 0.03), v(random.unit(), random.unit())),
        }
    }

    /// The thing's coordinates at a pixel.
    pub fn inverse(&self, pixel: Vec2) -> Vec2 {
        let q = ((pixel - self.centre) * (1.0 / self.radius)).along(self.squash.0);
        let q = v(q.x / self.squash.1, q.y).turned(self.squash.0).along(self.axis);
        let q = v(q.x * self.mirror, q.y);
        let q = q * (1.0 + q.dot(self.keystone));
        let (amount, phase) = self.wobble;
        let wave = v(hump(q.y * 0.5 + phase.x), hump(q.x * 0.5 + phase.y));
        v(q.x + self.bend * q.y * q.y, q.y) + wave * amount
    }
}

/// A sine's cheap cousin: two parabolas per turn, in `[−1, 1]`.
fn hump(t: f32) -> f32 {
    let x = fract(t) * 2.0 - 1.0;
    4.0 * x * (1.0 - x.abs())
}

/// Pixels of a window into the picture.
#[derive(Clone, Debug)]
pub struct Sprite {
    /// Left and top of the window.
    pub origin: (usize, usize),
    /// Width and height of the window.
    pub size: (usize, usize),
    /// Colour and coverage, row by row.
    pub pixels: Vec<(Colour, f32)>,
    at: Vec<Vec2>,
    radius: f32,
}

impl Sprite {
    /// An empty window around the pose, clipped to a picture of `size`.
    pub fn new(pose: &Pose, size: (usize, usize)) -> Self {
        let reach = pose.radius * 1.45;
        let clip = |x: f32, end: usize| x.clamp(0.0, end as f32) as usize;
        let origin = (clip(pose.centre.x - reach, size.0), clip(pose.centre.y - reach, size.1));
        let end = (clip(pose.centre.x + reach, size.0), clip(pose.centre.y + reach, size.1));
        let size = (end.0 - origin.0, end.1 - origin.1);
        let at = (0..size.0 * size.1)
            .map(|i| pose.inverse(v((origin.0 + i % size.0) as f32 + 0.5, (origin.1 + i / size.0) as f32 + 0.5)))
            .collect();
        Self { origin, size, pixels: vec![([0.0; 3], 0.0); size.0 * size.1], at, radius: pose.radius }
    }

    /// Paints a part over what is there.
    pub fn paint(&mut self, part: &Part, light: &Light) {
        let (width, height) = self.size;
        if width < 3 || height < 3 {
            return;
        }
        let distance = self.distances(part);
        for y in 0..height {
            for x in 0..width {
                let i = y * width + x;
                let d = distance[i];
                if d > 0.5 {
                    continue;
                }
                let (left, right) = (i - usize::from(x > 0), i + usize::from(x + 1 < width));
                let (up, down) = (if y > 0 { i - width } else { i }, if y + 1 < height { i + width } else { i });
                // Its neighbours outside the bounds know no distance; the edge is further in than they are.
                if [left, right, up, down].iter().any(|&n| distance[n] >= FAR) {
                    continue;
                }
                let gradient = v(
                    (distance[right] - distance[left]) / (right - left) as f32,
                    (distance[down] - distance[up]) / ((down - up) / width) as f32,
                );
                let steepness = gradient.length().max(1e-4);
                let coverage = (0.5 - d / steepness).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    let slope = gradient * ((1.0 + d.min(0.0) / part.bevel).max(0.0) * 1.2 / steepness);
                    let colour = shade(part, self.at[i], slope, light);
                    let (under, solid) = self.pixels[i];
                    self.pixels[i] = over(under, solid, colour, coverage);
                }
            }
        }
    }

    /// The part's signed distance at every pixel; far where its bounds rule it out.
    fn distances(&self, part: &Part) -> Vec<f32> {
        let (low, high) = part.shape.bounds();
        let margin = 4.0 / self.radius;
        let near =
            |p: &Vec2| p.x > low.x - margin && p.x < high.x + margin && p.y > low.y - margin && p.y < high.y + margin;
        self.at.iter().map(|p| if near(p) { part.shape.distance(*p) } else { FAR }).collect()
    }
}

/// The lit colour of a part at `p`, whose surface falls off along `slope`.
fn shade(part: &Part, p: Vec2, slope: Vec2, light: &Light) -> Colour {
    let base = part.pattern.over(part.colour, p);
    let inverse = 1.0 / (1.0 + slope.dot(slope)).sqrt();
    let lambert = ((slope.dot(light.towards) + light.height) * inverse).max(0.0);
    let diffuse = light.ambient + (1.0 - light.ambient) * lambert / light.height;
    // Halfway between the light and a viewer straight above: (towards, height + 1), normalized.
    let half = (light.towards.dot(light.towards) + (light.height + 1.0) * (light.height + 1.0)).sqrt();
    let mut gloss = (slope.dot(light.towards) + light.height + 1.0) * inverse / half;
    for _ in 0..5 {
        gloss *= gloss;
    }
    base.map(|c| c * diffuse + part.gloss * gloss)
}

/// Porter and Duff's over, with colours not premultiplied.
fn over(under: Colour, solid: f32, colour: Colour, coverage: f32) -> (Colour, f32) {
    let total = coverage + solid * (1.0 - coverage);
    let t = coverage / total;
    (mix(under, colour, t), total)
}
