//! A float graph in canonical form as an ONNX file, maps channels first.
//!
//! ```text
//! convolution with its function    Conv, then the function's own nodes
//! affine map                       Mul, Add of one constant per channel
//! swish, hard-swish of any slope   (Hard)Sigmoid, Mul
//! answer that is a vector          Flatten
//! ```
//!
//! Tensors keep their names, so that what reads the file finds the layers that it knows.

use super::onnx;
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Node, TensorId, Window};
use crate::ops::{Activation, Conv, Op};
use onnx_protobuf::{AttributeProto, GraphProto, Message};
use std::collections::BTreeSet;

/// The file's bytes; `origin` says where it comes from.
///
/// # Errors
/// Where the graph has an operator that is not written, all of them named, or several answers.
pub fn file(graph: &Graph, origin: &str) -> Result<Vec<u8>> {
    let unwritten: Vec<String> = graph.nodes.iter().filter_map(unwritten).collect();
    if !unwritten.is_empty() {
        return Err(Error::new(Stage::Model, "a graph with these operators cannot be written as ONNX")
            .at(unwritten.join(", "))
            .remedy("compile the model's own file; only networks of convolutions, pools, sums and gates are written"));
    }
    let mut writer = Writer::new(graph);
    graph.nodes.iter().for_each(|node| writer.node(node));
    writer.answers();
    let model = onnx::model(writer.file, origin);
    model.write_to_bytes().map_err(|e| {
        Error::new(Stage::Model, format!("cannot be encoded: {e}")).at(&graph.name).remedy("give a smaller model")
    })
}

/// What of a node cannot be written.
fn unwritten(node: &Node) -> Option<String> {
    match &node.op {
        Op::Conv(conv) if conv.is_padded() && conv.pad_value.iter().any(|&value| value != 0.0) => {
            Some(format!("{} (a convolution whose border is not zero)", node.name))
        }
        Op::Select(_) | Op::Crop(_) | Op::DepthToSpace(_) | Op::Resize(_) | Op::ArgMax => {
            Some(format!("{} ({})", node.name, node.op.kind()))
        }
        Op::Conv(_)
        | Op::Affine(_)
        | Op::Activation(_)
        | Op::PRelu(_)
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::GlobalAveragePool
        | Op::AveragePool(_)
        | Op::MaxPool(_)
        | Op::Softmax => None,
    }
}

struct Writer<'g> {
    graph: &'g Graph,
    file: GraphProto,
    /// Names that are taken.
    names: BTreeSet<String>,
}

