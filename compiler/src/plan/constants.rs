//! The constants of a plan: three pools, and spans into them.
//!
//! Per-channel constants are padded with zeros to whole vectors ([`padded`]) so that kernels load them whole.

use crate::error::{Error, Stage};
use crate::qgraph::{QActivation, QEpilogue};
use bakelite_runtime::layer::padded;

/// Packed weights start at multiples of this many bytes: one cache line, one zmm register.
const ALIGN: usize = 64;

/// A span of the byte pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// First byte.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// A span of the f32 pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floats {
    /// First element.
    pub start: usize,
    /// Elements.
    pub len: usize,
}

/// A span of the i32 pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ints {
    /// First element.
    pub start: usize,
    /// Elements.
    pub len: usize,
}

/// An epilogue as spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpilogueSpans {
    /// Start of the accumulator.
    pub offset: Ints,
    /// Factor.
    pub multiplier: Floats,
    /// Summand.
    pub bias: Option<Floats>,
    /// Factor of the added map.
    pub residual: Option<Floats>,
    /// Scale and zero of a hard-swish; linear where there is none.
    pub hard_swish: Option<(Floats, Floats)>,
    /// Whether the codes are those of a fine map.
    pub fine: bool,
    /// Whether the added map is a fine one.
    pub fine_residual: bool,
    /// Shifts of the accumulator, where rescaling is in 16 bits.
    pub shift: Option<Ints>,
}

/// The pools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constants {
    /// Packed weights, pad codes, tables.
    pub bytes: Vec<u8>,
    /// Factors and summands.
    pub floats: Vec<f32>,
    /// Offsets and shifts of accumulators.
    pub ints: Vec<i32>,
}

impl Constants {
    /// Room for `len` bytes, to be filled by the caller.
    pub fn reserve(&mut self, len: usize) -> (Bytes, &mut [u8]) {
        let start = self.bytes.len().next_multiple_of(ALIGN);
        self.bytes.resize(start + len, 0);
        (Bytes { start, len }, &mut self.bytes[start..])
    }

    /// Bytes per channel, padded.
    pub fn per_channel_bytes(&mut self, values: &[u8]) -> Bytes {
        let (span, out) = self.reserve(padded(values.len()));
        out[..values.len()].copy_from_slice(values);
        span
    }

    /// Floats per channel, padded.
    pub fn floats(&mut self, values: &[f32]) -> Floats {
        let span = Floats { start: self.floats.len(), len: padded(values.len()) };
        self.floats.extend_from_slice(values);
        self.floats.resize(span.start + span.len, 0.0);
        span
    }

    /// Integers per channel, padded.
    pub fn ints(&mut self, values: &[i32]) -> Ints {
        let span = Ints { start: self.ints.len(), len: padded(values.len()) };
        self.ints.extend_from_slice(values);
        self.ints.resize(span.start + span.len, 0);
        span
    }

    /// Half and zero of a hard-swish.
    pub fn activation(&mut self, activation: &QActivation) -> Option<(Floats, Floats)> {
        match activation {
            QActivation::Linear => None,
            QActivation::HardSwish { half, zero } => Some((self.floats(half), self.floats(zero))),
        }
    }

    /// An epilogue whose offsets the packing has adjusted.
    pub fn epilogue(&mut self, epilogue: &QEpilogue, offset: &[i32]) -> EpilogueSpans {
        EpilogueSpans {
            offset: self.ints(offset),
            multiplier: self.floats(&epilogue.multiplier),
            bias: epilogue.bias.as_ref().map(|bias| self.floats(bias)),
            residual: epilogue.residual.as_ref().map(|r| self.floats(r)),
            hard_swish: self.activation(&epilogue.activation),
            fine: epilogue.fine,
            fine_residual: epilogue.fine_residual,
            shift: epilogue.shift.as_ref().map(|shift| self.ints(shift)),
        }
    }

    /// The bytes of a span.
    pub fn get_bytes(&self, span: Bytes) -> &[u8] {
        &self.bytes[span.start..span.start + span.len]
    }

    /// The floats of a span.
    pub fn get_floats(&self, span: Floats) -> &[f32] {
        &self.floats[span.start..span.start + span.len]
    }

    /// The integers of a span.
    pub fn get_ints(&self, span: Ints) -> &[i32] {
        &self.ints[span.start..span.start + span.len]
    }

    /// Bytes in flash.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len() + 4 * self.floats.len() + 4 * self.ints.len()
    }
}

/// An offset that no longer fits after packing.
pub fn overflow(name: &str) -> Error {
    Error::new(Stage::Plan, "an accumulator offset leaves i32 once the kernel's shift of inputs is folded in").at(name)
}
