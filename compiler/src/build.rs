//! Runs cargo on an emitted crate, and looks into what it made.

pub mod object;
mod stack;
pub mod toolchain;

use crate::error::{Error, Result, Stage};
use crate::progress::Spinner;
use crate::specs::target::Target;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo made.
#[derive(Clone, Debug)]
pub struct Built {
    /// The program.
    pub program: PathBuf,
    /// The library, to inspect.
    pub library: PathBuf,
}

/// Builds program and library of the crate in `folder`.
pub fn build(folder: &Path, name: &str, target: &Target, toolchain: Option<&str>) -> Result<Built> {
    let toolchain = toolchain::find(target, toolchain)?;
    let (release, folder) = (release(folder, target), &absolute(folder)?);
    let _progress = Spinner::new(format!("building the program for {} with cargo", target.triple));
    let mut program = toolchain.cargo(target);
    program.args(["build", "--release", "--locked"]).arg("--target-dir").arg(folder.join("target"));
    run(program, folder)?;
    let (program, library) = (release.join(name), release.join(format!("lib{name}.rlib")));
    let missing = |path: &Path| {
        Error::new(Stage::Build, "cargo succeeded but this file is not there").at(path.display().to_string())
    };
    if let Some(absent) = [&program, &library].into_iter().find(|path| !path.is_file()) {
        return Err(missing(absent));
    }
    Ok(Built { program, library })
}

/// Where cargo leaves what it makes of the crate in `folder`, a path as relative as that.
fn release(folder: &Path, target: &Target) -> PathBuf {
    folder.join("target").join(&target.triple).join("release")
}

/// For cargo, which runs in that folder.
fn absolute(folder: &Path) -> Result<PathBuf> {
    std::path::absolute(folder).map_err(|e| Error::new(Stage::Build, e.to_string()).at(folder.display().to_string()))
}

/// A library for other languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `libNAME.a`.
    Static,
    /// `libNAME.so`; for WebAssembly `NAME.wasm`.
    Shared,
}

/// Builds the crate's C interface, and checks that it needs nothing but the memory functions of C.
///
/// # Errors
/// Where cargo fails, or a symbol is missing.
pub fn library(folder: &Path, name: &str, target: &Target, toolchain: Option<&str>, kind: Library) -> Result<PathBuf> {
    let toolchain = toolchain::find(target, toolchain)?;
    let (release, folder) = (release(folder, target), &absolute(folder)?);
    let _progress = Spinner::new(format!("building the library for {} with cargo", target.triple));
    let (word, file) = match kind {
        Library::Static => ("staticlib", format!("lib{name}.a")),
        Library::Shared if target.is_wasm() => ("cdylib", format!("{name}.wasm")),
        Library::Shared => ("cdylib", format!("lib{name}.so")),
    };
    let mut cargo = toolchain.cargo(target);
    cargo.args(["rustc", "--release", "--locked", "--lib", "--no-default-features", "--features", "c"]);
    cargo.args(["--crate-type", word, "--target-dir"]).arg(folder.join("target"));
    if target.has_programs() {
        // One object with all that it needs of the core library: what nobody calls is gone. (A core library that was built by hand for a
        // rarer target may not have what this takes.)
        cargo.args(["--config", "profile.release.lto=true"]);
    }
    if kind == Library::Shared && !target.is_wasm() {
        // Without the C library's start files, and without its code: whoever loads it has both.
        let mut flags: Vec<String> =
            target.rustflags().into_iter().filter(|flag| !flag.contains("crt-static")).collect();
        flags = flags.into_iter().filter(|flag| flag != "-C").flat_map(|flag| ["-C".to_owned(), flag]).collect();
        flags.extend(["-C".to_owned(), "link-arg=-nostartfiles".to_owned()]);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    }
    run(cargo, folder)?;
    let library = release.join(file);
    match kind {
        // No ELF file. A module that imported something would not load without it, which tests try.
        _ if target.is_wasm() => {}
        Library::Static => object::check_archive(&library, &format!("{name}_run"))?,
        Library::Shared => object::check_shared(&library)?,
    }
    Ok(library)
}

/// Offline first: where Bakelite was built, everything is at hand.
fn run(command: Command, folder: &Path) -> Result<()> {
    let attempt = |offline: bool| {
        let mut copy = Command::new(command.get_program());
        copy.args(command.get_args().take_while(|a| *a != "--"));
        if offline {
            copy.arg("--offline");
        }
        copy.args(command.get_args().skip_while(|a| *a != "--"));
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => copy.env(key, value),
                None => copy.env_remove(key),
            };
        }
        copy.current_dir(folder).output()
    };
    let failed = |cause: String| Error::new(Stage::Build, cause).at(folder.display().to_string());
    let first = attempt(true).map_err(|e| {
        failed(format!("cannot start {}: {e}", command.get_program().to_string_lossy()))
            .remedy("install cargo, or write the crate alone with --emit crate")
    })?;
    if first.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&first.stderr).into_owned();
    let log = if log.contains("--offline") || log.contains("offline mode") {
        let second = attempt(false).map_err(|e| failed(e.to_string()))?;
        if second.status.success() {
            return Ok(());
        }
        String::from_utf8_lossy(&second.stderr).into_owned()
    } else {
        log
    };
    let tail: Vec<&str> = log.lines().rev().take(20).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(failed(format!("cargo failed; its last lines:\n{}", tail.join("\n")))
        .remedy("the crate is complete: run `cargo build --release` in that folder to see everything"))
}
