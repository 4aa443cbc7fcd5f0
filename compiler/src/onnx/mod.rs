//! An ONNX file as it is: faithful, no opinions.
//!
//! [`read`] turns bytes into a [`Model`] whose tensors are decoded and whose dimensions are checked against the bytes
//! that are really there. Nothing is allocated from a size that the file merely claims.

mod decode;
mod external;
mod read;
mod tensor;

pub use read::read;
pub use tensor::{Data, Element, Tensor};

/// What a file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Program that wrote the file.
    pub producer: String,
    /// Its version.
    pub producer_version: String,
    /// Version of the file format.
    pub ir_version: i64,
    /// Operator sets: `(domain, version)`; the standard one has an empty domain.
    pub opsets: Vec<(String, i64)>,
    /// Free-form pairs.
    pub metadata: Vec<(String, String)>,
    /// Model-local functions.
    pub functions: Vec<Function>,
    /// Name of the graph.
    pub name: String,
    /// In file order.
    pub nodes: Vec<Node>,
    /// Constant tensors by name.
    pub initializers: Vec<(String, Tensor)>,
    /// What is fed, without those that are initializers.
    pub inputs: Vec<ValueInfo>,
    /// What is answered.
    pub outputs: Vec<ValueInfo>,
}

impl Model {
    /// Version of the standard operator set.
    pub fn opset(&self) -> i64 {
        self.opsets.iter().find(|(domain, _)| is_standard_domain(domain)).map_or(1, |&(_, version)| version)
    }
}

/// Whether a domain is that of the standard operators.
pub fn is_standard_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// One operator call.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, or one made of its operator and position where the file gives none.
    pub name: String,
    /// The operator's name.
    pub op: String,
    /// The operator's domain, empty for the standard one.
    pub domain: String,
    /// Which of several model-local functions of that name.
    pub overload: String,
    /// Names of what it reads; an empty name is an absent optional input.
    pub inputs: Vec<String>,
    /// Names of what it writes.
    pub outputs: Vec<String>,
    /// In file order.
    pub attributes: Vec<(String, Attribute)>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f32),
    /// An integer.
    Int(i64),
    /// Text.
    Text(String),
    /// A tensor.
    Tensor(Tensor),
    /// Numbers.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// In the body of a function: the value of the call's attribute of this name.
    Reference(String),
    /// Anything else (graphs, types, lists of text), by the name of its kind.
    Other(&'static str),
}

impl Node {
    /// An attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// An integer attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            Attribute::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A number attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.attribute(name)? {
            Attribute::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attribute(name)? {
            Attribute::Ints(values) => Some(values),
            _ => None,
        }
    }

    /// A list of numbers.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.attribute(name)? {
            Attribute::Floats(values) => Some(values),
            _ => None,
        }
    }

    /// A text attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attribute::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Name of an input; `None` where it is absent or empty.
    pub fn input(&self, index: usize) -> Option<&str> {
        self.inputs.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// A model-local function: a named sub-graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name, called as an operator.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Which of several with the same name and domain.
    pub overload: String,
    /// Names in the body.
    pub inputs: Vec<String>,
    /// Names in the body.
    pub outputs: Vec<String>,
    /// Attributes with a default.
    pub defaults: Vec<(String, Attribute)>,
    /// The body.
    pub nodes: Vec<Node>,
}

/// Name and shape of an input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueInfo {
    /// Its name.
    pub name: String,
    /// `None` where the file gives no shape.
    pub dims: Option<Vec<Dim>>,
}

/// A dimension of a [`ValueInfo`].
#[derive(Clone, Debug, PartialEq)]
pub enum Dim {
    /// A positive number.
    Known(usize),
    /// A name, as in `batch`.
    Named(String),
    /// Absent, zero or negative.
    Unknown,
}
