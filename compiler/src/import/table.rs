//! How ONNX spells what depends on the image: one line for each operator, and who imports it.
//!
//! What is not listed here is refused with its nearest relative ([`super::refuse`]), unless all its inputs are constant.

use super::dims::Plain;
use super::view::View;
use super::walk::{Call, Value};
use super::{conv_transpose, convolution, dense, elementwise, join, pool, quantized, rearrange, resize};

/// The values of a node's outputs, in order; a single one stands for all.
pub(super) type Import = fn(&mut Call<'_>) -> Plain<Vec<Value>>;

macro_rules! table {
    ($($($op:literal)|+ => $import:path;)*) => {
        /// Whoever imports the operator where it depends on the image.
        pub(super) fn on_maps(op: &str) -> Option<Import> {
            match op {
                $($($op)|+ => Some(|call| $import(call).map(Values::values)),)*
                _ => None,
            }
        }
    };
}

table! {
    "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Max" | "Min" => elementwise::binary;
    "ArgMax" | "TopK" => rearrange::answer;
    "AveragePool" | "MaxPool" => pool::windowed;
    "BatchNormalization" => elementwise::batch_norm;
    "CastLike" => rearrange::cast_like;
    "Concat" => join::concat;
    "Conv" => convolution::conv;
    "ConvTranspose" => conv_transpose::conv_transpose;
    "DepthToSpace" => resize::depth_to_space;
    "DequantizeLinear" => quantized::dequantize;
    "Gather" => rearrange::gather;
    "Gemm" => dense::gemm;
    "GlobalAveragePool" | "GlobalMaxPool" => pool::global;
    "Identity" | "Dropout" | "Cast" | "Expand" => rearrange::keep;
    "MatMul" => dense::matmul;
    "Abs" | "Neg" | "Relu" | "Clip" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Swish" | "Tanh" | "LeakyRelu" => elementwise::unary;
    "Pad" => convolution::pad;
    "Mean" => elementwise::mean;
    "PRelu" => elementwise::prelu;
    "QuantizeLinear" => quantized::quantize;
    "ReduceMean" | "ReduceSum" | "ReduceMax" => pool::reduce;
    "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => rearrange::regroup;
    "Resize" | "Upsample" => resize::resize;
    "Shape" => rearrange::shape;
    "Size" => rearrange::size;
    "Slice" => rearrange::slice;
    "Softmax" => elementwise::softmax;
    "SpaceToDepth" => resize::space_to_depth;
    "Split" => rearrange::split;
    "Transpose" => rearrange::transpose;
}

/// What an importer returns, as the values of its node's outputs.
trait Values {
    fn values(self) -> Vec<Value>;
}

impl Values for View {
    fn values(self) -> Vec<Value> {
        vec![Value::Map(self)]
    }
}

impl Values for Value {
    fn values(self) -> Vec<Value> {
        vec![self]
    }
}

impl Values for Vec<View> {
    fn values(self) -> Vec<Value> {
        self.into_iter().map(Value::Map).collect()
    }
}
