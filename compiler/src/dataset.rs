//! Pictures from a folder: which there are, in which order, and what the network sees of them.
//!
//! ```text
//! folder ──open──► Dataset ──select, shard──► Dataset ──stream(Fit)──► pixels, one picture at a time
//! ```
//!
//! The order never depends on the file system, and memory never on the number of pictures.

pub mod decode;
mod folder;
mod load;
mod preprocess;
mod stream;

pub use folder::{Dataset, Image, Shard};
pub use load::{Loader, decode_any};
pub use preprocess::{Preprocess, Statistics};
pub use stream::{Sight, Skipped};
