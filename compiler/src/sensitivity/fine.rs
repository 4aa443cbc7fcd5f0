//! Which maps are worth 12 bits: those whose rounding the answers feel most, for the time that it takes.

use super::channels::Channels;
use crate::error::Result;
use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use crate::quantize::recipe::Recipe;
use crate::quantize::sites::{Site, SiteKind};
use crate::quantize::{self, Ranges, fine};
use std::fmt::Write as _;

/// Products that take as long as one code of a fine map takes to be parted and written.
const PARTING: f64 = 8.0;

/// A product with a low part, in average products of the network, which take all else with them.
const PRODUCT: f64 = 0.6;

/// The same of a 5 × 5 depthwise convolution: strips of one row, and three quads of taps where two were enough for two rows.
const LARGE: f64 = 2.0;

/// The same of a depthwise convolution that has no strips for two planes (`kernel::depthwise`) and goes pixel by pixel.
const SINGLE: f64 = 16.0;

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
    /// In the order in which they were chosen.
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
            "12 bits for {} maps, of whose rounding comes {:.0} % of the error from maps, for about {:.0} % more time: {names}",
            self.maps.len(),
            100.0 * share,
            100.0 * cost
        )
    }
}

/// Takes maps by error per time until the recipe's budget is spent.
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
    let mut left = recipe.settings.fine_budget;
    maps.retain(|map| {
        let fits = map.cost <= left;
        left -= if fits { map.cost } else { 0.0 };
        fits
    });
    Ok(Fine { maps })
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

/// What it costs to make and to read `id` in two planes, in products: those of its readers once more, and what goes with each code. A
/// resized map is made once more, and read.
fn cost(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> f64 {
    let codes = graph.shape(id).len() as f64;
    let reading = |site: &Site<'_>| {
        let each = match &site.kind {
            SiteKind::Conv { conv, .. } if conv.is_depthwise() => match (conv.window.kernel, conv.window.dilation) {
                ([3, 3], [1, 1]) => PRODUCT,
                ([5, 5], [1, 1]) => LARGE,
                _ => SINGLE,
            },
            _ => PRODUCT,
        };
        products(graph, site) * each
    };
    let resized = |site: &Site<'_>| match site.kind {
        SiteKind::Resize(_) => cost(graph, sites, site.output),
        _ => 0.0,
    };
    let readers = sites.iter().filter(|site| site.inputs.contains(&id));
    PARTING * codes + readers.map(|site| reading(site) + resized(site)).sum::<f64>()
}
