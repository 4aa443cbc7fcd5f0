//! Layer after layer, the integers are made to answer what the floats answer, on what the integer network itself feeds them
//! (steps 3 and 6 of the recipe).
//!
//! 1. [`walk`]: both networks on the calibration pictures up to the layer;
//! 2. [`rows`]: samples of what the layer reads in integers and should answer;
//! 3. candidates: bias; gain and bias ([`correct`]); least-squares weights ([`moments`]) rounded on the output's error
//!    ([`rounding`]);
//! 4. the candidate with the least error of the layer's answers on *held-out* pictures stays, made anew with them;
//! 5. the network stays as a whole only if its own answers are nearer to the float ones.
//!
//! Tried and not kept, judged on the 384 pictures of the calibration folder that were not calibrated on (two seeds, recipe `default`): least
//! squares in which a sample counts by the slope of the layer's function there, with moments of each output channel's own (V3-Small and off-grid with 4,096 samples
//! of a layer: −0.1 to 0.0 dB, calibrating and judging take half as long again; off-grid with all samples: +0.1 dB); the pictures and their mirror images
//! (these two and V3-Large minimalistic): −0.1 to +0.2 dB.
//!
//! Two more, on V3-Small, off-grid, V3-Large minimalistic and fundus (one seed): candidates judged by the *answers* to held-out pictures,
//! everything behind the layer in float (+0.1, +0.1, +0.1, −0.5 dB, a quarter more time); and weights of layers that have no more than 8,192 rounded on
//! what the answers feel of each weight, `Σ_p ∂answers/∂y[p,o] · x[p,c]` for eight random directions of each picture (−0.1, +0.2, −0.1, +0.2 dB; both
//! together +0.1, −0.1, +0.1, +0.2 dB). To first order that left 3 to 8 dB less error of a layer if each row was rounded by itself; across rows it fitted the pictures, not
//! the network (9 dB less on those it was rounded on, 1 dB on others). The whole shows nothing of it because of where the error is made: with the first block alone in
//! integers, the answers of fundus have nine tenths of their final squared error, those of V3-Small more than half, and there it is the rounding of
//! maps, which no constant takes back. What the weights of the second and third block add, the refits that follow take back.
//!
//! The order of pictures is that of their selection, sums are taken in it, and threads do not matter.

pub mod correct;
pub mod moments;
pub mod rounding;
pub mod rows;
pub mod walk;

use crate::error::Result;
use crate::evaluate;
use crate::graph::Graph;
use crate::ops::{Activation, Conv, Op};
use crate::plan;
use crate::progress;
use crate::quantize::filters::{Filters, absorbed, evened};
use crate::quantize::recipe::{Recipe, Step};
use crate::quantize::sites::{Site, SiteKind};
use crate::quantize::{Draft, fine};
use moments::Moments;
use ndarray::{ArrayView2, s};
use rayon::prelude::*;
use rows::{Rows, Samples};
use serde::Serialize;
use walk::Walk;

/// One picture of so many is held out.
pub const HELD_OUT: usize = 4;

/// A layer has at least so many samples per weight of an output channel before least squares are tried.
const SAMPLES_PER_WEIGHT: usize = 2;

/// A candidate has to lower the error by this share to be taken.
const WORTH: f64 = 0.001;

/// What became of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The float node.
    pub name: String,
    /// What was tried, and how far the layer's answers on held-out pictures then were above their error, in dB (null: no error, or
    /// a layer that always answers the same).
    pub tried: Vec<(String, f64)>,
    /// Which of them stayed.
    pub chosen: usize,
}

/// What became of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconstruction {
    /// Pictures that were used.
    pub pictures: usize,
    /// Each layer with weights.
    pub layers: Vec<Outcome>,
    /// Signal to noise of the network's answers to the held-out pictures from the statistics alone, in dB.
    pub before_db: f64,
    /// The same of the reconstructed network.
    pub after_db: f64,
}

impl Reconstruction {
    /// Whether the reconstructed network answered better, and stayed.
    pub fn kept(&self) -> bool {
        self.after_db > self.before_db
    }
}

impl std::fmt::Display for Reconstruction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.layers.is_empty() {
            return write!(
                f,
                "warning: layers were not reconstructed: {} pictures are too few, {HELD_OUT} are needed at least",
                self.pictures
            );
        }
        let improved = self.layers.iter().filter(|o| o.chosen > 0).count();
        write!(
            f,
            "reconstruction on {} pictures improved {improved} of {} layers; answers to every fourth of them: {:.1} dB before, {:.1} \
             dB after{}",
            self.pictures,
            self.layers.len(),
            self.before_db,
            self.after_db,
            if self.kept() { "" } else { ", so the network from the statistics alone was kept" }
        )
    }
}

/// Improves `draft` on raw `images`, so that it answers what `graph` answers: its own float network, or one with the same nodes
/// and other functions, as the true sigmoids whose hard forms `draft` has ([`crate::pipeline::Prepared::truth`]).
///
/// # Errors
/// Where a layer has no kernel on this machine.
pub fn reconstruct(
    graph: &Graph,
    draft: &mut Draft<'_>,
    images: Vec<Vec<u8>>,
    recipe: &Recipe,
) -> Result<Reconstruction> {
    reconstruct_within(graph, draft, images, recipe, walk::BUDGET)
}

