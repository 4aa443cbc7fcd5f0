//! `bench`: layer by layer in this process, or a compiled crate as a whole; and `eval` of a compiled crate.

use super::arguments::{BenchArguments, EvalArguments};
use super::{line, print_json, table};
use crate::compile;
use crate::dataset::Dataset;
use crate::emit::MARK;
use crate::error::{Error, Result, Stage};
use crate::pipeline;
use crate::plan::{self, Plan, Step, run};
use crate::qgraph::QGraph;
use crate::quantize;
use crate::quantize::recipe::Recipe;
use crate::roofline::timing::{Layer, Timing, timing};
use crate::specs::target::Target;
use crate::verify::{self, Runner};
use bakelite_runtime::isa::Level;
use std::path::{Path, PathBuf};

/// `bakelite bench`.
pub fn bench(arguments: &BenchArguments) -> Result<()> {
    if arguments.model.is_dir() {
        let (program, runner, _) = program(&arguments.model)?;
        let (median, min) = compile::latency(&runner, &program)?;
        if arguments.json {
            return print_json(&serde_json::json!({ "median_ms": median, "min_ms": min }));
        }
        line(format!("{}: median {median:.3} ms, minimum {min:.3} ms", program.display()))?;
        return Ok(());
    }
    let (q, level) = integers(arguments)?;
    let plan = plan::plan(&q, level)?;
    let timing = timing(&plan, arguments.iterations).ok_or_else(|| crate::evaluate::lacks(&plan))?;
    if arguments.json { print_json(&json(&plan, &timing)) } else { show(&plan, &timing) }
}

/// The integers of a model, made up where there are no pictures, and the instruction set to time them with.
pub(super) fn integers(arguments: &BenchArguments) -> Result<(QGraph, Level)> {
    let q = if arguments.pictures.images.is_some() {
        let pictures = &arguments.pictures;
        compile::quantized(&pictures.integers_of(&arguments.model, &arguments.reading, &arguments.recipe))?.q
    } else {
        let options = arguments.reading.options();
        let loaded = pipeline::load(&arguments.model, &options)?;
        let (prepared, _) = pipeline::prepare(&loaded, &options)?;
        quantize::quantize(
            &prepared.graph,
            &quantize::ranges::made_up(&prepared.graph),
            &Recipe::load(&arguments.recipe)?,
        )?
    };
    let level = match &arguments.kernels {
        None => run::levels()[0],
        Some(name) => Level::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Level::ALL.iter().map(|l| l.name()).collect();
            Error::new(Stage::Arguments, format!("there are no kernels `{name}`")).remedy(known.join(", "))
        })?,
    };
    Ok((q, level))
}

fn json(plan: &Plan, timing: &Timing) -> serde_json::Value {
    let whole = timing.whole();
    let layer = |(step, layer): (&Step, &Layer)| {
        serde_json::json!({
            "name": step.name, "kernel": step.kernel.name(), "macs": layer.macs, "bytes": layer.bytes,
            "median_ns": layer.median_ns, "min_ns": layer.min_ns, "gmacs": layer.gmacs(),
            "bound_ns": layer.bound_ns, "share": layer.share(),
        })
    };
    serde_json::json!({
        "kernels": plan.level.name(), "macs": whole.macs, "bytes": whole.bytes, "median_ns": whole.median_ns,
        "gmacs": whole.gmacs(), "bound_ns": whole.bound_ns, "share": whole.share(), "roofline": timing.roofline,
        "layers": plan.steps.iter().zip(&timing.layers).map(layer).collect::<Vec<_>>(),
    })
}

