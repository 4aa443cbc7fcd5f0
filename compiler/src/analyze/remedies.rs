//! What would help a layer, in Bakelite's own terms.
//!
//! Errors that layers put into the answers are all but independent, so that their energies add up. Without a part of the share s of
//! that sum, signal to noise rises by `−10 log10(1 − s)`: what a remedy gains at most.

use super::Layer;
use super::ranges::Ranges;
use crate::graph::{Graph, TensorId};
use crate::quantize::fine;
use crate::quantize::recipe::{Recipe, Step};
use crate::quantize::sites::Site;
use serde::Serialize;

/// Shares below this are left alone.
const LEAST: f64 = 0.02;

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remedy {
    /// The option to set, and what it does.
    pub option: String,
    /// What the answers gain by it at most, in dB.
    pub at_most_db: f64,
}

/// Of the noise beside a signal of one.
pub fn energy(db: f64) -> f64 {
    10f64.powf(-db / 10.0)
}

/// Gives every layer that counts its remedy, where there is one; `results[i]` is what layer i writes, and whether that is a fine map.
pub fn prescribe(
    graph: &Graph,
    sites: &[Site<'_>],
    recipe: &Recipe,
    results: &[(TensorId, bool)],
    layers: &mut [Layer],
) {
    let all: f64 = layers.iter().map(|layer| energy(layer.weights_alone_db) + energy(layer.codes_alone_db)).sum();
    for (layer, &(tensor, is_fine)) in layers.iter_mut().zip(results) {
        let (weights, codes) = (energy(layer.weights_alone_db) / all, energy(layer.codes_alone_db) / all);
        let remedy = |option, share: f64| Remedy { option, at_most_db: 0.0 - 10.0 * (1.0 - share).max(1e-3).log10() };
        let ratio = layer.ranges.as_ref().map(|ranges| ranges.ratio);
        let for_codes = of_codes(recipe, ratio, !is_fine && fine::is_possible(graph, sites, tensor));
        if let Some(ranges) = layer.ranges.as_mut().filter(|ranges| ranges.starved > 0) {
            ranges.remedy = of_ranges(ranges).or(for_codes.clone()).map(|option| remedy(option, codes));
        }
        let (share, option) = if codes >= weights { (codes, for_codes) } else { (weights, of_weights(recipe)) };
        layer.remedy = option.filter(|_| share >= LEAST).map(|option| remedy(option, share));
    }
}

/// Where the channel that starves most is cut off: finer codes do not bring back what lies beyond the range.
fn of_ranges(ranges: &Ranges) -> Option<String> {
    let cut_off = ranges.worst.first()?.spans() > f32::from(ranges.steps);
    cut_off.then(|| {
        "--calibration-images: more of them, or others; its values reach beyond the range that was chosen".into()
    })
}

fn of_codes(recipe: &Recipe, ratio: Option<f32>, can_be_fine: bool) -> Option<String> {
    if !recipe.has(Step::ChannelScales) {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("; the widest is {ratio:.1} times the median one"));
        return Some(format!("--recipe fast: a scale for each channel{ratio}"));
    }
    if can_be_fine {
        let more = if recipe.has(Step::FineMaps) { "best (or a larger fine-budget)" } else { "mixed or best" };
        return Some(format!("--recipe {more}: 12 bits for its codes"));
    }
    let clipping = "--recipe default: ranges by what they cost the answers";
    (!recipe.has(Step::AnswerClipping)).then(|| clipping.to_owned())
}

fn of_weights(recipe: &Recipe) -> Option<String> {
    if !recipe.has(Step::ChannelWeights) {
        return Some("--recipe fast: a step for each output channel".into());
    }
    (!recipe.has(Step::Refit)).then(|| "--recipe default: weights refitted to what the layer reads".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::ranges::Channel;

    #[test]
    fn only_more_pictures_help_a_channel_that_is_cut_off() {
        let worst = |high| Channel { channel: 0, low: 0.0, high, deviation: 1.0, step: 1.0, db: 3.0 };
        let ranges = |worst| Ranges { ratio: 1.0, steps: 255, starved: 1, worst, remedy: None, channels: Vec::new() };
        assert!(of_ranges(&ranges(vec![worst(256.0)])).is_some_and(|it| it.contains("--calibration-images")));
        assert_eq!(of_ranges(&ranges(vec![worst(2.0), worst(256.0)])), None);
        assert_eq!(of_ranges(&ranges(Vec::new())), None);
    }

    #[test]
    fn remedies_are_what_the_recipe_lacks() {
        let recipe = |name: &str| Recipe::load(name).unwrap();
        let told = |option: Option<String>| option.unwrap_or_default();
        assert!(told(of_codes(&recipe("per-tensor"), Some(8.0), true)).contains("8.0 times"));
        assert!(told(of_codes(&recipe("fast"), None, true)).contains("mixed or best"));
        assert!(told(of_codes(&recipe("default"), None, true)).contains("best"));
        assert_eq!(of_codes(&recipe("default"), None, false), None);
        assert!(told(of_weights(&recipe("fast"))).contains("default"));
        assert_eq!(of_weights(&recipe("best")), None);
    }
}
