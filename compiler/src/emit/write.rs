//! Puts files on disk, all or nothing.

use super::Files;
use crate::error::{Error, Result, Stage};
use crate::interrupt::{Staged, uninterrupted};
use std::fs;
use std::io;
use std::path::Path;

/// The file that marks a folder as a crate of Bakelite's, and says what it came from.
pub const MARK: &str = "bakelite.json";

/// Writes the crate to `folder`: first beside it, then in its place, so that nobody ever sees half of it. An older
/// crate of Bakelite's is replaced (its `target` folder, a cache, is kept); anything else is left alone.
pub fn write(files: &Files, folder: &Path) -> Result<()> {
    let failed = |what: &str, path: &Path, error: io::Error| {
        Error::new(Stage::Emit, format!("{what}: {error}")).at(path.display().to_string()).remedy(
            "check that the folder is writable and the disk has room, or name another with --out; nothing was changed",
        )
    };
    refuse_foreign(folder)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|e| failed("cannot create the folder above", parent, e))?;
    // Removes itself when an error or an interrupt comes first.
    let (_staged, staging) = Staged::make(|| tempfile::Builder::new().prefix(".bakelite-").tempdir_in(parent))
        .map_err(|e| failed("cannot write beside it", folder, e))?;
    let fresh = staging.path().join("crate");
    for (path, bytes) in files {
        let path = fresh.join(path);
        uninterrupted(|| {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&path, bytes)
        })
        .map_err(|e| failed("cannot write", &path, e))?;
    }
    uninterrupted(|| swap(&fresh, folder, &staging.path().join("old")))
        .map_err(|e| failed("cannot move into place", folder, e))
}

/// Refuses a folder that holds anything but a crate of Bakelite's.
///
/// # Errors
/// Naming the folder.
pub fn refuse_foreign(folder: &Path) -> Result<()> {
    let empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !folder.exists() || folder.join(MARK).is_file() || empty() {
        return Ok(());
    }
    Err(Error::new(Stage::Emit, "exists and is not a crate that Bakelite wrote")
        .at(folder.display().to_string())
        .remedy("name another folder with --out, or remove this one"))
}

/// Puts `fresh` at `folder`; what was there goes to `old`, but its cache stays. On failure everything is where it was.
fn swap(fresh: &Path, folder: &Path, old: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(fresh, folder);
    }
    fs::rename(folder, old)?;
    let (cache, kept) = (old.join("target"), fresh.join("target"));
    let keep = if cache.is_dir() { fs::rename(&cache, &kept) } else { Ok(()) };
    keep.and_then(|()| fs::rename(fresh, folder)).inspect_err(|_| {
        // Back to where it was, as far as the disk still obeys.
        let _ = if kept.is_dir() { fs::rename(&kept, &cache) } else { Ok(()) };
        let _ = fs::rename(old, folder);
    })
}
