//! The image: which input it is, its layout, and the dimensions that the file leaves open.

use super::view::{Label, View};
use super::{ImportOptions, Model};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, LARGEST_TENSOR, Shape};
use crate::onnx::{Dim, Node, ValueInfo};

/// Where batch, channels, rows and columns are.
struct Layout {
    name: &'static str,
    labels: &'static [&'static [Label]],
}

use Label::{C, H, W};
const NCHW: Layout = Layout { name: "NCHW", labels: &[&[], &[C], &[H], &[W]] };
const NHWC: Layout = Layout { name: "NHWC", labels: &[&[], &[H], &[W], &[C]] };
const CHW: Layout = Layout { name: "CHW", labels: &[&[C], &[H], &[W]] };
const HWC: Layout = Layout { name: "HWC", labels: &[&[H], &[W], &[C]] };

/// A graph that holds nothing but the image, and how ONNX sees it.
pub(super) fn input(
    model: &Model,
    nodes: &[Node],
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<(Graph, View, String)> {
    let read = |i: &&ValueInfo| nodes.iter().any(|n| n.inputs.contains(&i.name));
    let (used, unused): (Vec<&ValueInfo>, Vec<&ValueInfo>) = model.inputs.iter().partition(read);
    for info in unused {
        notes.push(format!("input “{}” is not used and left out", info.name));
    }
    let info = match used.as_slice() {
        [info] => *info,
        [] => {
            return Err(Error::new(Stage::Import, "the network reads no input at all")
                .at(&model.name)
                .remedy("export the model with its image as graph input"));
        }
        several => {
            let names: Vec<&str> = several.iter().map(|i| i.name.as_str()).collect();
            return Err(Error::new(Stage::Import, format!("the network reads several inputs: {}", names.join(", ")))
                .at(&model.name)
                .remedy("export a model with one image as its only input"));
        }
    };
    let fail = |cause: String| Error::new(Stage::Import, cause).at(&info.name);
    let unknown = vec![Dim::Unknown, Dim::Known(3), Dim::Unknown, Dim::Unknown];
    let dims = info.dims.as_ref().unwrap_or(&unknown);
    let layout = layout(info, dims, nodes).ok_or_else(|| {
        fail(format!("the input has {} dimensions", dims.len()))
            .remedy("export the model with an image input of shape 1×3×height×width or 1×height×width×3")
    })?;
    let mut shape = Shape::new(1, 1, 1);
    for (dim, labels) in dims.iter().zip(layout.labels) {
        match (labels.first(), dim) {
            (None, Dim::Known(1)) | (Some(Label::Group | Label::Member), _) => {}
            (None, Dim::Known(n)) => notes.push(format!("batch fixed to 1 (the file says {n})")),
            (None, Dim::Named(name)) => notes.push(format!("batch fixed to 1 (the file says “{name}”)")),
            (None, Dim::Unknown) => notes.push("batch fixed to 1 (the file leaves it open)".into()),
            (Some(C), Dim::Known(n)) => shape.channels = *n,
            (Some(C), _) => {
                shape.channels = 3;
                notes.push("3 input channels assumed (the file leaves their number open)".into());
            }
            (Some(H), dim) => shape.height = extent(dim, options.input_size.map(|s| s.0), "height", notes, &fail)?,
            (Some(W), dim) => shape.width = extent(dim, options.input_size.map(|s| s.1), "width", notes, &fail)?,
        }
    }
    let elements = shape.height.checked_mul(shape.width).and_then(|n| n.checked_mul(shape.channels));
    if shape.is_empty() || elements.is_none_or(|n| n > LARGEST_TENSOR) {
        return Err(fail(format!("an image of {}×{}×{}", shape.height, shape.width, shape.channels))
            .remedy("export the model with the size of one image"));
    }
    if layout.name.ends_with("HWC") {
        notes.push(format!("the input is channels-last ({})", layout.name));
    }
    let graph = Graph::new(&model.name, &info.name, shape);
    let view = View::new(graph.input, shape, layout.labels);
    Ok((graph, view, info.name.clone()))
}

/// By the dimension that can be channels; where both can, by a Transpose that reads the input.
fn layout(info: &ValueInfo, dims: &[Dim], nodes: &[Node]) -> Option<&'static Layout> {
    let image = |i: usize| matches!(dims.get(i), Some(Dim::Known(1 | 3)));
    let to_channels_first = |perm: &[i64]| {
        nodes.iter().any(|n| n.op == "Transpose" && n.inputs.contains(&info.name) && n.ints("perm") == Some(perm))
    };
    // Rows and columns of an image are open, or more than a handful.
    let extent = |i: usize| !matches!(dims.get(i), Some(Dim::Known(0..=4)));
    match dims.len() {
        4 if image(3) && (!image(1) && extent(1) && extent(2) || to_channels_first(&[0, 3, 1, 2])) => Some(&NHWC),
        4 => Some(&NCHW),
        3 if image(2) && (!image(0) && extent(0) && extent(1) || to_channels_first(&[2, 0, 1])) => Some(&HWC),
        3 => Some(&CHW),
        _ => None,
    }
}

fn extent(
    dim: &Dim,
    wanted: Option<usize>,
    what: &str,
    notes: &mut Vec<String>,
    fail: &impl Fn(String) -> Error,
) -> Result<usize> {
    match (dim, wanted) {
        (Dim::Known(n), None) => Ok(*n),
        (Dim::Known(n), Some(wanted)) if *n == wanted => Ok(*n),
        (Dim::Known(n), Some(wanted)) => Err(fail(format!("the file fixes the {what} to {n}, {wanted} is asked for"))
            .remedy("leave out the input size, or export the model for that size")),
        (_, Some(0)) => Err(fail(format!("a {what} of 0 is asked for")).remedy("give a positive size")),
        (_, Some(wanted)) => {
            notes.push(format!("{what} fixed to {wanted} (the file leaves it open)"));
            Ok(wanted)
        }
        (_, None) => Err(fail(format!("the file leaves the {what} of the image open"))
            .remedy("say the size of the image, for instance 224×224, as the input size")),
    }
}