/// The same with a bound on the memory of the walk; it changes the time alone.
///
/// # Errors
/// As [`reconstruct`].
pub fn reconstruct_within(
    graph: &Graph,
    draft: &mut Draft<'_>,
    images: Vec<Vec<u8>>,
    recipe: &Recipe,
    budget: usize,
) -> Result<Reconstruction> {
    let mut result = Reconstruction { pictures: images.len(), layers: Vec::new(), before_db: 0.0, after_db: 0.0 };
    if images.len() < HELD_OUT {
        return Ok(result);
    }
    let judges: Vec<Vec<u8>> = (0..images.len()).filter(|&i| held(i)).map(|i| images[i].clone()).collect();
    let before = draft.clone();
    result.before_db = sqnr_db(graph, draft, &judges)?;
    let bar = progress::bar("reconstructing", draft.sites.len(), "layers");
    let mut walk = Walk::new(graph, draft.q.tensors.len(), images, budget)?;
    for site in 0..draft.sites.len() {
        if let SiteKind::Conv { conv, activation } | SiteKind::Gated { conv, activation } = draft.sites[site].kind {
            // Nodes that only widen a vector come before the layer's own.
            walk.pass_before(draft, site)?;
            if let Some(mut samples) = rows::samples(&walk, draft, site, conv, held)? {
                let behind = behind(graph, draft, site);
                if let Some(behind) = &behind {
                    samples.keep(behind[1].live());
                }
                let functions = [activation, wanted(graph, &draft.sites[site]).or(activation)];
                let functions = [0, 1].map(|i| [functions[i], behind.map(|behind| behind[i])]);
                result.layers.push(layer(draft, site, conv, functions, &samples, recipe));
            }
        }
        walk.pass(draft, site)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    result.after_db = sqnr_db(graph, draft, &judges)?;
    if !result.kept() {
        *draft = before;
    }
    Ok(result)
}

/// Signal to noise of the network's answers to `images`, in dB.
pub(crate) fn sqnr_db(graph: &Graph, draft: &Draft<'_>, images: &[Vec<u8>]) -> Result<f64> {
    let plan = plan::plan(&draft.q, plan::run::levels()[0])?;
    let answers = draft.q.answers();
    let energies = images
        .par_iter()
        .map_init(
            || plan::run::Memory::of(&plan),
            |memory, image| {
                let float = evaluate::answer(graph, image)?;
                let int8 = plan::run::run(&plan, memory, image).ok_or_else(|| evaluate::lacks(&plan))?;
                Ok(evaluate::energies_of(&answers, &float, int8))
            },
        )
        .collect::<Result<Vec<(f64, f64)>>>()?;
    let (signal, noise) = energies.iter().fold((0.0, 0.0), |(s, n), e| (s + e.0, n + e.1));
    Ok(10.0 * (signal / noise).log10())
}

/// Whether a picture is held out.
pub(crate) fn held(picture: usize) -> bool {
    picture % HELD_OUT == HELD_OUT - 1
}

/// The function that `graph` has where the result of `site` comes from.
fn wanted(graph: &Graph, site: &Site<'_>) -> Option<Activation> {
    let node = graph.nodes.iter().find(|node| node.output == site.output)?;
    if let Op::Activation(function) = &node.op {
        return Some(*function);
    }
    if let Op::Conv(conv) = &node.op { conv.activation } else { None }
}

/// The function that alone reads the result of `site`, as `draft` and as `graph` have it. What it does not tell apart is no error.
fn behind(graph: &Graph, draft: &Draft<'_>, site: usize) -> Option<[Activation; 2]> {
    let id = draft.sites[site].output;
    let mut readers = draft.sites.iter().filter(|reader| reader.inputs.contains(&id));
    let (Some(Site { kind: SiteKind::Function(own), node, .. }), None) = (readers.next(), readers.next()) else {
        return None;
    };
    let truth = graph.nodes.iter().find(|other| other.output == node.output).and_then(|node| match node.op {
        Op::Activation(function) => Some(function),
        _ => None,
    });
    (!graph.outputs.contains(&id)).then(|| [*own, truth.unwrap_or(*own)])
}

/// A way to make a layer's filters from samples.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Rounded,
    Correct { gain: bool },
    Refit { ridge: f64 },
}

impl Way {
    fn name(self) -> String {
        match self {
            Way::Rounded => "rounded".into(),
            Way::Correct { gain: false } => "bias".into(),
            Way::Correct { gain: true } => "gain and bias".into(),
            Way::Refit { ridge } => format!("refit, ridge {ridge}"),
        }
    }
}

