//! Which pictures a folder holds, their classes, and which of them to take.
//!
//! Three layouts: flat; flat with a `labels.csv` of `file,class`; a folder per class. Names are paths below the folder with `/`
//! between parts, sorted by bytes, so that neither order nor ids depend on the file system or the machine.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result, Stage};

/// File of classes beside the pictures.
const LABELS: &str = "labels.csv";

/// How deep folders are searched.
const DEPTH: usize = 8;

/// One picture file, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Path below the dataset's folder, `/` between parts.
    pub name: String,
    /// Where the file is.
    pub path: PathBuf,
    /// Its class, if the folder tells.
    pub class: Option<usize>,
}

/// Pictures in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    folder: PathBuf,
    images: Vec<Image>,
    missing: Vec<String>,
    class_names: Vec<String>,
}

/// One of several equal parts of a dataset, written `i/n` with `1 ≤ i ≤ n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// How many parts.
    pub count: usize,
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parts {
            Some((index, count)) if 1 <= index && index <= count => Ok(Self { index, count }),
            _ => Err(Error::new(Stage::Arguments, format!("`{text}` is not a shard"))
                .remedy("write i/n with 1 ≤ i ≤ n, for example 1/4, 2/4, 3/4 and 4/4")),
        }
    }
}

impl Dataset {
    /// Lists a folder's pictures: whatever is named like a picture or begins like one.
    ///
    /// # Errors
    /// Where the folder or its `labels.csv` cannot be read, or there is no picture.
    pub fn open(folder: &Path) -> Result<Self> {
        let refuse = |cause: String| Error::new(Stage::Dataset, cause).at(folder.display().to_string());
        if !folder.is_dir() {
            let cause = if folder.exists() { "this is a file, not a folder" } else { "there is no such folder" };
            return Err(refuse(cause.to_owned()).remedy("name a folder of JPEG, PNG or WebP pictures"));
        }
        let mut images = Vec::new();
        walk(folder, "", DEPTH, &mut images).map_err(|cause| refuse(format!("cannot be listed: {cause}")))?;
        if images.is_empty() {
            return Err(refuse("there is no picture in this folder".to_owned())
                .remedy("put some JPEG, PNG or WebP pictures of the kind that the network will see there; 128 are a good number"));
        }
        images.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut dataset = Self { folder: folder.to_owned(), images, missing: Vec::new(), class_names: Vec::new() };
        let labels = folder.join(LABELS);
        if labels.is_file() {
            dataset.read_labels(&labels)?
        } else {
            dataset.classes_by_folder()
        }
        Ok(dataset)
    }

    /// The pictures, in order.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// True after a selection that leaves nothing, such as a shard of a tiny dataset.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The folder that was opened.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names that `labels.csv` lists and the folder does not hold.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Names of the folders of classes, by class; empty for other layouts and for folders named by number.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The first `count` pictures in an order that depends on `seed` and the pictures' names alone. A smaller selection is the
    /// beginning of a larger one.
    pub fn select(&self, count: usize, seed: u64) -> Self {
        let key = |image: &Image| Sha256::new().chain_update(seed.to_le_bytes()).chain_update(&image.name).finalize();
        let mut order: Vec<_> = self.images.iter().map(|image| (key(image), image)).collect();
        order.sort_unstable_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
        let images = order.into_iter().take(count).map(|(_, image)| image.clone()).collect();
        Self { images, ..self.clone() }
    }

    /// The first `count` pictures.
    pub fn first(&self, count: usize) -> Self {
        Self { images: self.images.iter().take(count).cloned().collect(), ..self.clone() }
    }

    /// The pictures not in `other`, in order; names decide.
    pub fn without(&self, other: &Self) -> Self {
        let taken: std::collections::HashSet<&str> = other.images.iter().map(|image| image.name.as_str()).collect();
        self.filtered(|image| !taken.contains(image.name.as_str()))
    }

