//! Finds an installed toolchain that has the target's standard library.

use crate::error::{Error, Result, Stage};
use crate::specs::target::Target;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A toolchain by its name in rustup, or the one that `cargo` is by itself.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// As rustup calls it; none for the one that is in use.
    pub name: Option<String>,
}

impl Toolchain {
    /// `cargo` of this toolchain, free of what this process' own cargo has set.
    pub fn cargo(&self, target: &Target) -> Command {
        let mut command = match &self.name {
            None => Command::new("cargo"),
            Some(name) => {
                let mut command = Command::new("rustup");
                command.args(["run", name, "cargo"]);
                command
            }
        };
        clean(&mut command);
        if let Some(linker) = target.linker.as_deref().filter(|linker| in_path(linker).is_some()) {
            let key = format!("CARGO_TARGET_{}_LINKER", target.triple.to_uppercase().replace('-', "_"));
            if std::env::var_os(&key).is_none() {
                command.env(key, linker);
            }
        }
        command
    }
}

/// Removes the variables by which an outer cargo would steer an inner one.
fn clean(command: &mut Command) {
    for key in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "RUSTUP_TOOLCHAIN",
        "RUSTC",
        "RUSTDOC",
    ] {
        command.env_remove(key);
    }
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST") || name.starts_with("CARGO_PROFILE_") {
            command.env_remove(&key);
        }
    }
}

/// The toolchain named, or the first of those installed that can compile for `target`.
pub fn find(target: &Target, named: Option<&str>) -> Result<Toolchain> {
    if let Some(name) = named {
        let toolchain = Toolchain { name: Some(name.to_owned()) };
        return match sysroot(Some(name)) {
            Some(root) if has_std(&root, target) => Ok(toolchain),
            Some(_) => {
                Err(missing(target, &format!("toolchain `{name}` has no standard library for {}", target.triple)))
            }
            None => Err(Error::new(Stage::Build, format!("rustup knows no toolchain `{name}`"))
                .remedy("`rustup toolchain list` lists those installed")),
        };
    }
    if sysroot(None).is_some_and(|root| has_std(&root, target)) {
        return Ok(Toolchain { name: None });
    }
    for name in installed() {
        if sysroot(Some(&name)).is_some_and(|root| has_std(&root, target)) {
            return Ok(Toolchain { name: Some(name) });
        }
    }
    Err(missing(target, &format!("no installed toolchain has the standard library for {}", target.triple)))
}

fn missing(target: &Target, cause: &str) -> Error {
    Error::new(Stage::Build, cause).at(&target.name).remedy(format!(
        "install it with `rustup target add {}`, name another toolchain with --toolchain, or write the crate alone with --emit crate",
        target.triple
    ))
}

fn installed() -> Vec<String> {
    let mut command = Command::new("rustup");
    command.args(["toolchain", "list", "--quiet"]);
    let list = command.output().ok().filter(|o| o.status.success());
    list.map(|o| String::from_utf8_lossy(&o.stdout).lines().map(|l| l.trim().to_owned()).collect()).unwrap_or_default()
}

fn sysroot(name: Option<&str>) -> Option<PathBuf> {
    let mut command = match name {
        None => Command::new("rustc"),
        Some(name) => {
            let mut command = Command::new("rustup");
            command.args(["run", name, "rustc"]);
            command
        }
    };
    clean(&mut command);
    let output = command.args(["--print", "sysroot"]).output().ok().filter(|o| o.status.success())?;
    Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Libraries need no more than the core of the standard library.
fn has_std(root: &Path, target: &Target) -> bool {
    let folder = root.join("lib/rustlib").join(&target.triple).join("lib");
    let library = if target.has_programs() { "libstd-" } else { "libcore-" };
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            name.starts_with(library) && name.ends_with(".rlib")
        })
    })
}

/// A program in `PATH`.
pub fn in_path(program: &str) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return path.is_file().then(|| path.to_owned());
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|p| p.is_file())
}
