//! `layers.rs` of a kernel set: one constant per layer.

use super::bands;
use super::blob::Blob;
use crate::plan::constants::{Bytes, EpilogueSpans, Floats, Ints};
use crate::plan::{Kernel, Plan};
use crate::qgraph::{QGraph, Shape, Window};
use bakelite_runtime::kernel::Tile;
use std::fmt::Write;

/// `L07` of step 7.
pub fn constant_name(index: usize) -> String {
    format!("L{index:02}")
}

/// Where a plan's numbers lie: file name of each blob, or the module that has them already.
#[derive(Clone, Debug)]
pub struct Places {
    /// From the module's own file to the crate's folder.
    pub root: &'static str,
    /// Of each of [`Blob::ALL`], in this order.
    pub blobs: [Place; 3],
}

/// Where the numbers of one blob lie.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a file of this name.
    File(String),
    /// In the static of this module.
    Module(String),
}

/// The text of the constants.
pub fn layers(q: &QGraph, plan: &Plan, places: &Places) -> String {
    let uses = if plan.bands.is_empty() { "" } else { "use crate::runtime::band::{Band, Layer};\n" };
    let mut out = format!(
        "//! The layers' constants: shapes here, numbers in the crate's folder: packed weights (for {}), scales (f32) and offsets\n\
         //! (i32), little-endian.\n\n\
         {uses}use crate::runtime::blob::{{self, Aligned}};\nuse crate::runtime::kernel::*;\n\
         use crate::runtime::layer::{{Activation, Epilogue, Shape, Window}};\n\n",
        plan.level.name(),
    );
    for (blob, place) in Blob::ALL.into_iter().zip(&places.blobs) {
        let (name, len) = (blob.stem().to_ascii_uppercase(), blob.len(plan));
        let (kind, read) = match blob {
            Blob::Weights => ("u8", ["*", ""]),
            Blob::Scales => ("f32", ["blob::f32s(", ")"]),
            Blob::Offsets => ("i32", ["blob::i32s(", ")"]),
        };
        let _ = match place {
            Place::File(file) => writeln!(
                out,
                "pub static {name}: Aligned<[{kind}; {len}]> = Aligned({}include_bytes!(\"{}{file}\"){});",
                read[0], places.root, read[1]
            ),
            Place::Module(module) => writeln!(out, "use {module}::{name};"),
        };
    }
    out += "\nconst fn bytes(start: usize, len: usize) -> &'static [u8] {\n    blob::slice(&WEIGHTS.0, start, len)\n}\n\n\
            const fn floats(start: usize, len: usize) -> &'static [f32] {\n    blob::slice(&SCALES.0, start, len)\n}\n\n\
            const fn ints(start: usize, len: usize) -> &'static [i32] {\n    blob::slice(&OFFSETS.0, start, len)\n}\n";
    for (index, step) in plan.steps.iter().enumerate() {
        if let Some((kind, fields)) = constant(&step.kernel) {
            let constructor = kind.trim_end_matches("<'static>");
            let _ = write!(
                out,
                "\n/// {} → {}\npub static {}: {kind} = {constructor} {{\n{fields}}};\n",
                step.name.replace(['\n', '\r'], " "),
                q.tensor(step.tensor).name.replace(['\n', '\r'], " "),
                constant_name(index),
            );
        }
    }
    for band in &plan.bands {
        out += &bands::constant(plan, band);
    }
    out
}

fn tile(Tile { rows, vectors }: Tile) -> String {
    format!("Tile {{ rows: {rows}, vectors: {vectors} }}")
}

