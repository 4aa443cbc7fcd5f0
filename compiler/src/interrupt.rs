//! An interrupted run leaves nothing half-written: what is being staged is removed before the process ends.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static STAGED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Exit status of a program that SIGINT ended, as shells count it.
const INTERRUPTED: i32 = 130;

/// Handles SIGINT and SIGTERM from now on.
pub fn install() {
    // Without a handler the run only ends less tidily.
    let _ = ctrlc::set_handler(|| {
        // Held until the end: whoever writes under [`uninterrupted`] meanwhile waits, and never writes again.
        let mut staged = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
        for path in staged.drain(..) {
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
        crate::cli::complain("interrupted; nothing half-written was left");
        std::process::exit(INTERRUPTED);
    });
}

/// Does something that an interruption must come before or after, never between.
pub fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _staged = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// A file or folder to remove on interruption, for as long as this lives.
#[derive(Debug)]
pub struct Staged(PathBuf);

impl Staged {
    /// Watches over what `make` makes, from its first moment on. Keep what is returned in this order: the thing must be
    /// gone before nobody watches over it any more.
    ///
    /// # Errors
    /// As `make`.
    pub fn make<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<(Self, T)> {
        let mut staged = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
        let made = make()?;
        staged.push(made.as_ref().to_owned());
        Ok((Self(made.as_ref().to_owned()), made))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        STAGED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}
