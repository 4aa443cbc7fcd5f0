//! What an architecture says: `specs/architectures/*.yaml`, the layer tables of the papers.
//!
//! Two readers share the tables: [`crate::recognise`] names networks by them, [`crate::model`] writes networks from them.

mod layer;
mod width;

pub use layer::{Function, Layer, Row};

use crate::error::{Error, Result, Stage};
use serde::Deserialize;

/// A network as a table of layers, at width 1.0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArchitectureSpec {
    /// As the paper calls it.
    pub name: String,
    /// Whether there is a variant without squeeze-excite, hard-swish and large kernels.
    #[serde(default)]
    pub minimalistic: bool,
    /// Sides of the square input that the paper gives its numbers for.
    #[serde(default = "size")]
    pub size: usize,
    /// Classes of the data set that the paper trains on.
    #[serde(default = "classes")]
    pub classes: usize,
    /// Whether a batch norm follows each convolution (which then has no bias).
    #[serde(default = "yes")]
    pub batch_norm: bool,
    /// How a width multiplier reaches the expanded channels.
    #[serde(default)]
    pub expansion: Expansion,
    /// How a width multiplier reaches the convolutions after the last block.
    #[serde(default)]
    pub head_width: HeadWidth,
    /// What a gate is made of.
    #[serde(default)]
    pub squeeze_excite: SqueezeExcite,
    /// In order.
    pub layers: Vec<Layer>,
}

/// How a width multiplier reaches the expanded channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expansion {
    /// They are multiplied and rounded like all others (torchvision's and Paddle's MobileNetV3).
    #[default]
    OfItself,
    /// They stay the same multiple of the block's rounded input (TensorFlow, timm; MobileNetV2).
    OfInput,
}

/// How a width multiplier reaches the convolutions after the last block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadWidth {
    /// As everywhere.
    #[default]
    Scaled,
    /// Only a multiplier above one does.
    Widening,
    /// Not at all.
    Fixed,
}

/// `gate(W₂·f(W₁·mean(x) + b₁) + b₂)`, which multiplies each channel.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SqueezeExcite {
    /// Channels in between, by those that `of` names.
    pub ratio: f64,
    /// What `ratio` counts by.
    pub of: SqueezedBy,
    /// Whether the channels in between are rounded to a multiple of eight, or down.
    pub round_to_eight: bool,
    /// Between the two.
    pub function: Function,
    /// Whether the gate is the hard sigmoid `clamp(x/6 + 1/2, 0, 1)`, or the true one.
    pub hard: bool,
}

/// What the channels of a squeeze are a fraction of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqueezedBy {
    /// The channels that are gated.
    Expanded,
    /// The block's input channels.
    Input,
}

impl Default for SqueezeExcite {
    /// MobileNetV3's.
    fn default() -> Self {
        Self { ratio: 0.25, of: SqueezedBy::Expanded, round_to_eight: true, function: Function::Relu, hard: true }
    }
}

impl SqueezeExcite {
    /// Channels in between.
    pub fn squeezed(&self, input: usize, expanded: usize) -> usize {
        let by = if self.of == SqueezedBy::Input { input } else { expanded };
        let exact = by as f64 * self.ratio;
        if self.round_to_eight { width::round8(exact) } else { (exact as usize).max(1) }
    }
}

fn size() -> usize {
    224
}

fn classes() -> usize {
    1000
}

fn yes() -> bool {
    true
}

impl ArchitectureSpec {
    /// Output channels of the first convolution.
    pub fn stem(&self) -> usize {
        self.layers.iter().find_map(Layer::channels).unwrap_or(0)
    }

    /// The rows around depthwise convolutions, in order.
    pub fn blocks(&self) -> Vec<Row> {
        let mut input = 0;
        let mut rows = Vec::new();
        for layer in &self.layers {
            match *layer {
                Layer::Bneck(row) => rows.push(row),
                Layer::Separable { kernel, out, function, stride } => rows.push(Row {
                    kernel,
                    expanded: input,
                    out,
                    squeeze_excite: false,
                    function,
                    stride,
                    dilation: 1,
                }),
                Layer::Conv { .. }
                | Layer::Fire { .. }
                | Layer::MaxPool { .. }
                | Layer::Mean
                | Layer::Dense { .. }
                | Layer::Keep
                | Layer::LrAspp { .. }
                | Layer::Resize => {}
            }
            input = layer.channels().unwrap_or(input);
        }
        rows
    }

    /// Without squeeze-excite, hard-swish and large kernels, where the table has such a variant.
    pub fn minimalist(&self) -> Option<Self> {
        let plain = |function| if function == Function::HardSwish { Function::Relu } else { function };
        let layers = self.layers.iter().map(|layer| match layer.clone() {
            Layer::Bneck(row) => {
                Layer::Bneck(Row { kernel: 3, squeeze_excite: false, function: plain(row.function), ..row })
            }
            Layer::Conv { kernel, out, function, stride, padded } => {
                Layer::Conv { kernel, out, function: plain(function), stride, padded }
            }
            Layer::Dense { out, function } => Layer::Dense { out, function: plain(function) },
            other => other,
        });
        let name = format!("{} minimalistic", self.name);
        self.minimalistic.then(|| Self { name, layers: layers.collect(), minimalistic: false, ..self.clone() })
    }
}

/// A builtin architecture or a file.
pub fn load(name_or_path: &str) -> Result<ArchitectureSpec> {
    let spec: ArchitectureSpec = super::load(super::Kind::Architecture, name_or_path)?;
    let ratio = spec.squeeze_excite.ratio;
    let cause = if spec.stem() == 0 {
        "there is no layer with channels"
    } else if spec.size == 0 || spec.classes == 0 {
        "`size` and `classes` must be above zero"
    } else if !(ratio > 0.0 && ratio <= 16.0) {
        "the `ratio` of `squeeze-excite` must lie in 0…16, without 0"
    } else {
        return Ok(spec);
    };
    Err(Error::new(Stage::Specs, cause).at(name_or_path).remedy("the files in specs/architectures are examples"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::Kind;

    #[test]
    fn every_builtin_table_can_be_read() {
        let names: Vec<&str> = Kind::Architecture.names().collect();
        assert!(names.len() >= 4, "{names:?}");
        names.iter().for_each(|name| assert!(load(name).is_ok(), "{name}: {:?}", load(name)));
    }

    #[test]
    fn separable_blocks_expand_to_their_input() {
        let rows = load("mobilenet-v1").unwrap().blocks();
        assert_eq!((rows.len(), rows[0].expanded, rows[1].expanded, rows[12].out), (13, 32, 64, 1024));
    }

    #[test]
    fn minimalistic_is_plain_everywhere() {
        let spec = load("mobilenet-v3-large").unwrap().minimalist().unwrap();
        assert!(spec.blocks().iter().all(|r| r.kernel == 3 && !r.squeeze_excite && r.function == Function::Relu));
        let hard = |l: &Layer| matches!(l, Layer::Conv { function: Function::HardSwish, .. });
        assert!(!spec.layers.iter().any(hard) && spec.minimalist().is_none());
    }
}
