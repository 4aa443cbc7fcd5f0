//! From integers to steps: kernels chosen, weights packed, tensors placed.
//!
//! A [`Plan`] is all that is needed to run the network in this process ([`run`]) or to write it down as a crate (`emit`):
//! both see the same steps, the same constants and the same arena.

pub mod arena;
pub mod bands;
pub mod blocks;
pub mod constants;
pub mod layers;
pub mod memory;
pub mod prefetch;
pub mod run;
pub mod single;
mod sizes;
pub mod steps;

use crate::error::Result;
use crate::qgraph::{Answer, Content, QGraph, RealActivation, Shape, TensorId, Window};
use crate::weightless::{Text, Weightless};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::Tile;
pub use bands::Economy;
use constants::{Bytes, Constants, EpilogueSpans, Floats};
use layers::Layers;
use memory::Memory;
use std::ops::Range;

/// Where a step finds or leaves a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The caller's image.
    Image,
    /// u8 codes in the arena.
    Map {
        /// First byte.
        start: usize,
        /// Bytes.
        len: usize,
    },
    /// u16 codes in the arena.
    Wide {
        /// First element.
        start: usize,
        /// Elements.
        len: usize,
    },
    /// f32 in the arena.
    Real {
        /// First element.
        start: usize,
        /// Elements.
        len: usize,
    },
    /// The network's answer, where that is one vector of reals.
    Output,
}

/// An answer and where it lies after a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// What it is.
    pub answer: Answer,
    /// [`Slot::Output`], or a map or reals in the arena that nothing overwrites.
    pub slot: Slot,
}

/// A kernel and its constants.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// `kernel::pointwise`.
    Pointwise {
        /// Pixels of input and output.
        pixels: usize,
        /// K.
        in_channels: usize,
        /// N.
        out_channels: usize,
        /// Packed weights.
        weights: Bytes,
        /// From accumulator to codes.
        epilogue: EpilogueSpans,
        /// The register tile.
        tile: Tile,
        /// Weights of later steps, prefetched meanwhile.
        ahead: Bytes,
    },
    /// `kernel::depthwise`.
    Depthwise {
        /// Shape of the input.
        input: Shape,
        /// Shape of the output.
        output: Shape,
        /// Taps.
        window: Window,
        /// Packed weights.
        weights: Bytes,
        /// Codes outside of the input.
        pad_code: Bytes,
        /// From accumulator to codes.
        epilogue: EpilogueSpans,
    },
    /// `kernel::convolution`.
    Convolution {
        /// Shape of the input.
        input: Shape,
        /// Shape of the output.
        output: Shape,
        /// Taps.
        window: Window,
        /// Groups.
        groups: usize,
        /// Packed weights.
        weights: Bytes,
        /// Codes outside of the input.
        pad_code: Bytes,
        /// From accumulator to codes.
        epilogue: EpilogueSpans,
    },
    /// `kernel::dense_codes` or `kernel::dense_reals`.
    Dense {
        /// K.
        in_channels: usize,
        /// N.
        out_channels: usize,
        /// Packed weights.
        weights: Bytes,
        /// From accumulator to codes or reals.
        epilogue: EpilogueSpans,
        /// Largest output code.
        top: u16,
        /// Function of real outputs; `None` for codes.
        reals: Option<RealActivation>,
    },
    /// `kernel::mean` or `kernel::mean_reals`.
    Mean {
        /// Shape of the input.
        shape: Shape,
        /// Whether that is a fine map.
        fine: bool,
        /// Factor of the sum.
        multiplier: Floats,
        /// Summand.
        bias: Floats,
        /// Largest output code; `None` for reals.
        top: Option<u16>,
    },
    /// `kernel::gate`.
    Gate {
        /// Shape of the map, or of a plane of it.
        shape: Shape,
        /// Whether input and output are fine maps.
        fine: [bool; 2],
        /// Factor of the gate.
        multiplier: Floats,
        /// Zero point of the input.
        zero: Floats,
        /// Summand.
        bias: Floats,
        /// Scale and zero of a hard-swish.
        hard_swish: Option<(Floats, Floats)>,
    },
    /// `kernel::gated`.
    Gated {
        /// Pixels of input and output.
        pixels: usize,
        /// K.
        in_channels: usize,
        /// Whether the input is a fine map.
        fine_input: bool,
        /// N.
        out_channels: usize,
        /// Packed weights.
        weights: Bytes,
        /// What the gate of each input channel is multiplied with.
        factor: Floats,
        /// Zero point of each input channel.
        zero: Floats,
        /// From accumulator to codes.
        epilogue: EpilogueSpans,
        /// The register tile.
        tile: Tile,
    },
    /// `kernel::add`.
    Add {
        /// Shape of all three maps, or of a plane of each.
        shape: Shape,
        /// Whether inputs and output are fine maps.
        fine: [bool; 3],
        /// Factor of the first.
        first: Floats,
        /// Factor of the second.
        second: Floats,
        /// Summand.
        bias: Floats,
    },
    /// What has no weights.
    Weightless {
        /// The operation with its constants.
        op: Weightless,
        /// The same constants as the crate writes them.
        text: Option<Text>,
    },
    /// `kernel::table`.
    Table {
        /// Elements.
        len: usize,
        /// 256 codes.
        table: Bytes,
    },
    /// `kernel::max_pool`.
    MaxPool {
        /// Shape of the input.
        input: Shape,
        /// Shape of the output.
        output: Shape,
        /// Taps.
        window: Window,
    },
    /// `kernel::softmax`.
    Softmax {
        /// Elements.
        len: usize,
    },
}

