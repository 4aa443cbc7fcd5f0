//! Bakelite: a float MobileNetV3 ONNX file becomes a small, static, dependency-free int8 crate and binary.

pub mod error;
pub mod execute;
pub mod graph;
pub mod import;
pub mod onnx;
pub mod ops;
pub mod passes;
pub mod recognise;
