//! A tiny builder of ONNX models, and the checks that every spelling goes through.
use bakelite::execute;
use bakelite::graph::Graph;
use bakelite::import::{ImportOptions, Imported, import};
use bakelite::{onnx, passes};
use ndarray::{Array3, Axis};
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    AttributeProto, GraphProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, type_proto,
};

/// A model under construction.
#[derive(Clone, Default)]
pub struct Net(pub ModelProto);

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::INTS.into(), ints: values.to_vec(), ..Default::default() }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::INT.into(), i, ..Default::default() }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::FLOAT.into(), f, ..Default::default() }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::STRING.into(), s: s.into(), ..Default::default() }
}

pub fn tensor(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::TENSOR.into(), t: Some(t).into(), ..Default::default() }
}

pub fn floats_tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto { name: name.into(), dims: dims.to_vec(), data_type: 1, raw_data, ..Default::default() }
}

pub fn ints_tensor(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 7,
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

pub fn node(op: &str, inputs: &[&str], output: &str, attributes: &[AttributeProto]) -> NodeProto {
    NodeProto {
        name: format!("n_{output}"),
        op_type: op.into(),
        input: inputs.iter().map(|s| s.to_string()).collect(),
        output: vec![output.into()],
        attribute: attributes.to_vec(),
        ..Default::default()
    }
}

/// Deterministic values between −0.5 and 0.5.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

/// A dimension: a number, or a name where it is not one.
fn value_info(name: &str, dims: &[&str]) -> ValueInfoProto {
    let dim = |d: &&str| {
        let value = match d.parse::<i64>() {
            Ok(n) => dimension::Value::DimValue(n),
            Err(_) => dimension::Value::DimParam(d.to_string()),
        };
        Dimension { value: Some(value), ..Default::default() }
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect(), ..Default::default() };
    let tensor = type_proto::Tensor { elem_type: 1, shape: Some(shape).into(), ..Default::default() };
    let type_ = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), type_: Some(type_).into(), ..Default::default() }
}

impl Net {
    /// Image input `x` of the given dimensions, answer `y`.
    pub fn new(opset: i64, input: &[&str]) -> Self {
        let graph = GraphProto {
            name: "net".into(),
            input: vec![value_info("x", input)],
            output: vec![ValueInfoProto { name: "y".into(), ..Default::default() }],
            ..Default::default()
        };
        Net(ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { version: opset, ..Default::default() }],
            graph: Some(graph).into(),
            ..Default::default()
        })
    }

    pub fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().expect("a graph")
    }

    pub fn node(mut self, op: &str, inputs: &[&str], output: &str, attributes: &[AttributeProto]) -> Self {
        self.graph().node.push(node(op, inputs, output, attributes));
        self
    }

    pub fn tensor(mut self, t: TensorProto) -> Self {
        self.graph().initializer.push(t);
        self
    }

    pub fn floats(self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.tensor(floats_tensor(name, dims, values))
    }

    pub fn scalar(self, name: &str, value: f32) -> Self {
        self.floats(name, &[], &[value])
    }

    pub fn ints(self, name: &str, values: &[i64]) -> Self {
        self.tensor(ints_tensor(name, &[values.len() as i64], values))
    }

    pub fn weights(self, name: &str, dims: &[i64]) -> Self {
        let seed = name.bytes().fold(7, |s, b| s * 31 + u64::from(b));
        let values = noise(seed, dims.iter().product::<i64>() as usize);
        self.floats(name, dims, &values)
    }

    /// A convolution of weights `w_<output>`, 3×3 unless pointwise, with symmetric padding.
    pub fn conv(self, input: &str, output: &str, [o, i, k]: [i64; 3], extra: &[AttributeProto]) -> Self {
        let (w, b) = (format!("w_{output}"), format!("b_{output}"));
        let mut attributes = vec![ints("kernel_shape", &[k, k])];
        if !extra.iter().any(|a| a.name == "auto_pad" || a.name == "pads") {
            attributes.push(ints("pads", &[k / 2; 4]));
        }
        attributes.extend_from_slice(extra);
        self.weights(&w, &[o, i, k, k]).weights(&b, &[o]).node("Conv", &[input, &w, &b], output, &attributes)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.write_to_bytes().expect("a model")
    }

    pub fn import(&self) -> bakelite::error::Result<Imported> {
        self.import_sized(None)
    }

    pub fn import_sized(&self, input_size: Option<(usize, usize)>) -> bakelite::error::Result<Imported> {
        import(&onnx::read(&self.bytes(), None)?, &ImportOptions { input_size })
    }

    /// The refusal as one text.
    pub fn refusal(&self) -> String {
        let error = self.import().expect_err("a refusal");
        assert!(error.node.is_some() && error.remedy.is_some(), "{error:?} names node and remedy");
        error.to_string()
    }
}