    /// The pictures that `wanted` picks, in order.
    pub fn filtered(&self, wanted: impl Fn(&Image) -> bool) -> Self {
        Self { images: self.images.iter().filter(|image| wanted(image)).cloned().collect(), ..self.clone() }
    }

    /// Every `count`-th picture, from the `index`-th on. The shards of a dataset are disjoint and together all of it.
    pub fn shard(&self, shard: Shard) -> Self {
        let first = shard.index.saturating_sub(1);
        let images = self.images.iter().skip(first).step_by(shard.count.max(1)).cloned().collect();
        Self { images, ..self.clone() }
    }

    /// Classes from `labels.csv`.
    fn read_labels(&mut self, path: &Path) -> Result<()> {
        let refuse = |cause: String| {
            Error::new(Stage::Dataset, cause)
                .at(path.display().to_string())
                .remedy("write one line `file,class` per picture below a first line `file,class`; classes count from 0")
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|cause| refuse(format!("cannot be read: {cause}")))?;
        let header = reader.headers().map_err(|cause| refuse(format!("cannot be read: {cause}")))?;
        let column = |name: &str| {
            let at = header.iter().position(|field| field.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
            at.ok_or_else(|| refuse(format!("its first line names no column `{name}`")))
        };
        let (file, class) = (column("file")?, column("class")?);
        let mut classes = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|cause| refuse(format!("cannot be read: {cause}")))?;
            let line = record.position().map_or(0, csv::Position::line);
            let name = record.get(file).unwrap_or_default().replace('\\', "/");
            let value = record.get(class).unwrap_or_default();
            let value = value
                .parse::<usize>()
                .map_err(|_| refuse(format!("line {line}: `{value}` is not a class number (a whole number from 0)")))?;
            if classes.insert(name.clone(), value).is_some_and(|before| before != value) {
                return Err(refuse(format!("line {line}: `{name}` has two classes")));
            }
        }
        for image in &mut self.images {
            image.class = classes.remove(&image.name);
        }
        self.missing = classes.into_keys().collect();
        self.missing.sort_unstable();
        Ok(())
    }

    /// Classes from the first folder of each name: its number if all are numbers, otherwise its rank.
    fn classes_by_folder(&mut self) {
        let folder = |image: &Image| image.name.split_once('/').map(|(folder, _)| folder.to_owned());
        let Some(mut names) = self.images.iter().map(folder).collect::<Option<Vec<String>>>() else { return };
        names.sort_unstable();
        names.dedup();
        let numbers: Option<Vec<usize>> = names.iter().map(|name| name.parse().ok()).collect();
        let by_rank = numbers.is_none();
        let classes: HashMap<&String, usize> =
            names.iter().zip(numbers.unwrap_or_else(|| (0..names.len()).collect())).collect();
        for image in &mut self.images {
            image.class = folder(image).and_then(|name| classes.get(&name).copied());
        }
        if by_rank {
            self.class_names = names;
        }
    }
}

/// Lists pictures in a folder and the folders in it.
fn walk(folder: &Path, prefix: &str, depth: usize, images: &mut Vec<Image>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        // A file that went away meanwhile, or a link to nowhere, is no picture.
        let (path, name) = (entry.path(), format!("{prefix}{file}"));
        let Ok(kind) = std::fs::metadata(&path) else { continue };
        if file.starts_with('.') {
            continue;
        } else if kind.is_dir() && depth > 0 {
            walk(&path, &format!("{name}/"), depth - 1, images)?;
        } else if kind.is_file() && (named_like_a_picture(&path) || begins_like_a_picture(&path)) {
            images.push(Image { name, path, class: None });
        }
    }
    Ok(())
}

fn named_like_a_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png", "webp"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn begins_like_a_picture(path: &Path) -> bool {
    let mut head = [0; 12];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let webp = head.starts_with(b"RIFF") && head.ends_with(b"WEBP");
    read.is_ok() && (head.starts_with(&[0xff, 0xd8, 0xff]) || head.starts_with(b"\x89PNG\r\n\x1a\n") || webp)
}
