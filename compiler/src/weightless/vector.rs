//! Vectors in reals (eq. 33–36): between wide codes and f32, functions, lines, sums and products.

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, per_channel, steps, to_codes, zeros};
use crate::emit::float;
use crate::ops::Activation;
use crate::plan::constants::Constants;
use crate::qgraph::QTensor;
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::RealFunction;
use bakelite_runtime::{kernel, reference};

/// What wide codes stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequantize {
    scale: Vec<f32>,
    zero: Vec<f32>,
}

impl Dequantize {
    /// Of the codes of `x`.
    pub fn new(x: &QTensor) -> Plain<Self> {
        let codes = codes_of(x)?;
        Ok(Self { scale: steps(codes), zero: zeros(codes) })
    }

    fn layer(&self) -> kernel::Dequantize<'_> {
        kernel::Dequantize { scale: &self.scale, zero: &self.zero }
    }
}

impl Layer for Dequantize {
    fn name(&self) -> &'static str {
        "dequantize"
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::dequantize(&self.layer(), inputs.first()?.wide()?, output.real()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::dequantize(&self.layer(), inputs.first()?.wide()?, output.real()?);
        Some(true)
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![("scale", floats_text(pool, &self.scale)), ("zero", floats_text(pool, &self.zero))];
        Some(Text { kind: "Dequantize<'static>", fields })
    }

    fn arguments(&self, _: &str, layer: &str) -> String {
        format!("&{layer}, ")
    }
}

/// Wide codes of reals.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantize {
    multiplier: Vec<f32>,
    bias: Vec<f32>,
    top: u16,
}

impl Quantize {
    /// To the codes of `y` in 0…`top`.
    pub fn new(y: &QTensor, top: u16) -> Plain<Self> {
        let (multiplier, bias) = to_codes(codes_of(y)?);
        Ok(Self { multiplier, bias, top })
    }

    fn layer(&self) -> kernel::Quantize<'_> {
        kernel::Quantize { multiplier: &self.multiplier, bias: &self.bias, top: self.top }
    }
}

impl Layer for Quantize {
    fn name(&self) -> &'static str {
        "quantize"
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::quantize(&self.layer(), inputs.first()?.real()?, output.wide()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::quantize(&self.layer(), inputs.first()?.real()?, output.wide()?);
        Some(true)
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("multiplier", floats_text(pool, &self.multiplier)),
            ("bias", floats_text(pool, &self.bias)),
            ("top", self.top.to_string()),
        ];
        Some(Text { kind: "Quantize<'static>", fields })
    }

    fn arguments(&self, _: &str, layer: &str) -> String {
        format!("&{layer}, ")
    }
}

/// A function of every element.
#[derive(Clone, Debug, PartialEq)]
pub struct Function(RealFunction);

impl Function {
    /// In the operations of (eq. 35).
    pub fn new(function: Activation) -> Self {
        Self(match function {
            Activation::Clip { lo, hi } => RealFunction::Clip { lo, hi },
            Activation::HardSigmoid { alpha, beta } => RealFunction::HardSigmoid { alpha, beta },
            Activation::HardSwish => RealFunction::HardSwish { alpha: 1.0 / 6.0, beta: 0.5 },
            Activation::HardSwishLike { alpha, beta } => RealFunction::HardSwish { alpha, beta },
            Activation::Sigmoid => RealFunction::Sigmoid,
            Activation::Silu { beta } => RealFunction::Silu { beta },
            Activation::Tanh => RealFunction::Tanh,
            Activation::Leaky { slope } => RealFunction::Leaky { slope },
        })
    }
}

impl Layer for Function {
    fn name(&self) -> &'static str {
        "real_function"
    }

    fn describe(&self) -> String {
        "function of every element".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::real_function(self.0, inputs.first()?.real()?, output.real()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::real_function(self.0, inputs.first()?.real()?, output.real()?);
        Some(true)
    }

    fn text(&self, _: &mut Constants) -> Option<Text> {
        None
    }

    fn arguments(&self, _: &str, _: &str) -> String {
        let function = match self.0 {
            RealFunction::Clip { lo, hi } => format!("Clip {{ lo: {}, hi: {} }}", float(lo), float(hi)),
            RealFunction::HardSigmoid { alpha, beta } => {
                format!("HardSigmoid {{ alpha: {}, beta: {} }}", float(alpha), float(beta))
            }
            RealFunction::HardSwish { alpha, beta } => {
                format!("HardSwish {{ alpha: {}, beta: {} }}", float(alpha), float(beta))
            }
            RealFunction::Sigmoid => "Sigmoid".into(),
            RealFunction::Silu { beta } => format!("Silu {{ beta: {} }}", float(beta)),
            RealFunction::Tanh => "Tanh".into(),
            RealFunction::Leaky { slope } => format!("Leaky {{ slope: {} }}", float(slope)),
        };
        format!("kernel::RealFunction::{function}, ")
    }
}

/// A straight line per channel, with a bend at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    scale: Vec<f32>,
    below: Vec<f32>,
    shift: Vec<f32>,
}

impl Line {
    /// `x · (scale or, below zero, below) + shift`.
    pub fn new(scale: &[f32], below: &[f32], shift: &[f32]) -> Self {
        let padded = |values: &[f32]| per_channel(values.len(), |c| f64::from(values[c]));
        Self { scale: padded(scale), below: padded(below), shift: padded(shift) }
    }

    fn layer(&self) -> kernel::RealLine<'_> {
        kernel::RealLine { scale: &self.scale, below: &self.below, shift: &self.shift }
    }
}

impl Layer for Line {
    fn name(&self) -> &'static str {
        "real_line"
    }

    fn describe(&self) -> String {
        "line of every element".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::real_line(&self.layer(), inputs.first()?.real()?, output.real()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::real_line(&self.layer(), inputs.first()?.real()?, output.real()?);
        Some(true)
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("scale", floats_text(pool, &self.scale)),
            ("below", floats_text(pool, &self.below)),
            ("shift", floats_text(pool, &self.shift)),
        ];
        Some(Text { kind: "RealLine<'static>", fields })
    }

    fn arguments(&self, _: &str, layer: &str) -> String {
        format!("&{layer}, ")
    }
}

/// `x₁ + x₂`.
pub struct Sum;

impl Layer for Sum {
    fn name(&self) -> &'static str {
        "real_add"
    }

    fn describe(&self) -> String {
        "sum of vectors".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::real_add(inputs.first()?.real()?, inputs.get(1)?.real()?, output.real()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::real_add(inputs.first()?.real()?, inputs.get(1)?.real()?, output.real()?);
        Some(true)
    }

    fn text(&self, _: &mut Constants) -> Option<Text> {
        None
    }

    fn arguments(&self, _: &str, _: &str) -> String {
        String::new()
    }
}

/// `x₁ · x₂`.
pub struct Times;

impl Layer for Times {
    fn name(&self) -> &'static str {
        "real_multiply"
    }

    fn describe(&self) -> String {
        "product of vectors".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::real_multiply(inputs.first()?.real()?, inputs.get(1)?.real()?, output.real()?);
        Some(())
    }

    fn run(&self, _: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        kernel::real_multiply(inputs.first()?.real()?, inputs.get(1)?.real()?, output.real()?);
        Some(true)
    }

    fn text(&self, _: &mut Constants) -> Option<Text> {
        None
    }

    fn arguments(&self, _: &str, _: &str) -> String {
        String::new()
    }
}
