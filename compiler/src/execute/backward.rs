//! The float graph in reverse: how the answers depend on every tensor.
//!
//! With `f = Σ_k v[k] · answer[k]` for a direction v over all answers, one walk from the answers to the image gives `∂f/∂x` for
//! every element x of every tensor (reverse mode). The convolutions are matrix products, as forwards:
//!
//! ```text
//! ∂f/∂x[p·stride + k·dilation − pad, c] += Σ_o ∂f/∂y[p, o] · w[o, k, c]
//! ```

use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use ndarray::{Array2, Array3, ArrayView2, s};

/// `∂f/∂x` of every tensor, by id; `None` where no answer depends on it, or an operator on the way has no derivative.
pub type Slopes = Vec<Option<Array3<f32>>>;

/// Walks back from `slopes`, which hold those of the answers, through `graph` with these `values`; `visit` sees every tensor
/// with all its slope gathered, the last first, and afterwards it is freed.
pub fn backward(
    graph: &Graph,
    values: &[Option<Array3<f32>>],
    mut slopes: Slopes,
    visit: &mut dyn FnMut(TensorId, &Array3<f32>),
) {
    // Tensors that an answer depends on through an operator without a derivative.
    let mut unknown = vec![false; graph.tensors.len()];
    for node in graph.nodes.iter().rev() {
        let at = node.output.index();
        let slope = slopes.get_mut(at).and_then(Option::take);
        let lost = unknown.get(at) == Some(&true);
        let Some(slope) = slope.filter(|_| !lost) else {
            if lost {
                node.inputs.iter().for_each(|id| unknown[id.index()] = true);
            }
            continue;
        };
        visit(node.output, &slope);
        let inputs: Option<Vec<&Array3<f32>>> = node.inputs.iter().map(|id| values.get(id.index())?.as_ref()).collect();
        let results = if node.inputs == [graph.input] {
            None
        } else {
            inputs.and_then(|inputs| node.op.operator().backward(&inputs, &slope))
        };
        let Some(results) = results else {
            node.inputs.iter().for_each(|id| unknown[id.index()] = true);
            continue;
        };
        for (id, result) in node.inputs.iter().zip(results) {
            if let Some(slot) = slopes.get_mut(id.index()) {
                *slot = match slot.take() {
                    Some(sum) => Some(sum + result),
                    None => Some(result),
                };
            }
        }
    }
}

/// The slopes by the input `x` of a convolution from those by its result before the activation.
pub(crate) fn convolve_backward(conv: &Conv, x: &Array3<f32>, slope: &Array3<f32>) -> Option<Array3<f32>> {
    let (rows, columns, outputs) = slope.dim();
    let (height, width, channels) = x.dim();
    let mut result = Array3::zeros((height, width, channels));
    if conv.is_depthwise() {
        depthwise(conv, slope, &mut result)?;
        return Some(result);
    }
    let (group_in, group_out) = (conv.group_channels(), conv.out_channels.checked_div(conv.groups)?);
    let slope = ArrayView2::from_shape((rows * columns, outputs), slope.as_slice()?).ok()?;
    let depth = conv.weights_per_output();
    let weights = ArrayView2::from_shape((conv.out_channels, depth), &conv.weights).ok()?;
    for group in 0..conv.groups {
        let span = group * group_out..(group + 1) * group_out;
        for tap in 0..conv.window.taps() {
            let of_tap = weights.slice(s![span.clone(), tap * group_in..(tap + 1) * group_in]);
            let product: Array2<f32> = slope.slice(s![.., span.clone()]).dot(&of_tap);
            for (pixel, part) in product.outer_iter().enumerate() {
                if let Some([y, x]) = source(conv, [pixel / columns, pixel % columns], tap, [height, width]) {
                    let mut sums = result.slice_mut(s![y, x, group * group_in..(group + 1) * group_in]);
                    sums += &part;
                }
            }
        }
    }
    Some(result)
}

fn depthwise(conv: &Conv, slope: &Array3<f32>, result: &mut Array3<f32>) -> Option<()> {
    let (height, width, channels) = result.dim();
    let taps = conv.window.taps();
    let weights = ArrayView2::from_shape((channels, taps), &conv.weights).ok()?;
    let by_tap = weights.t().as_standard_layout().into_owned();
    let (sums, columns) = (result.as_slice_mut()?, slope.dim().1);
    for (pixel, slopes) in slope.as_slice()?.chunks_exact(channels).enumerate() {
        for (tap, weights) in by_tap.outer_iter().enumerate() {
            if let Some([y, x]) = source(conv, [pixel / columns, pixel % columns], tap, [height, width]) {
                let at = (y * width + x) * channels;
                let to = sums.get_mut(at..at + channels)?;
                to.iter_mut().zip(slopes).zip(weights.as_slice()?).for_each(|((sum, g), w)| *sum += g * w);
            }
        }
    }
    Some(())
}

