//! A network without some channels of a family.

use super::family::Family;
use super::surgeon::Reader;
use crate::graph::{Graph, Shape};
use crate::ops::{Affine, Conv, Op, PRelu};

/// `graph` with the `kept` channels of `family` only. What reads them reads on as `readers` say; where they say nothing, as before.
pub fn remove(graph: &Graph, family: &Family, kept: &[usize], readers: &[Reader]) -> Graph {
    let mut smaller = graph.clone();
    for &id in &family.tensors {
        let shape = graph.shape(id);
        smaller.refill(id, Shape { channels: kept.len(), ..shape });
    }
    for &index in &family.readers {
        if let Some(Op::Conv(conv)) = smaller.nodes.get_mut(index).map(|node| &mut node.op) {
            *conv = match readers.iter().find(|reader| reader.node == index) {
                Some(reader) => reader.convolution(conv, kept),
                None => inputs(conv, kept),
            };
        }
    }
    for (index, node) in smaller.nodes.iter_mut().enumerate() {
        if !family.tensors.contains(&node.output) {
            continue;
        }
        match &mut node.op {
            Op::Conv(conv) if conv.is_depthwise() => {
                let mut rows = outputs(conv, kept);
                rows.pad_value = picked(&conv.pad_value, kept);
                rows.groups = kept.len();
                *conv = rows;
            }
            Op::Conv(conv) if family.makers.contains(&index) => *conv = outputs(conv, kept),
            Op::Affine(Affine { scale, shift }) => {
                (*scale, *shift) = (picked(scale, kept), picked(shift, kept));
            }
            Op::PRelu(PRelu { slope }) => *slope = picked(slope, kept),
            // These have no constants per channel, or are in no family.
            Op::Conv(_)
            | Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Select(_)
            | Op::Crop(_)
            | Op::DepthToSpace(_)
            | Op::Resize(_)
            | Op::GlobalAveragePool
            | Op::AveragePool(_)
            | Op::MaxPool(_)
            | Op::Softmax
            | Op::ArgMax => {}
        }
    }
    smaller
}

/// The convolution of some of its input channels only.
fn inputs(conv: &Conv, kept: &[usize]) -> Conv {
    let taps = conv.weights.chunks_exact(conv.in_channels().max(1));
    Conv {
        weights: taps.flat_map(|tap| picked(tap, kept)).collect(),
        pad_value: picked(&conv.pad_value, kept),
        ..conv.clone()
    }
}

/// The convolution with some of its output channels only.
fn outputs(conv: &Conv, kept: &[usize]) -> Conv {
    let row = conv.weights_per_output();
    Conv {
        weights: kept.iter().flat_map(|&o| &conv.weights[o * row..][..row]).copied().collect(),
        bias: picked(&conv.bias, kept),
        out_channels: kept.len(),
        ..conv.clone()
    }
}

fn picked(values: &[f32], kept: &[usize]) -> Vec<f32> {
    kept.iter().filter_map(|&c| values.get(c)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::family::{families, tests::blocks};
    use crate::adapt::moments::moments;
    use crate::adapt::surgeon::thin;
    use crate::error::Stage;
    use crate::execute;
    use ndarray::Array3;

    /// A channel that is zero everywhere is the one that leaves, and nobody misses it.
    #[test]
    fn what_is_always_zero_leaves_without_a_trace() {
        let mut graph = blocks();
        let silent = 5;
        for (name, row) in [("expand1", 8), ("excite", 8)] {
            let node = graph.nodes.iter_mut().find(|n| n.name == name).expect("is there");
            let Op::Conv(conv) = &mut node.op else { panic!("a convolution") };
            conv.weights[silent * row..][..row].fill(0.0);
            conv.bias[silent] = 0.0;
        }
        let node = graph.nodes.iter_mut().find(|n| n.name == "depthwise1").expect("is there");
        let Op::Conv(conv) = &mut node.op else { panic!("a convolution") };
        // The function behind it silences nobody else.
        conv.bias.fill(4.0);
        conv.bias[silent] = 0.0;
        let pictures: Vec<Array3<f32>> = (0..6)
            .map(|p| Array3::from_shape_fn((6, 6, 3), |(y, x, c)| ((p * 31 + y * 7 + x * 3 + c) as f32).sin()))
            .collect();
        let families = families(&graph);
        let family = families.iter().find(|family| family.channels == 16).expect("the expansion");
        let read: Vec<_> = family.readers.iter().map(|&n| graph.nodes[n].inputs[0]).collect();
        let moments = moments(&graph, &read, &pictures).expect("runs");
        let mut readers: Vec<Reader> = family
            .readers
            .iter()
            .map(|&n| {
                let Op::Conv(conv) = &graph.nodes[n].op else { panic!("a convolution") };
                Reader::new(n, conv, &moments[&graph.nodes[n].inputs[0]]).expect("an inverse")
            })
            .collect();
        let kept = thin(&mut readers, 1);
        assert!(!kept.contains(&silent) && kept.len() == 15, "{kept:?}");
        let smaller = remove(&graph, family, &kept, &readers);
        smaller.verify(Stage::Model).expect("still a graph");
        for picture in &pictures {
            let [was, is] =
                [&graph, &smaller].map(|g| execute::run(g, picture, &mut |_, _| {}).expect("runs").remove(0));
            assert!(was.iter().zip(&is).all(|(a, b)| (a - b).abs() < 1e-4), "{was} became {is}");
        }
    }
}
