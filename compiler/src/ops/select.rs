//! Some channels, in any order: `Split`, `Slice`, `Gather`, a channel shuffle.
//!
//! ## Formula
//!
//! `y[p,o] = x[p, source[o]]`

use super::moves::{MovePart, Moves};
use super::{Operand, Operator};
use crate::graph::Shape;
use ndarray::Array3;

/// Channels picked and permuted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The input channel of each output channel.
    pub source: Vec<usize>,
}

impl Select {
    /// Whether every input channel of `channels` is there exactly once.
    pub fn is_permutation(&self, channels: usize) -> bool {
        let mut seen = vec![false; channels];
        self.source.len() == channels
            && self.source.iter().all(|&c| seen.get_mut(c).is_some_and(|seen| !std::mem::replace(seen, true)))
    }
}

impl Operator for Select {
    fn kind(&self) -> &'static str {
        "select"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs.first().ok_or("no input")?;
        match self.source.iter().find(|&&c| c >= x.channels) {
            Some(c) => Err(format!("channel {c} of {}", x.channels)),
            None if self.source.is_empty() => Err("no channel".into()),
            None => Ok(Shape { channels: self.source.len(), ..*x }),
        }
    }

    fn run(&self, inputs: Vec<Operand<'_>>, _: Shape) -> Option<Array3<f32>> {
        let x = inputs.first()?;
        let (height, width, channels) = x.dim();
        self.moves(&[Shape::new(height, width, channels)])?.run(&[x])
    }

    fn attributes(&self) -> String {
        match MovePart::channels(&self.source).as_slice() {
            [[from, _, len]] => format!(" {from}..{}", from + len),
            _ if self.source.len() <= 8 => format!(" {:?}", self.source),
            _ => format!(" [{}, {}, … {}]", self.source[0], self.source[1], self.source.len()),
        }
    }

    fn moves(&self, inputs: &[Shape]) -> Option<Moves> {
        let x = *inputs.first()?;
        let part = MovePart { runs: MovePart::channels(&self.source), ..MovePart::identity(x) };
        Some(Moves { output: self.shape(inputs).ok()?, parts: vec![part] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_picked_and_permuted() {
        let flip = Select { source: vec![2, 0, 1] };
        let x = Array3::from_shape_vec((1, 2, 3), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let y = flip.run(vec![Operand::Borrowed(&x)], Shape::new(1, 2, 3)).unwrap();
        assert_eq!(y.as_slice().unwrap(), [3.0, 1.0, 2.0, 6.0, 4.0, 5.0]);
        assert_eq!(flip.moves(&[Shape::new(1, 2, 3)]).unwrap().parts[0].runs, [[2, 0, 1], [0, 1, 2]]);
        assert!(flip.is_permutation(3) && !Select { source: vec![0, 0, 1] }.is_permutation(3));
        assert!(flip.shape(&[Shape::vector(2)]).is_err());
    }
}
