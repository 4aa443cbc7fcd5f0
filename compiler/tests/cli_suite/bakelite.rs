//! Runs the program; what every test needs of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

/// Pictures that the tests calibrate on.
pub const PICTURES: usize = 16;

/// Held-out pictures of the compiled demo.
pub const HELD_OUT: usize = 20;

/// Made once for all tests.
pub struct Shared {
    /// The embedded model.
    pub model: PathBuf,
    /// [`PICTURES`] drawn pictures with their `labels.csv`.
    pub images: PathBuf,
    folder: PathBuf,
}

/// Model and pictures. The folder lies in cargo's own and is made anew by every run.
pub static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_suite");
    let (model, images) = (folder.join("small.onnx"), folder.join("images"));
    let _ = fs::remove_dir_all(&images);
    ::bakelite::demo::draw(&images, 77, PICTURES).expect("pictures");
    fs::write(&model, ::bakelite::demo::MODEL).expect("the model");
    Shared { model, images, folder }
});

/// What `bakelite demo` made: the one program that is really built. Its folder stays, so that cargo finds its cache.
pub struct Demo {
    /// What it printed.
    pub outcome: serde_json::Value,
    /// Its folder: `calibration`, `held-out`, `crate`, the model.
    pub folder: PathBuf,
    /// The compiled program.
    pub program: PathBuf,
}

/// The compiled demo.
pub static DEMO: LazyLock<Demo> = LazyLock::new(|| {
    let folder = SHARED.folder.join("demo");
    let run = bakelite(["demo", "--json", "--pictures", &HELD_OUT.to_string(), "--out"]).arg(&folder).succeeds();
    let outcome: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let program = PathBuf::from(outcome["program"].as_str().expect("a program"));
    Demo { outcome, folder, program }
});

/// A command and where it runs.
pub struct Run(pub Command);

/// What it did.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program with these arguments.
pub fn bakelite<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bakelite"));
    command.args(arguments).env("LC_ALL", "C.UTF-8").env_remove("RAYON_NUM_THREADS");
    Run(command)
}

/// `compile MODEL --images DIR --preprocess imagenet --calibration-images 6 --emit crate --out OUT`.
pub fn compile(model: &Path, images: &Path, out: &Path) -> Run {
    compile_on(6, model, images, out)
}

/// The same, calibrating on `count` pictures.
pub fn compile_on(count: usize, model: &Path, images: &Path, out: &Path) -> Run {
    bakelite(["compile", "--preprocess", "imagenet", "--emit", "crate", "--calibration-images"])
        .arg(count.to_string())
        .arg(model)
        .arg("--images")
        .arg(images)
        .arg("--out")
        .arg(out)
}

impl Run {
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub fn args<I: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = I>) -> Self {
        self.0.args(arguments);
        self
    }

    pub fn threads(mut self, count: usize) -> Self {
        self.0.env("RAYON_NUM_THREADS", count.to_string());
        self
    }

    /// Runs it; whatever happens, it does not panic.
    pub fn run(mut self) -> Ran {
        let Output { status, stdout, stderr } = self.0.output().expect("it starts");
        let ran = Ran {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        };
        assert!(!ran.stderr.contains("panicked"), "{:?} panics:\n{}", self.0, ran.stderr);
        ran
    }

    pub fn succeeds(self) -> Ran {
        let shown = format!("{:?}", self.0);
        let ran = self.run();
        assert_eq!(ran.code, Some(0), "{shown}\n{}", ran.stderr);
        ran
    }

    /// Exit status 1, nothing on standard output, and an error that names `stage`, all `words`, and a remedy.
    pub fn refused(self, stage: &str, words: &[&str]) -> Ran {
        let shown = format!("{:?}", self.0);
        let ran = self.run();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{shown}\n{}", ran.stderr);
        let text = squeezed(&ran.stderr);
        assert!(text.starts_with(&format!("×{stage}:")), "{shown}: not of stage {stage}:\n{}", ran.stderr);
        assert!(text.contains("help:"), "{shown}: no remedy:\n{}", ran.stderr);
        for word in words {
            assert!(text.contains(&squeezed(word)), "{shown}: no “{word}” in\n{}", ran.stderr);
        }
        ran
    }

    /// Exit status 2 and an error of the command line that has all `words`.
    pub fn misused(self, words: &[&str]) {
        let shown = format!("{:?}", self.0);
        let ran = self.run();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{shown}\n{}", ran.stderr);
        let text = squeezed(&ran.stderr);
        for word in words.iter().chain(&["error:", "--help"]) {
            assert!(text.contains(&squeezed(word)), "{shown}: no “{word}” in\n{}", ran.stderr);
        }
    }
}

/// Without white space and the bar at the left: messages break lines wherever they are full.
pub fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect()
}

pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

/// Path → bytes of everything below a folder but `target` and the report, which holds measured times; folders end in `/`.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                if name != "target" {
                    files.insert(format!("{name}/"), Vec::new());
                    walk(&entry.path(), &format!("{name}/"), files);
                }
            } else if name != "report.html" {
                files.insert(name, fs::read(entry.path()).expect("a file"));
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, "", &mut files);
    files
}

/// Both folders hold the same files with the same bytes; says which do not.
pub fn assert_same_files(one: &Path, two: &Path) {
    let (one, two) = (tree(one), tree(two));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    let differ: Vec<&String> = one.keys().filter(|name| one[*name] != two[*name]).collect();
    assert!(differ.is_empty(), "these files differ: {differ:?}");
    assert!(one.contains_key("weights.bin") && one.contains_key("src/lib.rs"), "not a crate: {:?}", names(&one));
}

/// Names in a folder, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A copy of a folder of pictures, its files made in the opposite order.
pub fn copy_backwards(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for name in names(from).iter().rev() {
        fs::copy(from.join(name), to.join(name)).expect("a copy");
    }
}

/// `../shared/what`, or what `BAKELITE_SHARED` says; says so where there is none.
pub fn shared(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BAKELITE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = root.join(what);
    if !path.is_dir() {
        println!("skipped: no shared {what} (set BAKELITE_SHARED)");
        return None;
    }
    Some(path)
}
