//! Product of two maps (eq. 29). `q_y = (q₁ − z₁)(q₂ − z₂) · s₁·s₂/s_y + z_y`; a second map of one channel belongs to all.

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, per_channel, shape_text, zeros};
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// Constants of the product.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    shape: Shape,
    second_channels: usize,
    first_zero: Vec<f32>,
    second_zero: Vec<f32>,
    multiplier: Vec<f32>,
    bias: Vec<f32>,
}

impl Product {
    /// From the codes of both to those of `y`.
    pub fn new(first: &QTensor, second: &QTensor, y: &QTensor) -> Plain<Self> {
        let (a, b, to) = (codes_of(first)?, codes_of(second)?, codes_of(y)?);
        let channels = y.shape.channels;
        let own = |c: usize| if b.scale.len() == 1 { 0 } else { c };
        if first.shape != y.shape || (b.scale.len() != 1 && b.scale.len() != channels) {
            return Err(format!("factors of {:?} and {:?}", first.shape, second.shape));
        }
        let step = |c: usize| f64::from(a.scale[c]) * f64::from(b.scale[own(c)]);
        Ok(Self {
            shape: y.shape,
            second_channels: b.scale.len(),
            first_zero: zeros(a),
            second_zero: per_channel(channels, |c| f64::from(b.zero[own(c)])),
            multiplier: per_channel(channels, |c| step(c) / f64::from(to.scale[c])),
            bias: zeros(to),
        })
    }

    fn layer(&self) -> kernel::Product<'_> {
        kernel::Product {
            shape: self.shape,
            second_channels: self.second_channels,
            first_zero: &self.first_zero,
            second_zero: &self.second_zero,
            multiplier: &self.multiplier,
            bias: &self.bias,
        }
    }
}

impl Layer for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::product(&self.layer(), inputs.first()?.map()?, inputs.get(1)?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        let (first, second) = (inputs.first()?.map()?, inputs.get(1)?.map()?);
        Some(dispatch::product(level, &self.layer(), first, second, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("shape", shape_text(self.shape)),
            ("second_channels", self.second_channels.to_string()),
            ("first_zero", floats_text(pool, &self.first_zero)),
            ("second_zero", floats_text(pool, &self.second_zero)),
            ("multiplier", floats_text(pool, &self.multiplier)),
            ("bias", floats_text(pool, &self.bias)),
        ];
        Some(Text { kind: "Product<'static>", fields })
    }
}
