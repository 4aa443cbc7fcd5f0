//! The main job: from a model, images and a target to a crate, a program and a report.

mod calibrated;
mod kept;

pub use calibrated::{Calibrated, Integers, calibrated};
pub use kept::kept;

use crate::build::{self, object};
use crate::cost;
use crate::dataset::{Dataset, Preprocess};
use crate::emit::{self, Facts, Sets};
use crate::error::{Error, Result, Stage};
use crate::evaluate::{self, Evaluation, Summary};
use crate::explain::{Explanation, explain};
use crate::golden::{self, Golden};
use crate::pipeline::{self, Loaded, ModelOptions, Prepared};
use crate::plan::{self, Economy, Plan};
use crate::progress::Spinner;
use crate::qgraph::{QGraph, QOp};
use crate::quantize::filters::Filters;
use crate::quantize::recipe::Recipe;
use crate::quantize::{Draft, sites};
use crate::reconstruct::Reconstruction;
use crate::report;
use crate::specs::target::Target;
use crate::specs::{self, Kind};
use crate::tune::Tuning;
use crate::units;
use crate::verify::{self, Expected, Runner, Verified};
use bakelite_calibration::Profile;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The ONNX file.
    pub model: PathBuf,
    /// How to read it.
    pub options: ModelOptions,
    /// Pictures to calibrate on; those left over are compared on.
    pub images: PathBuf,
    /// How many of them to calibrate on.
    pub calibration_images: usize,
    /// Which ones: the seed of the selection.
    pub seed: u64,
    /// Pictures to compare on, if not those left over.
    pub evaluation: Option<PathBuf>,
    /// A profile from an earlier calibration.
    pub calib: Option<PathBuf>,
    /// Target by name or path.
    pub target: String,
    /// Recipe by name or path.
    pub recipe: String,
    /// Register tiles from `bakelite tune`.
    pub tuning: Option<PathBuf>,
    /// How much time memory may cost.
    pub economy: Economy,
    /// One label per line.
    pub labels: Option<PathBuf>,
    /// The crate's folder.
    pub out: PathBuf,
    /// Name of crate and program.
    pub name: Option<String>,
    /// Write the crate, and nothing more.
    pub crate_only: bool,
    /// Libraries for other languages, to be built too.
    pub libraries: Vec<build::Library>,
    /// How many images to verify bit for bit.
    pub verify_images: usize,
    /// Toolchain of rustup.
    pub toolchain: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name of crate and program.
    pub name: String,
    /// The crate.
    pub folder: PathBuf,
    /// The report for people: one HTML file.
    pub report: PathBuf,
    /// The program, if one was built.
    pub program: Option<PathBuf>,
    /// Libraries with a C interface, if any were asked for.
    pub libraries: Vec<PathBuf>,
    /// Target.
    pub target: String,
    /// Instruction set.
    pub kernels: String,
    /// Multiply-accumulates of one inference.
    pub macs: usize,
    /// Float against integers, on pictures that were not calibrated on; none if all were.
    pub accuracy: Option<Summary>,
    /// Milliseconds of one inference: median and minimum; none for emulated programs.
    pub latency_ms: Option<(f64, f64)>,
    /// Milliseconds of the float network in this process, one thread.
    pub float_ms: Option<f64>,
    /// What reconstruction did to each layer; none where the recipe does without.
    pub reconstruction: Option<Reconstruction>,
    /// Bytes of the arena.
    pub arena: usize,
    /// Bytes of stack that the library takes at most, read off its code; none where the crate was not built.
    pub stack: Option<u64>,
    /// Largest sum of living maps in bytes, and the layer at which.
    pub peak: (usize, String),
    /// Bytes of constants.
    pub constants: usize,
    /// What Arm cores would take, for each instruction set of the target that is one of theirs.
    pub estimates: Vec<cost::Estimate>,
    /// What was decided for every layer, for each instruction set of the target.
    #[serde(skip)]
    pub explanations: Vec<Explanation>,
    /// Sections of the program.
    pub contents: Option<object::Contents>,
    /// What was compared bit for bit.
    pub verified: Option<Verified>,
    /// What to know.
    pub notes: Vec<String>,
}

