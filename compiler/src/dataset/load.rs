//! One picture file: read, decoded, fitted to the network's input.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bakelite_calibration::ImageId;
use bakelite_runtime::image::{Fit, FitError, Scratch};
use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, Limits};
use sha2::{Digest, Sha256};

use super::decode::{self, MOST_PIXELS, Picture};

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 29;

/// Buffers of one thread, reused from picture to picture.
#[derive(Debug, Default)]
pub struct Loader {
    weights: Vec<i32>,
    rows: Vec<u8>,
    output: Vec<u8>,
}

impl Loader {
    /// Reads and fits a picture file; returns its id under that name, and the network's input in RGB.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn load(&mut self, path: &Path, name: &str, fit: &Fit) -> Result<(ImageId, &[u8]), String> {
        let bytes = read(path)?;
        let id = id(name, &bytes);
        let picture = decode_any(&bytes)?;
        drop(bytes);
        Ok((id, self.fit(&picture, fit)?))
    }

    /// Fits a decoded picture.
    ///
    /// # Errors
    /// Where its size or the network's makes no sense.
    pub fn fit(&mut self, picture: &Picture, fit: &Fit) -> Result<&[u8], String> {
        let say = |error: FitError| match error {
            FitError::Size => format!("{} × {} pixels do not fit the network's input", picture.width, picture.height),
            FitError::Buffer => "a buffer has the wrong length".to_owned(),
        };
        let size = fit.scratch(picture.height, picture.width).map_err(say)?;
        self.weights.resize(size.weights.max(self.weights.len()), 0);
        self.rows.resize(size.rows.max(self.rows.len()), 0);
        self.output.resize(fit.output_len().ok_or(FitError::Size).map_err(say)?, 0);
        let mut scratch = Scratch { weights: &mut self.weights, rows: &mut self.rows };
        fit.apply(&picture.rgb, picture.height, picture.width, &mut scratch, &mut self.output).map_err(say)?;
        Ok(&self.output)
    }
}

/// Reads a file of sane length.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(path).map_err(|cause| cause.to_string())?.len();
    if length > MOST_BYTES {
        return Err(format!("{length} bytes are more than the limit of {MOST_BYTES}"));
    }
    std::fs::read(path).map_err(|cause| cause.to_string())
}

/// First half of the SHA-256 of name and content.
fn id(name: &str, bytes: &[u8]) -> ImageId {
    let digest = Sha256::new().chain_update(name).chain_update([0]).chain_update(bytes).finalize();
    let mut id = ImageId::default();
    id.0.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// Decodes JPEG, PNG or WebP, told apart by the first bytes. A decoder that gives up by panicking counts as a refusal.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn decode_any(bytes: &[u8]) -> Result<Picture, String> {
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        if is_webp(bytes) {
            webp(bytes).map_err(|cause| format!("not a readable WebP file: {cause}"))
        } else {
            decode::decode(bytes).map_err(|cause| cause.replace("neither a JPEG nor a PNG", "no JPEG, PNG or WebP"))
        }
    }));
    decoded.unwrap_or_else(|_| Err("its content makes the decoder give up".to_owned()))
}

fn is_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

fn webp(bytes: &[u8]) -> Result<Picture, String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|cause| cause.to_string())?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_PIXELS as u64 * 8);
    decoder.set_limits(limits).map_err(|cause| cause.to_string())?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let samples = usize::from(decoder.color_type().channel_count());
    let length = match height.checked_mul(width) {
        Some(pixels) if pixels > 0 && pixels <= MOST_PIXELS && matches!(samples, 3 | 4) => pixels * samples,
        _ => return Err(format!("{width} × {height} pixels, the limit is {MOST_PIXELS}")),
    };
    let mut data = vec![0; length];
    decoder.read_image(&mut data).map_err(|cause| cause.to_string())?;
    let rgb =
        if samples == 3 { data } else { data.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect() };
    Ok(Picture { height, width, rgb })
}
