//! Where the flash goes: weights by kernel, scales, code.

use super::Contents;
use super::page::round;
use crate::units::bytes;
use serde::Serialize;

/// A piece of the bar.
#[derive(Debug, Serialize)]
pub struct Part {
    /// Of the style sheet.
    class: &'static str,
    what: &'static str,
    size: String,
    /// From the left, of 1000.
    x: f64,
    /// Of 1000.
    width: f64,
    /// Of 100.
    share: String,
}

/// The bar, from left to right.
pub fn flash(contents: &Contents<'_>) -> Vec<Part> {
    let plan = contents.plan;
    let of = |name: &str| plan.steps.iter().filter(|s| s.kernel.name() == name).map(|s| s.kernel.weights()).sum();
    let by_kernel: [(&str, &str, usize); 6] = [
        ("pointwise", "pointwise weights", of("pointwise")),
        ("gated", "weights of gated layers", of("gated")),
        ("dense", "dense weights", of("dense")),
        ("depthwise", "depthwise weights", of("depthwise")),
        ("convolution", "convolution weights", of("convolution")),
        ("table", "tables", of("table")),
    ];
    let packed: usize = by_kernel.iter().map(|(_, _, size)| size).sum();
    let scales: usize = plan.steps.iter().map(|s| s.kernel.scales()).sum();
    let constants = plan.constants.len_bytes();
    let mut parts = by_kernel.to_vec();
    parts.push(("scales", "scales, offsets", scales));
    parts.push(("free", "alignment", constants.saturating_sub(packed + scales)));
    let all = contents.outcome.constants;
    parts.push(("others", "constants of the other kernels", all.saturating_sub(constants)));
    if let Some(built) = &contents.outcome.contents {
        let code = usize::try_from(built.flash).unwrap_or(usize::MAX).saturating_sub(all);
        parts.push(("code", "code: kernels, decoders, standard library", code));
    }
    let total: usize = parts.iter().map(|(_, _, size)| size).sum();
    let mut x = 0.0;
    parts
        .into_iter()
        .filter(|(_, _, size)| *size > 0)
        .map(|(class, what, size)| {
            let share = size as f64 / total.max(1) as f64;
            let part = Part {
                class,
                what,
                size: bytes(size as u64),
                x: round(x),
                width: round(1000.0 * share),
                share: format!("{:.1} %", 100.0 * share),
            };
            x += 1000.0 * share;
            part
        })
        .collect()
}
