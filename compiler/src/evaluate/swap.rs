//! What hard forms in place of true sigmoid and swish cost, and what of it was won back: three ways side by side.
//!
//! All are judged against the *exact* network in float, the one that the user's file describes:
//!
//! - *hard, float*: the functions exchanged, nothing else: what the swap itself costs;
//! - *hard, repaired, int8*: reconstructed so that it answers what the exact network answers;
//! - *exact, int8*: what `--keep-sigmoid` gives, tables for the true functions, where all of them have one.

use super::masks::{self, Masks};
use super::{Evaluation, Outcome};
use serde::{Deserialize, Serialize};

/// Agreement within so many points, and SQNR within so many dB, of what `--keep-sigmoid` gives is repair enough.
const ENOUGH: (f64, f64) = (1.0, 1.0);

/// Without that to compare with: the agreement from which on the repair is called enough, in percent.
const ENOUGH_ALONE: f64 = 95.0;

/// One way's answer to one image, against the exact network's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Best class.
    pub top1: usize,
    /// How many classes it finds better than the label.
    pub rank: Option<usize>,
    /// Energy of the difference.
    pub noise: f64,
    /// The masks, where the network answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masks: Option<Masks>,
}

impl Judged {
    /// Of a comparison with the exact network.
    pub fn of(outcome: Outcome) -> Self {
        let Outcome { int8_top1: top1, int8_rank: rank, noise, masks, .. } = outcome;
        Self { top1, rank, noise, masks }
    }
}

/// The other ways' answers to one image, where hard forms took the place of sigmoid and swish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Others {
    /// The hard network in float.
    pub hard: Judged,
    /// The exact network in integers, if it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Judged>,
}

/// How near to the exact network one way comes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// Share of images for which both name the same class, in percent; of pixels, where the network answers a mask.
    pub agreement: f64,
    /// Signal to noise of the answers, in dB; infinite (null) where they are equal.
    pub sqnr_db: f64,
    /// Its accuracy, in percent of labelled images.
    pub top1: Option<f64>,
}

/// The three side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swap {
    /// Images seen.
    pub images: usize,
    /// Accuracy of the exact network in float, in percent of labelled images.
    pub exact_top1: Option<f64>,
    /// The hard network in float.
    pub hard: Way,
    /// The integers that were compiled: hard, and aimed at the exact network.
    pub repaired: Way,
    /// The integers of `--keep-sigmoid`; none where they were not made.
    pub kept: Option<Way>,
    /// Whether the repair is enough.
    pub advice: Advice,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// The hard forms will do.
    Enough,
    /// `--keep-sigmoid` is clearly nearer.
    Keep,
    /// They will not do, and there is nothing to compare with.
    NotEnough,
}

impl Advice {
    /// On the network that was compiled, `repaired`, beside the one of `--keep-sigmoid`.
    fn on(&Way { agreement, sqnr_db, .. }: &Way, kept: Option<&Way>) -> Self {
        match kept {
            Some(kept) if kept.agreement > agreement + ENOUGH.0 || kept.sqnr_db > sqnr_db + ENOUGH.1 => Advice::Keep,
            Some(_) => Advice::Enough,
            None if agreement >= ENOUGH_ALONE => Advice::Enough,
            None => Advice::NotEnough,
        }
    }
}

