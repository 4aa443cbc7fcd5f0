//! Float against integers on pictures: agreement, accuracy, and how far the answers are apart.
//!
//! Per image, with `y` the float and `ŷ` the integer answers, both less their mean over classes:
//! `signal = Σ y²`, `noise = Σ (y − ŷ)²`; over images `SQNR = 10 log10(Σ signal / Σ noise)`.
//!
//! A map of several channels is taken pixel by pixel, one of a single channel as a whole; several answers add up. Of class
//! numbers every pixel is a signal of one, and a noise of one where they differ.
//!
//! The float network is that of the user's file. Where hard forms took the place of its true sigmoid and swish, [`swap`] tells
//! what that alone changed.

pub mod masks;
pub mod part;
pub mod swap;

use crate::calibrate::input;
use crate::dataset::{Dataset, Skipped};
use crate::error::{Error, Result, Stage};
use crate::execute;
use crate::graph::Graph;
use crate::pipeline::Prepared;
use crate::plan::{Kernel, Plan, run};
use crate::qgraph::{Answer, Content};
use masks::{MaskSummary, Masks};
use serde::{Deserialize, Serialize};
use swap::{Judged, Others, Swap};

/// One image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name in the folder.
    pub file: String,
    /// Its label, in the network's own numbering.
    pub class: Option<usize>,
    /// Best class of the float network.
    pub float_top1: usize,
    /// Best class of the integer network.
    pub int8_top1: usize,
    /// How many classes the float network finds better than the label.
    pub float_rank: Option<usize>,
    /// How many classes the integer network finds better than the label.
    pub int8_rank: Option<usize>,
    /// Energy of the float answers.
    pub signal: f64,
    /// Energy of the difference.
    pub noise: f64,
    /// What the float network gives its best class, as a probability.
    #[serde(default)]
    pub float_score: f32,
    /// What the integer network gives its best class, as a probability.
    #[serde(default)]
    pub int8_score: f32,
    /// The masks, where the network answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masks: Option<Masks>,
    /// What else could have been compiled, where hard forms took the place of sigmoid and swish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<Others>,
}

/// All images of a run or shard, in the order of their names; merging is concatenation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// One per image.
    pub outcomes: Vec<Outcome>,
}

/// What they add up to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Images seen.
    pub images: usize,
    /// Of these, with a label.
    pub labelled: usize,
    /// Share of images for which both networks name the same class, in percent; of pixels, where the network answers a mask.
    pub agreement: f64,
    /// Signal to quantization noise of the answers, in dB; infinite (null) where they are equal.
    pub sqnr_db: f64,
    /// Accuracy of the float network, in percent of labelled images.
    pub float_top1: Option<f64>,
    /// The same, label among the best five.
    pub float_top5: Option<f64>,
    /// Accuracy of the integer network.
    pub int8_top1: Option<f64>,
    /// The same, label among the best five.
    pub int8_top5: Option<f64>,
    /// The masks, where the network answers one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<MaskSummary>,
    /// Half width of the 95 % interval of the difference of top-1, paired, in points.
    pub paired_interval: Option<f64>,
    /// What the hard forms of sigmoid and swish changed, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
}

impl Summary {
    /// The rows of a table that compare the answers: what, and how much.
    pub fn agreements(&self) -> Vec<(String, String)> {
        let mut rows = match &self.masks {
            Some(masks) => vec![
                (format!("agreement (pixels of {} images)", self.images), format!("{:.2} %", self.agreement)),
                (format!("mean IoU of masks ({} classes)", masks.classes), format!("{:.4}", masks.mean_iou)),
            ],
            None => vec![(format!("agreement ({} images)", self.images), format!("{:.2} %", self.agreement))],
        };
        let what = if self.masks.is_some() { "SQNR of the answers" } else { "logit SQNR" };
        rows.push((what.into(), format!("{:.1} dB", self.sqnr_db)));
        rows
    }
}

