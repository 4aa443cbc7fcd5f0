//! What a recipe says: `specs/recipes/*.yaml`.
//!
//! A recipe is a list of [`Step`]s by name, each of which can be left out, and the [`Settings`] that they read.

use crate::error::{Error, Stage};
use crate::specs;
use bakelite_calibration::Observer;
use serde::{Deserialize, Serialize};

/// A map of so many pixels has half the headroom of a vector.
const FEW_PIXELS: f32 = 64.0;

/// Something that is done between floats and integers. Without a step the network is quantized in the plainer way that its line
/// names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Weights have a step per output channel; without, one per tensor.
    ChannelWeights,
    /// Activations have a scale and zero point per channel; without, one per tensor.
    ChannelScales,
    /// How far pointwise and general convolutions even out the scales they absorb is searched (`alphas`); without, not at all.
    Absorption,
    /// Ranges are those of the `observer`; without, the extremes that were seen.
    Clipping,
    /// Ranges of maps cost the *answers* the least ([`crate::sensitivity`]), where that is better on held-out pictures; without, those
    /// of the observer.
    AnswerClipping,
    /// Maps whose rounding the answers feel most have 12 bits ([`crate::sensitivity::fine`]), as far as the time `fine-budget` goes;
    /// without, all have 8.
    FineMaps,
    /// Vectors have codes up to `wide-top`; without, up to 255.
    WideVectors,
    /// The ranges of wide vectors are wider than what was seen, by the factor `headroom`, and those of maps the less so the more
    /// pixels they have; without, as seen.
    Headroom,
    /// Gates multiply the weights of the projection behind them; without, the map.
    GatesInWeights,
    /// What rounding the weights does to the mean is taken back in the bias; without, it stays.
    RoundingBias,
    /// Layer by layer, a bias that fits what the integer network feeds the layer.
    Bias,
    /// Layer by layer, a gain and a bias.
    Gain,
    /// Layer by layer, least-squares weights rounded on the output's error (`ridges`).
    Refit,
}

impl Step {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 13] = [
        Self::ChannelWeights,
        Self::ChannelScales,
        Self::Absorption,
        Self::Clipping,
        Self::AnswerClipping,
        Self::FineMaps,
        Self::WideVectors,
        Self::Headroom,
        Self::GatesInWeights,
        Self::RoundingBias,
        Self::Bias,
        Self::Gain,
        Self::Refit,
    ];

    /// As recipes spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelWeights => "channel-weights",
            Self::ChannelScales => "channel-scales",
            Self::Absorption => "absorption",
            Self::Clipping => "clipping",
            Self::AnswerClipping => "answer-clipping",
            Self::FineMaps => "fine-maps",
            Self::WideVectors => "wide-vectors",
            Self::Headroom => "headroom",
            Self::GatesInWeights => "gates-in-weights",
            Self::RoundingBias => "rounding-bias",
            Self::Bias => "bias",
            Self::Gain => "gain",
            Self::Refit => "refit",
        }
    }

    /// Whether it looks at the calibration pictures again, layer by layer ([`crate::reconstruct`]).
    pub fn reconstructs(self) -> bool {
        match self {
            Self::Bias | Self::Gain | Self::Refit => true,
            Self::ChannelWeights
            | Self::ChannelScales
            | Self::Absorption
            | Self::Clipping
            | Self::AnswerClipping
            | Self::FineMaps
            | Self::WideVectors
            | Self::Headroom
            | Self::GatesInWeights
            | Self::RoundingBias => false,
        }
    }
}

/// Numbers that steps read; each has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// How statistics become a range: `min-max`, `percentile:99.99`, `mse`, `entropy`.
    pub observer: String,
    /// Exponents that the absorption search tries: `s_c = S · (r_c/r_max)^α`.
    pub alphas: Vec<f64>,
    /// Largest code of wide vectors (pooled means, hidden units): 255 to 32767.
    pub wide_top: u16,
    /// By how much the ranges of wide vectors exceed what was seen; those of maps: [`Recipe::headroom`].
    pub headroom: f32,
    /// What fine maps may cost, as a share of the network's estimated time.
    pub fine_budget: f64,
    /// Most pictures to reconstruct on: the first of the calibration.
    pub images: usize,
    /// What refits shrink towards the float weights with: shares of the mean variance of the inputs.
    pub ridges: Vec<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            observer: "mse".into(),
            alphas: vec![0.0, 0.25, 0.5, 0.75, 1.0],
            wide_top: 4095,
            headroom: 2.0,
            fine_budget: 0.1,
            images: 256,
            ridges: vec![0.01, 0.1, 1.0],
        }
    }
}

/// A recipe: what is done between floats and integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// One line for people.
    pub description: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// With which numbers.
    #[serde(default)]
    pub settings: Settings,
}

