//! The calls of a plan: one function per block, one call per layer.

use super::answers;
use super::bands;
use super::layers::constant_name;
use super::library::float;
use crate::plan::{Kernel, Plan, Slot, Step};
use crate::qgraph::{Codes, Kind, QGraph, Shape};
use crate::weightless::Weightless;
use std::fmt::Write;

/// How the calls name the proof that the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    /// The crate's constant.
    Constant,
    /// An argument of this type in `runtime::isa`.
    Argument(&'static str),
}

impl Token {
    /// In a call of a kernel.
    const fn name(self) -> &'static str {
        match self {
            Self::Constant => "ISA",
            Self::Argument(_) => "isa",
        }
    }

    /// Before the other parameters of a function.
    fn parameter(self, used: bool) -> String {
        match self {
            Self::Constant => String::new(),
            Self::Argument(kind) => format!("{}isa: isa::{kind}, ", if used { "" } else { "_" }),
        }
    }

    /// Before the other arguments of a call.
    const fn argument(self) -> &'static str {
        match self {
            Self::Constant => "",
            Self::Argument(_) => "isa, ",
        }
    }
}

/// The type of what a run returns.
pub fn answer(plan: &Plan, lifetime: &str) -> String {
    match plan.scores() {
        Some(_) if lifetime.is_empty() => "&[f32; OUTPUTS]".into(),
        Some(_) => format!("&{lifetime} [f32; OUTPUTS]"),
        None => format!("Answers<{}>", if lifetime.is_empty() { "'_" } else { lifetime }),
    }
}

/// `infer` and the functions that it calls.
pub fn calls(q: &QGraph, plan: &Plan, token: Token) -> String {
    let names = block_names(plan);
    let scores = plan.scores().is_some();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "/// One block after the other.\n{}fn infer<'a>({}image: &[u8; IMAGE_LEN], arena: &'a mut Arena, team: &mut isa::Team) -> {} {{",
        if matches!(token, Token::Argument(_)) { "pub " } else { "" },
        token.parameter(true),
        answer(plan, "'a")
    );
    for (block, name) in names.iter().enumerate().filter(|(block, _)| plan.steps.iter().any(|s| s.block == *block)) {
        let image = plan.steps.iter().any(|s| s.block == block && s.inputs.contains(&Slot::Image));
        let _ = writeln!(out, "    {name}({}{}arena, team);", token.argument(), if image { "image, " } else { "" });
    }
    out += &if scores { "    &arena.output\n}\n".into() } else { answers::collect(plan) + "\n}\n" };
    for (block, name) in names.iter().enumerate() {
        let steps: Vec<(usize, &Step)> = plan.steps.iter().enumerate().filter(|(_, s)| s.block == block).collect();
        let image = steps.iter().any(|(_, s)| s.inputs.contains(&Slot::Image));
        let macs: usize = steps.iter().map(|(_, s)| s.kernel.macs()).sum();
        if steps.is_empty() {
            continue;
        }
        let body: String = steps.iter().map(|(index, step)| line(q, plan, *index, step, token.name())).collect();
        let _ = writeln!(
            out,
            "\n/// {:.2} M multiply-accumulates.\nfn {name}({}{}arena: &mut Arena, {}team: &mut isa::Team) {{\n{body}}}",
            macs as f64 / 1e6,
            token.parameter(body.contains("(isa, ")),
            if image { "image: &[u8; IMAGE_LEN], " } else { "" },
            if body.contains(" team, ") { "" } else { "_" }
        );
    }
    out
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

/// The modules of the runtime that the calls name.
pub fn imports(plan: &Plan) -> String {
    let banded = |index: &usize| plan.bands.iter().any(|band| band.choice.steps().contains(index));
    let alone = || plan.steps.iter().enumerate().filter(|(index, _)| !banded(index)).map(|(_, step)| step);
    let named = [
        ("band", !plan.bands.is_empty()),
        ("isa", true),
        ("kernel", alone().any(names_kernel)),
        ("parallel", alone().any(|step| shared(&step.kernel))),
    ];
    let named: Vec<&str> = named.iter().filter(|(_, named)| *named).map(|(name, _)| *name).collect();
    if let [one] = named.as_slice() { (*one).to_owned() } else { format!("{{{}}}", named.join(", ")) }
}

/// Whether the call of a step names the module `kernel`.
fn names_kernel(step: &Step) -> bool {
    !shared(&step.kernel) || matches!(step.kernel, Kernel::Dense { reals: Some(_), .. })
}

