//! What a target says: `specs/targets/*.yaml`.

use crate::error::{Error, Result, Stage};
use bakelite_runtime::isa::Level;
use serde::Deserialize;

/// The file's own words.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetSpec {
    /// One line for people.
    pub description: String,
    /// Target triple of rustc.
    pub triple: String,
    /// Instruction set of the kernels.
    pub kernels: String,
    /// Target features of rustc, without `+`.
    pub features: Vec<String>,
    /// Linker of a cross target, used where it is installed and Cargo's configuration names no other.
    #[serde(default)]
    pub linker: Option<String>,
    /// How to run programs on another machine.
    #[serde(default)]
    pub emulator: Option<Emulator>,
    /// Cache sizes in bytes.
    pub caches: Caches,
}

/// How to run programs of a foreign target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulator {
    /// Its name in `PATH`.
    pub program: String,
    /// Its `-cpu`.
    pub cpu: String,
}

/// Cache sizes in bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caches {
    /// First level, data.
    pub l1d: usize,
    /// Second level.
    pub l2: usize,
}

/// A target, checked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name, or that of its file.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Target triple of rustc.
    pub triple: String,
    /// Instruction set of the kernels.
    pub level: Level,
    /// Target features of rustc.
    pub features: Vec<String>,
    /// Linker of a cross target.
    pub linker: Option<String>,
    /// How to run programs on another machine.
    pub emulator: Option<Emulator>,
    /// Cache sizes.
    pub caches: Caches,
}

impl Target {
    /// A builtin target, the machine at hand (`native`), or a file.
    pub fn load(name: &str) -> Result<Self> {
        let name = if name == "native" { native()? } else { name };
        let spec: TargetSpec = super::load(super::Kind::Target, name)?;
        let level = Level::parse(&spec.kernels).ok_or_else(|| {
            let known: Vec<&str> = Level::ALL.iter().map(|l| l.name()).collect();
            Error::new(Stage::Specs, format!("kernels `{}` do not exist", spec.kernels))
                .at(name)
                .remedy(format!("one of {}", known.join(", ")))
        })?;
        let stem = std::path::Path::new(name).file_stem().map_or(name.into(), |s| s.to_string_lossy());
        Ok(Self {
            name: stem.into_owned(),
            description: spec.description,
            triple: spec.triple,
            level,
            features: spec.features,
            linker: spec.linker,
            emulator: spec.emulator,
            caches: spec.caches,
        })
    }

    /// Flags of rustc: the features, and a program without shared libraries.
    pub fn rustflags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if !self.features.is_empty() {
            let features: Vec<String> = self.features.iter().map(|f| format!("+{f}")).collect();
            flags.extend(["-C".to_owned(), format!("target-feature={}", features.join(","))]);
        }
        if self.triple.contains("linux-gnu") {
            flags.extend(["-C".to_owned(), "target-feature=+crt-static".to_owned()]);
        }
        flags
    }

    /// Whether programs for it can be built: where there is an operating system whose linker and files Bakelite knows. For the others
    /// there are libraries, which need neither.
    pub fn has_programs(&self) -> bool {
        self.triple.contains("linux-gnu") || self.triple.contains("linux-musl")
    }

    /// Whether it is WebAssembly.
    pub fn is_wasm(&self) -> bool {
        self.triple.starts_with("wasm32")
    }

    /// Whether its programs run here without an emulator.
    pub fn is_host(&self) -> bool {
        self.triple.split('-').next() == Some(std::env::consts::ARCH) && self.triple.contains(std::env::consts::OS)
    }
}

/// The best target for the CPU at hand.
fn native() -> Result<&'static str> {
    if !cfg!(target_os = "linux") {
        return Err(Error::new(Stage::Specs, "no builtin target describes this operating system")
            .remedy("write a target file after the example of specs/targets and give its path as --target"));
    }
    let level = crate::plan::run::levels()[0];
    Ok(match level {
        Level::Avx512Vnni => "x86-64-avx512vnni",
        Level::AvxVnni => "x86-64-avxvnni",
        Level::Avx2 => "x86-64-avx2",
        Level::I8mm => "neoverse-v1",
        Level::NeonDot => "cortex-a76",
        Level::Neon => "aarch64-generic",
        Level::Portable => "x86-64-portable",
    })
}
