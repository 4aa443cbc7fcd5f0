//! SIGINT at any moment: a whole crate or none, and no leftovers.
#![cfg(unix)]

use crate::bakelite::{SHARED, assert_same_files, bakelite, compile, names, scratch};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As the terminal does: to the program and all that it started. Sent by a shell, which needs no `unsafe`.
fn interrupt(child: &Child) {
    let status =
        Command::new("sh").arg("-c").arg(format!("kill -s INT -- -{}", child.id())).stderr(Stdio::null()).status();
    status.expect("a shell");
}

fn ended(mut child: Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        if start.elapsed() > Duration::from_secs(20) {
            let _ = child.kill();
            panic!("it did not end after the interruption");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(out: &Path, calib: &Path, emit: &str) -> Child {
    let mut run = bakelite(["compile", "--recipe", "fast", "--preprocess", "imagenet", "--emit", emit]);
    run = run.arg(&SHARED.model).arg("--calib").arg(calib).arg("--out").arg(out);
    run.0.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().expect("it starts")
}

#[test]
fn an_interruption_leaves_a_whole_crate_or_none() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let calibrate = bakelite(["calibrate", "--preprocess", "imagenet", "--calibration-images", "6", "--out"]);
    calibrate.arg(path("m.calib")).arg(&SHARED.model).arg("--images").arg(&SHARED.images).succeeds();
    compile(&SHARED.model, &SHARED.images, &path("whole")).args(["--recipe", "fast"]).succeeds();
    let begin = Instant::now();
    assert_eq!(ended(start(&path("timed"), &path("m.calib"), "crate")), Some(0));
    let long = begin.elapsed();
    assert_same_files(&path("timed"), &path("whole"));

    let (mut interrupted, rounds) = (0, 40);
    for round in 0..rounds {
        let place = path("place");
        std::fs::create_dir(&place).unwrap();
        let out = place.join("out");
        let older = round % 2 == 1;
        if older {
            std::process::Command::new("cp").arg("-r").arg(path("whole")).arg(&out).status().unwrap();
        }
        let child = start(&out, &path("m.calib"), "crate");
        // Mostly late, where files are written.
        std::thread::sleep(long.mul_f64(0.1 + 1.1 * f64::from(round) / f64::from(rounds)));
        interrupt(&child);
        let code = ended(child);
        // Before its handler stands, the signal itself ends it.
        assert!(matches!(code, None | Some(0 | 130)), "{code:?}");
        interrupted += usize::from(code == Some(130));
        let left = names(&place);
        assert!(left.iter().all(|name| name == "out"), "round {round}, {code:?}: left behind {left:?}");
        if older || code == Some(0) || out.exists() {
            assert_same_files(&out, &path("whole"));
        }
        std::fs::remove_dir_all(&place).unwrap();
    }
    println!("{interrupted} of {rounds} rounds were interrupted");
    assert!(interrupted > 0, "no round was interrupted: the test tests nothing");
}

#[test]
fn an_interruption_of_the_build_leaves_the_crate_whole() {
    let folder = scratch();
    let (calib, place) = (folder.path().join("m.calib"), folder.path().join("place"));
    let calibrate = bakelite(["calibrate", "--preprocess", "imagenet", "--calibration-images", "6", "--out"]);
    calibrate.arg(&calib).arg(&SHARED.model).arg("--images").arg(&SHARED.images).succeeds();
    let whole = folder.path().join("out");
    compile(&SHARED.model, &SHARED.images, &whole).args(["--recipe", "fast", "--name", "out"]).succeeds();
    std::fs::create_dir(&place).unwrap();
    let mut run = bakelite(["compile", "--recipe", "fast", "--preprocess", "imagenet", "--name", "out", "--calib"]);
    run = run.arg(&calib).arg(&SHARED.model);
    run.0.current_dir(&place).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let child = run.0.spawn().expect("it starts");
    let start = Instant::now();
    while !place.join("out/target").exists() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    assert_eq!(ended(child), Some(130));
    assert_eq!(names(&place), ["out"]);
    assert_same_files(&place.join("out"), &whole);
}
