//! The architectures that are known, and how far a network is from each.
//!
//! Rows are those of the papers: kernel, expansion, output, squeeze-excite, non-linearity, stride, at width 1.0.

use super::blocks::{Block, Layout};

/// Kernel, expanded channels, output channels, squeeze-excite, hard-swish, stride.
type Row = (usize, usize, usize, bool, bool, usize);

const V3_LARGE: &[Row] = &[
    (3, 16, 16, false, false, 1),
    (3, 64, 24, false, false, 2),
    (3, 72, 24, false, false, 1),
    (5, 72, 40, true, false, 2),
    (5, 120, 40, true, false, 1),
    (5, 120, 40, true, false, 1),
    (3, 240, 80, false, true, 2),
    (3, 200, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 480, 112, true, true, 1),
    (3, 672, 112, true, true, 1),
    (5, 672, 160, true, true, 2),
    (5, 960, 160, true, true, 1),
    (5, 960, 160, true, true, 1),
];

const V3_SMALL: &[Row] = &[
    (3, 16, 16, true, false, 2),
    (3, 72, 24, false, false, 2),
    (3, 88, 24, false, false, 1),
    (5, 96, 40, true, true, 2),
    (5, 240, 40, true, true, 1),
    (5, 240, 40, true, true, 1),
    (5, 120, 48, true, true, 1),
    (5, 144, 48, true, true, 1),
    (5, 288, 96, true, true, 2),
    (5, 576, 96, true, true, 1),
    (5, 576, 96, true, true, 1),
];

