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
