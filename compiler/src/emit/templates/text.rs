//! Words in answers.

use super::settings;
use std::fmt::Write;

/// The name of a class, where there are names.
pub fn label(class: usize) -> Option<&'static str> {
    settings::LABELS.and_then(|labels| labels.lines().nth(class))
}

/// The same in JSON: a string or null.
pub fn label_json(class: usize) -> String {
    label(class).map_or("null".to_owned(), quoted)
}

/// The same for people.
pub fn label_or_number(class: usize) -> String {
    label(class).map_or(format!("class {class}"), str::to_owned)
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// All numbers of an answer, so exactly that they can be read back.
pub fn all(numbers: &[f32], separator: &str) -> String {
    let mut out = String::new();
    for (i, number) in numbers.iter().enumerate() {
        let _ = write!(out, "{}{number}", if i > 0 { separator } else { "" });
    }
    out
}
