//! From bytes to [`Model`].

use super::{Attribute, Dim, Function, Model, Node, Tensor, ValueInfo, decode};
use crate::error::{Error, Result, Stage};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_shape_proto::dimension::Value as DimValue;
use onnx_protobuf::type_proto::Value as TypeValue;
use onnx_protobuf::{AttributeProto, Message, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use std::collections::HashSet;
use std::path::Path;

/// Reads an ONNX file; `external_dir` is the folder it lies in, where its external data is looked for.
///
/// # Errors
/// Anything that is not a whole ONNX file: truncated or foreign bytes, negative or huge dimensions, data that is not
/// as long as its dimensions say, external data that is missing or outside of the folder.
pub fn read(bytes: &[u8], external_dir: Option<&Path>) -> Result<Model> {
    let foreign = |cause: String| {
        Error::new(Stage::Read, cause).remedy("give an ONNX file as an exporter wrote it; is the download complete?")
    };
    if bytes.is_empty() {
        return Err(foreign("the file is empty".into()));
    }
    let proto =
        ModelProto::parse_from_bytes(bytes).map_err(|e| foreign(format!("this is not a whole ONNX file ({e})")))?;
    let graph = proto.graph.as_ref().ok_or_else(|| foreign("this is not an ONNX file: it holds no graph".into()))?;
    if graph.node.is_empty() {
        return Err(foreign("the ONNX file holds a graph without any node".into()));
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().map_or("", |v| v.name.as_str());
        return Err(Error::new(Stage::Read, "sparse tensors are not supported")
            .at(name)
            .remedy("export the model with dense weights"));
    }
    let mut initializers = Vec::with_capacity(graph.initializer.len());
    for tensor in &graph.initializer {
        initializers.push((tensor.name.clone(), decode::tensor(tensor, &tensor.name, external_dir)?));
    }
    let constant: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let mut functions = Vec::with_capacity(proto.functions.len());
    for f in &proto.functions {
        let mut defaults = Vec::new();
        for attribute in &f.attribute_proto {
            defaults.push((attribute.name.clone(), decode_attribute(attribute, &f.name, external_dir)?));
        }
        functions.push(Function {
            name: f.name.clone(),
            domain: f.domain.clone(),
            overload: f.overload.clone(),
            inputs: f.input.clone(),
            outputs: f.output.clone(),
            defaults,
            nodes: nodes(&f.node, external_dir)?,
        });
    }
    Ok(Model {
        producer: proto.producer_name.clone(),
        producer_version: proto.producer_version.clone(),
        ir_version: proto.ir_version,
        opsets: proto.opset_import.iter().map(|o| (o.domain.clone(), o.version)).collect(),
        metadata: proto.metadata_props.iter().map(|p| (p.key.clone(), p.value.clone())).collect(),
        functions,
        name: graph.name.clone(),
        nodes: nodes(&graph.node, external_dir)?,
        inputs: graph.input.iter().filter(|i| !constant.contains(i.name.as_str())).map(value_info).collect(),
        outputs: graph.output.iter().map(value_info).collect(),
        initializers,
    })
}

fn nodes(protos: &[NodeProto], external_dir: Option<&Path>) -> Result<Vec<Node>> {
    let mut nodes = Vec::with_capacity(protos.len());
    for (index, proto) in protos.iter().enumerate() {
        let name = match (proto.name.as_str(), proto.output.first()) {
            ("", Some(output)) if !output.is_empty() => output.clone(),
            ("", _) => format!("{}_{index}", proto.op_type),
            (name, _) => name.to_string(),
        };
        let mut attributes = Vec::with_capacity(proto.attribute.len());
        for attribute in &proto.attribute {
            attributes.push((attribute.name.clone(), decode_attribute(attribute, &name, external_dir)?));
        }
        nodes.push(Node {
            name,
            op: proto.op_type.clone(),
            domain: proto.domain.clone(),
            overload: proto.overload.clone(),
            inputs: proto.input.clone(),
            outputs: proto.output.clone(),
            attributes,
        });
    }
    Ok(nodes)
}

fn decode_attribute(a: &AttributeProto, node: &str, external_dir: Option<&Path>) -> Result<Attribute> {
    if !a.ref_attr_name.is_empty() {
        return Ok(Attribute::Reference(a.ref_attr_name.clone()));
    }
    let kind = a.type_.enum_value().unwrap_or(AttributeType::UNDEFINED);
    let tensor = |proto: &TensorProto| -> Result<Tensor> {
        decode::tensor(proto, &format!("{node}, attribute {}", a.name), external_dir)
    };
    Ok(match kind {
        AttributeType::FLOAT => Attribute::Float(a.f),
        AttributeType::INT => Attribute::Int(a.i),
        AttributeType::STRING => Attribute::Text(String::from_utf8_lossy(&a.s).into_owned()),
        AttributeType::TENSOR => match a.t.as_ref() {
            Some(proto) => Attribute::Tensor(tensor(proto)?),
            None => Attribute::Other("missing tensor"),
        },
        AttributeType::FLOATS => Attribute::Floats(a.floats.clone()),
        AttributeType::INTS => Attribute::Ints(a.ints.clone()),
        AttributeType::GRAPH | AttributeType::GRAPHS => Attribute::Other("graph"),
        AttributeType::STRINGS => Attribute::Other("list of text"),
        AttributeType::TENSORS => Attribute::Other("list of tensors"),
        AttributeType::SPARSE_TENSOR | AttributeType::SPARSE_TENSORS => Attribute::Other("sparse tensor"),
        AttributeType::TYPE_PROTO | AttributeType::TYPE_PROTOS => Attribute::Other("type"),
        AttributeType::UNDEFINED => untyped(a),
    })
}

/// Files of the first format version leave the type out: the field that is there tells.
fn untyped(a: &AttributeProto) -> Attribute {
    if !a.ints.is_empty() {
        Attribute::Ints(a.ints.clone())
    } else if !a.floats.is_empty() {
        Attribute::Floats(a.floats.clone())
    } else if !a.s.is_empty() {
        Attribute::Text(String::from_utf8_lossy(&a.s).into_owned())
    } else if a.f != 0.0 {
        Attribute::Float(a.f)
    } else {
        Attribute::Int(a.i)
    }
}

fn value_info(proto: &ValueInfoProto) -> ValueInfo {
    let shape = match proto.type_.as_ref().and_then(|t| t.value.as_ref()) {
        Some(TypeValue::TensorType(tensor)) => tensor.shape.as_ref(),
        _ => None,
    };
    let dim = |value: &Option<DimValue>| match value {
        Some(DimValue::DimValue(n)) if *n > 0 => usize::try_from(*n).map_or(Dim::Unknown, Dim::Known),
        Some(DimValue::DimParam(name)) if !name.is_empty() => Dim::Named(name.clone()),
        _ => Dim::Unknown,
    };
    ValueInfo { name: proto.name.clone(), dims: shape.map(|s| s.dim.iter().map(|d| dim(&d.value)).collect()) }
}
