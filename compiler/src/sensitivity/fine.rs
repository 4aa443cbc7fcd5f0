//! Which maps are worth 12 bits: those whose rounding the answers feel most, for the time that it takes.

use super::channels::Channels;
use crate::error::Result;
use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use crate::quantize::recipe::Recipe;
use crate::quantize::sites::{Site, SiteKind};
use crate::quantize::{self, Ranges, fine};
use std::fmt::Write as _;

/// What a layer spends on fine maps, in average products of the network, which take all else with them. Fitted to V3-Small, layer by
/// layer, with AVX512-VNNI. (That was before writing fine codes took half the time. Fitted anew, 0.6, 0.7, 3.0 and 3.5, 3.0 twice and 5.0, the choices
/// were others and no better: `default` 96.8 %, 21.0 dB on V3-Small, 95.9 %, 20.9 dB on off-grid, 94.9 %, 26.1 dB on fundus, 97.8 %, 23.5 dB on text
/// direction, `mixed` 97.7 %, 22.7 dB on V3-Small, means of three choices of calibration pictures.)
struct Costs {
    /// A product of a pointwise or general convolution with a low part.
    product: f64,
    /// The same behind a gate, which goes into the weights of low parts, too.
    gated: f64,
    /// The same of a depthwise 3 × 3 and 5 × 5 convolution: strips of one row, and quads of taps that are not full.
    depthwise: [f64; 2],
    /// The same of one that has no strips for two planes (runtime, `kernel::depthwise`) and goes pixel by pixel.
    single: f64,
    /// A code that a convolution parts and writes, and one that a depthwise one does.
    writing: [f64; 2],
    /// A low part that a mean reads, or what goes with other whole codes.
    whole: f64,
}

const COSTS: Costs =
    Costs { product: 0.55, gated: 0.65, depthwise: [2.8, 3.0], single: 16.0, writing: [4.0, 8.0], whole: 3.5 };

/// Into how many parts a budget is cut.
const PARTS: usize = 1000;

/// A map is left alone that has no more than this share of the rounding error of all maps.
const LEAST: f64 = 0.002;

/// A map that is to be fine.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Which.
    pub tensor: TensorId,
    /// Its name.
    pub name: String,
    /// Its share of the squared error that rounding maps puts into the answers.
    pub share: f64,
    /// What it costs, as a share of the network's time: an estimate.
    pub cost: f64,
}

/// The choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Fine {
    /// Those first that have most of the error for their time.
    pub maps: Vec<Map>,
}

impl std::fmt::Display for Fine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.maps.is_empty() {
            return write!(f, "no map was worth 12 bits");
        }
        let (share, cost) = self.maps.iter().fold((0.0, 0.0), |sums, map| (sums.0 + map.share, sums.1 + map.cost));
        let mut names = String::new();
        for map in &self.maps {
            write!(names, "{}{}", if names.is_empty() { "" } else { ", " }, map.name)?;
        }
        write!(
            f,
            "12 bits for {} map{}, of whose rounding comes {:.0} % of the error from maps, for about {:.1} % more time: {names}",
            self.maps.len(),
            if self.maps.len() == 1 { "" } else { "s" },
            100.0 * share,
            100.0 * cost
        )
    }
}

/// Takes the maps that have the most of the error, within the recipe's budget of time.
///
/// # Errors
/// Where the network cannot be quantized.
pub fn choose(graph: &Graph, ranges: &Ranges, channels: &[Option<Channels>], recipe: &Recipe) -> Result<Fine> {
    let draft = quantize::draft(graph, ranges, recipe)?;
    let error = |index: usize| {
        let (channels, codes) = (channels.get(index)?.as_ref()?, draft.q.tensors.get(index)?.codes()?);
        Some(codes.scale.iter().enumerate().map(|(c, &step)| channels.rounding(c, f64::from(step))).sum::<f64>())
    };
    let made = |id: TensorId| draft.sites.iter().any(|site| site.output == id);
    let ids = (0..graph.tensors.len()).map(|index| TensorId(index as u32));
    let errors: Vec<(TensorId, f64)> =
        ids.filter(|&id| made(id)).filter_map(|id| Some((id, error(id.index())?))).collect();
    let all: f64 = errors.iter().map(|(_, error)| error).sum();
    let time: f64 = draft.sites.iter().map(|site| products(graph, site)).sum();
    let mut maps: Vec<Map> = errors
        .into_iter()
        .filter(|&(id, error)| error > LEAST * all && fine::is_possible(graph, &draft.sites, id))
        .map(|(tensor, error)| Map {
            tensor,
            name: graph.name_of(tensor).to_owned(),
            share: error / all,
            cost: cost(graph, &draft.sites, tensor) / time,
        })
        .collect();
    maps.sort_by(|a, b| (b.share / b.cost).total_cmp(&(a.share / a.cost)));
    take(&mut maps, recipe.settings.fine_budget);
    Ok(Fine { maps })
}

