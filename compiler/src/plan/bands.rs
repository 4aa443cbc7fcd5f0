//! Which steps are computed together, some rows after the other ([`bakelite_runtime::band`]), so that the maps between them need not be
//! there as a whole.
//!
//! Where the second cache holds the maps this gains no time, and costs some: V3-Large's first expansions take as long in bands of 14 rows, 2 to
//! 8 % longer in bands of 7 and half as long again row by row (AVX512-VNNI, Zen 5); with NEON a whole V3-Small executes 4 % more instructions in
//! bands of 8 rows. What it gains is memory, and that is only won where the arena is fullest. So the fullest step is relieved, as often as that
//! helps and until it fits, by the band that leaves the least memory alive; then every band gets as many rows as do not make the fullest
//! step any fuller.

use super::Kernel;
use super::layers::Layers;
use super::memory::living;
use crate::qgraph::{Kind, QGraph};
use bakelite_runtime::band::{MOST, ROOM};
use bakelite_runtime::isa::Level;
use std::ops::Range;

/// How much time memory may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Economy {
    /// As `small`, but only until the maps fit into the target's second cache.
    #[default]
    Cache,
    /// None: every map is there as a whole.
    Whole,
    /// A few percent at most: where memory is fullest, layers go together some rows after the other.
    Small,
    /// As much as it takes: the same, if need be row by row.
    Least,
}

impl Economy {
    /// Rows of the thinnest band of a map of `height` rows.
    fn thinnest(self, height: usize) -> usize {
        match self {
            Self::Whole => height,
            Self::Cache | Self::Small => height.div_ceil(PARTS).max(THIN),
            Self::Least => 1,
        }
    }

    /// Bytes of living maps that need no relief, with a second cache of so many bytes.
    const fn enough(self, cache: usize) -> usize {
        match self {
            Self::Cache => cache,
            Self::Whole => usize::MAX,
            Self::Small | Self::Least => 0,
        }
    }
}

/// Bands of a map, at most.
const PARTS: usize = 8;

/// Rows of a band, at least.
const THIN: usize = 8;

/// Steps that are computed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The first one.
    pub first: usize,
    /// Columns of what each of them makes, so many are they.
    pub widths: Vec<usize>,
    /// Rows of the last one's output at a time.
    pub rows: usize,
}

impl Choice {
    /// All of them.
    pub fn steps(&self) -> Range<usize> {
        self.first..self.first + self.widths.len()
    }

    /// The last one.
    pub fn last(&self) -> usize {
        self.first + self.widths.len().saturating_sub(1)
    }

    fn touches(&self, other: &Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }
}

/// Chooses, for a second cache of `cache` bytes.
pub fn choose(
    q: &QGraph,
    level: Level,
    kernels: &[Kernel],
    layers: Layers<'_>,
    (economy, cache): (Economy, usize),
) -> Vec<Choice> {
    let enough = economy.enough(cache);
    // The fullest step's bytes, how many steps are as full, and which the first of them is.
    let fullness = |bands: &[Choice]| {
        let alive = living(q, level, kernels, layers, bands).alive();
        let most = alive.iter().copied().max().unwrap_or(0);
        let full = alive.iter().filter(|&&bytes| bytes == most).count();
        ((most, full), alive.iter().position(|&bytes| bytes == most))
    };
    // Long bands relieve the most at once, and may leave less to be won by others.
    let ways = [2, 3, MOST]
        .map(|longest| relieved(fullness, enough, |step| candidates(q, kernels, layers, [step, longest], economy)));
    let fewest = |bands: &Vec<Choice>| (fullness(bands).0.max((enough, 0)), bands.len());
    let mut bands = ways.into_iter().min_by_key(fewest).unwrap_or_default();
    let most = fullness(&bands).0.0.max(enough);
    for index in 0..bands.len() {
        let height = q.tensor(q.nodes[bands[index].last()].output).shape.height;
        let thin = bands[index].rows;
        let fits = |rows: &usize| {
            let mut thick = bands.clone();
            thick[index].rows = *rows;
            has_room(kernels, layers, &thick[index]) && fullness(&thick).0.0 <= most
        };
        // As even as their number allows.
        let thick = (1..=height).map(|parts| height.div_ceil(parts)).take_while(|&rows| rows > thin).find(fits);
        bands[index].rows = thick.unwrap_or(thin);
    }
    bands.sort_by_key(|band| band.first);
    bands
}

