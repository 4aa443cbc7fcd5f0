//! The demonstration: an embedded network and drawn pictures, so that the whole job runs with nothing to bring.

pub mod pictures;

use crate::error::{Error, Result, Stage};
use std::path::Path;

/// MobileNetV3-Small for ten classes of 96 × 96 pictures; `compiler/demo/README.md` says how it was trained.
pub const MODEL: &[u8] = include_bytes!("../demo/mobilenet_v3_small_demo.onnx");

/// Seed of the pictures to calibrate on; those it was trained on and those it is judged on have others.
pub const CALIBRATION_SEED: u64 = 2;

/// Seed of the held-out pictures.
pub const HELD_OUT_SEED: u64 = 3;

/// Draws `count` pictures into `folder` as PNG files, with their `labels.csv`.
pub fn draw(folder: &Path, seed: u64, count: usize) -> Result<()> {
    use rayon::prelude::*;
    let failed = |cause: String| {
        Error::new(Stage::Dataset, cause).at(folder.display().to_string()).remedy("name a writable folder with --out")
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(format!("cannot be created: {e}")))?;
    let rows: Vec<String> = (0..count as u64)
        .into_par_iter()
        .map(|index| {
            let picture = pictures::picture(seed, index);
            let file = format!("{index:05}.png");
            let image = image::RgbImage::from_raw(picture.width, picture.height, picture.rgb)
                .ok_or_else(|| failed("a picture of the wrong size was drawn".into()))?;
            image.save(folder.join(&file)).map_err(|e| failed(format!("{file} cannot be written: {e}")))?;
            Ok(format!("{file},{}\n", picture.class))
        })
        .collect::<Result<_>>()?;
    let text = format!("file,class\n{}", rows.concat());
    std::fs::write(folder.join("labels.csv"), text).map_err(|e| failed(format!("labels.csv cannot be written: {e}")))
}
