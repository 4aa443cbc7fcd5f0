//! What the loops of a kernel count, for instruction sets of four lanes.
//!
//! | feature | one is |
//! |---|---|
//! | products | a vector of output channels of a pixel, times the input channels or taps of one instruction |
//! | loads | 16 input channels of a pixel or of a vector of weights, brought to registers |
//! | outputs | a vector of output channels of a pixel, rescaled and stored |
//! | hard-swish, sums, planes | such a vector with a hard-swish, with a map that is added, with two planes |
//! | f32 | such a vector that is not rescaled in 16 bits |
//! | tiles | a register tile, with its constants |
//! | columns | a column of a block of channels, whose vertical taps are brought side by side |
//! | weights | 16 weights, gated and packed |
//! | codes | 16 codes of the input |
//! | layer | the layer itself |

use crate::plan::constants::EpilogueSpans;
use crate::plan::{Kernel, Slot, Step};
use crate::qgraph::{Shape, Window};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::Tile;
use bakelite_runtime::pack;
use std::collections::BTreeMap;

/// All features of a step that are not zero.
pub fn features(level: Level, step: &Step) -> BTreeMap<&'static str, f64> {
    let mut count = Count { of: BTreeMap::new(), level };
    count.add("layer", 1);
    match &step.kernel {
        Kernel::Pointwise { pixels, in_channels, out_channels, epilogue, tile, .. } => {
            count.product([*pixels, *in_channels, *out_channels], *tile, epilogue);
        }
        Kernel::Gated { pixels, in_channels, out_channels, epilogue, tile, .. } => {
            count.add("weights", out_channels.div_ceil(4) * in_channels.div_ceil(4));
            count.add("codes", pixels * in_channels.div_ceil(16));
            count.product([*pixels, *in_channels, *out_channels], *tile, epilogue);
        }
        Kernel::Convolution { input, output, window, groups: 1, epilogue, .. } => {
            let run = window.kernel[1] * input.channels;
            let k = match pack::short_row(level, run) {
                // Read where they are, but for a few pixels at the edges.
                Some(row) => window.kernel[0] * row,
                None => {
                    count.add("codes", output.pixels() * window.kernel[0] * run.div_ceil(16));
                    pack::patch_len(level, [window.kernel[0], run])
                }
            };
            count.product([output.pixels(), k, channels(output, epilogue)], Tile { rows: 8, vectors: 4 }, epilogue);
        }
        Kernel::Depthwise { input, output, window, epilogue, .. } => count.depthwise(input, output, window, epilogue),
        Kernel::Dense { in_channels, out_channels, epilogue, .. } => {
            let vectors = out_channels.div_ceil(4);
            count.add("products", vectors * in_channels.div_ceil(4));
            count.outputs(vectors, epilogue);
        }
        Kernel::Mean { shape, .. } => {
            count.add("codes", shape.pixels() * shape.channels.div_ceil(16));
            count.add("outputs", shape.channels.div_ceil(4));
        }
        _ => count.add("codes", codes(step)),
    }
    count.of
}

/// 16 codes at a time, of what a step without products reads.
fn codes(step: &Step) -> usize {
    let len = |slot: &Slot| match *slot {
        Slot::Map { len, .. } | Slot::Wide { len, .. } | Slot::Real { len, .. } => len,
        Slot::Image | Slot::Output => 0,
    };
    step.inputs.iter().map(len).sum::<usize>().div_ceil(16)
}

/// Channels of a plane of the output.
fn channels(output: &Shape, epilogue: &EpilogueSpans) -> usize {
    if epilogue.fine { output.channels / 2 } else { output.channels }
}

struct Count {
    of: BTreeMap<&'static str, f64>,
    level: Level,
}

impl Count {
    fn add(&mut self, feature: &'static str, amount: usize) {
        if amount > 0 {
            *self.of.entry(feature).or_default() += amount as f64;
        }
    }

    /// Vectors that go through an epilogue.
    fn outputs(&mut self, vectors: usize, epilogue: &EpilogueSpans) {
        self.add("outputs", vectors);
        let asked = [
            ("f32", epilogue.shift.is_none()),
            ("hard-swish", epilogue.hard_swish.is_some()),
            ("sums", epilogue.residual.is_some()),
            ("planes", epilogue.fine),
        ];
        for (feature, there) in asked {
            self.add(feature, if there { vectors } else { 0 });
        }
    }

    /// A matrix product of `[pixels, k, n]`: panels of evenly many vectors, each in tiles of rows, then of four, or of one (runtime,
    /// `kernel::pointwise`).
    fn product(&mut self, [pixels, k, n]: [usize; 3], tile: Tile, epilogue: &EpilogueSpans) {
        let mut left = n.div_ceil(self.level.lanes());
        while left > 0 {
            let width = tile.panel(self.level, left);
            left -= width;
            let most = self.level.rows(width);
            let rows = if tile.rows >= most { most } else { tile.rows.min(4) };
            let (whole, rest) = (pixels / rows, pixels % rows);
            let ones = usize::from(rest % 4 == 1);
            let fours = rest.div_ceil(4) - ones;
            for (count, rows) in [(whole, rows), (fours, 4), (ones, 1)] {
                self.tile(count, [rows, width], k);
                self.outputs(count * rows * width, epilogue);
            }
        }
    }

