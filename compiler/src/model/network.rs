//! A network under construction: ONNX nodes on one side, what they compute on the sample pictures on the other.
//!
//! ## Formulas
//!
//! ```text
//! weights       uniform with variance 2 / (inputs per output)
//! batch norm    y = γ·(x − mean) / √(variance + ε) + β, mean and variance over samples and pixels
//! last matrix   scaled and shifted so that each answer has mean 0 and all together variance 4 over the samples
//! ```

use super::measure::{coarse, statistics};
use super::{measure, onnx};
use crate::demo::pictures::random::Random;
use crate::error::{Error, Result, Stage};
use crate::execute::convolve;
use crate::graph::{LARGEST_TENSOR, Shape, Window};
use crate::ops::{self, Activation, MaxPool, Operator as _};
use crate::specs::architecture::Function;
use ndarray::{Array3, s};
use onnx_protobuf::{AttributeProto, GraphProto, ModelProto};
use rayon::prelude::*;

/// Added to variances.
const EPSILON: f32 = 1e-3;

/// Standard deviation of the answers over the samples.
const ANSWERS: f64 = 2.0;

/// A tensor: its name in the file, its shape, and what it holds for each sample.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub name: String,
    pub shape: Shape,
    /// Whether it is a vector in the file too, without rows and columns.
    flat: bool,
    samples: Vec<Array3<f32>>,
}

/// What distinguishes one convolution from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    pub out: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub depthwise: bool,
    /// By half the kernel, all around.
    pub padded: bool,
    /// With a bias though no batch norm is asked for, and without one that is.
    pub biased: bool,
}

impl Conv {
    pub fn pointwise(out: usize) -> Self {
        Self { out, kernel: 1, stride: 1, dilation: 1, depthwise: false, padded: true, biased: false }
    }

    pub fn depthwise(channels: usize) -> Self {
        Self { depthwise: true, ..Self::pointwise(channels) }
    }
}

/// Nodes and constants so far.
pub(super) struct Network {
    graph: GraphProto,
    random: Random,
    /// Constants that training would change.
    pub parameters: u64,
    /// Products for one picture.
    pub macs: u64,
}

impl Network {
    pub fn new(name: &str, seed: u64) -> Self {
        let graph = GraphProto { name: name.into(), ..Default::default() };
        Self { graph, random: Random::new(seed, 0), parameters: 0, macs: 0 }
    }

    pub fn input(&mut self, (height, width): (usize, usize), samples: Vec<Array3<f32>>) -> Value {
        self.graph.input.push(onnx::value_info("input", &[1, 3, height, width]));
        Value { name: "input".into(), shape: Shape::new(height, width, 3), flat: false, samples }
    }

    /// Names the answer.
    pub fn answer(&mut self, x: &Value) {
        let Shape { height, width, channels } = x.shape;
        let dims = if x.flat { vec![1, channels] } else { vec![1, channels, height, width] };
        self.graph.output.push(onnx::value_info(&x.name, &dims));
    }

    /// The whole file.
    pub fn finish(self, origin: &str) -> ModelProto {
        onnx::model(self.graph, origin)
    }

    /// Convolution, batch norm if any, function if any. Without batch norm it has a bias, unless neither is wanted.
    pub fn unit(&mut self, x: &Value, name: &str, conv: Conv, norm: bool, function: Function) -> Result<Value> {
        let gives = |part: &str, last: bool| if last { name.to_owned() } else { format!("{name}.{part}") };
        let plain = function == Function::Identity;
        let biased = !norm && (conv.biased || !plain);
        let mut y = self.conv(x, &gives("conv", plain && !norm), conv, biased)?;
        if norm {
            y = self.batch_norm(y, &gives("norm", plain));
        }
        Ok(self.function(&y, name, function))
    }

