//! What each step of a recipe is worth: the network made without it, and from the plainest recipe up, on the same pictures.
//!
//! For every choice of calibration pictures (seed) all [`variants()`] start from the same statistics; the float network answers each
//! picture once. Figures are means over seeds.
//!
//! The interval of the difference of top-1 is paired, picture by picture: with `d_i` the mean over seeds of (int8 right) − (float
//! right), it is `1.96 · √(Σ (d_i − E d)² / (N − 1) / N)`: seeds share their pictures, so they do not add to N.

pub mod variants;

use crate::compile::{Calibrated, Request, calibrated};
use crate::dataset::Dataset;
use crate::error::{Error, Result, Stage};
use crate::evaluate::{self, Evaluation, Outcome, Summary};
use crate::plan::{self, Plan, run};
use crate::quantize::recipe::Step;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use variants::{Part, Variant, variants};

/// Figures of one variant; means over seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Images for which both networks name the same class, in percent; pixels, where the network answers a mask.
    pub agreement: f64,
    /// Signal to quantization noise of the answers in dB; infinite (null) where they are equal.
    pub sqnr_db: f64,
    /// Accuracy in percent of labelled images.
    pub top1: Option<f64>,
    /// By how many points that is above the float network's.
    pub difference: Option<f64>,
    /// Half width of the 95 % interval of the difference, paired, in points.
    pub interval: Option<f64>,
    /// Of each seed.
    pub seeds: Vec<Summary>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which part of the table it belongs to.
    pub part: Part,
    /// What was left out or added.
    pub name: String,
    /// What was done.
    pub steps: Vec<Step>,
    /// What came of it; none where the network cannot be quantized like that.
    pub figures: Option<Figures>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Row {
    /// Name, agreement, SQNR, top-1, and how far it is beyond the float network's, for people.
    pub fn cells(&self) -> [String; 5] {
        let none = || "–".to_owned();
        let Some(figures) = &self.figures else {
            return [self.name.clone(), "refused".into(), none(), none(), none()];
        };
        let beyond = figures.difference.zip(figures.interval);
        [
            self.name.clone(),
            format!("{:.1} %", figures.agreement),
            format!("{:.1} dB", figures.sqnr_db),
            figures.top1.map_or_else(none, |top1| format!("{top1:.1}")),
            beyond.map_or_else(none, |(difference, interval)| format!("{difference:+.1} ± {interval:.1}")),
        ]
    }
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ablation {
    /// The recipe.
    pub recipe: String,
    /// Pictures that were calibrated on, of each seed.
    pub calibration_images: usize,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Pictures compared on, of each seed.
    pub images: usize,
    /// Accuracy of the float network in percent of labelled images, the mean over seeds.
    pub float_top1: Option<f64>,
    /// One per variant.
    pub rows: Vec<Row>,
}

/// Ablates the recipe of `request`, with `seeds` choices of calibration pictures from the request's own seed on; compares on its
/// `evaluation`, or on those of `images` that the seed leaves over.
///
/// # Errors
/// Where the model or pictures cannot be read, or none are left to compare on.
pub fn ablate(request: &Request, seeds: usize) -> Result<Ablation> {
    let seeds: Vec<u64> = (0..seeds as u64).map(|i| request.seed.wrapping_add(i)).collect();
    let mut floats = HashMap::new();
    let mut table: Vec<(Variant, Vec<Result<Evaluation>>)> = Vec::new();
    let (mut calibration_images, mut images) = (0, 0);
    for &seed in &seeds {
        let start = calibrated(&Request { seed, ..request.clone() })?;
        let dataset = compared_on(request, &start)?;
        calibration_images = start.profile.images.len();
        if table.is_empty() {
            table = variants(&start.recipe)?.into_iter().map(|variant| (variant, Vec::new())).collect();
        }
        answer_in_float(&start, &dataset, &mut floats)?;
        let made: Vec<Result<Plan>> = table.iter().map(|(variant, _)| integers(&start, variant)).collect();
        let evaluations = compare(&start, &made, &dataset, &floats)?;
        images = dataset.len();
        table.iter_mut().zip(evaluations).for_each(|((_, all), of_seed)| all.push(of_seed));
    }
    let rows: Vec<Row> = table.into_iter().map(|(variant, evaluations)| row(variant, evaluations)).collect();
    let float_top1 = rows.iter().find_map(|row| {
        let tops: Option<Vec<f64>> = row.figures.as_ref()?.seeds.iter().map(|summary| summary.float_top1).collect();
        tops.map(|tops| mean(&tops))
    });
    Ok(Ablation { recipe: request.recipe.clone(), calibration_images, seeds, images, float_top1, rows })
}

/// The pictures to compare on.
fn compared_on(request: &Request, start: &Calibrated) -> Result<Dataset> {
    let dataset = match (&request.evaluation, &start.chosen) {
        (Some(folder), _) => Dataset::open(folder)?,
        (None, Some(chosen)) => Dataset::open(&request.images)?.without(chosen),
        (None, None) => Dataset::open(&request.images)?,
    };
    if dataset.is_empty() {
        return Err(Error::new(Stage::Dataset, "no pictures are left to compare on")
            .remedy("calibrate on fewer with --calibration-images, or name another folder with --evaluation"));
    }
    Ok(dataset)
}

/// The answers of the float network to pictures that it has not answered yet, by name.
fn answer_in_float(start: &Calibrated, dataset: &Dataset, floats: &mut HashMap<String, Vec<f32>>) -> Result<()> {
    dataset.filtered(|image| !floats.contains_key(&image.name)).stream(
        "answering in float",
        &start.prepared.preprocess.fit,
        |sight| Ok((sight.image.name.clone(), evaluate::answer(start.prepared.truth(), sight.rgb)?)),
        |_, answer: Result<_>| {
            let (name, answer) = answer?;
            floats.insert(name, answer);
            Ok(())
        },
    )?;
    Ok(())
}

/// The integers of a variant, planned for this machine: any level gives the same bits.
fn integers(start: &Calibrated, variant: &Variant) -> Result<Plan> {
    plan::plan(&start.integers(&variant.recipe)?.q, run::levels()[0])
}

/// What each plan answers, against the float network; what could not be planned stays an error.
fn compare(
    start: &Calibrated,
    plans: &[Result<Plan>],
    dataset: &Dataset,
    floats: &HashMap<String, Vec<f32>>,
) -> Result<Vec<Result<Evaluation>>> {
    let offset = plans.iter().flatten().next().map_or(0, |p| evaluate::label_offset(dataset, p.scores().unwrap_or(0)));
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); plans.len()];
    dataset.stream(
        "comparing",
        &start.prepared.preprocess.fit,
        |sight| {
            let name = &sight.image.name;
            let missing = || Error::new(Stage::Dataset, "the picture changed while it was looked at").at(name);
            let float = floats.get(name).ok_or_else(missing)?;
            let class = sight.image.class.map(|class| class + offset);
            let one = |plan: &Result<Plan>| {
                let Ok(plan) = plan else { return Ok(None) };
                let answers: Vec<_> = plan.outputs.iter().map(|output| output.answer.clone()).collect();
                let mut memory = run::Memory::of(plan);
                let int8 = run::run(plan, &mut memory, sight.rgb).ok_or_else(|| evaluate::lacks(plan))?;
                Ok(Some(evaluate::compare_all(&answers, name, class, float, int8)))
            };
            plans.par_iter().map(one).collect::<Result<Vec<Option<Outcome>>>>()
        },
        |_, seen: Result<Vec<_>>| {
            outcomes.iter_mut().zip(seen?).for_each(|(all, outcome)| all.extend(outcome));
            Ok(())
        },
    )?;
    let evaluation = |(plan, outcomes): (&Result<Plan>, Vec<Outcome>)| match plan {
        Ok(_) => Ok(Evaluation { outcomes }),
        Err(error) => Err(error.clone()),
    };
    Ok(plans.iter().zip(outcomes).map(evaluation).collect())
}

