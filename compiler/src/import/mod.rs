//! From [`Model`] to [`Graph`]: f32, batch one, channels last.
//!
//! 1. `inline`: model-local functions are put where they are called.
//!    So is `qoperator`'s work: operators on integers become the same ones on floats, between conversions.
//! 2. `order`: what the outputs need, in topological order; cycles and missing inputs are found here.
//! 3. `walk`: node by node, every ONNX value is either a constant, computed on the spot (`constant`), or a
//!    `view` of a tensor of ours. Shape arithmetic thereby vanishes, and transposes, squeezes and flattens become
//!    relabelled axes.
//!
//! An operator on maps is one line of `table` and a function beside its relatives.
//!
//! No optimisation happens here: batch norms stay [`crate::ops::Affine`], hard-swish stays in the parts that it came
//! in. That is [`crate::passes`]' work. Deliberately absent: operators with state, control flow, more than one image.

mod constant;
mod conv_transpose;
mod convolution;
mod dense;
mod dims;
mod elementwise;
mod inline;
mod input;
mod join;
mod order;
mod pool;
mod qoperator;
mod quantized;
mod rearrange;
mod refuse;
mod resize;
mod table;
mod view;
mod walk;

use crate::error::{Result, Stage};
use crate::graph::Graph;
use crate::onnx::Model;

/// What the file may leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Height and width, for files that do not fix them. Refused where it contradicts the file.
    pub input_size: Option<(usize, usize)>,
}

/// A graph and what was assumed in making it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The network, not yet rewritten.
    pub graph: Graph,
    /// One sentence each: "batch fixed to 1", …
    pub notes: Vec<String>,
}

/// Turns a model into a graph.
///
/// # Errors
/// All operators that are not supported at once, with the nearest supported spelling; models whose operators compute in
/// integers; graphs with cycles or missing inputs; sizes that are left open.
pub fn import(model: &Model, options: &ImportOptions) -> Result<Imported> {
    refuse::quantized(model)?;
    let (nodes, in_integers) = qoperator::spread(inline::inline(model)?);
    let nodes = order::order(model, nodes)?;
    refuse::unsupported(&nodes)?;
    let mut imported = walk::walk(model, &nodes, options)?;
    imported.notes.extend(quantized::note(&nodes, in_integers));
    let hint = "the file holds numbers that no network can have; export it again";
    imported.graph.verify(Stage::Import).map_err(|e| e.remedy(hint))?;
    Ok(imported)
}
