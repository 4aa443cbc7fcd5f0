//! Register tiles by measurement: with which one each matrix product of a network is quickest on this very machine.
//!
//! ```text
//! for each round, for each candidate c:      whole runs of the network, so that weights come from where they come from in use
//!   every product gets its candidate c         (a product with fewer candidates begins anew)
//!   run, and note the time of every product
//! tile of a shape = the candidate with the least sum of medians over all products of this shape,
//!                   if it takes less than 99 % of what the planner's choice takes
//! ```
//!
//! The planner's choice is [`Tile::best`]: from the registers of the instruction set alone, without a measurement. At the end the network is
//! timed with both, interleaved.

use crate::error::{Error, Result, Stage};
use crate::plan::{Kernel, Plan, run};
use crate::progress;
use crate::specs::{self, Source};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::Tile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What a measured time must be less than, as a part of the planner's choice's, to be believed.
const CLEAR: f64 = 0.99;

/// Runs that only warm caches.
const WARM_UP: usize = 5;

/// The tiles of a network's products on a machine; those not listed have the planner's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Name of the instruction set.
    pub kernels: String,
    /// One for each shape.
    pub layers: Vec<Choice>,
}

/// The tile of all products of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which products.
    #[serde(flatten)]
    pub product: Product,
    /// Most pixels of a tile: 8, 4 or 1.
    pub rows: usize,
    /// Most vectors of output channels: 1 to 6.
    pub vectors: usize,
}

/// The shape of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Product {
    /// Whether its weights are gated for every picture.
    pub gated: bool,
    /// Pixels.
    pub pixels: usize,
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
}

/// A shape, as measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Which.
    #[serde(flatten)]
    pub product: Product,
    /// How many layers have it.
    pub layers: usize,
    /// Nanoseconds of all of them with each candidate, the planner's first: sums of medians.
    pub candidates: Vec<(Candidate, f64)>,
    /// The chosen one's place among them.
    pub chosen: usize,
}

/// A tile, for JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Most pixels.
    pub rows: usize,
    /// Most vectors of output channels.
    pub vectors: usize,
}

/// All that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Name of the instruction set.
    pub kernels: String,
    /// Every shape of the network's products.
    pub products: Vec<Measured>,
    /// Median and minimum nanoseconds of the network with the planner's tiles,
    pub planned_ns: [f64; 2],
    /// and with the chosen ones.
    pub tuned_ns: [f64; 2],
}

impl Findings {
    /// What `compile` takes.
    pub fn tuning(&self) -> Tuning {
        let choice = |it: &Measured| {
            let (Candidate { rows, vectors }, _) = *it.candidates.get(it.chosen)?;
            (it.chosen > 0).then_some(Choice { product: it.product, rows, vectors })
        };
        Tuning { kernels: self.kernels.clone(), layers: self.products.iter().filter_map(choice).collect() }
    }
}

/// The shape of a kernel's matrix product, and its tile; none of other kernels.
fn product(kernel: &mut Kernel) -> Option<(Product, &mut Tile)> {
    let gated = matches!(kernel, Kernel::Gated { .. });
    match kernel {
        Kernel::Pointwise { pixels, in_channels, out_channels, tile, .. }
        | Kernel::Gated { pixels, in_channels, out_channels, tile, .. } => {
            let product = Product { gated, pixels: *pixels, in_channels: *in_channels, out_channels: *out_channels };
            Some((product, tile))
        }
        _ => None,
    }
}

/// All tiles worth a try, the planner's first.
fn candidates(level: Level, product: &Product) -> Vec<Tile> {
    let mut all = vec![Tile::best(level, product.pixels, product.out_channels)];
    let widest = product.out_channels.div_ceil(level.lanes()).clamp(1, level.widest());
    // Nothing is five vectors wide.
    for vectors in (1..=widest).rev().filter(|&vectors| vectors != 5 && vectors <= level.accumulators()) {
        for rows in [8, 4, 1] {
            let tile = Tile { rows, vectors };
            // Where the registers hold no more than four rows, eight are four.
            let same = |other: &Tile| {
                other.vectors == vectors && rows.min(level.rows(vectors)) == other.rows.min(level.rows(vectors))
            };
            // A row by itself reads all weights for it alone: only where there are few.
            let sense = if rows == 1 { product.pixels < 4 } else { product.pixels >= rows };
            if sense && !all.iter().any(same) {
                all.push(tile);
            }
        }
    }
    all
}