impl Recipe {
    /// A builtin recipe or a file, checked.
    pub fn load(name_or_path: &str) -> crate::error::Result<Self> {
        let recipe: Self = specs::load(specs::Kind::Recipe, name_or_path)?;
        recipe.check().map_err(|cause| {
            Error::new(Stage::Specs, cause)
                .at(name_or_path)
                .remedy("correct the file; the files in specs/recipes are examples")
        })?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), String> {
        let Settings { observer, alphas, wide_top, headroom, fine_budget, images: _, ridges } = &self.settings;
        let _: Observer = observer.parse().map_err(|e: bakelite_calibration::Error| e.to_string())?;
        if let Some(step) = Step::ALL.into_iter().find(|step| self.steps.iter().filter(|s| *s == step).count() > 1) {
            return Err(format!("the step `{}` is there twice", step.name()));
        }
        if alphas.iter().any(|a| !(0.0..=1.0).contains(a)) || alphas.is_empty() {
            return Err("`alphas` must be numbers from 0 to 1".into());
        }
        if ridges.iter().any(|ridge| !(1e-6..=1e3).contains(ridge)) {
            return Err("`ridges` must be numbers from 0.000001 to 1000".into());
        }
        if !(255..=32767).contains(wide_top) {
            return Err(format!("`wide-top` is {wide_top}, not within 255 and 32767"));
        }
        if !(0.0..=1000.0).contains(fine_budget) {
            return Err(format!("`fine-budget` is {fine_budget}, not within 0 and 1000"));
        }
        if !(1.0..=64.0).contains(headroom) {
            return Err(format!("`headroom` is {headroom}, not within 1 and 64"));
        }
        Ok(())
    }

    /// Whether a step is taken.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }

    /// The same recipe without a step.
    pub fn without(&self, step: Step) -> Self {
        let mut recipe = self.clone();
        recipe.steps.retain(|&other| other != step);
        recipe
    }

    /// Of a file that is quantized already: ranges, weights and layers are what somebody has trained or chosen, and stay so.
    pub fn of_given_codes(&self) -> Self {
        let chosen = [Step::AnswerClipping, Step::FineMaps, Step::Bias, Step::Gain, Step::Refit];
        chosen.into_iter().fold(self.clone(), |recipe, step| recipe.without(step))
    }

    /// Whether layers are reconstructed on the calibration pictures.
    pub fn reconstructs(&self) -> bool {
        self.steps.iter().any(|step| step.reconstructs())
    }

    /// Whether it asks what errors cost the answers, on the calibration pictures ([`crate::sensitivity`]).
    pub fn weighs(&self) -> bool {
        self.has(Step::AnswerClipping) || self.has(Step::FineMaps)
    }

    /// How statistics become ranges.
    pub fn observer(&self) -> Result<Observer, bakelite_calibration::Error> {
        if self.has(Step::Clipping) { self.settings.observer.parse() } else { Ok(Observer::MinMax) }
    }

    /// Exponents that the absorption search tries.
    pub fn alphas(&self) -> &[f64] {
        if self.has(Step::Absorption) { &self.settings.alphas } else { &[0.0] }
    }

    /// Largest code of vectors.
    pub fn wide_top(&self) -> u16 {
        if self.has(Step::WideVectors) { self.settings.wide_top } else { 255 }
    }

    /// By how much the range of a tensor of `pixels` pixels with codes up to `top` exceeds what was seen: `1 + (h − 1) · P / (P +
    /// pixels − 1)`, h for a vector and next to nothing for a large map. A picture shows a vector but once and a small map a few
    /// times, so a hundred pictures know little of its extremes; and what is cut off moves a whole picture's mean, while rounding
    /// averages out where small maps are pooled. Vectors in eight bits have no room to spare.
    pub fn headroom(&self, pixels: usize, top: u16) -> f32 {
        if !self.has(Step::Headroom) || (pixels <= 1 && top <= 255) {
            return 1.0;
        }
        1.0 + (self.settings.headroom - 1.0) * FEW_PIXELS / (FEW_PIXELS + pixels.saturating_sub(1) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_spelled_as_it_is_named() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }

    #[test]
    fn builtin_recipes_are_sound() {
        for name in specs::Kind::Recipe.names() {
            let recipe = Recipe::load(name).unwrap();
            let order: Vec<Step> = Step::ALL.into_iter().filter(|&step| recipe.has(step)).collect();
            assert_eq!(recipe.steps, order, "{name} lists its steps in the order in which they come");
        }
    }

    #[test]
    fn a_step_left_out_leaves_the_others() {
        let recipe = Recipe::load("default").unwrap();
        let less = recipe.without(Step::Absorption);
        assert_eq!((less.steps.len(), less.alphas()), (recipe.steps.len() - 1, &[0.0][..]));
    }

    #[test]
    fn headroom_shrinks_with_pixels() {
        let recipe = Recipe::load("default").unwrap();
        let [vector, small, large] = [(1, 4095), (49, 255), (112 * 112, 255)].map(|(p, top)| recipe.headroom(p, top));
        assert!(
            vector == 2.0 && (1.5..1.6).contains(&small) && (1.0..1.01).contains(&large),
            "{vector} {small} {large}"
        );
        assert_eq!((recipe.headroom(1, 255), recipe.without(Step::Headroom).headroom(49, 255)), (1.0, 1.0));
    }

    #[test]
    fn a_step_twice_is_refused() {
        let twice =
            Recipe { description: String::new(), steps: vec![Step::Bias, Step::Bias], settings: Settings::default() };
        assert!(twice.check().unwrap_err().contains("`bias`"));
    }
}
