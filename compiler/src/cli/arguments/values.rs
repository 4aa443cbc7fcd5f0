//! What values must look like.

use crate::dataset::Shard;
use crate::error::Error;

pub(super) fn size(text: &str) -> std::result::Result<(usize, usize), String> {
    let parse = |side: &str| side.trim().parse::<usize>().ok().filter(|side| (1..=16384).contains(side));
    match text.split_once(['x', '×', ',']) {
        Some((h, w)) => parse(h).zip(parse(w)),
        None => parse(text).map(|side| (side, side)),
    }
    .ok_or_else(|| format!("`{text}` is not a height and width such as 224x224"))
}

/// At least one, and not so many that lists of them overflow.
pub(super) fn count(text: &str) -> std::result::Result<usize, String> {
    let most = 1_000_000_000;
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("`{text}` is not a whole number from 1 to {most}"))
}

/// More than nothing, less than all.
pub(super) fn part(text: &str) -> std::result::Result<f64, String> {
    let part = text.parse().ok().filter(|part| *part > 0.0 && *part < 1.0);
    part.ok_or_else(|| format!("`{text}` is not a number between 0 and 1, such as 0.9"))
}

/// At least one, and no more than any data set has.
pub(super) fn classes(text: &str) -> std::result::Result<usize, String> {
    let most = 100_000;
    let classes = text.parse().ok().filter(|classes| (1..=most).contains(classes));
    classes.ok_or_else(|| format!("`{text}` is not a whole number from 1 to {most}"))
}

pub(super) fn shard(text: &str) -> std::result::Result<Shard, String> {
    text.parse().map_err(|e: Error| format!("{}; {}", e.cause, e.remedy.unwrap_or_default()))
}
