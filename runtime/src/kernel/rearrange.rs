//! Moving elements (eq. 21): concatenation, choice and order of channels, nearest neighbours, crops, depth to space.
//!
//! Where an output pixel reads is the sum of what its row and its column say, so every such layer is two small tables and
//! a list of runs of channels:
//!
//! ```text
//! y[(row, column), to..to + len] = x[rows[row] + columns[column] + from ..][.. len]      for each run (from, to, len)
//! ```

use crate::layer::Shape;

/// What one input gives to the output.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Element at which each output row starts to read.
    pub rows: &'a [i32],
    /// How much further each output column reads.
    pub columns: &'a [i32],
    /// `[from, to, len]` of each run: elements from there on, output channel, number of channels.
    pub runs: &'a [[i32; 3]],
}

/// Elements of one or several inputs in another place.
#[derive(Clone, Copy, Debug)]
pub struct Rearrange<'a> {
    /// The output.
    pub output: Shape,
    /// One for each input.
    pub parts: &'a [Part<'a>],
}

/// One input for each part. What would be read outside of an input, or written outside of a pixel, is left as it is.
#[inline]
pub fn rearrange<T: Copy>(layer: &Rearrange<'_>, inputs: &[&[T]], output: &mut [T]) {
    let Shape { width, channels, .. } = layer.output;
    if output.len() < layer.output.len() || width == 0 || channels == 0 {
        return;
    }
    // Not zero even where the product leaves usize.
    let row_len = (width * channels).max(1);
    for (part, input) in layer.parts.iter().zip(inputs) {
        for (row, &start) in output.chunks_exact_mut(row_len).zip(part.rows).take(layer.output.height) {
            for (pixel, &column) in row.chunks_exact_mut(channels).zip(part.columns) {
                let at = start.saturating_add(column);
                let Ok(at) = usize::try_from(at) else { continue };
                let from = input.get(at..).unwrap_or(&[]);
                for run in part.runs {
                    copy(from, pixel, *run);
                }
            }
        }
    }
}

/// One run of channels.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T], run: [i32; 3]) {
    let [Ok(source), Ok(target), Ok(len)] = run.map(usize::try_from) else { return };
    let (Some(from), Some(to)) = (from.get(source..), to.get_mut(target..)) else { return };
    for (to, from) in to.iter_mut().zip(from).take(len) {
        *to = *from;
    }
}
