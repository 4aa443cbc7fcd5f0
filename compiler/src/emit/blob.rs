//! The files that a plan's constants lie in, little-endian.

use crate::plan::Plan;

/// One of a plan's three pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blob {
    /// Packed weights, bytes.
    Weights,
    /// f32.
    Scales,
    /// i32.
    Offsets,
}

impl Blob {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Weights, Self::Scales, Self::Offsets];

    /// The name of its file, without what tells sets apart.
    pub const fn stem(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Scales => "scales",
            Self::Offsets => "offsets",
        }
    }

    /// Elements of it.
    pub fn len(self, plan: &Plan) -> usize {
        match self {
            Self::Weights => plan.constants.bytes.len(),
            Self::Scales => plan.constants.floats.len(),
            Self::Offsets => plan.constants.ints.len(),
        }
    }

    /// Bytes of it.
    pub fn bytes(self, plan: &Plan) -> usize {
        match self {
            Self::Weights => self.len(plan),
            Self::Scales | Self::Offsets => 4 * self.len(plan),
        }
    }

    /// What its file holds.
    pub fn content(self, plan: &Plan) -> Vec<u8> {
        let constants = &plan.constants;
        match self {
            Self::Weights => constants.bytes.clone(),
            Self::Scales => constants.floats.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Offsets => constants.ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}
