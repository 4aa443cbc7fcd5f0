//! The layers: safe, total, generic over the instruction set.
//!
//! A layer is a struct of borrowed constants that can live in a `static`; its function takes a token, the layer and
//! the maps. A buffer that is too short for the layer's shapes is left as it is. Maps that are written must have
//! the layer's length at least; `residual` is empty where the layer has none.

mod add;
mod arg_max;
mod average_pool;
mod convolution;
mod dense;
mod depthwise;
mod epilogue;
mod fixed;
mod gate;
mod gated;
mod max_pool;
mod mean;
mod planes;
mod pointwise;
mod product;
mod real;
mod rearrange;
mod resize;
mod softmax_map;
mod spread;
mod table;
mod vector;

pub use add::{Add, add};
pub use arg_max::{ArgMax, arg_max};
pub use average_pool::{AveragePool, average_pool};
pub use convolution::{Convolution, convolution};
pub use dense::{Dense, RealActivation, dense_codes, dense_reals};
pub use depthwise::{Depthwise, depthwise, depthwise_tile};
pub use gate::{Gate, gate};
pub(crate) use gated::shared as gated_by_team;
pub use gated::{Gated, SHUT, gated, gated_scratch_len};
pub use max_pool::{MaxPool, max_pool};
pub use mean::{Mean, mean, mean_reals};
pub use pointwise::{Pointwise, Tile, pointwise};
pub use product::{Product, product};
pub use real::{code_i8, exp, sigmoid, softmax};
pub use rearrange::{Part, Rearrange, rearrange};
pub use resize::{Resize, resize};
pub use softmax_map::{SoftmaxMap, softmax_map};
pub use spread::{Spread, spread};
pub use table::{ChannelTables, Table, channel_tables, table};
pub use vector::{
    Code, Dequantize, Quantize, RealFunction, RealLine, dequantize, quantize, real_add, real_function, real_line,
    real_multiply,
};
