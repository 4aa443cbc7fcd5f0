//! Elementwise functions of one tensor.
//!
//! ## Formula
//!
//! `y[p,c] = f(x[p,c])`, `f` as each variant says. In f32, `f` is computed as written.

use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// Elementwise functions of one tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `min(max(x, lo), hi)`; ReLU is `lo = 0, hi = ∞`, ReLU6 is `lo = 0, hi = 6`.
    Clip {
        /// Lower bound, may be −∞.
        lo: f32,
        /// Upper bound, may be +∞.
        hi: f32,
    },
    /// `clamp(alpha·x + beta, 0, 1)`.
    HardSigmoid {
        /// Slope; 1/6 in MobileNetV3, 0.2 by ONNX's default.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `x · clamp(x/6 + 1/2, 0, 1)`.
    HardSwish,
    /// `x · clamp(alpha·x + beta, 0, 1)` with a slope that is not 1/6.
    HardSwishLike {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// `x · sigmoid(beta·x)`.
    Silu {
        /// Slope inside the sigmoid, usually 1.
        beta: f32,
    },
    /// `tanh(x)`.
    Tanh,
    /// `x` above zero, `slope·x` below.
    Leaky {
        /// Slope below zero.
        slope: f32,
    },
}

impl Activation {
    /// `max(x, 0)`.
    pub const RELU: Self = Activation::Clip { lo: 0.0, hi: f32::INFINITY };
    /// `min(max(x, 0), 6)`.
    pub const RELU6: Self = Activation::Clip { lo: 0.0, hi: 6.0 };

    /// The function.
    #[inline]
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Activation::Clip { lo, hi } => x.max(lo).min(hi),
            Activation::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Activation::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Activation::HardSwishLike { alpha, beta } => x * (alpha * x + beta).clamp(0.0, 1.0),
            Activation::Sigmoid => sigmoid(x),
            Activation::Silu { beta } => x * sigmoid(beta * x),
            Activation::Tanh => x.tanh(),
            Activation::Leaky { slope } => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
        }
    }

    /// Its derivative at `x`, as a difference: every function is smooth but at a few corners.
    pub fn slope(self, x: f32) -> f32 {
        let step = 1e-3 * x.abs().max(1.0);
        let (above, below) = (x + step, x - step);
        (self.apply(above) - self.apply(below)) / (above - below)
    }

    /// The function of every element; the choice of function is made once.
    pub fn apply_all(self, values: &mut [f32]) {
        match self {
            Activation::Clip { lo, hi } => values.iter_mut().for_each(|x| *x = x.max(lo).min(hi)),
            Activation::HardSwish => {
                values.iter_mut().for_each(|x| *x *= (*x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0));
            }
            Activation::HardSigmoid { .. }
            | Activation::HardSwishLike { .. }
            | Activation::Sigmoid
            | Activation::Silu { .. }
            | Activation::Tanh
            | Activation::Leaky { .. } => values.iter_mut().for_each(|x| *x = self.apply(*x)),
        }
    }

    /// Whether it is a true sigmoid or SiLU, which [`crate::passes`] replaces by its hard form unless told otherwise.
    pub fn is_soft(self) -> bool {
        match self {
            Activation::Sigmoid | Activation::Silu { .. } => true,
            Activation::Clip { .. }
            | Activation::HardSigmoid { .. }
            | Activation::HardSwish
            | Activation::HardSwishLike { .. }
            | Activation::Tanh
            | Activation::Leaky { .. } => false,
        }
    }

    /// Whether it is computed from codes of its argument (a table), and not from an accumulator.
    pub fn is_tabled(self) -> bool {
        match self {
            Activation::Sigmoid | Activation::Silu { .. } | Activation::Tanh | Activation::Leaky { .. } => true,
            // Only with this value at zero is it hard-swish with another slope.
            Activation::HardSwishLike { beta, .. } => (beta - 0.5).abs() >= 1e-6,
            Activation::Clip { .. } | Activation::HardSigmoid { .. } | Activation::HardSwish => false,
        }
    }

    /// Beyond which arguments it stands still, up to half a step of 1/255 of its values.
    pub fn live(self) -> (f32, f32) {
        match self {
            Activation::Clip { lo, hi } => (lo, hi),
            Activation::HardSigmoid { alpha, beta } if alpha > 0.0 => (-beta / alpha, (1.0 - beta) / alpha),
            // ln(2·255), where the sigmoid is half a step from its end; tanh(x) = 2·sigmoid(2x) − 1.
            Activation::Sigmoid => (-6.235, 6.235),
            Activation::Tanh => (-3.118, 3.118),
            Activation::HardSigmoid { .. }
            | Activation::HardSwish
            | Activation::HardSwishLike { .. }
            | Activation::Silu { .. }
            | Activation::Leaky { .. } => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether its constants are numbers (bounds may be infinite) and in order.
    pub fn is_sound(self) -> bool {
        match self {
            Activation::Clip { lo, hi } => lo <= hi,
            Activation::HardSigmoid { alpha, beta } | Activation::HardSwishLike { alpha, beta } => {
                alpha.is_finite() && beta.is_finite()
            }
            Activation::HardSwish | Activation::Sigmoid | Activation::Tanh => true,
            Activation::Silu { beta } => beta.is_finite(),
            Activation::Leaky { slope } => slope.is_finite(),
        }
    }
}

impl Operator for Activation {
    fn kind(&self) -> &'static str {
        "activation"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        inputs.first().copied().ok_or("no input".into())
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let mut x = inputs.into_iter().next()?.into_owned();
        self.apply_all(x.as_slice_mut()?);
        Some(x)
    }

    fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let mut result = slope.clone();
        let x = inputs.first()?.as_slice()?;
        result.as_slice_mut()?.iter_mut().zip(x).for_each(|(g, &x)| *g *= self.slope(x));
        Some(vec![result])
    }

    fn check(&self) -> Result<(), String> {
        if self.is_sound() { Ok(()) } else { Err(format!("the constants of {self} make no sense")) }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl std::fmt::Display for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Activation::Clip { lo: 0.0, hi: f32::INFINITY } => f.write_str("relu"),
            Activation::Clip { lo, hi } => write!(f, "clip({lo}, {hi})"),
            Activation::HardSigmoid { alpha, beta } => {
                write!(f, "hard_sigmoid({alpha:.4}, {beta:.4})")
            }
            Activation::HardSwish => f.write_str("hard_swish"),
            Activation::HardSwishLike { alpha, beta } => {
                write!(f, "hard_swish_like({alpha:.4}, {beta:.4})")
            }
            Activation::Sigmoid => f.write_str("sigmoid"),
            Activation::Silu { beta: 1.0 } => f.write_str("silu"),
            Activation::Silu { beta } => write!(f, "silu({beta})"),
            Activation::Tanh => f.write_str("tanh"),
            Activation::Leaky { slope } => write!(f, "leaky({slope:.4})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(Activation::HardSwish.apply(-3.0), 0.0);
        assert_eq!(Activation::HardSwish.apply(3.0), 3.0);
        assert_eq!(Activation::HardSwish.apply(0.0), 0.0);
        assert_eq!(Activation::RELU6.apply(7.0), 6.0);
        assert_eq!(Activation::HardSigmoid { alpha: 0.2, beta: 0.5 }.apply(1.0), 0.7);
        assert_eq!(Activation::Sigmoid.apply(0.0), 0.5);
        assert_eq!(Activation::Silu { beta: 1.0 }.apply(0.0), 0.0);
    }

    #[test]
    fn all_at_once_is_each_by_itself() {
        let all = [
            Activation::RELU,
            Activation::HardSwish,
            Activation::Sigmoid,
            Activation::Silu { beta: 1.7 },
            Activation::HardSwishLike { alpha: 0.2, beta: 0.5 },
        ];
        for f in all {
            let mut values: Vec<f32> = (-50..50).map(|i| i as f32 / 7.0).collect();
            let expected: Vec<f32> = values.iter().map(|&x| f.apply(x)).collect();
            f.apply_all(&mut values);
            for (a, b) in values.iter().zip(expected) {
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{f}: {a} {b}");
            }
        }
    }
}
