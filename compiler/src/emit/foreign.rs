//! The C interface of an emitted crate: header, the functions, an example, and a page on apps.

use super::program::{render, values};
use super::sets::Sets;
use super::{Facts, Files, answers};
use crate::error::{Error, Result, Stage};
use crate::specs::target::Target;
use bakelite_runtime::isa::Level;
use minijinja::context;

/// Whether the CPU has the instructions, as a library without an operating system can tell.
fn detect(level: Level) -> &'static str {
    match level {
        Level::Portable | Level::Neon | Level::Simd128 => "true",
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
    let rows = answers::fields(&plan.outputs)
        .iter()
        .zip(&plan.outputs)
        .map(|(field, output)| {
            let (shape, first) = (output.answer.shape, start);
            start += shape.len();
            Ok(context! {
                upper => field.to_ascii_uppercase(), text => output.answer.to_string().replace("*/", "* /"), name => json(&output.answer.name)?,
                start => first, end => start - 1, height => shape.height, width => shape.width, channels => shape.channels,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let values = context! {
        detect => if sets.several() { "true" } else { detect(plan.level) }, upper => facts.name.to_ascii_uppercase(), version => env!("CARGO_PKG_VERSION"),
        target => &target.name, triple => &target.triple, outputs => plan.answers(),
        labels => json(&facts.labels)?, probabilities => facts.probabilities,
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
        templates.push(("wasm/index.html".to_owned(), include_str!("templates/c/index.html")));
    }
    for (path, template) in templates {
        let text = render(&path, template, values.clone())?;
        files.insert(path, text.into_bytes());
    }
    Ok(())
}

/// JSON that may stand inside of a page: no tag begins in it.
fn json(value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|e| Error::new(Stage::Emit, e.to_string()))?;
    Ok(text.replace('<', "\\u003c"))
}

/// No less than `size_of::<Arena>()`: each of the three sections, and the whole, end at a multiple of 64 bytes.
fn arena_bound(sets: Sets<'_>) -> usize {
    (sets.memory_bytes() + 4 * 64).next_multiple_of(64)
}
