//! What Bakelite's integers mean, and kernels that compute it.
//!
//! | module | what it is |
//! |---|---|
//! | [`layer`] | shapes, windows and the constants of one layer |
//! | [`reference`](mod@reference) | `specs/arithmetic.md` as naive code: the oracle of everything else |
//! | [`isa`] | instruction sets: tokens that prove a CPU feature, and the only `unsafe` of the crate |
//! | [`pack`] | weights in the order in which the kernels of an instruction set read them |
//! | [`kernel`] | the layers, safe and generic over the instruction set |
//! | [`band`] | several layers together, some rows after the other |
//! | [`parallel`] | the same, parts of a layer by several threads |
//! | [`blob`], [`arena`] | how an emitted crate holds its constants and its maps |
//! | [`used`] | what kernels have to be able to do: an emitted crate says what of it |
//! | [`answer`] | what the codes of an answer stand for |
//!
//! Kernels are total: a shape that does not fit its buffers computes nothing, and nothing here can panic (the
//! reference, which only tests and the compiler use, may; leave out the feature `reference` to be without it).
//! Deliberately absent: allocation (but for the threads of the feature `threads`), graphs, and any choice of instruction set by the kernels themselves.
#![no_std]
#![allow(clippy::needless_range_loop, reason = "registers in arrays are counted, tiles unroll")]

pub mod answer;
pub mod arena;
pub mod band;
pub mod blob;
#[cfg(feature = "dispatch")]
pub mod dispatch;
pub mod image;
pub mod isa;
pub mod kernel;
pub mod layer;
pub mod pack;
pub mod parallel;
#[cfg(feature = "reference")]
pub mod reference;
pub mod used;
