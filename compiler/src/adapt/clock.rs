//! What a network costs on a target: timed where this machine has the target's instruction set, estimated for Arm cores.
//!
//! NetAdapt asks the platform itself, not a proxy such as multiplications (arXiv 1804.03230): a channel less saves nothing where a vector
//! has room for it anyway. As in the paper, times are kept in a table, one for each kind of layer: the least that was ever seen of it. So a
//! layer that stays as it is costs the same in every network, and another's noise is not taken for a gain.

use crate::cost;
use crate::error::{Error, Result, Stage};
use crate::graph::Graph;
use crate::passes;
use crate::pipeline::{self, Loaded, ModelOptions};
use crate::plan::{self, Plan, Step, run};
use crate::quantize::{self, recipe::Recipe};
use crate::specs::target::Target;
use bakelite_runtime::isa::Level;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Runs of a proposal that are timed,
const RUNS: usize = 60;

/// and of the network that it is compared with, whose times must be known well.
const MANY_RUNS: usize = 2000;

/// A kind of layer: its kernel, and what its loops count.
type Kind = (&'static str, Vec<(&'static str, u64)>);

/// What it counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds, measured.
    Milliseconds,
    /// Millions of executed instructions, estimated.
    Instructions,
}

impl Unit {
    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Instructions => "M instructions",
        }
    }
}

/// Asks a target.
pub struct Clock<'a> {
    loaded: &'a Loaded,
    options: &'a ModelOptions,
    recipe: Recipe,
    level: Level,
    /// The least nanoseconds seen.
    least: RefCell<BTreeMap<Kind, u128>>,
    /// What [`Clock::cost`] counts in.
    pub unit: Unit,
}

impl<'a> Clock<'a> {
    /// For the best instruction set of `target`.
    ///
    /// # Errors
    /// Where neither this machine nor an estimate can tell.
    pub fn new(loaded: &'a Loaded, options: &'a ModelOptions, target: &Target) -> Result<Self> {
        let level = *target.levels.first().unwrap_or(&Level::Portable);
        let here = run::levels().contains(&level) && level != Level::Portable;
        let unit = match (here, cost::Costs::of(level)?) {
            (_, Some(_)) => Unit::Instructions,
            (true, None) => Unit::Milliseconds,
            (false, None) => {
                let cause =
                    format!("this CPU has no {}, and there is no estimate of what it would cost there", level.name());
                return Err(Error::new(Stage::Adapt, cause)
                    .at(&target.name)
                    .remedy("name a target that this machine is, or an Arm core (`bakelite targets`)"));
            }
        };
        Ok(Self { loaded, options, recipe: Recipe::load("fast")?, level, least: RefCell::default(), unit })
    }

    /// What `graph`, a float network in canonical form, costs once it is compiled.
    ///
    /// # Errors
    /// Where it would not compile.
    pub fn cost(&self, graph: &Graph) -> Result<f64> {
        self.cost_by(graph, RUNS)
    }

    /// The same of a network that others are compared with.
    ///
    /// # Errors
    /// As [`Clock::cost`].
    pub fn careful_cost(&self, graph: &Graph) -> Result<f64> {
        self.cost_by(graph, MANY_RUNS)
    }

    fn cost_by(&self, graph: &Graph, runs: usize) -> Result<f64> {
        let plan = self.plan(graph)?;
        match self.unit {
            Unit::Milliseconds => {
                let times = run::times(&plan, runs).ok_or_else(|| crate::evaluate::lacks(&plan))?;
                let mut table = self.least.borrow_mut();
                let least = plan.steps.iter().zip(times).map(|(step, times)| {
                    let now = times.first().copied().unwrap_or(u128::MAX);
                    let least = table.entry(kind(self.level, step)).or_insert(now);
                    *least = now.min(*least);
                    *least
                });
                Ok(least.sum::<u128>() as f64 / 1e6)
            }
            Unit::Instructions => Ok(cost::estimate(&plan)?.map_or(0.0, |estimate| estimate.instructions) / 1e6),
        }
    }

    fn plan(&self, graph: &Graph) -> Result<Plan> {
        let canonical = if self.options.keep_sigmoid { graph.clone() } else { passes::harden(graph) };
        let loaded = Loaded { canonical, exact: None, ..self.loaded.clone() };
        let (prepared, _) = pipeline::prepare(&loaded, self.options)?;
        let ranges = quantize::ranges::made_up(&prepared.graph);
        plan::plan(&quantize::quantize(&prepared.graph, &ranges, &self.recipe)?, self.level)
    }
}

fn kind(level: Level, step: &Step) -> Kind {
    let counts = cost::features::features(level, step).into_iter().map(|(name, amount)| (name, amount.to_bits()));
    (step.kernel.name(), counts.collect())
}
