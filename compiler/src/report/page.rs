//! From values to HTML: the templates, and what they are rendered with.

use crate::error::{Error, Result, Stage};
use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

/// All templates; those of whole pages include the others.
const TEMPLATES: [(&str, &str); 11] = [
    ("style.css", include_str!("templates/style.css")),
    ("analysis.html", include_str!("templates/analysis.html")),
    ("arena.html", include_str!("templates/arena.html")),
    ("cores.html", include_str!("templates/cores.html")),
    ("flash.html", include_str!("templates/flash.html")),
    ("head.html", include_str!("templates/head.html")),
    ("layers.html", include_str!("templates/layers.html")),
    ("network.html", include_str!("templates/network.html")),
    ("pictures.html", include_str!("templates/pictures.html")),
    ("profile.html", include_str!("templates/profile.html")),
    ("report.html", include_str!("templates/report.html")),
];

/// The page of template `name` that shows `values`.
///
/// # Errors
/// Where a template is broken.
pub fn render(name: &str, values: &impl Serialize) -> Result<String> {
    let failed = |error: minijinja::Error| {
        let mut cause = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            cause.push_str(&format!("; {error}"));
            source = error.source();
        }
        Error::new(Stage::Emit, cause).at(name)
    };
    let mut templates = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?;
    templates.set_syntax(syntax);
    for (name, text) in TEMPLATES {
        templates.add_template(name, text).map_err(failed)?;
    }
    let text = templates.get_template(name).and_then(|template| template.render(Serde(values)));
    Ok(text.map_err(failed)? + "\n")
}

/// Drawings need no more digits.
pub fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
