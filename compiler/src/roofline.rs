//! The roofline of this machine: how fast one core multiplies and reads, measured with the kernels' own instructions.
//!
//! ```text
//! bound of a layer = max(MACs / peak, streamed / bandwidth(all) + near / bandwidth(near))
//! share            = bound / measured time
//! ```
//!
//! *Peak* is the faster of the pointwise and the dense micro-kernel on data in the first cache, and nothing else. *Bandwidth(n)* is that of reading the same n
//! bytes over and over, from whichever cache holds them: weights wait for as many bytes as all weights and the arena have,
//! what the step before has touched for as many as the layer itself touches ([`timing`]).
//!
//! A share says how much time a layer could still lose, not that it can lose it: a depthwise layer multiplies by taps that are not
//! there, one of wide codes has an instruction of half the rate, and every layer has an epilogue. Measured with other data it
//! is no law, either: a share may be a little more than one.

pub mod timing;

use crate::units;
use bakelite_runtime::dispatch;
use bakelite_runtime::isa::{Isa, Kernel, Level, Matrix, Panel};
use bakelite_runtime::pack;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::hint::black_box;
use std::time::Instant;

/// What one core of this machine can do, at best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roofline {
    /// 10⁹ multiply-accumulates per second of the micro-kernels.
    pub peak_gmacs: f64,
    /// Reading, by how much is read over and over; ascending, never empty.
    pub bandwidth: Vec<Bandwidth>,
}

/// How fast so many bytes are read, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bandwidth {
    /// As many.
    pub bytes: usize,
    /// 10⁹ bytes per second.
    pub gb_per_s: f64,
}

impl Roofline {
    /// Measures this machine with the kernels of `level`, reading up to `bytes`; `None` where it lacks them. It takes about a tenth
    /// of a second for a network that fits into caches.
    pub fn measure(level: Level, bytes: usize) -> Option<Self> {
        let peak_gmacs = dispatch::with(level, Multiply { codes: &crate::emit::noise_image(1, CODES) })?;
        let words = vec![1_i32; bytes.max(LEAST).div_ceil(4)];
        let mut sizes: Vec<usize> =
            std::iter::successors(Some(LEAST), |size| Some(2 * size)).take_while(|&size| size < bytes).collect();
        sizes.push(bytes.max(LEAST));
        let read = |bytes: usize| {
            let gb_per_s = dispatch::with(level, Read { words: words.get(..bytes / 4)? })?;
            Some(Bandwidth { bytes, gb_per_s })
        };
        Some(Self { peak_gmacs, bandwidth: sizes.into_iter().map(read).collect::<Option<_>>()? })
    }

    /// Nanoseconds to read `amount` of `held` bytes that are read over and over.
    pub fn reading(&self, amount: usize, held: usize) -> f64 {
        let found = self.bandwidth.iter().find(|it| it.bytes >= held).or(self.bandwidth.last());
        found.map_or(0.0, |it| amount as f64 / it.gb_per_s)
    }
}

impl Display for Roofline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} GMAC/s in registers", self.peak_gmacs)?;
        let ends = [self.bandwidth.first(), self.bandwidth.last().filter(|_| self.bandwidth.len() > 1)];
        for it in ends.into_iter().flatten() {
            write!(f, ", {:.0} GB/s from {}", it.gb_per_s, units::bytes(it.bytes as u64))?;
        }
        Ok(())
    }
}

/// The least that is read over and over: half of the smallest first cache.
const LEAST: usize = 16 << 10;

/// Bytes of one sample of reading, at least: long beside what the clock takes.
const SAMPLE: usize = 512 << 10;

/// Bytes of all samples of a size, about. The quickest sample counts, since other programs only make it slower.
const SAMPLED: usize = 64 << 20;

/// Reads all words, in 10⁹ bytes per second.
struct Read<'a> {
    words: &'a [i32],
}

impl Kernel for Read<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f64 {
        let bytes = 4 * self.words.len();
        let passes = SAMPLE.div_ceil(bytes.max(1));
        let samples = (SAMPLED / (passes * bytes).max(1)).max(8);
        let best = quickest(samples, || {
            for _ in 0..passes {
                // Eight sums: no vector waits for the one before.
                let mut sums = [isa.splat_i32(0); 8];
                for piece in black_box(self.words).chunks_exact(8 * I::LANES) {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = isa.add_i32(*sum, isa.load_i32(piece, i * I::LANES));
                    }
                }
                black_box(sums);
            }
        });
        (passes * bytes) as f64 / best
    }
}

