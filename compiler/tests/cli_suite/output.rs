//! Places that cannot be written to: a stated refusal, nothing half-written, nothing foreign touched.

use crate::bakelite::{Ran, SHARED, bakelite, compile, names, scratch, squeezed, tree};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn folders_of_other_peoples_are_left_alone() {
    let folder = scratch();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.txt"), "years of work").unwrap();
    let before = tree(folder.path());
    let ran = compile(&SHARED.model, &SHARED.images, &mine)
        .refused("emit", &["not a crate that Bakelite wrote", "mine", "--out"]);
    assert!(!ran.stderr.contains("calibrat"), "refused before the long work: {}", ran.stderr);
    compile(&SHARED.model, &SHARED.images, &mine.join("thesis.txt")).refused("emit", &["thesis.txt"]);
    assert_eq!(tree(folder.path()), before);
    // An empty folder is nobody's.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    compile(&SHARED.model, &SHARED.images, &empty).succeeds();
    assert!(empty.join("Cargo.toml").is_file());
}

#[test]
fn places_that_cannot_be_written_to() {
    // Root may write anywhere: a file in place of a folder, and the kernel's own file system, refuse even root.
    let folder = scratch();
    fs::write(folder.path().join("file"), "mine").unwrap();
    let words = &["cannot", "--out", "nothing was changed"];
    compile(&SHARED.model, &SHARED.images, &folder.path().join("file/out")).refused("emit", words);
    if Path::new("/proc/self").exists() {
        compile(&SHARED.model, &SHARED.images, "/proc/bakelite/out".as_ref()).refused("emit", words);
    }
    let calibrate = |out: &Path| {
        let run = bakelite(["calibrate", "--calibration-images", "1"]).arg(&SHARED.model);
        run.arg("--images").arg(&SHARED.images).arg("--out").arg(out)
    };
    for out in ["file/m.calib", "nowhere/m.calib", "."] {
        calibrate(&folder.path().join(out)).refused("calibrate", &["cannot be written"]);
    }
    assert_eq!(names(folder.path()), ["file"]);
    let demo = bakelite(["demo", "--pictures", "1", "--out"]).arg(folder.path().join("file"));
    let ran = demo.run();
    assert_eq!(ran.code, Some(1));
    assert!(squeezed(&ran.stderr).contains("×dataset:") && ran.stderr.contains("help:"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let null = Path::new("/dev/null");
    if !null.exists() {
        println!("skipped: no /dev/null");
        return;
    }
    let run = bakelite(["calibrate", "--calibration-images", "1"]).arg(&SHARED.model);
    run.arg("--images").arg(&SHARED.images).arg("--out").arg(null).succeeds();
    assert!(!fs::metadata(null).unwrap().is_file(), "/dev/null is a file now");
}

/// Runs in a file system of `size` that is mounted for this alone, at `place`; `None` where that is not permitted.
fn in_small_disk(size: &str, place: &Path, script: &str) -> Option<Ran> {
    let mount = format!("mount -t tmpfs -o size={size} none \"$1\" || exit 77\n{script}");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"])
        .arg(place)
        .arg(env!("CARGO_BIN_EXE_bakelite"))
        .arg(&SHARED.model)
        .arg(&SHARED.images)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ran = Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    let refused = ran.code == Some(77) || ran.stderr.starts_with("unshare:");
    if refused {
        println!("skipped: mounting a small disk is not permitted");
    }
    (!refused).then_some(ran)
}

const COMPILE: &str =
    r#"compile() { "$2" compile "$3" --images "$4" --calibration-images 2 --emit crate --out "$1/out" "$5" "$6"; }"#;

#[test]
fn a_full_disk_leaves_nothing() {
    let folder = scratch();
    let script = format!("{COMPILE}\ncompile \"$@\" --seed 1\necho code $?\nls -A \"$1\"");
    let Some(ran) = in_small_disk("300k", folder.path(), &script) else { return };
    assert_eq!(ran.stdout, "code 1\n", "{}", ran.stderr);
    let text = squeezed(&ran.stderr);
    assert!(text.contains("×emit:") && text.contains("Nospaceleft") && text.contains("help:"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_leaves_the_older_crate_as_it_was() {
    let folder = scratch();
    // Room for one crate and not for two.
    let script = format!(
        "{COMPILE}\ncd \"$1\"; sum() {{ find out -type f | sort | xargs cat | cksum; }}\n\
         compile \"$@\" --seed 1 > /dev/null 2>&1; echo code $?; before=$(sum)\n\
         compile \"$@\" --seed 2 > /dev/null; echo code $?; ls -A\n\
         test \"$before\" = \"$(sum)\" && echo same"
    );
    let Some(ran) = in_small_disk("3500k", folder.path(), &script) else { return };
    assert_eq!(ran.stdout, "code 0\ncode 1\nout\nsame\n", "{}", ran.stderr);
    assert!(squeezed(&ran.stderr).contains("Nospaceleft"), "{}", ran.stderr);
}

/// Commands that print, on every way of printing.
const PRINTING: [&[&str]; 6] = [
    &["targets"],
    &["targets", "--json"],
    &["inspect", "--layers"],
    &["inspect", "--json"],
    &["completions", "bash"],
    &["bench", "--iterations", "1"],
];

fn printing(arguments: &[&str]) -> Command {
    let mut run = bakelite(arguments);
    if matches!(arguments[0], "inspect" | "bench") {
        run = run.arg(&SHARED.model);
    }
    run.0
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: no /dev/full");
        return;
    }
    for arguments in PRINTING {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = printing(arguments).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(squeezed(&told).contains("×print:standardoutput:cannotbewritten"), "{arguments:?}: {told}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for arguments in PRINTING {
        let mut child = printing(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*told), (Some(0), ""), "{arguments:?}");
    }
}
