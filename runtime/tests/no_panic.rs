//! The objects of the runtime and of a crate that calls every kernel refer to no function of `core::panicking`.

use std::path::Path;
use std::process::Command;

/// Compiles `source` to an object and a library; the object's bytes.
fn compile(name: &str, source: &Path, dir: &Path) -> Vec<u8> {
    let object = dir.join(format!("{name}.o"));
    let runtime = dir.join("libbakelite_runtime.rlib");
    let extern_runtime = ["--extern".into(), format!("bakelite_runtime={}", runtime.display())];
    let extern_runtime = if name == "bakelite_runtime" { &[][..] } else { &extern_runtime[..] };
    let status = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
        .args([
            "--edition=2024",
            "--crate-type=rlib",
            "-Copt-level=3",
            "-Cpanic=abort",
            "-Ccodegen-units=1",
            "-Cembed-bitcode=no",
        ])
        .args(["--cap-lints=allow", "--crate-name", name, "--emit"])
        .arg(format!("obj={},link={}", object.display(), dir.join(format!("lib{name}.rlib")).display()))
        .args(extern_runtime)
        .arg(source)
        // What rustc needs meanwhile it puts where it runs.
        .current_dir(dir)
        .status()
        .expect("rustc runs");
    assert!(status.success(), "{name} compiles");
    std::fs::read(object).expect("the object is there")
}

#[test]
fn no_panic_path() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, source) in [("bakelite_runtime", "src/lib.rs"), ("every_kernel", "tests/no_panic/every_kernel.rs")] {
        let object = compile(name, &root.join(source), dir);
        // Both ways to mangle a name keep its parts.
        for part in ["panicking", "unwrap_failed", "slice_index_fail", "panic_"] {
            let found = object.windows(part.len()).position(|window| window == part.as_bytes());
            let around = found.map(|at| {
                String::from_utf8_lossy(&object[at.saturating_sub(60)..(at + 60).min(object.len())]).into_owned()
            });
            assert_eq!(around, None, "the object of {name} refers to {part}");
        }
    }
}