impl Kernel {
    /// Its name in the runtime.
    pub fn name(&self) -> &'static str {
        match self {
            Kernel::Pointwise { .. } => "pointwise",
            Kernel::Depthwise { .. } => "depthwise",
            Kernel::Convolution { .. } => "convolution",
            Kernel::Dense { .. } => "dense",
            Kernel::Mean { .. } => "mean",
            Kernel::Gate { .. } => "gate",
            Kernel::Gated { .. } => "gated",
            Kernel::Add { .. } => "add",
            Kernel::Weightless { op, .. } => op.layer().name(),
            Kernel::Table { .. } => "table",
            Kernel::MaxPool { .. } => "max_pool",
            Kernel::Softmax { .. } => "softmax",
        }
    }

    /// Multiply-accumulates.
    pub fn macs(&self) -> usize {
        match self {
            Kernel::Pointwise { pixels, in_channels, out_channels, .. }
            | Kernel::Gated { pixels, in_channels, out_channels, .. } => pixels * in_channels * out_channels,
            Kernel::Depthwise { input, output, window, .. } => output.pixels() * input.channels * window.taps(),
            Kernel::Convolution { input, output, window, groups, epilogue, .. } => {
                let outputs = if epilogue.fine { output.len() / 2 } else { output.len() };
                outputs * window.taps() * input.channels / groups
            }
            Kernel::Dense { in_channels, out_channels, .. } => in_channels * out_channels,
            Kernel::Mean { .. }
            | Kernel::Gate { .. }
            | Kernel::Add { .. }
            | Kernel::Weightless { .. }
            | Kernel::Table { .. }
            | Kernel::MaxPool { .. }
            | Kernel::Softmax { .. } => 0,
        }
    }
}

/// One call of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the integer node.
    pub name: String,
    /// Which block of the network it belongs to.
    pub block: usize,
    /// What runs.
    pub kernel: Kernel,
    /// What it reads.
    pub inputs: Vec<Slot>,
    /// What it writes.
    pub output: Slot,
    /// Bytes of the arena that it may scribble on.
    pub scratch: Option<Slot>,
    /// The tensor that it writes, for comments.
    pub tensor: TensorId,
}

/// Steps that are computed together, some rows after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// Which.
    pub choice: bands::Choice,
    /// What lies between them, and what they may scribble on.
    pub scratch: Slot,
}

/// Sizes of the arena's three sections, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaLen {
    /// u8.
    pub maps: usize,
    /// u16.
    pub wide: usize,
    /// f32.
    pub reals: usize,
}

impl ArenaLen {
    /// All of it.
    pub fn bytes(&self) -> usize {
        self.maps + 2 * self.wide + 4 * self.reals
    }
}

/// A network ready to run or to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Instruction set.
    pub level: Level,
    /// Shape of the raw image.
    pub input: Shape,
    /// What the network answers.
    pub outputs: Vec<Output>,
    /// In order.
    pub steps: Vec<Step>,
    /// Those of them that are computed together.
    pub bands: Vec<Band>,
    /// Packed weights and per-channel constants.
    pub constants: Constants,
    /// Memory.
    pub arena: ArenaLen,
    /// The largest sum of maps alive at one step, in bytes, and that step's index.
    pub peak: (usize, usize),
}

