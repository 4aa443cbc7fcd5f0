//! What a recipe says: `specs/recipes/*.yaml`.

use crate::error::{Error, Stage};
use crate::specs;
use bakelite_calibration::Observer;
use serde::{Deserialize, Serialize};

/// One scale for a whole tensor, or one per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// One for the tensor.
    Tensor,
    /// One per channel.
    Channel,
}

/// How activations become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActivationRecipe {
    /// How statistics become a range: `min-max`, `percentile:99.99`, `mse`, `entropy`.
    pub observer: String,
    /// Per tensor or per channel.
    pub granularity: Granularity,
    /// Exponents that the absorption search tries (step 2 of the recipe): `s_c = S · (r_c/r_max)^α`.
    pub alphas: Vec<f64>,
}

/// How weights become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeightRecipe {
    /// Per tensor or per output channel.
    pub granularity: Granularity,
}

/// How layers are made to answer what the float layers answer, one after the other, on what the integer network feeds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReconstructRecipe {
    /// Most pictures to use: those of the calibration, in its order.
    pub images: usize,
    /// Try a bias per output channel.
    pub bias: bool,
    /// Try a gain and a bias per output channel.
    pub gain: bool,
    /// Try least squares, rounded on the output's error, with these ridges (shares of the mean variance of the inputs).
    pub refit: Vec<f64>,
}

/// A recipe: what is done between floats and integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// One line for people.
    pub description: String,
    /// Activations.
    pub activations: ActivationRecipe,
    /// Weights.
    pub weights: WeightRecipe,
    /// Whether the mean error that rounding the weights makes is taken back in the bias.
    pub weight_bias_correction: bool,
    /// Largest code of wide tensors (pooled means, hidden vectors): 255 to 32767.
    pub wide_top: u16,
    /// Layer-by-layer reconstruction; none if it is left out.
    #[serde(default)]
    pub reconstruct: Option<ReconstructRecipe>,
}

impl Recipe {
    /// A builtin recipe or a file, checked.
    pub fn load(name_or_path: &str) -> crate::error::Result<Self> {
        let recipe: Self = specs::load(specs::Kind::Recipe, name_or_path)?;
        let refuse = |cause: String| {
            Error::new(Stage::Specs, cause)
                .at(name_or_path)
                .remedy("correct the file; the files in specs/recipes are examples")
        };
        recipe.observer().map_err(|e| refuse(e.to_string()))?;
        if recipe.activations.alphas.iter().any(|a| !(0.0..=1.0).contains(a)) || recipe.activations.alphas.is_empty() {
            return Err(refuse("`alphas` must be numbers from 0 to 1".into()));
        }
        if let Some(reconstruct) = &recipe.reconstruct
            && reconstruct.refit.iter().any(|ridge| !(1e-6..=1e3).contains(ridge))
        {
            return Err(refuse("the ridges of `refit` must be numbers from 0.000001 to 1000".into()));
        }
        if !(255..=32767).contains(&recipe.wide_top) {
            return Err(refuse(format!("`wide-top` is {}, not within 255 and 32767", recipe.wide_top)));
        }
        Ok(recipe)
    }

    /// The observer by its name.
    pub fn observer(&self) -> std::result::Result<Observer, bakelite_calibration::Error> {
        self.activations.observer.parse()
    }
}
