//! The integer graph, run node by node with `runtime::reference`: slow, and what every plan must equal.

use super::{DenseOutput, Kind, QActivation, QEpilogue, QGraph, QNode, QOp, Shape, TensorId};
use crate::error::{Error, Result, Stage};
use crate::weightless::{Input, Output};
use bakelite_runtime::kernel::{Add, Gate, MaxPool, Mean};
use bakelite_runtime::layer::{Activation, Epilogue};
use bakelite_runtime::reference;

/// A tensor's content.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// u8 codes.
    Map(Vec<u8>),
    /// u16 codes.
    Wide(Vec<u16>),
    /// Reals.
    Real(Vec<f32>),
}

impl Value {
    /// As an operation without weights reads it.
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Value::Map(codes) => Input::Map(codes),
            Value::Wide(codes) => Input::Wide(codes),
            Value::Real(reals) => Input::Real(reals),
        }
    }

    /// As an operation without weights writes it.
    fn as_output(&mut self) -> Output<'_> {
        match self {
            Value::Map(codes) => Output::Map(codes),
            Value::Wide(codes) => Output::Wide(codes),
            Value::Real(reals) => Output::Real(reals),
        }
    }
}

/// What the network answers for an image of raw bytes: the reals of all outputs, one after the other.
pub fn run(q: &QGraph, image: &[u8]) -> Result<Vec<f32>> {
    let mut answers: Vec<Option<Vec<f32>>> = vec![None; q.outputs.len()];
    observe(q, image, |id, value| {
        for (answer, _) in answers.iter_mut().zip(&q.outputs).filter(|(_, output)| output.tensor == id) {
            *answer = Some(q.tensor(id).reals(value));
        }
    })?;
    let all: Option<Vec<Vec<f32>>> = answers.into_iter().collect();
    all.map(|all| all.concat()).ok_or_else(|| Error::new(Stage::Verify, "an output is never written"))
}

/// Runs the network and shows every tensor as it is made.
pub fn observe(q: &QGraph, image: &[u8], mut see: impl FnMut(TensorId, &Value)) -> Result<()> {
    let input = q.tensor(q.input).shape;
    if image.len() != input.len() {
        return Err(Error::new(Stage::Verify, format!("an image has {} bytes, not {}", image.len(), input.len())));
    }
    let mut last_use = vec![0; q.tensors.len()];
    for (step, node) in q.nodes.iter().enumerate() {
        for id in &node.inputs {
            last_use[id.index()] = step;
        }
    }
    let mut values: Vec<Option<Value>> = vec![None; q.tensors.len()];
    values[q.input.index()] = Some(Value::Map(image.to_vec()));
    for (step, node) in q.nodes.iter().enumerate() {
        let value = step_value(q, node, &values).map_err(|cause| Error::new(Stage::Verify, cause).at(&node.name))?;
        see(node.output, &value);
        values[node.output.index()] = Some(value);
        for id in &node.inputs {
            if last_use[id.index()] == step {
                values[id.index()] = None;
            }
        }
    }
    Ok(())
}

fn map(value: Option<&Value>) -> std::result::Result<&[u8], String> {
    match value {
        Some(Value::Map(codes)) => Ok(codes),
        _ => Err("its input is not a map".into()),
    }
}

fn wide(value: Option<&Value>) -> std::result::Result<&[u16], String> {
    match value {
        Some(Value::Wide(codes)) => Ok(codes),
        _ => Err("its input is not a vector of codes".into()),
    }
}

fn reals(value: Option<&Value>) -> std::result::Result<&[f32], String> {
    match value {
        Some(Value::Real(reals)) => Ok(reals),
        _ => Err("its input is not a vector of reals".into()),
    }
}

