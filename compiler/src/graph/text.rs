//! The text dump, as tests compare it: one line per node, `%name` for tensors.
//!
//! ```text
//! input %x 4x4x3
//! %y 2x2x8 = conv(%x) 3x3 /2 pad 0,0,1,1 relu
//! output %y
//! ```

use super::{Graph, Node, Shape};
use crate::ops::{AveragePool, Conv, MaxPool, Op};
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
        match &node.op {
            Op::Conv(conv) => fmt_conv(conv, f)?,
            Op::Affine(affine) => match affine.as_uniform() {
                Some((scale, shift)) => write!(f, " *{} +{}", Short(scale), Short(shift))?,
                None => write!(f, " *{} +{}", Vector(&affine.scale), Vector(&affine.shift))?,
            },
            Op::AveragePool(AveragePool { window, pad_end, count_pad }) => {
                fmt_window(window, *pad_end, f)?;
                if *count_pad {
                    f.write_str(" count_pad")?;
                }
            }
            Op::MaxPool(MaxPool { window, pad_end }) => fmt_window(window, *pad_end, f)?,
            Op::Activation(_) | Op::Add | Op::Mul | Op::Concat | Op::GlobalAveragePool | Op::Softmax => {}
        }
        writeln!(f)
    }
}

fn fmt_conv(conv: &Conv, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt_window(&conv.window, conv.pad_end, f)?;
    if conv.is_depthwise() && conv.groups > 1 {
        f.write_str(" depthwise")?;
    } else if conv.groups > 1 {
        write!(f, " groups {}", conv.groups)?;
    }
    if conv.pad_value.iter().any(|&v| v != 0.0) {
        write!(f, " pad_value {}", Vector(&conv.pad_value))?;
    }
    if let Some(function) = conv.activation {
        write!(f, " {function}")?;
    }
    Ok(())
}

fn fmt_window(w: &super::Window, pad_end: [usize; 2], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " {}x{}", w.kernel[0], w.kernel[1])?;
    match w.stride {
        [1, 1] => {}
        [a, b] if a == b => write!(f, " /{a}")?,
        [a, b] => write!(f, " /{a},{b}")?,
    }
    if w.dilation != [1, 1] {
        write!(f, " dilation {},{}", w.dilation[0], w.dilation[1])?;
    }
    if w.pad != [0, 0] || pad_end != [0, 0] {
        write!(f, " pad {},{},{},{}", w.pad[0], w.pad[1], pad_end[0], pad_end[1])?;
    }
    Ok(())
}

struct Extent(Shape);

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.0.height, self.0.width, self.0.channels)
    }
}

/// At most four significant decimals, without trailing zeros.
struct Short(f32);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.4}", self.0);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// All where few, else the first and how many.
struct Vector<'a>(&'a [f32]);

impl fmt::Display for Vector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.0.iter().take(4).map(|&v| Short(v).to_string()).collect();
        let more = if self.0.len() > 4 { format!(", … {}", self.0.len()) } else { String::new() };
        write!(f, "[{}{more}]", shown.join(", "))
    }
}
