//! The recipes of an ablation.

use crate::error::Result;
use crate::quantize::recipe::{Recipe, Step};
use serde::Serialize;

/// The recipe that the way up begins with.
const PLAINEST: &str = "per-tensor";

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// From the plainest recipe up, one step more in each row.
    Up,
    /// The recipe itself.
    Whole,
    /// The recipe less one step.
    Without,
}

/// One recipe of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Which part of the table it belongs to.
    pub part: Part,
    /// What was left out or added.
    pub name: String,
    /// What is done.
    pub recipe: Recipe,
}

/// From `per-tensor` up to `recipe`, step by step; the recipe; the recipe without each of its steps.
///
/// # Errors
/// None: the plainest recipe is a builtin one.
pub fn variants(recipe: &Recipe) -> Result<Vec<Variant>> {
    let plainest = Recipe::load(PLAINEST)?;
    let with = |steps: Vec<Step>| Recipe { steps, ..recipe.clone() };
    let mut variants = Vec::new();
    let mut taken: Vec<Step> = Step::ALL.into_iter().filter(|&step| recipe.has(step) && plainest.has(step)).collect();
    let mut name =
        if taken == plainest.steps { PLAINEST.to_owned() } else { "what it shares with per-tensor".to_owned() };
    for step in Step::ALL.into_iter().filter(|&step| recipe.has(step) && !plainest.has(step)) {
        variants.push(Variant { part: Part::Up, name, recipe: with(taken.clone()) });
        taken.push(step);
        name = format!("and {}", step.name());
    }
    variants.push(Variant { part: Part::Whole, name: "all steps".into(), recipe: recipe.clone() });
    let without = |step: Step| Variant {
        part: Part::Without,
        name: format!("without {}", step.name()),
        recipe: recipe.without(step),
    };
    variants.extend(Step::ALL.into_iter().filter(|&step| recipe.has(step)).map(without));
    Ok(variants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_up_has_one_step_more() {
        let recipe = Recipe::load("default").unwrap();
        let variants = variants(&recipe).unwrap();
        let up: Vec<&Variant> = variants.iter().filter(|v| v.part == Part::Up).collect();
        assert_eq!((up[0].name.as_str(), up[0].recipe.steps.len()), ("per-tensor", 2));
        assert!(up.windows(2).all(|pair| pair[1].recipe.steps.len() == pair[0].recipe.steps.len() + 1));
        // The last step leads to the whole recipe.
        assert_eq!(up.last().unwrap().recipe.steps.len() + 1, recipe.steps.len());
        let without: Vec<&Variant> = variants.iter().filter(|v| v.part == Part::Without).collect();
        assert_eq!(without.len(), recipe.steps.len());
        assert!(without.iter().zip(&recipe.steps).all(|(v, &step)| v.recipe == recipe.without(step)));
    }

    #[test]
    fn the_plainest_recipe_is_its_own_whole() {
        let variants = variants(&Recipe::load("per-tensor").unwrap()).unwrap();
        assert_eq!(variants.iter().filter(|v| v.part == Part::Up).count(), 0);
        assert_eq!(variants[0].part, Part::Whole);
    }
}
