//! Everything from ONNX bytes to the canonical graph, in one binary.

mod architectures;
mod builder;
mod damage;
mod joins;
mod maps;
mod models;
mod padding;
mod quantized;
mod refusals;
mod rewrites;
mod spellings;
mod tails;
