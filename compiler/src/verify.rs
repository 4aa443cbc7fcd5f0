//! The program against the reference: every bit of every answer.

mod levels;
pub mod module;

pub use levels::levels;

use crate::build::toolchain::in_path;
use crate::dataset::{Dataset, Preprocess};
use crate::error::{Error, Result, Stage};
use crate::progress::Spinner;
use crate::qgraph::{QGraph, reference};
use crate::specs::target::Target;
use rayon::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How to run a program of a target on this machine.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Emulator and its arguments; empty where the program runs by itself.
    prefix: Vec<String>,
    /// The program's own first arguments.
    arguments: Vec<String>,
}

impl Runner {
    /// By itself, or through the target's emulator.
    pub fn of(target: &Target) -> Result<Self> {
        if target.is_host() {
            return Ok(Self { prefix: Vec::new(), arguments: Vec::new() });
        }
        let missing = |cause: String| {
            Error::new(Stage::Verify, cause).at(&target.name).remedy(
                "install an emulator (Debian: `apt-get install qemu-user`), set BAKELITE_EMULATOR to its path, or leave this out with --no-verify",
            )
        };
        let emulator = target
            .emulator
            .as_ref()
            .ok_or_else(|| missing("programs of this target do not run here, and it names no emulator".into()))?;
        let program: Option<PathBuf> = match std::env::var_os("BAKELITE_EMULATOR") {
            Some(path) => Some(PathBuf::from(path)),
            None => in_path(&emulator.program).or_else(|| in_path(&format!("{}-static", emulator.program))),
        };
        let program = program.ok_or_else(|| missing(format!("the emulator {} is not installed", emulator.program)))?;
        let prefix = vec![program.display().to_string(), "-cpu".into(), emulator.cpu.clone()];
        Ok(Self { prefix, arguments: Vec::new() })
    }

    /// The same, for a program that has several kernels: with these, whatever the CPU has.
    fn with_kernels(&self, name: &str) -> Self {
        Self { arguments: vec!["--kernels".into(), name.into()], ..self.clone() }
    }

    /// The program as a command.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self.prefix.split_first() {
            None => Command::new(program),
            Some((emulator, arguments)) => {
                let mut command = Command::new(emulator);
                command.args(arguments).arg(program);
                command
            }
        };
        command.args(&self.arguments);
        command
    }

    /// Whether times measured with it mean anything.
    pub fn is_native(&self) -> bool {
        self.prefix.is_empty()
    }
}

/// What was compared.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Verified {
    /// Images whose answers are equal bit for bit, given as raw pixels (to a module for the web, in Node).
    pub images: usize,
    /// Of these, read as files by the program itself too: the same pixels, the same answers.
    pub files: usize,
    /// The kernels that answered, each of them all images: all that the program has, but for those whose instructions this CPU lacks.
    pub kernels: Vec<&'static str>,
}

/// A picture and what the reference answers to it.
#[derive(Clone, Debug)]
pub struct Expected {
    name: String,
    path: PathBuf,
    pixels: Vec<u8>,
    answer: Vec<f32>,
}

/// Numbers that are read off one run of the program, or those of one image: maps of many pixels are long as text.
const AT_ONCE: usize = 1 << 14;

/// Numbers that are kept of the reference: 256 MB.
const KEPT: usize = 1 << 26;

/// How many of `wished` images can be compared: fewer where every pixel has many answers.
pub fn most_images(q: &QGraph, wished: usize) -> usize {
    let numbers: usize = q.answers().iter().map(|answer| answer.shape.len()).sum();
    wished.min(KEPT / numbers.max(1)).max(wished.min(1))
}

/// The reference's answers to every image of `dataset`.
///
/// # Errors
/// Where a picture cannot be read.
pub fn expected(q: &QGraph, dataset: &Dataset, preprocess: &Preprocess) -> Result<Vec<Expected>> {
    let mut all = Vec::new();
    dataset.stream(
        "reference",
        &preprocess.fit,
        |sight| {
            let answer = reference::run(q, sight.rgb)?;
            let (name, path) = (sight.image.name.clone(), sight.image.path.clone());
            Ok(Expected { name, path, pixels: sight.rgb.to_vec(), answer })
        },
        |_, result: Result<_>| {
            all.push(result?);
            Ok(())
        },
    )?;
    Ok(all)
}

/// Runs the program of `target` on every picture, as raw pixels and as a file, with each of its kernels, and compares every bit with
/// what is expected.
///
/// # Errors
/// Where a bit differs, or the program does not run.
pub fn verify(program: &Path, runner: &Runner, target: &Target, expected: &[Expected]) -> Result<Verified> {
    let _progress = Spinner::new("comparing the program's answers with the reference");
    let mut verified = Verified { images: expected.len(), files: 0, kernels: Vec::new() };
    if let [only] = target.levels.as_slice() {
        verified.files = all_pictures(program, runner, expected)?;
        verified.kernels.push(only.name());
        return Ok(verified);
    }
    for name in target.levels.iter().map(|level| level.name()) {
        let runner = runner.with_kernels(name);
        if !lacks(program, &runner)? {
            verified.files = all_pictures(program, &runner, expected)?;
            verified.kernels.push(name);
        }
    }
    Ok(verified)
}

