//! The search itself.

use super::clock::{Clock, Unit};
use super::family::{Family, families};
use super::moments::{Inputs, moments};
use super::remove::remove;
use super::surgeon::{Reader, thin};
use crate::error::{Error, Result, Stage};
use crate::evaluate::{energies, top1};
use crate::execute;
use crate::graph::{Graph, TensorId};
use crate::ops::Op;
use crate::progress;
use ndarray::Array3;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Channels leave by multiples of this: no kernel has a use for less.
const STRIDE: usize = 8;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Cost of the result, as a part of the network's own.
    pub cost: f64,
    /// What every step takes off at least, as a part of the same.
    pub step: f64,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The layer that makes the channels; the first of several.
    pub layer: String,
    /// Further layers that make the same ones.
    pub with: usize,
    /// Channels before,
    pub from: usize,
    /// and after.
    pub to: usize,
    /// Cost of the network then, as a part of that at the beginning.
    pub cost: f64,
    /// Signal of the answers to their difference from the network's own, in dB, on the pictures that judge: steps were chosen by
    /// them, nothing was fitted to them.
    pub sqnr_db: f64,
    /// Pictures whose first answer is still the same, in percent of these.
    pub agreement: f64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The smaller network.
    pub graph: Graph,
    /// How it came about.
    pub steps: Vec<Step>,
    /// Cost of the network at the beginning,
    pub before: f64,
    /// and of the result.
    pub after: f64,
    /// What these count in.
    pub unit: Unit,
    /// Whether the goal was reached.
    pub reached: bool,
}

/// Pictures as the network takes them.
pub struct Pictures {
    /// To fit weights to.
    pub fit: Vec<Array3<f32>>,
    /// To judge proposals by.
    pub judge: Vec<Array3<f32>>,
}

/// What the network at the beginning answers to the judging pictures.
struct Answers(Vec<Vec<f32>>);

/// How near answers are to those.
#[derive(Clone, Copy, Debug)]
struct Nearness {
    /// Energy of the difference, as a part of the signal.
    noise: f64,
    /// Pictures of the same first answer, in percent.
    agreement: f64,
}

impl Answers {
    fn of(graph: &Graph, pictures: &[Array3<f32>]) -> Result<Self> {
        let run = |picture| {
            let answers = execute::run(graph, picture, &mut |_, _| {})?;
            Ok(answers.into_iter().flatten().collect())
        };
        pictures.par_iter().map(run).collect::<Result<_>>().map(Self)
    }

    fn nearness(&self, other: &Self) -> Nearness {
        let (mut signal, mut noise, mut same) = (0.0, 0.0, 0);
        for (wanted, got) in self.0.iter().zip(&other.0) {
            let (of_wanted, apart) = energies(wanted, got);
            (signal, noise) = (signal + of_wanted, noise + apart);
            same += usize::from(top1(wanted) == top1(got));
        }
        Nearness {
            noise: noise / signal.max(f64::MIN_POSITIVE),
            agreement: 100.0 * same as f64 / self.0.len().max(1) as f64,
        }
    }
}

/// A family some of whose channels might leave.
struct Proposal {
    family: Family,
    /// How many would leave.
    leaving: usize,
    /// What the network would cost.
    cost: f64,
}

