//! Runs the network on pictures. `--help` says how.

#[path = "cli/decode.rs"]
#[allow(dead_code)]
mod decode;
#[path = "cli/golden.rs"]
mod golden;
{% if not scores %}#[path = "cli/outputs.rs"]
mod outputs;
{% endif %}#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/show.rs"]
mod show;
#[path = "cli/text.rs"]
mod text;

use ::{{ name }}::runtime::image::Scratch;
use ::{{ name }}::{IMAGE_LEN, {% if several %}KERNELS, {% endif %}Network, OUTPUTS};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All of the network's memory; zeros, so that it takes no room in the file and no time at the start.
static NETWORK: Mutex<Network> = Mutex::new(Network::new());

const BENCH: &str = "       {{ name }} bench [--iterations N] [--json]          time one inference
       {{ name }} selftest                                 check the embedded golden outputs

";

const STATUS: &str = "  --threads N  compute with N threads (built with --features threads)
{% if several %}  --kernels K  compute with these kernels, one of {{ kernels }}; otherwise with the first of them that this CPU has
{% endif %}
Exit status: 0 fine, 1 a picture could not be read (the others were) or an answer not be written, 2 usage,
3 this CPU lacks an instruction, 4 the self-test failed.
";

fn help() -> String {
    ["{{ title }}, int8, compiled by Bakelite.\n\n", show::USAGE, BENCH, show::OPTIONS, STATUS].concat()
}

struct Options {
    top: usize,
    json: bool,
    scores: bool,
    raw: bool,
    masks: Option<OsString>,
    iterations: usize,
    threads: usize,
{% if several %}    kernels: Option<String>,
{% endif %}    words: Vec<OsString>,
}

/// What the arguments ask for.
enum Request {
    Help,
    Version,
    Run(Options),
}

fn main() -> ExitCode {
    if let Some(missing) = settings::missing_cpu_feature() {
        complain(format_args!(
            "this program was compiled for CPUs with {missing}; this CPU does not have it. Compile the network for another target."
        ));
        return ExitCode::from(3);
    }
    match options() {
        Ok(Request::Run(options)) => run(&options),
        Ok(Request::Help) => ended(print(&help())),
        Ok(Request::Version) => ended(print(concat!("{{ name }} ", env!("CARGO_PKG_VERSION"), "\n"))),
        Err(message) => usage(&message),
    }
}

/// On standard output; never a panic, whoever reads.
fn print(text: &str) -> io::Result<()> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("standard output: {error}"));
    io::stdout().write_all(text.as_bytes()).map_err(told)
}

/// On standard error; if nobody can read it there, there is no better place.
fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "{{ name }}: {text}");
}

fn usage(message: &str) -> ExitCode {
    complain(format_args!("{message}\n\n{}", help()));
    ExitCode::from(2)
}

/// The exit status after printing: who closes the pipe early, as `head` does, has read enough.
fn ended(printed: io::Result<()>) -> ExitCode {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(error);
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn options() -> Result<Request, String> {
    let mut options = Options { top: 5, json: false, scores: false, raw: false, masks: None, iterations: 0, threads: 1,{% if several %} kernels: None,{% endif %} words: Vec::new() };
    let mut arguments = std::env::args_os().skip(1);
    let mut literal = false;
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize, String> {
            let value = arguments.next().ok_or(format!("{} needs a number", argument.display()))?;
            let number = value.to_str().and_then(|value| value.parse().ok());
            number.ok_or(format!("{} needs a number, not {value:?}", argument.display()))
        };
        match argument.to_string_lossy().as_ref() {
            _ if literal => options.words.push(argument),
            "--top" => options.top = number()?,
            "--iterations" => options.iterations = number()?,
            "--threads" => options.threads = number()?,
{% if several %}            "--kernels" => options.kernels = Some(arguments.next().ok_or("--kernels needs a name")?.to_string_lossy().into_owned()),
{% endif %}            "--masks" if show::MASKS => options.masks = Some(arguments.next().ok_or("--masks needs a folder")?),
            "--json" => options.json = true,
            "--scores" => options.scores = true,
            "--raw" => options.raw = true,
            "--" => literal = true,
            "-h" | "--help" => return Ok(Request::Help),
            "-V" | "--version" => return Ok(Request::Version),
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            _ => options.words.push(argument),
        }
    }
    Ok(Request::Run(options))
}

/// Starts the threads asked for.
#[cfg(feature = "threads")]
fn start(threads: usize) -> Result<(), &'static str> {
    NETWORK.lock().map_err(|_| "the network is in use")?.set_threads(threads);
    Ok(())
}

/// There are none.
#[cfg(not(feature = "threads"))]
fn start(threads: usize) -> Result<(), &'static str> {
    if threads > 1 { Err("this program was built without threads: build it with `--features threads`") } else { Ok(()) }
}

{% if several %}/// Takes the kernels asked for.
fn choose(name: &str) -> ExitCode {
    if !KERNELS.contains(&name) {
        return usage(&format!("there are no kernels {name}, only {{ kernels }}"));
    }
    if NETWORK.lock().unwrap_or_else(PoisonError::into_inner).set_kernels(name) {
        return ExitCode::SUCCESS;
    }
    complain(format_args!("this CPU lacks the instructions of {name}"));
    ExitCode::from(3)
}