impl Plan {
    /// How many numbers the network answers, all outputs together.
    pub fn answers(&self) -> usize {
        self.outputs.iter().map(|output| output.answer.shape.len()).sum()
    }

    /// The length of the answer, if it is one vector of reals, as a classifier has.
    pub fn scores(&self) -> Option<usize> {
        match self.outputs.as_slice() {
            [Output { answer: Answer { content: Content::Reals, shape, .. }, .. }] => Some(shape.len()),
            _ => None,
        }
    }

    /// The steps that are computed together with `step`; itself alone if it is in no band.
    pub fn together(&self, step: usize) -> Range<usize> {
        let band = self.bands.iter().map(|band| band.choice.steps()).find(|steps| steps.contains(&step));
        band.unwrap_or(step..step + 1)
    }

    /// Whether rows of what a step makes go to the next step, and the map is never there as a whole.
    pub fn within_band(&self, step: usize) -> bool {
        step + 1 < self.together(step).end
    }

    /// Bytes of RAM for a run: the arena, and the answer where that lies beside it.
    pub fn memory_bytes(&self) -> usize {
        self.arena.bytes() + 4 * self.scores().unwrap_or(0)
    }
}

/// Plans `q` for the instruction set `level`, step by step.
///
/// # Errors
/// Where no kernel takes a layer.
pub fn plan(q: &QGraph, level: Level) -> Result<Plan> {
    plan_in(q, level, (Economy::Whole, 0))
}

/// The same, with as little memory as `economy` says, for a second cache of so many bytes.
///
/// # Errors
/// Where no kernel takes a layer.
pub fn plan_in(q: &QGraph, level: Level, economy: (Economy, usize)) -> Result<Plan> {
    let mut constants = Constants::default();
    let mut kernels = Vec::with_capacity(q.nodes.len());
    for node in &q.nodes {
        kernels.push(steps::kernel(q, node, level, &mut constants)?);
    }
    prefetch::schedule(&mut kernels, constants.bytes.len());
    let layers = Layers(&constants);
    let bands = bands::choose(q, level, &kernels, layers, economy);
    let mut memory = memory::living(q, level, &kernels, layers, &bands).place(q);
    let mut blocks = blocks::blocks(q);
    let bands = bands.into_iter().map(|choice| between(q, layers, &kernels, choice, &mut memory)).collect::<Vec<_>>();
    for band in &bands {
        let block = blocks[band.choice.first];
        blocks[band.choice.steps()].fill(block);
    }
    let steps = q
        .nodes
        .iter()
        .zip(kernels)
        .enumerate()
        .map(|(index, (node, kernel))| Step {
            name: node.name.clone(),
            block: blocks[index],
            kernel,
            inputs: node.inputs.iter().map(|id| memory.slots[id.index()]).collect(),
            output: memory.slots[node.output.index()],
            scratch: memory.scratch[index].filter(|_| !bands.iter().any(|band| band.choice.steps().contains(&index))),
            tensor: node.output,
        })
        .collect();
    let slots = q.outputs.iter().map(|output| memory.slots[output.tensor.index()]);
    let outputs = q.answers().into_iter().zip(slots).map(|(answer, slot)| Output { answer, slot }).collect();
    let input = q.tensor(q.input).shape;
    Ok(Plan { level, input, outputs, steps, bands, constants, arena: memory.len, peak: memory.peak })
}

/// The band of `choice`, whose scratch has its place: what lies between its steps gets one in it.
fn between(q: &QGraph, layers: Layers<'_>, kernels: &[Kernel], choice: bands::Choice, memory: &mut Memory) -> Band {
    let scratch = memory.scratch[choice.first].unwrap_or(Slot::Map { start: 0, len: 0 });
    if let Slot::Map { start, .. } = scratch {
        layers.in_band(&kernels[choice.steps()], &choice, |band| {
            for (index, node) in q.nodes[choice.steps()].iter().enumerate().take(choice.widths.len() - 1) {
                let (from, len) = band.buffer(index);
                memory.slots[node.output.index()] = Slot::Map { start: start + from, len };
            }
        });
    }
    Band { choice, scratch }
}
