//! Data that steers the compiler: YAML files of four kinds, compiled in by name or read from a path.
//!
//! `NAME` means `specs/KIND/NAME.yaml` as it was when the program was built; anything that looks like a path, or that exists, is
//! read from there instead. Unknown fields are refused, so that a misspelled one cannot be ignored.

pub mod architecture;
pub(crate) mod builtin;
pub mod preprocess;
pub mod target;

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, Stage};

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// What a specification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Processors to compile for.
    Target,
    /// Which steps of quantization to take.
    Recipe,
    /// Networks to recognise.
    Architecture,
    /// From a picture to the network's input.
    Preprocess,
}

impl Kind {
    /// As a word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Target => "target",
            Kind::Recipe => "recipe",
            Kind::Architecture => "architecture",
            Kind::Preprocess => "preprocessing",
        }
    }

    /// Names and texts compiled in, in alphabetical order.
    pub fn builtins(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Target => builtin::TARGETS,
            Kind::Recipe => builtin::RECIPES,
            Kind::Architecture => builtin::ARCHITECTURES,
            Kind::Preprocess => builtin::PREPROCESS,
        }
    }

    /// Names compiled in.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.builtins().iter().map(|&(name, _)| name)
    }
}

/// A specification's text and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name, or the file's name without folder and extension.
    pub name: String,
    /// `specs/KIND/NAME.yaml` or the path: for messages.
    pub origin: String,
    /// YAML.
    pub text: String,
}

/// Reads and parses a specification.
///
/// # Errors
/// As [`read`] and [`parse`].
pub fn load<T: DeserializeOwned>(kind: Kind, name_or_path: &str) -> Result<T> {
    parse(&read(kind, name_or_path)?)
}

/// Finds a specification by name or path.
///
/// # Errors
/// Where there is none, naming those there are; where a file cannot be read.
pub fn read(kind: Kind, name_or_path: &str) -> Result<Source> {
    if let Some((name, text)) = kind.builtins().iter().find(|(name, _)| *name == name_or_path) {
        let origin = format!("{} `{name}`", kind.word());
        return Ok(Source { name: (*name).to_owned(), origin, text: (*text).to_owned() });
    }
    let path = Path::new(name_or_path);
    let refuse = |cause: String| Error::new(Stage::Specs, cause).at(name_or_path);
    let known = || kind.names().collect::<Vec<_>>().join(", ");
    let like_a_path = path.components().count() > 1
        || path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        || path.exists();
    if !like_a_path {
        return Err(refuse(format!("there is no {} of that name", kind.word()))
            .remedy(format!("known names are {}; or give the path of a .yaml file", known())));
    }
    let remedy = || format!("give a .yaml file, or one of the known names: {}", known());
    let unreadable = |cause: std::io::Error| refuse(format!("cannot be read: {cause}")).remedy(remedy());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MOST_BYTES {
        return Err(refuse(format!("{length} bytes are too many for a {} file", kind.word())).remedy(remedy()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let name = path.file_stem().map_or_else(|| name_or_path.to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(Source { name, origin: name_or_path.to_owned(), text })
}

/// Parses a specification.
///
/// # Errors
/// Naming file, line, column and cause.
pub fn parse<T: DeserializeOwned>(source: &Source) -> Result<T> {
    serde_yaml::from_str(&source.text).map_err(|cause| {
        let text = cause.to_string();
        let cause = match cause.location() {
            // The message itself ends in the location, mostly.
            Some(at) if !text.contains("line") => format!("line {}, column {}: {text}", at.line(), at.column()),
            _ => text,
        };
        Error::new(Stage::Specs, cause).at(&source.origin).remedy("correct the file; the files in specs/ are examples")
    })
}
