//! Everything from ONNX bytes to the canonical graph, in one binary.

mod builder;
mod damage;
mod models;
mod padding;
mod refusals;
mod rewrites;
mod spellings;
mod tails;