impl Evaluation {
    /// Joins outcomes; the same image twice is refused.
    pub fn merge(parts: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut outcomes: Vec<Outcome> = parts.into_iter().flat_map(|part| part.outcomes).collect();
        outcomes.sort_by(|a, b| a.file.cmp(&b.file));
        match outcomes.windows(2).find(|pair| pair[0].file == pair[1].file) {
            Some(pair) => Err(Error::new(Stage::Verify, "the same image is in two parts")
                .at(&pair[0].file)
                .remedy("merge shards of one and the same run only")),
            None => Ok(Self { outcomes }),
        }
    }

    /// Adds it up.
    pub fn summary(&self) -> Summary {
        let images = self.outcomes.len();
        let percent = |count: usize, of: usize| (of > 0).then(|| 100.0 * count as f64 / of as f64);
        let labelled: Vec<&Outcome> = self.outcomes.iter().filter(|o| o.class.is_some()).collect();
        let within = |rank: fn(&Outcome) -> Option<usize>, most: usize| {
            percent(labelled.iter().filter(|o| rank(o).is_some_and(|r| r < most)).count(), labelled.len())
        };
        let (signal, noise) = self.outcomes.iter().fold((0.0, 0.0), |(s, n), o| (s + o.signal, n + o.noise));
        // Paired: only images that one of the two gets right and the other wrong carry noise.
        let masks = masks::summary(self.outcomes.iter().filter_map(|o| o.masks.as_ref()));
        let same = percent(self.outcomes.iter().filter(|o| o.float_top1 == o.int8_top1).count(), images);
        let differ = labelled.iter().filter(|o| (o.float_rank == Some(0)) != (o.int8_rank == Some(0))).count();
        Summary {
            images,
            labelled: labelled.len(),
            agreement: masks.as_ref().map(|m| m.pixel_agreement).or(same).unwrap_or(0.0),
            sqnr_db: 10.0 * (signal / noise).log10(),
            float_top1: within(|o| o.float_rank, 1),
            float_top5: within(|o| o.float_rank, 5),
            int8_top1: within(|o| o.int8_rank, 1),
            int8_top5: within(|o| o.int8_rank, 5),
            paired_interval: (!labelled.is_empty())
                .then(|| 1.96 * 100.0 * (differ as f64).sqrt() / labelled.len() as f64),
            masks,
            swap: Swap::of(self),
        }
    }
}

/// Compares what two networks answer to one image.
pub fn compare_all(answers: &[Answer], file: &str, class: Option<usize>, float: &[f32], int8: &[f32]) -> Outcome {
    let (signal, noise) = energies_of(answers, float, int8);
    // Classes are those of the first vector.
    let mut at = 0;
    let scores = answers.iter().find_map(|answer| {
        let span = at..at + answer.shape.len();
        at = span.end;
        (answer.shape.pixels() == 1).then_some(span)
    });
    let span = scores.unwrap_or(0..0);
    let (a, b) = (float.get(span.clone()).unwrap_or_default(), int8.get(span).unwrap_or_default());
    Outcome { signal, noise, masks: masks::compare(answers, float, int8), ..compare(file, class, a, b) }
}

/// Signal and noise energy of all answers of one image.
pub fn energies_of(answers: &[Answer], float: &[f32], int8: &[f32]) -> (f64, f64) {
    let mut at = 0;
    let mut sum = (0.0, 0.0);
    for answer in answers {
        let span = at..at + answer.shape.len();
        at = span.end;
        let (Some(a), Some(b)) = (float.get(span.clone()), int8.get(span)) else { break };
        let whole = answer.shape.channels == 1 || answer.shape.pixels() == 1;
        let piece = if whole { a.len() } else { answer.shape.channels }.max(1);
        for (a, b) in a.chunks_exact(piece).zip(b.chunks_exact(piece)) {
            let (signal, noise) = match answer.content {
                Content::Classes => (a.len() as f64, a.iter().zip(b).filter(|(a, b)| a != b).count() as f64),
                Content::Codes(_) | Content::Reals => energies(a, b),
            };
            sum = (sum.0 + signal, sum.1 + noise);
        }
    }
    sum
}

