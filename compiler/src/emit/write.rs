//! Puts files on disk, all or nothing.

use super::Files;
use crate::error::{Error, Result, Stage};
use std::fs;
use std::path::Path;

/// The file that marks a folder as a crate of Bakelite's, and says what it came from.
pub const MARK: &str = "bakelite.json";

/// Writes the crate to `folder`: first beside it, then in its place, so that nobody ever sees half of it. An older
/// crate of Bakelite's is replaced (its `target` folder, a cache, is kept); anything else is left alone.
pub fn write(files: &Files, folder: &Path) -> Result<()> {
    let failed = |what: &str, path: &Path, error: std::io::Error| {
        Error::new(Stage::Emit, format!("{what}: {error}")).at(path.display().to_string()).remedy(
            "check that the folder is writable and the disk has room, or name another with --out; nothing was changed",
        )
    };
    let old = folder.exists();
    if old && !folder.join(MARK).is_file() && fs::read_dir(folder).map_or(true, |mut d| d.next().is_some()) {
        return Err(Error::new(Stage::Emit, "exists and is not a crate that Bakelite wrote")
            .at(folder.display().to_string())
            .remedy("name another folder with --out, or remove this one"));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|e| failed("cannot create the folder above", parent, e))?;
    // Removes itself when an error or an interrupt comes first.
    let staging = tempfile::Builder::new()
        .prefix(".bakelite-")
        .tempdir_in(parent)
        .map_err(|e| failed("cannot write beside it", folder, e))?;
    let _staged = crate::interrupt::Staged::new(staging.path());
    let fresh = staging.path().join("crate");
    for (path, bytes) in files {
        let path = fresh.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| failed("cannot create", folder, e))?;
        }
        fs::write(&path, bytes).map_err(|e| failed("cannot write", &path, e))?;
    }
    if old {
        let cache = folder.join("target");
        if cache.is_dir() {
            fs::rename(&cache, fresh.join("target")).map_err(|e| failed("cannot keep", &cache, e))?;
        }
        fs::rename(folder, staging.path().join("old")).map_err(|e| failed("cannot replace", folder, e))?;
    }
    fs::rename(&fresh, folder).map_err(|e| failed("cannot move into place", folder, e))
}
