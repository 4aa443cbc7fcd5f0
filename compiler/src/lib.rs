//! Bakelite: a float MobileNetV3 ONNX file becomes a small, static, dependency-free int8 crate and binary.

pub mod dataset;
pub mod error;
pub mod graph;
pub mod ops;
pub mod specs;