/// Whether threads share it.
fn shared(kernel: &Kernel) -> bool {
    match kernel {
        Kernel::Pointwise { .. }
        | Kernel::Depthwise { .. }
        | Kernel::Convolution { .. }
        | Kernel::Dense { .. }
        | Kernel::Gate { .. }
        | Kernel::Gated { .. }
        | Kernel::Add { .. } => true,
        Kernel::Mean { .. }
        | Kernel::Weightless { .. }
        | Kernel::Table { .. }
        | Kernel::MaxPool { .. }
        | Kernel::Softmax { .. } => false,
    }
}

/// A step's call with the comment above it. Of a band, each step has a comment, and the last one the call.
fn line(q: &QGraph, plan: &Plan, index: usize, step: &Step, isa: &str) -> String {
    let mut out = comment(q, step);
    match plan.bands.iter().find(|band| band.choice.steps().contains(&index)) {
        Some(band) if index == band.choice.last() => out += &bands::call(plan, band, isa),
        Some(_) => {}
        None => out += &call(index, step, isa),
    }
    out
}

/// `let` of the pieces of a section, if there are any.
pub(super) fn pieces_of(section: &str, pieces: &[(&str, usize, usize)]) -> String {
    if pieces.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = pieces.iter().map(|p| p.0).collect();
    let ranges: Vec<String> = pieces.iter().map(|p| format!("({}, {})", p.1, p.2)).collect();
    format!("    let [{}] = split(&mut arena.{section}.0, [{}]);\n", names.join(", "), ranges.join(", "))
}

/// A comment with shape, scale, kernel and memory.
fn comment(q: &QGraph, step: &Step) -> String {
    let tensor = q.tensor(step.tensor);
    let Shape { height, width, channels } = tensor.shape;
    format!(
        "    // {}: {} → {height}×{width}×{channels}{}\n",
        step.name.replace(['\n', '\r'], " "),
        describe(&step.kernel),
        match &tensor.kind {
            Kind::Map(codes) if tensor.fine => format!(", 12 bits in two planes of u8, {}", scales(codes)),
            Kind::Map(codes) => format!(", u8, {}", scales(codes)),
            Kind::Wide { codes, top } => format!(", u16 to {top}, {}", scales(codes)),
            Kind::Real => ", f32".into(),
        }
    )
}

/// One call.
fn call(index: usize, step: &Step, isa: &str) -> String {
    let mut out = String::new();
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
        out += &pieces_of(section, &pieces);
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
            writeln!(out, "    parallel::pointwise({isa}, team, &layers::{layer}, {x}, {second}, {y});")
        }
        Kernel::Depthwise { .. } => {
            writeln!(out, "    parallel::depthwise({isa}, team, &layers::{layer}, {x}, {second}, {y});")
        }
        Kernel::Convolution { .. } => {
            let scratch = if step.scratch.is_some() { "scratch" } else { "&mut []" };
            writeln!(out, "    parallel::convolution({isa}, team, &layers::{layer}, {x}, {second}, {scratch}, {y});")
        }
        Kernel::Dense { reals: None, .. } => {
            writeln!(out, "    parallel::dense_codes({isa}, team, &layers::{layer}, {x}, {y});")
        }
        Kernel::Dense { reals: Some(activation), .. } => {
            writeln!(
                out,
                "    parallel::dense_reals({isa}, team, &layers::{layer}, {}, {x}, {y});",
                real_activation(*activation)
            )
        }
        Kernel::Mean { top: None, .. } => writeln!(out, "    kernel::mean_reals({isa}, &layers::{layer}, {x}, {y});"),
        Kernel::Mean { .. } => writeln!(out, "    kernel::mean({isa}, &layers::{layer}, {x}, {y});"),
        Kernel::Gate { .. } => writeln!(out, "    parallel::gate({isa}, team, &layers::{layer}, {x}, {second}, {y});"),
        Kernel::Add { .. } => writeln!(out, "    parallel::add({isa}, team, &layers::{layer}, {x}, {second}, {y});"),
        Kernel::Gated { .. } => {
            let sum = other(2);
            writeln!(out, "    parallel::gated({isa}, team, &layers::{layer}, [{x}, {sum}], {second}, scratch, {y});")
        }
        Kernel::Weightless { op, .. } => writeln!(out, "{}", weightless(op, isa, &layer, step)),
        Kernel::Table { .. } => writeln!(out, "    kernel::table({isa}, &layers::{layer}, {x}, {y});"),
        Kernel::MaxPool { .. } => writeln!(out, "    kernel::max_pool({isa}, &layers::{layer}, {x}, {y});"),
        Kernel::Softmax { .. } => writeln!(out, "    kernel::softmax({x}, {y});"),
    };
    out
}

/// The call of an operation without weights, whose inputs are `x0`, `x1` …
fn weightless(op: &Weightless, isa: &str, layer: &str, step: &Step) -> String {
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
    format!("    kernel::{}({}{inputs}, {y});", op.name(), op.arguments(isa, &format!("layers::{layer}")))
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
