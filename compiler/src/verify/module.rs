//! A WebAssembly module against the reference, in Node: by the example that the crate brings along.

use super::{AT_ONCE, Expected, Verified, differ, equal, run};
use crate::build::toolchain::in_path;
use crate::error::{Error, Result, Stage};
use crate::progress::Spinner;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Node, where it is installed.
pub fn node() -> Option<PathBuf> {
    in_path("node")
}

/// Runs the module of the crate in `folder`, built before, on every picture as raw pixels, and compares every bit with what is expected.
///
/// # Errors
/// Where a bit differs, or the module does not run.
pub fn module(node: &Path, folder: &Path, kernels: &'static str, expected: &[Expected]) -> Result<Verified> {
    let _progress = Spinner::new("comparing the module's answers with the reference, in Node");
    let example = folder.join("wasm/example.mjs");
    let numbers = expected.first().map_or(0, |picture| picture.answer.len());
    let compared = |pictures: &[Expected]| {
        let mut command = Command::new(node);
        command.arg(&example);
        let printed = run(command, super::pixels(pictures), false)?;
        let found: Vec<&str> = printed.lines().collect();
        if found.len() != pictures.len() {
            return Err(differ(format!("{} answers to {} images", found.len(), pictures.len())));
        }
        pictures.iter().zip(found).try_for_each(|(picture, line)| equal(&picture.name, &picture.answer, &reals(line)?))
    };
    let compared: Vec<Result<()>> = expected.par_chunks((AT_ONCE / numbers.max(1)).max(1)).map(compared).collect();
    compared.into_iter().collect::<Result<()>>()?;
    Ok(Verified { images: expected.len(), files: 0, kernels: vec![kernels] })
}

/// The numbers whose bits a line has, in hexadecimal digits.
fn reals(line: &str) -> Result<Vec<f32>> {
    let real = |word| u32::from_str_radix(word, 16).map(f32::from_bits);
    line.split_whitespace()
        .map(real)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::new(Stage::Verify, format!("the module's answer is no number: {error}")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// What is found where, in the place of Node, a script prints `said` for each of two pictures that `answer` is expected to.
    fn found(said: &str, answer: f32) -> Result<Verified> {
        let folder = tempfile::tempdir().expect("a folder");
        let node = folder.path().join("node");
        std::fs::write(&node, format!("#!/bin/sh\ncat > /dev/null\nprintf '{said}\\n{said}\\n'\n")).expect("a file");
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let picture = || Expected { name: "it".into(), path: "it".into(), pixels: vec![0; 3], answer: vec![answer; 2] };
        module(&node, folder.path(), "simd128", &[picture(), picture()])
    }

    #[test]
    fn one_bit_is_enough_to_differ() {
        assert!(found("3f800000 3f800000", 1.0).is_ok_and(|verified| verified.images == 2));
        let differs = found("3f800000 3f800001", 1.0).expect_err("a bit");
        assert!(differs.cause.contains("output 1 is 1.0000001e0, the reference says 1e0"), "{differs}");
        let few = found("3f800000", 1.0).expect_err("one number");
        assert!(few.cause.contains("1 outputs, not 2"), "{few}");
        let none = found("no", 1.0).expect_err("a word");
        assert!(none.cause.contains("is no number"), "{none}");
    }
}
