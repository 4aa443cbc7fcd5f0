//! `src/lib.rs` of the emitted crate: one function per block, one call per layer.

use super::layers::constant_name;
use super::{Facts, answers};
use crate::error::{Error, Result, Stage};
use crate::plan::{Kernel, Plan, Slot, Step};
use crate::qgraph::{Codes, Kind, QGraph, Shape};
use crate::specs::target::Target;
use crate::weightless::Weightless;
use bakelite_runtime::isa::Level;
use std::fmt::Write;

/// The text of the library.
pub fn library(q: &QGraph, plan: &Plan, target: &Target, facts: &Facts) -> Result<String> {
    let Shape { height, width, channels } = plan.input;
    let names = block_names(plan);
    let scores = plan.scores().is_some();
    let mut out = String::new();
    let mut put = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    put(format!(
        "//! {}: int8, for {} ({}).\n//!\n\
         //! Written by Bakelite {}. `{}` says from what. No heap, no dependency, no panic; the answers are the same, bit\n\
         //! for bit, on every CPU.\n//!\n\
         //! ```\n//! static NETWORK: std::sync::Mutex<{name}::Network> = std::sync::Mutex::new({name}::Network::new());\n\
         //! let image = [0; {name}::IMAGE_LEN];\n\
         //! {example}\n//! ```\n\
         #![no_std]\n#![deny(unsafe_code)]\n#![allow(long_running_const_eval)]\n",
        facts.title,
        target.name,
        plan.level.name(),
        env!("CARGO_PKG_VERSION"),
        super::MARK,
        name = facts.name,
        example = if scores {
            format!(
                "let logits = NETWORK.lock().unwrap().run(&image).to_owned();\n//! assert_eq!(logits.len(), {}::OUTPUTS);",
                facts.name
            )
        } else {
            format!(
                "let reals: Vec<f32> = NETWORK.lock().unwrap().run(&image).reals().collect();\n//! assert_eq!(reals.len(), {}::OUTPUTS);",
                facts.name
            )
        },
    ));
    put(format!(
        "#[cfg(feature = \"c\")]\n#[allow(unsafe_code)]\nmod foreign;\n#[rustfmt::skip]\nmod layers;\n\
         #[doc(hidden)]\n#[allow(unsafe_code, dead_code, unused_imports, missing_docs, clippy::all)]\npub mod runtime;\n\n\
         use runtime::arena::split;\nuse runtime::{{isa{}, parallel}};\n\n{}\n",
        if plan.steps.iter().any(names_kernel) { ", kernel" } else { "" },
        token(plan.level)?
    ));
    put(format!(
        "/// Rows of the image.\npub const HEIGHT: usize = {height};\n\
         /// Columns of the image.\npub const WIDTH: usize = {width};\n\
         /// Channels of the image: {}, interleaved.\npub const CHANNELS: usize = {channels};\n\
         /// Bytes of the image.\npub const IMAGE_LEN: usize = HEIGHT * WIDTH * CHANNELS;\n\
         /// Numbers that the network answers.\npub const OUTPUTS: usize = {};\n{}",
        if channels == 3 { "red, green, blue" } else { "as the network was trained" },
        plan.answers(),
        match q.scores() {
            Some(output) => format!(
                "/// Real size of one step of [`Network::codes`].\npub const OUTPUT_STEP: f32 = {};\n",
                float(output.step)
            ),
            None => format!("\n{}", answers::items(plan)?),
        },
    ));
    let arena = plan.arena;
    put(format!(
        "/// The memory of a run: {} bytes.\ntype Arena = runtime::arena::Arena<{}, {}, {}, {}>;\n",
        plan.memory_bytes(),
        arena.maps,
        arena.wide,
        arena.reals,
        if scores { "OUTPUTS" } else { "0" },
    ));
    let answer = |lifetime: &str| match plan.scores() {
        Some(_) => format!("&{lifetime}[f32; OUTPUTS]"),
        None => format!("Answers<{}>", if lifetime.is_empty() { "'_" } else { lifetime.trim() }),
    };
    put(format!(
        "/// The network: its weights are constants, its memory is here.\npub struct Network {{\n    arena: Arena,\n    team: isa::Team,\n}}\n\n\
         impl Default for Network {{\n    fn default() -> Self {{\n        Self::new()\n    }}\n}}\n\n\
         impl Network {{\n    /// All zeros: a `static` of it costs nothing in the file.\n    pub const fn new() -> Self {{\n        \
         Self {{ arena: Arena::new(), team: isa::Team::alone() }}\n    }}\n\n    \
         /// From now on so many threads, the caller among them, compute together: the same bits, whatever the number.\n    \
         /// The others sleep between images.\n    \
         #[cfg(feature = \"threads\")]\n    pub fn set_threads(&mut self, threads: usize) {{\n        self.team = isa::Team::new(threads);\n    }}\n\n    \
         /// The network's answer for an image of raw bytes, row by row, channels interleaved.\n    \
         pub fn run(&mut self, image: &[u8; IMAGE_LEN]) -> {} {{\n        \
         infer(image, &mut self.arena, &mut self.team)\n    }}{}\n}}\n",
        answer(""),
        if scores {
            "\n\n    /// The last answer in int8: `answer = code · OUTPUT_STEP`, to the nearest.\n    \
             pub fn codes(&self) -> [i8; OUTPUTS] {\n        \
             self.arena.output.map(|value| runtime::kernel::code_i8(value / OUTPUT_STEP))\n    }"
        } else {
            ""
        },
    ));
    put(format!(
        "/// One block after the other.\nfn infer<'a>(image: &[u8; IMAGE_LEN], arena: &'a mut Arena, team: &mut isa::Team) -> {} {{",
        answer("'a ")
    ));
    for (block, name) in names.iter().enumerate() {
        let image = plan.steps.iter().any(|s| s.block == block && s.inputs.contains(&Slot::Image));
        put(format!("    {name}({}arena, team);", if image { "image, " } else { "" }));
    }
    put(if scores { "    &arena.output\n}\n".into() } else { answers::collect(plan) + "\n}\n" });
    for (block, name) in names.iter().enumerate() {
        let steps: Vec<(usize, &Step)> = plan.steps.iter().enumerate().filter(|(_, s)| s.block == block).collect();
        let image = steps.iter().any(|(_, s)| s.inputs.contains(&Slot::Image));
        let macs: usize = steps.iter().map(|(_, s)| s.kernel.macs()).sum();
        put(format!(
            "/// {:.2} M multiply-accumulates.\nfn {name}({}arena: &mut Arena, {}team: &mut isa::Team) {{",
            macs as f64 / 1e6,
            if image { "image: &[u8; IMAGE_LEN], " } else { "" },
            if steps.iter().any(|(_, s)| shared(&s.kernel)) { "" } else { "_" }
        ));
        for (index, step) in steps {
            put(call(q, index, step));
        }
        put("}\n".into());
    }
    Ok(out.trim_end().to_owned() + "\n")
}

