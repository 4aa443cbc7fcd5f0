//! What the layers of a network read: means and second moments of their inputs, over pictures and pixels.

use crate::error::Result;
use crate::execute;
use crate::graph::{Graph, TensorId};
use crate::reconstruct::moments::regularised;
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Pixels of a map that are looked at in a picture: neighbours say the same.
const PIXELS: usize = 64;

/// Pictures whose rows are held at a time.
const BATCH: usize = 8;

/// What is added to the diagonal, as a part of its mean, where there are many samples,
const RIDGE: f64 = 1e-3;

/// and how much more for each channel per sample: of few samples the moments say little.
const FEW: f64 = 100.0;

/// Moments of a tensor's channels.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Sums until [`Inputs::finished`], then means.
    pub mean: Array1<f64>,
    /// Sums of products until [`Inputs::finished`], then `E[(x − E x)(x − E x)ᵀ]`.
    gram: Array2<f64>,
    /// Samples.
    rows: usize,
}

impl Inputs {
    /// Of no samples yet.
    pub fn new(channels: usize) -> Self {
        Self { mean: Array1::zeros(channels), gram: Array2::zeros((channels, channels)), rows: 0 }
    }

    /// Adds samples, one per row.
    pub fn add(&mut self, rows: ArrayView2<'_, f32>) {
        let rows = rows.map(|&x| f64::from(x));
        self.mean += &rows.sum_axis(Axis(0));
        ndarray::linalg::general_mat_mul(1.0, &rows.t(), &rows, 1.0, &mut self.gram);
        self.rows += rows.nrows();
    }

    /// From sums to means.
    pub fn finished(mut self) -> Self {
        let count = self.rows.max(1) as f64;
        self.mean /= count;
        let mean = &self.mean;
        for ((i, j), value) in self.gram.indexed_iter_mut() {
            *value = *value / count - mean[i] * mean[j];
        }
        self
    }

    /// `H` with λ on its diagonal, and λ.
    pub fn regularised(&self) -> (Array2<f64>, f64) {
        let per_sample = self.gram.nrows() as f64 / self.rows.max(1) as f64;
        regularised(&self.gram, RIDGE * (1.0 + FEW * per_sample))
    }
}

/// Some pixels of a map, a row each; which ones moves on from picture to picture.
fn rows(x: &Array3<f32>, picture: usize) -> Array2<f32> {
    let (height, width, channels) = x.dim();
    let pixels = height * width;
    let count = pixels.min(PIXELS);
    let at = |i: usize| (i * pixels / count.max(1) + picture * 7) % pixels.max(1);
    Array2::from_shape_fn((count, channels), |(i, c)| x[[at(i) / width, at(i) % width, c]])
}

/// The moments of `tensors` over `pictures`; the same for any number of threads.
///
/// # Errors
/// Where a picture does not fit the graph.
pub fn moments(graph: &Graph, tensors: &[TensorId], pictures: &[Array3<f32>]) -> Result<BTreeMap<TensorId, Inputs>> {
    let mut all: BTreeMap<TensorId, Inputs> =
        tensors.iter().map(|&id| (id, Inputs::new(graph.shape(id).channels))).collect();
    for (start, batch) in (0..).step_by(BATCH).zip(pictures.chunks(BATCH)) {
        let seen = batch.par_iter().enumerate().map(|(at, picture)| {
            let mut seen: BTreeMap<TensorId, Array2<f32>> = BTreeMap::new();
            execute::run(graph, picture, &mut |id, x| {
                if tensors.contains(&id) {
                    seen.insert(id, rows(x, start + at));
                }
            })?;
            Ok(seen)
        });
        let seen = seen.collect::<Result<Vec<_>>>()?;
        all.par_iter_mut().for_each(|(id, inputs)| {
            seen.iter().filter_map(|seen| seen.get(id)).for_each(|rows| inputs.add(rows.view()));
        });
    }
    Ok(all.into_iter().map(|(id, inputs)| (id, inputs.finished())).collect())
}