/// Everything between the model's file and the plan; `eval`, `verify` and `bench` start here too.
pub struct Quantized {
    /// As read.
    pub loaded: Loaded,
    /// With preprocessing folded in.
    pub prepared: Prepared,
    /// What was done between floats and integers.
    pub recipe: Recipe,
    /// Integers.
    pub q: QGraph,
    /// The integer weights of each site, for [`Quantized::draft`].
    filters: Vec<Option<Filters>>,
    /// The node of each site.
    node: Vec<usize>,
    /// Statistics.
    pub profile: Profile,
    /// Pictures that were calibrated on.
    pub calibrated_on: Option<Dataset>,
    /// What reconstruction did, where the recipe asks for it and pictures are there.
    pub reconstruction: Option<Reconstruction>,
    /// What to know.
    pub notes: Vec<String>,
}

impl Quantized {
    /// The integers with where each came from.
    ///
    /// # Errors
    /// None that quantizing would not have had.
    pub fn draft(&self) -> Result<Draft<'_>> {
        let sites = sites::sites(&self.prepared.graph, &self.recipe)?;
        Ok(Draft { sites, q: self.q.clone(), filters: self.filters.clone(), node: self.node.clone() })
    }
}

/// Reads, prepares, calibrates and quantizes.
///
/// # Errors
/// Where a stage refuses.
pub fn quantized(request: &Request) -> Result<Quantized> {
    let start = calibrated(request)?;
    let integers = start.integers(&start.recipe)?;
    Ok(start.with(integers))
}

