//! What a target says: `specs/targets/*.yaml`.
//!
//! A machine that is another target under its own name has a file that only says so:
//!
//! ```yaml
//! description: Raspberry Pi 5 (Cortex-A76), 64-bit Linux
//! same-as: cortex-a76
//! ```

use super::Kind;
use crate::error::{Error, Result, Stage};
use bakelite_runtime::isa::Level;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// The file's own words.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetSpec {
    /// One line for people.
    pub description: String,
    /// Target triple of rustc.
    pub triple: String,
    /// Instruction set of the kernels; or several, best first, of which the program takes the first that its CPU has.
    pub kernels: Kernels,
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

/// Another target under a name of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Alias {
    /// One line for people.
    description: String,
    /// Name of the builtin target that it is.
    same_as: String,
}

/// One name, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "the name of kernels, or a list of them, best first")]
pub enum Kernels {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
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
    /// Instruction sets of the kernels, at least one, best first.
    pub levels: Vec<Level>,
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
        let spec = spec(name)?;
        let names = match spec.kernels {
            Kernels::One(name) => vec![name],
            Kernels::Several(names) => names,
        };
        let levels = levels(&names).map_err(|error| error.at(name))?;
        let stem = std::path::Path::new(name).file_stem().map_or(name.into(), |s| s.to_string_lossy());
        Ok(Self {
            name: stem.into_owned(),
            description: spec.description,
            triple: spec.triple,
            levels,
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

    /// Names of its kernels, best first.
    pub fn kernels(&self) -> String {
        self.levels.iter().map(|level| level.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether its programs run here without an emulator.
    pub fn is_host(&self) -> bool {
        self.triple.split('-').next() == Some(std::env::consts::ARCH) && self.triple.contains(std::env::consts::OS)
    }
}

/// The words of a target; of an alias, those of the target that it is, under its own description.
///
/// Aliases name builtin targets, so that they cannot go in circles, and mean the same from every folder.
fn spec(name: &str) -> Result<TargetSpec> {
    let source = super::read(Kind::Target, name)?;
    // Told apart by this key, so that what is wrong with either is said in its own words.
    let keys = super::parse::<BTreeMap<String, IgnoredAny>>(&source);
    if !keys.is_ok_and(|keys| keys.contains_key("same-as")) {
        return super::parse(&source);
    }
    let Alias { description, same_as } = super::parse(&source)?;
    if !Kind::Target.names().any(|known| known == same_as) {
        let known: Vec<&str> = Kind::Target.names().collect();
        return Err(Error::new(Stage::Specs, format!("`same-as` names no builtin target: `{same_as}`"))
            .at(&source.origin)
            .remedy(format!("one of {}", known.join(", "))));
    }
    Ok(TargetSpec { description, ..spec(&same_as)? })
}

/// The instruction sets of these names, if one program can have them.
fn levels(names: &[String]) -> Result<Vec<Level>> {
    let wrong = |cause: String, remedy: String| Error::new(Stage::Specs, cause).remedy(remedy);
    let known: Vec<&str> = Level::ALL.iter().map(|l| l.name()).collect();
    let mut levels = Vec::with_capacity(names.len());
    for name in names {
        let level = Level::parse(name)
            .ok_or_else(|| wrong(format!("kernels `{name}` do not exist"), format!("one of {}", known.join(", "))))?;
        if levels.contains(&level) {
            return Err(wrong(format!("kernels `{name}` are there twice"), "name each once, best first".into()));
        }
        levels.push(level);
    }
    let plain = |level: &Level| matches!(level, Level::Portable | Level::Neon);
    match levels.as_slice() {
        [] => Err(wrong("no kernels are named".into(), format!("one of {}", known.join(", ")))),
        [_] => Ok(levels),
        [.., last] if plain(last) => Ok(levels),
        [..] => Err(wrong(
            "the last of several kernels are for those CPUs that lack the instructions of the others".into(),
            "end the list with portable, or neon on aarch64".into(),
        )),
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
        // No machine of its own is WebAssembly.
        Level::Portable | Level::Simd128 => "x86-64-portable",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a target says but what it is called.
    fn says(name: &str) -> String {
        let nameless = TargetSpec { description: String::new(), ..spec(name).unwrap() };
        format!("{nameless:?}")
    }

    #[test]
    fn an_alias_is_its_target_under_its_own_name() {
        let (alias, target) = (Target::load("raspberry-pi-5").unwrap(), Target::load("cortex-a76").unwrap());
        assert_eq!(says("raspberry-pi-5"), says("cortex-a76"));
        assert_eq!((alias.name.as_str(), alias.levels), ("raspberry-pi-5", target.levels));
        assert!(alias.description.starts_with("Raspberry Pi 5"), "{}", alias.description);
    }

    #[test]
    fn no_target_is_a_copy_of_another() {
        let whole = Kind::Target.builtins().iter().filter(|(_, text)| !text.contains("same-as:"));
        let mut seen = BTreeMap::new();
        for (name, _) in whole {
            let before = seen.insert(says(name), name);
            assert_eq!(before, None, "{name} is this one under another name");
        }
        assert!(seen.len() > 10 && seen.len() < Kind::Target.names().count());
    }
}
