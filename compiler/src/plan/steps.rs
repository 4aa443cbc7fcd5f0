//! One integer node to one kernel with packed constants; and the memory of all of them.

use super::arena::{Piece, place as place_pieces};
use super::constants::{Bytes, Constants, overflow};
use super::{ArenaLen, Kernel, Slot};
use crate::error::{Error, Result, Stage};
use crate::qgraph::{DenseOutput, Kind, QConv, QDense, QGraph, QNode, QOp, Shape, TensorId};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::{Convolution, Tile, gated_scratch_len};
use bakelite_runtime::layer::{Activation, Epilogue};
use bakelite_runtime::pack;

/// Arena offsets of maps are multiples of this: one cache line.
const MAP_ALIGN: usize = 64;
/// Arena offsets of vectors, in elements.
const VECTOR_ALIGN: usize = 32;

/// Chooses the kernel of a node and packs its constants.
pub fn kernel(q: &QGraph, node: &QNode, level: Level, constants: &mut Constants) -> Result<Kernel> {
    let input = q.tensor(node.inputs[0]).shape;
    let output = q.tensor(node.output).shape;
    Ok(match &node.op {
        QOp::Conv(conv) => convolution(q, node, conv, level, constants)?,
        QOp::Dense(dense) => dense_layer(q, node, dense, level, constants)?,
        QOp::Mean(mean) => Kernel::Mean {
            shape: input,
            fine: q.tensor(node.inputs[0]).fine,
            multiplier: constants.floats(&mean.multiplier),
            bias: constants.floats(&mean.bias),
            top: match q.tensor(node.output).kind {
                Kind::Real => None,
                Kind::Map(_) | Kind::Wide { .. } => Some(top(q, node)?),
            },
        },
        QOp::Gate(gate) => Kernel::Gate {
            shape: plane(q, node.output),
            fine: [node.inputs[0], node.output].map(|id| q.tensor(id).fine),
            multiplier: constants.floats(&gate.multiplier),
            zero: constants.floats(&gate.zero),
            bias: constants.floats(&gate.bias),
            hard_swish: constants.activation(&gate.activation),
        },
        QOp::Gated(gated) => {
            let (k, n) = (input.channels, gated.epilogue.multiplier.len());
            let weights =
                packed(constants, pack::gated_len(level, k, n), |out| pack::gated(level, &gated.weights, k, n, out));
            Kernel::Gated {
                pixels: output.pixels(),
                in_channels: k,
                fine_input: q.tensor(node.inputs[0]).fine,
                out_channels: n,
                weights,
                factor: constants.floats(&gated.factor),
                zero: constants.floats(&gated.zero),
                epilogue: constants.epilogue(&gated.epilogue, &[]),
                tile: Tile::best(level, output.pixels(), n),
            }
        }
        QOp::Add(add) => Kernel::Add {
            shape: plane(q, node.output),
            fine: [node.inputs[0], node.inputs[1], node.output].map(|id| q.tensor(id).fine),
            first: constants.floats(&add.first),
            second: constants.floats(&add.second),
            bias: constants.floats(&add.bias),
        },
        QOp::Weightless(op) => Kernel::Weightless { op: op.clone(), text: op.layer().text(constants) },
        QOp::Table(table) => Kernel::Table { len: output.len(), table: constants.per_channel_bytes(table.as_slice()) },
        QOp::MaxPool(window) => Kernel::MaxPool { input, output, window: *window },
        QOp::Softmax => Kernel::Softmax { len: output.len() },
    })
}

/// The shape of a map without its second plane.
fn plane(q: &QGraph, id: TensorId) -> Shape {
    let tensor = q.tensor(id);
    Shape { channels: tensor.shape.channels / if tensor.fine { 2 } else { 1 }, ..tensor.shape }
}

/// Largest code of the output of `node`.
fn top(q: &QGraph, node: &QNode) -> Result<u16> {
    match q.tensor(node.output).kind {
        Kind::Wide { top, .. } => Ok(top),
        Kind::Map(_) => Ok(255),
        Kind::Real => Err(Error::new(Stage::Plan, "its result has no codes").at(&node.name)),
    }
}

/// Packs weights of `len` bytes with `write`.
fn packed(constants: &mut Constants, len: usize, write: impl FnOnce(&mut [u8])) -> Bytes {
    let (span, out) = constants.reserve(len);
    write(out);
    span
}

