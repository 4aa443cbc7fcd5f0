//! More or fewer pixels: bilinear, or the nearest.
//!
//! ## Formula
//!
//! An output position `o` of an axis lies at the input position `p`:
//!
//! ```text
//! half pixel           p = (o + ½) / scale − ½
//! pytorch half pixel   the same, but 0 where the output has one position
//! align corners        p = o · (in − 1) / (out − 1), 0 where the output has one position
//! asymmetric           p = o / scale
//! linear    y = x[⌊p⌋] + (x[⌊p⌋ + 1] − x[⌊p⌋]) · (p − ⌊p⌋), positions clamped to the map; columns first, then rows
//! nearest   y = x[round(p)], where a half goes up, down, or all to one side
//! ```

use super::moves::{MovePart, Moves};
use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::{Array3, s};

/// Where an output position lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// Pixels are areas.
    HalfPixel,
    /// The same, but an output of one position lies at 0.
    PytorchHalfPixel,
    /// First and last positions are those of the input.
    AlignCorners,
    /// Pixels are points, the first ones agree.
    Asymmetric,
}

/// Which input position is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// To the nearest, halves down.
    PreferFloor,
    /// To the nearest, halves up.
    PreferCeil,
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

/// How the value between input positions is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMode {
    /// Between the two neighbours of each axis.
    Linear,
    /// That of one neighbour.
    Nearest(Nearest),
}

/// Another number of rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize {
    /// Height and width of the result.
    pub size: [usize; 2],
    /// Output positions per input position, of rows and columns.
    pub scale: [f64; 2],
    /// Where positions lie.
    pub coordinates: Coordinates,
    /// What lies between.
    pub mode: ResizeMode,
}

/// An output position between two input positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The one before.
    pub first: usize,
    /// The one behind.
    pub second: usize,
    /// Share of the one behind, 0…1.
    pub share: f32,
}

impl Resize {
    /// To `size` by its ratio to the input's.
    pub fn to_size(x: Shape, size: [usize; 2], coordinates: Coordinates, mode: ResizeMode) -> Self {
        let scale = [size[0] as f64 / x.height.max(1) as f64, size[1] as f64 / x.width.max(1) as f64];
        Self { size, scale, coordinates, mode }
    }

    /// Where the output positions of an axis lie among `extent` input positions.
    pub fn places(&self, axis: usize, extent: usize) -> Vec<Place> {
        let (size, scale) = (self.size[axis], self.scale[axis]);
        let last = extent.saturating_sub(1);
        let at = |o: usize| match self.coordinates {
            Coordinates::HalfPixel => (o as f64 + 0.5) / scale - 0.5,
            Coordinates::PytorchHalfPixel if size > 1 => (o as f64 + 0.5) / scale - 0.5,
            Coordinates::AlignCorners if size > 1 => o as f64 * last as f64 / (size - 1) as f64,
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners => 0.0,
            Coordinates::Asymmetric => o as f64 / scale,
        };
        let place = |o: usize| {
            let p = at(o).clamp(0.0, last as f64);
            match self.mode {
                ResizeMode::Linear => {
                    let first = (p.floor() as usize).min(last);
                    Place { first, second: (first + 1).min(last), share: (p - p.floor()) as f32 }
                }
                ResizeMode::Nearest(nearest) => {
                    let p = at(o);
                    let rounded = match nearest {
                        Nearest::PreferFloor => (p - 0.5).ceil(),
                        Nearest::PreferCeil => (p + 0.5).floor(),
                        Nearest::Floor => p.floor(),
                        Nearest::Ceil => p.ceil(),
                    };
                    let only = rounded.clamp(0.0, last as f64) as usize;
                    Place { first: only, second: only, share: 0.0 }
                }
            }
        };
        (0..size).map(place).collect()
    }
}