    fn conv(&mut self, x: &Value, name: &str, conv: Conv, biased: bool) -> Result<Value> {
        let Conv { out, kernel, stride, dilation, depthwise, padded, .. } = conv;
        if x.flat {
            let cause = "a convolution of what a matrix answered".to_owned();
            return Err(Error::new(Stage::Model, cause).at(name).remedy("write the row as [dense, ...]"));
        }
        let pad = if padded { dilation * (kernel / 2) } else { 0 };
        let inputs = if depthwise { 1 } else { x.shape.channels };
        let fan_in = inputs * kernel * kernel;
        let mut op = ops::Conv {
            weights: self.uniform(out * fan_in, (2.0 / fan_in as f64).sqrt()),
            bias: if biased { self.uniform(out, 0.1) } else { vec![0.0; out] },
            out_channels: out,
            window: Window { kernel: [kernel; 2], stride: [stride; 2], dilation: [dilation; 2], pad: [pad; 2] },
            pad_end: [pad; 2],
            groups: if depthwise { x.shape.channels } else { 1 },
            pad_value: vec![0.0; x.shape.channels],
            activation: None,
        };
        let shape = op.shape(&[x.shape]).map_err(|cause| too_small(name, cause))?;
        if shape.len() > LARGEST_TENSOR {
            let cause = format!("its result would have {} elements", shape.len());
            let remedy = format!("give a smaller --size or --width: up to {LARGEST_TENSOR} elements are supported");
            return Err(Error::new(Stage::Model, cause).at(name).remedy(remedy));
        }
        self.macs += (shape.len() * fan_in) as u64;
        // ONNX writes a kernel's channels before its taps, the operator after them.
        let dims = [out, inputs, kernel, kernel];
        let weights = std::mem::take(&mut op.weights);
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        self.constant(&weight, &dims, &weights, true);
        op.weights = measure::channels_last(&weights, inputs, kernel * kernel);
        let mut operands = vec![x.name.as_str(), &weight];
        if biased {
            self.constant(&bias, &[out], &op.bias, true);
            operands.push(&bias);
        }
        let attributes = vec![
            onnx::ints("kernel_shape", &[kernel; 2]),
            onnx::ints("strides", &[stride; 2]),
            onnx::ints("dilations", &[dilation; 2]),
            onnx::ints("pads", &[pad; 4]),
            onnx::int("group", op.groups),
        ];
        self.node("Conv", &operands, name, attributes);
        let samples = x.samples.par_iter().map(|x| convolve(&op, x, shape)).collect::<Option<_>>();
        let samples = samples.ok_or_else(|| too_small(name, "the shapes do not fit".into()))?;
        Ok(Value { name: name.into(), shape, flat: false, samples })
    }

