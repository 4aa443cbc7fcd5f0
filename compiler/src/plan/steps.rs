//! One integer node to one kernel with packed constants.

use super::Kernel;
use super::constants::{Bytes, Constants, overflow};
use crate::error::{Error, Result, Stage};
use crate::qgraph::{DenseOutput, Kind, QConv, QDense, QGraph, QNode, QOp, Shape, TensorId};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::Tile;
use bakelite_runtime::pack;

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
