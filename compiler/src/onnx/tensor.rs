//! A constant tensor.

/// Row-major values with their dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Empty for a scalar.
    pub dims: Vec<usize>,
    /// What the file stores.
    pub element: Element,
    /// As many as the product of `dims`.
    pub data: Data,
}

/// Element types of the file that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Element {
    F32,
    F16,
    BF16,
    F64,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

/// Values; every float type is widened or rounded to f32, every integer type to i64.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Floats.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// Truth values.
    Bools(Vec<bool>),
}

impl Data {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Data::Floats(v) => v.len(),
            Data::Ints(v) => v.len(),
            Data::Bools(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Element {
    /// The element type of an ONNX `TensorProto.DataType`.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            1 => Element::F32,
            2 => Element::U8,
            3 => Element::I8,
            4 => Element::U16,
            5 => Element::I16,
            6 => Element::I32,
            7 => Element::I64,
            9 => Element::Bool,
            10 => Element::F16,
            11 => Element::F64,
            12 => Element::U32,
            13 => Element::U64,
            16 => Element::BF16,
            _ => return None,
        })
    }

    /// Bytes of one element in `raw_data`.
    pub fn size(self) -> usize {
        match self {
            Element::F64 | Element::I64 | Element::U64 => 8,
            Element::F32 | Element::I32 | Element::U32 => 4,
            Element::F16 | Element::BF16 | Element::I16 | Element::U16 => 2,
            Element::I8 | Element::U8 | Element::Bool => 1,
        }
    }

    /// Whether it is a floating point type.
    pub fn is_float(self) -> bool {
        matches!(self, Element::F32 | Element::F16 | Element::BF16 | Element::F64)
    }
}

impl Tensor {
    /// Floats with dimensions.
    pub fn floats(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Self { dims, element: Element::F32, data: Data::Floats(values) }
    }

    /// Integers with dimensions.
    pub fn ints(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self { dims, element: Element::I64, data: Data::Ints(values) }
    }

    /// A list of integers.
    pub fn int_list(values: Vec<i64>) -> Self {
        Self::ints(vec![values.len()], values)
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The values, where they are floats.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Floats(values) => Some(values),
            Data::Ints(_) | Data::Bools(_) => None,
        }
    }

    /// The values, where they are integers.
    pub fn as_ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Ints(values) => Some(values),
            Data::Floats(_) | Data::Bools(_) => None,
        }
    }

    /// The only value, of whatever kind, as a float.
    pub fn scalar(&self) -> Option<f32> {
        match &self.data {
            Data::Floats(v) if v.len() == 1 => v.first().copied(),
            Data::Ints(v) if v.len() == 1 => v.first().map(|&i| i as f32),
            Data::Floats(_) | Data::Ints(_) | Data::Bools(_) => None,
        }
    }
}
