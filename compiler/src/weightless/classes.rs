//! What every pixel is: its best class (eq. 31), or the probability of each (eq. 32).

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, shape_text, steps, zeros};
use crate::plan::constants::Constants;
use crate::qgraph::{Codes, QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// The best channel of every pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgMax {
    input: Shape,
    scale: Vec<f32>,
    zero: Vec<f32>,
}

impl ArgMax {
    /// Of the reals that the codes of `x` stand for.
    pub fn new(x: &QTensor) -> Plain<Self> {
        let codes = codes_of(x)?;
        Ok(Self { input: x.shape, scale: steps(codes), zero: zeros(codes) })
    }

    fn layer(&self) -> kernel::ArgMax<'_> {
        kernel::ArgMax { input: self.input, scale: &self.scale, zero: &self.zero }
    }
}

impl Layer for ArgMax {
    fn name(&self) -> &'static str {
        "arg_max"
    }

    fn describe(&self) -> String {
        format!("best of {} channels", self.input.channels)
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::arg_max(&self.layer(), inputs.first()?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::arg_max(level, &self.layer(), inputs.first()?.map()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("input", shape_text(self.input)),
            ("scale", floats_text(pool, &self.scale)),
            ("zero", floats_text(pool, &self.zero)),
        ];
        Some(Text { kind: "ArgMax<'static>", fields })
    }
}

/// Probabilities of every pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxMap {
    shape: Shape,
    scale: Vec<f32>,
    zero: Vec<f32>,
}

impl SoftmaxMap {
    /// The codes of probabilities: steps of 1/255 from zero on.
    pub fn codes(channels: usize) -> Codes {
        Codes { scale: vec![1.0 / 255.0; channels], zero: vec![0; channels] }
    }

    /// Of the reals that the codes of `x` stand for.
    pub fn new(x: &QTensor, y: &QTensor) -> Plain<Self> {
        let codes = codes_of(x)?;
        if *codes_of(y)? != Self::codes(y.shape.channels) {
            return Err("probabilities in other steps than 1/255".into());
        }
        Ok(Self { shape: x.shape, scale: steps(codes), zero: zeros(codes) })
    }

    fn layer(&self) -> kernel::SoftmaxMap<'_> {
        kernel::SoftmaxMap { shape: self.shape, scale: &self.scale, zero: &self.zero }
    }
}

impl Layer for SoftmaxMap {
    fn name(&self) -> &'static str {
        "softmax_map"
    }

    fn describe(&self) -> String {
        "softmax of every pixel".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::softmax_map(&self.layer(), inputs.first()?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::softmax_map(level, &self.layer(), inputs.first()?.map()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("shape", shape_text(self.shape)),
            ("scale", floats_text(pool, &self.scale)),
            ("zero", floats_text(pool, &self.zero)),
        ];
        Some(Text { kind: "SoftmaxMap<'static>", fields })
    }
}
