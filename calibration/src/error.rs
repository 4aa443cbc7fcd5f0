//! What can be wrong with statistics and with the files that carry them.

/// A refusal, in words for the person who gave the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are not those of a `.calib` file.
    #[error("this is not a .calib file: its first bytes are not `{}`", crate::profile::MAGIC_TEXT)]
    Magic,
    /// Written by a program that knows another layout.
    #[error("the .calib file has layout version {found}, this program reads version {expected}: calibrate again")]
    Version {
        /// In the file.
        found: u32,
        /// In this program.
        expected: u32,
    },
    /// The file ends early.
    #[error("the .calib file is truncated: {found} bytes, {expected} expected")]
    Truncated {
        /// In the file.
        found: u64,
        /// By its own header.
        expected: u64,
    },
    /// The file holds something that no program of this version wrote.
    #[error("the .calib file is damaged: {0}")]
    Damaged(String),
    /// Statistics of another network.
    #[error("the .calib file belongs to another model: it says {found}, the model given is {expected}")]
    Model {
        /// Hash in the file, hexadecimal.
        found: String,
        /// Hash of the model given.
        expected: String,
    },
    /// Statistics under another preprocessing.
    #[error("the .calib file was made with another preprocessing: it says {found}, the one given is {expected}")]
    Preprocess {
        /// Hash in the file, hexadecimal.
        found: String,
        /// Hash of the preprocessing given.
        expected: String,
    },
    /// The same image in both parts of a merge.
    #[error("the parts overlap: {count} images are in both, the first is {first}; each image may count once")]
    Overlap {
        /// How many images are in both.
        count: usize,
        /// Id of the first of them, hexadecimal.
        first: String,
    },
    /// Parts that do not describe the same tensors.
    #[error("the parts do not describe the same network: {0}")]
    Mismatch(String),
    /// Activations that are not numbers.
    #[error(
        "{count} activations of tensor `{tensor}` are NaN, infinite or beyond ±2^30: \
         the float network itself gives no usable numbers there"
    )]
    NotFinite {
        /// The first such tensor in the order of names.
        tensor: String,
        /// How many values.
        count: u64,
    },
    /// An observer's name that means nothing.
    #[error(
        "unknown observer `{0}`: known are min-max, percentile:P (50 < P ≤ 100, e.g. percentile:99.99), mse, entropy"
    )]
    Observer(String),
}
