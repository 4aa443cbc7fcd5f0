//! Float against integer masks: what each pixel of a map is said to be.
//!
//! A map of several channels says of a pixel the class of its largest channel; a map of one channel says *yes* above a
//! threshold, which is ½ where no code stands for less than 0 (a probability) and 0 otherwise (a logit). Over all pictures
//!
//! ```text
//! IoU[class] = Σ |float ∩ int8| / Σ |float ∪ int8|      mean IoU: over the classes that occur at all
//! ```

use super::top1;
use crate::qgraph::{Answer, Content};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A map of more channels holds features, not classes.
pub const MOST_CLASSES: usize = 256;

/// The masks of one image compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Masks {
    /// Pixels.
    pub pixels: u64,
    /// Pixels of which both networks say the same.
    pub same: u64,
    /// For each class that occurs: pixels that both give it, and pixels that either does.
    pub classes: BTreeMap<u16, (u64, u64)>,
}

/// All masks of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskSummary {
    /// Share of pixels of which both networks say the same, in percent.
    pub pixel_agreement: f64,
    /// Mean over classes of intersection over union, 0…1.
    pub mean_iou: f64,
    /// Classes that occur.
    pub classes: usize,
}

/// Where in the flat answers the mask is: the only map of at most [`MOST_CLASSES`] channels.
pub fn mask(answers: &[Answer]) -> Option<(usize, &Answer)> {
    let mut at = 0;
    let mut found = None;
    for answer in answers {
        if answer.shape.pixels() > 1 {
            if found.is_some() || answer.shape.channels > MOST_CLASSES {
                return None;
            }
            found = Some((at, answer));
        }
        at += answer.shape.len();
    }
    found
}

/// Above which real a pixel of a map of one channel is *yes*; `None` for maps that give every class a channel, or class numbers.
pub fn threshold(answer: &Answer) -> Option<f32> {
    match &answer.content {
        Content::Codes(codes) if answer.shape.channels == 1 => {
            Some(if codes.zero.first() == Some(&0) { 0.5 } else { 0.0 })
        }
        Content::Codes(_) | Content::Reals | Content::Classes => None,
    }
}

/// The class of every pixel.
fn classes(answer: &Answer, values: &[f32]) -> Vec<u16> {
    let largest = |pixel: &[f32]| top1(pixel) as u16;
    match (&answer.content, threshold(answer)) {
        (Content::Classes, _) => values.iter().map(|&v| v as u16).collect(),
        (_, Some(threshold)) => values.iter().map(|&v| u16::from(v > threshold)).collect(),
        (_, None) => values.chunks_exact(answer.shape.channels.max(1)).map(largest).collect(),
    }
}

/// Compares the masks in two flat answers; `None` where the network answers none.
pub fn compare(answers: &[Answer], float: &[f32], int8: &[f32]) -> Option<Masks> {
    let (at, answer) = mask(answers)?;
    let span = at..at + answer.shape.len();
    let (float, int8) = (classes(answer, float.get(span.clone())?), classes(answer, int8.get(span)?));
    let mut masks = Masks { pixels: float.len() as u64, ..Masks::default() };
    for (&a, &b) in float.iter().zip(&int8) {
        masks.same += u64::from(a == b);
        let both = masks.classes.entry(a).or_default();
        both.1 += 1;
        if a == b {
            both.0 += 1;
        } else {
            masks.classes.entry(b).or_default().1 += 1;
        }
    }
    Some(masks)
}

/// Adds up all images that have masks; `None` where none has.
pub fn summary<'a>(all: impl Iterator<Item = &'a Masks>) -> Option<MaskSummary> {
    let mut total = Masks::default();
    for masks in all {
        total.pixels += masks.pixels;
        total.same += masks.same;
        for (&class, &(both, either)) in &masks.classes {
            let sum = total.classes.entry(class).or_default();
            *sum = (sum.0 + both, sum.1 + either);
        }
    }
    let classes = total.classes.len();
    let iou: f64 = total.classes.values().map(|&(both, either)| both as f64 / either as f64).sum();
    (classes > 0).then(|| MaskSummary {
        pixel_agreement: 100.0 * total.same as f64 / total.pixels as f64,
        mean_iou: iou / classes as f64,
        classes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qgraph::{Codes, Shape};

    fn map(channels: usize, zero: u16) -> Answer {
        let codes = Codes { scale: vec![1.0; channels], zero: vec![zero; channels] };
        Answer { name: "mask".into(), shape: Shape::new(2, 2, channels), content: Content::Codes(codes) }
    }

    #[test]
    fn intersection_over_union_by_hand() {
        // Float: 1 1 0 0, int8: 1 0 0 0. Class 1: 1 of 2; class 0: 2 of 3.
        let masks = compare(&[map(1, 0)], &[0.9, 0.8, 0.1, 0.2], &[0.9, 0.4, 0.1, 0.2]).unwrap();
        assert_eq!((masks.pixels, masks.same), (4, 3));
        let summary = summary([&masks].into_iter()).unwrap();
        assert!((summary.mean_iou - (0.5 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!((summary.pixel_agreement, summary.classes), (75.0, 2));
    }

    #[test]
    fn logits_are_cut_at_zero_and_channels_compared() {
        let masks = compare(&[map(1, 128)], &[0.4, -0.1, 0.2, 0.1], &[0.1, -0.4, 0.2, 0.3]).unwrap();
        assert_eq!(masks.same, 4);
        let answers = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 3.0, 2.0];
        assert_eq!(
            compare(&[map(2, 0)], &answers, &answers).unwrap().classes,
            BTreeMap::from([(0, (2, 2)), (1, (2, 2))])
        );
    }

    #[test]
    fn features_and_several_maps_are_no_mask() {
        assert!(mask(&[map(300, 0)]).is_none() && mask(&[map(2, 0), map(3, 0)]).is_none());
        let vector = Answer { shape: Shape::vector(7), content: Content::Reals, ..map(1, 0) };
        assert_eq!(mask(&[vector, map(2, 0)]).unwrap().0, 7);
    }
}
