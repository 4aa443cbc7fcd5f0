//! The program `bakelite` as people use it, and the programs that it makes: same bits, same bytes, stated refusals.
//!
//! Everything runs on the embedded model and drawn pictures; models in `../shared`, or below `BAKELITE_SHARED`, are
//! tested too where they are. One crate is compiled to a program, by `demo`, and serves all tests of programs.

mod ablate;
mod adapt;
mod analyze;
mod architectures;
mod bakelite;
mod bits;
#[path = "../import_suite/builder.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod builder;
mod family;
mod foreign;
mod html;
mod images;
mod interrupt;
mod json;
mod maps;
mod models;
mod output;
mod program;
mod quantized;
mod reconstruct;
mod report;
mod same_bytes;
mod several;
mod shards;
mod specs;
mod tune;
mod usage;
mod wasm;