impl Operator for Resize {
    fn kind(&self) -> &'static str {
        "resize"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        if self.size.contains(&0) || x.is_empty() {
            return Err(format!("a map of {}×{}", self.size[0], self.size[1]));
        }
        Ok(Shape::new(self.size[0], self.size[1], x.channels))
    }

    fn run(&self, inputs: Vec<Operand<'_>>, y: Shape) -> Option<Array3<f32>> {
        let x = inputs.first()?;
        let (height, width, n) = x.dim();
        if let Some(moves) = self.moves(&[Shape::new(height, width, n)]) {
            return moves.run(&[x]);
        }
        let x = x.as_slice()?;
        let (rows, columns) = (self.places(0, height), self.places(1, width));
        let mut out = Vec::with_capacity(y.len());
        for row in &rows {
            for column in &columns {
                let pixel = |i: usize, j: usize| x.get((i * width + j) * n..(i * width + j + 1) * n);
                let (a, b) = (pixel(row.first, column.first)?, pixel(row.first, column.second)?);
                let (c, d) = (pixel(row.second, column.first)?, pixel(row.second, column.second)?);
                for k in 0..n {
                    let t = a[k] + (b[k] - a[k]) * column.share;
                    let u = c[k] + (d[k] - c[k]) * column.share;
                    out.push(t + (u - t) * row.share);
                }
            }
        }
        Array3::from_shape_vec((y.height, y.width, n), out).ok()
    }

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let x = inputs.first()?;
        let (height, width, n) = x.dim();
        if let Some(moves) = self.moves(&[Shape::new(height, width, n)]) {
            return moves.backward(inputs, slope);
        }
        let mut result = Array3::zeros(x.raw_dim());
        let columns = self.places(1, width);
        for (row, slopes) in self.places(0, height).iter().zip(slope.outer_iter()) {
            for (column, slopes) in columns.iter().zip(slopes.outer_iter()) {
                for (y, down) in [(row.first, 1.0 - row.share), (row.second, row.share)] {
                    for (x, right) in [(column.first, 1.0 - column.share), (column.second, column.share)] {
                        result.slice_mut(s![y, x, ..]).scaled_add(down * right, &slopes);
                    }
                }
            }
        }
        Some(vec![result])
    }

    fn attributes(&self) -> String {
        let mode = match self.mode {
            ResizeMode::Linear => "linear",
            ResizeMode::Nearest(_) => "nearest",
        };
        let coordinates = match self.coordinates {
            Coordinates::HalfPixel => "half_pixel",
            Coordinates::PytorchHalfPixel => "pytorch_half_pixel",
            Coordinates::AlignCorners => "align_corners",
            Coordinates::Asymmetric => "asymmetric",
        };
        format!(" {mode} {coordinates}")
    }

    fn check(&self) -> Result<(), String> {
        match self.scale.iter().find(|&&s| !(s.is_finite() && s > 0.0)) {
            Some(scale) => Err(format!("a scale of {scale}")),
            None => Ok(()),
        }
    }

    /// The nearest, or a map of one pixel.
    fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        let x = *inputs.first()?;
        if self.mode == ResizeMode::Linear && x.pixels() != 1 {
            return None;
        }
        let along = |axis: usize, extent: usize| self.places(axis, extent).into_iter().map(|place| place.first);
        let part = MovePart::pixels(x, along(0, x.height), along(1, x.width));
        Some(Moves { output: self.shape(inputs).ok()?, parts: vec![part] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(resize: &Resize, x: &[f32]) -> Vec<f32> {
        let x = Array3::from_shape_vec((1, x.len(), 1), x.to_vec()).unwrap();
        let y = resize.shape(&[Shape::new(1, x.len(), 1)]).unwrap();
        resize.run(vec![Operand::Borrowed(&x)], y).unwrap().into_raw_vec_and_offset().0
    }

    #[test]
    fn coordinates_by_hand() {
        let to = |size, coordinates, mode| Resize::to_size(Shape::new(1, 2, 1), [1, size], coordinates, mode);
        let linear = ResizeMode::Linear;
        assert_eq!(run(&to(4, Coordinates::HalfPixel, linear), &[0.0, 4.0]), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(run(&to(5, Coordinates::AlignCorners, linear), &[0.0, 4.0]), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(run(&to(4, Coordinates::Asymmetric, linear), &[0.0, 4.0]), [0.0, 2.0, 4.0, 4.0]);
        assert_eq!(run(&to(1, Coordinates::PytorchHalfPixel, linear), &[3.0, 4.0]), [3.0]);
        assert_eq!(run(&to(1, Coordinates::HalfPixel, linear), &[3.0, 4.0]), [3.5]);
        let nearest = ResizeMode::Nearest(Nearest::Floor);
        assert_eq!(run(&to(4, Coordinates::Asymmetric, nearest), &[0.0, 4.0]), [0.0, 0.0, 4.0, 4.0]);
        let down = ResizeMode::Nearest(Nearest::PreferFloor);
        assert_eq!(run(&to(1, Coordinates::HalfPixel, down), &[3.0, 4.0]), [3.0]);
        let up = ResizeMode::Nearest(Nearest::PreferCeil);
        assert_eq!(run(&to(1, Coordinates::HalfPixel, up), &[3.0, 4.0]), [4.0]);
    }
}
