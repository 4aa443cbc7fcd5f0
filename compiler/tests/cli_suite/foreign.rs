//! The C interface: a C program linked to the static and to the shared library says what the program says, bit for bit.

use crate::bakelite::{SHARED, bakelite};
use crate::maps::{Compiled, TWO, compiled, library};
use ::bakelite::build::toolchain::in_path;
use ::bakelite::emit::noise_image;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of an image of the network.
const IMAGE: usize = 24 * 40 * 3;

fn images() -> Vec<u8> {
    [noise_image(5, 2 * IMAGE), vec![255; IMAGE]].concat()
}

/// Gives a program the images and returns what it prints.
pub fn output(command: Command) -> String {
    output_of(command, images())
}

fn output_of(mut command: Command, input: Vec<u8>) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    // A program that reads files leaves the pipe as it is.
    let _ = writer.join().expect("a thread");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The bits of the program's own answers, as the example prints them.
pub fn expected(it: &Compiled, emulator: &[&str]) -> String {
    let mut command = under(emulator, &it.program);
    command.args(["--raw", "--json", "--scores"]);
    bits(&output(command))
}

/// The bits of what a program says with `--json --scores`, a line for each picture.
pub fn bits(json: &str) -> String {
    let line = |line: &str| {
        let answer: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let word = |x: &serde_json::Value| format!("{:08x}", (x.as_f64().expect("a number") as f32).to_bits());
        answer["scores"].as_array().expect("numbers").iter().map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    json.lines().map(line).collect()
}

pub fn under(emulator: &[&str], program: &Path) -> Command {
    match emulator.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// Compiles the crate's C example against one of its libraries.
pub fn link(it: &Compiled, compiler: &str, triple: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let example = it.folder.join(name);
    let mut command = Command::new(compiler);
    command.current_dir(&it.folder).args([
        "-std=c11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Iinclude",
        "c/example.c",
    ]);
    let libraries = format!("target/{triple}/release");
    command.args(arguments.iter().map(|argument| argument.replace("LIBRARIES", &libraries))).arg("-o").arg(&example);
    let output = command.output().expect("a C compiler");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    example
}

/// Whether a tool is there; says so where it is not.
pub fn have(tool: &str) -> bool {
    let there = in_path(tool).is_some();
    if !there {
        println!("skipped: {tool} is not installed");
    }
    there
}

#[test]
fn c_programs_say_what_the_program_says() {
    if !have("cc") {
        return;
    }
    let triple = "x86_64-unknown-linux-gnu";
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("skipped: the libraries of this test are for {triple}");
        return;
    }
    let expected = expected(&TWO, &[]);
    assert_eq!(expected.lines().count(), 3);
    let linked = link(&TWO, "cc", triple, "with-static", &["LIBRARIES/libtwo.a"]);
    assert_eq!(output(Command::new(&linked)), expected);
    let shared = ["-LLIBRARIES", "-ltwo", "-Wl,-rpath,$ORIGIN/LIBRARIES"];
    assert_eq!(output(Command::new(link(&TWO, "cc", triple, "with-shared", &shared))), expected);
    // A picture of another size is resized as the program does it.
    let file = SHARED.images.join("00003.png");
    let picture = ::bakelite::dataset::decode_any(&std::fs::read(&file).expect("a file")).expect("a picture");
    let mut resizing = Command::new(&linked);
    resizing.args([picture.height, picture.width].map(|side| side.to_string()));
    let mut program = Command::new(&TWO.program);
    program.args(["--json", "--scores"]).arg(&file);
    assert_eq!(output_of(resizing, picture.rgb), bits(&output(program)));
    // C++ takes the header too.
    if have("c++") {
        let mut command = Command::new("c++");
        command.current_dir(&TWO.folder).args(["-fsyntax-only", "-Wall", "-Werror", "-x", "c++", "include/two.h"]);
        assert!(command.status().expect("a C++ compiler").success());
    }
}

#[test]
fn c_programs_for_arm_say_what_the_program_says() {
    let target = ::bakelite::specs::target::Target::load("cortex-a76").expect("a target");
    let compiler = "aarch64-linux-gnu-gcc";
    if !have(compiler) || !have("qemu-aarch64") {
        return;
    }
    if let Err(error) = ::bakelite::build::toolchain::find(&target, None) {
        println!("skipped: {error}");
        return;
    }
    let it = compiled("cortex-a76");
    let emulator = ["qemu-aarch64", "-cpu", "cortex-a76", "-L", "/usr/aarch64-linux-gnu"];
    let (expected, triple) = (expected(&it, &emulator), "aarch64-unknown-linux-gnu");
    // The same on every CPU.
    assert_eq!(expected, self::expected(&TWO, &[]));
    let linked = link(&it, compiler, triple, "with-static", &["-static", "LIBRARIES/libtwo.a"]);
    assert_eq!(output(under(&emulator, &linked)), expected);
    // A core without the dot product is told apart before it meets one.
    let older =
        under(&["qemu-aarch64", "-cpu", "cortex-a53"], &linked).stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(older.status.code(), Some(3), "{}", String::from_utf8_lossy(&older.stderr));
    let shared = ["-LLIBRARIES", "-ltwo", "-Wl,-rpath,$ORIGIN/LIBRARIES"];
    assert_eq!(output(under(&emulator, &link(&it, compiler, triple, "with-shared", &shared))), expected);
}

/// Whether a toolchain can compile for a target; says so where none can.
pub fn can_compile(name: &str) -> bool {
    let target = ::bakelite::specs::target::Target::load(name).expect("a target");
    match ::bakelite::build::toolchain::find(&target, None) {
        Ok(_) => true,
        Err(error) => {
            println!("skipped: {error}");
            false
        }
    }
}

#[test]
fn libraries_without_an_operating_system_are_complete() {
    for target in ["aarch64-none", "thumbv7em", "aarch64-android", "apple-ios", "apple-m1"] {
        if can_compile(target) {
            // That it needs nothing but the memory functions of C was checked when it was built.
            let (_, library) = library(target, "staticlib");
            assert!(library.is_file(), "{}", library.display());
        }
    }
    let run = bakelite(["compile", "--target", "wasm32", "--images"]).arg(&SHARED.images).arg(&SHARED.model);
    run.refused("arguments", &["there are no programs for wasm32-unknown-unknown", "--emit cdylib"]);
}

/// A Cortex-M4 without an operating system, as an emulator has it: weights in flash, the arena in RAM.
#[test]
fn a_cortex_m_says_what_the_program_says() {
    let target = ::bakelite::specs::target::Target::load("thumbv7em").expect("a target");
    if !have("qemu-system-arm") || !can_compile("thumbv7em") {
        return;
    }
    let toolchain = ::bakelite::build::toolchain::find(&target, None).expect("a toolchain");
    let rustc = |arguments: &[&str]| {
        let mut command = Command::new(if toolchain.name.is_some() { "rustup" } else { "rustc" });
        if let Some(name) = &toolchain.name {
            command.args(["run", name, "rustc"]);
        }
        command.args(arguments);
        command
    };
    let sysroot = rustc(&["--print", "sysroot"]).output().expect("rustc").stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot).expect("a path").trim());
    let linker = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    if !linker.is_file() {
        println!("skipped: {} is not there", linker.display());
        return;
    }
    let expected = expected(&TWO, &[]);
    let outputs = expected.lines().next().map_or(0, |line| line.split(' ').count());
    let (folder, library) = library("thumbv7em", "staticlib");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli_suite/cortex_m");
    let (object, firmware) = (folder.join("firmware.o"), folder.join("firmware.elf"));
    std::fs::write(folder.join("images.bin"), images()).expect("a file");
    let mut compile =
        rustc(&["--edition=2024", "--crate-type=lib", "--emit=obj", "-Copt-level=2", "-Cpanic=abort", "--target"]);
    compile.arg(&target.triple).env("IMAGES", folder.join("images.bin")).env("OUTPUTS", outputs.to_string());
    let status = compile.arg(sources.join("firmware.rs")).arg("-o").arg(&object).status().expect("rustc");
    assert!(status.success());
    let mut link = Command::new(linker);
    link.args(["-flavor", "gnu", "--gc-sections", "-T"]).arg(sources.join("memory.ld"));
    let status = link.args([&object, &library]).arg("-o").arg(&firmware).status().expect("a linker");
    assert!(status.success());
    let mut emulator = Command::new("qemu-system-arm");
    emulator.args(["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]);
    emulator.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(&firmware);
    let ran = emulator.stdin(Stdio::null()).output().expect("an emulator");
    // What the program asks of its debugger goes to the emulator's standard error.
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ran.status.success(), "{}: {}", ran.status, said.get(..2000).unwrap_or(&said));
    assert_eq!(said, expected);
}
