//! Every picture of a dataset through a function, in parallel, in bounded memory.
//!
//! Pictures are taken in windows of a few per thread: a window's pictures are read, decoded, fitted and seen in parallel, then its
//! results are handed over in the order of the dataset. What is alive at any time is one decoded picture per thread and one window
//! of results.

use bakelite_calibration::ImageId;
use bakelite_runtime::image::Fit;
use rayon::prelude::*;

use super::{Dataset, Image, Loader};
use crate::error::{Error, Result, Stage};
use crate::progress;

/// Pictures per thread and window.
const WINDOW: usize = 8;

/// How many unreadable pictures a message names.
const NAMED: usize = 5;

/// One picture as the network gets it.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Position in the dataset.
    pub position: usize,
    /// Its file.
    pub image: &'a Image,
    /// Names it in a profile.
    pub id: ImageId,
    /// The network's input, height × width × RGB.
    pub rgb: &'a [u8],
}

/// Pictures that could not be read, with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Name and reason, in the order of the dataset.
    pub images: Vec<(String, String)>,
}

impl Skipped {
    /// One line that counts and names them; `None` where there are none.
    pub fn message(&self) -> Option<String> {
        let count = self.images.len();
        if count == 0 {
            return None;
        }
        let named: Vec<_> = self.images.iter().take(NAMED).map(|(name, cause)| format!("{name} ({cause})")).collect();
        let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
        let noun = if count == 1 { "picture was" } else { "pictures were" };
        Some(format!("{count} {noun} skipped: {}{more}", named.join(", ")))
    }
}

impl Dataset {
    /// Sees every picture through `see`, on all threads, and hands results to `take` one after the other in the order of the
    /// dataset, with the picture's position. Unreadable pictures are skipped.
    ///
    /// A progress bar named `label` shows on the terminal, if standard error is one.
    ///
    /// # Errors
    /// What `take` refuses, at once; and where no picture at all could be read.
    pub fn stream<T: Send>(
        &self,
        label: &str,
        fit: &Fit,
        see: impl Fn(Sight<'_>) -> T + Sync,
        mut take: impl FnMut(usize, T) -> Result<()>,
    ) -> Result<Skipped> {
        let bar = progress::bar(label, self.len(), "pictures");
        let mut skipped = Skipped::default();
        let window = WINDOW * rayon::current_num_threads();
        for (start, images) in (0..).step_by(window).zip(self.images().chunks(window)) {
            let seen: Vec<_> = images
                .par_iter()
                .enumerate()
                .with_max_len(1)
                .map_init(Loader::default, |loader, (offset, image)| {
                    let loaded = loader.load(&image.path, &image.name, fit);
                    let result = loaded.map(|(id, rgb)| see(Sight { position: start + offset, image, id, rgb }));
                    bar.inc(1);
                    result
                })
                .collect();
            for ((position, image), seen) in (start..).zip(images).zip(seen) {
                match seen {
                    Ok(result) => take(position, result)?,
                    Err(cause) => skipped.images.push((image.name.clone(), cause)),
                }
            }
        }
        bar.finish_and_clear();
        if !self.is_empty() && skipped.images.len() == self.len() {
            let cause = format!("none of the pictures can be read; {}", skipped.message().unwrap_or_default());
            return Err(Error::new(Stage::Dataset, cause)
                .at(self.folder().display().to_string())
                .remedy("name a folder of JPEG, PNG or WebP pictures"));
        }
        Ok(skipped)
    }
}
