//! Model-local functions, put where they are called.
//!
//! `f(a, b)` becomes the body of `f` with its inputs and outputs renamed to the call's, every other name made unique,
//! and attribute references replaced by the call's attributes or the function's defaults.

use crate::error::{Error, Result, Stage};
use crate::onnx::{Attribute, Function, Model, Node};
use std::collections::HashMap;

/// More nodes than this in the end, or deeper calls, are no network but an attack or a mistake.
const MOST_NODES: usize = 50_000;
const DEEPEST_CALL: usize = 16;

/// By domain, name and overload.
type Functions<'a> = HashMap<[&'a str; 3], &'a Function>;

/// The nodes of a model without calls.
pub(super) fn inline(model: &Model) -> Result<Vec<Node>> {
    let functions: Functions<'_> =
        model.functions.iter().map(|f| ([f.domain.as_str(), f.name.as_str(), f.overload.as_str()], f)).collect();
    let mut nodes = Vec::with_capacity(model.nodes.len());
    for node in &model.nodes {
        expand(node.clone(), &functions, 0, &mut nodes)?;
    }
    Ok(nodes)
}

fn expand(node: Node, functions: &Functions<'_>, depth: usize, nodes: &mut Vec<Node>) -> Result<()> {
    let refuse = |cause: String| {
        Err(Error::new(Stage::Import, cause).at(&node.name).remedy("export the model with its functions inlined"))
    };
    if nodes.len() >= MOST_NODES {
        return refuse(format!("the model has more than {MOST_NODES} nodes once its functions are inlined"));
    }
    let Some(function) = functions.get(&[node.domain.as_str(), node.op.as_str(), node.overload.as_str()]) else {
        nodes.push(node);
        return Ok(());
    };
    if depth >= DEEPEST_CALL {
        return refuse(format!("the function {} calls itself, or functions are nested too deeply", function.name));
    }
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (index, formal) in function.inputs.iter().enumerate() {
        names.insert(formal, node.inputs.get(index).map_or("", String::as_str));
    }
    for (formal, actual) in function.outputs.iter().zip(&node.outputs) {
        if !actual.is_empty() {
            names.insert(formal, actual);
        }
    }
    let rename = |name: &String| match names.get(name.as_str()) {
        Some(actual) => (*actual).to_string(),
        None if name.is_empty() => String::new(),
        None => format!("{}/{name}", node.name),
    };
    for inner in &function.nodes {
        let resolve = |(name, value): &(String, Attribute)| -> Option<(String, Attribute)> {
            let value = match value {
                Attribute::Reference(formal) => node
                    .attribute(formal)
                    .or_else(|| function.defaults.iter().find(|(n, _)| n == formal).map(|(_, v)| v))?
                    .clone(),
                value => value.clone(),
            };
            Some((name.clone(), value))
        };
        let body = Node {
            name: format!("{}/{}", node.name, inner.name),
            op: inner.op.clone(),
            domain: inner.domain.clone(),
            overload: inner.overload.clone(),
            inputs: inner.inputs.iter().map(rename).collect(),
            outputs: inner.outputs.iter().map(rename).collect(),
            attributes: inner.attributes.iter().filter_map(resolve).collect(),
        };
        expand(body, functions, depth + 1, nodes)?;
    }
    // An output that is an input, or that several outputs share, has no node of its own in the body.
    for (formal, actual) in function.outputs.iter().zip(&node.outputs) {
        if let Some(source) = function.inputs.iter().position(|i| i == formal) {
            nodes.push(Node {
                name: format!("{}/{formal}", node.name),
                op: "Identity".into(),
                domain: String::new(),
                overload: String::new(),
                inputs: vec![node.inputs.get(source).cloned().unwrap_or_default()],
                outputs: vec![actual.clone()],
                attributes: vec![],
            });
        }
    }
    Ok(())
}