fn convolution(q: &QGraph, node: &QNode, conv: &QConv, level: Level, constants: &mut Constants) -> Result<Kernel> {
    let input = q.tensor(node.inputs[0]).shape;
    let output = q.tensor(node.output).shape;
    let (window, weights) = (conv.window, conv.weights.as_slice());
    let k = window.taps() * input.channels / conv.groups.max(1);
    let n = conv.epilogue.multiplier.len();
    let depthwise = conv.fine_input || (conv.groups == input.channels && n == input.channels && n > 1);
    // The taps of the second plane are further vertical ones.
    let taps = if conv.fine_input { [2 * window.kernel[0], window.kernel[1]] } else { window.kernel };
    let point =
        window.taps() == 1 && window.stride == [1, 1] && window.pad == [0, 0] && input.pixels() == output.pixels();
    let kind = match (depthwise, conv.groups, point) {
        (true, ..) => pack::Kind::Depthwise,
        (_, 1, true) => pack::Kind::Pointwise,
        (_, 1, false) => pack::Kind::Convolution,
        _ => pack::Kind::Grouped,
    };
    let rows = [window.kernel[0], window.kernel[1] * input.channels];
    let mut offset = conv.epilogue.offset.clone();
    adjust(level, kind, weights, k, n, &mut offset, &node.name)?;
    let span = match kind {
        pack::Kind::Depthwise => packed(constants, pack::depthwise_len(level, n, taps), |out| {
            pack::depthwise(level, weights, n, taps, out);
        }),
        pack::Kind::Pointwise => packed(constants, pack::pointwise_len(level, k, n), |out| {
            pack::pointwise(level, weights, k, n, out);
        }),
        pack::Kind::Convolution => packed(constants, pack::convolution_len(level, rows, n), |out| {
            pack::convolution(level, weights, rows, n, out);
        }),
        pack::Kind::Grouped | pack::Kind::Dense | pack::Kind::Gated => {
            packed(constants, weights.len(), |out| pack::grouped(weights, out))
        }
    };
    let epilogue = constants.epilogue(&conv.epilogue, &offset);
    if kind == pack::Kind::Pointwise {
        let (pixels, in_channels) = (output.pixels(), input.channels);
        // What it prefetches is decided when all steps are there.
        let ahead = Bytes { start: span.start, len: 0 };
        let tile = Tile::best(level, pixels, n);
        return Ok(Kernel::Pointwise { pixels, in_channels, out_channels: n, weights: span, epilogue, tile, ahead });
    }
    let pad_code = constants.per_channel_bytes(&conv.pad_code);
    Ok(if kind == pack::Kind::Depthwise {
        Kernel::Depthwise { input, output, window, weights: span, pad_code, epilogue }
    } else {
        Kernel::Convolution { input, output, window, groups: conv.groups, weights: span, pad_code, epilogue }
    })
}

fn dense_layer(q: &QGraph, node: &QNode, dense: &QDense, level: Level, constants: &mut Constants) -> Result<Kernel> {
    let k = q.tensor(node.inputs[0]).shape.len();
    let n = q.tensor(node.output).shape.len();
    let mut offset = dense.epilogue.offset.clone();
    adjust(level, pack::Kind::Dense, &dense.weights, k, n, &mut offset, &node.name)?;
    let weights = packed(constants, pack::dense_len(level, k, n), |out| pack::dense(level, &dense.weights, k, n, out));
    let (top, reals) = match dense.output {
        DenseOutput::Codes => (top(q, node)?, None),
        DenseOutput::Reals(activation) => (0, Some(activation)),
    };
    let epilogue = constants.epilogue(&dense.epilogue, &offset);
    Ok(Kernel::Dense { in_channels: k, out_channels: n, weights, epilogue, top, reals })
}

/// Folds the kernel's shift of inputs into the offsets, exactly.
fn adjust(
    level: Level,
    kind: pack::Kind,
    weights: &[i8],
    k: usize,
    n: usize,
    offset: &mut [i32],
    name: &str,
) -> Result<()> {
    if kind == pack::Kind::Dense {
        // Modulo 2^32, as the sums that it is added to.
        pack::offset(level, kind, weights, k, n, offset);
        return Ok(());
    }
    let before: Vec<i64> = offset.iter().map(|&v| i64::from(v)).collect();
    pack::offset(level, kind, weights, k, n, offset);
    let bound = |row: &[i8]| 128 * row.iter().map(|&w| i64::from(w)).sum::<i64>();
    let fits = weights
        .chunks(k.max(1))
        .zip(&before)
        .all(|(row, &before)| i32::try_from(before).is_ok() && i32::try_from(before + bound(row)).is_ok());
    if fits { Ok(()) } else { Err(overflow(name)) }
}

