//! A function of one code for each channel (eq. 17). `table[c][q] = rne(clamp(f_c(s_x·(q − z_x)) / s_y + z_y))`

use super::{Input, Layer, Output, Plain, Text, bytes_text, codes_of, shape_text};
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// 256 codes for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelTables {
    shape: Shape,
    tables: Vec<u8>,
}

impl ChannelTables {
    /// Tables of `f(channel, real)`.
    pub fn new(x: &QTensor, y: &QTensor, f: impl Fn(usize, f32) -> f32) -> Plain<Self> {
        let (from, to) = (codes_of(x)?, codes_of(y)?);
        let entry = |c: usize, code: usize| {
            let real = (code as f64 - f64::from(from.zero[c])) * f64::from(from.scale[c]);
            let y = f64::from(f(c, real as f32)) / f64::from(to.scale[c]) + f64::from(to.zero[c]);
            y.round_ties_even().clamp(0.0, 255.0) as u8
        };
        let tables = (0..x.shape.channels).flat_map(|c| (0..256).map(move |code| (c, code)));
        Ok(Self { shape: x.shape, tables: tables.map(|(c, code)| entry(c, code)).collect() })
    }

    fn layer(&self) -> kernel::ChannelTables<'_> {
        kernel::ChannelTables { shape: self.shape, tables: &self.tables }
    }
}

impl Layer for ChannelTables {
    fn name(&self) -> &'static str {
        "channel_tables"
    }

    fn describe(&self) -> String {
        "a table for each channel".into()
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::channel_tables(&self.layer(), inputs.first()?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::channel_tables(level, &self.layer(), inputs.first()?.map()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![("shape", shape_text(self.shape)), ("tables", bytes_text(pool, &self.tables))];
        Some(Text { kind: "ChannelTables<'static>", fields })
    }
}
