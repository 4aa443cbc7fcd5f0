//! One row of a table: a list that begins with the kind of layer, as `[bneck, 3, 16, 16, "-", RE, 1]`.
//!
//! | kind | columns |
//! |---|---|
//! | `conv`, `valid-conv` | kernel, output channels, function, stride; padded by half the kernel, or not at all |
//! | `bneck` | kernel, expanded channels, output channels, `SE` or `-`, function, stride, dilation (1 if left out) |
//! | `separable` | kernel, output channels, function (of both convolutions), stride |
//! | `fire` | channels of the squeeze, of the 1×1 and of the 3×3 expansion, which are joined |
//! | `max-pool` | kernel, stride; the last window may reach over the edge |
//! | `mean` | over all pixels |
//! | `dense` | outputs, function; on a vector |
//! | `keep` | the map that `lr-aspp` classifies beside its own |
//! | `lr-aspp` | channels of the segmentation head |
//! | `resize` | the answer, to the input's height and width |
//!
//! Functions: `RE` (ReLU), `RE6`, `HS` (hard-swish), `SW` (swish, SiLU), `-`. Output channels may be `classes`.

use serde::Deserialize;

/// One layer, or one block of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Cell>")]
pub enum Layer {
    /// A convolution, its batch norm and its function.
    Conv {
        /// Side of the kernel.
        kernel: usize,
        /// Output channels; as many as classes if `None`.
        out: Option<usize>,
        /// Non-linearity.
        function: Function,
        /// Step.
        stride: usize,
        /// Whether half the kernel is padded around the map.
        padded: bool,
    },
    /// Inverted residual: expand, depthwise, gate, project; added to its input where the shapes agree.
    Bneck(Row),
    /// Depthwise and pointwise, each with batch norm and function.
    Separable {
        /// Side of the depthwise kernel.
        kernel: usize,
        /// Output channels.
        out: usize,
        /// Non-linearity of both.
        function: Function,
        /// Step of the depthwise convolution.
        stride: usize,
    },
    /// SqueezeNet's block.
    Fire {
        /// Channels of the 1×1 convolution in front.
        squeeze: usize,
        /// Channels of the 1×1 convolution behind.
        one: usize,
        /// Channels of the 3×3 convolution beside it.
        three: usize,
    },
    /// Maximum over a window.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step.
        stride: usize,
    },
    /// Mean over all pixels.
    Mean,
    /// A matrix with a bias.
    Dense {
        /// Outputs; as many as classes if `None`.
        out: Option<usize>,
        /// Non-linearity.
        function: Function,
    },
    /// Marks the map that the segmentation head reads besides the last one.
    Keep,
    /// The light segmentation head of MobileNetV3's paper.
    LrAspp {
        /// Its channels.
        channels: usize,
    },
    /// To the size of the input, bilinear.
    Resize,
}

/// Columns of an inverted residual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Channels of the depthwise convolution; where they are those of the input, nothing is expanded.
    pub expanded: usize,
    /// Output channels.
    pub out: usize,
    /// `SE` in the table.
    pub squeeze_excite: bool,
    /// Non-linearity.
    pub function: Function,
    /// Stride of the depthwise convolution.
    pub stride: usize,
    /// Its dilation.
    pub dilation: usize,
}

/// Non-linearities by the names of the papers' tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Function {
    /// None.
    #[serde(rename = "-")]
    Identity,
    /// `max(x, 0)`.
    #[serde(rename = "RE")]
    Relu,
    /// `min(max(x, 0), 6)`.
    #[serde(rename = "RE6")]
    Relu6,
    /// `x·clamp(x/6 + 1/2, 0, 1)`.
    #[serde(rename = "HS")]
    HardSwish,
    /// `x·sigmoid(x)`.
    #[serde(rename = "SW")]
    Swish,
}

impl Function {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "-" => Function::Identity,
            "RE" => Function::Relu,
            "RE6" => Function::Relu6,
            "HS" => Function::HardSwish,
            "SW" => Function::Swish,
            _ => return None,
        })
    }
}

impl Layer {
    /// Output channels, where the layer has its own.
    pub fn channels(&self) -> Option<usize> {
        match *self {
            Layer::Conv { out, .. } | Layer::Dense { out, .. } => out,
            Layer::Bneck(Row { out, .. }) | Layer::Separable { out, .. } => Some(out),
            Layer::Fire { one, three, .. } => Some(one + three),
            Layer::MaxPool { .. } | Layer::Mean | Layer::Keep | Layer::LrAspp { .. } | Layer::Resize => None,
        }
    }
}

/// A number or a word.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Cell {
    Number(usize),
    Word(String),
}

/// No table has more channels, larger kernels or strides than these.
const MOST_CHANNELS: usize = 1 << 16;
const MOST_TAPS: usize = 31;

/// The cells of a row after its kind, taken one by one.
struct Cells<'a>(std::slice::Iter<'a, Cell>);

