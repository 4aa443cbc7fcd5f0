//! Parts of an evaluation: what one machine saw, with the name of the run that it belongs to.
//!
//! Figures of two networks add up to nothing. A part therefore says what was evaluated on what, and only parts of one run merge:
//! the same model and options, preprocessing, recipe and calibration, the same list of pictures, and, because float statistics may
//! differ in their last bits from one CPU generation to the next, the same integers. Two integer networks count as the same if
//! they answer the golden pictures with the same bits.

use super::Evaluation;
use crate::compile::Quantized;
use crate::dataset::{Dataset, Shard};
use crate::error::{Error, Result, Stage};
use crate::golden;
use crate::plan::{Plan, run};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What makes two parts belong together. All but the version are SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Version of Bakelite.
    pub bakelite: String,
    /// The model's file and the options that it was read with.
    pub model: String,
    /// Preprocessing.
    pub preprocess: String,
    /// The recipe's content.
    pub recipe: String,
    /// Statistics of the calibration.
    pub calibration: String,
    /// Names of all pictures, those of the other parts too.
    pub pictures: String,
    /// The integer network's answers to the golden pictures.
    pub integers: String,
}

impl Run {
    /// The run that evaluates `work`, planned as `plan`, on `pictures`.
    ///
    /// # Errors
    /// Where this CPU cannot run the plan.
    pub fn of(work: &Quantized, plan: &Plan, pictures: &Dataset) -> Result<Self> {
        let mut names = Sha256::new();
        for image in pictures.images() {
            names.update(&image.name);
            names.update([0]);
        }
        let mut integers = Sha256::new();
        let mut memory = run::Memory::of(plan);
        for seed in golden::CANDIDATES.take(8) {
            let picture = golden::picture(seed, plan.input.height, plan.input.width);
            let answer = run::run(plan, &mut memory, &picture).ok_or_else(|| super::lacks(plan))?;
            answer.iter().for_each(|value| integers.update(value.to_bits().to_le_bytes()));
        }
        Ok(Self {
            bakelite: env!("CARGO_PKG_VERSION").into(),
            model: work.loaded.hash.to_string(),
            preprocess: work.prepared.preprocess.hash().to_string(),
            recipe: hex(Sha256::digest(format!("{:?}", work.recipe))),
            calibration: hex(Sha256::digest(work.profile.encode())),
            pictures: hex(names.finalize()),
            integers: hex(integers.finalize()),
        })
    }

    /// What differs between two runs, as people say it, with both values.
    fn difference<'r>(&'r self, other: &'r Self) -> Option<(&'static str, &'r str, &'r str)> {
        // Exhaustive, so that no field is forgotten.
        let Self { bakelite, model, preprocess, recipe, calibration, pictures, integers } = self;
        [
            ("models or options", model, &other.model),
            ("preprocessings", preprocess, &other.preprocess),
            ("recipes", recipe, &other.recipe),
            ("sets of pictures", pictures, &other.pictures),
            ("versions of Bakelite", bakelite, &other.bakelite),
            ("calibrations", calibration, &other.calibration),
            ("integer networks", integers, &other.integers),
        ]
        .into_iter()
        .find(|(_, own, others)| own != others)
        .map(|(what, own, others)| (what, own.as_str(), others.as_str()))
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `eval --shard` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which run it belongs to.
    pub run: Run,
    /// Which part it is, from 1.
    pub part: usize,
    /// How many there are.
    pub parts: usize,
    /// Its pictures.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

impl Part {
    /// `shard` of `run`.
    pub fn new(run: Run, shard: Shard, evaluation: Evaluation) -> Self {
        Self { run, part: shard.index, parts: shard.count, evaluation }
    }
}

/// All pictures of the parts, each with the name of its file; and the numbers of those parts that are missing.
///
/// # Errors
/// Where parts are of different runs or divisions, or one is there twice.
pub fn merge(parts: Vec<(String, Part)>) -> Result<(Evaluation, Vec<usize>)> {
    let Some((first_file, first)) = parts.first().cloned() else { return Ok((Evaluation::default(), Vec::new())) };
    let mut seen: Vec<Option<&str>> = vec![None; first.parts];
    for (file, part) in &parts {
        let refuse = |cause: String, remedy: &str| Err(Error::new(Stage::Verify, cause).at(file).remedy(remedy));
        if let Some((what, own, others)) = part.run.difference(&first.run) {
            let cause = format!("the parts are of different {what}: {own}, and {others} in {first_file}");
            let remedy = match what {
                "calibrations" | "integer networks" => {
                    "calibrate once with `bakelite calibrate` and give every part the same --calib, on CPUs of one generation"
                }
                _ => "merge shards of one and the same run only",
            };
            return refuse(cause, remedy);
        }
        if part.parts != first.parts {
            let cause = format!("this is one of {} parts, {first_file} one of {}", part.parts, first.parts);
            return refuse(cause, "merge shards of one and the same run only");
        }
        let slot = part.part.checked_sub(1).and_then(|index| seen.get_mut(index));
        match slot {
            None => {
                let cause = format!("it says that it is part {} of {}", part.part, part.parts);
                return refuse(cause, "give files that `eval --shard` printed");
            }
            Some(Some(other)) => {
                let cause = format!("part {} of {} is there twice, in {other} too", part.part, part.parts);
                return refuse(cause, "give every part once");
            }
            Some(slot) => *slot = Some(file),
        }
    }
    let missing = seen.iter().enumerate().filter(|(_, file)| file.is_none()).map(|(index, _)| index + 1).collect();
    let merged = Evaluation::merge(parts.into_iter().map(|(_, part)| part.evaluation))?;
    Ok((merged, missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::compare;

    fn part(number: usize, image: &str) -> (String, Part) {
        let word = |text: &str| text.to_owned();
        let run = Run {
            bakelite: word("1"),
            model: word("a"),
            preprocess: word("b"),
            recipe: word("c"),
            calibration: word("d"),
            pictures: word("e"),
            integers: word("f"),
        };
        let evaluation = Evaluation { outcomes: vec![compare(image, None, &[1.0], &[1.0])] };
        (format!("{number}.json"), Part { run, part: number, parts: 3, evaluation })
    }

    #[test]
    fn parts_of_one_run_merge_in_any_order_and_missing_ones_are_told() {
        let (merged, missing) = merge(vec![part(3, "c"), part(1, "a")]).unwrap();
        assert_eq!(merged.outcomes.iter().map(|o| o.file.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(missing, [2]);
    }

    #[test]
    fn every_difference_is_refused() {
        type Change = fn(&mut Part);
        let changes: [(&str, Change); 9] = [
            ("models", |p| p.run.model.push('x')),
            ("preprocessings", |p| p.run.preprocess.push('x')),
            ("recipes", |p| p.run.recipe.push('x')),
            ("calibrations", |p| p.run.calibration.push('x')),
            ("sets of pictures", |p| p.run.pictures.push('x')),
            ("integer networks", |p| p.run.integers.push('x')),
            ("one of 4 parts", |p| p.parts = 4),
            ("there twice", |p| p.part = 1),
            ("part 4 of 3", |p| p.part = 4),
        ];
        for (word, change) in changes {
            let mut other = part(2, "b");
            change(&mut other.1);
            let error = merge(vec![part(1, "a"), other]).unwrap_err();
            assert!(error.cause.contains(word) && error.remedy.is_some(), "{word}: {error}");
            assert_eq!(error.node.as_deref(), Some("2.json"));
        }
    }
}
