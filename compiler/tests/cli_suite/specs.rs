//! Targets, recipes and preprocessing by name or file.

use crate::bakelite::{SHARED, compile, names, scratch};
use std::fs;

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let folder = scratch();
    for (option, name, known) in [
        ("--target", "z80", &["cortex-a76", "x86-64-avx2", "aarch64-generic"][..]),
        ("--recipe", "tasty", &["default", "per-tensor"]),
        ("--preprocess", "mincer", &["torchvision", "timm-half", "keras", "unit", "paddleocr"]),
    ] {
        let words: Vec<&str> = known.iter().copied().chain([name, ".yaml"]).collect();
        without_preprocess(&folder).args([option, name]).refused("specs", &words);
        let run = without_preprocess(&folder).args([option, "nowhere.yaml"]);
        run.refused("specs", &["nowhere.yaml", "cannot be read"]);
    }
    assert!(names(folder.path()).is_empty());
}

fn without_preprocess(folder: &tempfile::TempDir) -> crate::bakelite::Run {
    crate::bakelite::bakelite(["compile", "--emit", "crate", "--calibration-images", "2"])
        .arg(&SHARED.model)
        .arg("--images")
        .arg(&SHARED.images)
        .arg("--out")
        .arg(folder.path().join("out"))
}

#[test]
fn malformed_files_are_refused_with_file_line_and_cause() {
    const RECIPE: &str = include_str!("../../../specs/recipes/default.yaml");
    const TARGET: &str = include_str!("../../../specs/targets/x86-64-portable.yaml");
    const PREPROCESS: &str = include_str!("../../../specs/preprocess/imagenet.yaml");
    let folder = scratch();
    let refused = |option: &str, text: &str, words: &[&str]| {
        let file = folder.path().join("spec.yaml");
        fs::write(&file, text).unwrap();
        let words: Vec<&str> = words.iter().copied().chain(["spec.yaml"]).collect();
        without_preprocess(&folder).arg(option).arg(&file).refused("specs", &words);
        assert_eq!(names(folder.path()), ["spec.yaml"]);
    };
    let accepted = |option: &str, text: &str| {
        let file = folder.path().join("spec.yaml");
        fs::write(&file, text).unwrap();
        without_preprocess(&folder).arg(option).arg(&file).succeeds();
        fs::remove_dir_all(folder.path().join("out")).unwrap();
    };
    for (option, good) in [("--recipe", RECIPE), ("--target", TARGET), ("--preprocess", PREPROCESS)] {
        accepted(option, good);
        refused(option, &format!("{good}\n  [broken: {{"), &["line"]);
        refused(option, &format!("{good}\nsurprise: 1\n"), &["surprise", "line"]);
        refused(option, "", &[]);
        refused(option, "just a word\n", &["line 1"]);
        refused(option, "\u{0}\u{1}", &[]);
    }
    let changed = |text: &str, key: &str, value: &str| -> String {
        assert!(text.lines().any(|line| line.trim_start().starts_with(key)), "no {key} in\n{text}");
        let change = |line: &str| match line.split_once(key) {
            Some((indent, _)) if indent.trim().is_empty() => format!("{indent}{key} {value}\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(change).collect()
    };
    refused("--recipe", &changed(RECIPE, "observer:", "crystal-ball"), &["crystal-ball", "percentile", "min-max"]);
    refused("--recipe", &changed(RECIPE, "observer:", "percentile:250"), &["percentile:250"]);
    refused("--recipe", &changed(RECIPE, "wide-top:", "-3"), &["line"]);
    refused("--recipe", &changed(RECIPE, "wide-top:", "3"), &["wide-top", "3"]);
    refused("--recipe", &changed(RECIPE, "alphas:", "[2.0]"), &["alphas"]);
    refused("--target", &changed(TARGET, "kernels:", "mmx"), &["mmx", "portable"]);
    refused("--target", &changed(TARGET, "kernels:", "[]"), &["no kernels", "portable"]);
    refused("--target", &changed(TARGET, "kernels:", "[avx2, mmx]"), &["mmx", "portable"]);
    refused("--target", &changed(TARGET, "kernels:", "[portable, portable]"), &["twice"]);
    refused("--target", &changed(TARGET, "kernels:", "[portable, avx2]"), &["end the list with portable"]);
    refused("--target", &changed(TARGET, "kernels:", "{ a: 1 }"), &["or a list of them"]);
    accepted("--target", "description: mine\nsame-as: x86-64-portable\n");
    refused("--target", "description: mine\nsame-as: z80\n", &["same-as", "z80", "x86-64-portable"]);
    refused("--target", "description: mine\nsame-as: spec.yaml\n", &["names no builtin target"]);
    refused("--target", "description: mine\nsame-as: cortex-a76\nkernels: neon\n", &["kernels", "same-as", "line"]);
    refused("--target", "same-as: cortex-a76\n", &["description"]);
    refused("--preprocess", &changed(PREPROCESS, "std:", "[0, 1, 1]"), &["std", "not 0"]);
    refused("--preprocess", &changed(PREPROCESS, "resize:", "crumple"), &["crumple", "line"]);
}

#[test]
fn labels_of_classes() {
    let folder = scratch();
    let (labels, out) = (folder.path().join("labels.txt"), folder.path().join("out"));
    let run = || compile(&SHARED.model, &SHARED.images, &out).arg("--labels").arg(&labels);
    run().refused("dataset", &["labels.txt", "cannot be read", "one label per line"]);
    assert!(names(folder.path()).is_empty());
    fs::write(&labels, [0xff, 0xfe, 0xfd]).unwrap();
    run().refused("dataset", &["labels.txt"]);
    fs::write(&labels, "one\ntwo\nthree\n").unwrap();
    let ran = run().succeeds();
    assert!(ran.stderr.contains("warning: 3 labels for 10 classes"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(out.join("labels.txt")).unwrap(), "one\ntwo\nthree\n");
    fs::write(&labels, ::bakelite::demo::pictures::CLASSES.join("\n")).unwrap();
    let ran = run().succeeds();
    assert!(!ran.stderr.contains("labels for"), "{}", ran.stderr);
}
