//! A vector of reals over all pixels of a map (eq. 30).

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, shape_text, to_codes};
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// The map, and how its codes are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    output: Shape,
    multiplier: Vec<f32>,
    bias: Vec<f32>,
}

impl Spread {
    /// To the codes of `y`.
    pub fn new(y: &QTensor) -> Plain<Self> {
        let (multiplier, bias) = to_codes(codes_of(y)?);
        Ok(Self { output: y.shape, multiplier, bias })
    }

    fn layer(&self) -> kernel::Spread<'_> {
        kernel::Spread { output: self.output, multiplier: &self.multiplier, bias: &self.bias }
    }
}

impl Layer for Spread {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn describe(&self) -> String {
        "a vector over all pixels".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::spread(&self.layer(), inputs.first()?.real()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::spread(level, &self.layer(), inputs.first()?.real()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("output", shape_text(self.output)),
            ("multiplier", floats_text(pool, &self.multiplier)),
            ("bias", floats_text(pool, &self.bias)),
        ];
        Some(Text { kind: "Spread<'static>", fields })
    }
}