impl Cells<'_> {
    fn number(&mut self, column: &str, most: usize) -> Result<usize, String> {
        match self.0.next() {
            Some(&Cell::Number(n)) if (1..=most).contains(&n) => Ok(n),
            found => Err(format!("{column} is a number from 1 to {most}, not {}", shown(found))),
        }
    }

    fn channels(&mut self, column: &str) -> Result<usize, String> {
        self.number(column, MOST_CHANNELS)
    }

    fn classes(&mut self) -> Result<Option<usize>, String> {
        match self.0.as_slice().first() {
            Some(Cell::Word(word)) if word == "classes" => {
                self.0.next();
                Ok(None)
            }
            _ => self.channels("output channels").map(Some),
        }
    }

    fn kernel(&mut self) -> Result<usize, String> {
        self.number("kernel", MOST_TAPS)
    }

    fn stride(&mut self) -> Result<usize, String> {
        self.number("stride", MOST_TAPS)
    }

    fn function(&mut self) -> Result<Function, String> {
        match self.0.next() {
            Some(Cell::Word(word)) => Function::named(word),
            _ => None,
        }
        .ok_or_else(|| "function is one of RE, RE6, HS, SW and \"-\"".to_owned())
    }

    fn gate(&mut self) -> Result<bool, String> {
        match self.0.next() {
            Some(Cell::Word(word)) if word == "SE" || word == "-" => Ok(word == "SE"),
            found => Err(format!("gate is SE or \"-\", not {}", shown(found))),
        }
    }
}

fn shown(cell: Option<&Cell>) -> String {
    match cell {
        None => "missing".to_owned(),
        Some(Cell::Number(n)) => n.to_string(),
        Some(Cell::Word(word)) => format!("`{word}`"),
    }
}

impl TryFrom<Vec<Cell>> for Layer {
    type Error = String;

    fn try_from(row: Vec<Cell>) -> Result<Self, String> {
        let Some((Cell::Word(kind), cells)) = row.split_first() else {
            return Err("a row begins with its kind, such as conv or bneck".to_owned());
        };
        let mut cells = Cells(cells.iter());
        let layer = read(kind, &mut cells).map_err(|cause| format!("a row `{kind}`: {cause}"))?;
        match cells.0.next() {
            None => Ok(layer),
            left => Err(format!("a row `{kind}`: {} is one column too many", shown(left))),
        }
    }
}

fn read(kind: &str, cells: &mut Cells<'_>) -> Result<Layer, String> {
    Ok(match kind {
        "conv" | "valid-conv" => Layer::Conv {
            kernel: cells.kernel()?,
            out: cells.classes()?,
            function: cells.function()?,
            stride: cells.stride()?,
            padded: kind == "conv",
        },
        "bneck" => Layer::Bneck(Row {
            kernel: cells.kernel()?,
            expanded: cells.channels("expanded channels")?,
            out: cells.channels("output channels")?,
            squeeze_excite: cells.gate()?,
            function: cells.function()?,
            stride: cells.stride()?,
            dilation: if cells.0.as_slice().is_empty() { 1 } else { cells.number("dilation", MOST_TAPS)? },
        }),
        "separable" => Layer::Separable {
            kernel: cells.kernel()?,
            out: cells.channels("output channels")?,
            function: cells.function()?,
            stride: cells.stride()?,
        },
        "fire" => Layer::Fire {
            squeeze: cells.channels("squeeze")?,
            one: cells.channels("1×1 channels")?,
            three: cells.channels("3×3 channels")?,
        },
        "max-pool" => Layer::MaxPool { kernel: cells.kernel()?, stride: cells.stride()? },
        "mean" => Layer::Mean,
        "dense" => Layer::Dense { out: cells.classes()?, function: cells.function()? },
        "keep" => Layer::Keep,
        "lr-aspp" => Layer::LrAspp { channels: cells.channels("channels")? },
        "resize" => Layer::Resize,
        _ => {
            return Err(
                "kinds are conv, valid-conv, bneck, separable, fire, max-pool, mean, dense, keep, lr-aspp and resize"
                    .to_owned(),
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Layer, String> {
        serde_yaml::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_are_read_by_kind() {
        let row = Row {
            kernel: 5,
            expanded: 72,
            out: 40,
            squeeze_excite: true,
            function: Function::Relu,
            stride: 2,
            dilation: 1,
        };
        assert_eq!(parse("[bneck, 5, 72, 40, SE, RE, 2]"), Ok(Layer::Bneck(row)));
        assert_eq!(parse("[bneck, 5, 72, 40, SE, RE, 2, 3]"), Ok(Layer::Bneck(Row { dilation: 3, ..row })));
        assert_eq!(parse("[dense, classes, \"-\"]"), Ok(Layer::Dense { out: None, function: Function::Identity }));
        assert_eq!(parse("[mean]"), Ok(Layer::Mean));
    }

    #[test]
    fn wrong_rows_say_which_column() {
        for (text, words) in [
            ("[bneck, 5, 72, 40, SX, RE, 2]", "gate is SE or"),
            ("[bneck, 5, 72, 0, SE, RE, 2]", "output channels is a number from 1"),
            ("[conv, 3, 16, XY, 2]", "function is one of"),
            ("[mean, 3]", "one column too many"),
            ("[conv, 3, 16, HS]", "stride is a number from 1 to 31, not missing"),
            ("[noise, 3]", "kinds are conv"),
            ("[3, 16]", "begins with its kind"),
        ] {
            let refusal = parse(text).expect_err(text);
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }
}
