//! The emitted crate's manifest, program and README.

use super::sets::Sets;
use super::{Facts, MARK};
use crate::error::{Error, Result, Stage};
use crate::evaluate::masks;
use crate::qgraph::QGraph;
use crate::specs::target::Target;
use bakelite_runtime::isa::Level;
use minijinja::{Environment, context};

/// FNV-1a of the bits of the outputs, as in the program.
pub fn golden_hash(outputs: &[f32]) -> u64 {
    outputs
        .iter()
        .flat_map(|value| value.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

pub(super) fn render(name: &str, template: &str, values: minijinja::Value) -> Result<String> {
    Environment::new()
        .render_str(template, values)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(Stage::Emit, error.to_string()).at(name))
}

/// `src/main.rs`.
pub fn main(sets: Sets<'_>, facts: &Facts) -> Result<String> {
    render("main.rs", include_str!("templates/main.rs"), values(sets, facts))
}

/// `src/cli/show.rs`: how the program shows what the network answers.
pub fn show(sets: Sets<'_>, facts: &Facts) -> Result<String> {
    let template = match sets.best().scores() {
        Some(_) => include_str!("templates/show_classes.rs"),
        None => include_str!("templates/show_outputs.rs"),
    };
    render("show.rs", template, values(sets, facts))
}

/// What the program's templates speak of.
pub(super) fn values(sets: Sets<'_>, facts: &Facts) -> minijinja::Value {
    let plan = sets.best();
    let (fit, answers) = (&facts.fit, plan.outputs.iter().map(|output| output.answer.clone()).collect::<Vec<_>>());
    context! {
        name => &facts.name, title => &facts.title, open => "{{", close => "}}",
        height => fit.height, width => fit.width, channels => 3,
        scores => plan.scores().is_some(), mask => masks::mask(&answers).is_some(),
        several => sets.several(), kernels => sets.names().join(", "),
    }
}

/// `README.md`.
pub fn readme(q: &QGraph, sets: Sets<'_>, target: &Target, facts: &Facts) -> Result<String> {
    let plan = sets.best();
    let input = q.tensor(q.input).shape;
    let macs: usize = plan.steps.iter().map(|s| s.kernel.macs()).sum();
    render(
        "README.md",
        include_str!("templates/README.md"),
        context! {
            name => &facts.name, title => &facts.title, version => env!("CARGO_PKG_VERSION"),
            target => &target.name, kernels => sets.names().join(", "), several => sets.several(), mark => MARK,
            height => input.height, width => input.width, channels => input.channels, outputs => plan.answers(),
            macs => format!("{:.1}", macs as f64 / 1e6), constants => sets.constants_bytes(),
            arena => sets.memory_bytes(), scores => plan.scores().is_some(),
            answers => plan.outputs.iter().map(|output| output.answer.to_string()).collect::<Vec<_>>(),
        },
    )
}

/// `Cargo.toml`; the decoders at exactly the versions that Bakelite itself was built with.
pub fn manifest(facts: &Facts) -> Result<String> {
    let version = |name| super::lockfile::version(name);
    Ok(format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
rust-version = "1.89"
publish = false

# Not part of any workspace around it.
[workspace]

[lib]
path = "src/lib.rs"

[[bin]]
name = "{name}"
path = "src/main.rs"
required-features = ["cli"]

[features]
default = ["cli"]
# The program: reads JPEG and PNG. The library needs none of it.
cli = ["dep:zune-jpeg", "dep:zune-core", "dep:png"]
# Several threads compute one image, with the standard library: the same bits, whatever their number.
threads = []
# The C interface (include/{name}.h): for `cargo rustc --lib --no-default-features --features c --crate-type staticlib`.
c = []

[dependencies]
zune-jpeg = {{ version = "={jpeg}", optional = true }}
zune-core = {{ version = "={core}", optional = true }}
png = {{ version = "={png}", optional = true }}

[profile.release]
opt-level = 3
# One unit, so everything is optimised together; the runtime is part of this crate.
codegen-units = 1
panic = "abort"
strip = true
"#,
        name = facts.name,
        jpeg = version("zune-jpeg")?,
        core = version("zune-core")?,
        png = version("png")?,
    ))
}

