//! Mean over a window (eq. 28). `q_y = (mean of (q − z) over the taps) · s_x/s_y + z_y`

use super::{Input, Layer, Output, Plain, Text, codes_of, floats_text, per_channel, shape_text, window_text, zeros};
use crate::ops;
use crate::plan::constants::Constants;
use crate::qgraph::{QTensor, Shape, Window};
use bakelite_runtime::isa::Level;
use bakelite_runtime::{dispatch, kernel, reference};

/// Constants of the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePool {
    input: Shape,
    output: Shape,
    window: Window,
    count_pad: bool,
    zero: Vec<f32>,
    multiplier: Vec<f32>,
    bias: Vec<f32>,
}

impl AveragePool {
    /// From the codes of `x` to those of `y`.
    pub fn new(pool: &ops::AveragePool, x: &QTensor, y: &QTensor) -> Plain<Self> {
        let (from, to) = (codes_of(x)?, codes_of(y)?);
        Ok(Self {
            input: x.shape,
            output: y.shape,
            window: pool.window,
            count_pad: pool.count_pad,
            zero: zeros(from),
            multiplier: per_channel(x.shape.channels, |c| f64::from(from.scale[c]) / f64::from(to.scale[c])),
            bias: zeros(to),
        })
    }

    fn layer(&self) -> kernel::AveragePool<'_> {
        kernel::AveragePool {
            input: self.input,
            output: self.output,
            window: self.window,
            count_pad: self.count_pad,
            zero: &self.zero,
            multiplier: &self.multiplier,
            bias: &self.bias,
        }
    }
}

impl Layer for AveragePool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn describe(&self) -> String {
        format!("mean over {}×{}", self.window.kernel[0], self.window.kernel[1])
    }

    fn reference(&self, inputs: &[Input<'_>], output: Output<'_>) -> Option<()> {
        reference::average_pool(&self.layer(), inputs.first()?.map()?, output.map()?);
        Some(())
    }

    fn run(&self, level: Level, inputs: &[Input<'_>], output: Output<'_>) -> Option<bool> {
        Some(dispatch::average_pool(level, &self.layer(), inputs.first()?.map()?, output.map()?))
    }

    fn text(&self, pool: &mut Constants) -> Option<Text> {
        let fields = vec![
            ("input", shape_text(self.input)),
            ("output", shape_text(self.output)),
            ("window", window_text(&self.window)),
            ("count_pad", self.count_pad.to_string()),
            ("zero", floats_text(pool, &self.zero)),
            ("multiplier", floats_text(pool, &self.multiplier)),
            ("bias", floats_text(pool, &self.bias)),
        ];
        Some(Text { kind: "AveragePool<'static>", fields })
    }
}
