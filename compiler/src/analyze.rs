//! Where the error comes from: layer by layer, what it costs alone and what its restoration would repair.
//!
//! The network is played in float with a part of it in integers ([`mixed`]), on pictures that were not calibrated on:
//!
//! - *alone in integers*: one layer's weights and result rounded, everything else in float;
//! - *alone in float*: everything rounded but this layer;
//! - *up to here*: everything rounded; how far the layer's result is from the float network's.

pub mod mixed;
pub mod ranges;
pub mod remedies;

use crate::calibrate::input;
use crate::compile::Quantized;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::evaluate::{energies_of, flat, top1};
use crate::execute;
use crate::graph::{Graph, TensorId};
use crate::progress;
use crate::qgraph::Answer;
use crate::quantize::Draft;
use ndarray::Array3;
use ranges::Ranges;
use rayon::prelude::*;
use remedies::Remedy;
use serde::Serialize;

/// What one layer does to the answers. Signal to noise in dB; null where there is no noise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// The float node that names it.
    pub name: String,
    /// Of the network's answers, if this layer alone were in integers.
    pub alone_in_integers_db: f64,
    /// Of the network's answers, if its weights alone were in integers.
    pub weights_alone_db: f64,
    /// Of the network's answers, if its result alone were in codes.
    pub codes_alone_db: f64,
    /// Of the network's answers, if this layer alone were in float.
    pub alone_in_float_db: f64,
    /// Of this layer's result, everything before it in integers too.
    pub up_to_here_db: f64,
    /// How the ranges of its result's channels fit their scales; none for reals.
    pub ranges: Option<Ranges>,
    /// What would help, if it counts and something would.
    pub remedy: Option<Remedy>,
}

/// A picture whose best class changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// The picture's name.
    pub file: String,
    /// Best class in float.
    pub float_top1: usize,
    /// Best class in integers.
    pub int8_top1: usize,
    /// The first layer that brings the float network's class back if it alone is in float.
    pub repaired_by: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// Pictures that were looked at.
    pub pictures: usize,
    /// Signal to noise of the answers, everything in integers.
    pub all_db: f64,
    /// The same with integer weights and float activations.
    pub weights_db: f64,
    /// The same with float weights and activations in codes.
    pub activations_db: f64,
    /// Pictures whose best class stays, in percent, in the same three cases; none where the network names no class.
    pub agreement: Option<Agreement>,
    /// Each integer operation, in order.
    pub layers: Vec<Layer>,
    /// Pictures whose best class changed.
    pub changed: Vec<Changed>,
}

/// Pictures with the same best class as in float, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Everything in integers.
    pub all: f64,
    /// Integer weights, float activations.
    pub weights: f64,
    /// Float weights, activations in codes.
    pub activations: f64,
}

/// One picture.
struct Sight {
    file: String,
    image: Array3<f32>,
    answer: Vec<f32>,
}