/// Takes steps until the goal is reached or nothing is left to propose.
///
/// # Errors
/// Where the network does not run or compile, or has no channels that could leave.
pub fn search(graph: &Graph, clock: &Clock<'_>, pictures: &Pictures, goal: Goal) -> Result<Found> {
    let wanted = Answers::of(graph, &pictures.judge)?;
    let before = clock.careful_cost(graph)?;
    let mut found =
        Found { graph: graph.clone(), steps: vec![], before, after: before, unit: clock.unit, reached: false };
    let mut noise = 0.0;
    let bar = progress::bar("adapting", ((1.0 - goal.cost) * 1000.0) as usize, "‰ of the cost");
    while found.after > goal.cost * found.before {
        let proposals = propose(&found, clock, goal.step * found.before)?;
        if proposals.is_empty() && found.steps.is_empty() {
            return Err(Error::new(Stage::Adapt, "no layer has channels that could leave")
                .at(&graph.name)
                .remedy("give a network of convolutions, or a smaller --step"));
        }
        let thinned = fitted(&found.graph, &proposals, &pictures.fit)?;
        let mut best: Option<(f64, usize, Nearness)> = None;
        for (index, (proposal, thinned)) in proposals.iter().zip(&thinned).enumerate() {
            let nearness = wanted.nearness(&Answers::of(thinned, &pictures.judge)?);
            // ΔAcc / |Δlatency| of the paper, accuracy being what the answers keep.
            let price = (nearness.noise - noise) / (found.after - proposal.cost).max(f64::MIN_POSITIVE);
            if best.as_ref().is_none_or(|(least, ..)| price < *least) {
                best = Some((price, index, nearness));
            }
        }
        let Some((_, index, nearness)) = best else { break };
        let Proposal { family, leaving, cost } = &proposals[index];
        found.steps.push(Step {
            layer: family.name(graph).to_owned(),
            with: family.makers.len().saturating_sub(1),
            from: family.channels,
            to: family.channels - leaving,
            cost: cost / found.before,
            sqnr_db: -10.0 * nearness.noise.max(1e-12).log10(),
            agreement: nearness.agreement,
        });
        noise = nearness.noise;
        found.graph = thinned.into_iter().nth(index).unwrap_or_else(|| found.graph.clone());
        // Both may have become quicker since: the least time of a layer is known better with every run.
        (found.before, found.after) = (clock.careful_cost(graph)?, clock.careful_cost(&found.graph)?);
        bar.set_position(((1.0 - found.after / found.before) * 1000.0).max(0.0) as u64);
    }
    bar.finish_and_clear();
    found.graph.verify(Stage::Adapt)?;
    found.reached = found.after <= goal.cost * found.before;
    Ok(found)
}

/// For every family the fewest channels that take `step` off the cost; none where half of them do not.
fn propose(found: &Found, clock: &Clock<'_>, step: f64) -> Result<Vec<Proposal>> {
    let mut proposals = Vec::new();
    for family in families(&found.graph) {
        let mut leaving = STRIDE;
        while 2 * leaving <= family.channels {
            // Any channels: what they hold costs nothing.
            let kept: Vec<usize> = (leaving..family.channels).collect();
            let cost = clock.cost(&remove(&found.graph, &family, &kept, &[]))?;
            if found.after - cost >= step {
                proposals.push(Proposal { family, leaving, cost });
                break;
            }
            leaving *= 2;
        }
    }
    Ok(proposals)
}

/// The readers of a family, by the moments of what they read.
fn readers(graph: &Graph, family: &Family, moments: &BTreeMap<TensorId, Inputs>) -> Result<Vec<Reader>> {
    let reader = |&index: &usize| {
        let node = &graph.nodes[index];
        let (Op::Conv(conv), Some(input)) = (&node.op, node.inputs.first()) else { return Ok(None) };
        let reader = moments.get(input).and_then(|inputs| Reader::new(index, conv, inputs));
        let broken = || Error::new(Stage::Adapt, "what it reads is no number on some picture").at(&node.name);
        reader.ok_or_else(broken).map(Some)
    };
    family.readers.iter().map(reader).filter_map(Result::transpose).collect()
}

/// The network of every proposal, its readers fitted.
fn fitted(graph: &Graph, proposals: &[Proposal], pictures: &[Array3<f32>]) -> Result<Vec<Graph>> {
    let all = proposals.iter().flat_map(|proposal| &proposal.family.readers);
    let mut read: Vec<TensorId> = all.filter_map(|&node| graph.nodes[node].inputs.first().copied()).collect();
    read.sort_unstable();
    read.dedup();
    let moments = moments(graph, &read, pictures)?;
    proposals
        .par_iter()
        .map(|Proposal { family, leaving, .. }| {
            let mut readers = readers(graph, family, &moments)?;
            let kept = thin(&mut readers, *leaving);
            Ok(remove(graph, family, &kept, &readers))
        })
        .collect()
}
