//! An interrupted run leaves nothing half-written: what is being staged is removed before the process ends.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static STAGED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Exit status of a program that SIGINT ended, as shells count it.
const INTERRUPTED: i32 = 130;

/// Handles SIGINT and SIGTERM from now on.
pub fn install() {
    // Without a handler the run only ends less tidily.
    let _ = ctrlc::set_handler(|| {
        for path in STAGED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
        eprintln!("interrupted; nothing half-written was left");
        std::process::exit(INTERRUPTED);
    });
}

/// A file or folder to remove on interruption, for as long as this lives.
#[derive(Debug)]
pub struct Staged(PathBuf);

impl Staged {
    /// Watches over `path`.
    pub fn new(path: &Path) -> Self {
        STAGED.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        STAGED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}
