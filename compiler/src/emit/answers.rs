//! What an emitted crate says of its answers, where these are anything but one vector of scores: several outputs, maps of
//! codes, class numbers of pixels.

use super::library::float;
use crate::error::{Error, Result, Stage};
use crate::evaluate::masks;
use crate::plan::{Output, Plan, Slot};
use crate::qgraph::{Answer, Content, Shape};
use std::fmt::Write;

/// Words that no field can be named.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The outputs' names as Rust spells fields, all different.
pub fn fields(outputs: &[Output]) -> Vec<String> {
    let mut fields: Vec<String> = Vec::with_capacity(outputs.len());
    for output in outputs {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut name: String = output.answer.name.chars().map(letter).collect();
        name = name.trim_matches('_').to_owned();
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || KEYWORDS.contains(&name.as_str()) {
            name = format!("output_{name}").trim_end_matches('_').to_owned();
        }
        let same = |name: &str| fields.iter().any(|field| field == name);
        let unique = (2..).map(|n| format!("{name}_{n}")).find(|numbered| !same(numbered));
        let taken = same(&name);
        fields.push(unique.filter(|_| taken).unwrap_or(name));
    }
    fields
}

/// Rust's `&'a` type of an answer.
fn slice(answer: &Answer) -> &'static str {
    match answer.content {
        Content::Reals => "f32",
        Content::Codes(_) | Content::Classes => "u8",
    }
}

/// A name of the file's as part of a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect()
}

fn describe(answer: &Answer) -> String {
    let Shape { height, width, channels } = answer.shape;
    let what = match answer.content {
        Content::Reals => "reals",
        Content::Codes(_) => "codes",
        Content::Classes => "class numbers",
    };
    format!("`{}`: {height} × {width} × {channels} {what}, row by row", one_line(&answer.name))
}

/// `[1.0, 2.0]`, or `[1.0; 2]` where all are the same.
fn array<T: PartialEq>(values: &[T], literal: impl Fn(&T) -> String) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => {
            format!("[{}; {}]", literal(first), values.len())
        }
        _ => format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", ")),
    }
}

/// The items that describe the answers: a module for each, and the struct that [`run`] fills.
pub fn items(plan: &Plan) -> Result<String> {
    let mut out = String::from("/// Shapes of the answers, and what their codes stand for.\npub mod answers {\n");
    let fields = fields(&plan.outputs);
    for (field, Output { answer, slot }) in fields.iter().zip(&plan.outputs) {
        if !matches!(slot, Slot::Map { .. } | Slot::Real { .. }) {
            return Err(Error::new(Stage::Emit, "the network answers its own image")
                .at(&answer.name)
                .remedy("remove this output from the model"));
        }
        let Shape { height, width, channels } = answer.shape;
        let _ = write!(
            out,
            "    /// {}.\n    pub mod {field} {{\n        /// Rows.\n        pub const HEIGHT: usize = {height};\n        \
             /// Columns.\n        pub const WIDTH: usize = {width};\n        /// Channels.\n        \
             pub const CHANNELS: usize = {channels};\n",
            describe(answer),
        );
        if let Content::Codes(codes) = &answer.content {
            let _ = write!(
                out,
                "        /// Real size of one step of each channel's codes.\n        #[rustfmt::skip]\n        \
                 pub const SCALE: [f32; CHANNELS] = {};\n        \
                 /// The code of real zero in each channel: `real = SCALE[c] · (code − ZERO[c])`.\n        \
                 #[rustfmt::skip]\n        pub const ZERO: [u8; CHANNELS] = {};\n",
                array(&codes.scale, |&scale| float(scale)),
                array(&codes.zero, u16::to_string),
            );
        }
        out.push_str("    }\n");
    }
    out.push_str("}\n\n/// What the network answers, until it runs again.\n#[derive(Clone, Copy, Debug)]\npub struct Answers<'a> {\n");
    for (field, Output { answer, .. }) in fields.iter().zip(&plan.outputs) {
        let _ = write!(out, "    /// {}.\n    pub {field}: &'a [{}],\n", describe(answer), slice(answer));
    }
    out.push_str("}\n\nimpl<'a> Answers<'a> {\n    /// All of them as reals, one after the other.\n    pub fn reals(self) -> impl Iterator<Item = f32> + 'a {\n");
    let reals = fields.iter().zip(&plan.outputs).enumerate().map(|(i, (field, Output { answer, .. }))| {
        let values = match answer.content {
            Content::Codes(_) => {
                format!("runtime::answer::reals(self.{field}, &answers::{field}::SCALE, &answers::{field}::ZERO)")
            }
            Content::Classes => format!("self.{field}.iter().map(|&class| f32::from(class))"),
            Content::Reals => format!("self.{field}.iter().copied()"),
        };
        if i == 0 { format!("        {values}") } else { format!("\n            .chain({values})") }
    });
    out.extend(reals);
    out.push_str("\n    }\n}\n");
    Ok(out)
}