fn layer(
    draft: &mut Draft<'_>,
    site: usize,
    conv: &Conv,
    [own, wanted]: [[Option<Activation>; 2]; 2],
    samples: &Samples,
    recipe: &Recipe,
) -> Outcome {
    let name = draft.sites[site].node.name.clone();
    let input = draft.q.nodes[draft.node[site]].inputs[0];
    let (Some(before), Some(codes)) = (draft.filters[site].clone(), draft.q.tensor(input).codes().cloned()) else {
        return Outcome { name, tried: Vec::new(), chosen: 0 };
    };
    let reading = fine::reading(conv, draft.q.tensor(input));
    let conv = reading.as_ref();
    let gated = matches!(draft.sites[site].kind, SiteKind::Gated { .. });
    let summed = draft.sites[site].inputs.len() > if gated { 2 } else { 1 };
    // The layer's function and the one behind it.
    let through = |functions: [Option<Activation>; 2]| {
        move |x: f64| {
            let each = functions.into_iter().flatten().filter(|_| !summed);
            each.fold(x, |x, function| f64::from(function.apply(x as f32)))
        }
    };
    let (own, wanted) = (through(own), through(wanted));
    let real = if gated { evened(conv, &codes, &before.columns) } else { absorbed(conv, &codes) };
    let [train, held, all] = [samples.train(), samples.held(), samples.all()];
    let refits = train.codes.nrows() >= SAMPLES_PER_WEIGHT * conv.weights_per_output() && recipe.has(Step::Refit);
    let make = |way: Way, rows: &Rows<'_>, moments: &[Moments]| match way {
        Way::Rounded => Some(before.clone()),
        Way::Correct { gain } => Some(correct::correct(conv, &before, rows, gain)),
        Way::Refit { ridge } => refit(conv, &before, &real, moments, ridge),
    };
    let mut ways = vec![Way::Rounded];
    ways.extend(recipe.has(Step::Bias).then_some(Way::Correct { gain: false }));
    ways.extend(recipe.has(Step::Gain).then_some(Way::Correct { gain: true }));
    if refits {
        ways.extend(recipe.settings.ridges.iter().map(|&ridge| Way::Refit { ridge }));
    }
    let moments = if refits { moments(conv, &train) } else { Vec::new() };
    let errors: Vec<f64> = ways
        .par_iter()
        .map(|&way| {
            make(way, &train, &moments).map_or(f64::INFINITY, |f| correct::error(conv, &f, &held, [&own, &wanted]))
        })
        .collect();
    let signal = correct::signal(&held, &wanted);
    let tried = ways.iter().zip(&errors).map(|(way, e)| (way.name(), 10.0 * (signal / e).log10())).collect();
    let mut chosen = 0;
    for (i, error) in errors.iter().enumerate() {
        if *error < errors[chosen] * (1.0 - WORTH) {
            chosen = i;
        }
    }
    // What held-out pictures chose is made anew with them.
    let moments = if matches!(ways[chosen], Way::Refit { .. }) { self::moments(conv, &all) } else { Vec::new() };
    // A candidate whose accumulator might overflow is none.
    let taken =
        chosen > 0 && make(ways[chosen], &all, &moments).is_some_and(|filters| draft.set(site, filters).is_ok());
    if !taken {
        chosen = 0;
    }
    Outcome { name, tried, chosen }
}

/// The moments of each group.
fn moments(conv: &Conv, rows: &Rows<'_>) -> Vec<Moments> {
    let outputs = conv.out_channels / conv.groups.max(1);
    (0..conv.groups)
        .into_par_iter()
        .map(|group| {
            let y = rows.target.slice(s![.., group * outputs..(group + 1) * outputs]).mapv(f64::from);
            Moments::of(correct::inputs(conv, rows, group).view(), y.view())
        })
        .collect()
}

/// Least squares and rounding on the output's error, group by group.
fn refit(conv: &Conv, before: &Filters, real: &[f64], moments: &[Moments], ridge: f64) -> Option<Filters> {
    let outputs = conv.out_channels / conv.groups.max(1);
    let row = conv.weights_per_output();
    let groups = moments
        .par_iter()
        .enumerate()
        .map(|(group, moments)| {
            let (gram, lambda) = moments.regularised(ridge);
            let span = group * outputs * row..(group + 1) * outputs * row;
            let prior = ArrayView2::from_shape((outputs, row), &real[span]).ok()?;
            let best = moments::ridge(&gram, &moments.cross, lambda, prior.t())?;
            Some((0..outputs).into_par_iter().map(|o| rounding::round(&gram, best.column(o))).collect::<Vec<_>>())
        })
        .collect::<Option<Vec<_>>>()?;
    let mut filters = Filters { weights: Vec::with_capacity(real.len()), ..before.clone() };
    let mut o = 0;
    for (moments, rounded) in moments.iter().zip(groups) {
        for (i, channel) in rounded.into_iter().enumerate() {
            let through: f64 = channel.weights.iter().zip(&moments.input_mean).map(|(&q, m)| f64::from(q) * m).sum();
            filters.bias[o] = moments.target_mean[i] - channel.step * through;
            filters.steps[o] = channel.step;
            filters.weights.extend(channel.weights);
            o += 1;
        }
    }
    Some(filters)
}