/// `stem`, `block_01` …, `head`.
fn block_names(plan: &Plan) -> Vec<String> {
    let last = plan.steps.iter().map(|s| s.block).max().unwrap_or(0);
    (0..=last)
        .map(|block| match block {
            0 => "stem".to_owned(),
            b if b == last => "head".to_owned(),
            b => format!("block_{b:02}"),
        })
        .collect()
}

/// The proof that the CPU has the instructions: the crate does not compile without them.
fn token(level: Level) -> Result<String> {
    let (name, features) = match level {
        Level::Portable => return Ok("const ISA: isa::Portable = isa::Portable::from_target();".into()),
        Level::Avx2 => ("Avx2", "+avx2"),
        Level::AvxVnni => ("AvxVnni", "+avx2,+avxvnni"),
        Level::Avx512Vnni => ("Avx512Vnni", "+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512vnni"),
        Level::Neon => ("Neon", "+neon"),
        Level::NeonDot => ("NeonDot", "+neon,+dotprod"),
        Level::I8mm => ("I8mm", "+neon,+i8mm"),
    };
    let all: Vec<String> =
        features.split(',').map(|f| format!("target_feature = \"{}\"", f.trim_start_matches('+'))).collect();
    let all = all.join(", ");
    if name.is_empty() {
        return Err(Error::new(Stage::Emit, "no token for this instruction set"));
    }
    Ok(format!(
        "#[cfg(not(all({all})))]\ncompile_error!(\n    \"this network uses {name}: build with RUSTFLAGS=\\\"-C target-feature={features}\\\" \
         (or copy .cargo/config.toml beside your own Cargo.toml)\"\n);\n\
         #[cfg(all({all}))]\nconst ISA: isa::{name} = isa::{name}::from_target();"
    ))
}

/// Whether the call of a step names the module `kernel`.
fn names_kernel(step: &Step) -> bool {
    !shared(&step.kernel) || matches!(step.kernel, Kernel::Dense { reals: Some(_), .. })
}

/// Whether threads share it: layers without that are a thousandth of the work.
fn shared(kernel: &Kernel) -> bool {
    match kernel {
        Kernel::Pointwise { .. }
        | Kernel::Depthwise { .. }
        | Kernel::Convolution { .. }
        | Kernel::Dense { .. }
        | Kernel::Gate { .. }
        | Kernel::Add { .. } => true,
        Kernel::Mean { .. }
        | Kernel::Gated { .. }
        | Kernel::Weightless { .. }
        | Kernel::Table { .. }
        | Kernel::MaxPool { .. }
        | Kernel::Softmax { .. } => false,
    }
}