/// Input channels of the measured product: its weights, at most four vectors wide, and eight pixels fit into the first cache.
const DEPTH: usize = 256;

/// Bytes of codes and weights, enough for eight pixels and for six vectors of any instruction set.
const CODES: usize = 8 * DEPTH + 6 * DEPTH * 16;

/// Products one after the other on the same sums, and how often they are timed; the quickest counts.
const PRODUCTS: usize = 16;
const TIMES: usize = 400;

/// The pointwise micro-kernel in every tile that fills the registers, and the dense one, in 10⁹ multiply-accumulates per second.
/// The latter is slower but for plain Rust, which it lets the compiler vectorise.
struct Multiply<'a> {
    codes: &'a [u8],
}

impl Kernel for Multiply<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f64 {
        let mut best = 0.0_f64;
        macro_rules! tiles {
            ($($rows:literal by $vectors:literal),*) => {$(
                if const {
                    let fills = $rows * $vectors <= I::ACCUMULATORS && 2 * $rows * $vectors > I::ACCUMULATORS;
                    fills || $rows == 4 && $vectors == I::LEVEL.widest()
                } {
                    best = best.max(self.tile::<I, $rows, $vectors>(isa));
                }
            )*};
        }
        tiles!(8 by 3, 4 by 6, 6 by 4, 4 by 4, 6 by 3, 8 by 2, 6 by 2, 4 by 2, 4 by 1);
        best.max(self.wide(isa))
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn tile<I: Isa, const M: usize, const N: usize>(&self, isa: I) -> f64 {
        let piece = |from: usize, len: usize| self.codes.get(from..from + len).unwrap_or(&[]);
        let (rows, panel) = (piece(0, M * DEPTH), piece(M * DEPTH, N * pack::vector_len(I::LEVEL, DEPTH)));
        let panel = Panel::new(isa, panel, DEPTH);
        let best = quickest(TIMES, || {
            let mut sums = [[isa.splat_i32(0); N]; M];
            for _ in 0..PRODUCTS {
                sums = isa.multiply::<M, N>(sums, &Matrix::new(black_box(rows), [M, DEPTH, DEPTH]), 0, &panel);
            }
            black_box(sums);
        });
        (PRODUCTS * DEPTH * M * N * I::LANES) as f64 / best
    }

    #[inline(always)]
    fn wide<I: Isa>(&self, isa: I) -> f64 {
        let input = [1000_u16; DEPTH];
        let panel = self.codes.get(..4 * pack::dense_vector_len(I::LEVEL, DEPTH)).unwrap_or(&[]);
        let best = quickest(TIMES, || {
            for _ in 0..PRODUCTS {
                black_box(isa.dot_wide::<4>(black_box(&input), panel));
            }
        });
        (PRODUCTS * DEPTH * 4 * I::LANES) as f64 / best
    }
}

/// Nanoseconds of the quickest of so many runs.
#[inline(always)]
fn quickest(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    best.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run::levels;

    #[test]
    fn every_instruction_set_of_this_cpu_is_measured() {
        for level in levels() {
            let roofline = Roofline::measure(level, 100_000).unwrap();
            assert!(roofline.peak_gmacs.is_finite() && roofline.peak_gmacs > 0.01, "{}: {roofline:?}", level.name());
            let sizes: Vec<usize> = roofline.bandwidth.iter().map(|it| it.bytes).collect();
            assert_eq!(sizes, [16384, 32768, 65536, 100_000]);
            assert!(roofline.bandwidth.iter().all(|it| it.gb_per_s.is_finite() && it.gb_per_s > 0.01), "{roofline:?}");
        }
    }

    #[test]
    fn reading_takes_the_bandwidth_of_what_is_held() {
        let bandwidth = [(100, 50.0), (200, 20.0)].map(|(bytes, gb_per_s)| Bandwidth { bytes, gb_per_s });
        let roofline = Roofline { peak_gmacs: 1.0, bandwidth: bandwidth.to_vec() };
        assert_eq!([(100, 100), (100, 101), (60, 999)].map(|(n, held)| roofline.reading(n, held)), [2.0, 5.0, 3.0]);
    }
}