/// Where everything lies.
pub struct Memory {
    /// By tensor id.
    pub slots: Vec<Slot>,
    /// By node.
    pub scratch: Vec<Option<Slot>>,
    /// Sizes of the sections.
    pub len: ArenaLen,
    /// Largest sum of living maps, and where.
    pub peak: (usize, usize),
}

/// Places every tensor and scratch buffer.
pub fn place(q: &QGraph, level: Level, kernels: &[Kernel]) -> Memory {
    let mut life: Vec<Option<(usize, usize)>> = vec![None; q.tensors.len()];
    for (step, node) in q.nodes.iter().enumerate() {
        for id in &node.inputs {
            if let Some((_, dies)) = &mut life[id.index()] {
                *dies = step.max(*dies);
            }
        }
        // Nothing takes the place of an answer before the caller has seen it.
        let dies = if q.is_output(node.output) { kernels.len().saturating_sub(1) } else { step };
        life[node.output.index()] = Some((step, dies));
    }
    let mut memory = Memory {
        slots: vec![Slot::Image; q.tensors.len()],
        scratch: vec![None; kernels.len()],
        len: ArenaLen { maps: 0, wide: 0, reals: 0 },
        peak: (0, 0),
    };
    let (mut maps, mut wide, mut reals) =
        (Section::new(MAP_ALIGN), Section::new(VECTOR_ALIGN), Section::new(VECTOR_ALIGN));
    let scores = q.scores().map(|output| output.tensor.index());
    for (index, tensor) in q.tensors.iter().enumerate() {
        let Some((born, dies)) = life[index] else { continue };
        let pinned = q.is_output(TensorId(index as u32));
        let piece = Piece { len: tensor.shape.len(), born, dies, pinned };
        match tensor.kind {
            _ if scores == Some(index) => memory.slots[index] = Slot::Output,
            Kind::Map(_) => maps.push(Owner::Tensor(index), piece),
            Kind::Wide { .. } => wide.push(Owner::Tensor(index), piece),
            Kind::Real => reals.push(Owner::Tensor(index), piece),
        }
    }
    for (step, kernel) in kernels.iter().enumerate() {
        let len = scratch_len(level, kernel);
        if len > 0 {
            maps.push(Owner::Scratch(step), Piece { len, born: step, dies: step, pinned: false });
        }
    }
    for step in 0..kernels.len() {
        let alive = maps.pieces.iter().filter(|p| p.born <= step && step <= p.dies).map(|p| p.len).sum();
        if alive > memory.peak.0 {
            memory.peak = (alive, step);
        }
    }
    memory.len = ArenaLen {
        maps: maps.place(&mut memory, |start, len| Slot::Map { start, len }),
        wide: wide.place(&mut memory, |start, len| Slot::Wide { start, len }),
        reals: reals.place(&mut memory, |start, len| Slot::Real { start, len }),
    };
    memory
}

/// Bytes that a kernel may scribble on.
pub(super) fn scratch_len(level: Level, kernel: &Kernel) -> usize {
    match kernel {
        Kernel::Convolution { input, output, window, groups, .. } => Convolution {
            input: *input,
            output: *output,
            window: *window,
            groups: *groups,
            weights: &[],
            pad_code: &[],
            epilogue: Epilogue {
                offset: &[],
                multiplier: &[],
                bias: None,
                residual: None,
                activation: Activation::Linear,
                fine: false,
                fine_residual: false,
            },
        }
        .scratch_len(),
        Kernel::Gated { in_channels, out_channels, .. } => gated_scratch_len(level, *in_channels, *out_channels),
        _ => 0,
    }
}

enum Owner {
    Tensor(usize),
    Scratch(usize),
}

struct Section {
    align: usize,
    owners: Vec<Owner>,
    pieces: Vec<Piece>,
}

impl Section {
    fn new(align: usize) -> Self {
        Self { align, owners: Vec::new(), pieces: Vec::new() }
    }

    fn push(&mut self, owner: Owner, piece: Piece) {
        self.owners.push(owner);
        self.pieces.push(piece);
    }

    fn place(&self, memory: &mut Memory, slot: impl Fn(usize, usize) -> Slot) -> usize {
        let placement = place_pieces(&self.pieces, self.align);
        for ((owner, piece), &start) in self.owners.iter().zip(&self.pieces).zip(&placement.offsets) {
            let slot = slot(start, piece.len);
            match *owner {
                Owner::Tensor(index) => memory.slots[index] = slot,
                Owner::Scratch(step) => memory.scratch[step] = Some(slot),
            }
        }
        placement.len
    }
}
