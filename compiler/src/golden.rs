//! Which golden pictures a compiled network is tested with: those between which most of its weights count.
//!
//! Whether a changed weight can be seen depends on the picture: the weight `W[o,c]` of a layer counts for it if the layer's
//! input channel c differs from zero somewhere and its output channel o is not silent. Of a few dozen drawn pictures
//! ([`crate::emit::golden`]) those are taken, one after the other, for which most weights count that did not count before.

use crate::emit::{golden, golden_hash};
use crate::error::Result;
use crate::evaluate;
use crate::plan::{Plan, run};
use crate::progress::Spinner;
use crate::qgraph::{Kind, QGraph, QNode, QOp, reference};
use rayon::prelude::*;

/// Seeds to choose among.
pub const CANDIDATES: std::ops::RangeInclusive<u64> = 1..=64;

/// How many are chosen.
const CHOSEN: usize = 8;

/// Golden pictures and the network's answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// Seed, and hash of the outputs as the reference has them.
    pub answers: Vec<(u64, u64)>,
    /// Share of the weights that count for one of them at least.
    pub seen: f64,
}

/// Golden picture `seed` of this size.
pub fn picture(seed: u64, height: usize, width: usize) -> Vec<u8> {
    let mut image = vec![0; 3 * height * width];
    golden::draw(seed, width, &mut image);
    image
}

/// One bit per channel.
#[derive(Clone, Debug, PartialEq)]
struct Channels(Vec<u64>);

impl Channels {
    fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn put(&mut self, channel: usize) {
        self.0[channel / 64] |= 1 << (channel % 64);
    }

    fn has(&self, channel: usize) -> bool {
        self.0[channel / 64] >> (channel % 64) & 1 == 1
    }

    /// Channels in which any value says something.
    fn speaking<T: Copy>(values: &[T], channels: usize, silent: impl Fn(usize, T) -> bool) -> Self {
        let mut speaking = Self::none(channels);
        for pixel in values.chunks_exact(channels.max(1)) {
            for (c, &value) in pixel.iter().enumerate() {
                if !silent(c, value) {
                    speaking.put(c);
                }
            }
        }
        speaking
    }
}

/// Which channels of each tensor speak for one picture, by id.
fn speaking(q: &QGraph, plan: &Plan, picture: &[u8]) -> Result<Vec<Channels>> {
    let mut all: Vec<Channels> = q.tensors.iter().map(|t| Channels::none(t.shape.channels)).collect();
    let mut see = |id: crate::graph::TensorId, seen: run::Seen<'_>| {
        let tensor = q.tensor(id);
        let zero = |c: usize| tensor.codes().map_or(0, |codes| codes.zero[c]);
        let channels = tensor.shape.channels;
        all[id.index()] = match seen {
            run::Seen::Map(codes) => Channels::speaking(codes, channels, |c, q| u16::from(q) == zero(c)),
            run::Seen::Wide(codes) => Channels::speaking(codes, channels, |c, q| q == zero(c)),
            run::Seen::Real(values) => Channels::speaking(values, channels, |_, x| x == 0.0),
        };
    };
    see(q.input, run::Seen::Map(picture));
    let mut memory = run::Memory::of(plan);
    let done = run::observe(plan, &mut memory, picture, |step, seen| see(plan.steps[step].tensor, seen));
    if done { Ok(all) } else { Err(evaluate::lacks(plan)) }
}

/// The weights of one layer: what each output channel reads.
struct Layer<'q> {
    node: &'q QNode,
    inputs: usize,
    groups: usize,
    /// Weights per pair of channels.
    taps: usize,
    /// For each output channel the input channels of its group that counted with it.
    counted: Vec<Channels>,
}

