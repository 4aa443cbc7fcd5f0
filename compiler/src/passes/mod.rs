//! Rewrites of the float graph, each in its own file under its equation, the graph verified after every one.
//!
//! 1. *Shapes of functions*, until nothing changes: `merge_clip`, `merge_affine` (uniform only),
//!    `affine_past_mul`, `affine_past_clip`; then `hard_sigmoid`, and `gated` finds hard-swish and SiLU.
//! 2. `soft_to_hard`, unless [`Options::keep_sigmoid`].
//! 3. *Affine maps into convolutions*, until nothing changes: `fold_pad`, `affine_after_conv`, `merge_affine`,
//!    `affine_past_pool`, `affine_before_conv`, `elementwise_past_concat`, `past_moves`.
//! 4. `average_as_depthwise`, then `fuse_activation`.
//! 5. [`merge`], once it is known what the network is: `pointwise_after_conv`.
//!
//! The functions come first because a batch norm that is merged with the `+3` of a hard-swish hides it. An affine map
//! that fits into no convolution stays a node.

mod affine_after_conv;
mod affine_before_conv;
mod affine_past_clip;
mod affine_past_mul;
mod affine_past_pool;
mod average_as_depthwise;
mod edit;
mod elementwise_past_concat;
mod fold_pad;
mod fuse_activation;
mod gated;
mod grey;
mod hard_sigmoid;
mod merge_affine;
mod merge_clip;
mod past_moves;
mod pointwise_after_conv;
mod preprocess;
mod soft_to_hard;
mod soften;

pub(crate) use grey::LUMA;
pub use preprocess::fold_preprocess;
pub use soften::{harden, soften};

use crate::error::{Error, Result, Stage};
use crate::graph::Graph;

/// What the rewrites may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave `Sigmoid` and `x·Sigmoid(x)` exact instead of replacing them by hard-sigmoid and hard-swish.
    pub keep_sigmoid: bool,
}

/// Slopes and bounds of functions may differ so much from the ideal ones: exporters write 0.16667 for 1/6.
const TOLERANCE: f32 = 1e-3;

/// One rewrite: changes what it finds and says how often. It may remark on what it changed, or, where it changed
/// nothing, on what it declined and why.
struct Pass {
    name: &'static str,
    run: fn(&mut Graph, &mut Vec<String>) -> usize,
}

const FUNCTIONS: &[Pass] = &[
    Pass { name: "merge_clip", run: merge_clip::run },
    Pass { name: "merge_uniform_affine", run: merge_affine::run_uniform },
    Pass { name: "affine_past_mul", run: affine_past_mul::run },
    Pass { name: "affine_past_clip", run: affine_past_clip::run },
];
const GATES: &[Pass] =
    &[Pass { name: "hard_sigmoid", run: hard_sigmoid::run }, Pass { name: "gated", run: gated::run }];
const SOFT_TO_HARD: &[Pass] = &[Pass { name: "soft_to_hard", run: soft_to_hard::run }];
const FOLDS: &[Pass] = &[
    Pass { name: "fold_pad", run: fold_pad::run },
    Pass { name: "affine_after_conv", run: affine_after_conv::run },
    Pass { name: "merge_affine", run: merge_affine::run },
    Pass { name: "affine_past_pool", run: affine_past_pool::run },
    Pass { name: "affine_before_conv", run: affine_before_conv::run },
    Pass { name: "elementwise_past_concat", run: elementwise_past_concat::run },
    Pass { name: "past_moves", run: past_moves::run },
];
const FUSIONS: &[Pass] = &[
    Pass { name: "average_as_depthwise", run: average_as_depthwise::run },
    Pass { name: "fuse_activation", run: fuse_activation::run },
];

const MERGES: &[Pass] = &[Pass { name: "pointwise_after_conv", run: pointwise_after_conv::run }];

/// Brings a graph into canonical form; returns it with one line per kind of rewrite and one per refusal to rewrite.
///
/// # Errors
/// Where the graph breaks an invariant beforehand, or a rewrite breaks one (an overflow of f32, say); the pass is named.
pub fn run(mut graph: Graph, options: &Options) -> Result<(Graph, Vec<String>)> {
    graph.verify(Stage::Passes)?;
    let mut log = Vec::new();
    until_stable(&mut graph, FUNCTIONS, &mut log)?;
    until_stable(&mut graph, GATES, &mut log)?;
    if !options.keep_sigmoid {
        until_stable(&mut graph, SOFT_TO_HARD, &mut log)?;
    }
    until_stable(&mut graph, FOLDS, &mut log)?;
    until_stable(&mut graph, FUSIONS, &mut log)?;
    Ok((graph, log))
}

/// Makes fewer layers of a canonical graph, where that costs nothing; returns it with one line per kind of rewrite. The blocks of an architecture
/// may then no longer be seen.
///
/// # Errors
/// As [`run`].
pub fn merge(mut graph: Graph) -> Result<(Graph, Vec<String>)> {
    let mut log = Vec::new();
    until_stable(&mut graph, MERGES, &mut log)?;
    Ok((graph, log))
}

/// Runs the passes in turn until none changes anything. Every rewrite removes a node or moves an affine map towards a
/// convolution, so this ends; the bound only guards against a mistake. Why a pattern declined is logged as of the last
/// round: what declines early is often done later.
fn until_stable(graph: &mut Graph, passes: &[Pass], log: &mut Vec<String>) -> Result<()> {
    let mut totals = vec![0usize; passes.len()];
    let mut declined = Vec::new();
    for _ in 0..=2 * graph.nodes.len() {
        let mut changed = false;
        declined.clear();
        for (pass, total) in passes.iter().zip(&mut totals) {
            let mut remarks = Vec::new();
            let count = (pass.run)(graph, &mut remarks);
            let lines = remarks.into_iter().map(|remark| format!("{}: {remark}", pass.name));
            if count == 0 {
                declined.extend(lines);
                continue;
            }
            log.extend(lines);
            edit::tidy(graph);
            graph.verify(Stage::Passes).map_err(|e| Error { cause: format!("{}: {}", pass.name, e.cause), ..e })?;
            *total += count;
            changed = true;
        }
        if !changed {
            break;
        }
    }
    log.append(&mut declined);
    for (pass, total) in passes.iter().zip(totals).filter(|(_, total)| *total > 0) {
        log.push(format!("{}: {total} times", pass.name));
    }
    Ok(())
}
