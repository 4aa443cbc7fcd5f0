//! Node by node: constants are computed, maps become nodes of ours or other views.

use super::constant::{self, Constant, Inputs};
use super::dims::Plain;
use super::view::View;
use super::{ImportOptions, Imported, input, join, table};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Shape, TensorId};
use crate::onnx::{Model, Node};
use crate::ops::Op;
use std::collections::HashMap;
use std::rc::Rc;

/// All computed constants together hold at most so many elements.
const CONSTANT_BUDGET: usize = 1 << 26;

/// What a name of the file stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known at compile time.
    Constant(Constant),
    /// Depends on the image.
    Map(View),
    /// What an `ArgMax` or `TopK` answers, or the scores that are left of it.
    Answer(View),
    /// Maps behind each other, along something else than channels: what a detector answers from several sizes.
    Parts(Vec<View>),
    /// Its node was refused.
    Refused,
}

/// One node on its way.
pub(super) struct Call<'a> {
    pub graph: &'a mut Graph,
    pub notes: &'a mut Vec<String>,
    pub node: &'a Node,
    pub opset: i64,
    /// `None` where an optional input is absent.
    pub inputs: Vec<Option<Value>>,
}

impl Call<'_> {
    /// An input that depends on the image.
    pub fn map(&self, index: usize) -> Plain<View> {
        match self.inputs.get(index) {
            Some(Some(Value::Map(view))) => Ok(view.clone()),
            Some(Some(Value::Constant(_))) => Err(format!("input {index} is constant")),
            _ => Err(format!("input {index} is missing")),
        }
    }

    /// A constant input, `None` where it is absent; `what` is for the message.
    pub fn constant(&self, index: usize, what: &str) -> Plain<Option<Constant>> {
        match self.inputs.get(index) {
            Some(Some(Value::Constant(tensor))) => Ok(Some(tensor.clone())),
            Some(Some(_)) => Err(format!("{what} is not constant")),
            Some(None) | None => Ok(None),
        }
    }

    /// Integers that are a constant input since some opset and an attribute before.
    pub fn ints(&self, index: usize, attribute: &str) -> Plain<Option<Vec<i64>>> {
        match self.constant(index, attribute)? {
            Some(t) => t.as_ints().map(|v| Some(v.to_vec())).ok_or_else(|| format!("{attribute} are no integers")),
            None => Ok(self.node.ints(attribute).map(<[i64]>::to_vec)),
        }
    }

    /// Constant floats of an expected number.
    pub fn floats(&self, index: usize, what: &str, count: usize) -> Plain<Vec<f32>> {
        let tensor = self.constant(index, what)?.ok_or_else(|| format!("{what} is missing"))?;
        let values = tensor.as_floats().ok_or_else(|| format!("{what} holds no floats"))?;
        if values.len() != count {
            return Err(format!("{what} has {} elements where {count} are needed", values.len()));
        }
        Ok(values.to_vec())
    }

    /// Adds a node that writes this node's output.
    pub fn emit(&mut self, op: Op, inputs: &[TensorId]) -> Plain<(TensorId, Shape)> {
        let output = self.node.outputs.first().cloned().unwrap_or_else(|| self.node.name.clone());
        self.emit_as(op, inputs, output)
    }

    /// Adds a node for a step on the way to this node's output.
    pub fn emit_step(&mut self, op: Op, inputs: &[TensorId], step: &str) -> Plain<(TensorId, Shape)> {
        let output = format!("{}/{step}", self.node.name);
        self.emit_as(op, inputs, output)
    }

    /// Adds a node that writes one of this node's outputs.
    pub fn emit_part(&mut self, op: Op, inputs: &[TensorId], output: usize) -> Plain<(TensorId, Shape)> {
        let name = self.node.outputs.get(output).cloned();
        self.emit_as(op, inputs, name.unwrap_or_else(|| format!("{}/{output}", self.node.name)))
    }

    fn emit_as(&mut self, op: Op, inputs: &[TensorId], output: String) -> Plain<(TensorId, Shape)> {
        let id = self.graph.push(&self.node.name, op, inputs.to_vec(), output).map_err(|e| e.cause)?;
        Ok((id, self.graph.shape(id)))
    }
}

