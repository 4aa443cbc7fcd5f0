//! `src/lib.rs` of the emitted crate, and the module of each kernel set where there are several.

use super::Facts;
use super::answers;
use super::calls::{Token, answer, calls, imports};
use super::sets::{Sets, choice, constant_token, token_name};
use crate::error::Result;
use crate::plan::Plan;
use crate::qgraph::{QGraph, Shape};
use crate::specs::target::Target;
use std::fmt::Write;

/// The text of the library.
///
/// # Errors
/// Where what the network answers cannot be written down.
pub fn library(q: &QGraph, sets: Sets<'_>, target: &Target, facts: &Facts) -> Result<String> {
    let plan = sets.best();
    let mut out = head(sets, target, facts);
    let mut put = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    put(if sets.several() { choice(sets) } else { constant_token(plan.level) + "\n" });
    put(constants(q, plan)?);
    put(format!(
        "/// From a picture of any size to the image, as calibration did it.\npub const FIT: runtime::image::Fit = {};\n",
        fit_literal(&facts.fit)
    ));
    let arena = sets.arena();
    put(format!(
        "/// The memory of a run: {} bytes.\ntype Arena = runtime::arena::Arena<{}, {}, {}, {}>;\n",
        sets.memory_bytes(),
        arena.maps,
        arena.wide,
        arena.reals,
        if plan.scores().is_some() { "OUTPUTS" } else { "0" },
    ));
    put(network(sets));
    put(if sets.several() { infer(sets) } else { calls(q, plan, Token::Constant) });
    Ok(out.trim_end().to_owned() + "\n")
}

/// The text of a set's module: the calls, which take the proof that the CPU has its instructions.
pub fn set(q: &QGraph, plan: &Plan) -> String {
    let mut names = vec!["Arena", "IMAGE_LEN"];
    names.extend(if plan.scores().is_some() { ["OUTPUTS"].as_slice() } else { &["Answers"] });
    format!(
        "//! The network with the kernels `{}`.\n\n#[rustfmt::skip]\npub(crate) mod layers;\n\nuse crate::runtime::arena::split;\n\
         use crate::runtime::{};\nuse crate::{{{}}};\n\n{}",
        plan.level.name(),
        imports(plan),
        names.join(", "),
        calls(q, plan, Token::Argument(token_name(plan.level)))
    )
}

/// What the crate is, its modules and imports.
fn head(sets: Sets<'_>, target: &Target, facts: &Facts) -> String {
    let (plan, name) = (sets.best(), &facts.name);
    let example = if plan.scores().is_some() {
        format!(
            "let logits = NETWORK.lock().unwrap().run(&image).to_owned();\n//! assert_eq!(logits.len(), {name}::OUTPUTS);"
        )
    } else {
        format!(
            "let reals: Vec<f32> = NETWORK.lock().unwrap().run(&image).reals().collect();\n//! assert_eq!(reals.len(), {name}::OUTPUTS);"
        )
    };
    let modules: String = if sets.several() {
        sets.names().iter().map(|name| format!("mod {name};\n")).collect()
    } else {
        "#[rustfmt::skip]\nmod layers;\n".into()
    };
    let uses = if sets.several() {
        "use runtime::isa;".to_owned()
    } else {
        format!("use runtime::arena::split;\nuse runtime::{};", imports(plan))
    };
    format!(
        "//! {}: int8, for {} ({}).\n//!\n\
         //! Written by Bakelite {}. `{}` says from what. No heap, no dependency, no panic; the answers are the same, bit\n\
         //! for bit, on every CPU.\n//!\n\
         //! ```\n//! static NETWORK: std::sync::Mutex<{name}::Network> = std::sync::Mutex::new({name}::Network::new());\n\
         //! let image = [0; {name}::IMAGE_LEN];\n\
         //! {example}\n//! ```\n\
         #![no_std]\n#![deny(unsafe_code)]\n#![allow(long_running_const_eval)]\n\n\
         #[cfg(feature = \"c\")]\n#[allow(unsafe_code)]\nmod foreign;\n{modules}\
         #[doc(hidden)]\n#[allow(unsafe_code, dead_code, unused_imports, missing_docs, clippy::all)]\npub mod runtime;\n\n\
         {uses}\n\n",
        facts.title,
        target.name,
        sets.names().join(", "),
        env!("CARGO_PKG_VERSION"),
        super::MARK,
    )
}