/// Leaves those of `maps` that together have the largest share of the error for no more than `budget`.
fn take(maps: &mut Vec<Map>, budget: f64) {
    if maps.iter().map(|map| map.cost).sum::<f64>() <= budget {
        return;
    }
    // What each map costs, in parts of the budget; at each number of parts the largest share so far, and whether the map is in it.
    let parts = |map: &Map| (map.cost / budget * PARTS as f64).ceil().min(PARTS as f64 + 1.0) as usize;
    let mut best = vec![0.0; PARTS + 1];
    let mut taken = Vec::with_capacity(maps.len());
    for map in maps.iter() {
        let cost = parts(map);
        let mut with = vec![false; PARTS + 1];
        for spent in (cost..=PARTS).rev() {
            let share = best[spent - cost] + map.share;
            if share > best[spent] {
                (best[spent], with[spent]) = (share, true);
            }
        }
        taken.push(with);
    }
    let mut left = PARTS;
    for index in (0..maps.len()).rev() {
        if taken[index][left] {
            left -= parts(&maps[index]);
        } else {
            maps.remove(index);
        }
    }
}

fn products(graph: &Graph, site: &Site<'_>) -> f64 {
    match &site.kind {
        SiteKind::Conv { conv, .. } | SiteKind::Gated { conv, .. } => of(graph, site, conv),
        _ => 0.0,
    }
}

fn of(graph: &Graph, site: &Site<'_>, conv: &Conv) -> f64 {
    (graph.shape(site.output).pixels() * conv.weights.len()) as f64
}

/// What it costs to make and to read `id` in two planes, in average products. A resized map is made once more, and read.
fn cost(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> f64 {
    let shape = graph.shape(id);
    let codes = shape.len() as f64;
    let [plain, depthwise] = COSTS.writing;
    let writing = match sites.iter().find(|site| site.output == id).map(|site| &site.kind) {
        Some(SiteKind::Conv { conv, .. }) if conv.is_depthwise() => depthwise,
        _ => plain,
    };
    let reading = |site: &Site<'_>| match &site.kind {
        SiteKind::Conv { conv, .. } if site.inputs.first() == Some(&id) => {
            let each = match (conv.is_depthwise(), conv.window.kernel, conv.window.dilation) {
                (false, ..) => COSTS.product,
                (_, [3, 3], [1, 1]) => COSTS.depthwise[0],
                (_, [5, 5], [1, 1]) => COSTS.depthwise[1],
                _ => COSTS.single,
            };
            products(graph, site) * each
        }
        SiteKind::Gated { .. } if site.inputs.first() == Some(&id) => products(graph, site) * COSTS.gated,
        SiteKind::Resize(_) => COSTS.whole * codes + cost(graph, sites, site.output),
        _ => COSTS.whole * codes,
    };
    let readers = sites.iter().filter(|site| site.inputs.contains(&id));
    writing * codes + readers.map(reading).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_goes_where_it_takes_away_most() {
        let map = |id: u32, share: f64, cost: f64| Map { tensor: TensorId(id), name: String::new(), share, cost };
        let all = [map(0, 0.02, 0.004), map(1, 0.135, 0.021), map(2, 0.12, 0.019), map(3, 0.05, 0.018)];
        let left = |budget: f64| -> Vec<u32> {
            let mut maps = all.to_vec();
            take(&mut maps, budget);
            maps.iter().map(|map| map.tensor.0).collect()
        };
        assert!(left(0.0).is_empty());
        assert!(left(0.003).is_empty());
        // Not the first one, though it has more of the error for its time than the third.
        assert_eq!(left(0.02), [2]);
        assert_eq!(left(0.0235), [0, 2]);
        assert_eq!(left(0.0415), [1, 2]);
        assert_eq!(left(1.0), [0, 1, 2, 3]);
    }
}
