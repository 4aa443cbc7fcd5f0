//! `ConvTranspose`: a convolution of stride 1 whose channels become pixels.
//!
//! With stride s and padding p, output row `s·i + r` reads input row `i − m` by tap `k = r + p + s·m`. So each of the s phases
//! r is a convolution of stride 1 with some of the taps; their results lie s rows apart:
//!
//! ```text
//! y[s·i + r, o] = Σ_m,c w[c, o, r + p + s·m] · x[i − m, c]      y = depth_to_space(conv(x))
//! ```

use super::convolution::expect_nchw;
use super::dims::Plain;
use super::view::View;
use super::walk::Call;
use crate::graph::Window;
use crate::ops::{Conv, DepthToSpace, Op};

/// One axis of it.
struct Axis {
    /// Output positions.
    size: usize,
    /// Stride.
    block: usize,
    /// Taps of the convolution, and its padding.
    taps: usize,
    pad: usize,
    pad_end: usize,
    /// For each phase and tap the tap of the file.
    source: Vec<Vec<Option<usize>>>,
}

impl Axis {
    /// `extent` input positions, `kernel` taps `dilation` apart, `begin` output positions cut off in front.
    fn new(extent: usize, kernel: usize, [stride, dilation]: [usize; 2], begin: usize, size: usize) -> Plain<Self> {
        let (s, p) = (stride as i64, begin as i64);
        let reach = (dilation * (kernel - 1)) as i64;
        // Tap j of the convolution reads input row i + low + j; −m = low + j.
        let lowest =
            (0..s).map(|r| (r + p - reach).div_euclid(s) + i64::from((r + p - reach).rem_euclid(s) != 0)).min();
        let highest = (0..s).map(|r| (r + p).div_euclid(s)).max();
        let (low, high) = (lowest.unwrap_or(0).min(0), highest.unwrap_or(0).max(0));
        let taps = usize::try_from(high - low + 1).map_err(|_| "no taps")?;
        let source = |r: i64, j: i64| {
            let k = r + p - s * (low + j);
            let tap = usize::try_from(k).ok().filter(|k| k % dilation == 0)? / dilation;
            (tap < kernel).then_some(tap)
        };
        let pad = usize::try_from(-low).map_err(|_| "a negative padding")?;
        let blocks = size.div_ceil(stride).max((extent + pad + 1).saturating_sub(taps));
        let pad_end = (blocks + taps).checked_sub(extent + pad + 1).ok_or("an output smaller than its input")?;
        let source = (0..s).map(|r| (0..taps as i64).map(|j| source(r, j)).collect()).collect();
        Ok(Self { size, block: stride, taps, pad, pad_end, source })
    }
}

fn pair(call: &Call<'_>, name: &str, default: usize) -> Plain<[usize; 2]> {
    let small = |v: i64| usize::try_from(v).ok().filter(|&v| v <= 1 << 10).ok_or_else(|| format!("{name} of {v}"));
    match call.node.ints(name) {
        None => Ok([default; 2]),
        Some(&[a, b]) => Ok([small(a)?, small(b)?]),
        Some(list) => Err(format!("{name} {list:?} are not two numbers; only images are supported")),
    }
}

