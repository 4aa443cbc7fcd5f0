//! What is being done, on the terminal, while it takes more than a moment.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar on standard error with the time left; hidden where that is no terminal. `of` names what is counted.
pub fn bar(label: &str, length: usize, of: &str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(label.to_owned());
    let style =
        ProgressStyle::with_template(&format!("{{msg}} {{bar:30}} {{pos}}/{{len}} {of}, {{per_sec}}, {{eta}} left"));
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// A spinner that shows a phrase for as long as it lives; hidden where standard error is no terminal.
#[derive(Debug)]
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Shows `what`, in the present participle: "building the program with cargo".
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