fn row(variant: Variant, evaluations: Vec<Result<Evaluation>>) -> Row {
    let Variant { part, name, recipe } = variant;
    let (figures, refused) = match evaluations.into_iter().collect::<Result<Vec<Evaluation>>>() {
        Ok(evaluations) => (Some(figures(&evaluations)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Row { part, name, steps: recipe.steps, figures, refused }
}

fn figures(evaluations: &[Evaluation]) -> Figures {
    let seeds: Vec<Summary> = evaluations.iter().map(Evaluation::summary).collect();
    let over = |what: fn(&Summary) -> f64| mean(&seeds.iter().map(what).collect::<Vec<f64>>());
    let top1: Option<Vec<f64>> = seeds.iter().map(|summary| summary.int8_top1).collect();
    let paired = paired(evaluations);
    Figures {
        agreement: over(|summary| summary.agreement),
        sqnr_db: over(|summary| summary.sqnr_db),
        top1: top1.map(|tops| mean(&tops)),
        difference: paired.map(|(difference, _)| difference),
        interval: paired.map(|(_, interval)| interval),
        seeds,
    }
}

/// Difference of top-1 and half width of its interval, in points; none without labels.
fn paired(evaluations: &[Evaluation]) -> Option<(f64, f64)> {
    let mut pictures: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for outcome in evaluations.iter().flat_map(|evaluation| &evaluation.outcomes) {
        if let (Some(float), Some(int8)) = (outcome.float_rank, outcome.int8_rank) {
            let right = |rank: usize| f64::from(u8::from(rank == 0));
            pictures.entry(&outcome.file).or_default().push(right(int8) - right(float));
        }
    }
    if pictures.is_empty() {
        return None;
    }
    let differences: Vec<f64> = pictures.values().map(|of_seeds| mean(of_seeds)).collect();
    let (count, middle) = (differences.len() as f64, mean(&differences));
    let variance = differences.iter().map(|d| (d - middle) * (d - middle)).sum::<f64>() / (count - 1.0).max(1.0);
    Some((100.0 * middle, 196.0 * (variance / count).sqrt()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes, the label 0; `right` says whether float and integers find it.
    fn seen(file: &str, right: [bool; 2]) -> Outcome {
        let answer = |right: bool| if right { [1.0, 0.0] } else { [0.0, 1.0] };
        evaluate::compare(file, Some(0), &answer(right[0]), &answer(right[1]))
    }

    #[test]
    fn seeds_do_not_narrow_the_interval_by_themselves() {
        let seed = || Evaluation {
            outcomes: vec![
                seen("a", [true, true]),
                seen("b", [true, false]),
                seen("c", [false, true]),
                seen("d", [true, false]),
            ],
        };
        let one = paired(&[seed()]).unwrap();
        assert_eq!(one, paired(&[seed(), seed(), seed()]).unwrap());
        // d = 0, −1, 1, −1: mean −1/4, variance (1/16 + 9/16 + 25/16 + 9/16) / 3.
        assert!(
            (one.0 + 25.0).abs() < 1e-9 && (one.1 - 196.0 * (11.0 / 12.0_f64 / 4.0).sqrt()).abs() < 1e-9,
            "{one:?}"
        );
        // Where one seed errs to one side and another to the other, they cancel.
        let [up, down] = [[false, true], [true, false]].map(|right| Evaluation { outcomes: vec![seen("a", right)] });
        assert_eq!(paired(&[up, down]), Some((0.0, 0.0)));
    }

    #[test]
    fn without_labels_there_is_no_difference() {
        let outcome = evaluate::compare("a", None, &[1.0, 0.0], &[1.0, 0.0]);
        assert_eq!(paired(&[Evaluation { outcomes: vec![outcome] }]), None);
    }
}