/// A `.calib` file that belongs to this model and preprocessing.
pub fn read_profile(path: &Path, loaded: &Loaded, preprocess: &Preprocess) -> Result<Profile> {
    let failed = |cause: String| {
        Error::new(Stage::Calibrate, cause)
            .at(path.display().to_string())
            .remedy("make it with `bakelite calibrate` for this very model, options and preprocessing")
    };
    let bytes = std::fs::read(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let profile = Profile::decode(&bytes).map_err(|e| failed(e.to_string()))?;
    profile.check(loaded.hash, preprocess.hash()).map_err(|e| failed(e.to_string()))?;
    Ok(profile)
}

/// A warning where the network's first layer sees values that no trained network expects.
fn looks_wrong(prepared: &Prepared, profile: &Profile) -> Option<String> {
    let input = &prepared.graph.tensors[prepared.graph.input.index()].name;
    let stats = profile.tensors.get(input)?;
    let (scale, order) = (prepared.preprocess.scale(), prepared.preprocess.order());
    let offset = prepared.preprocess.offset();
    let means: Vec<f64> = (0..3).map(|i| stats.mean(order[i]) * scale[i] + offset[i]).collect();
    let spreads: Vec<f64> = (0..3).map(|i| stats.variance(order[i]).sqrt() * scale[i]).collect();
    let raw = prepared.preprocess.is_raw();
    let odd = !raw && (means.iter().any(|m| m.abs() > 1.5) || spreads.iter().any(|s| !(0.05..=3.0).contains(s)));
    odd.then(|| {
        format!(
            "warning: after preprocessing `{}` the images have means {means:.2?} and deviations {spreads:.2?}, which looks wrong; \
             choose another with --preprocess",
            prepared.preprocess_name
        )
    })
}

/// All that does not depend on the target: a model quantized and compared, to be compiled for as many targets as one likes.
pub struct Ready {
    work: Quantized,
    /// Pictures that were named, or all of the folder, to verify and compare on.
    compared_on: Option<Dataset>,
    golden: Golden,
    evaluation: Option<Evaluation>,
    float_ms: Option<f64>,
    labels: Vec<String>,
    /// What to know beside the work's own notes.
    notes: Vec<String>,
    /// The reference's answers to the pictures that programs are verified on, once they are asked for.
    expected: OnceLock<Result<Vec<Expected>>>,
}

/// The main job.
///
/// # Errors
/// Where a stage refuses; nothing half-written is left.
pub fn compile(request: &Request) -> Result<Outcome> {
    // What can be refused without the long work is refused before it.
    let target = Target::load(&request.target)?;
    if !target.has_programs() && !request.crate_only && request.libraries.is_empty() {
        return Err(Error::new(Stage::Arguments, format!("there are no programs for {}", target.triple))
            .at(&target.name)
            .remedy("make a library with --emit staticlib or --emit cdylib, or the crate alone with --emit crate"));
    }
    emit::refuse_foreign(&request.out)?;
    compile_for(request, &ready(request)?)
}

/// Everything up to the target: reads, calibrates, quantizes, compares float and integers.
///
/// # Errors
/// Where a stage refuses.
pub fn ready(request: &Request) -> Result<Ready> {
    let mut labels = request.labels.as_deref().map(read_labels).transpose()?.unwrap_or_default();
    let named = request.evaluation.as_deref().map(Dataset::open).transpose()?;
    let data = if request.images.as_os_str().is_empty() { None } else { Some(Dataset::open(&request.images)?) };
    let work = quantized(request)?;
    // For this machine: any level gives the same bits; the best one here is the quickest.
    let local = plan::plan(&work.q, plan::run::levels()[0])?;
    let mut notes = Vec::new();
    if labels.is_empty()
        && let Some(data) = &data
        && Some(data.class_names().len()) == local.scores()
    {
        labels = data.class_names().to_vec();
    }
    if let Some(classes) = classes(&local)
        && !labels.is_empty()
        && labels.len() != classes
    {
        notes.push(format!("warning: {} labels for {classes} classes", labels.len()));
    }
    // What was not calibrated on is there to compare on.
    let compared_on = match (named, &work.calibrated_on, data) {
        (Some(named), ..) => Some(named),
        (None, Some(chosen), Some(all)) => Some(all.without(chosen)),
        (None, None, all) => all,
        (None, Some(_), None) => None,
    }
    .filter(|dataset| !dataset.is_empty());
    let (mut evaluation, mut float_ms) = (None, None);
    if let Some(dataset) = &compared_on {
        let kept = kept(request, &work, &mut notes)?.map(|kept| plan::plan(&kept.q, local.level)).transpose()?;
        let (compared, skipped, speed) = evaluate::evaluate_with(&work.prepared, &local, kept.as_ref(), dataset)?;
        notes.extend(skipped.message());
        float_ms = speed.float_ms();
        evaluation = Some(compared);
    } else if work.prepared.exact.is_some() {
        notes.push(
            "warning: what the hard forms of sigmoid and swish change was not measured: no pictures are left to compare on".into(),
        );
    }
    let golden = golden::choose(&work.q, &local)?;
    Ok(Ready { work, compared_on, golden, evaluation, float_ms, labels, notes, expected: OnceLock::new() })
}

impl Ready {
    /// What programs have to answer, and to which pictures; none without pictures.
    fn expected(&self, request: &Request) -> Result<Option<&[Expected]>> {
        let Some(dataset) = self.compared_on.as_ref().or(self.work.calibrated_on.as_ref()) else { return Ok(None) };
        let make = || {
            let some = dataset.select(verify::most_images(&self.work.q, request.verify_images), request.seed);
            verify::expected(&self.work.q, &some, &self.work.prepared.preprocess)
        };
        self.expected.get_or_init(make).as_deref().map(Some).map_err(Error::clone)
    }
}

/// Gives the plans the tiles that were asked for, and says what came of it.
fn tuned(request: &Request, plans: &mut [Plan]) -> Result<Option<String>> {
    let Some(path) = &request.tuning else { return Ok(None) };
    let tuning = Tuning::read(path)?;
    let count: usize = plans.iter_mut().map(|plan| tuning.apply(plan)).sum();
    Ok(Some(match count {
        0 if !tuning.layers.is_empty() => format!(
            "warning: no tile of {} is used: it is for kernels {} and other shapes",
            path.display(),
            tuning.kernels
        ),
        _ => format!("{count} matrix products have a tile of {}", path.display()),
    }))
}

/// Which layers go together, and what that saves.
fn banded(sets: Sets<'_>, whole: Sets<'_>) -> Option<String> {
    let steps = &sets.best().steps;
    let name = |band: &plan::Band| {
        let (first, last) = (steps.get(band.choice.first)?, steps.get(band.choice.last())?);
        Some(format!("{} to {} ({} rows at a time)", first.name, last.name, band.choice.rows))
    };
    let names: Vec<String> = sets.best().bands.iter().filter_map(name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "layers that go together to save memory: {}; with --memory whole the arena takes {}",
            names.join(", "),
            units::bytes(whole.memory_bytes() as u64)
        )
    })
}

