//! Topological order of the nodes that the outputs need.

use crate::error::{Error, Result, Stage};
use crate::onnx::{Model, Node};
use std::collections::{HashMap, HashSet};

/// The nodes that some output depends on, each after what it reads.
///
/// # Errors
/// Names that nothing produces, names produced twice, cycles, no output.
pub(super) fn order(model: &Model, nodes: Vec<Node>) -> Result<Vec<Node>> {
    let fail = |node: &str, cause: String| {
        Error::new(Stage::Import, cause).at(node).remedy("the file is damaged; export the model again")
    };
    let mut given: HashSet<&str> = model.initializers.iter().map(|(name, _)| name.as_str()).collect();
    given.extend(model.inputs.iter().map(|i| i.name.as_str()));
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|o| !o.is_empty()) {
            if given.contains(output.as_str()) || producer.insert(output, index).is_some() {
                return Err(fail(&node.name, format!("“{output}” is produced twice")));
            }
        }
    }
    if model.outputs.is_empty() {
        return Err(fail(&model.name, "the graph has no output".into()));
    }
    // Depth first, with the way down on an own stack: node and next input to visit.
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; nodes.len()];
    let mut sorted = Vec::with_capacity(nodes.len());
    for output in &model.outputs {
        let mut stack: Vec<(usize, usize)> = Vec::new();
        let mut wanted = Some((output.name.as_str(), model.name.as_str()));
        loop {
            if let Some((name, reader)) = wanted.take()
                && !name.is_empty()
                && !given.contains(name)
            {
                match producer.get(name) {
                    None => {
                        return Err(fail(reader, format!("“{name}” is read, but nothing produces it")));
                    }
                    Some(&node) => match state[node] {
                        State::Done => {}
                        State::Open => {
                            return Err(fail(&nodes[node].name, "the graph has a cycle through this node".into()));
                        }
                        State::New => {
                            state[node] = State::Open;
                            stack.push((node, 0));
                        }
                    },
                }
            }
            let Some((node, next)) = stack.last_mut() else {
                break;
            };
            match nodes[*node].inputs.get(*next) {
                Some(input) => {
                    *next += 1;
                    wanted = Some((input, &nodes[*node].name));
                }
                None => {
                    state[*node] = State::Done;
                    sorted.push(*node);
                    stack.pop();
                }
            }
        }
    }
    // File order among what is needed keeps names and dumps close to the file.
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let in_file_order = is_ordered(&sorted, &slots);
    if in_file_order {
        sorted.sort_unstable();
    }
    Ok(sorted.into_iter().filter_map(|index| slots.get_mut(index).and_then(Option::take)).collect())
}

/// Whether the file's own order already puts every producer before its readers.
fn is_ordered(needed: &[usize], nodes: &[Option<Node>]) -> bool {
    let needed: HashSet<usize> = needed.iter().copied().collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.iter().flat_map(|n| &n.outputs) {
            last.insert(output, index);
        }
    }
    nodes.iter().enumerate().filter(|(index, _)| needed.contains(index)).all(|(index, node)| {
        node.iter().flat_map(|n| &n.inputs).all(|input| last.get(input.as_str()).is_none_or(|&p| p < index))
    })
}