/// Output channels and strides of MobileNetV1's depthwise separable blocks.
const V1: &[(usize, usize)] = &[
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// Expansion factor, output channels, repetitions, first stride of MobileNetV2.
const V2: &[(usize, usize, usize, usize)] = &[
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

const WIDTHS: &[f64] = &[0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.3, 1.4];

/// The nearest table and where the network differs from it.
pub(super) struct Found {
    /// With its width.
    pub name: String,
    pub differences: Vec<String>,
}

/// `max(8, ⌊x + 4⌋ rounded down to a multiple of 8)`, and one step more where that loses over 10 %.
fn round8(x: f64) -> usize {
    let rounded = (((x + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if rounded < 0.9 * x {
        rounded + 8.0
    } else {
        rounded
    }) as usize
}

/// The nearest of all tables at all widths; `None` where the number of blocks fits none or half of all cells differ.
pub(super) fn nearest(layout: &Layout) -> Option<Found> {
    let mut best: Option<(usize, Found)> = None;
    let mut consider = |name: String, stem: usize, rows: Vec<Block>| {
        if rows.len() != layout.blocks.len() {
            return;
        }
        let differences = compare(layout, stem, &rows);
        let score = differences.len();
        if score < rows.len() * 3 && best.as_ref().is_none_or(|(s, _)| score < *s) {
            best = Some((
                score,
                Found {
                    name,
                    differences: joined(differences),
                },
            ));
        }
    };
    for &width in WIDTHS {
        for minimalistic in [false, true] {
            let variant = if minimalistic { " minimalistic" } else { "" };
            for (name, table) in [
                ("MobileNetV3-Large", V3_LARGE),
                ("MobileNetV3-Small", V3_SMALL),
            ] {
                for of_input in [true, false] {
                    let rows = v3(table, width, minimalistic, of_input);
                    consider(
                        format!("{name}{variant}, width {width:?}"),
                        round8(16.0 * width),
                        rows,
                    );
                }
            }
        }
        let stem = |full: f64| round8(full * width);
        consider(
            format!("MobileNetV1, width {width:?}"),
            stem(32.0),
            v1(width),
        );
        consider(
            format!("MobileNetV2, width {width:?}"),
            stem(32.0),
            v2(width),
        );
    }
    best.map(|(_, found)| found)
}

/// The expansion is a factor of the rounded input (TensorFlow, timm), or scaled by itself (torchvision, Paddle).
fn v3(table: &[Row], width: f64, minimalistic: bool, of_input: bool) -> Vec<Block> {
    let mut input = 16.0;
    table
        .iter()
        .map(
            |&(kernel, expanded, out, squeeze_excite, hard_swish, stride)| {
                let (expanded, scaled_input) = (expanded as f64, round8(input * width) as f64);
                let expanded = if of_input {
                    scaled_input * (expanded / input)
                } else {
                    expanded * width
                };
                input = out as f64;
                Block {
                    kernel: [if minimalistic { 3 } else { kernel }; 2],
                    stride: [stride; 2],
                    expanded: round8(expanded),
                    out: round8(out as f64 * width),
                    squeeze_excite: squeeze_excite && !minimalistic,
                    hard_swish: hard_swish && !minimalistic,
                }
            },
        )
        .collect()
}

fn plain(stride: usize, expanded: usize, out: usize) -> Block {
    Block {
        kernel: [3, 3],
        stride: [stride; 2],
        expanded,
        out,
        squeeze_excite: false,
        hard_swish: false,
    }
}

fn v1(width: f64) -> Vec<Block> {
    let mut input = round8(32.0 * width);
    V1.iter()
        .map(|&(out, stride)| {
            let (expanded, out) = (input, round8(out as f64 * width));
            input = out;
            plain(stride, expanded, out)
        })
        .collect()
}

fn v2(width: f64) -> Vec<Block> {
    let mut input = round8(32.0 * width);
    let mut rows = Vec::new();
    for &(factor, out, repeat, first) in V2 {
        for i in 0..repeat {
            let out = round8(out as f64 * width);
            rows.push(plain(if i == 0 { first } else { 1 }, input * factor, out));
            input = out;
        }
    }
    rows
}

/// One entry per cell that differs: `(what, block)`.
fn compare(layout: &Layout, stem: usize, rows: &[Block]) -> Vec<(String, Option<usize>)> {
    let mut all = Vec::new();
    if layout.stem != stem {
        all.push((
            format!("stem of {} channels instead of {stem}", layout.stem),
            None,
        ));
    }
    for (i, (have, want)) in layout.blocks.iter().zip(rows).enumerate() {
        let mut cell = |differs: bool, text: String| {
            if differs {
                all.push((text, Some(i + 1)));
            }
        };
        cell(
            have.kernel != want.kernel,
            format!("kernel {:?} instead of {:?}", have.kernel, want.kernel),
        );
        cell(
            have.stride != want.stride,
            format!("stride {:?} instead of {:?}", have.stride, want.stride),
        );
        cell(
            have.expanded != want.expanded,
            format!(
                "{} expanded channels instead of {}",
                have.expanded, want.expanded
            ),
        );
        cell(
            have.out != want.out,
            format!("{} output channels instead of {}", have.out, want.out),
        );
        let gate = if have.squeeze_excite {
            "has squeeze-excite"
        } else {
            "lacks squeeze-excite"
        };
        cell(have.squeeze_excite != want.squeeze_excite, gate.into());
        let function = if have.hard_swish {
            "hard-swish instead of ReLU"
        } else {
            "ReLU instead of hard-swish"
        };
        cell(have.hard_swish != want.hard_swish, function.into());
    }
    all
}

/// The same difference in several blocks is one sentence.
fn joined(differences: Vec<(String, Option<usize>)>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (text, block) in differences {
        let block: Vec<String> = block.iter().map(usize::to_string).collect();
        match groups.iter_mut().find(|(t, _)| *t == text) {
            Some((_, blocks)) => blocks.extend(block),
            None => groups.push((text, block)),
        }
    }
    groups
        .into_iter()
        .map(|(text, blocks)| match blocks.len() {
            0 => text,
            1 => format!("block {}: {text}", blocks.join("")),
            _ => format!("blocks {}: {text}", blocks.join(", ")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_nine_tenths() {
        let rounded: Vec<usize> = [5.6, 8.4, 14.0, 25.2, 30.8, 33.6, 18.0]
            .map(round8)
            .to_vec();
        assert_eq!(rounded, [8, 8, 16, 24, 32, 32, 24]);
    }

    #[test]
    fn every_table_finds_itself() {
        let cases = [
            (
                "MobileNetV3-Large, width 1.0",
                16,
                v3(V3_LARGE, 1.0, false, true),
            ),
            (
                "MobileNetV3-Small minimalistic, width 1.0",
                16,
                v3(V3_SMALL, 1.0, true, true),
            ),
            (
                "MobileNetV3-Small, width 0.5",
                8,
                v3(V3_SMALL, 0.5, false, false),
            ),
            ("MobileNetV1, width 0.25", 8, v1(0.25)),
            ("MobileNetV2, width 1.4", 48, v2(1.4)),
        ];
        for (name, stem, blocks) in cases {
            let found = nearest(&Layout {
                stem,
                blocks,
                head: vec![],
            })
            .expect(name);
            assert_eq!((found.name.as_str(), found.differences), (name, vec![]));
        }
    }

    #[test]
    fn differences_are_joined_over_blocks() {
        let mut blocks = v3(V3_SMALL, 1.0, false, true);
        blocks[0].stride = [2, 1];
        blocks[1].stride = [2, 1];
        blocks[4].squeeze_excite = false;
        let found = nearest(&Layout {
            stem: 16,
            blocks,
            head: vec![],
        })
        .expect("a table");
        let expected = [
            "blocks 1, 2: stride [2, 1] instead of [2, 2]",
            "block 5: lacks squeeze-excite",
        ];
        assert_eq!(found.differences, expected);
        let unlike = vec![plain(1, 8, 8); 5];
        assert!(
            nearest(&Layout {
                stem: 16,
                blocks: unlike,
                head: vec![]
            })
            .is_none()
        );
    }
}
