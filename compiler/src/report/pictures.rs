//! Pictures whose best class changed between float and int8, and a few for which it did not.

use super::Contents;
use crate::dataset::{Dataset, Loader};
use crate::evaluate::Outcome;
use bakelite_runtime::image::Fit;
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use serde::Serialize;

/// How many pictures that changed are shown.
const CHANGED: usize = 12;
/// How many that agree.
const AGREEING: usize = 6;
/// Longer side of a picture in the report.
const SIDE: u32 = 160;
/// Quality of its JPEG.
const QUALITY: u8 = 82;

/// All pictures to show.
#[derive(Debug, Default, Serialize)]
pub struct Pictures {
    changed: Vec<Picture>,
    /// How many changed, shown or not.
    changed_in_all: usize,
    agreeing: Vec<Picture>,
    /// How many were compared.
    compared: usize,
}

/// One picture.
#[derive(Debug, Serialize)]
struct Picture {
    file: String,
    /// As the network sees it: a JPEG as data URI; none where the file cannot be read any more.
    data: Option<String>,
    width: u32,
    height: u32,
    label: Option<String>,
    float: Answer,
    int8: Answer,
}

/// What a network says of it.
#[derive(Debug, Serialize)]
struct Answer {
    class: String,
    score: String,
    /// `right` or `wrong`, where there is a label.
    mark: &'static str,
}

/// Chooses and encodes them.
pub fn pictures(contents: &Contents<'_>) -> Pictures {
    let Some((dataset, evaluation)) = contents.evaluation.filter(|_| contents.plan.scores().is_some()) else {
        return Pictures::default();
    };
    let fit = &contents.work.prepared.preprocess.fit;
    let (agreeing, changed): (Vec<&Outcome>, Vec<&Outcome>) =
        evaluation.outcomes.iter().partition(|o| o.float_top1 == o.int8_top1);
    let mut loader = Loader::default();
    let mut show = |outcomes: &[&Outcome], most: usize| {
        // Spread over the whole list, so that one folder of a class does not fill the page.
        let shown = outcomes.len().min(most);
        let chosen = (0..shown).map(|i| outcomes[i * outcomes.len() / shown]);
        chosen.map(|outcome| picture(outcome, dataset, &mut loader, fit, &contents.facts.labels)).collect()
    };
    Pictures {
        changed: show(&changed, CHANGED),
        changed_in_all: changed.len(),
        agreeing: show(&agreeing, AGREEING),
        compared: evaluation.outcomes.len(),
    }
}

fn picture(outcome: &Outcome, dataset: &Dataset, loader: &mut Loader, fit: &Fit, labels: &[String]) -> Picture {
    let thumbnail = by_name(&outcome.file, dataset, loader, fit);
    let name = |class: usize| match labels.get(class) {
        Some(label) if !label.is_empty() => label.clone(),
        _ => format!("class {class}"),
    };
    let answer = |class: usize, score: f32| Answer {
        class: name(class),
        score: format!("{:.1} %", 100.0 * score),
        mark: match outcome.class {
            Some(label) if label == class => "right",
            Some(_) => "wrong",
            None => "",
        },
    };
    let (width, height) = thumbnail.as_ref().map_or((SIDE, SIDE), |(_, width, height)| (*width, *height));
    Picture {
        file: outcome.file.clone(),
        data: thumbnail.map(|(data, ..)| data),
        width,
        height,
        label: outcome.class.map(name),
        float: answer(outcome.float_top1, outcome.float_score),
        int8: answer(outcome.int8_top1, outcome.int8_score),
    }
}

/// A picture of `dataset` by its name, as [`thumbnail`] shows it; none where the file cannot be read any more.
pub fn by_name(name: &str, dataset: &Dataset, loader: &mut Loader, fit: &Fit) -> Option<(String, u32, u32)> {
    let image = dataset.images().iter().find(|image| image.name == name)?;
    let (_, rgb) = loader.load(&image.path, &image.name, fit).ok()?;
    thumbnail(rgb, fit)
}

/// The network's input, small enough for a page: data URI, width, height.
fn thumbnail(rgb: &[u8], fit: &Fit) -> Option<(String, u32, u32)> {
    let (width, height) = (u32::try_from(fit.width).ok()?, u32::try_from(fit.height).ok()?);
    let mut image = RgbImage::from_raw(width, height, rgb.to_vec())?;
    let longer = width.max(height);
    if longer > SIDE {
        let side = |side: u32| (side * SIDE / longer).max(1);
        image = imageops::thumbnail(&image, side(width), side(height));
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image).ok()?;
    Some((format!("data:image/jpeg;base64,{}", base64(&jpeg)), image.width(), image.height()))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_u32, |word, (i, &byte)| word | u32::from(byte) << (16 - 8 * i));
        for i in 0..4 {
            let sextet = (word >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
