//! Shapes as signed distance: negative inside, zero on the edge, growing outward.
//!
//! ```text
//! shape(p) = max( smin_k(solids), within…, −without… )
//! ```
//!
//! The values need not be true distances. Whoever draws a shape divides by its gradient in pixels, so an implicit
//! function with a clean zero set, as for the ellipse, is good enough and cheap.

use super::maths::{Vec2, v};

/// The simplest solids.
#[derive(Clone, Debug)]
pub enum Prim {
    /// Semi-axes `r` about `c`, the first along the unit vector `axis`.
    Ellipse { c: Vec2, r: Vec2, axis: Vec2 },
    /// The rim of that ellipse, `half` to either side.
    Ring { c: Vec2, r: Vec2, half: f32 },
    /// From `a` with radius `ra` to `b` with radius `rb`.
    Capsule { a: Vec2, b: Vec2, ra: f32, rb: f32 },
    /// A box of half-extents `half` about `c`, corners rounded by `round`.
    Block { c: Vec2, half: Vec2, axis: Vec2, round: f32 },
    /// A closed polygon, convex or not.
    Polygon(Vec<Vec2>),
    /// The half plane behind `through`, seen along the unit vector `normal`.
    Half { through: Vec2, normal: Vec2 },
}

const UPRIGHT: Vec2 = v(1.0, 0.0);

/// A disc.
pub fn disc(c: Vec2, r: f32) -> Prim {
    Prim::Ellipse { c, r: v(r, r), axis: UPRIGHT }
}

/// An ellipse along the axes.
pub fn ellipse(c: Vec2, rx: f32, ry: f32) -> Prim {
    Prim::Ellipse { c, r: v(rx, ry), axis: UPRIGHT }
}

/// A circular ring.
pub fn ring(c: Vec2, r: f32, half: f32) -> Prim {
    Prim::Ring { c, r: v(r, r), half }
}

/// A rod of constant radius.
pub fn rod(a: Vec2, b: Vec2, r: f32) -> Prim {
    Prim::Capsule { a, b, ra: r, rb: r }
}

/// A rod that tapers.
pub fn taper(a: Vec2, b: Vec2, ra: f32, rb: f32) -> Prim {
    Prim::Capsule { a, b, ra, rb }
}

/// A box along the axes.
pub fn block(c: Vec2, hx: f32, hy: f32, round: f32) -> Prim {
    Prim::Block { c, half: v(hx, hy), axis: UPRIGHT, round }
}

/// Everything above the line at height `y`.
pub fn above(y: f32) -> Prim {
    Prim::Half { through: v(0.0, y), normal: v(0.0, 1.0) }
}

/// Everything below it.
pub fn below(y: f32) -> Prim {
    Prim::Half { through: v(0.0, y), normal: v(0.0, -1.0) }
}

impl Prim {
    /// The signed distance, or something that shares its sign and is about as steep.
    pub fn distance(&self, p: Vec2) -> f32 {
        match self {
            Prim::Ellipse { c, r, axis } => {
                let q = (p - *c).along(*axis);
                (v(q.x / r.x, q.y / r.y).length() - 1.0) * r.x.min(r.y)
            }
            Prim::Ring { c, r, half } => {
                let q = p - *c;
                ((v(q.x / r.x, q.y / r.y).length() - 1.0) * r.x.min(r.y)).abs() - half
            }
            Prim::Capsule { a, b, ra, rb } => {
                let (pa, ba) = (p - *a, *b - *a);
                let t = (pa.dot(ba) / ba.dot(ba)).clamp(0.0, 1.0);
                (pa - ba * t).length() - (ra + (rb - ra) * t)
            }
            Prim::Block { c, half, axis, round } => {
                let q = (p - *c).along(*axis);
                let q = v(q.x.abs() - half.x + round, q.y.abs() - half.y + round);
                v(q.x.max(0.0), q.y.max(0.0)).length() + q.x.max(q.y).min(0.0) - round
            }
            Prim::Polygon(corners) => polygon(corners, p),
            Prim::Half { through, normal } => (p - *through).dot(*normal),
        }
    }

