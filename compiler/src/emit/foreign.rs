//! The C interface of an emitted crate: header, the functions, an example, and a page on apps.

use super::program::{render, values};
use super::sets::Sets;
use super::{Facts, Files, answers};
use crate::error::Result;
use crate::specs::target::Target;
use bakelite_runtime::isa::Level;
use minijinja::context;

/// Whether the CPU has the instructions, as a library without an operating system can tell.
fn detect(level: Level) -> &'static str {
    match level {
        Level::Portable | Level::Neon => "true",
        Level::NeonDot => "isa::NeonDot::on_this_cpu()",
        Level::I8mm => "isa::I8mm::on_this_cpu()",
        Level::Avx2 => "isa::Avx2::detect().is_some()",
        Level::AvxVnni => "isa::AvxVnni::detect().is_some()",
        Level::Avx512Vnni => "isa::Avx512Vnni::detect().is_some()",
    }
}

/// Adds the files.
pub fn files(files: &mut Files, sets: Sets<'_>, target: &Target, facts: &Facts) -> Result<()> {
    let plan = sets.best();
    let mut start = 0;
    let rows: Vec<minijinja::Value> = answers::fields(&plan.outputs)
        .iter()
        .zip(&plan.outputs)
        .map(|(field, output)| {
            let shape = output.answer.shape;
            let first = start;
            start += shape.len();
            context! {
                upper => field.to_ascii_uppercase(), text => output.answer.to_string().replace("*/", "* /"),
                start => first, end => start - 1, height => shape.height, width => shape.width, channels => shape.channels,
            }
        })
        .collect();
    let values = context! {
        detect => if sets.several() { "true" } else { detect(plan.level) }, upper => facts.name.to_ascii_uppercase(), version => env!("CARGO_PKG_VERSION"),
        target => &target.name, triple => &target.triple, outputs => plan.answers(),
        image => 3 * facts.fit.height * facts.fit.width, arena => sets.memory_bytes(), arena_bound => arena_bound(sets), answers => rows, ..values(sets, facts)
    };
    let mut templates = vec![
        (format!("include/{}.h", facts.name), include_str!("templates/c/header.h")),
        ("src/foreign.rs".to_owned(), include_str!("templates/c/foreign.rs")),
        ("c/example.c".to_owned(), include_str!("templates/c/example.c")),
        ("APPS.md".to_owned(), include_str!("../../../specs/apps.md")),
    ];
    if target.is_wasm() {
        templates.push(("wasm/example.mjs".to_owned(), include_str!("templates/c/example.mjs")));
    }
    for (path, template) in templates {
        let text = render(&path, template, values.clone())?;
        files.insert(path, text.into_bytes());
    }
    Ok(())
}

/// No less than `size_of::<Arena>()`: each of the three sections, and the whole, end at a multiple of 64 bytes.
fn arena_bound(sets: Sets<'_>) -> usize {
    (sets.memory_bytes() + 4 * 64).next_multiple_of(64)
}
