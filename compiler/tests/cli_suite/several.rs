//! Programs with kernels for several instruction sets, chosen when they start.

use crate::foreign::{can_compile, expected, have, link, output, under};
use crate::maps::{Compiled, TWO, compiled, is_clean, lints};
use ::bakelite::plan::run;
use ::bakelite::specs::target::Target;
use std::process::{Command, Output};

/// Runs the program's own test with these kernels.
fn selftest(emulator: &[&str], it: &Compiled, kernels: &str) -> Output {
    under(emulator, &it.program).args(["--kernels", kernels, "selftest"]).output().expect("it starts")
}

#[test]
fn a_program_has_kernels_for_every_cpu_of_its_architecture() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("skipped: the program of this test is for x86-64");
        return;
    }
    let (it, target) = (compiled("x86-64-multi"), Target::load("x86-64-multi").expect("a target"));
    let here = run::levels();
    // All that this CPU has were compared with the reference when the program was made.
    let compared: Vec<&str> = target.levels.iter().filter(|level| here.contains(level)).map(|l| l.name()).collect();
    assert_eq!(it.outcome["verified"]["kernels"], serde_json::json!(compared));
    assert!(compared.contains(&"portable"), "{compared:?}");
    assert_eq!(expected(&it, &[]), expected(&TWO, &[]));
    for level in target.levels {
        let ran = selftest(&[], &it, level.name());
        let said = String::from_utf8_lossy(&ran.stderr);
        if here.contains(&level) {
            assert_eq!(ran.status.code(), Some(0), "{said}");
        } else {
            assert_eq!(ran.status.code(), Some(3), "{said}");
            assert!(said.contains("lacks the instructions"), "{said}");
        }
    }
    let unknown = selftest(&[], &it, "sse9");
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("no kernels sse9") && said.contains("avx2, portable"), "{said}");
    if have("cc") {
        let linked = link(&it, "cc", "x86_64-unknown-linux-gnu", "with-static", &["LIBRARIES/libtwo.a"]);
        assert_eq!(output(Command::new(linked)), expected(&TWO, &[]));
    }
    lints(&it);
    is_clean(&it, &["test", "--release", "--offline", "--quiet", "--doc"]);
}

#[test]
fn a_program_for_arm_takes_what_its_core_has() {
    let compiler = "aarch64-linux-gnu-gcc";
    if !have(compiler) || !have("qemu-aarch64") || !can_compile("aarch64-multi") {
        return;
    }
    let it = compiled("aarch64-multi");
    let same = expected(&TWO, &[]);
    let linked = link(&it, compiler, "aarch64-unknown-linux-gnu", "with-static", &["-static", "LIBRARIES/libtwo.a"]);
    for (cpu, has) in [("cortex-a53", 1), ("cortex-a76", 2), ("max", 3)] {
        let emulator = ["qemu-aarch64", "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu"];
        assert_eq!(expected(&it, &emulator), same, "{cpu}");
        assert_eq!(output(under(&emulator, &linked)), same, "{cpu}");
        for (i, kernels) in ["neon", "neondot", "i8mm"].into_iter().enumerate() {
            let status = selftest(&emulator, &it, kernels).status.code();
            assert_eq!(status, Some(if i < has { 0 } else { 3 }), "{cpu}, {kernels}");
        }
    }
}
