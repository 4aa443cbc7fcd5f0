//! The fields of `specs/preprocess/*.yaml`.

use serde::Deserialize;

use super::{Kind, Source};
use crate::error::{Error, Result, Stage};

/// From a picture to the network's input. Channels count in the network's order.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PreprocessSpec {
    /// Height and width in pixels, if not the network's.
    pub size: Option<Size>,
    /// How the picture is resized.
    pub resize: ResizeRule,
    /// For `shorter-side`: the shorter side is `⌊shorter side of the network's input / crop-ratio⌋`.
    #[serde(default = "one")]
    pub crop_ratio: f64,
    /// For `shorter-side`: length of the shorter side in pixels, instead of `crop-ratio`.
    pub side: Option<usize>,
    /// What lies where the picture does not reach.
    #[serde(default)]
    pub pad: Pad,
    /// Order of the network's channels.
    #[serde(default)]
    pub channels: Channels,
    /// Codes 0…255 are divided by this first.
    #[serde(default = "one")]
    pub divisor: f32,
    /// Then this is subtracted.
    #[serde(default)]
    pub mean: [f32; 3],
    /// Then this divides.
    #[serde(default = "ones")]
    pub std: [f32; 3],
}

/// Height and width in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// How a picture is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeRule {
    /// The shorter side gets a length, the ratio stays, the centre is cropped.
    ShorterSide,
    /// Height and width become the network's, the ratio is lost.
    Squash,
    /// The height becomes the network's, the ratio stays, the right is padded.
    KeepRatioPad,
}

/// What lies where the picture does not reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pad {
    /// Code 0.
    #[default]
    Black,
    /// The code nearest to the value 0 of the network's input.
    Mean,
}

/// Order of the network's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
}

fn one<T: From<u8>>() -> T {
    T::from(1)
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

/// Reads a preprocess specification by name or path.
///
/// # Errors
/// As [`super::load`], and where a number makes no sense.
pub fn load(name_or_path: &str) -> Result<PreprocessSpec> {
    let source = super::read(Kind::Preprocess, name_or_path)?;
    parse(&source)
}

/// Parses and checks a preprocess specification.
///
/// # Errors
/// As [`super::parse`], and where a number makes no sense.
pub fn parse(source: &Source) -> Result<PreprocessSpec> {
    let spec: PreprocessSpec = super::parse(source)?;
    let divides = |x: f32| x.is_finite() && x != 0.0;
    let cause = if !divides(spec.divisor) || !spec.std.iter().copied().all(divides) {
        "`divisor` and `std` divide: they must be finite and not 0"
    } else if !spec.mean.iter().all(|x| x.is_finite()) {
        "`mean` must be finite"
    } else if !(spec.crop_ratio > 0.0 && spec.crop_ratio <= 1.0) {
        "`crop-ratio` must lie in 0…1, without 0"
    } else if spec.side == Some(0) || spec.size.is_some_and(|size| size.height == 0 || size.width == 0) {
        "lengths must be at least one pixel"
    } else if spec.resize != ResizeRule::ShorterSide && (spec.side.is_some() || spec.crop_ratio != 1.0) {
        "`side` and `crop-ratio` go with `resize: shorter-side` only"
    } else if spec.side.is_some() && spec.crop_ratio != 1.0 {
        "`side` and `crop-ratio` exclude each other"
    } else {
        return Ok(spec);
    };
    Err(Error::new(Stage::Specs, cause)
        .at(&source.origin)
        .remedy("correct the file; the files in specs/preprocess are examples"))
}
