//! Bakelite: a float MobileNetV3 ONNX file becomes a small, static, dependency-free int8 crate and binary.
//!
//! `pipeline` reads as the table of contents; every stage is a function from value to value, named for what it returns.

pub mod ablate;
pub mod adapt;
pub mod analyze;
pub mod build;
pub mod calibrate;
pub mod cli;
pub mod compile;
pub mod cost;
pub mod dataset;
pub mod demo;
pub mod emit;
pub mod error;
pub mod evaluate;
pub mod execute;
pub mod explain;
pub mod golden;
pub mod graph;
pub mod import;
pub mod interrupt;
pub mod model;
pub mod onnx;
pub mod ops;
pub mod passes;
pub mod pipeline;
pub mod plan;
pub mod progress;
pub mod qgraph;
pub mod quantize;
pub mod recognise;
pub mod reconstruct;
pub mod report;
pub mod roofline;
pub mod sensitivity;
pub mod specs;
pub mod tune;
pub mod units;
pub mod verify;
pub mod weightless;