/// The rest of the main job: plans, emits, builds and verifies what is `ready` for the request's target, into its folder.
/// The request is that of [`ready`], but for these two.
///
/// # Errors
/// Where a stage refuses.
pub fn compile_for(request: &Request, ready: &Ready) -> Result<Outcome> {
    let target = Target::load(&request.target)?;
    emit::refuse_foreign(&request.out)?;
    let work = &ready.work;
    let planned = |economy| {
        let economy = (economy, target.caches.l2);
        let mut plans =
            target.levels.iter().map(|&level| plan::plan_in(&work.q, level, economy)).collect::<Result<Vec<_>>>()?;
        let tuned = tuned(request, &mut plans)?;
        Ok((plans, tuned))
    };
    let (plans, tuned) = planned(request.economy)?;
    // For what memory would be without bands, and for times of layers.
    let (whole, _) = planned(Economy::Whole)?;
    let sets = Sets::new(&plans)?;
    let plan = sets.best();
    let name = request.name.clone().unwrap_or_else(|| pipeline::crate_name(&request.model));
    let facts = facts(ready, sets, &target, request, &name)?;
    let files = emit::emit(&work.q, sets, &target, &facts)?;
    emit::write(&files, &request.out)?;

    let mut outcome = Outcome {
        name: name.clone(),
        folder: request.out.clone(),
        report: request.out.join(report::FILE),
        program: None,
        libraries: Vec::new(),
        target: target.name.clone(),
        kernels: target.kernels(),
        macs: plan.steps.iter().map(|s| s.kernel.macs()).sum(),
        accuracy: ready.evaluation.as_ref().map(Evaluation::summary),
        latency_ms: None,
        float_ms: ready.float_ms,
        reconstruction: work.reconstruction.clone(),
        arena: sets.memory_bytes(),
        peak: (plan.peak.0, plan.steps.get(plan.peak.1).map(|s| s.name.clone()).unwrap_or_default()),
        stack: None,
        constants: sets.constants_bytes(),
        estimates: plans.iter().filter_map(|plan| cost::estimate(plan).transpose()).collect::<Result<_>>()?,
        explanations: plans.iter().map(explain).collect(),
        contents: None,
        verified: None,
        notes: work
            .notes
            .iter()
            .chain(&ready.notes)
            .cloned()
            .chain(tuned)
            .chain(banded(sets, Sets::new(&whole)?))
            .collect(),
    };
    if !request.crate_only {
        if target.has_programs() {
            build_and_verify(request, ready, &target, &mut outcome)?;
        }
        for &kind in &request.libraries {
            let library = build::library(&request.out, &outcome.name, &target, request.toolchain.as_deref(), kind)?;
            outcome.libraries.push(library);
        }
        if !target.has_programs() {
            verify_module(request, ready, &target, &mut outcome)?;
        }
    }
    let contents = report::Contents {
        outcome: &outcome,
        work,
        target: &target,
        plan,
        timed: whole.iter().find(|plan| target.is_host() && plan::run::levels().contains(&plan.level)),
        facts: &facts,
        evaluation: ready.compared_on.as_ref().zip(ready.evaluation.as_ref()),
    };
    report::write(&report::report(&contents)?, &outcome.report)?;
    Ok(outcome)
}

