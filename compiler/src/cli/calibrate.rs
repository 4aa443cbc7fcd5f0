//! `calibrate`.

use super::arguments::CalibrateArguments;
use super::{complain, output, print_notes};
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::{calibrate as collect, pipeline};
use bakelite_calibration::Profile;

/// `bakelite calibrate`.
pub fn calibrate(arguments: &CalibrateArguments) -> Result<()> {
    let profile = match (&arguments.model, &arguments.images) {
        (Some(model), Some(images)) => {
            let options = arguments.reading.options();
            let loaded = pipeline::load(model, &options)?;
            let (prepared, _) = pipeline::prepare(&loaded, &options)?;
            let mut dataset = Dataset::open(images)?;
            if let Some(count) = arguments.calibration_images {
                dataset = dataset.select(count, arguments.seed);
            }
            if let Some(shard) = arguments.shard {
                dataset = dataset.shard(shard);
            }
            if dataset.is_empty() {
                return Err(Error::new(Stage::Dataset, "this part has no pictures").remedy("use fewer parts"));
            }
            let (profile, skipped) = collect::calibrate(&prepared.graph, &dataset, &prepared.preprocess, loaded.hash)?;
            print_notes(&skipped.message().into_iter().collect::<Vec<_>>());
            profile
        }
        _ => merge(&arguments.merge)?,
    };
    output::write(Stage::Calibrate, &arguments.out, &profile.encode())?;
    complain(format!(
        "{} images, {} tensors → {}",
        profile.images.len(),
        profile.tensors.len(),
        arguments.out.display()
    ));
    Ok(())
}

fn merge(files: &[std::path::PathBuf]) -> Result<Profile> {
    let mut merged: Option<Profile> = None;
    for path in files {
        let failed = |cause: String| {
            Error::new(Stage::Calibrate, cause)
                .at(path.display().to_string())
                .remedy("merge files that `calibrate --shard` wrote for one model, preprocessing and folder")
        };
        let bytes = std::fs::read(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
        let part = Profile::decode(&bytes).map_err(|e| failed(e.to_string()))?;
        match &mut merged {
            None => merged = Some(part),
            Some(all) => all.merge(&part).map_err(|e| failed(e.to_string()))?,
        }
    }
    merged.ok_or_else(|| Error::new(Stage::Arguments, "nothing to merge"))
}