impl<'q> Layer<'q> {
    fn of(q: &QGraph, node: &'q QNode) -> Option<Self> {
        let (groups, taps) = match &node.op {
            QOp::Conv(conv) => (conv.groups, conv.window.taps()),
            QOp::Dense(_) | QOp::Gated(_) => (1, 1),
            QOp::Mean(_)
            | QOp::Gate(_)
            | QOp::Add(_)
            | QOp::Weightless(_)
            | QOp::Table(_)
            | QOp::MaxPool(_)
            | QOp::Softmax => return None,
        };
        let channels = |id| q.tensor(id).shape.channels;
        let (inputs, outputs) = (channels(node.inputs[0]), channels(node.output));
        Some(Self { node, inputs, groups, taps, counted: vec![Channels::none(inputs); outputs] })
    }

    /// Pairs that count for a picture and did not before; with `keep` they count from now on.
    fn count(&mut self, q: &QGraph, speaking: &[Channels], keep: bool) -> usize {
        let mut input = speaking[self.node.inputs[0].index()].clone();
        if let QOp::Gated(_) = self.node.op {
            let gate = &speaking[self.node.inputs[1].index()];
            input.0.iter_mut().zip(&gate.0).for_each(|(x, g)| *x &= g);
        }
        let output = &speaking[self.node.output.index()];
        // A real answer of zero is as good as any other: only what saturates is silent, and nothing says where.
        let real = matches!(q.tensor(self.node.output).kind, Kind::Real);
        let (each, outputs) = (self.inputs / self.groups.max(1), self.counted.len() / self.groups.max(1));
        let mut fresh = 0;
        for (o, counted) in self.counted.iter_mut().enumerate() {
            if !real && !output.has(o) {
                continue;
            }
            if self.groups == 1 {
                for (counted, speaks) in counted.0.iter_mut().zip(&input.0) {
                    fresh += (speaks & !*counted).count_ones() as usize;
                    *counted |= if keep { *speaks } else { 0 };
                }
                continue;
            }
            let group = o / outputs.max(1);
            for c in (group * each..(group + 1) * each).filter(|&c| input.has(c)) {
                fresh += usize::from(!counted.has(c));
                if keep {
                    counted.put(c);
                }
            }
        }
        fresh * self.taps
    }

    fn weights(&self) -> usize {
        self.counted.len() * self.inputs / self.groups.max(1) * self.taps
    }
}

/// Chooses golden pictures for `q`, which `plan` runs on this machine, and asks the reference for its answers.
///
/// # Errors
/// Where this CPU cannot run the plan.
pub fn choose(q: &QGraph, plan: &Plan) -> Result<Golden> {
    let _progress = Spinner::new("running the reference on golden pictures");
    let shape = q.tensor(q.input).shape;
    let draw = |seed: u64| picture(seed, shape.height, shape.width);
    let seeds: Vec<u64> = CANDIDATES.collect();
    let speaking: Vec<Vec<Channels>> =
        seeds.par_iter().map(|&seed| speaking(q, plan, &draw(seed))).collect::<Result<_>>()?;
    let mut layers: Vec<Layer<'_>> = q.nodes.iter().filter_map(|node| Layer::of(q, node)).collect();
    let (mut chosen, mut seen) = (Vec::new(), 0);
    while chosen.len() < CHOSEN {
        // The most that is new; of equals the first. Those that bring nothing new still differ in what they say.
        let fresh = |layers: &mut [Layer<'_>], picture: usize, keep| -> usize {
            layers.par_iter_mut().map(|layer| layer.count(q, &speaking[picture], keep)).sum()
        };
        let open = (0..seeds.len()).filter(|picture| !chosen.contains(picture)).collect::<Vec<_>>();
        let mut best: Option<(usize, usize)> = None;
        for picture in open {
            let fresh = fresh(&mut layers, picture, false);
            if best.is_none_or(|(most, _)| fresh > most) {
                best = Some((fresh, picture));
            }
        }
        let Some((_, picture)) = best else { break };
        seen += fresh(&mut layers, picture, true);
        chosen.push(picture);
    }
    let weights: usize = layers.iter().map(Layer::weights).sum();
    let answers = chosen
        .par_iter()
        .map(|&picture| Ok((seeds[picture], golden_hash(&reference::run(q, &draw(seeds[picture]))?))))
        .collect::<Result<Vec<_>>>()?;
    Ok(Golden { answers, seen: seen as f64 / weights.max(1) as f64 })
}