/// `.cargo/config.toml`: the target's features, for this crate alone.
pub fn cargo_config(target: &Target) -> Result<String> {
    let flags: Vec<String> = target.rustflags().iter().map(|flag| format!("\"{flag}\"")).collect();
    Ok(format!(
        "# The instructions of {}. A crate that depends on this one needs the same.\n[build]\ntarget = \"{}\"\n\n[target.{}]\nrustflags = [{flags}]\nrustdocflags = [{flags}]\n",
        target.name,
        target.triple,
        target.triple,
        flags = flags.join(", ")
    ))
}

/// `src/cli/settings.rs`.
pub fn settings(sets: Sets<'_>, facts: &Facts) -> String {
    let plan = sets.best();
    let golden: Vec<String> =
        facts.golden.answers.iter().map(|(seed, hash)| format!("    ({seed}, 0x{hash:016x}),\n")).collect();
    let labels = if facts.labels.is_empty() { "None" } else { "Some(include_str!(\"../../labels.txt\"))" };
    format!(
        "//! What the program was compiled with.\n\npub use {name}::FIT;\nuse {name}::runtime::isa;\n\n\
         /// One line per class.\npub const LABELS: Option<&str> = {labels};\n\n\
         {probabilities}\
         /// Seeds of golden pictures and hashes of the outputs. Between them they make {seen:.1} % of the weights count.\n\
         pub const GOLDEN: &[(u64, u64)] = &[\n{golden}];\n\n{check}",
        name = facts.name,
        probabilities = match plan.scores() {
            Some(_) => format!(
                "/// Whether the network's outputs are probabilities already.\npub const PROBABILITIES: bool = {};\n\n",
                facts.probabilities
            ),
            None => String::new(),
        },
        seen = 100.0 * facts.golden.seen,
        golden = golden.concat(),
        check = cpu_check(if sets.several() { Level::Portable } else { plan.level }),
    )
}

/// A check that works although the compiler was told that the features are there.
fn cpu_check(level: Level) -> String {
    let detect = |token: &str, words: &str| {
        format!(
            "/// What this CPU lacks.\npub fn missing_cpu_feature() -> Option<&'static str> {{\n    \
             isa::{token}::detect().is_none().then_some(\"{words}\")\n}}\n"
        )
    };
    match level {
        Level::Portable | Level::Neon | Level::Simd128 => {
            "/// What this CPU lacks: nothing, every CPU of this architecture has what it takes.\n\
             pub fn missing_cpu_feature() -> Option<&'static str> {\n    let _ = isa::Level::ALL;\n    None\n}\n"
                .into()
        }
        Level::Avx2 => detect("Avx2", "AVX2"),
        Level::AvxVnni => detect("AvxVnni", "AVX-VNNI"),
        Level::Avx512Vnni => detect("Avx512Vnni", "AVX512-VNNI"),
        Level::NeonDot => auxiliary(16, "AT_HWCAP", 20, "ASIMDDP", "the dot product instructions (ARMv8.2 asimddp)"),
        Level::I8mm => auxiliary(26, "AT_HWCAP2", 13, "I8MM", "the matrix product of bytes (ARMv8.6 i8mm)"),
    }
}

/// A check of a bit that Linux gives a process.
fn auxiliary(entry: u64, name: &str, bit: u32, capability: &str, words: &str) -> String {
    format!(
        "/// What this CPU lacks. The kernel tells a process in its auxiliary vector: {name} ({entry}), bit {bit} {capability}.\n\
         pub fn missing_cpu_feature() -> Option<&'static str> {{\n    let _ = isa::Level::ALL;\n    \
         let vector = std::fs::read(\"/proc/self/auxv\").ok()?;\n    \
         let words: Vec<u64> = vector.as_chunks::<8>().0.iter().map(|bytes| u64::from_ne_bytes(*bytes)).collect();\n    \
         let hwcap = words.as_chunks::<2>().0.iter().find(|pair| pair[0] == {entry})?[1];\n    \
         (hwcap & (1 << {bit}) == 0).then_some(\"{words}\")\n}}\n"
    )
}
