//! Statistics of a whole network, and which images they come from.

use std::collections::BTreeMap;

use crate::{Error, TensorStats};

/// First bytes of a `.calib` file.
pub(crate) const MAGIC: [u8; 8] = *b"BAKELITE";
pub(crate) const MAGIC_TEXT: &str = "BAKELITE";

/// A SHA-256 of a model or of a preprocessing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

/// Names one image of a folder: the first half of the SHA-256 of its name and content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImageId(pub [u8; 16]);

fn hex(bytes: &[u8], f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! hexadecimal {
    ($type:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                hex(&self.0, f)
            }
        }
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                hex(&self.0, f)
            }
        }
    };
}
hexadecimal!(Hash);
hexadecimal!(ImageId);

/// What calibration found: the content of a `.calib` file.
///
/// Profiles of disjoint sets of images merge in any order and grouping into the same profile and the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// SHA-256 of the model.
    pub model_hash: Hash,
    /// SHA-256 of the preprocessing.
    pub preprocess_hash: Hash,
    /// Which images were seen, ascending, each once.
    pub images: Vec<ImageId>,
    /// Statistics by the tensor's name.
    pub tensors: BTreeMap<String, TensorStats>,
}

impl Profile {
    /// Layout of the `.calib` file that this program reads and writes.
    pub const VERSION: u32 = 1;

    /// Of a network, before any image was seen.
    pub fn new(model_hash: Hash, preprocess_hash: Hash) -> Self {
        Self { model_hash, preprocess_hash, images: Vec::new(), tensors: BTreeMap::new() }
    }

    /// Refuses a profile that belongs to another model or preprocessing.
    ///
    /// # Errors
    /// [`Error::Model`] or [`Error::Preprocess`], with both hashes.
    pub fn check(&self, model_hash: Hash, preprocess_hash: Hash) -> Result<(), Error> {
        if self.model_hash != model_hash {
            return Err(Error::Model { found: self.model_hash.to_string(), expected: model_hash.to_string() });
        }
        if self.preprocess_hash != preprocess_hash {
            return Err(Error::Preprocess {
                found: self.preprocess_hash.to_string(),
                expected: preprocess_hash.to_string(),
            });
        }
        Ok(())
    }

    /// Refuses statistics of activations that are not numbers.
    ///
    /// # Errors
    /// [`Error::NotFinite`], naming the tensor.
    pub fn check_finite(&self) -> Result<(), Error> {
        match self.tensors.iter().find(|(_, stats)| stats.non_finite() > 0) {
            Some((tensor, stats)) => Err(Error::NotFinite { tensor: tensor.clone(), count: stats.non_finite() }),
            None => Ok(()),
        }
    }

    /// Adds another part: other images of the same network under the same preprocessing.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Preprocess`], [`Error::Mismatch`], or [`Error::Overlap`] where an image is in both;
    /// then `self` is as it was.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.check(other.model_hash, other.preprocess_hash)?;
        let common = |id: &&ImageId| self.images.binary_search(id).is_ok();
        if let Some(first) = other.images.iter().find(common) {
            let count = other.images.iter().filter(common).count();
            return Err(Error::Overlap { count, first: first.to_string() });
        }
        self.check_tensors(other)?;
        self.images.extend_from_slice(&other.images);
        self.images.sort_unstable();
        for (name, theirs) in &other.tensors {
            match self.tensors.get_mut(name) {
                Some(ours) => ours.merge(theirs)?,
                None => drop(self.tensors.insert(name.clone(), theirs.clone())),
            }
        }
        Ok(())
    }

    /// The same tensors with the same channels in both, unless one part saw nothing yet.
    fn check_tensors(&self, other: &Self) -> Result<(), Error> {
        if self.tensors.is_empty() || other.tensors.is_empty() {
            return Ok(());
        }
        for (one, two) in [(self, other), (other, self)] {
            if let Some(name) = one.tensors.keys().find(|&name| !two.tensors.contains_key(name)) {
                return Err(Error::Mismatch(format!("tensor `{name}` is in only one of them")));
            }
        }
        for ((name, ours), theirs) in self.tensors.iter().zip(other.tensors.values()) {
            let (ours, theirs) = (ours.channels(), theirs.channels());
            if ours != theirs {
                return Err(Error::Mismatch(format!(
                    "tensor `{name}` has {ours} channels in one, {theirs} in the other"
                )));
            }
        }
        Ok(())
    }
}
