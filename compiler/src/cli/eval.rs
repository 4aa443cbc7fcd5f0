//! `eval`.

use super::arguments::EvalArguments;
use super::{line, print_json, print_notes, table};
use crate::compile::{self, Request};
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::evaluate::part::{self, Part, Run};
use crate::evaluate::swap::Swap;
use crate::evaluate::{self, Summary};
use crate::plan;
use std::path::{Path, PathBuf};

/// `bakelite eval`.
pub fn eval(arguments: &EvalArguments) -> Result<()> {
    let Some(model) = &arguments.model else {
        let parts = arguments.merge.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
        let (merged, missing) = part::merge(parts.collect::<Result<Vec<_>>>()?)?;
        if !missing.is_empty() {
            let missing: Vec<String> = missing.iter().map(usize::to_string).collect();
            print_notes(&[format!("warning: not all parts are there; missing: {}", missing.join(", "))]);
        }
        return show(arguments, &merged.summary(), None);
    };
    if model.is_dir() {
        return super::bench::eval_crate(model, arguments);
    }
    let missing = || {
        Error::new(Stage::Arguments, "no pictures to calibrate on")
            .remedy("give a folder with --images, or statistics with --calib and pictures with --evaluation")
    };
    let images = match (&arguments.pictures.images, &arguments.calib) {
        (Some(images), _) => images.clone(),
        (None, Some(_)) if arguments.evaluation.is_some() => PathBuf::new(),
        (None, _) => return Err(missing()),
    };
    let request = Request {
        calib: arguments.calib.clone(),
        ..arguments.pictures.integers_of(model, &arguments.reading, &arguments.recipe)
    };
    let work = compile::quantized(&request)?;
    let mut dataset = match (&arguments.evaluation, &work.calibrated_on) {
        (Some(folder), _) => Dataset::open(folder)?,
        (None, Some(chosen)) => Dataset::open(&images)?.without(chosen),
        (None, None) => Dataset::open(&images)?,
    };
    let whole = dataset.clone();
    if let Some(shard) = arguments.shard {
        dataset = dataset.shard(shard);
    }
    if dataset.is_empty() {
        return Err(Error::new(Stage::Dataset, "no pictures are left to compare on")
            .remedy("calibrate on fewer with --calibration-images, or name another folder with --evaluation"));
    }
    let plan = plan::plan(&work.q, plan::run::levels()[0])?;
    let mut notes = work.notes.clone();
    let kept = compile::kept(&request, &work, &mut notes)?.map(|kept| plan::plan(&kept.q, plan.level)).transpose()?;
    let (evaluation, skipped, speed) = evaluate::evaluate_with(&work.prepared, &plan, kept.as_ref(), &dataset)?;
    if !arguments.json && arguments.shard.is_none() {
        print_notes(&notes);
        print_notes(&skipped.message().into_iter().collect::<Vec<_>>());
    }
    if let Some(shard) = arguments.shard {
        return print_json(&Part::new(Run::of(&work, &plan, &whole)?, shard, evaluation));
    }
    let speeds = speed.float_ms().zip(speed.int8_ms()).map(|(float, int8)| (1e3 / float, 1e3 / int8));
    show(arguments, &evaluation.summary(), speeds)
}

fn read(path: &Path) -> Result<Part> {
    let failed = |cause: String| {
        Error::new(Stage::Verify, cause).at(path.display().to_string()).remedy("give files that `eval --shard` printed")
    };
    let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    serde_json::from_str(&text).map_err(|e| failed(format!("is not the JSON of a part: {e}")))
}

/// The table, or JSON; `speeds` are images per second and thread.
pub fn show(arguments: &EvalArguments, summary: &Summary, speeds: Option<(f64, f64)>) -> Result<()> {
    if arguments.json {
        return print_json(&serde_json::json!({
            "summary": summary,
            "float_images_per_second": speeds.map(|s| s.0),
            "int8_images_per_second": speeds.map(|s| s.1),
        }));
    }
    let mut t = table::new(&[&format!("{} images", summary.images), "float", "int8"]);
    if summary.labelled > 0 {
        table::row(&mut t, &["top-1".into(), table::percent(summary.float_top1), table::percent(summary.int8_top1)]);
        table::row(&mut t, &["top-5".into(), table::percent(summary.float_top5), table::percent(summary.int8_top5)]);
    }
    for (what, value) in summary.agreements() {
        table::row(&mut t, &[what, "–".into(), value]);
    }
    if let Some((float, int8)) = speeds {
        table::row(&mut t, &["images/s, one thread".into(), format!("{float:.0}"), format!("{int8:.0}")]);
    }
    line(&t)?;
    if let Some(interval) = summary.paired_interval {
        line(format!("95 % interval of the difference of top-1, paired: ± {interval:.2} points"))?;
    }
    summary.swap.as_ref().map_or(Ok(()), show_swap)
}

/// What became of true sigmoid and swish, three ways side by side.
///
/// # Errors
/// Where it cannot be printed.
pub fn show_swap(swap: &Swap) -> Result<()> {
    let head = format!("sigmoid and swish, {} images", swap.images);
    let mut t = table::new(&[&head, "agreement", "logit SQNR", "top-1"]);
    table::row(&mut t, &["exact, in float".into(), "–".into(), "–".into(), table::percent(swap.exact_top1)]);
    for (name, way) in swap.rows() {
        let figures = [table::percent(Some(way.agreement)), format!("{:.1} dB", way.sqnr_db), table::percent(way.top1)];
        table::row(&mut t, &[&[name.to_owned()][..], &figures].concat());
    }
    line(&t)?;
    line(swap)
}