impl<'g> Writer<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut file = GraphProto { name: graph.name.clone(), ..Default::default() };
        let shape = graph.shape(graph.input);
        let dims = [1, shape.channels, shape.height, shape.width];
        file.input.push(onnx::value_info(graph.name_of(graph.input), &dims));
        let mut names: BTreeSet<String> = graph.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        names.extend(graph.output_names.iter().cloned());
        Self { graph, file, names }
    }

    /// A name that no other tensor has.
    fn fresh(&mut self, of: &str, part: &str) -> String {
        let mut name = format!("{of}.{part}");
        while !self.names.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    fn put(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) {
        self.file.node.push(onnx::node(op, inputs, output, attributes));
    }

    fn constant(&mut self, of: &str, part: &str, dims: &[usize], values: &[f32]) -> String {
        let name = self.fresh(of, part);
        self.file.initializer.push(onnx::floats_tensor(&name, dims, values));
        name
    }

    fn name(&self, id: TensorId) -> &'g str {
        self.graph.name_of(id)
    }

    fn node(&mut self, node: &Node) {
        let (inputs, y): (Vec<&str>, _) =
            (node.inputs.iter().map(|&id| self.name(id)).collect(), self.name(node.output));
        let x = inputs.first().copied().unwrap_or_default();
        match &node.op {
            Op::Conv(conv) => self.convolution(conv, x, y),
            Op::Affine(affine) => {
                let dims = [1, affine.scale.len(), 1, 1];
                let (scale, shift) =
                    (self.constant(y, "scale", &dims, &affine.scale), self.constant(y, "shift", &dims, &affine.shift));
                let scaled = self.fresh(y, "scaled");
                self.put("Mul", &[x, &scale], &scaled, vec![]);
                self.put("Add", &[&scaled, &shift], y, vec![]);
            }
            Op::Activation(function) => self.function(*function, x, y),
            Op::PRelu(prelu) => {
                let slope = self.constant(y, "slope", &[prelu.slope.len(), 1, 1], &prelu.slope);
                self.put("PRelu", &[x, &slope], y, vec![]);
            }
            Op::Add => self.put("Add", &inputs, y, vec![]),
            Op::Mul => self.put("Mul", &inputs, y, vec![]),
            Op::Concat => self.put("Concat", &inputs, y, vec![onnx::int("axis", 1)]),
            Op::GlobalAveragePool => self.put("GlobalAveragePool", &[x], y, vec![]),
            Op::AveragePool(pool) => {
                let mut attributes = window(&pool.window, pool.pad_end);
                attributes.push(onnx::int("count_include_pad", usize::from(pool.count_pad)));
                self.put("AveragePool", &[x], y, attributes);
            }
            Op::MaxPool(pool) => {
                let mut attributes = window(&pool.window, pool.pad_end);
                attributes.push(onnx::ints("dilations", &pool.window.dilation));
                self.put("MaxPool", &[x], y, attributes);
            }
            Op::Softmax => self.put("Softmax", &[x], y, vec![onnx::int("axis", 1)]),
            // `unwritten` has refused them.
            Op::Select(_) | Op::Crop(_) | Op::DepthToSpace(_) | Op::Resize(_) | Op::ArgMax => {}
        }
    }

    fn convolution(&mut self, conv: &Conv, x: &str, y: &str) {
        let (channels, taps, [height, width]) = (conv.group_channels(), conv.window.taps(), conv.window.kernel);
        // From taps outside to taps inside.
        let weight = |at: usize| {
            let (o, c, tap) = (at / (channels * taps), at / taps % channels, at % taps);
            conv.weights[(o * taps + tap) * channels + c]
        };
        let weights: Vec<f32> = (0..conv.weights.len()).map(weight).collect();
        let weights = self.constant(y, "weight", &[conv.out_channels, channels, height, width], &weights);
        let bias = self.constant(y, "bias", &[conv.out_channels], &conv.bias);
        let mut attributes = window(&conv.window, conv.pad_end);
        attributes.push(onnx::ints("dilations", &conv.window.dilation));
        attributes.push(onnx::int("group", conv.groups));
        match conv.activation {
            None => self.put("Conv", &[x, &weights, &bias], y, attributes),
            Some(function) => {
                let linear = self.fresh(y, "linear");
                self.put("Conv", &[x, &weights, &bias], &linear, attributes);
                self.function(function, &linear, y);
            }
        }
    }

    fn function(&mut self, function: Activation, x: &str, y: &str) {
        let slope = |alpha: f32, beta: f32| vec![onnx::float("alpha", alpha), onnx::float("beta", beta)];
        match function {
            Activation::RELU => self.put("Relu", &[x], y, vec![]),
            Activation::Clip { lo, hi } => {
                // A bound that is not there is an input that is not there.
                let mut bound = |part: &str, value: f32| match value.is_finite() {
                    true => self.constant(y, part, &[], &[value]),
                    false => String::new(),
                };
                let (lo, hi) = (bound("lo", lo), bound("hi", hi));
                self.put("Clip", &[x, &lo, &hi], y, vec![]);
            }
            Activation::HardSigmoid { alpha, beta } => self.put("HardSigmoid", &[x], y, slope(alpha, beta)),
            Activation::HardSwish => self.put("HardSwish", &[x], y, vec![]),
            Activation::HardSwishLike { alpha, beta } => {
                let gate = self.fresh(y, "gate");
                self.put("HardSigmoid", &[x], &gate, slope(alpha, beta));
                self.put("Mul", &[x, &gate], y, vec![]);
            }
            Activation::Sigmoid => self.put("Sigmoid", &[x], y, vec![]),
            Activation::Silu { beta } => {
                let gate = self.fresh(y, "gate");
                if beta == 1.0 {
                    self.put("Sigmoid", &[x], &gate, vec![]);
                } else {
                    let (factor, steeper) = (self.constant(y, "beta", &[], &[beta]), self.fresh(y, "steeper"));
                    self.put("Mul", &[x, &factor], &steeper, vec![]);
                    self.put("Sigmoid", &[&steeper], &gate, vec![]);
                }
                self.put("Mul", &[x, &gate], y, vec![]);
            }
            Activation::Tanh => self.put("Tanh", &[x], y, vec![]),
            Activation::Leaky { slope } => self.put("LeakyRelu", &[x], y, vec![onnx::float("alpha", slope)]),
        }
    }

    /// The answers, vectors without rows and columns.
    fn answers(&mut self) {
        for (index, &id) in self.graph.outputs.iter().enumerate() {
            let (shape, x) = (self.graph.shape(id), self.name(id));
            let mut name = self.graph.output_name(index).to_owned();
            if shape.pixels() > 1 {
                self.file.output.push(onnx::value_info(x, &[1, shape.channels, shape.height, shape.width]));
                continue;
            }
            if name == x {
                name = self.fresh(x, "flat");
            }
            self.put("Flatten", &[x], &name, vec![onnx::int("axis", 1)]);
            self.file.output.push(onnx::value_info(&name, &[1, shape.channels]));
        }
    }
}

