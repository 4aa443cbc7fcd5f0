//! What operators that only move elements have in common: where each element comes from.
//!
//! ## Formula
//!
//! `y[(i,j), to + k] = x[rows[i] + columns[j] + from + k]`, `k < len`, for the runs `(from, to, len)` of each input: the sum of what
//! a row, a column and a run of channels say. In integers the same tables move codes (`specs/arithmetic.md`, 21).

use crate::graph::Shape;
use ndarray::Array3;

/// What one input gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovePart {
    /// Element at which each output row starts to read.
    pub rows: Vec<usize>,
    /// How much further each output column reads.
    pub columns: Vec<usize>,
    /// From which element on, to which output channel, how many.
    pub runs: Vec<[usize; 3]>,
}

impl MovePart {
    /// All channels of every pixel where it is.
    pub fn identity(x: Shape) -> Self {
        Self {
            rows: (0..x.height).map(|row| row * x.width * x.channels).collect(),
            columns: (0..x.width).map(|column| column * x.channels).collect(),
            runs: vec![[0, 0, x.channels]],
        }
    }

    /// Rows and columns of an input of shape `x` picked.
    pub fn pixels(x: Shape, rows: impl Iterator<Item = usize>, columns: impl Iterator<Item = usize>) -> Self {
        Self {
            rows: rows.map(|row| row * x.width * x.channels).collect(),
            columns: columns.map(|column| column * x.channels).collect(),
            runs: vec![[0, 0, x.channels]],
        }
    }

    /// The runs of channels picked one by one, neighbours together.
    pub fn channels(source: &[usize]) -> Vec<[usize; 3]> {
        let mut runs: Vec<[usize; 3]> = Vec::new();
        for (to, &from) in source.iter().enumerate() {
            match runs.last_mut() {
                Some([first, _, len]) if *first + *len == from => *len += 1,
                _ => runs.push([from, to, 1]),
            }
        }
        runs
    }
}

/// Where every element of a tensor comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moves {
    /// The result.
    pub output: Shape,
    /// One for each input.
    pub parts: Vec<MovePart>,
}

impl Moves {
    /// Moves the elements of `inputs`; `None` where they are not there.
    pub fn run(&self, inputs: &[&Array3<f32>]) -> Option<Array3<f32>> {
        let Shape { height, width, channels } = self.output;
        let mut y = vec![0.0; self.output.len()];
        for (part, x) in self.parts.iter().zip(inputs) {
            let x = x.as_slice()?;
            for (row, start) in part.rows.iter().enumerate() {
                for (column, further) in part.columns.iter().enumerate() {
                    for &[from, to, len] in &part.runs {
                        let at = (row * width + column) * channels + to;
                        let from = start + further + from;
                        y.get_mut(at..at + len)?.copy_from_slice(x.get(from..from + len)?);
                    }
                }
            }
        }
        Array3::from_shape_vec((height, width, channels), y).ok()
    }

    /// The slopes go back to where the elements came from.
    pub fn backward(&self, inputs: &[&Array3<f32>], slope: &Array3<f32>) -> Option<Vec<Array3<f32>>> {
        let channels = self.output.channels;
        let slope = slope.as_slice()?;
        let part = |(part, x): (&MovePart, &&Array3<f32>)| {
            let mut result = vec![0.0; x.len()];
            for (row, start) in part.rows.iter().enumerate() {
                for (column, further) in part.columns.iter().enumerate() {
                    for &[from, to, len] in &part.runs {
                        let at = (row * self.output.width + column) * channels + to;
                        let from = start + further + from;
                        let (sums, slopes) = (result.get_mut(from..from + len)?, slope.get(at..at + len)?);
                        sums.iter_mut().zip(slopes).for_each(|(sum, g)| *sum += g);
                    }
                }
            }
            Array3::from_shape_vec(x.raw_dim(), result).ok()
        };
        self.parts.iter().zip(inputs).map(part).collect()
    }

    /// Whether elements of one output channel come from several input channels, inputs having `channels[i]` each.
    pub fn mixes_channels(&self, channels: &[usize]) -> bool {
        let mixes = |(part, of): (&MovePart, &usize)| {
            part.rows.iter().chain(&part.columns).any(|at| at.checked_rem(*of).unwrap_or(0) != 0)
        };
        self.parts.iter().zip(channels).any(mixes)
    }

    /// Whether all pixels are the one pixel of the only input, as it is.
    pub fn is_spread(&self) -> bool {
        match self.parts.as_slice() {
            [part] => {
                part.rows.iter().chain(&part.columns).all(|&at| at == 0) && part.runs == [[0, 0, self.output.channels]]
            }
            _ => false,
        }
    }

    /// For each output channel, the input and the channel of that input whose elements it holds; an input of `channels[i]`
    /// channels each.
    pub fn sources(&self, channels: &[usize]) -> Vec<(usize, usize)> {
        let mut sources = vec![(0, 0); self.output.channels];
        for (input, part) in self.parts.iter().enumerate() {
            for &[from, to, len] in &part.runs {
                for k in 0..len {
                    if let (Some(source), Some(&of)) = (sources.get_mut(to + k), channels.get(input)) {
                        *source = (input, (from + k) % of.max(1));
                    }
                }
            }
        }
        sources
    }
}
