//! What floats say: statistics of activations, and the observers that turn them into ranges.
//!
//! ```text
//!  activations ──update──► TensorStats ──Distribution──► Observer ──► Range {lo, hi}
//!                               │ merge: associative and commutative, bit for bit
//!                               ▼
//!                            Profile ◄──encode / decode──► .calib  (specs/calib.proto)
//! ```
//!
//! Nothing here knows of graphs: a tensor is a name, a number of channels and a stream of pixels. Nothing depends on the
//! order in which images come, on the number of threads, or on the machine: every operation on floats is one that
//! IEEE 754 defines exactly, and everything that is summed over images is summed as integers.

pub mod bins;
mod calib_file;
mod collector;
mod distribution;
mod error;
pub mod observers;
mod profile;
mod stats;
mod update;

pub use collector::Collector;
pub use distribution::{Bin, Distribution};
pub use error::Error;
pub use observers::{Observer, Range};
pub use profile::{Hash, ImageId, Profile};
pub use stats::TensorStats;