    /// Corners of a box that holds the solid; for the half plane, nothing is known.
    fn bounds(&self) -> Option<(Vec2, Vec2)> {
        let around = |c: Vec2, r: f32| (v(c.x - r, c.y - r), v(c.x + r, c.y + r));
        match self {
            Prim::Ellipse { c, r, .. } => Some(around(*c, r.x.max(r.y))),
            // Away from the minor axis the implicit ring is thicker than `half`, by the ratio of the axes.
            Prim::Ring { c, r, half } => Some(around(*c, r.x.max(r.y) * (1.0 + half / r.x.min(r.y)))),
            Prim::Capsule { a, b, ra, rb } => Some(hull(around(*a, *ra), around(*b, *rb))),
            Prim::Block { c, half, .. } => Some(around(*c, half.length())),
            Prim::Polygon(corners) => corners.iter().map(|&p| (p, p)).reduce(hull),
            Prim::Half { .. } => None,
        }
    }
}

/// Distance to the nearest side, negative where a ray to the right crosses an odd number of them.
fn polygon(corners: &[Vec2], p: Vec2) -> f32 {
    let (mut nearest, mut inside) = (f32::MAX, false);
    let mut from = corners[corners.len() - 1];
    for &to in corners {
        let (side, w) = (to - from, p - from);
        let off = w - side * (w.dot(side) / side.dot(side)).clamp(0.0, 1.0);
        nearest = nearest.min(off.dot(off));
        if (from.y > p.y) != (to.y > p.y) && w.x * side.y.abs() < side.x * (w.y * side.y.signum()) {
            inside = !inside;
        }
        from = to;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

fn hull(a: (Vec2, Vec2), b: (Vec2, Vec2)) -> (Vec2, Vec2) {
    (v(a.0.x.min(b.0.x), a.0.y.min(b.0.y)), v(a.1.x.max(b.1.x), a.1.y.max(b.1.y)))
}

/// Solids joined, cut to what lies within some and without others.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Joined.
    pub solids: Vec<Prim>,
    /// Kept only inside all of these.
    pub within: Vec<Prim>,
    /// Removed.
    pub without: Vec<Prim>,
    /// How softly solids flow into each other; 0 is a sharp join.
    pub blend: f32,
}

impl Shape {
    /// The signed distance.
    pub fn distance(&self, p: Vec2) -> f32 {
        let mut d = 1e3;
        for solid in &self.solids {
            d = smooth_min(d, solid.distance(p), self.blend);
        }
        for prim in &self.within {
            d = d.max(prim.distance(p));
        }
        for prim in &self.without {
            d = d.max(-prim.distance(p));
        }
        d
    }

    /// Corners of a box that holds the shape.
    pub fn bounds(&self) -> (Vec2, Vec2) {
        let all = self.solids.iter().filter_map(Prim::bounds).reduce(hull);
        let (low, high) = all.unwrap_or((v(0.0, 0.0), v(0.0, 0.0)));
        (low - v(self.blend, self.blend), high + v(self.blend, self.blend))
    }
}

/// The polynomial smooth minimum: `min(a, b) − max(k − |a − b|, 0)² / 4k`.
fn smooth_min(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0);
    if h > 0.0 { a.min(b) - h * h / (4.0 * k) } else { a.min(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_inside_on_the_edge_and_outside() {
        let square = Prim::Polygon(vec![v(-1.0, -1.0), v(1.0, -1.0), v(1.0, 1.0), v(-1.0, 1.0)]);
        for prim in [square, disc(v(0.0, 0.0), 1.0), block(v(0.0, 0.0), 1.0, 1.0, 0.0), above(1.0)] {
            assert!(prim.distance(v(0.0, 0.5)) < -0.4, "{prim:?}");
            assert!(prim.distance(v(0.0, 1.0)).abs() < 1e-6, "{prim:?}");
            assert!(prim.distance(v(0.0, 2.0)) > 0.9, "{prim:?}");
        }
    }

    #[test]
    fn a_cut_removes() {
        let washer =
            Shape { solids: vec![disc(v(0.0, 0.0), 1.0)], without: vec![disc(v(0.0, 0.0), 0.5)], ..Shape::default() };
        assert!(washer.distance(v(0.0, 0.0)) > 0.0);
        assert!(washer.distance(v(0.75, 0.0)) < 0.0);
    }
}