fn step_value(q: &QGraph, node: &QNode, values: &[Option<Value>]) -> std::result::Result<Value, String> {
    let value = |i: usize| node.inputs.get(i).and_then(|id| values[id.index()].as_ref());
    let input = q.tensor(node.inputs[0]).shape;
    let output = q.tensor(node.output).shape;
    let mut codes = vec![0_u8; output.len()];
    Ok(match &node.op {
        QOp::Conv(conv) => {
            let residual = if node.inputs.len() > 1 { map(value(1))? } else { &[] };
            let layer = reference::Convolution {
                input,
                output,
                window: conv.window,
                groups: conv.groups,
                fine_input: conv.fine_input,
                weights: &conv.weights,
                pad_code: &conv.pad_code,
                epilogue: epilogue(&conv.epilogue),
            };
            reference::convolution(&layer, map(value(0))?, residual, &mut codes);
            Value::Map(codes)
        }
        QOp::Dense(dense) => {
            let top = match q.tensor(node.output).kind {
                Kind::Wide { top, .. } => top,
                Kind::Map(_) | Kind::Real => 0,
            };
            let layer = reference::Dense {
                in_channels: input.len(),
                out_channels: output.len(),
                weights: &dense.weights,
                epilogue: epilogue(&dense.epilogue),
                top,
            };
            match dense.output {
                DenseOutput::Codes => {
                    let mut out = vec![0; output.len()];
                    reference::dense_codes(&layer, wide(value(0))?, &mut out);
                    Value::Wide(out)
                }
                DenseOutput::Reals(activation) => {
                    let mut out = vec![0.0; output.len()];
                    reference::dense_reals(&layer, activation, wide(value(0))?, &mut out);
                    Value::Real(out)
                }
            }
        }
        QOp::Mean(mean) => {
            let fine = q.tensor(node.inputs[0]).fine;
            let layer = |top| Mean { shape: input, fine, multiplier: &mean.multiplier, bias: &mean.bias, top };
            match q.tensor(node.output).kind {
                Kind::Wide { top, .. } => {
                    let mut out = vec![0; output.len()];
                    reference::mean(&layer(top), map(value(0))?, &mut out);
                    Value::Wide(out)
                }
                Kind::Real => {
                    let mut out = vec![0.0; output.len()];
                    reference::mean_reals(&layer(0), map(value(0))?, &mut out);
                    Value::Real(out)
                }
                Kind::Map(_) => return Err("a mean that is a map".into()),
            }
        }
        QOp::Gate(gate) => {
            let fine = [node.inputs[0], node.output].map(|id| q.tensor(id).fine);
            let layer = Gate {
                shape: Shape { channels: gate.bias.len(), ..output },
                fine,
                multiplier: &gate.multiplier,
                zero: &gate.zero,
                bias: &gate.bias,
                activation: activation(&gate.activation),
            };
            reference::gate(&layer, map(value(0))?, reals(value(1))?, &mut codes);
            Value::Map(codes)
        }
        QOp::Gated(gated) => {
            let residual = if node.inputs.len() > 2 { map(value(2))? } else { &[] };
            let layer = reference::Gated {
                pixels: output.pixels(),
                fine_input: q.tensor(node.inputs[0]).fine,
                weights: &gated.weights,
                factor: &gated.factor,
                zero: &gated.zero,
                out_channels: output.channels / epilogue(&gated.epilogue).planes(),
                epilogue: epilogue(&gated.epilogue),
            };
            reference::gated(&layer, map(value(0))?, reals(value(1))?, residual, &mut codes);
            Value::Map(codes)
        }
        QOp::Add(add) => {
            let fine = [node.inputs[0], node.inputs[1], node.output].map(|id| q.tensor(id).fine);
            let layer = Add {
                shape: Shape { channels: add.bias.len(), ..output },
                fine,
                first: &add.first,
                second: &add.second,
                bias: &add.bias,
                activation: activation(&add.activation),
            };
            reference::add(&layer, map(value(0))?, map(value(1))?, &mut codes);
            Value::Map(codes)
        }
        QOp::Weightless(op) => {
            let inputs: Option<Vec<Input<'_>>> =
                (0..node.inputs.len()).map(|i| value(i).map(Value::as_input)).collect();
            let mut result = match q.tensor(node.output).kind {
                Kind::Map(_) => Value::Map(codes),
                Kind::Wide { .. } => Value::Wide(vec![0; output.len()]),
                Kind::Real => Value::Real(vec![0.0; output.len()]),
            };
            let inputs = inputs.ok_or("its input is not there")?;
            op.layer().reference(&inputs, result.as_output()).ok_or("its input has another form")?;
            result
        }
        QOp::Table(table) => {
            reference::table(table, map(value(0))?, &mut codes);
            Value::Map(codes)
        }
        QOp::MaxPool(window) => {
            reference::max_pool(&MaxPool { input, output, window: *window }, map(value(0))?, &mut codes);
            Value::Map(codes)
        }
        QOp::Softmax => {
            let mut out = vec![0.0; output.len()];
            reference::softmax(reals(value(0))?, &mut out);
            Value::Real(out)
        }
    })
}

fn activation(activation: &QActivation) -> Activation<'_> {
    match activation {
        QActivation::Linear => Activation::Linear,
        QActivation::HardSwish { half, zero } => Activation::HardSwish { half, zero },
    }
}

fn epilogue(e: &QEpilogue) -> Epilogue<'_> {
    Epilogue {
        offset: &e.offset,
        multiplier: &e.multiplier,
        bias: e.bias.as_deref(),
        residual: e.residual.as_deref(),
        activation: activation(&e.activation),
        fine: e.fine,
        fine_residual: e.fine_residual,
        shift: e.shift.as_deref(),
    }
}
