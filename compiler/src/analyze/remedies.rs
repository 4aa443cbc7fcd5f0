//! What would help a layer, in Bakelite's own terms.
//!
//! Errors that layers put into the answers are all but independent, so that their energies add up. Without a part of the share s of
//! that sum, signal to noise rises by `−10 log10(1 − s)`: what a remedy gains at most.

use super::Layer;
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

fn energy(db: f64) -> f64 {
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
        let (share, option) = if codes >= weights {
            (codes, of_codes(recipe, layer.range_ratio, !is_fine && fine::is_possible(graph, sites, tensor)))
        } else {
            (weights, of_weights(recipe))
        };
        layer.remedy = option
            .filter(|_| share >= LEAST)
            .map(|option| Remedy { option, at_most_db: -10.0 * (1.0 - share).max(1e-3).log10() });
    }
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
