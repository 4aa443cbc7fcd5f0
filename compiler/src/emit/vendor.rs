//! The runtime's sources, as they go into the emitted crate.

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        /// Path below `runtime/src` and text.
        const SOURCES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../../runtime/src/", $path)))),*];
    };
}

include!("vendor_list.rs");

/// The sources as a module `runtime`: `lib.rs` becomes `mod.rs`, `crate::` becomes `crate::runtime::`.
/// `used` makes of the module of that name what the crate needs.
pub fn runtime(used: impl Fn(&str) -> String) -> Vec<(String, String)> {
    SOURCES
        .iter()
        .map(|(path, text)| {
            let own = (*path == "used.rs").then(|| used(text));
            let text = own.as_deref().unwrap_or(text);
            let path = if *path == "lib.rs" { "mod.rs" } else { path };
            // Modules that are not vendored are declared under these features.
            let features = ["#[cfg(feature = \"reference\")]", "#[cfg(feature = \"dispatch\")]"];
            let mut before = "";
            let text: String = text
                .lines()
                .filter(|line| {
                    let gated = features.iter().any(|feature| [before, line].contains(feature));
                    before = line;
                    !gated
                })
                .filter(|line| !line.starts_with("#![") && !line.contains("(mod@reference)"))
                .map(|line| line.replace("$crate::", "$crate::runtime::"))
                .map(|line| replace_crate(&line) + "\n")
                .collect();
            (path.to_owned(), text)
        })
        .collect()
}

/// `crate::` at a word boundary, unless it is `$crate::` (done before) or already inside the module.
fn replace_crate(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line;
    while let Some(at) = rest.find("crate::") {
        let before = rest[..at].chars().next_back();
        let word = before.is_some_and(|c| c == '$' || c == '_' || c.is_alphanumeric());
        out.push_str(&rest[..at]);
        out.push_str(if word { "crate::" } else { "crate::runtime::" });
        rest = &rest[at + "crate::".len()..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_move_into_the_module() {
        assert_eq!(replace_crate("use crate::layer::Shape;"), "use crate::runtime::layer::Shape;");
        assert_eq!(replace_crate("pub(crate) use my_crate::x;"), "pub(crate) use my_crate::x;");
    }

    #[test]
    fn every_source_of_the_runtime_is_vendored() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"));
                }
            }
        }
        // The reference and the choice at run time are for tests and the compiler.
        found.retain(|path| path != "reference.rs" && path != "dispatch.rs" && !path.starts_with("reference/"));
        found.sort();
        let mut listed: Vec<&str> = SOURCES.iter().map(|(path, _)| *path).collect();
        listed.sort_unstable();
        assert_eq!(listed, found, "bring emit/vendor_list.rs up to date");
    }
}
