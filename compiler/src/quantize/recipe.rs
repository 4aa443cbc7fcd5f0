//! What a recipe says: `specs/recipes/*.yaml`.

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

/// How statistics become a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observer {
    /// Everything that was seen.
    MinMax,
    /// The given share of the values on each side, in percent, e.g. 99.99.
    Percentile(f32),
    /// The range of least squared error.
    Mse,
    /// The range of least Kullback–Leibler divergence.
    Entropy,
}

/// How activations become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActivationRecipe {
    /// Statistics to range.
    pub observer: Observer,
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
}