/// The end of `run`: where the answers lie.
pub fn collect(plan: &Plan) -> String {
    let mut slots: Vec<Slot> = Vec::new();
    for Output { slot, .. } in &plan.outputs {
        if !slots.contains(slot) {
            slots.push(*slot);
        }
    }
    let mut out = String::new();
    for (section, map) in [("maps", true), ("reals", false)] {
        let pieces: Vec<(usize, (usize, usize))> = slots
            .iter()
            .enumerate()
            .filter_map(|(i, slot)| match *slot {
                Slot::Map { start, len } if map => Some((i, (start, len))),
                Slot::Real { start, len } if !map => Some((i, (start, len))),
                _ => None,
            })
            .collect();
        if !pieces.is_empty() {
            let names: Vec<String> = pieces.iter().map(|(i, _)| format!("y{i}")).collect();
            let ranges: Vec<String> = pieces.iter().map(|(_, range)| format!("{range:?}")).collect();
            let _ = writeln!(
                out,
                "    let [{}] = split(&mut arena.{section}.0, [{}]);",
                names.join(", "),
                ranges.join(", ")
            );
        }
    }
    let fields = fields(&plan.outputs).into_iter().zip(&plan.outputs).map(|(field, output)| {
        let piece = slots.iter().position(|slot| *slot == output.slot).unwrap_or(0);
        format!("{field}: y{piece}")
    });
    let _ = write!(out, "    Answers {{ {} }}", fields.collect::<Vec<_>>().join(", "));
    out
}

/// What the program knows of the answers: `src/cli/outputs.rs`.
pub fn settings(plan: &Plan) -> String {
    let answers: Vec<Answer> = plan.outputs.iter().map(|output| output.answer.clone()).collect();
    let rows: Vec<String> = answers
        .iter()
        .map(|answer| {
            let Shape { height, width, channels } = answer.shape;
            format!("    Output {{ name: {:?}, shape: [{height}, {width}, {channels}] }},\n", answer.name)
        })
        .collect();
    let mask = masks::mask(&answers).map(|(start, answer)| {
        let kind = match masks::threshold(answer) {
            _ if answer.content == Content::Classes => "Pixels::Classes".to_owned(),
            Some(threshold) => format!("Pixels::YesAbove({threshold:?})"),
            None => "Pixels::Largest".to_owned(),
        };
        let index = answers.iter().position(|other| std::ptr::eq(other, answer)).unwrap_or(0);
        format!("Some(Mask {{ output: {index}, start: {start}, pixels: {kind} }})")
    });
    format!(
        "//! What the network answers.\n\nuse crate::show::{{Mask, Output, Pixels}};\n\n\
         /// In the order of the model's file.\n#[rustfmt::skip]\npub const OUTPUTS: &[Output] = &[\n{}];\n\n\
         /// The answer that says of every pixel what it is.\npub const MASK: Option<Mask> = {};\n",
        rows.concat(),
        mask.unwrap_or("None".into()),
    )
}
