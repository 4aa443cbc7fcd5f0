//! A WebAssembly module against the reference, in Node: by the example that the crate brings along.

use super::{Expected, Verified, at_once, differ, equal, run};
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
    let compared = |pictures: &[Expected]| {
        let mut command = Command::new(node);
        command.arg(&example);
        let printed = run(command, super::pixels(pictures), false).map_err(|error| {
            error.remedy("does this Node run simd128 (16.4 or later)? --no-verify leaves the comparison out")
        })?;
        let found: Vec<&str> = printed.lines().collect();
        if found.len() != pictures.len() {
            return Err(differ(format!("{} answers to {} images", found.len(), pictures.len())));
        }
        pictures.iter().zip(found).try_for_each(|(picture, line)| equal(&picture.name, &picture.answer, &reals(line)?))
    };
    let compared: Vec<Result<()>> = expected.par_chunks(at_once(expected)).map(compared).collect();
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

    /// What is found where, in the place of Node, a shell prints `said` for each run's pictures, of which one is expected to be `answer` twice.
    fn found(said: &str, answer: f32) -> Result<Verified> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("wasm")).expect("a folder");
        let script = format!("cat > /dev/null\nprintf '{said}\\n'\n");
        std::fs::write(folder.path().join("wasm/example.mjs"), script).expect("a file");
        let picture = Expected { name: "it".into(), path: "it".into(), pixels: vec![0; 3], answer: vec![answer; 2] };
        module(Path::new("/bin/sh"), folder.path(), "simd128", &[picture])
    }

    #[test]
    fn one_bit_is_enough_to_differ() {
        assert!(found("3f800000 3f800000", 1.0).is_ok_and(|verified| verified.images == 1));
        let differs = found("3f800000 3f800001", 1.0).expect_err("a bit");
        assert!(differs.cause.contains("output 1 is 1.0000001e0, the reference says 1e0"), "{differs}");
        let few = found("3f800000", 1.0).expect_err("one number");
        assert!(few.cause.contains("1 outputs, not 2"), "{few}");
        let two = found("3f800000 3f800000\\n3f800000 3f800000", 1.0).expect_err("two answers");
        assert!(two.cause.contains("2 answers to 1 images"), "{two}");
        let none = found("no", 1.0).expect_err("a word");
        assert!(none.cause.contains("is no number"), "{none}");
    }
}
