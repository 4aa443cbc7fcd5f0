//! From the model's file to statistics, and from there to integers: once for a model, as often as there are recipes.

use super::{Quantized, Request, looks_wrong, read_profile};
use crate::calibrate;
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::pipeline::{self, Loaded, Prepared};
use crate::qgraph::QGraph;
use crate::quantize::filters::Filters;
use crate::quantize::recipe::Recipe;
use crate::quantize::{self, Draft, given};
use crate::reconstruct::{self, Reconstruction};
use crate::sensitivity;
use bakelite_calibration::Profile;
use std::sync::OnceLock;

/// What every recipe starts from.
pub struct Calibrated {
    /// As read.
    pub loaded: Loaded,
    /// With preprocessing folded in.
    pub prepared: Prepared,
    /// The recipe that was asked for.
    pub recipe: Recipe,
    /// Statistics.
    pub profile: Profile,
    /// Pictures to calibrate on, where there are any.
    pub chosen: Option<Dataset>,
    /// What to know.
    pub notes: Vec<String>,
    /// Whether the statistics are of these pictures, not from a file.
    of_pictures: bool,
    /// These pictures as the network takes them, once they are asked for.
    pixels: OnceLock<Result<Vec<Vec<u8>>>>,
}

/// What a recipe makes of it.
pub struct Integers {
    /// The network.
    pub q: QGraph,
    /// The integer weights of each site.
    pub filters: Vec<Option<Filters>>,
    /// The node of each site.
    pub node: Vec<usize>,
    /// What reconstruction did, where the recipe asks for it and pictures are there.
    pub reconstruction: Option<Reconstruction>,
    /// What to know.
    pub notes: Vec<String>,
}

/// Reads, prepares and calibrates.
///
/// # Errors
/// Where a stage refuses.
pub fn calibrated(request: &Request) -> Result<Calibrated> {
    let loaded = pipeline::load(&request.model, &request.options)?;
    let (prepared, log) = pipeline::prepare(&loaded, &request.options)?;
    let mut notes = loaded.notes.clone();
    notes.extend(log);
    notes.push(format!("preprocessing `{}`: {}", prepared.preprocess_name, prepared.preprocess_reason));
    let mut recipe = Recipe::load(&request.recipe)?;
    if prepared.graph.is_quantized() {
        recipe = recipe.of_given_codes();
    }
    let chosen = match request.images.as_os_str().is_empty() {
        true => None,
        false => Some(Dataset::open(&request.images)?.select(request.calibration_images, request.seed)),
    };
    let profile = match (&request.calib, &chosen) {
        (Some(path), _) => read_profile(path, &loaded, &prepared.preprocess)?,
        (None, None) => {
            return Err(Error::new(Stage::Dataset, "no pictures to calibrate on").remedy("name a folder with --images"));
        }
        (None, Some(chosen)) => {
            let (profile, skipped) = calibrate::calibrate(&prepared.graph, chosen, &prepared.preprocess, loaded.hash)?;
            notes.extend(skipped.message());
            notes.push(format!("calibrated on {} images of {}", profile.images.len(), request.images.display()));
            profile
        }
    };
    notes.extend(looks_wrong(&prepared, &profile));
    let of_pictures = request.calib.is_none();
    Ok(Calibrated { loaded, prepared, recipe, profile, chosen, notes, of_pictures, pixels: OnceLock::new() })
}

impl Calibrated {
    /// The integers that `recipe` makes.
    ///
    /// # Errors
    /// Where it cannot: an accumulator that could overflow, say.
    pub fn integers(&self, recipe: &Recipe) -> Result<Integers> {
        self.integers_from(recipe, &self.profile, usize::MAX)
    }

    /// The same as if only the first `count` pictures had been there.
    ///
    /// # Errors
    /// As [`Calibrated::integers`]; where the statistics came from a file.
    pub fn integers_of_few(&self, recipe: &Recipe, count: usize) -> Result<Integers> {
        let Prepared { graph, preprocess, .. } = &self.prepared;
        let missing = || Error::new(Stage::Dataset, "there are no pictures to take fewer of");
        let few = self.chosen.as_ref().filter(|_| self.of_pictures).ok_or_else(missing)?.first(count);
        let (profile, _) = calibrate::calibrate(graph, &few, preprocess, self.loaded.hash)?;
        self.integers_from(recipe, &profile, count)
    }

    fn integers_from(&self, recipe: &Recipe, profile: &Profile, most: usize) -> Result<Integers> {
        let graph = &self.prepared.graph;
        let mut ranges = calibrate::ranges(graph, profile, recipe)?;
        let (mut reconstruction, mut notes) = (None, Vec::new());
        let looks_again = recipe.reconstructs() || recipe.weighs();
        let images = match self.pixels().filter(|_| looks_again).transpose()? {
            Some(pixels) => pixels.get(..recipe.settings.images.min(most)).unwrap_or(pixels),
            None => &[],
        };
        if looks_again && images.is_empty() {
            notes.push(
                "warning: ranges are those of the statistics, and layers were not reconstructed, because only statistics were given; \
                 name the pictures with --images too"
                    .into(),
            );
        }
        notes.extend(sensitivity::apply(&self.prepared, profile, recipe, images, &mut ranges)?);
        let mut draft = quantize::draft(graph, &ranges, recipe)?;
        if recipe.reconstructs() && !images.is_empty() {
            let result = reconstruct::reconstruct(self.prepared.truth(), &mut draft, images.to_vec(), recipe)?;
            notes.push(result.to_string());
            reconstruction = Some(result);
        }
        notes.extend(given::note(graph, &draft));
        let Draft { q, filters, node, .. } = draft;
        Ok(Integers { q, filters, node, reconstruction, notes })
    }

    /// The pictures as the network takes them, as many as the recipe that was asked for wants; none where there are none.
    fn pixels(&self) -> Option<Result<&[Vec<u8>]>> {
        let chosen = self.chosen.as_ref()?.first(self.recipe.settings.images);
        let read = || {
            let mut images = Vec::with_capacity(chosen.len());
            chosen.stream(
                "reading",
                &self.prepared.preprocess.fit,
                |sight| sight.rgb.to_vec(),
                |_, image| {
                    images.push(image);
                    Ok(())
                },
            )?;
            Ok(images)
        };
        Some(self.pixels.get_or_init(read).as_deref().map_err(Error::clone))
    }

    /// All of it in one, with the integers of [`Calibrated::recipe`].
    pub fn with(self, integers: Integers) -> Quantized {
        let Self { loaded, prepared, recipe, profile, chosen, mut notes, of_pictures, pixels: _ } = self;
        let Integers { q, filters, node, reconstruction, notes: more } = integers;
        notes.extend(more);
        let calibrated_on = chosen.filter(|_| of_pictures || reconstruction.is_some());
        Quantized { loaded, prepared, recipe, q, filters, node, profile, calibrated_on, reconstruction, notes }
    }
}