/// One call, under a comment with shape, scale, kernel and memory.
fn call(q: &QGraph, index: usize, step: &Step) -> String {
    let mut out = String::new();
    let tensor = q.tensor(step.tensor);
    let Shape { height, width, channels } = tensor.shape;
    let _ = writeln!(
        out,
        "    // {}: {} → {height}×{width}×{channels}{}",
        step.name.replace(['\n', '\r'], " "),
        describe(&step.kernel),
        match &tensor.kind {
            Kind::Map(codes) if tensor.fine => format!(", 12 bits in two planes of u8, {}", scales(codes)),
            Kind::Map(codes) => format!(", u8, {}", scales(codes)),
            Kind::Wide { codes, top } => format!(", u16 to {top}, {}", scales(codes)),
            Kind::Real => ", f32".into(),
        }
    );
    // Pieces of the arena by section, in the order in which the call names them.
    let mut maps: Vec<(&str, usize, usize)> = Vec::new();
    let mut wide = Vec::new();
    let mut reals = Vec::new();
    let inputs = match &step.kernel {
        Kernel::Gated { .. } => ["x", "gate", "second"],
        _ => ["x", "second", ""],
    };
    let numbered: Vec<String> = match &step.kernel {
        Kernel::Weightless { .. } => (0..step.inputs.len()).map(|i| format!("x{i}")).collect(),
        _ => inputs.map(str::to_owned).into(),
    };
    let slots = step
        .inputs
        .iter()
        .zip(numbered.iter().map(String::as_str))
        .chain(step.scratch.iter().map(|s| (s, "scratch")))
        .chain(std::iter::once((&step.output, "y")));
    for (slot, name) in slots {
        match *slot {
            Slot::Image | Slot::Output => {}
            Slot::Map { start, len } => maps.push((name, start, len)),
            Slot::Wide { start, len } => wide.push((name, start, len)),
            Slot::Real { start, len } => reals.push((name, start, len)),
        }
    }
    for (section, pieces) in [("maps", maps), ("wide", wide), ("reals", reals)] {
        if pieces.is_empty() {
            continue;
        }
        let names: Vec<&str> = pieces.iter().map(|p| p.0).collect();
        let ranges: Vec<String> = pieces.iter().map(|p| format!("({}, {})", p.1, p.2)).collect();
        let _ =
            writeln!(out, "    let [{}] = split(&mut arena.{section}.0, [{}]);", names.join(", "), ranges.join(", "));
    }
    let name = |slot: &Slot, name: &'static str| match slot {
        Slot::Image => "image",
        Slot::Output => "&mut arena.output",
        Slot::Map { .. } | Slot::Wide { .. } | Slot::Real { .. } => name,
    };
    let x = name(&step.inputs[0], "x");
    let other = |i: usize| step.inputs.get(i).map_or("&[]", |slot| name(slot, inputs[i]));
    let second = other(1);
    let y = name(&step.output, "y");
    let layer = constant_name(index);
    let _ = match &step.kernel {
        Kernel::Pointwise { .. } => {
            writeln!(out, "    parallel::pointwise(ISA, team, &layers::{layer}, {x}, {second}, {y});")
        }
        Kernel::Depthwise { .. } => {
            writeln!(out, "    parallel::depthwise(ISA, team, &layers::{layer}, {x}, {second}, {y});")
        }
        Kernel::Convolution { .. } => {
            let scratch = if step.scratch.is_some() { "scratch" } else { "&mut []" };
            writeln!(out, "    parallel::convolution(ISA, team, &layers::{layer}, {x}, {second}, {scratch}, {y});")
        }
        Kernel::Dense { reals: None, .. } => {
            writeln!(out, "    parallel::dense_codes(ISA, team, &layers::{layer}, {x}, {y});")
        }
        Kernel::Dense { reals: Some(activation), .. } => {
            writeln!(
                out,
                "    parallel::dense_reals(ISA, team, &layers::{layer}, {}, {x}, {y});",
                real_activation(*activation)
            )
        }
        Kernel::Mean { top: None, .. } => writeln!(out, "    kernel::mean_reals(ISA, &layers::{layer}, {x}, {y});"),
        Kernel::Mean { .. } => writeln!(out, "    kernel::mean(ISA, &layers::{layer}, {x}, {y});"),
        Kernel::Gate { .. } => writeln!(out, "    parallel::gate(ISA, team, &layers::{layer}, {x}, {second}, {y});"),
        Kernel::Add { .. } => writeln!(out, "    parallel::add(ISA, team, &layers::{layer}, {x}, {second}, {y});"),
        Kernel::Gated { .. } => {
            let sum = other(2);
            writeln!(out, "    kernel::gated(ISA, &layers::{layer}, {x}, {second}, {sum}, scratch, {y});")
        }
        Kernel::Weightless { op, .. } => writeln!(out, "{}", weightless(op, &layer, step)),
        Kernel::Table { .. } => writeln!(out, "    kernel::table(ISA, &layers::{layer}, {x}, {y});"),
        Kernel::MaxPool { .. } => writeln!(out, "    kernel::max_pool(ISA, &layers::{layer}, {x}, {y});"),
        Kernel::Softmax { .. } => writeln!(out, "    kernel::softmax({x}, {y});"),
    };
    out.trim_end().to_owned()
}