/// Compares two vectors of scores for one image.
pub fn compare(file: &str, class: Option<usize>, float: &[f32], int8: &[f32]) -> Outcome {
    let (signal, noise) = energies(float, int8);
    let class = class.filter(|&class| class < float.len());
    Outcome {
        file: file.to_owned(),
        class,
        float_top1: top1(float),
        int8_top1: top1(int8),
        float_rank: class.map(|class| rank(float, class)),
        int8_rank: class.map(|class| rank(int8, class)),
        signal,
        noise,
        float_score: 0.0,
        int8_score: 0.0,
        masks: None,
        swap: None,
    }
}

/// Probability of the best class: the answer itself where it comes from a softmax, and otherwise the softmax of it.
fn best_score(values: &[f32], probabilities: bool) -> f32 {
    let best = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if probabilities { best } else { 1.0 / values.iter().map(|v| (v - best).exp()).sum::<f32>() }
}

/// The first of the largest.
pub fn top1(values: &[f32]) -> usize {
    values.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &v)| if v > best.1 { (i, v) } else { best }).0
}

/// How many are better than `class`, ties to the smaller index.
fn rank(values: &[f32], class: usize) -> usize {
    let own = values[class];
    values.iter().enumerate().filter(|&(i, &v)| v > own || (v == own && i < class)).count()
}

/// Signal and noise energy of one image's answers, the mean over classes removed.
pub fn energies(float: &[f32], int8: &[f32]) -> (f64, f64) {
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64;
    let (mf, mi) = (mean(float), mean(int8));
    float.iter().zip(int8).fold((0.0, 0.0), |(signal, noise), (&f, &i)| {
        let (f, i) = (f64::from(f) - mf, f64::from(i) - mi);
        (signal + f * f, noise + (f - i) * (f - i))
    })
}

/// By how much the network's numbering of classes is ahead of the labels': networks with a background class 0 have one
/// class more.
pub fn label_offset(dataset: &Dataset, outputs: usize) -> usize {
    let most = dataset.images().iter().filter_map(|image| image.class).max();
    usize::from(outputs == 1001 && most.is_some_and(|most| most < 1000))
}

/// Runs both networks on every image; images per second of each, per thread, follow.
///
/// # Errors
/// Where no picture can be read, or this CPU cannot run the plan.
pub fn evaluate(prepared: &Prepared, plan: &Plan, dataset: &Dataset) -> Result<(Evaluation, Skipped, Speed)> {
    evaluate_with(prepared, plan, None, dataset)
}

