//! Folders of pictures as they come: empty, broken, mixed.

use crate::bakelite::{
    PICTURES, SHARED, assert_same_files, bakelite, compile, compile_on, copy_backwards, names, scratch,
};
use std::fs;
use std::path::Path;

/// Refused by every command that reads pictures; nothing is left behind.
fn refused_by_all(images: &Path, words: &[&str]) {
    let folder = scratch();
    let out = folder.path().join("out");
    compile(&SHARED.model, images, &out).refused("dataset", words);
    let calibrate = bakelite(["calibrate"]).arg(&SHARED.model).arg("--images").arg(images).arg("--out").arg(&out);
    calibrate.refused("dataset", words);
    bakelite(["eval"]).arg(&SHARED.model).arg("--images").arg(images).refused("dataset", words);
    // Pictures to compare on are looked at before anything is written.
    compile(&SHARED.model, &SHARED.images, &out).arg("--evaluation").arg(images).refused("dataset", words);
    assert!(names(folder.path()).is_empty(), "left behind: {:?}", names(folder.path()));
}

#[test]
fn folders_without_pictures() {
    let folder = scratch();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused_by_all(&empty, &["no picture in this folder", "empty", "JPEG, PNG or WebP"]);
    fs::write(empty.join("notes.txt"), "no picture").unwrap();
    refused_by_all(&empty, &["no picture in this folder"]);
    refused_by_all(&folder.path().join("nowhere"), &["no such folder", "nowhere"]);
    refused_by_all(&SHARED.model, &["a file, not a folder"]);
}

#[test]
fn folders_of_broken_pictures_only() {
    let folder = scratch();
    let broken = folder.path().join("broken");
    fs::create_dir(&broken).unwrap();
    let good = fs::read(SHARED.images.join("00000.png")).unwrap();
    fs::write(broken.join("cut.png"), &good[..good.len() / 2]).unwrap();
    fs::write(broken.join("empty.jpg"), "").unwrap();
    fs::write(broken.join("text.jpg"), "this is a text").unwrap();
    fs::write(broken.join("huge.png"), huge_png()).unwrap();
    let out = folder.path().join("out");
    let words =
        ["none of the pictures can be read", "4 pictures were skipped", "cut.png", "empty.jpg", "text.jpg", "huge.png"];
    compile(&SHARED.model, &broken, &out).refused("dataset", &words);
    assert_eq!(names(folder.path()), ["broken"]);
}

/// A head that promises 2^31 − 1 pixels each way.
fn huge_png() -> Vec<u8> {
    let mut png = fs::read(SHARED.images.join("00001.png")).unwrap();
    png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    png
}

#[test]
fn broken_pictures_among_good_ones_are_skipped_counted_and_named() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    copy_backwards(&SHARED.images, &path("mixed"));
    fs::write(path("mixed/letter.jpg"), "Dear network, this is no picture.").unwrap();
    fs::write(path("mixed/huge.png"), huge_png()).unwrap();
    let calibrate = |images: &Path, out: &str| {
        let run = bakelite(["calibrate"]).arg(&SHARED.model).arg("--images").arg(images).arg("--out").arg(path(out));
        run.succeeds().stderr
    };
    let told = calibrate(&path("mixed"), "mixed.calib");
    for word in ["2 pictures were skipped", "letter.jpg", "huge.png", &format!("{PICTURES} images")] {
        assert!(told.contains(word), "no “{word}” in {told}");
    }
    let told = calibrate(&SHARED.images, "good.calib");
    assert!(!told.contains("skipped"), "{told}");
    assert!(
        fs::read(path("mixed.calib")).unwrap() == fs::read(path("good.calib")).unwrap(),
        "the broken ones left a trace"
    );

    let ran = compile_on(999, &SHARED.model, &path("mixed"), &path("mixed-crate")).succeeds();
    assert!(ran.stderr.contains("2 pictures were skipped"), "{}", ran.stderr);
    compile_on(999, &SHARED.model, &SHARED.images, &path("good-crate")).succeeds();
    assert_same_files(&path("mixed-crate"), &path("good-crate"));
}

#[test]
fn labels_of_pictures_are_checked() {
    let folder = scratch();
    let images = folder.path().join("images");
    copy_backwards(&SHARED.images, &images);
    for (text, words) in [
        ("file,class\n00000.png,mug\n", &["line 2", "`mug`", "labels.csv"][..]),
        ("name,class\n00000.png,0\n", &["no column `file`"]),
        ("file,class\n00000.png,0\n00000.png,1\n", &["two classes"]),
    ] {
        fs::write(images.join("labels.csv"), text).unwrap();
        let out = folder.path().join("out");
        compile(&SHARED.model, &images, &out).refused("dataset", words);
        assert_eq!(names(folder.path()), ["images"]);
    }
}
