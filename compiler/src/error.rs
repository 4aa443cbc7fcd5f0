//! One error type: what failed, where, why, and what to do about it.

use std::fmt;

/// The stage of the pipeline that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the ONNX file.
    Read,
    /// Turning ONNX into a graph.
    Import,
    /// Rewriting the graph.
    Passes,
    /// Reading images, labels and preprocessing.
    Dataset,
    /// Collecting statistics.
    Calibrate,
    /// From floats to integers.
    Quantize,
    /// Choosing kernels and placing tensors.
    Plan,
    /// Writing the crate.
    Emit,
    /// Running cargo and inspecting the object.
    Build,
    /// Comparing the program with the reference.
    Verify,
    /// Reading a target, recipe, preprocess or architecture file.
    Specs,
    /// Writing a float network from an architecture.
    Model,
    /// Searching for a smaller network.
    Adapt,
    /// Reading arguments.
    Arguments,
    /// Writing to standard output.
    Print,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Read => "read",
            Stage::Import => "import",
            Stage::Passes => "passes",
            Stage::Dataset => "dataset",
            Stage::Calibrate => "calibrate",
            Stage::Quantize => "quantize",
            Stage::Plan => "plan",
            Stage::Emit => "emit",
            Stage::Build => "build",
            Stage::Verify => "verify",
            Stage::Specs => "specs",
            Stage::Model => "model",
            Stage::Adapt => "adapt",
            Stage::Arguments => "arguments",
            Stage::Print => "print",
        })
    }
}

/// A refusal: stage, node, cause, remedy.
#[derive(Clone, Debug, thiserror::Error, miette::Diagnostic)]
#[error("{stage}: {}{cause}", node.as_ref().map(|n| format!("{n}: ")).unwrap_or_default())]
pub struct Error {
    /// Where in the pipeline.
    pub stage: Stage,
    /// Which node, tensor or file, as the user's own file names it.
    pub node: Option<String>,
    /// What is wrong.
    pub cause: String,
    /// What to do about it.
    #[help]
    pub remedy: Option<String>,
}

impl Error {
    /// An error without node or remedy; add them with [`Error::at`] and [`Error::remedy`].
    pub fn new(stage: Stage, cause: impl Into<String>) -> Self {
        Self { stage, node: None, cause: cause.into(), remedy: None }
    }

    /// Names the node, tensor or file.
    pub fn at(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// Says what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// What every stage returns.
pub type Result<T> = std::result::Result<T, Error>;
