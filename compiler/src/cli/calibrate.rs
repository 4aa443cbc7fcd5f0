//! `calibrate`.

use super::arguments::CalibrateArguments;
use super::{complain, print_notes};
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::interrupt::Staged;
use crate::{calibrate as collect, pipeline};
use bakelite_calibration::Profile;
use std::io::Write;
use std::path::Path;

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
    write(&arguments.out, &profile.encode())?;
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

/// All or nothing.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| {
        Error::new(Stage::Calibrate, format!("cannot be written: {e}"))
            .at(path.display().to_string())
            .remedy("check that the folder exists, is writable and the disk has room")
    };
    // A device or pipe, such as /dev/stdout, is written to; a file is replaced.
    if std::fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return std::fs::write(path, bytes).map_err(failed);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (_staged, mut file) = Staged::make(|| readable().prefix(".bakelite-").tempfile_in(folder)).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Temporary files are their maker's alone by default; this one becomes a file for everybody that the umask allows.
fn readable<'a, 'b>() -> tempfile::Builder<'a, 'b> {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}
