//! A linear map of every channel by itself.
//!
//! ## Formula
//!
//! `y[p,c] = scale[c]·x[p,c] + shift[c]`

use super::{Operand, Operator, finite, list, short};
use crate::graph::Shape;
use ndarray::Array3;

/// `y = scale[c]·x + shift[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// One per channel.
    pub scale: Vec<f32>,
    /// One per channel.
    pub shift: Vec<f32>,
}

impl Affine {
    /// The same map for every one of `channels`.
    pub fn uniform(scale: f32, shift: f32, channels: usize) -> Self {
        Self { scale: vec![scale; channels], shift: vec![shift; channels] }
    }

    /// `(scale, shift)` where they are the same for all channels.
    pub fn as_uniform(&self) -> Option<(f32, f32)> {
        let (&scale, &shift) = (self.scale.first()?, self.shift.first()?);
        let same = self.scale.iter().all(|&s| s == scale) && self.shift.iter().all(|&s| s == shift);
        same.then_some((scale, shift))
    }

    /// `self ∘ first`: `s₂·(s₁·x + t₁) + t₂ == (s₂·s₁)·x + (s₂·t₁ + t₂)`.
    pub fn after(&self, first: &Affine) -> Affine {
        Affine {
            scale: self.scale.iter().zip(&first.scale).map(|(s2, s1)| s2 * s1).collect(),
            shift: self.scale.iter().zip(&self.shift).zip(&first.shift).map(|((s2, t2), t1)| s2 * t1 + t2).collect(),
        }
    }
}

impl Operator for Affine {
    fn kind(&self) -> &'static str {
        "affine"
    }

    /// The input's own shape.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = *inputs.first().ok_or("no input")?;
        if self.scale.len() != x.channels || self.shift.len() != x.channels {
            return Err(format!(
                "{} scales and {} shifts for {} channels",
                self.scale.len(),
                self.shift.len(),
                x.channels
            ));
        }
        Ok(x)
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let mut x = inputs.into_iter().next()?.into_owned();
        self.apply(&mut x);
        Some(x)
    }

    fn backward(&self, _: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let mut result = slope.clone();
        result.as_slice_mut()?.iter_mut().zip(self.scale.iter().cycle()).for_each(|(g, scale)| *g *= scale);
        Some(vec![result])
    }

    fn attributes(&self) -> String {
        match self.as_uniform() {
            Some((scale, shift)) => format!(" *{} +{}", short(scale), short(shift)),
            None => format!(" *{} +{}", list(&self.scale), list(&self.shift)),
        }
    }

    fn check(&self) -> Result<(), String> {
        finite("scale", &self.scale)?;
        finite("shift", &self.shift)
    }

    fn parameters(&self) -> u64 {
        (self.scale.len() + self.shift.len()) as u64
    }
}

impl Affine {
    /// The formula, in place.
    pub fn apply(&self, x: &mut Array3<f32>) {
        let Some(values) = x.as_slice_mut() else {
            return;
        };
        for pixel in values.chunks_exact_mut(self.scale.len().max(1)) {
            for ((v, scale), shift) in pixel.iter_mut().zip(&self.scale).zip(&self.shift) {
                *v = scale * *v + shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_is_application_twice() {
        let first = Affine { scale: vec![2.0, -1.0], shift: vec![1.0, 0.5] };
        let second = Affine { scale: vec![0.5, 4.0], shift: vec![-3.0, 0.0] };
        let x = Array3::from_shape_vec((1, 2, 2), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let (mut twice, mut once) = (x.clone(), x);
        first.apply(&mut twice);
        second.apply(&mut twice);
        second.after(&first).apply(&mut once);
        assert_eq!(twice, once);
    }
}