/// Analyses `work` on the pictures of `dataset`.
///
/// # Errors
/// Where no picture can be read.
pub fn analyze(work: &Quantized, dataset: &Dataset) -> Result<Analysis> {
    let graph = &work.prepared.graph;
    let draft = work.draft()?;
    let mut sights = Vec::with_capacity(dataset.len());
    dataset.stream(
        "reading",
        &work.prepared.preprocess.fit,
        |sight| {
            let image = input(graph, sight.rgb)?;
            let answer = flat(&execute::run(work.prepared.truth(), &image, &mut |_, _| {})?);
            Ok(Sight { file: sight.image.name.clone(), image, answer })
        },
        |_, sight: Result<Sight>| {
            sights.push(sight?);
            Ok(())
        },
    )?;
    let (count, outputs) = (draft.sites.len(), draft.q.answers());
    let integers = mixed::with_integer_weights(graph, &draft, |_| true);
    let all = play(&integers, &draft, &sights, |_| true)?;
    let weights = play(&integers, &draft, &sights, |_| false)?;
    let activations = play(graph, &draft, &sights, |_| true)?;
    let mut along = along(graph, &integers, &draft, &sights)?;

    let mut changed: Vec<(usize, Changed)> = sights
        .iter()
        .zip(&all)
        .enumerate()
        .filter_map(|(index, (sight, answer))| {
            let (float, int8) = (top1(&sight.answer), top1(answer));
            let picture = Changed { file: sight.file.clone(), float_top1: float, int8_top1: int8, repaired_by: None };
            (float != int8 && draft.q.scores().is_some()).then_some((index, picture))
        })
        .collect();
    let bar = progress::bar("analysing", count, "layers");
    let mut layers = Vec::with_capacity(count);
    for (site, place) in draft.sites.iter().enumerate() {
        let alone = mixed::with_integer_weights(graph, &draft, |other| other == site);
        let weights = play(&alone, &draft, &sights, |_| false)?;
        let codes = play(graph, &draft, &sights, |other| other == site)?;
        let alone = play(&alone, &draft, &sights, |other| other == site)?;
        let without = mixed::with_integer_weights(graph, &draft, |other| other != site);
        let without = play(&without, &draft, &sights, |other| other != site)?;
        for (index, picture) in changed.iter_mut().filter(|(_, picture)| picture.repaired_by.is_none()) {
            if top1(&without[*index]) == picture.float_top1 {
                picture.repaired_by = Some(place.node.name.clone());
            }
        }
        layers.push(Layer {
            name: place.node.name.clone(),
            alone_in_integers_db: sqnr(&outputs, &sights, &alone),
            weights_alone_db: sqnr(&outputs, &sights, &weights),
            codes_alone_db: sqnr(&outputs, &sights, &codes),
            alone_in_float_db: sqnr(&outputs, &sights, &without),
            up_to_here_db: along[site].0,
            ranges: along[site].1.take(),
            remedy: None,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let results: Vec<(TensorId, bool)> =
        draft.sites.iter().map(|site| (site.output, draft.q.tensor(site.output).fine)).collect();
    remedies::prescribe(graph, &draft.sites, &work.recipe, &results, &mut layers);
    Ok(Analysis {
        pictures: sights.len(),
        all_db: sqnr(&outputs, &sights, &all),
        weights_db: sqnr(&outputs, &sights, &weights),
        activations_db: sqnr(&outputs, &sights, &activations),
        agreement: draft.q.scores().map(|_| Agreement {
            all: agreement(&sights, &all),
            weights: agreement(&sights, &weights),
            activations: agreement(&sights, &activations),
        }),
        layers,
        changed: changed.into_iter().map(|(_, picture)| picture).collect(),
    })
}

/// Pictures whose best class stays, in percent.
fn agreement(sights: &[Sight], answers: &[Vec<f32>]) -> f64 {
    let same = sights.iter().zip(answers).filter(|(sight, answer)| top1(&sight.answer) == top1(answer)).count();
    100.0 * same as f64 / sights.len().max(1) as f64
}

/// What `graph` answers if the results of the sites that `rounded` picks are rounded to codes.
fn play(
    graph: &Graph,
    draft: &Draft<'_>,
    sights: &[Sight],
    rounded: impl Fn(usize) -> bool + Sync,
) -> Result<Vec<Vec<f32>>> {
    let round = rounding(draft, rounded);
    sights
        .par_iter()
        .map(|sight| {
            let outputs = execute::run_changed(graph, &sight.image, &mut |id, values| {
                if round[id.index()] {
                    mixed::round_to_codes(&draft.q, id, values);
                }
            })?;
            Ok(flat(&outputs))
        })
        .collect()
}

/// Which tensors are rounded, by id.
fn rounding(draft: &Draft<'_>, rounded: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut round = vec![false; draft.q.tensors.len()];
    for (site, place) in draft.sites.iter().enumerate() {
        round[place.output.index()] = rounded(site);
    }
    round
}

fn sqnr(outputs: &[Answer], sights: &[Sight], answers: &[Vec<f32>]) -> f64 {
    let energies = sights.iter().zip(answers).map(|(sight, answer)| energies_of(outputs, &sight.answer, answer));
    let (signal, noise) = energies.fold((0.0, 0.0), |(s, n), e| (s + e.0, n + e.1));
    10.0 * (signal / noise).log10()
}

/// For each site, how far its result in the rounded network is from that in float, and how its channels fit their scales.
fn along(graph: &Graph, integers: &Graph, draft: &Draft<'_>, sights: &[Sight]) -> Result<Vec<(f64, Option<Ranges>)>> {
    let round = rounding(draft, |_| true);
    let played = sights
        .par_iter()
        .map(|sight| {
            let mut float: Vec<Option<Vec<f32>>> = vec![None; draft.q.tensors.len()];
            let mut channels = vec![Vec::new(); draft.q.tensors.len()];
            execute::run(graph, &sight.image, &mut |id, values| {
                if round[id.index()] {
                    channels[id.index()] = ranges::sums(&draft.q, id, values);
                    float[id.index()] = values.as_slice().map(<[f32]>::to_vec);
                }
            })?;
            let mut energies = vec![(0.0, 0.0); draft.q.tensors.len()];
            execute::run_changed(integers, &sight.image, &mut |id, values| {
                if let Some(truth) = float[id.index()].take() {
                    mixed::round_to_codes(&draft.q, id, values);
                    energies[id.index()] = values.iter().zip(&truth).fold((0.0, 0.0), |(signal, noise), (x, y)| {
                        let (x, y) = (f64::from(*x), f64::from(*y));
                        (signal + y * y, noise + (x - y) * (x - y))
                    });
                }
            })?;
            Ok((energies, channels))
        })
        .collect::<Result<Vec<_>>>()?;
    let of_site = |id: TensorId| {
        let energies = played.iter().map(|(energies, _)| energies[id.index()]);
        let (signal, noise) = energies.fold((0.0, 0.0), |(s, n), e| (s + e.0, n + e.1));
        let sums = played.iter().fold(Vec::new(), |all, (_, channels)| ranges::merge(all, &channels[id.index()]));
        (10.0 * (signal / noise).log10(), ranges::ranges(&draft.q, id, &sums))
    };
    Ok(draft.sites.iter().map(|site| of_site(site.output)).collect())
}