/// Measures over `rounds` runs of each candidate; `plan` then has the chosen tiles. `None` where this CPU lacks the plan's instruction set.
pub fn tune(plan: &mut Plan, rounds: usize) -> Option<Findings> {
    let level = plan.level;
    let mut tiles: Vec<Vec<Tile>> = Vec::new();
    for step in &mut plan.steps {
        tiles.push(product(&mut step.kernel).map_or_else(Vec::new, |(product, _)| candidates(level, &product)));
    }
    let most = tiles.iter().map(Vec::len).max().unwrap_or(0);
    let mut times: Vec<Vec<Vec<u128>>> = tiles.iter().map(|tiles| vec![Vec::new(); tiles.len()]).collect();
    let mut machine = Machine::new(plan);
    let bar = progress::bar("timing tiles", rounds * most, "runs");
    for round in 0..rounds + WARM_UP {
        for candidate in 0..most {
            let which = |step: usize| candidate.checked_rem(tiles[step].len()).unwrap_or(0);
            for (index, step) in plan.steps.iter_mut().enumerate() {
                if let Some((_, tile)) = product(&mut step.kernel) {
                    *tile = tiles[index][which(index)];
                }
            }
            machine.run(plan, |step, ns| {
                if round >= WARM_UP
                    && let Some(times) = times[step].get_mut(which(step))
                {
                    times.push(ns);
                }
            })?;
            if round >= WARM_UP {
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    let products = choose(plan, &tiles, times);
    let [planned_ns, tuned_ns] = compare(plan, &mut machine, &products, rounds)?;
    Some(Findings { kernels: level.name().to_owned(), products, planned_ns, tuned_ns })
}

/// Sums up the times of all products of a shape and picks its tile.
fn choose(plan: &mut Plan, tiles: &[Vec<Tile>], times: Vec<Vec<Vec<u128>>>) -> Vec<Measured> {
    let mut shapes: BTreeMap<Product, Measured> = BTreeMap::new();
    for ((step, tiles), times) in plan.steps.iter_mut().zip(tiles).zip(times) {
        let Some((product, _)) = product(&mut step.kernel) else { continue };
        let none = tiles.iter().map(|tile| (Candidate { rows: tile.rows, vectors: tile.vectors }, 0.0)).collect();
        let shape = shapes.entry(product).or_insert(Measured { product, layers: 0, candidates: none, chosen: 0 });
        shape.layers += 1;
        for ((_, sum), mut times) in shape.candidates.iter_mut().zip(times) {
            times.sort_unstable();
            *sum += run::median(&times);
        }
    }
    let mut all: Vec<Measured> = shapes.into_values().collect();
    for shape in &mut all {
        let best = shape.candidates.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        if let (Some((best, (_, least))), Some((_, planned))) = (best, shape.candidates.first())
            && *least < CLEAR * planned
        {
            shape.chosen = best;
        }
    }
    all
}

/// Median and minimum of whole runs with the planner's tiles and with the chosen ones, which stay.
fn compare(plan: &mut Plan, machine: &mut Machine, products: &[Measured], rounds: usize) -> Option<[[f64; 2]; 2]> {
    let mut totals = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (tuned, totals) in totals.iter_mut().enumerate() {
            for step in &mut plan.steps {
                let Some((product, tile)) = product(&mut step.kernel) else { continue };
                let measured = products.iter().find(|it| it.product == product)?;
                let (Candidate { rows, vectors }, _) = *measured.candidates.get(tuned * measured.chosen)?;
                *tile = Tile { rows, vectors };
            }
            let mut total = 0;
            machine.run(plan, |_, ns| total += ns)?;
            totals.push(total);
        }
    }
    Some(totals.map(|mut totals| {
        totals.sort_unstable();
        [run::median(&totals), totals.first().copied().unwrap_or(0) as f64]
    }))
}

/// Memory and a picture.
struct Machine {
    memory: run::Memory,
    image: Vec<u8>,
}

impl Machine {
    fn new(plan: &Plan) -> Self {
        Self { memory: run::Memory::of(plan), image: crate::emit::noise_image(1, plan.input.len()) }
    }

    fn run(&mut self, plan: &Plan, see: impl FnMut(usize, u128)) -> Option<()> {
        run::profile(plan, &mut self.memory, &self.image, see).then_some(())
    }
}

impl Tuning {
    /// Reads a file that `bakelite tune` wrote.
    ///
    /// # Errors
    /// Where it cannot be read, is no such file, or names tiles that there are not.
    pub fn read(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        let failed = |cause: String| Error::new(Stage::Specs, cause).at(&origin).remedy("make it with `bakelite tune`");
        let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
        let tuning: Self = specs::parse(&Source { name: String::new(), origin: origin.clone(), text })?;
        if Level::parse(&tuning.kernels).is_none() {
            return Err(failed(format!("there are no kernels `{}`", tuning.kernels)));
        }
        match tuning.layers.iter().find(|it| ![1, 4, 8].contains(&it.rows) || !(1..=Tile::WIDEST).contains(&it.vectors))
        {
            Some(it) => Err(failed(format!("there is no tile of {} rows and {} vectors", it.rows, it.vectors))),
            None => Ok(tuning),
        }
    }

    /// Gives products of a plan for the same instruction set their tiles; how many have one of those listed.
    pub fn apply(&self, plan: &mut Plan) -> usize {
        if plan.level.name() != self.kernels {
            return 0;
        }
        let mut count = 0;
        for step in &mut plan.steps {
            if let Some((product, tile)) = product(&mut step.kernel)
                && let Some(choice) = self.layers.iter().find(|it| it.product == product)
            {
                *tile = Tile { rows: choice.rows, vectors: choice.vectors };
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pixels: usize, out_channels: usize) -> Product {
        Product { gated: false, pixels, in_channels: 16, out_channels }
    }

    #[test]
    fn candidates_are_distinct_and_the_planners_is_the_first() {
        let tiles = |level, pixels, n| -> Vec<[usize; 2]> {
            candidates(level, &shape(pixels, n)).iter().map(|tile| [tile.rows, tile.vectors]).collect()
        };
        assert_eq!(tiles(Level::Avx512Vnni, 196, 40), [[4, 3], [8, 3], [8, 2], [4, 2], [8, 1], [4, 1]]);
        assert_eq!(tiles(Level::Avx2, 196, 16), [[8, 2], [4, 2], [8, 1], [4, 1]]);
        // A tile of three vectors has four rows at most.
        assert_eq!(tiles(Level::Avx2, 196, 24), [[8, 2], [8, 3], [4, 2], [8, 1], [4, 1]]);
        assert_eq!(tiles(Level::Avx512Vnni, 1, 16), [[1, 1]]);
    }

    #[test]
    fn only_a_clear_gain_is_a_choice() {
        let candidates = |times: [f64; 2]| times.map(|ns| (Candidate { rows: 8, vectors: 1 }, ns)).to_vec();
        let measured =
            |chosen, times| Measured { product: shape(4, 4), layers: 1, candidates: candidates(times), chosen };
        let findings = |chosen| Findings {
            kernels: "avx2".into(),
            products: vec![measured(chosen, [100.0, 90.0])],
            planned_ns: [0.0; 2],
            tuned_ns: [0.0; 2],
        };
        assert_eq!(findings(0).tuning().layers, []);
        assert_eq!(findings(1).tuning().layers, [Choice { product: shape(4, 4), rows: 8, vectors: 1 }]);
    }

    #[test]
    fn a_file_is_what_was_written() {
        let tuning = Tuning {
            kernels: "avx512vnni".into(),
            layers: vec![Choice { product: shape(49, 96), rows: 4, vectors: 3 }],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuned.yaml");
        std::fs::write(&path, serde_yaml::to_string(&tuning).unwrap()).unwrap();
        assert_eq!(Tuning::read(&path).unwrap(), tuning);
        for (from, to) in
            [("rows: 4", "rows: 5"), ("vectors: 3", "vectors: 0"), ("avx512vnni", "mmx"), ("pixels", "pixel")]
        {
            let text = serde_yaml::to_string(&tuning).unwrap().replace(from, to);
            std::fs::write(&path, text).unwrap();
            assert!(Tuning::read(&path).is_err(), "{to}");
        }
    }
}
