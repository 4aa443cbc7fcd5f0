//! Weights of a gated layer, multiplied, rounded and packed for each picture (eq. 22–26), by as many threads as there are.

use super::columns::Columns;
use crate::isa::{Isa, Kernel, Level, Matrix, Panel};
use crate::layer::LANE_PAD;
use crate::pack;

/// Output channels whose weights one thread prepares, and what the gate makes of them.
pub(super) struct Task<'a> {
    /// As the layer has them.
    pub weights: &'a [u8],
    /// As the product wants them.
    pub packed: &'a mut [u8],
    /// Vectors of output channels.
    pub vectors: usize,
    /// `Σ −ŵ·z`, with the shift of inputs that the instruction set wants.
    pub offset: &'a mut [i32],
    /// What a step of ŵ is worth (eq. 25).
    pub scale: &'a mut [f32],
    /// `e` (eq. 26).
    pub error: &'a mut [f32],
}

impl<'a> Task<'a> {
    pub const fn none() -> Self {
        Self { weights: &[], packed: &mut [], vectors: 0, offset: &mut [], scale: &mut [], error: &mut [] }
    }

    /// The first `vectors` of it; the others stay.
    #[inline(always)]
    fn split<I: Isa>(&mut self, _: I, k: usize, vectors: usize) -> Self {
        let (lanes, last) = (vectors * I::LANES, vectors == self.vectors);
        // What the last weights are packed to may end with more: see `apart`.
        let bytes = if last { self.packed.len() } else { vectors * pack::vector_len(I::LEVEL, k) };
        let (weights, others) = self.weights.split_at_checked(lanes * pack::gated_row(k)).unwrap_or_default();
        (self.weights, self.vectors) = (others, self.vectors - vectors);
        Self {
            weights,
            packed: front(&mut self.packed, bytes),
            vectors,
            offset: front(&mut self.offset, lanes),
            scale: front(&mut self.scale, lanes),
            error: front(&mut self.error, lanes),
        }
    }

    /// Cut into tasks for `parts` threads: each of as many vectors as are prepared at a time, or of fewer if some thread were without one.
    #[inline(always)]
    pub fn deal<I: Isa>(mut self, isa: I, k: usize, parts: usize, tasks: &mut [Self]) -> &mut [Self] {
        let most = if apart(I::LEVEL, k) { self.vectors.div_ceil(parts.max(1)).min(4) } else { self.vectors };
        let mut used = 0;
        for task in tasks.iter_mut() {
            if self.vectors == 0 {
                break;
            }
            *task = self.split(isa, k, self.vectors.min(most));
            used += 1;
        }
        tasks.get_mut(..used).unwrap_or_default()
    }
}

/// Takes the first `len` elements away.
#[inline(always)]
fn front<'a, T>(all: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (first, rest) = core::mem::take(all).split_at_mut_checked(len).unwrap_or_default();
    *all = rest;
    first
}

/// Whether packing a vector's last group of four input channels leaves the next vector alone; where it does not, that one must come
/// later.
#[inline(always)]
const fn apart(level: Level, k: usize) -> bool {
    pack::vector_len(level, k).is_multiple_of(4 * level.lanes())
}

/// Prepares the weights of tasks.
pub(super) struct Prepare<'a, 't> {
    /// Input channels.
    pub k: usize,
    pub columns: &'a Columns<'a>,
    pub tasks: &'a mut [Task<'t>],
}

impl Kernel for Prepare<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { k, columns, tasks } = self;
        for task in tasks {
            let mut vector = 0;
            while vector < task.vectors {
                let left = task.vectors - vector;
                // As many vectors at a time as registers allow: each sums one after the other.
                vector += if const { I::ACCUMULATORS >= 16 } && apart(I::LEVEL, k) && left >= 4 {
                    prepare::<I, 4>(isa, k, columns, task, vector)
                } else if apart(I::LEVEL, k) && left >= 2 {
                    prepare::<I, 2>(isa, k, columns, task, vector)
                } else {
                    prepare::<I, 1>(isa, k, columns, task, vector)
                };
            }
        }
    }
}

