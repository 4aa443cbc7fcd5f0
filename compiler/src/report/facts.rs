//! What was compiled, and the numbers that sum it up.

use super::Contents;
use crate::compile::Outcome;
use crate::emit::Facts;
use crate::evaluate::swap::Way;
use crate::units::{bytes, milliseconds, percent};
use serde::Serialize;

/// A number to see first, and what it is.
#[derive(Debug, Serialize)]
pub struct Card {
    what: &'static str,
    value: String,
    detail: String,
}

/// The numbers to see first.
pub fn cards(contents: &Contents<'_>) -> Vec<Card> {
    let outcome = contents.outcome;
    let mut cards = Vec::new();
    let mut put = |what, value, detail| cards.push(Card { what, value, detail });
    if let Some(a) = &outcome.accuracy {
        let of = if a.masks.is_some() { "pixels of" } else { "top-1 on" };
        put("agreement with float", percent(Some(a.agreement)), format!("{of} {} pictures", a.images));
    }
    if let Some((median, _)) = outcome.latency_ms {
        let detail = outcome.float_ms.map_or_else(String::new, |ms| format!("float takes {ms:.1} ms"));
        put("latency, one thread", milliseconds(Some(median)), detail);
    }
    match &outcome.contents {
        Some(c) => put("flash", bytes(c.flash), format!("of it {} constants", bytes(outcome.constants as u64))),
        None => put("constants in flash", bytes(outcome.constants as u64), "program not built".into()),
    }
    put("arena in RAM", bytes(outcome.arena as u64), "all that an inference needs but for its stack".into());
    cards
}

/// A row of the table of results.
#[derive(Debug, Serialize)]
pub struct Row {
    what: String,
    float: String,
    int8: String,
}

/// Float against int8.
pub fn results(outcome: &Outcome) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut put = |what: String, float: String, int8: String| rows.push(Row { what, float, int8 });
    let dash = || "–".to_owned();
    if let Some(a) = &outcome.accuracy {
        if a.labelled > 0 {
            put(format!("top-1, {} labelled pictures", a.labelled), percent(a.float_top1), percent(a.int8_top1));
            put("top-5".into(), percent(a.float_top5), percent(a.int8_top5));
        }
        a.agreements().into_iter().for_each(|(what, value)| put(what, dash(), value));
    }
    let latency = outcome.latency_ms.map(|(median, _)| median);
    put("latency, one thread, median".into(), milliseconds(outcome.float_ms), milliseconds(latency));
    if let Some((_, least)) = outcome.latency_ms {
        put("latency, minimum".into(), dash(), milliseconds(Some(least)));
    }
    put("arena (RAM)".into(), dash(), bytes(outcome.arena as u64));
    put(format!("largest sum of living maps, at {}", outcome.peak.1), dash(), bytes(outcome.peak.0 as u64));
    put("weights and scales (flash)".into(), dash(), bytes(outcome.constants as u64));
    if let Some(c) = &outcome.contents {
        put("program, code and constants (flash)".into(), dash(), bytes(c.flash));
        put("program, variables (RAM)".into(), dash(), bytes(c.ram));
        put("program, size of the file".into(), dash(), bytes(c.file));
    }
    put("multiply-accumulates".into(), dash(), format!("{:.1} M", outcome.macs as f64 / 1e6));
    rows
}

/// What to say below the table of results.
pub fn remarks(outcome: &Outcome) -> Vec<String> {
    let mut remarks = Vec::new();
    match &outcome.verified {
        Some(v) if outcome.program.is_none() => remarks.push(format!(
            "Verified: {} pictures answered by the module in Node equal the reference in every bit.",
            v.images
        )),
        Some(v) => remarks.push(format!(
            "Verified: {} pictures answered by the program equal the reference in every bit, {} of them read from their \
             files by the program itself. Kernels compared: {}.",
            v.images,
            v.files,
            v.kernels.join(", ")
        )),
        None => remarks.push("The program was not compared with the reference.".into()),
    }
    if let Some(interval) = outcome.accuracy.as_ref().and_then(|accuracy| accuracy.paired_interval) {
        remarks.push(format!("95 % interval of the difference of top-1, paired: ± {interval:.2} points."));
    }
    remarks
}

/// What became of true sigmoid and swish: three ways side by side.
#[derive(Debug, Serialize)]
pub struct Swap {
    images: usize,
    exact_top1: String,
    /// Name, agreement, SQNR, top-1.
    rows: Vec<[String; 4]>,
    advice: String,
}

/// The same, where hard forms took their place.
pub fn swap(outcome: &Outcome) -> Option<Swap> {
    let swap = outcome.accuracy.as_ref()?.swap.as_ref()?;
    let row = |(name, way): (&str, &Way)| {
        [name.to_owned(), percent(Some(way.agreement)), format!("{:.1} dB", way.sqnr_db), percent(way.top1)]
    };
    Some(Swap {
        images: swap.images,
        exact_top1: percent(swap.exact_top1),
        rows: swap.rows().into_iter().map(row).collect(),
        advice: swap.to_string(),
    })
}

/// A term and what to say of it.
#[derive(Debug, Serialize)]
pub struct Fact {
    term: &'static str,
    text: String,
}

/// Network, preprocessing, recipe, target.
pub fn what(contents: &Contents<'_>) -> Vec<Fact> {
    let Contents { work, target, plan, facts, .. } = *contents;
    let mut out = Vec::new();
    let mut put = |term, text: String| out.push(Fact { term, text });
    put("file", work.loaded.path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default());
    put("network", facts.title.clone());
    if let Some(recognised) = &work.loaded.recognised {
        for difference in &recognised.differences {
            put("differs", difference.clone());
        }
        put("exporter", recognised.dialect.to_string());
        put("parameters", recognised.parameters.to_string());
    }
    for output in &plan.outputs {
        put("output", output.answer.to_string());
    }
    let preprocess = &work.prepared.preprocess;
    put("preprocessing", format!("{} ({})", work.prepared.preprocess_name, work.prepared.preprocess_reason));
    put("geometry", format!("{:?}, {} × {}", preprocess.fit.resize, preprocess.fit.height, preprocess.fit.width));
    put(
        "values",
        format!(
            "(x / {} − {:?}) / {:?}, {:?}",
            preprocess.divisor, preprocess.mean, preprocess.std, preprocess.channels
        ),
    );
    let provenance = provenance(facts);
    put("recipe", word(&provenance["recipe"]["name"]));
    put("calibration", format!("{} pictures", work.profile.images.len()));
    if work.loaded.exact.is_some() {
        put("sigmoid", "true sigmoid and swish became hard forms".into());
    }
    put("target", format!("{}: {}", target.name, target.description));
    put("triple", target.triple.clone());
    put("kernels", target.kernels());
    out
}

/// Names and hashes of all that went in.
pub fn hashes(facts: &Facts) -> Vec<Fact> {
    let provenance = provenance(facts);
    let mut out = vec![Fact { term: "bakelite", text: word(&provenance["bakelite"]) }];
    for term in ["model", "preprocess", "calibration", "recipe"] {
        out.push(Fact { term, text: word(&provenance[term]["sha256"]) });
    }
    out
}

fn provenance(facts: &Facts) -> serde_json::Value {
    serde_json::from_str(&facts.provenance).unwrap_or_default()
}

fn word(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or("–").to_owned()
}