/// The exit status of a program whose CPU lacks an instruction.
const LACKS: i32 = 3;

/// Whether this CPU lacks the instructions of the kernels that the program is told to use; otherwise its own test must pass.
fn lacks(program: &Path, runner: &Runner) -> Result<bool> {
    let failed = |cause: String| Error::new(Stage::Verify, cause).at(program.display().to_string());
    let output = runner.command(program).arg("selftest").output().map_err(|e| failed(e.to_string()))?;
    match output.status.code() {
        Some(0) => Ok(false),
        Some(LACKS) => Ok(true),
        _ => Err(differ(String::from_utf8_lossy(&output.stderr).trim().to_owned()).at(program.display().to_string())),
    }
}

/// All pictures, with one set of kernels. Returns how many the program read as files.
fn all_pictures(program: &Path, runner: &Runner, expected: &[Expected]) -> Result<usize> {
    // Reading files: JPEG and PNG only; a program cannot read what it has no decoder for.
    let decoded = |path: &Path| {
        std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(&[0xFF, 0xD8]) || bytes.starts_with(b"\x89PNG"))
    };
    let compared = |pictures: &[Expected]| {
        let mut raw = runner.command(program);
        raw.args(["--raw", "--json", "--scores", "--top", "1"]);
        all_equal(&pictures.iter().collect::<Vec<_>>(), raw, pixels(pictures))?;
        let readable: Vec<&Expected> = pictures.iter().filter(|picture| decoded(&picture.path)).collect();
        if !readable.is_empty() {
            let mut command = runner.command(program);
            command.args(["--json", "--scores", "--top", "1", "--"]).args(readable.iter().map(|picture| &picture.path));
            all_equal(&readable, command, Vec::new())?;
        }
        Ok(readable.len())
    };
    let files: Vec<Result<usize>> = expected.par_chunks(at_once(expected)).map(compared).collect();
    files.into_iter().sum()
}

/// How many pictures a run answers: emulators take their time, so that all cores have some; what it prints is read as a whole.
fn at_once(expected: &[Expected]) -> usize {
    let numbers = expected.first().map_or(0, |picture| picture.answer.len());
    let share = expected.len().div_ceil(rayon::current_num_threads());
    (AT_ONCE / numbers.max(1)).min(share).max(1)
}

/// Their pixels, one after the other.
fn pixels(pictures: &[Expected]) -> Vec<u8> {
    pictures.iter().flat_map(|picture| picture.pixels.iter().copied()).collect()
}

/// Compares what the program answers to these pictures.
fn all_equal(pictures: &[&Expected], command: Command, input: Vec<u8>) -> Result<()> {
    let found = answers(command, input, Unreadable::Refused)?;
    if found.len() != pictures.len() {
        return Err(differ(format!("{} answers to {} images", found.len(), pictures.len())));
    }
    pictures.iter().zip(&found).try_for_each(|(picture, (_, found))| equal(&picture.name, &picture.answer, found))
}

fn differ(cause: String) -> Error {
    Error::new(Stage::Verify, cause).remedy("this is a defect of Bakelite: please report it with the model")
}

/// Every bit.
fn equal(name: &str, expected: &[f32], found: &[f32]) -> Result<()> {
    if expected.len() != found.len() {
        return Err(differ(format!("{} outputs, not {}", found.len(), expected.len())).at(name));
    }
    match expected.iter().zip(found).position(|(a, b)| a.to_bits() != b.to_bits()) {
        None => Ok(()),
        Some(i) => Err(differ(format!("output {i} is {:e}, the reference says {:e}", found[i], expected[i])).at(name)),
    }
}

/// What a picture that the program cannot read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It has no answer.
    Skipped,
    /// An error.
    Refused,
}

/// Runs a program and reads its JSON lines: file and scores.
pub fn answers(command: Command, input: Vec<u8>, unreadable: Unreadable) -> Result<Vec<(String, Vec<f32>)>> {
    // The program answers 1 where it could not read a picture, after all the others.
    let printed = run(command, input, unreadable == Unreadable::Skipped)?;
    #[derive(serde::Deserialize)]
    struct Line {
        file: String,
        scores: Vec<f32>,
    }
    printed
        .lines()
        .map(|line| {
            let line: Line = serde_json::from_str(line)
                .map_err(|e| Error::new(Stage::Verify, format!("the program's answer is not JSON: {e}")))?;
            Ok((line.file, line.scores))
        })
        .collect()
}

/// Runs a program and gives what it prints; it may end with status 1 where that is said.
fn run(mut command: Command, input: Vec<u8>, may_fail: bool) -> Result<String> {
    let failed = |cause: String| Error::new(Stage::Verify, cause);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(format!("cannot start the program: {e}")))?;
    let stdin = child.stdin.take();
    // Written from a thread of its own: a full pipe must not stop us from reading.
    let writer = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    let output = child.wait_with_output().map_err(|e| failed(format!("the program: {e}")))?;
    let _ = writer.join();
    let fine = output.status.success() || may_fail && output.status.code() == Some(1);
    if !fine {
        let log = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("the program ended with {}: {}", output.status, log.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
