//! What an architecture says: `specs/architectures/*.yaml`, the layer tables of the papers.

use crate::error::{Error, Result, Stage};
use serde::Deserialize;

/// A network as a table of blocks around depthwise convolutions, at width 1.0.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchitectureSpec {
    /// As the paper calls it.
    pub name: String,
    /// Output channels of the first convolution.
    pub stem: usize,
    /// Whether there is a variant without squeeze-excite, hard-swish and large kernels.
    #[serde(default)]
    pub minimalistic: bool,
    /// In order.
    pub blocks: Vec<Row>,
}

/// One row of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "(usize, usize, usize, String, String, usize)")]
pub struct Row {
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Channels of the depthwise convolution.
    pub expanded: usize,
    /// Output channels.
    pub out: usize,
    /// `SE` in the table.
    pub squeeze_excite: bool,
    /// `HS` in the table; `RE` otherwise.
    pub hard_swish: bool,
    /// Stride of the depthwise convolution.
    pub stride: usize,
}

impl From<(usize, usize, usize, String, String, usize)> for Row {
    fn from((kernel, expanded, out, gate, function, stride): (usize, usize, usize, String, String, usize)) -> Self {
        Self { kernel, expanded, out, squeeze_excite: gate == "SE", hard_swish: function == "HS", stride }
    }
}

/// A builtin architecture or a file.
pub fn load(name_or_path: &str) -> Result<ArchitectureSpec> {
    let spec: ArchitectureSpec = super::load(super::Kind::Architecture, name_or_path)?;
    if spec.stem == 0 || spec.blocks.is_empty() || spec.blocks.iter().any(|row| row.expanded == 0 || row.out == 0) {
        return Err(Error::new(Stage::Specs, "a stem, blocks, and channels above zero are needed").at(name_or_path));
    }
    Ok(spec)
}