pub(super) fn conv_transpose(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    expect_nchw(&x)?;
    let tensor = call.constant(1, "the weight")?.ok_or("the weight is missing")?;
    let file = tensor.as_floats().ok_or("the weight holds no floats")?;
    let &[in_channels, group_outputs, kh, kw] = tensor.dims.as_slice() else {
        return Err(format!("the weight has dimensions {:?}; only images are supported", tensor.dims));
    };
    let groups = usize::try_from(node.int("group").unwrap_or(1)).ok().filter(|&g| g > 0).ok_or("no groups")?;
    if in_channels != x.shape.channels || in_channels % groups != 0 || kh * kw == 0 || group_outputs == 0 {
        return Err(format!("a weight of {:?} in {groups} groups for {} channels", tensor.dims, x.shape.channels));
    }
    let (strides, dilations) = (pair(call, "strides", 1)?, pair(call, "dilations", 1)?);
    let (kernel, more) = ([kh, kw], pair(call, "output_padding", 0)?);
    if strides.contains(&0) || dilations.contains(&0) {
        return Err("a stride or dilation of zero".into());
    }
    let extents = [x.shape.height, x.shape.width];
    // Output positions without any padding.
    let whole =
        |axis: usize| strides[axis] * (extents[axis] - 1) + more[axis] + dilations[axis] * (kernel[axis] - 1) + 1;
    let auto = node.text("auto_pad").unwrap_or("NOTSET");
    let mut sizes = [0; 2];
    let mut begin = [0; 2];
    for axis in 0..2 {
        let given = match node.ints("output_shape") {
            Some(&[a, b]) => Some([a, b][axis]),
            Some(&[_, _, a, b]) => Some([a, b][axis]),
            Some(list) => return Err(format!("output_shape {list:?}")),
            None => None,
        };
        let same = matches!(auto, "SAME_UPPER" | "SAME_LOWER");
        let target = match given {
            Some(size) => Some(usize::try_from(size).map_err(|_| format!("an output of {size}"))?),
            None if same => Some(strides[axis] * extents[axis]),
            None => None,
        };
        match target {
            Some(size) => {
                let total = whole(axis).checked_sub(size).ok_or("an output larger than its windows reach")?;
                begin[axis] = if auto == "SAME_UPPER" { total / 2 } else { total - total / 2 };
                sizes[axis] = size;
            }
            None => {
                let pads = match (auto, node.ints("pads")) {
                    ("NOTSET" | "", Some(&[a, b, c, d])) => [[a, c], [b, d]][axis],
                    ("NOTSET" | "" | "VALID", _) => [0, 0],
                    _ => return Err(format!("auto_pad “{auto}”")),
                };
                let [first, last] = pads.map(|p| usize::try_from(p).map_err(|_| format!("a padding of {p}")));
                begin[axis] = first?;
                let cut = begin[axis].checked_add(last?).ok_or("its padding is too large")?;
                sizes[axis] = whole(axis).checked_sub(cut).ok_or("its padding is larger than its result")?;
            }
        }
        if !(1..=65_536).contains(&sizes[axis]) {
            return Err(format!("a result of {} rows or columns", sizes[axis]));
        }
    }
    let axis = |a: usize| Axis::new(extents[a], kernel[a], [strides[a], dilations[a]], begin[a], sizes[a]);
    let (rows, columns) = (axis(0)?, axis(1)?);
    let out = group_outputs * groups;
    let bias = match call.constant(2, "the bias")? {
        Some(_) => call.floats(2, "the bias", out)?,
        None => vec![0.0; out],
    };
    let phases = rows.block * columns.block;
    let columns_first = groups > 1;
    // The phase and result channel of each channel of the convolution.
    let channel = |o: usize| if columns_first { (o % phases, o / phases) } else { (o / out, o % out) };
    let per_group = in_channels / groups;
    let mut weights = Vec::with_capacity(phases * out * rows.taps * columns.taps * per_group);
    for o in 0..phases * out {
        let (phase, result) = channel(o);
        let (group, within) = (result / group_outputs, result % group_outputs);
        let (row, column) = (&rows.source[phase / columns.block], &columns.source[phase % columns.block]);
        for ky in row {
            for kx in column {
                for c in 0..per_group {
                    let at =
                        |ky: usize, kx: usize| (((group * per_group + c) * group_outputs + within) * kh + ky) * kw + kx;
                    weights.push(ky.zip(*kx).and_then(|(ky, kx)| file.get(at(ky, kx)).copied()).unwrap_or(0.0));
                }
            }
        }
    }
    let conv = Conv {
        weights,
        bias: (0..phases * out).map(|o| bias[channel(o).1]).collect(),
        out_channels: phases * out,
        window: Window {
            kernel: [rows.taps, columns.taps],
            stride: [1, 1],
            dilation: [1, 1],
            pad: [rows.pad, columns.pad],
        },
        pad_end: [rows.pad_end, columns.pad_end],
        groups,
        pad_value: vec![0.0; in_channels],
        activation: None,
    };
    let block = [rows.block, columns.block];
    let deep = DepthToSpace { block, columns_first, size: [rows.size, columns.size] };
    let (tensor, shape) = if block == [1, 1] {
        call.emit(Op::Conv(conv), &[x.tensor])?
    } else {
        let (phases, _) = call.emit_step(Op::Conv(conv), &[x.tensor], "phases")?;
        call.emit(Op::DepthToSpace(deep), &[phases])?
    };
    if [shape.height, shape.width] != [rows.size, columns.size] {
        return Err(format!("a result of {}×{} where {:?} are wanted", shape.height, shape.width, sizes));
    }
    Ok(View::nchw(tensor, shape))
}
