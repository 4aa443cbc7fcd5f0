//! A table at another width: every number of channels times the multiplier, rounded to eight.

use super::{ArchitectureSpec, Expansion, HeadWidth, Layer, Row};

/// `max(8, ⌊x + 4⌋ rounded down to a multiple of 8)`, and one step more where that loses over 10 %.
pub(super) fn round8(x: f64) -> usize {
    let rounded = (((x + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if rounded < 0.9 * x { rounded + 8.0 } else { rounded }) as usize
}

impl ArchitectureSpec {
    /// At another width, with the table's own rules.
    pub fn at_width(&self, width: f64) -> Self {
        self.at_width_as(width, self.expansion)
    }

    /// At another width, the expanded channels by a rule of choice: exporters differ in that. Width 1.0 is the table itself.
    pub fn at_width_as(&self, width: f64, expansion: Expansion) -> Self {
        if width == 1.0 {
            return self.clone();
        }
        let scaled = |channels: usize| round8(channels as f64 * width);
        let block = |layer: &Layer| {
            matches!(layer, Layer::Bneck(_) | Layer::Separable { .. } | Layer::Fire { .. } | Layer::MaxPool { .. })
        };
        let head = self.layers.iter().rposition(block).unwrap_or(0);
        // Input channels of the layer, as the table has them and at this width.
        let (mut input, mut scaled_input) = (0, 0);
        let layers = self.layers.iter().enumerate().map(|(position, layer)| {
            let head = |channels: usize| match self.head_width {
                HeadWidth::Fixed if position > head => channels,
                HeadWidth::Widening if position > head && width < 1.0 => channels,
                HeadWidth::Scaled | HeadWidth::Widening | HeadWidth::Fixed => scaled(channels),
            };
            let at_width = match layer.clone() {
                Layer::Conv { kernel, out, function, stride, padded } => {
                    Layer::Conv { kernel, out: out.map(head), function, stride, padded }
                }
                Layer::Bneck(row) => {
                    let ratio = row.expanded as f64 / input.max(1) as f64;
                    let expanded = match expansion {
                        Expansion::OfInput => round8(scaled_input as f64 * ratio),
                        Expansion::OfItself => scaled(row.expanded),
                    };
                    Layer::Bneck(Row { expanded, out: scaled(row.out), ..row })
                }
                Layer::Separable { kernel, out, function, stride } => {
                    Layer::Separable { kernel, out: scaled(out), function, stride }
                }
                Layer::Fire { squeeze, one, three } => {
                    Layer::Fire { squeeze: scaled(squeeze), one: scaled(one), three: scaled(three) }
                }
                Layer::Dense { out, function } => Layer::Dense { out: out.map(head), function },
                Layer::LrAspp { channels } => Layer::LrAspp { channels: scaled(channels) },
                other @ (Layer::MaxPool { .. } | Layer::Mean | Layer::Keep | Layer::Resize) => other,
            };
            input = layer.channels().unwrap_or(input);
            scaled_input = at_width.channels().unwrap_or(scaled_input);
            at_width
        });
        Self { layers: layers.collect(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    #[test]
    fn rounding_keeps_nine_tenths() {
        let rounded: Vec<usize> = [5.6, 8.4, 14.0, 25.2, 30.8, 33.6, 18.0].map(round8).to_vec();
        assert_eq!(rounded, [8, 8, 16, 24, 32, 32, 24]);
    }

    #[test]
    fn heads_widen_as_their_table_says() {
        let last = |name: &str, width: f64| {
            let spec = load(name).unwrap().at_width(width);
            spec.layers.iter().rev().find_map(Layer::channels).unwrap()
        };
        assert_eq!((last("mobilenet-v2", 0.5), last("mobilenet-v2", 1.4)), (1280, 1792));
        assert_eq!((last("mobilenet-v3-small", 0.5), last("mnasnet-b1", 0.5)), (512, 1280));
    }
}