/// Type and fields; `None` for kernels without constants.
fn constant(kernel: &Kernel) -> Option<(&'static str, String)> {
    Some(match kernel {
        Kernel::Pointwise { pixels, in_channels, out_channels, weights, epilogue: e, tile: t, ahead } => (
            "Pointwise<'static>",
            fields(&[
                ("pixels", pixels.to_string()),
                ("in_channels", in_channels.to_string()),
                ("out_channels", out_channels.to_string()),
                ("weights", bytes(*weights)),
                ("epilogue", epilogue(e)),
                ("tile", tile(*t)),
                ("ahead", bytes(*ahead)),
            ]),
        ),
        Kernel::Depthwise { input, output, window: w, weights, pad_code, epilogue: e } => (
            "Depthwise<'static>",
            fields(&[
                ("input", shape(*input)),
                ("output", shape(*output)),
                ("window", window(w)),
                ("weights", bytes(*weights)),
                ("pad_code", bytes(*pad_code)),
                ("epilogue", epilogue(e)),
            ]),
        ),
        Kernel::Convolution { input, output, window: w, groups, weights, pad_code, epilogue: e } => (
            "Convolution<'static>",
            fields(&[
                ("input", shape(*input)),
                ("output", shape(*output)),
                ("window", window(w)),
                ("groups", groups.to_string()),
                ("weights", bytes(*weights)),
                ("pad_code", bytes(*pad_code)),
                ("epilogue", epilogue(e)),
            ]),
        ),
        Kernel::Dense { in_channels, out_channels, weights, epilogue: e, top, reals: _ } => (
            "Dense<'static>",
            fields(&[
                ("in_channels", in_channels.to_string()),
                ("out_channels", out_channels.to_string()),
                ("weights", bytes(*weights)),
                ("epilogue", epilogue(e)),
                ("top", top.to_string()),
            ]),
        ),
        Kernel::Mean { shape: s, fine, multiplier, bias, top } => (
            "Mean<'static>",
            fields(&[
                ("shape", shape(*s)),
                ("fine", fine.to_string()),
                ("multiplier", floats(*multiplier)),
                ("bias", floats(*bias)),
                ("top", top.unwrap_or(0).to_string()),
            ]),
        ),
        Kernel::Gate { shape: s, fine, multiplier, zero, bias, hard_swish } => (
            "Gate<'static>",
            fields(&[
                ("shape", shape(*s)),
                ("fine", format!("{fine:?}")),
                ("multiplier", floats(*multiplier)),
                ("zero", floats(*zero)),
                ("bias", floats(*bias)),
                ("activation", activation(hard_swish.as_ref())),
            ]),
        ),
        Kernel::Gated {
            pixels,
            in_channels,
            fine_input,
            out_channels,
            weights,
            factor,
            zero,
            epilogue: e,
            tile: t,
        } => (
            "Gated<'static>",
            fields(&[
                ("pixels", pixels.to_string()),
                ("in_channels", in_channels.to_string()),
                ("fine_input", fine_input.to_string()),
                ("out_channels", out_channels.to_string()),
                ("weights", bytes(*weights)),
                ("factor", floats(*factor)),
                ("zero", floats(*zero)),
                ("epilogue", epilogue(e)),
                ("tile", tile(*t)),
            ]),
        ),
        Kernel::Add { shape: s, fine, first, second, bias } => (
            "Add<'static>",
            fields(&[
                ("shape", shape(*s)),
                ("fine", format!("{fine:?}")),
                ("first", floats(*first)),
                ("second", floats(*second)),
                ("bias", floats(*bias)),
                ("activation", activation(None)),
            ]),
        ),
        Kernel::Weightless { text, .. } => {
            let text = text.as_ref()?;
            (text.kind, fields(&text.fields))
        }
        Kernel::Table { len, table } => (
            "Table<'static>",
            fields(&[
                ("len", len.to_string()),
                (
                    "table",
                    format!(
                        "match bytes({}, 256).first_chunk() {{ Some(table) => table, None => &[0; 256] }}",
                        table.start
                    ),
                ),
            ]),
        ),
        Kernel::MaxPool { input, output, window: w } => {
            ("MaxPool", fields(&[("input", shape(*input)), ("output", shape(*output)), ("window", window(w))]))
        }
        Kernel::Softmax { .. } => return None,
    })
}

fn fields(fields: &[(&str, String)]) -> String {
    fields.iter().fold(String::new(), |mut out, (name, value)| {
        let _ = writeln!(out, "    {name}: {value},");
        out
    })
}

fn bytes(span: Bytes) -> String {
    format!("bytes({}, {})", span.start, span.len)
}

fn floats(span: Floats) -> String {
    format!("floats({}, {})", span.start, span.len)
}

fn ints(span: Ints) -> String {
    format!("ints({}, {})", span.start, span.len)
}

fn shape(shape: Shape) -> String {
    format!("Shape::new({}, {}, {})", shape.height, shape.width, shape.channels)
}

fn window(w: &Window) -> String {
    format!("Window {{ kernel: {:?}, stride: {:?}, dilation: {:?}, pad: {:?} }}", w.kernel, w.stride, w.dilation, w.pad)
}

fn activation(hard_swish: Option<&(Floats, Floats)>) -> String {
    match hard_swish {
        None => "Activation::Linear".into(),
        Some((half, zero)) => {
            format!("Activation::HardSwish {{ half: {}, zero: {} }}", floats(*half), floats(*zero))
        }
    }
}

fn maybe(span: Option<Floats>) -> String {
    span.map_or("None".to_owned(), |span| format!("Some({})", floats(span)))
}

fn epilogue(e: &EpilogueSpans) -> String {
    format!(
        "Epilogue {{ offset: {}, multiplier: {}, bias: {}, residual: {}, activation: {}, fine: {}, fine_residual: {}, shift: {} }}",
        ints(e.offset),
        floats(e.multiplier),
        maybe(e.bias),
        maybe(e.residual),
        activation(e.hard_swish.as_ref()),
        e.fine,
        e.fine_residual,
        e.shift.map_or("None".to_owned(), |span| format!("Some({})", ints(span))),
    )
}
