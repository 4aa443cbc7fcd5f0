//! How many bytes the parts of a step take.

use super::constants::{Bytes, EpilogueSpans, Floats};
use super::{Kernel, Slot, Step};

impl Kernel {
    /// Bytes of packed weights, pad codes and tables.
    pub fn weights(&self) -> usize {
        let len = |spans: &[Bytes]| spans.iter().map(|span| span.len).sum();
        match self {
            Kernel::Pointwise { weights, .. } | Kernel::Dense { weights, .. } | Kernel::Gated { weights, .. } => {
                weights.len
            }
            Kernel::Depthwise { weights, pad_code, .. } | Kernel::Convolution { weights, pad_code, .. } => {
                len(&[*weights, *pad_code])
            }
            Kernel::Table { table, .. } => table.len,
            Kernel::Mean { .. }
            | Kernel::Gate { .. }
            | Kernel::Add { .. }
            | Kernel::Weightless { .. }
            | Kernel::MaxPool { .. }
            | Kernel::Softmax { .. } => 0,
        }
    }

    /// Bytes of factors, summands and offsets.
    pub fn scales(&self) -> usize {
        let pair = |pair: &Option<(Floats, Floats)>| pair.map_or(0, |(a, b)| a.len + b.len);
        let maybe = |span: Option<Floats>| span.map_or(0, |span| span.len);
        let epilogue = |e: &EpilogueSpans| {
            let shift = e.shift.map_or(0, |shift| shift.len);
            e.offset.len + shift + e.multiplier.len + maybe(e.bias) + maybe(e.residual) + pair(&e.hard_swish)
        };
        4 * match self {
            Kernel::Pointwise { epilogue: e, .. }
            | Kernel::Dense { epilogue: e, .. }
            | Kernel::Depthwise { epilogue: e, .. }
            | Kernel::Convolution { epilogue: e, .. } => epilogue(e),
            Kernel::Mean { multiplier, bias, .. } => multiplier.len + bias.len,
            Kernel::Gate { multiplier, zero, bias, hard_swish, .. } => {
                multiplier.len + zero.len + bias.len + pair(hard_swish)
            }
            Kernel::Gated { factor, zero, epilogue: e, .. } => factor.len + zero.len + epilogue(e),
            Kernel::Add { first, second, bias, .. } => first.len + second.len + bias.len,
            Kernel::Weightless { .. } | Kernel::Table { .. } | Kernel::MaxPool { .. } | Kernel::Softmax { .. } => 0,
        }
    }
}

impl Step {
    /// Bytes of the tensors in the arena that it reads and writes.
    pub fn tensors(&self) -> usize {
        self.inputs.iter().chain([&self.output]).map(Slot::bytes).sum()
    }
}

impl Slot {
    /// Bytes of the tensor, if it is in the arena.
    pub fn bytes(&self) -> usize {
        match *self {
            Slot::Map { len, .. } => len,
            Slot::Wide { len, .. } => 2 * len,
            Slot::Real { len, .. } => 4 * len,
            Slot::Image | Slot::Output => 0,
        }
    }
}
