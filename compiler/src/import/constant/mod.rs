//! An interpreter of the small computations that exporters leave in the graph: shapes, paddings, weights that are
//! reshaped, cast or scaled.

mod arithmetic;
mod quantized;
mod structure;

pub(super) use structure::slice_plan;

use super::dims::{self, Plain};
use crate::onnx::{Attribute, Data, Element, Node, Tensor};
use std::rc::Rc;

/// What a constant may be computed to: larger ones must be stored.
const LARGEST_COMPUTED: usize = 1 << 24;

/// A constant, shared: weights are never copied by looking at them.
pub(super) type Constant = Rc<Tensor>;

/// The inputs of a node, all constant; `None` where an optional one is absent.
pub(super) struct Inputs<'a> {
    /// In the node's order.
    pub values: Vec<Option<Constant>>,
    /// Whose inputs these are.
    pub node: &'a Node,
}

impl Inputs<'_> {
    /// An input that must be there.
    pub fn get(&self, index: usize) -> Plain<&Constant> {
        self.optional(index).ok_or_else(|| format!("input {index} is missing"))
    }

    /// An input that may be absent.
    pub fn optional(&self, index: usize) -> Option<&Constant> {
        self.values.get(index)?.as_ref()
    }

    /// Integers that are an input since some opset and an attribute before.
    pub fn ints(&self, index: usize, attribute: &str) -> Plain<Option<Vec<i64>>> {
        match self.optional(index) {
            Some(t) => t.as_ints().map(|v| Some(v.to_vec())).ok_or_else(|| format!("input {index} holds no integers")),
            None => Ok(self.node.ints(attribute).map(<[i64]>::to_vec)),
        }
    }
}

/// Computes a node whose inputs are all constant; `None` where the operator is not one of these.
pub(super) fn evaluate(inputs: &Inputs<'_>) -> Plain<Option<Constant>> {
    let node = inputs.node;
    let result = match node.op.as_str() {
        "Constant" => constant(node)?,
        "Identity" | "Dropout" => return Ok(Some(inputs.get(0)?.clone())),
        "Cast" => cast(inputs.get(0)?, node.int("to"))?,
        "CastLike" => convert(inputs.get(0)?, inputs.get(1)?.element),
        "Shape" => shape(&inputs.get(0)?.dims, node)?,
        "Size" => Tensor::ints(vec![], vec![inputs.get(0)?.len() as i64]),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => structure::regroup(inputs)?,
        "Transpose" => structure::transpose(inputs)?,
        "Gather" => structure::gather(inputs)?,
        "Slice" => structure::slice(inputs)?,
        "Concat" => structure::concat(inputs)?,
        "Expand" => structure::expand(inputs)?,
        "Tile" => structure::tile(inputs)?,
        "ConstantOfShape" => structure::constant_of_shape(inputs)?,
        "Range" => structure::range(inputs)?,
        "QuantizeLinear" | "DequantizeLinear" => quantized::linear(inputs)?,
        "Where" => arithmetic::select(inputs)?,
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" => arithmetic::reduce(inputs)?,
        _ => match arithmetic::elementwise(inputs)? {
            Some(tensor) => tensor,
            None => return Ok(None),
        },
    };
    Ok(Some(Rc::new(result)))
}

/// `Shape` of anything, with the `start` and `end` of opset 15.
pub(super) fn shape(dims: &[usize], node: &Node) -> Plain<Tensor> {
    let list: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
    let (start, end) = (node.int("start").unwrap_or(0), node.int("end").unwrap_or(i64::MAX));
    let taken = dims::slice_positions(list.len(), start, end, 1)?;
    Ok(Tensor::int_list(taken.into_iter().map(|i| list[i]).collect()))
}

fn constant(node: &Node) -> Plain<Tensor> {
    for (name, value) in &node.attributes {
        match (name.as_str(), value) {
            ("value", Attribute::Tensor(tensor)) => return Ok(tensor.clone()),
            ("value_float", Attribute::Float(v)) => return Ok(Tensor::floats(vec![], vec![*v])),
            ("value_floats", Attribute::Floats(v)) => {
                return Ok(Tensor::floats(vec![v.len()], v.clone()));
            }
            ("value_int", Attribute::Int(v)) => return Ok(Tensor::ints(vec![], vec![*v])),
            ("value_ints", Attribute::Ints(v)) => return Ok(Tensor::int_list(v.clone())),
            _ => {}
        }
    }
    Err("a Constant without a value that can be read".into())
}

fn cast(x: &Tensor, to: Option<i64>) -> Plain<Tensor> {
    let code = to.ok_or("Cast says no type")?;
    let element = Element::from_code(code).ok_or_else(|| format!("Cast to ONNX data type {code}"))?;
    Ok(convert(x, element))
}

/// ONNX casts floats to integers by cutting off the fraction.
pub(super) fn convert(x: &Tensor, element: Element) -> Tensor {
    let data = match (&x.data, element) {
        (Data::Floats(v), Element::Bool) => Data::Bools(v.iter().map(|&f| f != 0.0).collect()),
        (Data::Ints(v), Element::Bool) => Data::Bools(v.iter().map(|&i| i != 0).collect()),
        (Data::Bools(v), Element::Bool) => Data::Bools(v.clone()),
        (Data::Floats(v), e) if e.is_float() => Data::Floats(v.clone()),
        (Data::Ints(v), e) if e.is_float() => Data::Floats(v.iter().map(|&i| i as f32).collect()),
        (Data::Bools(v), e) if e.is_float() => Data::Floats(v.iter().map(|&b| f32::from(u8::from(b))).collect()),
        (Data::Floats(v), _) => Data::Ints(v.iter().map(|&f| f as i64).collect()),
        (Data::Ints(v), _) => Data::Ints(v.clone()),
        (Data::Bools(v), _) => Data::Ints(v.iter().map(|&b| i64::from(b)).collect()),
    };
    Tensor { dims: x.dims.clone(), element, data }
}

/// Refuses results that are larger than any constant of a network that is worth computing.
fn checked_count(dims: &[usize]) -> Plain<usize> {
    let count = dims::element_count(dims)?;
    if count > LARGEST_COMPUTED { Err(format!("a computed constant of dimensions {dims:?}")) } else { Ok(count) }
}
