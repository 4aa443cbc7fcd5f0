//! Weights of a gated layer, multiplied, rounded and packed for each picture (eq. 22–26), by as many threads as there are.

use super::SHUT;
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
    /// `m / 127` (eq. 25).
    pub scale: &'a mut [f32],
    /// `Σ (p·r − ŵ)·mean` (eq. 26).
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
        let (weights, others) = self.weights.split_at_checked(lanes * k).unwrap_or_default();
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
    let weights = task.weights.get(lane * k..).unwrap_or(&[]);
    let packed = task.packed.get_mut(vector * bytes..).unwrap_or(&mut []);
    let mut vectors = [&[][..]; N];
    for n in 0..N {
        vectors[n] = weights.get(n * k * I::LANES..).and_then(|rest| rest.get(..k * I::LANES)).unwrap_or(&[]);
    }
    let (factors, means) = (columns.factor.as_chunks::<4>().0, columns.mean.as_chunks::<4>().0);
    let (done, mut largest) = isa.largest_gated(&vectors, factors);
    for (group, factors) in factors.iter().enumerate().take(k.div_ceil(4)).skip(done) {
        let mut weights = [[isa.splat_i32(0); 4]; N];
        for n in 0..N {
            weights[n] = isa.load_group(vectors[n], 4 * group * I::LANES);
        }
        for i in 0..4 {
            let factor = isa.splat_f32(f32::from_le_bytes(factors[i]));
            for n in 0..N {
                largest[n] = isa.max_abs(largest[n], isa.mul(isa.to_f32(weights[n][i]), factor));
            }
        }
    }
    let mut inverse = largest;
    for n in 0..N {
        let (mut most, mut inverses) = ([0.0; LANE_PAD], [0.0; LANE_PAD]);
        isa.store_f32(largest[n], &mut most, 0, I::LANES);
        let scales = task.scale.iter_mut().skip(lane + n * I::LANES);
        for ((most, scale), inverse) in most.iter().zip(scales).zip(&mut inverses).take(I::LANES) {
            *scale = most * (1.0 / 127.0);
            *inverse = if *most > SHUT { 127.0 / most } else { 0.0 };
        }
        inverse[n] = isa.load_f32(&inverses, 0);
    }
    let (done, mut error) = isa.round_gated(&vectors, [factors, means], inverse, packed, bytes);
    for (group, (factors, means)) in factors.iter().zip(means).enumerate().take(k.div_ceil(4)).skip(done) {
        let mut codes = [[isa.splat_i32(0); 4]; N];
        for n in 0..N {
            codes[n] = isa.load_group(vectors[n], 4 * group * I::LANES);
        }
        for i in 0..4 {
            let factor = isa.splat_f32(f32::from_le_bytes(factors[i]));
            let mean = isa.splat_f32(f32::from_le_bytes(means[i]));
            for n in 0..N {
                let real = isa.mul(isa.mul(isa.to_f32(codes[n][i]), factor), inverse[n]);
                codes[n][i] = isa.to_i32(real);
                error[n] = isa.add(error[n], isa.mul(isa.sub(real, isa.to_f32(codes[n][i])), mean));
            }
        }
        for n in 0..N {
            isa.store_group(codes[n], packed, n * bytes + 4 * group * I::LANES);
        }
    }
    let panel = packed.get_mut(..N * bytes).unwrap_or_default();
    isa.arrange(panel, k);
    let (zeros, panel) = (Matrix::new(columns.zero, [1, k, k]), Panel::new(isa, panel, k));
    let [sums] = isa.multiply::<1, N>([[isa.splat_i32(0); N]], &zeros, 0, &panel);
    for n in 0..N {
        isa.store_f32(error[n], task.error, lane + n * I::LANES, I::LANES);
        isa.store_i32(sums[n], task.offset, lane + n * I::LANES);
    }
    for offset in task.offset.iter_mut().skip(lane).take(N * I::LANES) {
        *offset = offset.wrapping_neg();
    }
    N
}
