//! Channels become pixels: blocks of `b × b` pixels from `b²` channels each.
//!
//! ## Formula
//!
//! `y[b·i + r, b·j + s, c] = x[i, j, source(r, s, c)]`, with C result channels:
//! `source = (r·b + s)·C + c` (depth first, ONNX's DCR) or `c·b² + r·b + s` (columns first, CRD). Rows and columns beyond the size
//! are left out.

use super::moves::{MovePart, Moves};
use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// Channels become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthToSpace {
    /// Rows and columns of a block.
    pub block: [usize; 2],
    /// Whether the channels of a result channel lie together (CRD) or those of a pixel of the block do (DCR).
    pub columns_first: bool,
    /// Height and width of the result, at most `block` times those of the input.
    pub size: [usize; 2],
}

impl Operator for DepthToSpace {
    fn kind(&self) -> &'static str {
        "depth_to_space"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        let pixels = self.block[0].checked_mul(self.block[1]).filter(|&n| n > 0).ok_or("an empty block")?;
        let most = [x.height.saturating_mul(self.block[0]), x.width.saturating_mul(self.block[1])];
        if x.channels % pixels != 0 || self.size.contains(&0) || (0..2).any(|axis| self.size[axis] > most[axis]) {
            return Err(format!("blocks of {:?} from {x:?} to {:?}", self.block, self.size));
        }
        Ok(Shape::new(self.size[0], self.size[1], x.channels / pixels))
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let x = inputs.first()?;
        let (height, width, channels) = x.dim();
        self.moves(&[Shape::new(height, width, channels)])?.run(&[x])
    }

    fn attributes(&self) -> String {
        format!(" {}x{}{}", self.block[0], self.block[1], if self.columns_first { " crd" } else { "" })
    }

    fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        let (x, output) = (*inputs.first()?, self.shape(inputs).ok()?);
        let [high, wide] = self.block;
        // How far apart neighbours within a block are, in input channels.
        let step = if self.columns_first { 1 } else { output.channels };
        let row = |i: usize| (i / high) * x.width * x.channels + (i % high) * wide * step;
        let column = |j: usize| (j / wide) * x.channels + (j % wide) * step;
        let runs = if self.columns_first {
            (0..output.channels).map(|c| [c * high * wide, c, 1]).collect()
        } else {
            vec![[0, 0, output.channels]]
        };
        let part = MovePart {
            rows: (0..output.height).map(row).collect(),
            columns: (0..output.width).map(column).collect(),
            runs,
        };
        Some(Moves { output, parts: vec![part] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_by_the_formula() {
        for columns_first in [false, true] {
            let op = DepthToSpace { block: [2, 3], columns_first, size: [4, 5] };
            let x = Array3::from_shape_fn((2, 2, 12), |(i, j, c)| (100 * i + 20 * j + c) as f32);
            let shape = op.shape(&[Shape::new(2, 2, 12)]).unwrap();
            assert_eq!(shape, Shape::new(4, 5, 2));
            let y = op.run(vec![Operand::Borrowed(&x)], shape).unwrap();
            for ((row, column, c), &v) in y.indexed_iter() {
                let (r, s) = (row % 2, column % 3);
                let source = if columns_first { c * 6 + r * 3 + s } else { (r * 3 + s) * 2 + c };
                assert_eq!(v, x[[row / 2, column / 3, source]]);
            }
        }
        let wrong = DepthToSpace { block: [2, 2], columns_first: false, size: [5, 4] };
        assert!(wrong.shape(&[Shape::new(2, 2, 4)]).is_err() && wrong.shape(&[Shape::new(3, 2, 3)]).is_err());
    }
}