/// Sizes of image and answers.
fn constants(q: &QGraph, plan: &Plan) -> Result<String> {
    let Shape { height, width, channels } = plan.input;
    Ok(format!(
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
    ))
}

/// The type that people hold.
fn network(sets: Sets<'_>) -> String {
    let plan = sets.best();
    let mut out = String::from(
        "/// The network: its weights are constants, its memory is here.\npub struct Network {\n    arena: Arena,\n    team: isa::Team,\n",
    );
    if sets.several() {
        // Zero, so that a static network takes no room in the file.
        out += "    /// The kernels asked for, by their place in [`KERNELS`] from 1 on; 0 for the best ones.\n    kernels: usize,\n";
    }
    let _ = write!(
        out,
        "}}\n\nimpl Default for Network {{\n    fn default() -> Self {{\n        Self::new()\n    }}\n}}\n\n\
         impl Network {{\n    /// All zeros: a `static` of it costs nothing in the file.\n    pub const fn new() -> Self {{\n        \
         Self {{ arena: Arena::new(), team: isa::Team::alone(){} }}\n    }}\n\n    \
         /// From now on so many threads, the caller among them, compute together: the same bits, whatever the number.\n    \
         /// The others sleep between images.\n    \
         #[cfg(feature = \"threads\")]\n    pub fn set_threads(&mut self, threads: usize) {{\n        self.team = isa::Team::new(threads);\n    }}\n\n    \
         /// The network's answer for an image of raw bytes, row by row, channels interleaved.\n    \
         pub fn run(&mut self, image: &[u8; IMAGE_LEN]) -> {} {{\n        \
         infer({}image, &mut self.arena, &mut self.team)\n    }}\n",
        if sets.several() { ", kernels: 0" } else { "" },
        answer(plan, ""),
        if sets.several() { "self.chosen(), " } else { "" },
    );
    if sets.several() {
        out += "\n    /// Kernels of this name from now on, one of [`KERNELS`]: the same bits. False, and nothing changes, where there are none\n    \
                /// of this name or this CPU lacks their instructions.\n    \
                pub fn set_kernels(&mut self, name: &str) -> bool {\n        \
                let place = KERNELS.iter().position(|known| *known == name);\n        \
                let there = place.filter(|_| Kernels::named(name).is_some());\n        \
                self.kernels = there.map_or(self.kernels, |place| place + 1);\n        there.is_some()\n    }\n\n    \
                /// The name of the kernels that compute the answers.\n    \
                pub fn kernels(&self) -> &'static str {\n        self.chosen().name()\n    }\n\n    \
                fn chosen(&self) -> Kernels {\n        \
                let name = self.kernels.checked_sub(1).and_then(|place| KERNELS.get(place));\n        \
                name.and_then(|name| Kernels::named(name)).unwrap_or_else(Kernels::best)\n    }\n";
    }
    if plan.scores().is_some() {
        out += "\n    /// The last answer in int8: `answer = code · OUTPUT_STEP`, to the nearest.\n    \
                pub fn codes(&self) -> [i8; OUTPUTS] {\n        \
                self.arena.output.map(|value| runtime::kernel::code_i8(value / OUTPUT_STEP))\n    }\n";
    }
    out + "}\n"
}

/// With the kernels that were chosen.
fn infer(sets: Sets<'_>) -> String {
    let arms: String = sets
        .plans()
        .iter()
        .map(|plan| {
            let (token, name) = (token_name(plan.level), plan.level.name());
            format!("        Kernels::{token}(isa) => {name}::infer(isa, image, arena, team),\n")
        })
        .collect();
    format!(
        "/// One block after the other, with these kernels.\n\
         fn infer<'a>(kernels: Kernels, image: &[u8; IMAGE_LEN], arena: &'a mut Arena, team: &mut isa::Team) -> {} {{\n    \
         match kernels {{\n{arms}    }}\n}}\n",
        answer(sets.best(), "'a")
    )
}

/// The geometry as a Rust expression.
fn fit_literal(fit: &bakelite_runtime::image::Fit) -> String {
    format!("runtime::image::{fit:?}").replace("resize: ", "resize: runtime::image::Resize::")
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
