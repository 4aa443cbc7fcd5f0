//! Statistics of many tensors from many threads, in one copy.
//!
//! Because merging is exact, it does not matter which thread adds its image first; a lock per tensor is enough and memory
//! does not grow with the number of threads.

use std::sync::{Mutex, PoisonError};

use crate::{Error, Hash, ImageId, Profile, TensorStats};

/// Collects the statistics of a fixed list of tensors.
#[derive(Debug)]
pub struct Collector {
    names: Vec<String>,
    stats: Vec<Mutex<TensorStats>>,
    images: Mutex<Vec<ImageId>>,
}

impl Collector {
    /// For tensors given by name and number of channels; [`Collector::observe`] goes by their position here.
    pub fn new(tensors: impl IntoIterator<Item = (String, usize)>) -> Self {
        let (names, stats) =
            tensors.into_iter().map(|(name, channels)| (name, Mutex::new(TensorStats::new(channels)))).unzip();
        Self { names, stats, images: Mutex::default() }
    }

    /// Adds one tensor of one image, pixels × channels. A position that was never listed is ignored.
    pub fn observe(&self, position: usize, values: &[f32]) {
        if let Some(stats) = self.stats.get(position) {
            stats.lock().unwrap_or_else(PoisonError::into_inner).update(values);
        }
    }

    /// Notes that all tensors of this image have been added.
    pub fn image(&self, id: ImageId) {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    /// The profile of everything seen.
    ///
    /// # Errors
    /// [`Error::NotFinite`] naming the first tensor whose activations are not numbers; [`Error::Overlap`] where an image
    /// was noted twice; [`Error::Mismatch`] where two tensors share a name.
    pub fn finish(self, model_hash: Hash, preprocess_hash: Hash) -> Result<Profile, Error> {
        let mut profile = Profile::new(model_hash, preprocess_hash);
        profile.images = self.images.into_inner().unwrap_or_else(PoisonError::into_inner);
        profile.images.sort_unstable();
        let twice = |pair: &&[ImageId]| pair[0] == pair[1];
        if let Some(pair) = profile.images.windows(2).find(twice) {
            let count = profile.images.windows(2).filter(twice).count();
            return Err(Error::Overlap { count, first: pair[0].to_string() });
        }
        for (name, stats) in self.names.into_iter().zip(self.stats) {
            let stats = stats.into_inner().unwrap_or_else(PoisonError::into_inner);
            if profile.tensors.insert(name.clone(), stats).is_some() {
                return Err(Error::Mismatch(format!("two tensors are named `{name}`")));
            }
        }
        profile.check_finite()?;
        Ok(profile)
    }
}