/// Builds the program, looks into it, compares it with the reference and times it.
fn build_and_verify(request: &Request, ready: &Ready, target: &Target, outcome: &mut Outcome) -> Result<()> {
    let built = build::build(&request.out, &outcome.name, target, request.toolchain.as_deref())?;
    let contents = object::program(&built.program)?;
    object::check_program(&contents, &target.triple)?;
    let library = object::library(&built.library)?;
    for object in &library {
        object::check_library(object)?;
    }
    outcome.stack = library.iter().map(|object| object.stack).max().flatten();
    outcome.contents = Some(contents);
    outcome.program = Some(built.program.clone());
    match Runner::of(target) {
        Ok(runner) => {
            if request.verify_images > 0
                && let Some(expected) = ready.expected(request)?
            {
                outcome.verified = Some(verify::verify(&built.program, &runner, target, expected)?);
            }
            if runner.is_native() && target.levels.iter().any(|level| plan::run::levels().contains(level)) {
                let _progress = Spinner::new("timing the program");
                outcome.latency_ms = Some(latency(&runner, &built.program)?);
            }
        }
        Err(error) if request.verify_images == 0 => outcome.notes.push(format!("not run: {error}")),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Compares a module for the web with the reference, where there is Node to run it; of other libraries for targets without programs, says
/// that nothing was run.
fn verify_module(request: &Request, ready: &Ready, target: &Target, outcome: &mut Outcome) -> Result<()> {
    let wanted = request.verify_images > 0 && target.is_wasm() && request.libraries.contains(&build::Library::Shared);
    let expected = if wanted { ready.expected(request)? } else { None };
    let why = match (expected, verify::module::node(), target.levels.first()) {
        (Some(expected), Some(node), Some(level)) => {
            outcome.verified = Some(verify::module::module(&node, &request.out, level.name(), expected)?);
            return Ok(());
        }
        (Some(_), None, _) => ": `node` is not installed",
        _ => "",
    };
    outcome.notes.push(format!(
        "there are no programs for {}: only libraries were made, and nothing was run{why}",
        target.triple
    ));
    Ok(())
}

/// Median and minimum of the program's own benchmark, in milliseconds.
pub fn latency(runner: &Runner, program: &Path) -> Result<(f64, f64)> {
    #[derive(serde::Deserialize)]
    struct Times {
        median_ns: f64,
        min_ns: f64,
    }
    let failed = |cause: String| Error::new(Stage::Verify, cause).at(program.display().to_string());
    let output = runner.command(program).args(["bench", "--json"]).output().map_err(|e| failed(e.to_string()))?;
    let times: Times = serde_json::from_slice(&output.stdout).map_err(|e| failed(format!("no benchmark: {e}")))?;
    Ok((times.median_ns / 1e6, times.min_ns / 1e6))
}

/// How many classes the network tells apart: those of its scores, or of its mask.
fn classes(plan: &Plan) -> Option<usize> {
    let mask = plan.outputs.iter().map(|output| output.answer.shape).find(|shape| shape.pixels() > 1);
    plan.scores().or(mask.map(|shape| shape.channels).filter(|&channels| channels > 1))
}

/// One label per line.
///
/// # Errors
/// Where the file cannot be read.
pub fn read_labels(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::new(Stage::Dataset, format!("cannot be read: {e}"))
            .at(path.display().to_string())
            .remedy("give a text file with one label per line")
    })?;
    Ok(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// What the crate says of itself.
fn facts(ready: &Ready, sets: Sets<'_>, target: &Target, request: &Request, name: &str) -> Result<Facts> {
    let work = &ready.work;
    let Quantized { loaded, prepared, q, profile, .. } = work;
    let input = q.tensor(q.input).shape;
    let title = loaded.recognised.as_ref().map_or_else(|| q.name.clone(), |r| r.architecture.clone());
    let calib = sha256(&profile.encode());
    let provenance = serde_json::json!({
        "bakelite": env!("CARGO_PKG_VERSION"),
        "name": name,
        "network": title,
        "model": { "file": loaded.path.file_name().map(|f| f.to_string_lossy()), "sha256": loaded.hash.to_string() },
        "preprocess": { "name": spec_name(Kind::Preprocess, &prepared.preprocess_name)?, "sha256": prepared.preprocess.hash().to_string() },
        "calibration": { "images": profile.images.len(), "sha256": calib },
        "recipe": { "name": spec_name(Kind::Recipe, &request.recipe)?, "sha256": sha256(format!("{:?}", work.recipe).as_bytes()) },
        "target": { "name": target.name, "triple": target.triple, "kernels": target.kernels() },
        "keep_sigmoid": request.options.keep_sigmoid,
        "requantize": request.options.requantize,
        "input": [input.height, input.width, input.channels],
        "outputs": sets.best().answers(),
    });
    Ok(Facts {
        name: name.to_owned(),
        title,
        fit: prepared.preprocess.fit,
        labels: ready.labels.clone(),
        probabilities: q.nodes.last().is_some_and(|n| matches!(n.op, QOp::Softmax)),
        golden: ready.golden.clone(),
        provenance: format!("{provenance:#}\n"),
    })
}

/// A spec's name: that of its file, without the folder, which is this machine's own.
fn spec_name(kind: Kind, name_or_path: &str) -> Result<String> {
    specs::read(kind, name_or_path).map(|source| source.name)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
