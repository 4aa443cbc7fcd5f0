//! Short hands for the parts of an ONNX file.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::type_proto;
use onnx_protobuf::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
};

/// Has `HardSwish`, `Resize` with every mode, and is read by every runtime in use.
const OPSET: i64 = 17;

/// The format's version that belongs to it.
const IR_VERSION: i64 = 8;

/// A whole file; `origin` says where it comes from.
pub(super) fn model(graph: GraphProto, origin: &str) -> ModelProto {
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "bakelite".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: origin.into(),
        opset_import: vec![OperatorSetIdProto { version: OPSET, ..Default::default() }],
        graph: Some(graph).into(),
        ..Default::default()
    }
}

pub(super) fn int(name: &str, i: usize) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::INT.into(), i: i as i64, ..Default::default() }
}

pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|&v| v as i64).collect();
    AttributeProto { name: name.into(), type_: AttributeType::INTS.into(), ints, ..Default::default() }
}

pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::FLOAT.into(), f, ..Default::default() }
}

pub(super) fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), type_: AttributeType::STRING.into(), s: s.into(), ..Default::default() }
}

pub(super) fn floats_tensor(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: DataType::FLOAT as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}

pub(super) fn ints_tensor(name: &str, values: &[usize]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::INT64 as i32,
        raw_data: values.iter().flat_map(|&v| (v as i64).to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// A node called like its output.
pub(super) fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        name: output.into(),
        op_type: op.into(),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..Default::default()
    }
}

/// A tensor of f32 as the graph's input or output.
pub(super) fn value_info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&d: &usize| Dimension { value: Some(dimension::Value::DimValue(d as i64)), ..Default::default() };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect(), ..Default::default() };
    let tensor =
        type_proto::Tensor { elem_type: DataType::FLOAT as i32, shape: Some(shape).into(), ..Default::default() };
    let type_ = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), type_: Some(type_).into(), ..Default::default() }
}