/// The call of an operation without weights, whose inputs are `x0`, `x1` …
fn weightless(op: &Weightless, layer: &str, step: &Step) -> String {
    let op = op.layer();
    let list = op.takes_a_list();
    let input = |(i, slot): (usize, &Slot)| match slot {
        Slot::Image if list => "image.as_slice()".to_owned(),
        Slot::Image => "image".to_owned(),
        Slot::Output => "&arena.output".to_owned(),
        Slot::Map { .. } | Slot::Wide { .. } | Slot::Real { .. } if list => format!("&*x{i}"),
        Slot::Map { .. } | Slot::Wide { .. } | Slot::Real { .. } => format!("x{i}"),
    };
    let inputs: Vec<String> = step.inputs.iter().enumerate().map(input).collect();
    let inputs = if list { format!("&[{}]", inputs.join(", ")) } else { inputs.join(", ") };
    let y = if step.output == Slot::Output { "&mut arena.output" } else { "y" };
    format!("    kernel::{}({}{inputs}, {y});", op.name(), op.arguments(&format!("layers::{layer}")))
}

fn real_activation(activation: crate::qgraph::RealActivation) -> String {
    use crate::qgraph::RealActivation;
    match activation {
        RealActivation::Linear => "kernel::RealActivation::Linear".into(),
        RealActivation::Clip { lo, hi } => {
            format!("kernel::RealActivation::Clip {{ lo: {}, hi: {} }}", float(lo), float(hi))
        }
        RealActivation::Sigmoid => "kernel::RealActivation::Sigmoid".into(),
    }
}

/// A Rust literal of exactly this value.
pub fn float(value: f32) -> String {
    if value == f32::INFINITY {
        "f32::INFINITY".into()
    } else if value == f32::NEG_INFINITY {
        "f32::NEG_INFINITY".into()
    } else {
        format!("{value:?}")
    }
}

fn describe(kernel: &Kernel) -> String {
    match kernel {
        Kernel::Pointwise { in_channels, out_channels, epilogue, .. } => format!(
            "pointwise {in_channels} → {out_channels}{}{}",
            if epilogue.residual.is_some() { " + sum" } else { "" },
            if epilogue.hard_swish.is_some() { ", hard-swish" } else { "" }
        ),
        Kernel::Depthwise { window, epilogue, .. } => format!(
            "depthwise {}×{}/{}{}",
            window.kernel[0],
            window.kernel[1],
            window.stride[0],
            if epilogue.hard_swish.is_some() { ", hard-swish" } else { "" }
        ),
        Kernel::Convolution { window, epilogue, .. } => format!(
            "convolution {}×{}/{}{}",
            window.kernel[0],
            window.kernel[1],
            window.stride[0],
            if epilogue.hard_swish.is_some() { ", hard-swish" } else { "" }
        ),
        Kernel::Dense { in_channels, out_channels, .. } => format!("dense {in_channels} → {out_channels}"),
        Kernel::Mean { shape, .. } => format!("mean of {}×{}", shape.height, shape.width),
        Kernel::Gate { .. } => "gate".into(),
        Kernel::Gated { in_channels, out_channels, epilogue, .. } => format!(
            "gated pointwise {in_channels} → {out_channels}{}",
            if epilogue.residual.is_some() { " + sum" } else { "" },
        ),
        Kernel::Add { .. } => "sum".into(),
        Kernel::Weightless { op, .. } => op.layer().describe(),
        Kernel::Table { .. } => "table".into(),
        Kernel::MaxPool { window, .. } => format!("maximum of {}×{}", window.kernel[0], window.kernel[1]),
        Kernel::Softmax { .. } => "softmax".into(),
    }
}

/// `scale 0.0123`, or the range of per-channel scales.
fn scales(codes: &Codes) -> String {
    let lo = codes.scale.iter().copied().fold(f32::INFINITY, f32::min);
    let hi = codes.scale.iter().copied().fold(0.0, f32::max);
    if lo == hi { format!("scale {lo:.3e}") } else { format!("scales {lo:.2e} to {hi:.2e}") }
}
