//! From the bytes of a JPEG or PNG file to 8-bit RGB.
//!
//! This file depends on the crates `zune-jpeg` and `png` alone, and is written into the emitted crate as it is: calibration
//! and the emitted program see the same pixels. What Pillow's `convert("RGB")` does is done here: alpha is dropped, palettes are
//! looked up, grey is repeated, CMYK becomes RGB. Of 16-bit samples the upper eight bits stay (where Pillow saturates 16-bit
//! grey). Orientation tags are ignored, as Pillow and torchvision do.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most pixels that a picture may have; more is taken for an attack.
pub const MOST_PIXELS: usize = 100_000_000;

/// A picture in 8-bit RGB, interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height · width · 3` bytes.
    pub rgb: Vec<u8>,
}

/// Decodes a JPEG or PNG file, told apart by its first bytes.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn decode(bytes: &[u8]) -> Result<Picture, String> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        jpeg(bytes).map_err(|cause| format!("not a readable JPEG file: {cause}"))
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes).map_err(|cause| format!("not a readable PNG file: {cause}"))
    } else if bytes.is_empty() {
        Err("the file is empty".to_owned())
    } else {
        Err("neither a JPEG nor a PNG file by its first bytes".to_owned())
    }
}

/// Number of pixels, unless there are none or too many.
fn pixels(height: usize, width: usize) -> Result<usize, String> {
    match height.checked_mul(width) {
        Some(0) => Err("it has no pixels".to_owned()),
        Some(pixels) if pixels <= MOST_PIXELS => Ok(pixels),
        _ => Err(format!("{width} × {height} pixels are more than the limit of {MOST_PIXELS}")),
    }
}

fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    // Without intrinsics: the same pixels on every processor. Strict: half a picture is no picture.
    let options = DecoderOptions::default()
        .set_use_unsafe(false)
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|cause| cause.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    let length = pixels(height, width)? * 3;
    let rgb = decoder.decode().map_err(|cause| cause.to_string())?;
    if rgb.len() == length {
        Ok(Picture { height, width, rgb })
    } else {
        Err("it has an unknown kind of colour".to_owned())
    }
}

fn png(bytes: &[u8]) -> Result<Picture, String> {
    let limits = png::Limits { bytes: MOST_PIXELS * 8 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    let header = decoder.read_header_info().map_err(|cause| cause.to_string())?;
    let (width, height) = (header.width as usize, header.height as usize);
    let pixels = pixels(height, width)?;
    let mut reader = decoder.read_info().map_err(|cause| cause.to_string())?;
    let (color, depth) = reader.output_color_type();
    let samples = color.samples();
    let length = pixels * samples;
    if depth != png::BitDepth::Eight || reader.output_buffer_size() != Some(length) {
        return Err("it has an unknown kind of colour".to_owned());
    }
    let mut data = vec![0; length];
    reader.next_frame(&mut data).map_err(|cause| cause.to_string())?;
    let rgb = match samples {
        3 => data,
        4 => data.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        samples => data.chunks_exact(samples).flat_map(|pixel| [pixel[0]; 3]).collect(),
    };
    Ok(Picture { height, width, rgb })
}
