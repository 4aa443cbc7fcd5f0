//! The time of every layer of a plan in this process, beside what the machine allows.

use super::Roofline;
use crate::plan::constants::Bytes;
use crate::plan::{Kernel, Plan, Step, prefetch, run};

/// All layers, and the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// What the machine can do.
    pub roofline: Roofline,
    /// One for each step of the plan.
    pub layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Median over all runs, in nanoseconds.
    pub median_ns: f64,
    /// The quickest run, in nanoseconds.
    pub min_ns: f64,
    /// Multiply-accumulates.
    pub macs: usize,
    /// Bytes of weights, scales and tensors that it moves.
    pub bytes: usize,
    /// What the machine would need at least, in nanoseconds.
    pub bound_ns: f64,
}

impl Layer {
    /// 10⁹ multiply-accumulates per second; none where there are no products.
    pub fn gmacs(&self) -> Option<f64> {
        (self.macs > 0).then(|| self.macs as f64 / self.median_ns.max(1.0))
    }

    /// The bound as a part of the median.
    pub fn share(&self) -> f64 {
        self.bound_ns / self.median_ns.max(1.0)
    }
}

impl Timing {
    /// All layers as one.
    pub fn whole(&self) -> Layer {
        let nothing = Layer { median_ns: 0.0, min_ns: 0.0, macs: 0, bytes: 0, bound_ns: 0.0 };
        self.layers.iter().fold(nothing, |sum, layer| Layer {
            median_ns: sum.median_ns + layer.median_ns,
            min_ns: sum.min_ns + layer.min_ns,
            macs: sum.macs + layer.macs,
            bytes: sum.bytes + layer.bytes,
            bound_ns: sum.bound_ns + layer.bound_ns,
        })
    }
}

/// Times every step of `plan` over `rounds` runs; `None` where this CPU lacks the plan's instruction set.
pub fn timing(plan: &Plan, rounds: usize) -> Option<Timing> {
    let times = run::times(plan, rounds)?;
    let held = plan.constants.len_bytes() + plan.arena.bytes();
    let roofline = Roofline::measure(plan.level, held)?;
    let layers = plan.steps.iter().zip(traffic(&plan.steps)).zip(times).map(|((step, traffic), times)| {
        let macs = step.kernel.macs();
        let reading = roofline.reading(traffic.streamed, held) + roofline.reading(traffic.near, traffic.near);
        Layer {
            median_ns: run::median(&times),
            min_ns: times.first().copied().unwrap_or(0) as f64,
            macs,
            bytes: traffic.streamed + traffic.near,
            bound_ns: (macs as f64 / roofline.peak_gmacs).max(reading),
        }
    });
    let layers = layers.collect();
    Some(Timing { roofline, layers })
}

/// Bytes that a step moves.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Traffic {
    /// Constants that were last read a whole run ago: its own, and those that it reads ahead for others.
    streamed: usize,
    /// What the steps before have just written, or read ahead.
    near: usize,
}

/// The traffic of every step. Weights lie in the order in which they are read, so that *near* is one position
/// in them ([`prefetch`]).
fn traffic(steps: &[Step]) -> Vec<Traffic> {
    let mut near = 0;
    let of = |step: &Step| {
        let own = prefetch::weights(&step.kernel).unwrap_or(Bytes { start: near, len: 0 });
        let brought = near.clamp(own.start, own.start + own.len) - own.start;
        near = near.max(own.start + own.len);
        let ahead = match &step.kernel {
            Kernel::Pointwise { ahead, .. } => *ahead,
            _ => Bytes { start: near, len: 0 },
        };
        near = near.max(ahead.start + ahead.len);
        let constants = step.kernel.weights() + step.kernel.scales();
        Traffic { streamed: constants - brought + ahead.len, near: brought + step.tensors() }
    };
    steps.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Slot;
    use crate::plan::constants::{EpilogueSpans, Floats, Ints};
    use crate::qgraph::TensorId;
    use bakelite_runtime::kernel::Tile;

    fn step(kernel: Kernel) -> Step {
        let output = Slot::Wide { start: 0, len: 8 };
        let inputs = vec![Slot::Map { start: 0, len: 100 }];
        Step { name: String::new(), block: 0, kernel, inputs, output, scratch: None, tensor: TensorId(0) }
    }

    fn epilogue() -> EpilogueSpans {
        EpilogueSpans {
            offset: Ints { start: 0, len: 1 },
            multiplier: Floats { start: 0, len: 0 },
            bias: None,
            residual: None,
            hard_swish: None,
            fine: false,
            fine_residual: false,
            shift: None,
        }
    }

    fn pointwise(weights: Bytes, ahead: Bytes) -> Step {
        let tile = Tile { rows: 1, vectors: 1 };
        step(Kernel::Pointwise {
            pixels: 1,
            in_channels: 1,
            out_channels: 1,
            weights,
            epilogue: epilogue(),
            tile,
            ahead,
        })
    }

    fn dense(weights: Bytes) -> Step {
        let (in_channels, out_channels) = (1, 1);
        step(Kernel::Dense { in_channels, out_channels, weights, epilogue: epilogue(), top: 1, reals: None })
    }

    #[test]
    fn every_weight_is_streamed_once_by_whoever_brings_it() {
        let steps = [
            pointwise(Bytes { start: 0, len: 1000 }, Bytes { start: 1000, len: 500 }),
            step(Kernel::Softmax { len: 1 }),
            dense(Bytes { start: 1000, len: 300 }),
            dense(Bytes { start: 1300, len: 700 }),
            dense(Bytes { start: 2000, len: 10 }),
        ];
        let told: Vec<[usize; 2]> = traffic(&steps).iter().map(|it| [it.streamed, it.near]).collect();
        // Each has 4 bytes of scales but the softmax, and 116 of tensors.
        assert_eq!(told, [[1504, 116], [0, 116], [4, 416], [504, 316], [14, 116]]);
    }
}
