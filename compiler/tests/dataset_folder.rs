//! Which pictures a folder holds, in which order, what streams, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bakelite::dataset::{Dataset, Shard};
use bakelite_runtime::image::{Fit, Resize};

const FIT: Fit = Fit { height: 8, width: 8, resize: Resize::ShorterSide(8), pad: [0; 3] };

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dataset_fixtures").join(name)
}

/// A folder with the given files; `(name, fixture)`.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixture(from), path).unwrap();
    }
    folder
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.images().iter().map(|image| image.name.as_str()).collect()
}

#[test]
fn flat_folders_are_sorted_and_sniffed() {
    let folder = folder(&[
        ("b.jpg", "rgb.jpg"),
        ("a.JPEG", "rgb.png"),
        ("no_extension", "lossless.webp"),
        ("z.png", "grey.jpg"),
    ]);
    fs::write(folder.path().join("README.txt"), "not a picture").unwrap();
    fs::write(folder.path().join(".hidden.png"), "not a picture").unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    assert_eq!(names(&dataset), ["a.JPEG", "b.jpg", "no_extension", "z.png"]);
    let mut order = Vec::new();
    let skipped = dataset
        .stream(
            "test",
            &FIT,
            |sight| (sight.image.name.clone(), sight.rgb.len()),
            |position, seen| {
                order.push((position, seen));
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(skipped.message(), None);
    assert_eq!(order.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(order.iter().all(|(position, (name, length))| *name == dataset.images()[*position].name && *length == 192));
}

#[test]
fn unreadable_pictures_are_skipped_counted_and_named() {
    let folder = folder(&[("good.png", "rgb.png"), ("good.jpg", "rgb.jpg")]);
    fs::write(folder.path().join("text.jpg"), "this is text").unwrap();
    fs::write(folder.path().join("empty.png"), "").unwrap();
    let bytes = fs::read(fixture("rgb.png")).unwrap();
    fs::write(folder.path().join("half.png"), &bytes[..bytes.len() / 2]).unwrap();
    let bytes = fs::read(fixture("rgb420.jpg")).unwrap();
    fs::write(folder.path().join("half.jpg"), &bytes[..bytes.len() / 2]).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    let mut count = 0;
    let skipped = dataset
        .stream(
            "",
            &FIT,
            |_| (),
            |_, ()| {
                count += 1;
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(count, 2);
    let message = skipped.message().unwrap();
    assert!(message.starts_with("4 pictures were skipped: "), "{message}");
    for name in ["text.jpg", "empty.png", "half.png", "half.jpg"] {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn where_nothing_can_be_read_there_is_an_error() {
    let folder = folder(&[]);
    fs::write(folder.path().join("text.jpg"), "this is text").unwrap();
    let error = Dataset::open(folder.path()).unwrap().stream("", &FIT, |_| (), |_, ()| Ok(())).unwrap_err();
    assert!(error.to_string().contains("text.jpg") && error.remedy.is_some(), "{error}");
}

#[test]
fn empty_and_missing_folders_and_files_are_refused_with_a_remedy() {
    let empty = folder(&[]);
    for (path, word) in [
        (empty.path().to_owned(), "no picture"),
        (empty.path().join("nowhere"), "no such folder"),
        (fixture("rgb.png"), "not a folder"),
    ] {
        let error = Dataset::open(&path).unwrap_err();
        assert!(error.to_string().contains(word) && error.remedy.is_some(), "{error}");
    }
}

#[test]
fn an_error_of_the_receiver_ends_the_stream() {
    let folder = folder(&[("a.png", "rgb.png"), ("b.png", "rgb.png")]);
    let dataset = Dataset::open(folder.path()).unwrap();
    let refuse = |_, ()| Err(bakelite::error::Error::new(bakelite::error::Stage::Calibrate, "enough"));
    assert_eq!(dataset.stream("", &FIT, |_| (), refuse).unwrap_err().cause, "enough");
}

#[test]
fn classes_come_from_labels() {
    let folder = folder(&[("a.png", "rgb.png"), ("b.png", "rgb.png"), ("c.png", "rgb.png")]);
    let labels = folder.path().join("labels.csv");
    fs::write(&labels, "\u{feff}file,class,note\r\nb.png, 7,x\r\na.png,0\r\ngone.png,1\r\n").unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    assert_eq!(dataset.images().iter().map(|image| image.class).collect::<Vec<_>>(), [Some(0), Some(7), None]);
    assert_eq!(dataset.missing(), ["gone.png"]);
    for (text, word) in [
        ("file,class\na.png,cat\n", "line 2: `cat`"),
        ("file,class\na.png,-1\n", "`-1`"),
        ("file,class\na.png\n", "line 2"),
        ("name,class\na.png,1\n", "`file`"),
        ("file,class\na.png,1\na.png,2\n", "two classes"),
        ("", "`file`"),
    ] {
        fs::write(&labels, text).unwrap();
        let error = Dataset::open(folder.path()).unwrap_err();
        assert!(error.cause.contains(word) && error.remedy.is_some(), "{error}");
    }
    fs::write(&labels, b"file,class\n\xff\xfe.png,1\n").unwrap();
    assert!(Dataset::open(folder.path()).is_err());
}

#[test]
fn classes_come_from_folders() {
    let named = folder(&[("dog/a.png", "rgb.png"), ("cat/x/b.png", "rgb.png"), ("cat/a.png", "rgb.png")]);
    let dataset = Dataset::open(named.path()).unwrap();
    assert_eq!(names(&dataset), ["cat/a.png", "cat/x/b.png", "dog/a.png"]);
    assert_eq!(dataset.images().iter().map(|image| image.class).collect::<Vec<_>>(), [Some(0), Some(0), Some(1)]);
    assert_eq!(dataset.class_names(), ["cat", "dog"]);
    let numbered = folder(&[("10/a.png", "rgb.png"), ("9/a.png", "rgb.png")]);
    let dataset = Dataset::open(numbered.path()).unwrap();
    assert_eq!(dataset.images().iter().map(|image| image.class).collect::<Vec<_>>(), [Some(10), Some(9)]);
    let mixed = folder(&[("a.png", "rgb.png"), ("cat/a.png", "rgb.png")]);
    assert!(Dataset::open(mixed.path()).unwrap().images().iter().all(|image| image.class.is_none()));
}

#[test]
fn selections_are_seeded_nested_and_independent_of_the_folder() {
    let files: Vec<String> = (0..40).map(|i| format!("{i:02}.png")).collect();
    let list: Vec<(&str, &str)> = files.iter().map(|name| (name.as_str(), "rgb.png")).collect();
    let (one, two) = (folder(&list), folder(&list.iter().rev().copied().collect::<Vec<_>>()));
    let (one, two) = (Dataset::open(one.path()).unwrap(), Dataset::open(two.path()).unwrap());
    let select = |dataset: &Dataset, n, seed| names(&dataset.select(n, seed)).join(" ");
    assert_eq!(select(&one, 16, 1), select(&two, 16, 1));
    assert_ne!(select(&one, 16, 1), select(&one, 16, 2));
    assert!(select(&one, 16, 1).starts_with(&select(&one, 5, 1)));
    assert_eq!(one.select(1000, 1).len(), 40);
    let rest = one.without(&one.select(16, 1));
    assert_eq!(rest.len(), 24);
    let all: BTreeSet<_> = names(&rest)
        .into_iter()
        .map(str::to_owned)
        .chain(names(&one.select(16, 1)).into_iter().map(str::to_owned))
        .collect();
    assert_eq!(all.len(), 40);

    let chosen = one.select(30, 3);
    let mut union = Vec::new();
    for index in 1..=4 {
        union.extend(names(&chosen.shard(Shard { index, count: 4 })).into_iter().map(str::to_owned));
    }
    union.sort_unstable();
    let mut whole: Vec<_> = names(&chosen).into_iter().map(str::to_owned).collect();
    whole.sort_unstable();
    assert_eq!(union, whole);
    assert!(one.select(2, 0).shard(Shard { index: 3, count: 3 }).is_empty());
}

#[test]
fn shards_are_written_i_of_n() {
    assert_eq!("2/4".parse::<Shard>().unwrap(), Shard { index: 2, count: 4 });
    for text in ["0/4", "5/4", "1", "", "a/b", "1/0", "-1/4"] {
        let error = text.parse::<Shard>().unwrap_err();
        assert!(error.remedy.unwrap().contains("1/4"), "{text}");
    }
}

#[test]
fn ids_depend_on_name_and_content_alone() {
    let one = folder(&[("a.png", "rgb.png"), ("b.png", "rgb.png"), ("c.png", "grey.png")]);
    let two = folder(&[("a.png", "rgb.png"), ("b.png", "grey.png"), ("c.png", "grey.png")]);
    let ids = |folder: &Path| {
        let mut ids = Vec::new();
        let dataset = Dataset::open(folder).unwrap();
        dataset
            .stream(
                "",
                &FIT,
                |sight| sight.id,
                |_, id| {
                    ids.push(id);
                    Ok(())
                },
            )
            .unwrap();
        ids
    };
    let (one, two) = (ids(one.path()), ids(two.path()));
    assert_eq!((one[0], one[2]), (two[0], two[2]));
    assert_ne!(one[1], two[1]);
    assert_ne!(one[0], one[1]);
}

/// Memory stays the same however many pictures there are: run alone, it prints the peak.
#[test]
fn a_thousand_pictures_stream_in_bounded_memory() {
    let shared = std::env::var_os("BAKELITE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let pictures = shared.join("images/calibration");
    if !pictures.is_dir() {
        println!("skipped: no shared images");
        return;
    }
    let dataset = Dataset::open(&pictures).unwrap();
    let fit = Fit { height: 224, width: 224, resize: Resize::ShorterSide(224), pad: [0; 3] };
    let run = |dataset: &Dataset| {
        let mut bytes = 0;
        let start = std::time::Instant::now();
        let skipped = dataset
            .stream(
                "",
                &fit,
                |sight| sight.rgb.to_vec(),
                |_, rgb| {
                    bytes += rgb.len();
                    Ok(())
                },
            )
            .unwrap();
        assert_eq!((skipped.images.len(), bytes), (0, dataset.len() * 224 * 224 * 3));
        start.elapsed().as_secs_f64() / dataset.len() as f64 * 1e3
    };
    let few = run(&dataset.select(64, 0));
    let after_few = peak();
    let many = run(&dataset).min(run(&dataset));
    println!("{few:.2} and {many:.2} ms per picture; peak {after_few:?} then {:?} kB", peak());
    if let (Some(few), Some(many)) = (after_few, peak()) {
        assert!(many < few + 60_000, "peak memory grew from {few} to {many} kB");
    }
}

/// Peak memory of this process in kB, where the system tells.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