/// The same, beside the plan of what `--keep-sigmoid` would give.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_with(
    prepared: &Prepared,
    plan: &Plan,
    kept: Option<&Plan>,
    dataset: &Dataset,
) -> Result<(Evaluation, Skipped, Speed)> {
    let probabilities = plan.steps.last().is_some_and(|step| matches!(step.kernel, Kernel::Softmax { .. }));
    let answers: Vec<Answer> = plan.outputs.iter().map(|output| output.answer.clone()).collect();
    let offset = label_offset(dataset, plan.scores().unwrap_or(0));
    let mut outcomes = Vec::with_capacity(dataset.len());
    let mut speed = Speed::default();
    let skipped = dataset.stream(
        "comparing",
        &prepared.preprocess.fit,
        |sight| {
            let start = std::time::Instant::now();
            let float = answer(prepared.truth(), sight.rgb)?;
            let float_time = start.elapsed();
            let mut memory = run::Memory::of(plan);
            let start = std::time::Instant::now();
            let int8 = run::run(plan, &mut memory, sight.rgb).ok_or_else(|| lacks(plan))?;
            let int8_time = start.elapsed();
            let class = sight.image.class.map(|class| class + offset);
            let mut outcome = compare_all(&answers, &sight.image.name, class, &float, int8);
            if plan.scores().is_some() {
                outcome.float_score = best_score(&float, probabilities);
                outcome.int8_score = best_score(int8, probabilities);
            }
            if prepared.exact.is_some() {
                let of = |answer: &[f32]| Judged::of(compare_all(&answers, "", class, &float, answer));
                let kept = kept
                    .map(|plan| {
                        run::run(plan, &mut run::Memory::of(plan), sight.rgb).map(of).ok_or_else(|| lacks(plan))
                    })
                    .transpose()?;
                outcome.swap = Some(Others { hard: of(&answer(&prepared.graph, sight.rgb)?), kept });
            }
            Ok((outcome, float_time, int8_time))
        },
        |_, result: Result<_>| {
            let (outcome, float, int8) = result?;
            outcomes.push(outcome);
            speed.float.push(float);
            speed.int8.push(int8);
            Ok(())
        },
    )?;
    Ok((Evaluation::merge([Evaluation { outcomes }])?, skipped, speed))
}

/// What a float network answers: all outputs, one after the other.
pub fn answer(graph: &Graph, rgb: &[u8]) -> Result<Vec<f32>> {
    Ok(flat(&execute::run(graph, &input(graph, rgb)?, &mut |_, _| {})?))
}

/// All outputs, one after the other.
pub fn flat(outputs: &[ndarray::Array3<f32>]) -> Vec<f32> {
    outputs.iter().flat_map(|y| y.iter().copied()).collect()
}

/// Time spent in the networks themselves, per image.
#[derive(Clone, Debug, Default)]
pub struct Speed {
    float: Vec<std::time::Duration>,
    int8: Vec<std::time::Duration>,
}

impl Speed {
    /// Milliseconds of the float network: the median.
    pub fn float_ms(&self) -> Option<f64> {
        median_ms(&self.float)
    }

    /// Milliseconds of the integer network: the median.
    pub fn int8_ms(&self) -> Option<f64> {
        median_ms(&self.int8)
    }
}

fn median_ms(times: &[std::time::Duration]) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1e3)
}

/// The refusal to run a plan that this CPU cannot.
pub fn lacks(plan: &Plan) -> Error {
    Error::new(Stage::Verify, format!("this CPU cannot run the kernels `{}`", plan.level.name()))
        .remedy("choose a target that this CPU can run; all give the same bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_shift_is_no_noise() {
        let outcome = compare("a", Some(1), &[1.0, 3.0, 2.0], &[2.0, 4.0, 3.0]);
        assert_eq!((outcome.noise, outcome.float_rank, outcome.int8_rank), (0.0, Some(0), Some(0)));
    }

    #[test]
    fn agreement_and_accuracy_add_up() {
        let evaluation = Evaluation {
            outcomes: vec![
                compare("a", Some(0), &[2.0, 1.0], &[2.0, 1.0]),
                compare("b", Some(1), &[0.0, 1.0], &[1.0, 0.0]),
            ],
        };
        let summary = evaluation.summary();
        assert_eq!((summary.agreement, summary.float_top1, summary.int8_top1), (50.0, Some(100.0), Some(50.0)));
        assert_eq!(summary.int8_top5, Some(100.0));
    }

    #[test]
    fn scores_are_probabilities() {
        assert_eq!(best_score(&[0.0, 0.0], false), 0.5);
        assert_eq!(best_score(&[0.25, 0.75], true), 0.75);
    }

    #[test]
    fn shards_do_not_overlap() {
        let part = Evaluation { outcomes: vec![compare("a", None, &[1.0], &[1.0])] };
        assert!(Evaluation::merge([part.clone(), part]).is_err());
    }
}