impl Swap {
    /// Of outcomes whose float network is the exact one; none where nothing was exchanged.
    pub(super) fn of(evaluation: &Evaluation) -> Option<Self> {
        let seen: Vec<(&Outcome, &Others)> =
            evaluation.outcomes.iter().filter_map(|o| Some((o, o.swap.as_ref()?))).collect();
        let percent = |count: usize, of: usize| (of > 0).then(|| 100.0 * count as f64 / of as f64);
        let labelled = seen.iter().filter(|(o, _)| o.float_rank.is_some()).count();
        let signal: f64 = seen.iter().map(|(o, _)| o.signal).sum();
        let way = |answer: &dyn Fn(&Outcome, &Others) -> Option<Judged>| -> Option<Way> {
            let answers = seen.iter().map(|(o, a)| Some((*o, answer(o, a)?))).collect::<Option<Vec<_>>>()?;
            let noise: f64 = answers.iter().map(|(_, a)| a.noise).sum();
            let masks = masks::summary(answers.iter().filter_map(|(_, a)| a.masks.as_ref()));
            let same = percent(answers.iter().filter(|(o, a)| o.float_top1 == a.top1).count(), answers.len())?;
            Some(Way {
                agreement: masks.map_or(same, |masks| masks.pixel_agreement),
                sqnr_db: 10.0 * (signal / noise).log10(),
                top1: percent(answers.iter().filter(|(_, a)| a.rank == Some(0)).count(), labelled),
            })
        };
        let repaired = way(&|o, _| Some(Judged::of(o.clone())))?;
        let kept = way(&|_, a| a.kept.clone());
        Some(Self {
            images: seen.len(),
            exact_top1: percent(seen.iter().filter(|(o, _)| o.float_rank == Some(0)).count(), labelled),
            hard: way(&|_, a| Some(a.hard.clone()))?,
            advice: Advice::on(&repaired, kept.as_ref()),
            repaired,
            kept,
        })
    }

    /// Name and figures of each way, for tables.
    pub fn rows(&self) -> Vec<(&'static str, &Way)> {
        let mut rows = vec![("hard, in float", &self.hard), ("hard, repaired, in int8", &self.repaired)];
        rows.extend(self.kept.as_ref().map(|kept| ("exact, in int8 (--keep-sigmoid)", kept)));
        rows
    }
}

impl std::fmt::Display for Swap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gain = self.kept.as_ref().map(|kept| {
            let (points, db) = (kept.agreement - self.repaired.agreement, kept.sqnr_db - self.repaired.sqnr_db);
            format!("{points:+.1} points of agreement, {db:+.1} dB")
        });
        match (self.advice, gain) {
            (Advice::Enough, Some(gain)) => write!(f, "the hard forms will do: --keep-sigmoid would change {gain}"),
            (Advice::Enough, None) => f.write_str("the hard forms will do"),
            (Advice::Keep, Some(gain)) => write!(f, "compile with --keep-sigmoid: {gain}"),
            (Advice::Keep | Advice::NotEnough, _) => f.write_str(
                "the repair is not enough, and the exact network was not made in integers: train with the hard forms, or try \
                 another --recipe",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::compare;

    fn outcome(exact: &[f32], hard: &[f32], kept: Option<&[f32]>, int8: &[f32]) -> Outcome {
        let mut outcome = compare("a", Some(0), exact, int8);
        let answer = |answer: &[f32]| Judged::of(compare("", Some(0), exact, answer));
        outcome.swap = Some(Others { hard: answer(hard), kept: kept.map(answer) });
        outcome
    }

    #[test]
    fn three_ways_against_the_exact_network() {
        let exact = [2.0, 1.0];
        let good = outcome(&exact, &[1.0, 2.0], Some(&[2.0, 1.0]), &[2.0, 1.2]);
        let swap = Swap::of(&Evaluation { outcomes: vec![good] }).unwrap();
        assert_eq!((swap.exact_top1, swap.hard.top1, swap.repaired.top1), (Some(100.0), Some(0.0), Some(100.0)));
        assert!(swap.hard.sqnr_db < swap.repaired.sqnr_db && swap.kept.as_ref().unwrap().sqnr_db.is_infinite());
        assert_eq!(swap.advice, Advice::Keep);
        let alone = outcome(&exact, &[1.0, 2.0], None, &[1.0, 1.2]);
        let swap = Swap::of(&Evaluation { outcomes: vec![alone] }).unwrap();
        assert_eq!((swap.advice, swap.kept), (Advice::NotEnough, None));
        assert_eq!(Swap::of(&Evaluation { outcomes: vec![compare("a", None, &exact, &exact)] }), None);
    }
}
