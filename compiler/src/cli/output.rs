//! Files that commands write.

use crate::error::{Error, Result, Stage};
use crate::interrupt::Staged;
use std::io::Write;
use std::path::Path;

/// Writes a file, all or nothing.
pub fn write(stage: Stage, path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e| failed(stage, path, &e);
    // A device or pipe, such as /dev/stdout, is written to; a file is replaced.
    if std::fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return std::fs::write(path, bytes).map_err(failed);
    }
    let (_staged, mut file) = Staged::make(|| staging(path)).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Refuses before long work what [`write()`] would refuse after it.
pub fn check(stage: Stage, path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(it) if it.is_dir() => Err(failed(stage, path, &std::io::ErrorKind::IsADirectory.into())),
        Ok(it) if !it.is_file() => Ok(()),
        _ => Staged::make(|| staging(path)).map(|(_staged, file)| drop(file)).map_err(|e| failed(stage, path, &e)),
    }
}

fn failed(stage: Stage, path: &Path, error: &std::io::Error) -> Error {
    Error::new(stage, format!("cannot be written: {error}"))
        .at(path.display().to_string())
        .remedy("check that the folder exists, is writable and the disk has room")
}

/// A file beside the one that it becomes.
fn staging(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    readable().prefix(".bakelite-").tempfile_in(folder)
}

/// Temporary files are their maker's alone by default; this one becomes a file for everybody that the umask allows.
fn readable<'a, 'b>() -> tempfile::Builder<'a, 'b> {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}