    fn batch_norm(&mut self, mut x: Value, name: &str) -> Value {
        let channels = x.shape.channels;
        let (mean, mut variance) = statistics(&x.samples, channels);
        // What hardly moves on these few pictures may on others: it is not amplified without bounds.
        let least = variance.iter().sum::<f32>() / channels as f32 / 16.0;
        variance.iter_mut().for_each(|v| *v = v.max(measure::coarse(f64::from(least))));
        let (gamma, beta) = (self.between(channels, 0.8, 1.2), self.between(channels, -0.2, 0.2));
        let parts = ["gamma", "beta", "mean", "variance"].map(|part| format!("{name}.{part}"));
        for (part, (values, trained)) in
            parts.iter().zip([(&gamma, true), (&beta, true), (&mean, false), (&variance, false)])
        {
            self.constant(part, &[channels], values, trained);
        }
        let [g, b, m, v] = &parts;
        let epsilon = vec![onnx::float("epsilon", EPSILON)];
        self.node("BatchNormalization", &[&x.name, g, b, m, v], name, epsilon);
        let scale: Vec<f32> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + EPSILON).sqrt()).collect();
        x.samples.par_iter_mut().for_each(|sample| {
            for mut pixel in sample.rows_mut() {
                for (c, value) in pixel.iter_mut().enumerate() {
                    *value = (*value - mean[c]) * scale[c] + beta[c];
                }
            }
        });
        Value { name: name.into(), ..x }
    }

    pub fn function(&mut self, x: &Value, name: &str, function: Function) -> Value {
        let function = match function {
            Function::Identity => return x.clone(),
            Function::Relu => {
                self.node("Relu", &[&x.name], name, vec![]);
                Activation::RELU
            }
            Function::Relu6 => {
                let (zero, six) = (format!("{name}.zero"), format!("{name}.six"));
                self.constant(&zero, &[], &[0.0], false);
                self.constant(&six, &[], &[6.0], false);
                self.node("Clip", &[&x.name, &zero, &six], name, vec![]);
                Activation::RELU6
            }
            Function::HardSwish => {
                self.node("HardSwish", &[&x.name], name, vec![]);
                Activation::HardSwish
            }
            Function::Swish => {
                let factor = format!("{name}.sigmoid");
                self.node("Sigmoid", &[&x.name], &factor, vec![]);
                self.node("Mul", &[&x.name, &factor], name, vec![]);
                Activation::Silu { beta: 1.0 }
            }
        };
        map(x, name, function)
    }

    pub fn sigmoid(&mut self, x: &Value, name: &str, hard: bool) -> Value {
        if hard {
            let attributes = vec![onnx::float("alpha", 1.0 / 6.0), onnx::float("beta", 0.5)];
            self.node("HardSigmoid", &[&x.name], name, attributes);
            map(x, name, Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
        } else {
            self.node("Sigmoid", &[&x.name], name, vec![]);
            map(x, name, Activation::Sigmoid)
        }
    }

    pub fn add(&mut self, a: &Value, b: &Value, name: &str) -> Value {
        self.node("Add", &[&a.name, &b.name], name, vec![]);
        let samples = a.samples.iter().zip(&b.samples).map(|(a, b)| a + b).collect();
        Value { name: name.into(), shape: a.shape, flat: false, samples }
    }

    /// The second is a vector.
    pub fn multiply(&mut self, a: &Value, b: &Value, name: &str) -> Value {
        self.node("Mul", &[&a.name, &b.name], name, vec![]);
        let samples = a.samples.iter().zip(&b.samples).map(|(a, b)| a * b).collect();
        Value { name: name.into(), shape: a.shape, flat: false, samples }
    }

    pub fn mean(&mut self, x: &Value, name: &str) -> Value {
        self.node("GlobalAveragePool", &[&x.name], name, vec![]);
        let samples = x.samples.iter().map(ops::global_average).collect();
        Value { name: name.into(), shape: Shape::vector(x.shape.channels), flat: false, samples }
    }

    pub fn flatten(&mut self, x: &Value, name: &str) -> Value {
        if x.flat {
            return x.clone();
        }
        self.node("Flatten", &[&x.name], name, vec![onnx::int("axis", 1)]);
        Value { name: name.into(), flat: true, ..x.clone() }
    }

    /// `last` is the one whose results are the answers.
    pub fn dense(&mut self, x: &Value, name: &str, out: usize, last: bool) -> Result<Value> {
        let inputs = x.shape.channels;
        let mut weights = self.uniform(out * inputs, (2.0 / inputs as f64).sqrt());
        let mut bias = self.uniform(out, 0.1);
        let run = |weights: &[f32], bias: &[f32]| -> Result<Vec<Array3<f32>>> {
            let op = ops::Conv::pointwise(weights.to_vec(), bias.to_vec(), inputs);
            let samples = x.samples.par_iter().map(|x| convolve(&op, x, Shape::vector(out))).collect::<Option<_>>();
            samples.ok_or_else(|| too_small(name, "the shapes do not fit".into()))
        };
        if last && x.samples.len() > 1 {
            let (mean, variance) = statistics(&run(&weights, &vec![0.0; out])?, out);
            let deviation = (variance.iter().map(|&v| f64::from(v)).sum::<f64>() / out as f64).sqrt();
            // Alike for all samples, there is nothing to make different.
            let scale = coarse(ANSWERS / deviation.max(1e-6));
            weights.iter_mut().for_each(|w| *w *= scale);
            bias = mean.iter().map(|m| -m * scale).collect();
        }
        self.macs += (out * inputs) as u64;
        let (weight, shift) = (format!("{name}.weight"), format!("{name}.bias"));
        self.constant(&weight, &[out, inputs], &weights, true);
        self.constant(&shift, &[out], &bias, true);
        self.node("Gemm", &[&x.name, &weight, &shift], name, vec![onnx::int("transB", 1)]);
        let samples = run(&weights, &bias)?;
        Ok(Value { name: name.into(), shape: Shape::vector(out), flat: true, samples })
    }

    pub fn concat(&mut self, a: &Value, b: &Value, name: &str) -> Value {
        self.node("Concat", &[&a.name, &b.name], name, vec![onnx::int("axis", 1)]);
        let Shape { height, width, .. } = a.shape;
        let (first, channels) = (a.shape.channels, a.shape.channels + b.shape.channels);
        let joined = a.samples.iter().zip(&b.samples).map(|(a, b)| {
            let mut joined = Array3::zeros((height, width, channels));
            joined.slice_mut(s![.., .., ..first]).assign(a);
            joined.slice_mut(s![.., .., first..]).assign(b);
            joined
        });
        Value { name: name.into(), shape: Shape::new(height, width, channels), flat: false, samples: joined.collect() }
    }

    /// The last window may reach over the edge.
    pub fn max_pool(&mut self, x: &Value, name: &str, kernel: usize, stride: usize) -> Result<Value> {
        let window = Window { kernel: [kernel; 2], stride: [stride; 2], ..Window::POINT };
        let beyond = |side: usize| side.checked_sub(kernel).map_or(0, |rest| rest.next_multiple_of(stride) - rest);
        let op = MaxPool { window, pad_end: [beyond(x.shape.height), beyond(x.shape.width)] };
        let shape = op.shape(&[x.shape]).map_err(|cause| too_small(name, cause))?;
        let attributes = vec![
            onnx::ints("kernel_shape", &[kernel; 2]),
            onnx::ints("strides", &[stride; 2]),
            onnx::int("ceil_mode", 1),
        ];
        self.node("MaxPool", &[&x.name], name, attributes);
        let samples = x.samples.par_iter().map(|x| op.naive(x, shape)).collect();
        Ok(Value { name: name.into(), shape, flat: false, samples })
    }

    /// Bilinear, pixels as areas (`half_pixel`).
    pub fn resize(&mut self, x: &Value, name: &str, (height, width): (usize, usize)) -> Value {
        let channels = x.shape.channels;
        let sizes = format!("{name}.sizes");
        self.graph.initializer.push(onnx::ints_tensor(&sizes, &[1, channels, height, width]));
        let attributes = vec![onnx::text("mode", "linear"), onnx::text("coordinate_transformation_mode", "half_pixel")];
        self.node("Resize", &[&x.name, "", "", &sizes], name, attributes);
        let (rows, columns) = (measure::taps(x.shape.height, height), measure::taps(x.shape.width, width));
        let samples = x.samples.par_iter().map(|x| {
            Array3::from_shape_fn((height, width, channels), |(r, c, k)| {
                let ((y0, y1, fy), (x0, x1, fx)) = (rows[r], columns[c]);
                let top = x[[y0, x0, k]] * (1.0 - fx) + x[[y0, x1, k]] * fx;
                let bottom = x[[y1, x0, k]] * (1.0 - fx) + x[[y1, x1, k]] * fx;
                top * (1.0 - fy) + bottom * fy
            })
        });
        Value { name: name.into(), shape: Shape::new(height, width, channels), flat: false, samples: samples.collect() }
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) {
        self.graph.node.push(onnx::node(op, inputs, output, attributes));
    }

    fn constant(&mut self, name: &str, dims: &[usize], values: &[f32], trained: bool) {
        self.graph.initializer.push(onnx::floats_tensor(name, dims, values));
        self.parameters += if trained { values.len() as u64 } else { 0 };
    }

    /// Mean zero; the uniform distribution of that deviation.
    fn uniform(&mut self, count: usize, deviation: f64) -> Vec<f32> {
        let bound = (deviation * 3f64.sqrt()) as f32;
        self.between(count, -bound, bound)
    }

    fn between(&mut self, count: usize, low: f32, high: f32) -> Vec<f32> {
        (0..count).map(|_| self.random.range(low, high)).collect()
    }
}

fn too_small(name: &str, cause: String) -> Error {
    Error::new(Stage::Model, cause).at(name).remedy("give a larger input with --size")
}

fn map(x: &Value, name: &str, function: Activation) -> Value {
    let mut samples = x.samples.clone();
    samples.par_iter_mut().filter_map(|x| x.as_slice_mut()).for_each(|x| function.apply_all(x));
    Value { name: name.into(), shape: x.shape, flat: x.flat, samples }
}