/// Relieves the fullest step, as long as it has more than `enough` bytes and one of its `candidates` does so.
fn relieved(
    fullness: impl Fn(&[Choice]) -> ((usize, usize), Option<usize>),
    enough: usize,
    candidates: impl Fn(usize) -> Vec<Choice>,
) -> Vec<Choice> {
    let mut bands: Vec<Choice> = Vec::new();
    loop {
        let (now, Some(step)) = fullness(&bands) else { return bands };
        if now.0 <= enough {
            return bands;
        }
        let with = |band: Choice| {
            let mut with: Vec<Choice> = bands.iter().filter(|other| !other.touches(&band)).cloned().collect();
            with.push(band);
            (fullness(&with).0, with)
        };
        let best =
            candidates(step).into_iter().map(with).min_by_key(|(key, with)| (*key, with.last().map(Choice::last)));
        match best {
            Some((key, with)) if key < now => bands = with,
            _ => return bands,
        }
    }
}

/// All bands of at most `longest` steps that have `step` in them.
fn candidates(
    q: &QGraph,
    kernels: &[Kernel],
    layers: Layers<'_>,
    [step, longest]: [usize; 2],
    economy: Economy,
) -> Vec<Choice> {
    let mut all = Vec::new();
    for first in (step + 1).saturating_sub(longest)..=step {
        let last = (first..).take(longest).take_while(|&step| step == first || continues(q, kernels, step)).last();
        let Some(last) = last.filter(|_| kernels.get(first).is_some_and(by_rows)) else { continue };
        for last in step.max(first + 1)..=last {
            // One of a band's layers may add a map.
            if (first..=last).filter(|&step| q.nodes[step].inputs.len() > 1).count() > 1 {
                break;
            }
            let output = |step: usize| q.tensor(q.nodes[step].output).shape;
            let widths = (first..=last).map(|step| output(step).width).collect();
            let mut band = Choice { first, widths, rows: economy.thinnest(output(last).height) };
            while band.rows > 1 && !has_room(kernels, layers, &band) {
                band.rows = band.rows.div_ceil(2);
            }
            if has_room(kernels, layers, &band) {
                all.push(band);
            }
        }
    }
    all
}

/// Whether a thread's stack has room for what lies between the layers.
fn has_room(kernels: &[Kernel], layers: Layers<'_>, band: &Choice) -> bool {
    layers.in_band(&kernels[band.steps()], band, |band| band.scratch_len() <= ROOM)
}

/// Whether rows of what it makes need no more than rows of what it reads.
fn by_rows(kernel: &Kernel) -> bool {
    matches!(kernel, Kernel::Pointwise { .. } | Kernel::Depthwise { .. } | Kernel::Convolution { .. })
}

/// Whether `step` reads what the one before makes, which no one else does, and can go on with rows of it.
fn continues(q: &QGraph, kernels: &[Kernel], step: usize) -> bool {
    let (Some(node), Some(before)) = (q.nodes.get(step), step.checked_sub(1).and_then(|before| q.nodes.get(before)))
    else {
        return false;
    };
    let between = before.output;
    let readers = q.nodes.iter().filter(|node| node.inputs.contains(&between)).count();
    let tensor = q.tensor(between);
    [step - 1, step].iter().all(|&step| kernels.get(step).is_some_and(by_rows))
        && node.inputs.first() == Some(&between)
        && node.inputs.iter().filter(|id| **id == between).count() == 1
        && readers == 1
        && !q.is_output(between)
        && matches!(tensor.kind, Kind::Map(_))
        && tensor.shape.height > 1
}
