//! The kernels of a crate, for one instruction set or for several.
//!
//! *One*: the calls are in `src/lib.rs`, and the crate compiles only where its CPU has the instructions. *Several*: each has a module
//! with calls and constants of its own, packed as its kernels read them; a network takes the first that its CPU has. That is
//! legitimate because all give the same bits.

use super::blob::Blob;
use super::layers::{Place, Places};
use crate::error::{Error, Result, Stage};
use crate::plan::{ArenaLen, Plan};
use bakelite_runtime::isa::Level;

/// Plans of one network, at least one, best first.
#[derive(Clone, Copy, Debug)]
pub struct Sets<'a>(&'a [Plan]);

impl<'a> Sets<'a> {
    /// All of a crate.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(plans: &'a [Plan]) -> Result<Self> {
        if plans.is_empty() { Err(Error::new(Stage::Emit, "a crate without kernels")) } else { Ok(Self(plans)) }
    }

    /// Best first.
    pub fn plans(self) -> &'a [Plan] {
        self.0
    }

    /// The best one: in all that does not depend on instructions it stands for all.
    pub fn best(self) -> &'a Plan {
        &self.0[0]
    }

    /// Whether the program chooses.
    pub fn several(self) -> bool {
        self.0.len() > 1
    }

    /// The memory that a run with any of them fits into.
    pub fn arena(self) -> ArenaLen {
        let most = |of: fn(&ArenaLen) -> usize| self.0.iter().map(|plan| of(&plan.arena)).max().unwrap_or(0);
        ArenaLen { maps: most(|a| a.maps), wide: most(|a| a.wide), reals: most(|a| a.reals) }
    }

    /// Bytes of that, with the answer.
    pub fn memory_bytes(self) -> usize {
        self.arena().bytes() + 4 * self.best().scores().unwrap_or(0)
    }

    /// Bytes of all constants; what the sets have in common counts once.
    pub fn constants_bytes(self) -> usize {
        let bytes = |blob: Blob| {
            let holders = if self.shares(blob) { &self.0[..1] } else { self.0 };
            holders.iter().map(|plan| blob.bytes(plan)).sum::<usize>()
        };
        Blob::ALL.into_iter().map(bytes).sum()
    }

    /// Whether several sets have the same numbers in a blob.
    pub fn shares(self, blob: Blob) -> bool {
        let content = blob.content(self.best());
        self.several() && self.0.iter().all(|plan| blob.content(plan) == content)
    }

    /// Where the numbers of a set lie; those that all have in common are the first one's.
    pub fn places(self, plan: &Plan) -> Places {
        let (level, first) = (plan.level.name(), self.best().level.name());
        let blobs = Blob::ALL.map(|blob| match (self.several(), self.shares(blob)) {
            (false, _) => Place::File(format!("{}.bin", blob.stem())),
            (true, true) if level != first => Place::Module(format!("crate::{first}::layers")),
            (true, true) => Place::File(format!("{}.bin", blob.stem())),
            (true, false) => Place::File(format!("{}-{level}.bin", blob.stem())),
        });
        Places { root: if self.several() { "../../" } else { "../" }, blobs }
    }

    /// Their names, best first.
    pub fn names(self) -> Vec<&'static str> {
        self.0.iter().map(|plan| plan.level.name()).collect()
    }
}

/// The type of a level's token, and the features that it proves.
const fn token(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Portable => ("Portable", ""),
        Level::Avx2 => ("Avx2", "+avx2"),
        Level::AvxVnni => ("AvxVnni", "+avx2,+avxvnni"),
        Level::Avx512Vnni => ("Avx512Vnni", "+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512vnni"),
        Level::Neon => ("Neon", "+neon"),
        Level::NeonDot => ("NeonDot", "+neon,+dotprod"),
        Level::I8mm => ("I8mm", "+neon,+i8mm"),
        Level::Simd128 => ("Simd128", "+simd128"),
    }
}

/// The name of a level's token in `runtime::isa`.
pub const fn token_name(level: Level) -> &'static str {
    token(level).0
}

/// The proof that the CPU has the instructions of a crate's only kernels: it does not compile without them.
pub fn constant_token(level: Level) -> String {
    let (name, features) = token(level);
    let proof = format!("const ISA: isa::{name} = isa::{name}::from_target();");
    if features.is_empty() {
        return proof;
    }
    let all: Vec<String> =
        features.split(',').map(|f| format!("target_feature = \"{}\"", f.trim_start_matches('+'))).collect();
    let all = all.join(", ");
    format!(
        "#[cfg(not(all({all})))]\ncompile_error!(\n    \"this network uses {name}: build with RUSTFLAGS=\\\"-C target-feature={features}\\\" \
         (or copy .cargo/config.toml beside your own Cargo.toml)\"\n);\n\
         #[cfg(all({all}))]\n{proof}"
    )
}

/// The type that several kernel sets are chosen by, and what every CPU has.
pub fn choice(sets: Sets<'_>) -> String {
    let each = |text: &dyn Fn(&str, &str) -> String| -> String {
        sets.plans().iter().map(|plan| text(token_name(plan.level), plan.level.name())).collect()
    };
    let last = sets.plans().last().map_or("Portable", |plan| token_name(plan.level));
    format!(
        "/// The kernels that this crate has, best first; all give the same bits.\n\
         pub const KERNELS: [&str; {count}] = {names:?};\n\n\
         /// Kernels, and the proof that this CPU has their instructions.\n\
         #[derive(Clone, Copy)]\nenum Kernels {{\n{variants}}}\n\n\
         impl Kernels {{\n    \
         /// Those of a name, if this CPU has their instructions.\n    \
         fn named(name: &str) -> Option<Self> {{\n        match name {{\n{detected}            _ => None,\n        }}\n    }}\n\n    \
         /// The best ones that this CPU has. The last ones need nothing.\n    \
         fn best() -> Self {{\n        \
         KERNELS.iter().find_map(|name| Self::named(name)).unwrap_or(Self::{last}(isa::{last}::from_target()))\n    }}\n\n    \
         fn name(self) -> &'static str {{\n        match self {{\n{named}        }}\n    }}\n}}\n",
        count = sets.plans().len(),
        names = sets.names(),
        variants = each(&|token, _| format!("    {token}(isa::{token}),\n")),
        detected =
            each(&|token, name| format!("            \"{name}\" => isa::{token}::detect().map(Self::{token}),\n")),
        named = each(&|token, name| format!("            Self::{token}(_) => \"{name}\",\n")),
    )
}
