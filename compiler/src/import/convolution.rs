//! `Conv` and `Pad`.

use super::dims::Plain;
use super::view::{Label, View};
use super::walk::Call;
use crate::graph::Window;
use crate::onnx::Node;
use crate::ops::{Conv, Op};

/// A size of the file that must be small: kernels, strides, paddings.
fn small(value: i64, what: &str) -> Plain<usize> {
    usize::try_from(value).ok().filter(|&v| v <= 1 << 16).ok_or_else(|| format!("a {what} of {value}"))
}

fn pair(node: &Node, name: &str, default: Option<[usize; 2]>) -> Plain<[usize; 2]> {
    match (node.ints(name), default) {
        (Some(&[a, b]), _) => Ok([small(a, name)?, small(b, name)?]),
        (Some(list), _) => Err(format!("{name} {list:?} are not two numbers; only images are supported")),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(format!("{name} are missing")),
    }
}

/// Kernel, stride, dilation and padding of a node that moves a window, and the padding at the end.
///
/// `SAME`: `out = ⌈in/stride⌉`, `total = max((out−1)·stride + dilation·(kernel−1) + 1 − in, 0)`, of which the smaller
/// half comes first for `SAME_UPPER`, last for `SAME_LOWER`.
pub(super) fn window(node: &Node, x: &View, kernel: Option<[usize; 2]>) -> Plain<(Window, [usize; 2])> {
    let kernel = pair(node, "kernel_shape", kernel)?;
    let stride = pair(node, "strides", Some([1, 1]))?;
    let dilation = pair(node, "dilations", Some([1, 1]))?;
    if [kernel, stride, dilation].as_flattened().contains(&0) {
        return Err(format!("a kernel of {kernel:?} with strides {stride:?} and dilations {dilation:?}"));
    }
    let (mut begin, mut end) = ([0, 0], [0, 0]);
    match node.text("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" | "" => match node.ints("pads") {
            Some(&[a, b, c, d]) => {
                begin = [small(a, "padding")?, small(b, "padding")?];
                end = [small(c, "padding")?, small(d, "padding")?];
            }
            Some(list) => return Err(format!("pads {list:?} are not four numbers")),
            None => {}
        },
        "VALID" => {}
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            for (axis, size) in [x.shape.height, x.shape.width].into_iter().enumerate() {
                let out = size.div_ceil(stride[axis]).max(1);
                let reach = (out - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
                let total = reach.saturating_sub(size);
                let half = total / 2;
                (begin[axis], end[axis]) =
                    if same == "SAME_UPPER" { (half, total - half) } else { (total - half, half) };
            }
        }
        other => return Err(format!("auto_pad “{other}”")),
    }
    Ok((Window { kernel, stride, dilation, pad: begin }, end))
}

/// Refuses what is not batch, channels, height, width.
pub(super) fn expect_nchw(x: &View) -> Plain<()> {
    if x.is_nchw() {
        return Ok(());
    }
    Err(format!(
        "its input {:?} is not batch × channels × height × width of the map {}×{}×{}",
        x.dims(),
        x.shape.height,
        x.shape.width,
        x.shape.channels
    ))
}

pub(super) fn conv(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    expect_nchw(&x)?;
    let tensor = call.constant(1, "the weight")?.ok_or("the weight is missing")?;
    let file_weights = tensor.as_floats().ok_or("the weight holds no floats")?;
    let &[out_channels, group_channels, kh, kw] = tensor.dims.as_slice() else {
        return Err(format!("the weight has dimensions {:?}; only images are supported", tensor.dims));
    };
    let groups = small(node.int("group").unwrap_or(1), "number of groups")?;
    if groups.checked_mul(group_channels) != Some(x.shape.channels) {
        return Err(format!(
            "{groups} groups of {group_channels} channels in the weight, {} channels in its input",
            x.shape.channels
        ));
    }
    let (window, pad_end) = window(node, &x, Some([kh, kw]))?;
    if window.kernel != [kh, kw] {
        return Err(format!("kernel_shape {:?} differs from the weight's {kh}×{kw}", window.kernel));
    }
    let bias = match call.constant(2, "the bias")? {
        Some(_) => call.floats(2, "the bias", out_channels)?,
        None => vec![0.0; out_channels],
    };
    // From [o][c][tap] to [o][tap][c].
    let taps = kh * kw;
    let mut weights = Vec::with_capacity(file_weights.len());
    for filter in file_weights.chunks_exact((taps * group_channels).max(1)) {
        for tap in 0..taps {
            weights.extend(filter.iter().skip(tap).step_by(taps));
        }
    }
    let pad_value = vec![0.0; x.shape.channels];
    let conv = Conv { weights, bias, out_channels, window, pad_end, groups, pad_value, activation: None };
    let (tensor, shape) = call.emit(Op::Conv(conv), &[x.tensor])?;
    Ok(View::nchw(tensor, shape))
}

/// `Pad` with a constant: a depthwise 1×1 convolution of weight 1 that reads outside of the map.
pub(super) fn pad(call: &mut Call<'_>) -> Plain<View> {
    let (x, node) = (call.map(0)?, call.node);
    let mode = node.text("mode").unwrap_or("constant");
    if mode != "constant" {
        return Err(format!("padding by “{mode}”; only constants are supported"));
    }
    let rank = x.axes.len();
    let pads = match call.ints(1, "pads")? {
        Some(pads) => pads,
        None => node.ints("paddings").ok_or("the pads are missing")?.to_vec(),
    };
    let axes = match call.ints(3, "axes")? {
        Some(list) => list.iter().map(|&a| super::dims::axis(a, rank)).collect::<Plain<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("{} pads for {} axes", pads.len(), axes.len()));
    }
    let value = match call.constant(2, "the value")? {
        Some(t) => t.scalar().ok_or("the value is not one number")?,
        None => node.float("value").unwrap_or(0.0),
    };
    let (mut begin, mut end) = ([0, 0], [0, 0]);
    for (i, &axis) in axes.iter().enumerate() {
        let (before, after) = (pads[i], pads[i + axes.len()]);
        if (before, after) == (0, 0) {
            continue;
        }
        let spatial = match (x.axes[axis].as_slice(), x.is_nchw(), axis) {
            ([Label::H], ..) | ([], true, 2) => 0,
            ([Label::W], ..) | ([], true, 3) => 1,
            _ => {
                return Err(format!("it pads axis {axis} of {:?}, which is no row or column", x.dims()));
            }
        };
        begin[spatial] = small(before, "padding")?;
        end[spatial] = small(after, "padding")?;
    }
    if (begin, end) == ([0, 0], [0, 0]) {
        return Ok(x);
    }
    let (tensor, shape) = call.emit(Op::Conv(Conv::padding(x.shape.channels, begin, end, value)), &[x.tensor])?;
    // A row of one has no label that could grow with it.
    Ok(if x.is_nchw() { View::nchw(tensor, shape) } else { x.with(tensor, shape) })
}