/// An image for a graph.
pub fn image(graph: &Graph) -> Array3<f32> {
    let s = graph.shape(graph.input);
    let values = noise(99, s.len()).into_iter().map(|v| v * 8.0).collect();
    Array3::from_shape_vec((s.height, s.width, s.channels), values).expect("an image")
}

/// Relative to the largest value of either.
pub fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().chain(b).fold(1e-6f32, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / largest
}

pub fn run(graph: &Graph, x: &Array3<f32>) -> Vec<f32> {
    let mut results = execute::run(graph, x, &mut |_, _| {}).expect("a run");
    results.remove(0).into_raw_vec_and_offset().0
}

/// What tract says that the model answers; a map is brought to channels last.
pub fn oracle(bytes: &[u8], x: &Array3<f32>, channels_last: bool) -> Vec<f32> {
    use tract_onnx::prelude::*;
    let (h, w, c) = x.dim();
    let (fed, dims) = if channels_last {
        (x.clone().into_raw_vec_and_offset().0, [1, h, w, c])
    } else {
        let chw = x.clone().permuted_axes([2, 0, 1]);
        (chw.iter().copied().collect::<Vec<f32>>(), [1, c, h, w])
    };
    let model = tract_onnx::onnx()
        .model_for_read(&mut std::io::Cursor::new(bytes))
        .expect("tract reads")
        .with_input_fact(0, f32::fact(dims).into())
        .expect("tract takes the shape")
        .into_typed()
        .expect("tract types")
        .into_runnable()
        .expect("tract runs");
    let fed = Tensor::from_shape(&dims, &fed).expect("a tensor");
    let answer = model.run(tvec!(fed.into())).expect("an answer");
    let answer = answer[0].to_plain_array_view::<f32>().expect("floats").into_owned();
    // NCHW to HWC; vectors stay.
    if answer.ndim() == 4 && answer.shape()[2] * answer.shape()[3] > 1 && !channels_last {
        let map = answer.index_axis(Axis(0), 0).permuted_axes(vec![1, 2, 0]);
        return map.iter().copied().collect();
    }
    answer.iter().copied().collect()
}

/// Imports, rewrites, and compares the text before and after; all three executions must agree.
pub fn check(net: &Net, before: &str, after: &str) {
    check_as(net, before, after, true);
}

/// As [`check`], without tract where it does not know the spelling.
pub fn check_without_oracle(net: &Net, before: &str, after: &str) {
    check_as(net, before, after, false);
}

fn check_as(net: &Net, before: &str, after: &str, with_oracle: bool) {
    let graph = net.import().unwrap_or_else(|e| panic!("{e:?}")).graph;
    assert_eq!(lines(&graph.to_string()), lines(before), "as imported:\n{graph}");
    let x = image(&graph);
    let imported = run(&graph, &x);
    let (rewritten, log) = passes::run(graph, &passes::Options { keep_sigmoid: true }).expect("passes");
    assert_eq!(lines(&rewritten.to_string()), lines(after), "after passes:\n{rewritten}\n{log:?}");
    assert!(difference(&run(&rewritten, &x), &imported) < 2e-5, "the passes change the meaning\n{rewritten}");
    if with_oracle {
        let channels_last = net.0.graph.node.iter().any(|n| n.op_type == "Transpose" && n.input.contains(&"x".into()));
        let expected = oracle(&net.bytes(), &x, channels_last);
        assert!(difference(&imported, &expected) < 1e-5, "tract disagrees\n{rewritten}");
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect()
}
