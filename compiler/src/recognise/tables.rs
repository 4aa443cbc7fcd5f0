//! The architectures that are known, and how far a network is from each.
//!
//! The tables are those of the papers: `specs/architectures/*.yaml`.

use super::blocks::{Block, Layout};
use crate::specs::Kind;
use crate::specs::architecture::{self, ArchitectureSpec, Expansion, Function, Row};

const WIDTHS: &[f64] = &[0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.3, 1.4];

/// The nearest table and where the network differs from it.
pub(super) struct Found {
    /// With its width.
    pub name: String,
    pub differences: Vec<String>,
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
            best = Some((score, Found { name, differences: joined(differences) }));
        }
    };
    // A builtin table that cannot be read names nothing; a test reads them all.
    for table in Kind::Architecture.names().filter_map(|name| architecture::load(name).ok()) {
        for table in [Some(table.clone()), table.minimalist()].into_iter().flatten() {
            for &width in WIDTHS {
                // Exporters differ in what the expansion is a multiple of.
                for expansion in [Expansion::OfInput, Expansion::OfItself] {
                    let scaled = table.at_width_as(width, expansion);
                    consider(format!("{}, width {width:?}", table.name), scaled.stem(), rows(&scaled));
                }
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The rows as blocks of a layout.
fn rows(table: &ArchitectureSpec) -> Vec<Block> {
    let block = |row: Row| Block {
        kernel: [row.kernel; 2],
        stride: [row.stride; 2],
        expanded: row.expanded,
        out: row.out,
        squeeze_excite: row.squeeze_excite,
        hard_swish: matches!(row.function, Function::HardSwish | Function::Swish),
    };
    table.blocks().into_iter().map(block).collect()
}

/// One entry per cell that differs: `(what, block)`.
fn compare(layout: &Layout, stem: usize, rows: &[Block]) -> Vec<(String, Option<usize>)> {
    let mut all = Vec::new();
    if layout.stem != stem {
        all.push((format!("stem of {} channels instead of {stem}", layout.stem), None));
    }
    for (i, (have, want)) in layout.blocks.iter().zip(rows).enumerate() {
        let mut cell = |differs: bool, text: String| {
            if differs {
                all.push((text, Some(i + 1)));
            }
        };
        cell(have.kernel != want.kernel, format!("kernel {:?} instead of {:?}", have.kernel, want.kernel));
        cell(have.stride != want.stride, format!("stride {:?} instead of {:?}", have.stride, want.stride));
        cell(
            have.expanded != want.expanded,
            format!("{} expanded channels instead of {}", have.expanded, want.expanded),
        );
        cell(have.out != want.out, format!("{} output channels instead of {}", have.out, want.out));
        let gate = if have.squeeze_excite { "has squeeze-excite" } else { "lacks squeeze-excite" };
        cell(have.squeeze_excite != want.squeeze_excite, gate.into());
        let function = if have.hard_swish { "hard-swish instead of ReLU" } else { "ReLU instead of hard-swish" };
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
    use Expansion::{OfInput, OfItself};

    fn table(name: &str, width: f64, minimalistic: bool, expansion: Expansion) -> Vec<Block> {
        let table = architecture::load(name).expect(name);
        let table = if minimalistic { table.minimalist().expect(name) } else { table };
        rows(&table.at_width_as(width, expansion))
    }

    #[test]
    fn every_table_finds_itself() {
        let cases = [
            ("MobileNetV3-Large, width 1.0", 16, table("mobilenet-v3-large", 1.0, false, OfInput)),
            ("MobileNetV3-Small minimalistic, width 1.0", 16, table("mobilenet-v3-small", 1.0, true, OfInput)),
            ("MobileNetV3-Small, width 0.5", 8, table("mobilenet-v3-small", 0.5, false, OfItself)),
            ("MobileNetV1, width 0.25", 8, table("mobilenet-v1", 0.25, false, OfInput)),
            ("MobileNetV2, width 1.4", 48, table("mobilenet-v2", 1.4, false, OfInput)),
        ];
        for (name, stem, blocks) in cases {
            let found = nearest(&Layout { stem, blocks, head: vec![] }).expect(name);
            assert_eq!((found.name.as_str(), found.differences), (name, vec![]));
        }
    }

    #[test]
    fn differences_are_joined_over_blocks() {
        let mut blocks = table("mobilenet-v3-small", 1.0, false, OfInput);
        blocks[0].stride = [2, 1];
        blocks[1].stride = [2, 1];
        blocks[4].squeeze_excite = false;
        let found = nearest(&Layout { stem: 16, blocks, head: vec![] }).expect("a table");
        let expected = ["blocks 1, 2: stride [2, 1] instead of [2, 2]", "block 5: lacks squeeze-excite"];
        assert_eq!(found.differences, expected);
        let plain =
            Block { kernel: [3, 3], stride: [1, 1], expanded: 8, out: 8, squeeze_excite: false, hard_swish: false };
        let unlike = vec![plain; 5];
        assert!(nearest(&Layout { stem: 16, blocks: unlike, head: vec![] }).is_none());
    }
}