/// Kernel, stride and padding.
fn window(window: &Window, pad_end: [usize; 2]) -> Vec<AttributeProto> {
    vec![
        onnx::ints("kernel_shape", &window.kernel),
        onnx::ints("strides", &window.stride),
        onnx::ints("pads", &[window.pad, pad_end].concat()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::family::tests::blocks;
    use crate::execute;
    use crate::graph::Shape;
    use crate::import::{ImportOptions, import};
    use crate::ops::{Affine, PRelu};
    use crate::passes;
    use ndarray::Array3;

    /// What a file of `graph` answers, read again, beside the graph itself.
    fn there_and_back(graph: &Graph) {
        let bytes = file(graph, "a test").expect("can be written");
        let read = import(&crate::onnx::read(&bytes, None).expect("ONNX"), &ImportOptions::default()).expect("imports");
        let (read, _) = passes::run(read.graph, &passes::Options { keep_sigmoid: true }).expect("rewrites");
        let shape = graph.shape(graph.input);
        let picture = Array3::from_shape_fn((shape.height, shape.width, shape.channels), |(y, x, c)| {
            ((y * 5 + x * 3 + c) as f32).sin() * 2.0
        });
        let [was, is] = [graph, &read].map(|g| execute::run(g, &picture, &mut |_, _| {}).expect("runs").remove(0));
        assert_eq!(was.dim(), is.dim());
        assert!(was.iter().zip(&is).all(|(a, b)| (a - b).abs() <= 1e-5 * a.abs().max(1.0)), "{was}\nbecame\n{is}");
    }

    #[test]
    fn blocks_are_read_as_written() {
        there_and_back(&blocks());
    }

    #[test]
    fn every_function_is_read_as_written() {
        let functions = [
            Activation::RELU,
            Activation::RELU6,
            Activation::Clip { lo: f32::NEG_INFINITY, hi: 1.0 },
            Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
            Activation::HardSwish,
            Activation::HardSwishLike { alpha: 0.25, beta: 0.5 },
            Activation::Sigmoid,
            Activation::Silu { beta: 1.0 },
            Activation::Silu { beta: 1.702 },
            Activation::Tanh,
            Activation::Leaky { slope: 0.1 },
        ];
        for function in functions {
            let mut graph = Graph::new("function", "x", Shape::new(4, 4, 2));
            let conv = Conv::pointwise(vec![1.0, -0.5, 0.25, 2.0, 0.75, -1.0], vec![0.1, 0.0, -0.2], 2);
            let conv = Op::Conv(Conv { activation: Some(function), ..conv });
            let y = graph.push("conv", conv, vec![TensorId(0)], "y").expect("fits");
            let affine = Op::Affine(Affine { scale: vec![0.5, 2.0, -1.0], shift: vec![1.0, 0.0, 0.5] });
            let z = graph.push("affine", affine, vec![y], "z").expect("fits");
            let w = graph.push("function", Op::Activation(function), vec![z], "w").expect("fits");
            let prelu = Op::PRelu(PRelu { slope: vec![0.1, 0.2, 0.3] });
            let p = graph.push("prelu", prelu, vec![w], "p").expect("fits");
            graph.outputs = vec![p];
            there_and_back(&graph);
        }
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let mut graph = blocks();
        let answer = graph.outputs[0];
        graph.outputs = vec![graph.push("number", Op::ArgMax, vec![answer], "n").expect("fits")];
        let error = file(&graph, "").expect_err("refuses").to_string();
        assert!(error.contains("number"), "{error}");
    }
}
