//! The text dump, as tests compare it: one line per node, `%name` for tensors.
//!
//! ```text
//! input %x 4x4x3
//! %y 2x2x8 = conv(%x) 3x3 /2 pad 0,0,1,1 relu
//! output %y
//! ```

use super::{Graph, Node, Shape};
use crate::ops::Op;
use std::fmt;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "input %{} {}", self.name_of(self.input), Extent(self.shape(self.input)))?;
        for node in &self.nodes {
            self.fmt_node(node, f)?;
        }
        for &output in &self.outputs {
            writeln!(f, "output %{}", self.name_of(output))?;
        }
        Ok(())
    }
}

impl Graph {
    /// The tensor's name in the user's file.
    pub fn name_of(&self, id: super::TensorId) -> &str {
        self.tensors.get(id.index()).map_or("?", |t| &t.name)
    }

    fn fmt_node(&self, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<String> = node.inputs.iter().map(|&id| format!("%{}", self.name_of(id))).collect();
        write!(f, "%{} {} = ", self.name_of(node.output), Extent(self.shape(node.output)))?;
        match &node.op {
            Op::Activation(function) => write!(f, "{function}({})", inputs.join(", "))?,
            op => write!(f, "{}({})", op.kind(), inputs.join(", "))?,
        }
        writeln!(f, "{}", node.op.operator().attributes())
    }
}

struct Extent(Shape);

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.0.height, self.0.width, self.0.channels)
    }
}