/// The input pixel that a tap of an output pixel reads; none outside.
fn source(conv: &Conv, at: [usize; 2], tap: usize, size: [usize; 2]) -> Option<[usize; 2]> {
    let window = &conv.window;
    let step = [tap / window.kernel[1], tap % window.kernel[1]];
    let position = |axis: usize| {
        (at[axis] * window.stride[axis] + step[axis] * window.dilation[axis])
            .checked_sub(window.pad[axis])
            .filter(|&p| p < size[axis])
    };
    Some([position(0)?, position(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::run;
    use crate::graph::{Shape, Window};
    use crate::ops::{Activation, Coordinates, MaxPool, Op, Resize, ResizeMode, Select};

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 101 + 11) % 97) as f32 / 48.5 - 1.0).collect()
    }

    fn conv(in_channels: usize, out: usize, groups: usize, window: Window, activation: Option<Activation>) -> Op {
        let count = out * window.taps() * in_channels / groups;
        let pad_end = [window.pad[0], window.pad[1]];
        let bias = numbers(out, 5);
        let pad_value = vec![0.25; in_channels];
        let weights = numbers(count, out);
        Op::Conv(Conv { weights, bias, out_channels: out, window, pad_end, groups, pad_value, activation })
    }

    /// A network of all that has a derivative: of each tensor the slope is that of the differences.
    #[test]
    fn slopes_are_those_of_differences() {
        let mut graph = Graph::new("g", "x", Shape::new(5, 6, 3));
        let three = Window { kernel: [3, 3], stride: [2, 1], dilation: [1, 1], pad: [1, 1] };
        let x = graph.push("a", conv(3, 4, 1, three, Some(Activation::HardSwish)), vec![TensorId(0)], "a").unwrap();
        let b = graph.push("b", conv(4, 4, 4, Window { stride: [1, 1], ..three }, None), vec![x], "b").unwrap();
        let c = graph.push("c", conv(4, 4, 2, Window::POINT, None), vec![x], "c").unwrap();
        let sum = graph.push("sum", Op::Add, vec![b, c], "sum").unwrap();
        let mean = graph.push("mean", Op::GlobalAveragePool, vec![sum], "mean").unwrap();
        let gate = graph.push("gate", conv(4, 4, 1, Window::POINT, Some(Activation::Sigmoid)), vec![mean], "gate");
        let gated = graph.push("gated", Op::Mul, vec![sum, gate.unwrap()], "gated").unwrap();
        let pool = MaxPool {
            window: Window { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], pad: [0, 0] },
            pad_end: [0, 0],
        };
        let pooled = graph.push("pool", Op::MaxPool(pool), vec![gated], "pool").unwrap();
        let shape = graph.shape(pooled);
        let large = Resize::to_size(shape, [4, 7], Coordinates::HalfPixel, ResizeMode::Linear);
        let large = graph.push("large", Op::Resize(large), vec![pooled], "large").unwrap();
        let some = graph.push("some", Op::Select(Select { source: vec![2, 0] }), vec![large], "some").unwrap();
        let both = graph.push("both", Op::Concat, vec![some, large], "both").unwrap();
        graph.outputs = vec![graph.push("answer", Op::Softmax, vec![both], "answer").unwrap()];

        let image = Array3::from_shape_vec((5, 6, 3), numbers(90, 1)).unwrap();
        let direction = numbers(graph.shape(graph.outputs[0]).len(), 3);
        let answer = |changed: Option<(TensorId, usize, f32)>| {
            let outputs = crate::execute::run_changed(&graph, &image, &mut |id, value| {
                if let Some((_, at, by)) = changed.filter(|(tensor, ..)| *tensor == id) {
                    value.as_slice_mut().unwrap()[at] += by;
                }
            });
            outputs.unwrap()[0].iter().zip(&direction).map(|(y, v)| f64::from(y * v)).sum::<f64>()
        };
        let mut values = vec![None; graph.tensors.len()];
        run(&graph, &image, &mut |id, value| values[id.index()] = Some(value.clone())).unwrap();
        let mut slopes: Slopes = vec![None; graph.tensors.len()];
        let dim = values[graph.outputs[0].index()].as_ref().unwrap().raw_dim();
        slopes[graph.outputs[0].index()] = Some(Array3::from_shape_vec(dim, direction.clone()).unwrap());
        let mut seen = 0;
        backward(&graph, &values, slopes, &mut |id, slope| {
            for (at, &slope) in slope.iter().enumerate().step_by(3) {
                let step = 2e-3;
                let difference = (answer(Some((id, at, step))) - answer(Some((id, at, -step)))) / f64::from(2.0 * step);
                assert!(
                    (difference - f64::from(slope)).abs() < 2e-3,
                    "{} at {at}: {slope}, by differences {difference}",
                    graph.name_of(id)
                );
            }
            seen += 1;
        });
        assert_eq!(seen, graph.nodes.len());
    }

    #[test]
    fn what_classes_depend_on_has_no_slope() {
        let mut graph = Graph::new("g", "x", Shape::new(2, 2, 3));
        let a = graph.push("a", conv(3, 3, 1, Window::POINT, None), vec![TensorId(0)], "a").unwrap();
        let classes = graph.push("classes", Op::ArgMax, vec![a], "classes").unwrap();
        graph.outputs = vec![classes, a];
        let image = Array3::from_shape_vec((2, 2, 3), numbers(12, 1)).unwrap();
        let mut values = vec![None; graph.tensors.len()];
        run(&graph, &image, &mut |id, value| values[id.index()] = Some(value.clone())).unwrap();
        let mut slopes: Slopes =
            values.iter().map(|v: &Option<Array3<f32>>| v.as_ref().map(|v| v.mapv(|_| 1.0))).collect();
        slopes[0] = None;
        let mut seen = Vec::new();
        backward(&graph, &values, slopes, &mut |id, _| seen.push(id));
        assert_eq!(seen, [classes]);
    }
}
