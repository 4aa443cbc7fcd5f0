//! Numbers as people read them, in tables and reports alike.

/// Bytes in the unit that people read.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}

/// Percent, or a dash.
pub fn percent(value: Option<f64>) -> String {
    value.map_or("–".into(), |v| format!("{v:.2} %"))
}

/// Milliseconds, or a dash.
pub fn milliseconds(value: Option<f64>) -> String {
    value.map_or("–".into(), |v| format!("{v:.3} ms"))
}