{% endif %}fn run(options: &Options) -> ExitCode {
    if let Err(message) = start(options.threads) {
        return usage(message);
    }
{% if several %}    if let Some(name) = &options.kernels {
        let chosen = choose(name);
        if chosen != ExitCode::SUCCESS {
            return chosen;
        }
    }
{% endif %}    match options.words.first().map(|word| word.to_string_lossy()).as_deref() {
        Some("bench") if options.words.len() == 1 => bench(options),
        Some("selftest") if options.words.len() == 1 => selftest(),
        None if options.raw => raw(options),
        None => usage("name a picture"),
        Some(_) if options.raw => usage("--raw reads standard input and takes no files"),
        Some(_) if options.masks.is_some() && twice(&options.words) => usage("two of the pictures have the same name, and so have their masks"),
        Some(_) => files(options),
    }
}

/// Whether two paths end in the same name.
fn twice(paths: &[OsString]) -> bool {
    let mut seen = HashSet::new();
    !paths.iter().all(|path| seen.insert(Path::new(path).file_name()))
}

/// Runs the network on one image.
fn infer(image: &[u8; IMAGE_LEN], answer: &mut Vec<f32>) {
    let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    answer.clear();
    answer.extend(network.run(image).{% if scores %}iter().copied{% else %}reals{% endif %}());
}

fn files(options: &Options) -> ExitCode {
    let (mut image, mut numbers) = (vec![0_u8; IMAGE_LEN], Vec::with_capacity(OUTPUTS));
    let mut failed = false;
    for file in options.words.iter().map(Path::new) {
        let answer = std::fs::read(file).map_err(|error| error.to_string()).and_then(|bytes| {
            let picture = decode::decode(&bytes).map_err(|error| error.to_string())?;
            fit(&picture, &mut image)
        });
        match (answer, image.first_chunk::<IMAGE_LEN>()) {
            (Ok(()), Some(image)) => {
                infer(image, &mut numbers);
                if let Err(error) = show::show(options, file, &numbers) {
                    return ended(Err(error));
                }
            }
            (Err(message), _) => {
                complain(format_args!("{}: {message}", file.display()));
                failed = true;
            }
            (Ok(()), None) => failed = true,
        }
    }
    ExitCode::from(u8::from(failed))
}

/// Resizes and crops, as calibration did.
fn fit(picture: &decode::Picture, image: &mut [u8]) -> Result<(), String> {
    let failed = |error| format!("cannot be resized: {error:?}");
    let size = settings::FIT.scratch(picture.height, picture.width).map_err(failed)?;
    let (mut weights, mut rows) = (vec![0; size.weights], vec![0; size.rows]);
    let mut scratch = Scratch { weights: &mut weights, rows: &mut rows };
    settings::FIT.apply(&picture.rgb, picture.height, picture.width, &mut scratch, image).map_err(failed)
}

fn raw(options: &Options) -> ExitCode {
    let mut input = io::stdin().lock();
    let (mut image, mut numbers) = (vec![0_u8; IMAGE_LEN], Vec::with_capacity(OUTPUTS));
    let mut count = 0;
    loop {
        let mut filled = 0;
        while let Some(rest) = image.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match input.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    complain(format_args!("standard input: {error}"));
                    return ExitCode::from(1);
                }
            }
        }
        match filled {
            0 if count > 0 => return ExitCode::SUCCESS,
            IMAGE_LEN => {}
            short => {
                complain(format_args!("image {count} on standard input has {short} bytes, not {IMAGE_LEN}"));
                return ExitCode::from(1);
            }
        }
        if let Some(image) = image.first_chunk() {
            infer(image, &mut numbers);
        }
        if let Err(error) = show::show(options, Path::new(&format!("-{count}")), &numbers) {
            return ended(Err(error));
        }
        count += 1;
    }
}

/// The network's answer to a picture that every build draws alike, made as often as asked for, each time announced.
fn golden_answer(seed: u64, rounds: usize, mut timed: impl FnMut(usize, Duration)) -> Vec<f32> {
    let (mut image, mut numbers) = (vec![0; IMAGE_LEN], Vec::with_capacity(OUTPUTS));
    golden::draw(seed, {{ width }}, &mut image);
    if let Some(image) = image.first_chunk() {
        for round in 0..rounds {
            let start = Instant::now();
            infer(std::hint::black_box(image), std::hint::black_box(&mut numbers));
            timed(round, start.elapsed());
        }
    }
    numbers
}

/// FNV-1a of the bits of the outputs.
fn hash(outputs: &[f32]) -> u64 {
    outputs
        .iter()
        .flat_map(|value| value.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn selftest() -> ExitCode {
    for &(seed, expected) in settings::GOLDEN {
        let found = hash(&golden_answer(seed, 1, |_, _| {}));
        if found != expected {
            complain(format_args!("golden picture {seed}: expected {expected:016x}, found {found:016x}"));
            return ExitCode::from(4);
        }
    }
    let count = settings::GOLDEN.len();
    ended(print(&format!("{{ name }}: {count} golden pictures, every output bit as expected\n")))
}

fn bench(options: &Options) -> ExitCode {
    // A bounded list: a number beyond all patience must not run out of memory.
    let iterations = if options.iterations > 0 { options.iterations.min(1_000_000) } else { 200 };
    let mut times: Vec<u128> = Vec::with_capacity(iterations);
    golden_answer(1, iterations + iterations / 4 + 5, |round, time| {
        // The first rounds warm caches and branch predictors.
        if round >= iterations / 4 + 5 {
            times.push(time.as_nanos());
        }
    });
    times.sort_unstable();
    let (min, median) = (times.first().copied().unwrap_or(0), times.get(times.len() / 2).copied().unwrap_or(0));
    ended(print(&if options.json {
        format!("{{ open }}\"median_ns\":{median},\"min_ns\":{min}{{ close }}\n")
    } else {
        format!("median {:.3} ms, minimum {:.3} ms of {iterations} runs\n", median as f64 / 1e6, min as f64 / 1e6)
    }))
}