    /// So many tiles of `[rows, vectors]`.
    fn tile(&mut self, count: usize, [rows, vectors]: [usize; 2], k: usize) {
        // Two rows and eight channels an instruction, where there is the matrix product.
        let products = match self.level {
            Level::I8mm => rows.next_multiple_of(2) * vectors * k.div_ceil(8),
            _ => rows * vectors * k.div_ceil(4),
        };
        self.add("products", count * products);
        self.add("loads", count * (rows + vectors) * k.div_ceil(16));
        self.add("tiles", count);
    }

    /// Blocks of 16 channels, strips of rows, tiles of four pixels (runtime, `kernel::depthwise`).
    fn depthwise(&mut self, input: &Shape, output: &Shape, window: &Window, epilogue: &EpilogueSpans) {
        let n = channels(output, epilogue);
        let planes = if input.channels == 2 * n { 2 } else { 1 };
        let [size, stride] = [window.kernel[0], window.stride[0]];
        // Output rows at a time and quads of vertical taps.
        let (rows, quads) = match (size, stride, planes) {
            (3, 1, 1) => (2, 1),
            (5, _, 1) => (2, 2),
            _ => (1, (size * planes).div_ceil(4)),
        };
        let blocks = n.div_ceil(16);
        let tiles = blocks * output.height * output.width.div_ceil(4);
        self.add("products", tiles * 16 * window.kernel[1] * quads);
        let width = (output.width.saturating_sub(1)) * window.stride[1] + window.kernel[1];
        self.add("columns", blocks * output.height.div_ceil(rows) * width * quads);
        self.add("tiles", tiles);
        self.outputs(tiles * 16, epilogue);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::constants::{Bytes, Floats, Ints};
    use crate::qgraph::TensorId;

    fn epilogue(hard_swish: bool) -> EpilogueSpans {
        let floats = Floats { start: 0, len: 0 };
        EpilogueSpans {
            offset: Ints { start: 0, len: 0 },
            multiplier: floats,
            bias: None,
            residual: None,
            hard_swish: hard_swish.then_some((floats, floats)),
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    fn count(level: Level, kernel: Kernel) -> Vec<(&'static str, f64)> {
        let slot = Slot::Map { start: 0, len: 32 };
        let step = Step {
            name: String::new(),
            block: 0,
            kernel,
            inputs: vec![slot],
            output: slot,
            scratch: None,
            tensor: TensorId(0),
        };
        features(level, &step).into_iter().collect()
    }

    #[test]
    fn products_are_counted_tile_by_tile() {
        let none = Bytes { start: 0, len: 0 };
        let pointwise = |level| Kernel::Pointwise {
            pixels: 49,
            in_channels: 40,
            out_channels: 20,
            weights: none,
            epilogue: epilogue(true),
            tile: Tile::best(level, 49, 20),
            ahead: none,
        };
        // Five vectors are 3 + 2. With three there are 8 tiles of six rows and one row; with two, 6 of eight and one row.
        let products = 10.0 * 49.0 * 5.0;
        let loads = 3.0 * (8.0 * 9.0 + 4.0 + 6.0 * 10.0 + 3.0);
        let vectors = 49.0 * 5.0;
        assert_eq!(
            count(Level::NeonDot, pointwise(Level::NeonDot)),
            [
                ("f32", vectors),
                ("hard-swish", vectors),
                ("layer", 1.0),
                ("loads", loads),
                ("outputs", vectors),
                ("products", products),
                ("tiles", 16.0)
            ]
        );
        // Two rows at a time; the last row is one of two.
        let with_matrices = count(Level::I8mm, pointwise(Level::I8mm));
        assert!(with_matrices.contains(&("products", 5.0 * 50.0 * 5.0)), "{with_matrices:?}");
    }

    #[test]
    fn depthwise_layers_are_counted_by_strips() {
        let shape = Shape::new(7, 7, 20);
        let window = Window { kernel: [5, 5], stride: [1, 1], dilation: [1, 1], pad: [2, 2] };
        let none = Bytes { start: 0, len: 0 };
        let kernel = Kernel::Depthwise {
            input: shape,
            output: shape,
            window,
            weights: none,
            pad_code: none,
            epilogue: epilogue(false),
        };
        // Two blocks of channels, two tiles a row, four strips of two rows.
        let tiles = 2.0 * 7.0 * 2.0;
        assert_eq!(
            count(Level::Neon, kernel),
            [
                ("columns", 2.0 * 4.0 * 11.0 * 2.0),
                ("f32", 16.0 * tiles),
                ("layer", 1.0),
                ("outputs", 16.0 * tiles),
                ("products", 16.0 * 10.0 * tiles),
                ("tiles", tiles)
            ]
        );
    }

    #[test]
    fn other_layers_by_what_they_read() {
        assert_eq!(count(Level::Neon, Kernel::Softmax { len: 32 }), [("codes", 2.0), ("layer", 1.0)]);
    }
}