fn show(plan: &Plan, timing: &Timing) -> Result<()> {
    let whole = timing.whole();
    let mut t = table::new(&["layer", "kernel", "MMAC", "µs", "%", "GMAC/s", "roofline"]);
    for (step, layer) in plan.steps.iter().zip(&timing.layers) {
        table::row(
            &mut t,
            &[
                step.name.clone(),
                step.kernel.name().to_owned(),
                format!("{:.2}", layer.macs as f64 / 1e6),
                format!("{:.1}", layer.median_ns / 1e3),
                format!("{:.1}", 100.0 * layer.median_ns / whole.median_ns.max(1.0)),
                layer.gmacs().map_or_else(String::new, |gmacs| format!("{gmacs:.0}")),
                format!("{:.0} %", 100.0 * layer.share()),
            ],
        );
    }
    line(&t)?;
    line(format!(
        "sum of medians {:.3} ms, {:.1} M multiply-accumulates, {:.0} GMAC/s, kernels {}",
        whole.median_ns / 1e6,
        whole.macs as f64 / 1e6,
        whole.gmacs().unwrap_or(0.0),
        plan.level.name()
    ))?;
    line(format!("{:.0} % of the roofline of one core here: {}", 100.0 * whole.share(), timing.roofline))
}

/// The program of a compiled crate, how to run it, and what the crate says of itself.
fn program(folder: &Path) -> Result<(PathBuf, Runner, serde_json::Value)> {
    let failed = |cause: String| {
        Error::new(Stage::Arguments, cause)
            .at(folder.display().to_string())
            .remedy("give an .onnx file, or a folder that `bakelite compile` wrote")
    };
    let text = std::fs::read_to_string(folder.join(MARK)).map_err(|e| failed(format!("{MARK} cannot be read: {e}")))?;
    let facts: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| failed(format!("{MARK} is not JSON: {e}")))?;
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (name, triple) = (word(&facts["name"]), word(&facts["target"]["triple"]));
    let program = folder.join("target").join(triple).join("release").join(name);
    if !program.is_file() {
        return Err(failed("its program is not built".into()).remedy("run `cargo build --release` in that folder"));
    }
    let runner = Runner::of(&Target::load(&word(&facts["target"]["name"]))?)?;
    Ok((program, runner, facts))
}

/// `eval` of a compiled crate: its own program reads the pictures; accuracy alone, since it holds no float network.
pub fn eval_crate(folder: &Path, arguments: &EvalArguments) -> Result<()> {
    let (program, runner, facts) = program(folder)?;
    let pictures = arguments.evaluation.as_ref().or(arguments.pictures.images.as_ref()).ok_or_else(|| {
        Error::new(Stage::Arguments, "no pictures to classify").remedy("name a labelled folder with --evaluation")
    })?;
    let mut dataset = Dataset::open(pictures)?;
    if let Some(shard) = arguments.shard {
        dataset = dataset.shard(shard);
    }
    let outputs = facts["outputs"].as_u64().unwrap_or(0) as usize;
    let offset = crate::evaluate::label_offset(&dataset, outputs);
    let (mut labelled, mut top1, mut top5) = (0_usize, 0_usize, 0_usize);
    // In batches, so that no command line grows too long.
    for batch in dataset.images().chunks(256) {
        let mut command = runner.command(&program);
        command.args(["--json", "--scores", "--top", "1", "--"]).args(batch.iter().map(|image| &image.path));
        let answers = verify::answers(command, Vec::new(), verify::Unreadable::Skipped)?;
        for image in batch {
            let path = image.path.display().to_string();
            let Some((_, scores)) = answers.iter().find(|(file, _)| *file == path) else { continue };
            let Some(class) = image.class.map(|class| class + offset).filter(|&class| class < scores.len()) else {
                continue;
            };
            let own = scores[class];
            let better = scores.iter().enumerate().filter(|&(i, &s)| s > own || (s == own && i < class)).count();
            labelled += 1;
            top1 += usize::from(better < 1);
            top5 += usize::from(better < 5);
        }
    }
    let percent = |count: usize| (labelled > 0).then(|| 100.0 * count as f64 / labelled as f64);
    if arguments.json {
        return print_json(&serde_json::json!({
            "labelled": labelled, "int8_top1": percent(top1), "int8_top5": percent(top5),
        }));
    }
    let mut t = table::new(&[&format!("{labelled} labelled images"), "int8"]);
    table::row(&mut t, &["top-1".into(), table::percent(percent(top1))]);
    table::row(&mut t, &["top-5".into(), table::percent(percent(top5))]);
    line(&t)?;
    Ok(())
}
