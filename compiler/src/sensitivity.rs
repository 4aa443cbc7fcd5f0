//! How much the answers feel an error of each channel of each map, and ranges that cost them the least.
//!
//! Rounding moves an element x of channel c by up to half a step, independently of its neighbours; clipping moves all that lie
//! beyond the range, towards it and together. To first order an error δ of a map moves the answers by `J δ`, J their
//! derivative, and with a random direction v of independent ±1 over the answers and `g = Jᵀ v` ([`crate::execute::backward`])
//! `E|J δ|² = E (g · δ)²`. So the squared error that a range lo…hi of a channel puts into the answers is, over pictures and directions,
//!
//! ```text
//! E(lo, hi) = ((hi − lo)/255)²/12 · E Σ_p g[p]²  +  E (Σ_p g[p] · max(x[p] − hi, 0))²  +  E (Σ_p g[p] · max(lo − x[p], 0))²
//!             rounding                              clipping above                       clipping below
//! ```
//!
//! where the first sum leaves out what has a code of its own: zero. [`clipping`] minimises it; [`fine`] gives more bits where the
//! first term is large. An error in the input of a layer weighs
//! what the network makes of it, which its size alone does not tell: on MobileNetV3-Small a map whose own signal is 54 dB above its
//! error leaves the answers no more than 27 dB.

pub mod channels;
pub mod clipping;
pub mod fine;

use crate::calibrate::input;
use crate::error::Result;
use crate::execute::{self, Slopes};
use crate::graph::{Graph, Tensor};
use crate::pipeline::Prepared;
use crate::progress;
use crate::quantize::ranges::TensorRange;
use crate::quantize::recipe::{Recipe, Step};
use crate::quantize::{self, Ranges};
use crate::reconstruct::{HELD_OUT, held, sqnr_db};
use bakelite_calibration::Profile;
use channels::{Channels, Sums};
use ndarray::Array3;
use rayon::prelude::*;

/// What the steps that look at the answers do to `ranges`, on the raw calibration `images`: [`clipping`], then [`fine`], as far as
/// the recipe has them. Returns what to know. Nothing where the pictures are too few to hold one out.
///
/// # Errors
/// Where the network cannot be quantized.
pub fn apply(
    prepared: &Prepared,
    profile: &Profile,
    recipe: &Recipe,
    images: &[Vec<u8>],
    ranges: &mut Ranges,
) -> Result<Vec<String>> {
    let graph = &prepared.graph;
    let mut notes = Vec::new();
    if images.len() < HELD_OUT || !recipe.weighs() {
        return Ok(notes);
    }
    let (judges, train): (Vec<_>, Vec<_>) = images.iter().cloned().enumerate().partition(|(i, _)| held(*i));
    let [judges, train] = [judges, train].map(|part| part.into_iter().map(|(_, image)| image).collect::<Vec<_>>());
    let mut channels = gather(graph, &train, channels(graph, profile, ranges))?;
    if recipe.has(Step::AnswerClipping) {
        let judge = |ranges: &Ranges| sqnr_db(prepared.truth(), &quantize::draft(graph, ranges, recipe)?, &judges);
        let clipping = clipping::choose(ranges, &channels, judge)?;
        notes.push(clipping.to_string());
        channels = gather(graph, &judges, channels)?;
        if clipping.taken() {
            *ranges = clipping::chosen(ranges, &channels, clipping.caution);
        }
    }
    if recipe.has(Step::FineMaps) {
        let fine = fine::choose(graph, ranges, &channels, recipe)?;
        notes.push(fine.to_string());
        for map in &fine.maps {
            let index = map.tensor.index();
            if let Some(range) = &mut ranges[index] {
                range.fine = true;
                *range = range.clone().widened(ROOM);
            }
        }
    }
    Ok(notes)
}

/// Bins for every map that has a range.
fn channels(graph: &Graph, profile: &Profile, ranges: &Ranges) -> Vec<Option<Channels>> {
    let bins = |(tensor, range): (&Tensor, &Option<TensorRange>)| {
        let stats = profile.tensors.get(&tensor.name).filter(|_| range.is_some() && tensor.shape.pixels() > 1)?;
        let all = 0..stats.channels();
        let lo = all.clone().map(|c| stats.min(c).min(0.0)).collect();
        Some(Channels::new(lo, all.map(|c| stats.max(c).max(0.0)).collect()))
    };
    graph.tensors.iter().zip(ranges).map(bins).collect()
}

/// By how much the range of a fine map exceeds that of one of 8 bits: steps are so small that less need be clipped.
const ROOM: f32 = 1.5;

/// Pictures whose sums are in memory at a time.
const AT_ONCE: usize = 8;

/// Gathers `channels[i]` of every tensor i that has one, over raw `images` of `graph`.
///
/// # Errors
/// Where the graph breaks its own invariants.
pub fn gather(graph: &Graph, images: &[Vec<u8>], mut channels: Vec<Option<Channels>>) -> Result<Vec<Option<Channels>>> {
    let bar = progress::bar("weighing errors", images.len(), "images");
    for (chunk, some) in images.chunks(AT_ONCE).enumerate() {
        let sums = some
            .par_iter()
            .enumerate()
            .map(|(i, image)| of_picture(graph, image, (chunk * AT_ONCE + i) as u64, &channels))
            .collect::<Result<Vec<_>>>()?;
        for sums in &sums {
            for (total, one) in channels.iter_mut().zip(sums) {
                if let (Some(total), Some(one)) = (total, one) {
                    total.add(one);
                }
            }
        }
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    Ok(channels)
}

/// The sums of one picture and one direction.
fn of_picture(graph: &Graph, image: &[u8], seed: u64, channels: &[Option<Channels>]) -> Result<Vec<Option<Sums>>> {
    let mut values: Vec<Option<Array3<f32>>> = vec![None; graph.tensors.len()];
    execute::run(graph, &input(graph, image)?, &mut |id, value| values[id.index()] = Some(value.clone()))?;
    let mut slopes: Slopes = vec![None; graph.tensors.len()];
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    for id in &graph.outputs {
        slopes[id.index()] = values[id.index()].as_ref().map(|answer| direction(answer, &mut random));
    }
    let mut sums: Vec<Option<Sums>> = channels.iter().map(|_| None).collect();
    execute::backward(graph, &values, slopes, &mut |id, slope| {
        let at = id.index();
        if let (Some(channels), Some(Some(value))) = (&channels[at], values.get(at)) {
            sums[at] = channels.sums(value, slope);
        }
    });
    Ok(sums)
}

/// Independent ±1 over an answer; less their mean over the classes of a vector, since what all classes share changes nothing.
fn direction(answer: &Array3<f32>, random: &mut u64) -> Array3<f32> {
    let mut signs = answer.mapv(|_| {
        // xorshift64*.
        *random ^= *random >> 12;
        *random ^= *random << 25;
        *random ^= *random >> 27;
        if random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63 == 1 { 1.0 } else { -1.0 }
    });
    if signs.dim().2 > 1 {
        for mut pixel in signs.rows_mut() {
            let mean = pixel.mean().unwrap_or(0.0);
            pixel -= mean;
        }
    }
    signs
}
