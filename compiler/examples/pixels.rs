//! Writes the pixels that a network gets of a folder's pictures, for handing another tool the very same inputs.
//!
//! ```text
//! pixels MODEL.onnx DIR OUT --preprocess NAME [--count N] [--seed S] [--rest] [--size HxW]
//! ```
//!
//! `OUT.rgb` gets the fitted pictures one after the other, height × width × RGB bytes each; `OUT.json` their names and
//! classes and what becomes of a byte: `value = (x / divisor − mean) / std` by channel of the network, which reads the
//! picture's channels in the order `order`. `--count N --seed S` chooses as `--calibration-images N --seed S` of `bakelite`
//! does; `--rest` takes all the others instead.

use bakelite::dataset::Dataset;
use bakelite::pipeline::{self, ModelOptions};
use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::Path;

const USAGE: &str = "usage: pixels MODEL.onnx DIR OUT --preprocess NAME [--count N] [--seed S] [--rest] [--size HxW]";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder, out, flags @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let mut options = ModelOptions::default();
    let (mut count, mut seed, mut rest) = (None, 0, false);
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let mut value = || flags.next().ok_or(USAGE);
        match flag.as_str() {
            "--preprocess" => options.preprocess = Some(value()?.clone()),
            "--count" => count = Some(value()?.parse()?),
            "--seed" => seed = value()?.parse()?,
            "--rest" => rest = true,
            "--size" => {
                let (height, width) = value()?.split_once('x').ok_or(USAGE)?;
                options.input_size = Some((height.parse()?, width.parse()?));
            }
            _ => return Err(USAGE.into()),
        }
    }
    let loaded = pipeline::load(Path::new(model), &options)?;
    let (prepared, _) = pipeline::prepare(&loaded, &options)?;
    let preprocess = &prepared.preprocess;
    let all = Dataset::open(Path::new(folder))?;
    let chosen = count.map_or_else(|| all.clone(), |count| all.select(count, seed));
    let dataset = if rest { all.without(&chosen) } else { chosen };

    let mut bytes = BufWriter::new(std::fs::File::create(format!("{out}.rgb"))?);
    let mut files = Vec::new();
    let skipped = dataset.stream(
        "fitting",
        &preprocess.fit,
        |sight| (sight.image.clone(), sight.rgb.to_vec()),
        |_, (image, rgb)| {
            files.push(serde_json::json!({ "name": image.name, "class": image.class }));
            bytes.write_all(&rgb).map_err(|e| {
                bakelite::error::Error::new(bakelite::error::Stage::Print, format!("cannot be written: {e}"))
                    .at(format!("{out}.rgb"))
                    .remedy("check that the disk has room")
            })
        },
    )?;
    bytes.flush()?;
    if let Some(message) = skipped.message() {
        eprintln!("{message}");
    }
    let description = serde_json::json!({
        "height": preprocess.fit.height,
        "width": preprocess.fit.width,
        "order": preprocess.order(),
        "divisor": preprocess.divisor,
        "mean": preprocess.mean,
        "std": preprocess.std,
        "files": files,
    });
    std::fs::write(format!("{out}.json"), serde_json::to_string(&description)?)?;
    Ok(())
}