/// Walks over all nodes; every refusal is collected before it stops.
pub(super) fn walk(model: &Model, nodes: &[Node], options: &ImportOptions) -> Result<Imported> {
    let mut notes = Vec::new();
    let (mut graph, view, input_name) = input::input(model, nodes, options, &mut notes)?;
    let mut values: HashMap<&str, Value> =
        model.initializers.iter().map(|(n, t)| (n.as_str(), Value::Constant(Rc::new(t.clone())))).collect();
    values.insert(&input_name, Value::Map(view));
    let opset = model.opset();
    let (mut refused, mut computed): (Vec<(String, String)>, usize) = (Vec::new(), 0);
    for node in nodes {
        let inputs: Vec<Option<Value>> = (0..node.inputs.len())
            .map(|i| node.input(i).map(|name| values.get(name).cloned().unwrap_or(Value::Refused)))
            .collect();
        if inputs.iter().any(|v| matches!(v, Some(Value::Refused))) {
            continue;
        }
        let mut call = Call { graph: &mut graph, notes: &mut notes, node, opset, inputs };
        match import_node(&mut call) {
            Ok(results) => {
                if let Some(Value::Constant(tensor)) = results.first() {
                    computed = computed.saturating_add(tensor.len());
                }
                if computed > CONSTANT_BUDGET {
                    return Err(Error::new(
                        Stage::Import,
                        "the constants that the graph computes need too much memory",
                    )
                    .at(&node.name)
                    .remedy("simplify the model (onnxsim), so that its weights are stored"));
                }
                for (output, value) in node.outputs.iter().zip(&results) {
                    values.insert(output, value.clone());
                }
                // What is left of a choice stands for all that it answers.
                if let [value @ Value::Answer(_)] = results.as_slice() {
                    for output in &node.outputs {
                        values.insert(output, value.clone());
                    }
                }
            }
            Err(cause) => refused.push((node.name.clone(), format!("{}: {cause}", node.op))),
        }
    }
    if let Some((first, cause)) = refused.first() {
        let rest: Vec<String> = refused.iter().skip(1).map(|(name, cause)| format!("{name}: {cause}")).collect();
        let cause = if rest.is_empty() { cause.clone() } else { format!("{cause}; also {}", rest.join("; ")) };
        return Err(Error::new(Stage::Import, cause)
            .at(first)
            .remedy("export the model with a supported spelling, or cut the graph before this node"));
    }
    for output in &model.outputs {
        let fail = |cause: &str| {
            Err(Error::new(Stage::Import, cause).at(&output.name).remedy("export the model with its scores as output"))
        };
        match values.get(output.name.as_str()) {
            Some(Value::Map(view) | Value::Answer(view)) => answer(&mut graph, view, output.name.clone()),
            Some(Value::Parts(parts)) => {
                let maps: Vec<String> = parts
                    .iter()
                    .map(|View { shape, .. }| format!("{}×{}×{}", shape.height, shape.width, shape.channels))
                    .collect();
                notes.push(format!(
                    "“{}” is answered as {} maps (height × width × channels: {}); their values, one map after the other, are those of the file",
                    output.name,
                    parts.len(),
                    maps.join(", ")
                ));
                for (index, part) in parts.iter().enumerate() {
                    answer(&mut graph, part, format!("{}.{index}", output.name));
                }
            }
            Some(Value::Constant(_)) => return fail("this output does not depend on the image"),
            Some(Value::Refused) | None => {
                return fail("only the first output of its node is supported");
            }
        }
    }
    Ok(Imported { graph, notes })
}

/// One answer of the network; a tensor is answered once.
fn answer(graph: &mut Graph, view: &View, name: String) {
    if !graph.outputs.contains(&view.tensor) {
        graph.outputs.push(view.tensor);
        graph.output_names.push(name);
    }
}

/// The values of the node's outputs, in order.
fn import_node(call: &mut Call<'_>) -> Plain<Vec<Value>> {
    let node = call.node;
    // What does not depend on the image is computed.
    let constants: Option<Vec<Option<Constant>>> = call
        .inputs
        .iter()
        .map(|value| match value {
            None => Some(None),
            Some(Value::Constant(tensor)) => Some(Some(tensor.clone())),
            Some(_) => None,
        })
        .collect();
    if let Some(values) = constants {
        return match constant::evaluate(&Inputs { values, node })? {
            Some(tensor) => Ok(vec![Value::Constant(tensor)]),
            None => Err("not supported on constants".into()),
        };
    }
    if let Some(Value::Answer(view)) = call.inputs.iter().flatten().find(|v| matches!(v, Value::Answer(_))) {
        return match node.op.as_str() {
            "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" | "Transpose" => {
                Ok(vec![Value::Answer(view.clone())])
            }
            _ => Err("computing behind ArgMax or TopK is not supported".into()),
        };
    }
    if call.inputs.iter().flatten().any(|value| matches!(value, Value::Parts(_))) {
        return join::of_parts(call);
    }
    match table::on_maps(&node.op) {
        Some(import) => import(call),
        None => {
            let hint = super::refuse::suggestion(&node.op);
            Err(format!("supported on constants only, but it depends on the image here ({hint})"))
        }
    }
}
