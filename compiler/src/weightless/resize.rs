//! Bilinear resize (eq. 27, 42); scales and zero points stay.

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, ints_text, shape_text};
use crate::ops;
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// Where output rows and columns lie between those of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    input: Shape,
    output: Shape,
    fine: bool,
    rows: Vec<i32>,
    row_shares: Vec<f32>,
    columns: Vec<i32>,
    column_shares: Vec<f32>,
}

impl Resize {
    /// Of a linear resize; `y` has the codes of `x`.
    pub fn new(resize: &ops::Resize, x: &QTensor, y: &QTensor) -> Plain<Self> {
        if x.fine != y.fine || codes_of(x)? != codes_of(y)? {
            return Err("the scales of a resized map differ from the map's".into());
        }
        let along = |axis: usize, extent: usize| -> Plain<(Vec<i32>, Vec<f32>)> {
            let places = resize.places(axis, extent);
            let index = |i: usize| i32::try_from(i).map_err(|_| "a map of more than 2^31 rows or columns".to_owned());
            let ends = places.iter().flat_map(|place| [place.first, place.second]).map(index).collect::<Plain<_>>()?;
            Ok((ends, places.iter().map(|place| place.share).collect()))
        };
        let (rows, row_shares) = along(0, x.shape.height)?;
        let (columns, column_shares) = along(1, x.shape.width)?;
        let plane = |shape: Shape| Shape { channels: shape.channels / if x.fine { 2 } else { 1 }, ..shape };
        Ok(Self {
            input: plane(x.shape),
            output: plane(y.shape),
            fine: x.fine,
            rows,
            row_shares,
            columns,
            column_shares,
        })
    }

    fn layer(&self) -> kernel::Resize<'_> {
        kernel::Resize {
            input: self.input,
            output: self.output,
            fine: self.fine,
            rows: &self.rows,
            row_shares: &self.row_shares,
            columns: &self.columns,
            column_shares: &self.column_shares,
        }
    }
}

impl Layer for Resize {
    fn name(&self) -> &'static str {
        "resize"
    }

    fn describe(&self) -> String {
        format!("bilinear resize of {}×{}", self.input.height, self.input.width)
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::resize(&self.layer(), inputs.first()?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::resize(level, &self.layer(), inputs.first()?.map()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("input", shape_text(self.input)),
            ("output", shape_text(self.output)),
            ("fine", self.fine.to_string()),
            ("rows", ints_text(pool, &self.rows)),
            ("row_shares", floats_text(pool, &self.row_shares)),
            ("columns", ints_text(pool, &self.columns)),
            ("column_shares", floats_text(pool, &self.column_shares)),
        ];
        Some(Text { kind: "Resize<'static>", fields })
    }
}