/// N vectors of output channels of a task, from `vector` on, gated, rounded and packed (eq. 22–26). Returns N.
#[inline(always)]
fn prepare<I: Isa, const N: usize>(
    isa: I,
    k: usize,
    columns: &Columns<'_>,
    task: &mut Task<'_>,
    vector: usize,
) -> usize {
    let (lane, bytes) = (vector * I::LANES, pack::vector_len(I::LEVEL, k));
    let row = pack::gated_row(k) * I::LANES;
    let weights = task.weights.get(vector * row..).unwrap_or(&[]);
    let packed = task.packed.get_mut(vector * bytes..).unwrap_or(&mut []);
    let mut errors = [isa.splat_i32(0); N];
    for n in 0..N {
        let weights = weights.get(n * row..).and_then(|rest| rest.get(..row)).unwrap_or(&[]);
        let (mut most, mut whole, mut part) = ([0; LANE_PAD], [0; LANE_PAD], [0; LANE_PAD]);
        isa.store_i32(largest(isa, columns, weights), &mut most, 0);
        let scales = task.scale.iter_mut().skip(lane + n * I::LANES);
        for (((most, scale), whole), part) in most.iter().zip(scales).zip(&mut whole).zip(&mut part).take(I::LANES) {
            (*whole, *part, *scale) = stretch(*most, columns.largest);
        }
        // Whole groups of four channels, even if that is beyond the vector.
        let to = packed.get_mut(n * bytes..).unwrap_or(&mut []);
        let len = bytes.next_multiple_of(4 * I::LANES).min(to.len());
        let stretched = [isa.load_i32(&whole, 0), isa.load_i32(&part, 0)];
        errors[n] = round(isa, columns, weights, stretched, to.get_mut(..len).unwrap_or(&mut []));
    }
    let panel = packed.get_mut(..N * bytes).unwrap_or_default();
    isa.arrange(panel, k);
    let (zeros, panel) = (Matrix::new(columns.zero, [1, k, k]), Panel::new(isa, panel, k));
    let [sums] = isa.multiply::<1, N>([[isa.splat_i32(0); N]], &zeros, 0, &panel);
    for n in 0..N {
        let error = isa.mul(isa.to_f32(errors[n]), isa.splat_f32(1.0 / 128.0));
        isa.store_f32(error, task.error, lane + n * I::LANES, I::LANES);
        isa.store_i32(sums[n], task.offset, lane + n * I::LANES);
    }
    for offset in task.offset.iter_mut().skip(lane).take(N * I::LANES) {
        *offset = offset.wrapping_neg();
    }
    N
}

/// `m` (eq. 23) of a vector of output channels.
#[inline(always)]
fn largest<I: Isa>(isa: I, columns: &Columns<'_>, weights: &[u8]) -> I::I32 {
    let mut most = [isa.none(); 4];
    for (factors, weights) in columns.factor.as_chunks().0.iter().zip(weights.chunks_exact(8 * I::LANES)) {
        let (w, factors) = (isa.widen_absolute(weights), isa.columns(factors));
        for q in 0..4 {
            most[q] = isa.max_shorts(most[q], isa.mul_shorts(w[q], factors[q]));
        }
    }
    isa.of_outputs(most)
}

/// The gated weights of a vector of output channels (eq. 23, 24), of `⌊T / 2^15⌋` and `T mod 2^15`; returns the sums of 26.
#[inline(always)]
fn round<I: Isa>(
    isa: I,
    columns: &Columns<'_>,
    weights: &[u8],
    [whole, part]: [I::I32; 2],
    packed: &mut [u8],
) -> I::I32 {
    let (whole, part) = (isa.to_outputs(whole), isa.to_outputs(part));
    let columns = columns.factor.as_chunks().0.iter().zip(columns.mean.as_chunks().0);
    let step = 8 * I::LANES;
    let mut rest = isa.no_rest();
    for (((factors, means), weights), to) in columns.zip(weights.chunks_exact(step)).zip(packed.chunks_mut(step)) {
        let (mut values, factors) = (isa.widen(weights), isa.columns(factors));
        for q in 0..4 {
            let p = isa.mul_shorts(values[q], factors[q]);
            values[q] = isa.add_product(isa.mul_shorts(p, part[q]), p, whole[q]);
        }
        isa.put_upper(values, to);
        rest = isa.rest(rest, values, means);
    }
    isa.rests(rest)
}

/// `⌊T / 2^15⌋`, `T mod 2^15` and what a step of ŵ is worth (eq. 23, 25), of the largest product of an output channel.
#[inline(always)]
fn stretch(largest: i32, factor: f32) -> (i32, i32, f32) {
    if largest <= 0 {
        return (0, 0, 0.0);
    }
    let largest = largest as u32;
    let t = ((32512 << 15) + largest / 2) / largest;
    ((t >> 15) as i32, (t & 0x7FFF) as i32, factor * (STEP / t as f32))
}

/// `2^30 / 32767` (eq. 25).
const STEP: f32 = (1 << 30) as f32 / 32767.0;
