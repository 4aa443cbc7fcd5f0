//! What Bakelite's integers mean, and kernels that compute it.
#![no_std]

pub mod image;
pub mod layer;
