//! `compile` and `verify`.

use super::arguments::{CompileArguments, VerifyArguments};
use super::{explain, line, print_json, print_notes, table};
use crate::compile::{self, Outcome};
use crate::cost::Estimate;
use crate::error::{Error, Result, Stage};
use crate::verify;

/// `bakelite compile`.
pub fn compile(arguments: &CompileArguments) -> Result<()> {
    let outcome = compile::compile(&arguments.request()?)?;
    present(&outcome, arguments)
}

/// As it was asked for.
fn present(outcome: &Outcome, arguments: &CompileArguments) -> Result<()> {
    if arguments.json {
        let mut json = serde_json::to_value(outcome).map_err(|e| Error::new(Stage::Print, e.to_string()))?;
        if arguments.explain {
            json["explanations"] = serde_json::json!(outcome.explanations);
        }
        return print_json(&json);
    }
    print_notes(&outcome.notes);
    if arguments.explain {
        explain::show(&outcome.explanations)?;
    }
    show(outcome)
}

/// `bakelite verify`: the same, with more images and no less; or the kernels alone.
pub fn verify(VerifyArguments { compile: arguments, kernels }: &VerifyArguments) -> Result<()> {
    let mut request = arguments.request()?;
    if *kernels {
        let work = compile::quantized(&request)?;
        let (levels, images) = verify::levels(&work, &request.images, request.verify_images)?;
        let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
        if arguments.json {
            return print_json(&serde_json::json!({ "kernels": names, "images": images }));
        }
        print_notes(&work.notes);
        return line(format!("{images} images, every bit as the reference's: {}", names.join(", ")));
    }
    request.crate_only = false;
    request.verify_images = request.verify_images.max(64);
    present(&compile::compile(&request)?, arguments)
}

/// What Arm cores would take, in a line.
fn estimate(estimate: &Estimate) -> String {
    let cycles: Vec<String> =
        estimate.cycles.iter().map(|(core, cycles)| format!("{core} {:.1} M", cycles / 1e6)).collect();
    let without = match estimate.unknown.as_slice() {
        [] => String::new(),
        kernels => format!(", without layers of kernels {}", kernels.join(", ")),
    };
    format!(
        "estimate for {}: {:.1} M instructions; cycles {} (the report has every layer; instructions are off by {:.1} % at most on networks that were not \
         fitted{without})",
        estimate.kernels,
        estimate.instructions / 1e6,
        cycles.join(", "),
        estimate.worst_percent()
    )
}

/// The table at the end.
///
/// # Errors
/// Where it cannot be printed.
pub fn show(outcome: &Outcome) -> Result<()> {
    let mut t = table::new(&[&outcome.name, "float", "int8"]);
    let dash = || "–".to_owned();
    if let Some(a) = &outcome.accuracy {
        if a.labelled > 0 {
            table::row(
                &mut t,
                &[format!("top-1 ({} images)", a.labelled), table::percent(a.float_top1), table::percent(a.int8_top1)],
            );
            table::row(&mut t, &["top-5".into(), table::percent(a.float_top5), table::percent(a.int8_top5)]);
        }
        for (what, value) in a.agreements() {
            table::row(&mut t, &[what, dash(), value]);
        }
    }
    let latency = table::milliseconds(outcome.latency_ms.map(|(median, _)| median));
    table::row(&mut t, &["latency, one thread".into(), table::milliseconds(outcome.float_ms), latency]);
    table::row(&mut t, &["arena (RAM)".into(), dash(), table::bytes(outcome.arena as u64)]);
    if let Some(stack) = outcome.stack {
        table::row(&mut t, &["stack (RAM), at most".into(), dash(), table::bytes(stack)]);
    }
    table::row(&mut t, &[format!("peak, at {}", outcome.peak.1), dash(), table::bytes(outcome.peak.0 as u64)]);
    table::row(&mut t, &["weights (flash)".into(), dash(), table::bytes(outcome.constants as u64)]);
    if let Some(c) = &outcome.contents {
        table::row(&mut t, &["program, code + constants (flash)".into(), dash(), table::bytes(c.flash)]);
    }
    line(&t)?;
    if let Some(swap) = outcome.accuracy.as_ref().and_then(|a| a.swap.as_ref()) {
        super::eval::show_swap(swap)?;
    }
    line(format!(
        "{:.1} M multiply-accumulates, kernels {}, target {}",
        outcome.macs as f64 / 1e6,
        outcome.kernels,
        outcome.target
    ))?;
    for estimate in &outcome.estimates {
        line(self::estimate(estimate))?;
    }
    if let Some(v) = &outcome.verified {
        let by_files = format!(", {} of them read from their files by the program", v.files);
        let how = match outcome.program {
            None => ", as a module in Node".to_owned(),
            Some(_) if outcome.kernels.contains(',') => format!("{by_files}; kernels {}", v.kernels.join(", ")),
            Some(_) => by_files,
        };
        line(format!("verified: {} images bit for bit against the reference{how}", v.images))?;
    }
    line(format!("crate    {}", outcome.folder.display()))?;
    line(format!("report   {}", outcome.report.display()))?;
    if let Some(program) = &outcome.program {
        line(format!("program  {}", program.display()))?;
    }
    for library in &outcome.libraries {
        line(format!("library  {}", library.display()))?;
    }
    Ok(())
}
