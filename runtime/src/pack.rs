//! Weights in the order in which the kernels of an instruction set read them.
//!
//! Packing happens in the compiler, for any target on any host. With `lanes` of [`Level::lanes`] and a *group* of
//! channels that one instruction multiplies and sums:
//!
//! | kind | from | to |
//! |---|---|---|
//! | pointwise | `[o][k]` | `[o / lanes][k / group][lanes][group]` i8, k padded to whole steps; NEON's then rotated |
//! | convolution | `[o][kh][kw · c]` | as pointwise of a patch ([`patch_row`], [`patch_len`]); of short rows ([`short_row`]) `[kh]`, each as pointwise |
//! | dense | `[o][k]` | `[o / lanes][k / pair][lanes][pair]` i8 |
//! | gated | `[o][k]` | `[o / lanes][k / group][lanes][group]` i8, k padded to 8 |
//! | depthwise | `[c][kh][kw]` | `[c / block][kw][kh / 4]` of *quads*: four vertical taps of a block of 4 · lanes channels,
//! | | | or of a narrow one ([`depthwise_block`]) |
//!
//! What is missing at the end of a row is zero, so that it adds nothing, whatever it is multiplied with.

use crate::isa::Level;

/// Which packing, and thereby which kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `kernel::pointwise`.
    Pointwise,
    /// `kernel::gated`.
    Gated,
    /// `kernel::depthwise`.
    Depthwise,
    /// `kernel::convolution` with one group.
    Convolution,
    /// `kernel::convolution` with several groups: weights stay as they are.
    Grouped,
    /// `kernel::dense_codes` and `kernel::dense_reals`.
    Dense,
}

/// Input channels that one instruction of the pointwise kernel multiplies and sums.
#[inline(always)]
const fn group(level: Level) -> usize {
    match level {
        Level::Portable => 1,
        Level::Avx2 | Level::Neon | Level::Simd128 => 2,
        Level::AvxVnni | Level::Avx512Vnni | Level::NeonDot => 4,
        Level::I8mm => 8,
    }
}

/// Whether the pointwise kernel multiplies four input channels at a time; two otherwise (one in plain Rust).
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) const fn grouped_by_four(level: Level) -> bool {
    group(level) == 4
}

/// Input channels that one step of the pointwise kernel takes: rows are padded to a multiple.
#[inline(always)]
const fn step(level: Level) -> usize {
    match level {
        // Two groups, in the halves of a register.
        Level::Neon => 4,
        _ => group(level),
    }
}

/// The same of the dense kernel.
#[inline(always)]
const fn pair(level: Level) -> usize {
    match level {
        Level::Portable | Level::Neon => 1,
        Level::Avx2 | Level::AvxVnni | Level::Avx512Vnni | Level::Simd128 => 2,
        Level::NeonDot => 4,
        Level::I8mm => 8,
    }
}

/// How four vertical taps of a block of channels lie.
#[derive(Clone, Copy)]
enum Quad {
    /// `[tap][channel]` i8.
    Planar,
    /// `[vector][lane][tap]` i8, the channels in natural order.
    Natural,
    /// `[vector][lane][tap]` i8, the channels as unpacking bytes within 128 bits leaves them.
    Dealt,
    /// `[pair of taps][channel][tap of the pair]` i8, the channels in natural order.
    Pairs,
    /// `[pair of taps][vector][lane][tap of the pair]` i16, the channels as unpacking bytes leaves them.
    DealtWide,
}

#[inline(always)]
const fn quad(level: Level) -> Quad {
    match level {
        Level::Portable => Quad::Planar,
        Level::Neon | Level::Simd128 => Quad::Pairs,
        Level::NeonDot | Level::I8mm => Quad::Natural,
        Level::Avx2 => Quad::DealtWide,
        Level::AvxVnni | Level::Avx512Vnni => Quad::Dealt,
    }
}

/// Whether patches of a convolution have their rows of taps side by side, without gaps: products then are whole steps of 16 codes, as those of
/// most pointwise layers are.
#[inline(always)]
const fn dense_patches(level: Level) -> bool {
    matches!(level, Level::Neon | Level::NeonDot | Level::I8mm)
}

/// Bytes from one row of taps, of `run` codes, to the next in a patch of a convolution.
#[inline(always)]
pub const fn patch_row(level: Level, run: usize) -> usize {
    if dense_patches(level) { run } else { run.div_ceil(4) * 4 }
}

/// Bytes of a patch of `kh` rows of taps of `run` codes, with what follows the last one.
#[inline(always)]
pub const fn patch_len(level: Level, [kh, run]: [usize; 2]) -> usize {
    if dense_patches(level) { (kh * run).div_ceil(16) * 16 } else { kh * patch_row(level, run) }
}

/// The same, at most, whatever the instruction set is.
#[inline(always)]
pub const fn longest_patch([kh, run]: [usize; 2]) -> usize {
    (kh * run.div_ceil(4) * 4).div_ceil(16) * 16
}

/// Bytes of one packed vector of output channels of a pointwise convolution.
#[inline(always)]
pub const fn vector_len(level: Level, k: usize) -> usize {
    k.div_ceil(step(level)) * step(level) * level.lanes()
}

/// Bytes of one packed vector of output channels of a dense layer.
#[inline(always)]
pub const fn dense_vector_len(level: Level, k: usize) -> usize {
    k.div_ceil(pair(level)) * pair(level) * level.lanes()
}

/// Bytes of four taps of a block of channels.
#[inline(always)]
pub const fn quad_len(level: Level) -> usize {
    match quad(level) {
        Quad::Planar | Quad::Natural | Quad::Dealt | Quad::Pairs => 16 * level.lanes(),
        Quad::DealtWide => 32 * level.lanes(),
    }
}

/// Bytes of packed pointwise weights, `k` input and `n` output channels.
#[inline(always)]
pub const fn pointwise_len(level: Level, k: usize, n: usize) -> usize {
    n.div_ceil(level.lanes()) * vector_len(level, k)
}

/// Codes of a row of taps, of `run`, that a product of its own multiplies: of a convolution whose rows are multiplied one after the
/// other, as short ones are, unless the products of the instruction set are too long for it.
#[inline(always)]
pub const fn short_row(level: Level, run: usize) -> Option<usize> {
    if run <= 12 && !dense_patches(level) { Some(run.div_ceil(step(level)) * step(level)) } else { None }
}

/// Bytes of packed weights of a convolution with one group: `kh` rows of `run` = kw · input channels.
#[inline(always)]
pub const fn convolution_len(level: Level, [kh, run]: [usize; 2], n: usize) -> usize {
    match short_row(level, run) {
        Some(k) => kh * pointwise_len(level, k, n),
        None => pointwise_len(level, patch_len(level, [kh, run]), n),
    }
}

/// Bytes of packed dense weights.
#[inline(always)]
pub const fn dense_len(level: Level, k: usize, n: usize) -> usize {
    n.div_ceil(level.lanes()) * dense_vector_len(level, k)
}

/// Input channels of packed weights of a gated pointwise convolution: they are taken eight at a time.
#[inline(always)]
pub const fn gated_row(k: usize) -> usize {
    k.div_ceil(8) * 8
}

/// Bytes of packed weights of a gated pointwise convolution.
#[inline(always)]
pub const fn gated_len(level: Level, k: usize, n: usize) -> usize {
    n.div_ceil(level.lanes()) * level.lanes() * gated_row(k)
}

/// Most channels of a narrow block of a depthwise convolution: what 128 bits hold.
pub const NARROW: usize = 16;

/// Channels of the next block of a depthwise convolution that has `rest` left: four vectors, or what there is. At most
/// [`NARROW`] are a narrow block; two of those would take as long as the block that is half empty, or longer.
#[inline(always)]
pub const fn depthwise_block(level: Level, rest: usize) -> usize {
    let most = 4 * level.lanes();
    if rest < most { rest } else { most }
}

/// Bytes of packed depthwise weights, `kernel` = `[kh, kw]`.
#[inline(always)]
pub const fn depthwise_len(level: Level, channels: usize, kernel: [usize; 2]) -> usize {
    let (mut blocks, mut rest) = (0, channels);
    while rest > 0 {
        rest -= depthwise_block(level, rest);
        blocks += 1;
    }
    blocks * kernel[1] * kernel[0].div_ceil(4) * quad_len(level)
}

/// Where byte `i` of four steps of a vector of NEON comes from, before [`rotate`] in the order `[step][pair of the step][lane][channel of the
/// pair]`: the low half of vector s has pairs s, s + 1, s + 2, s + 3 for lanes 0 to 3, modulo 8, the high half those four
/// further on.
///
/// ```text
/// codes     p0 p1 p2 p3 │ p4 p5 p6 p7         pairs of a pixel, as they lie in memory
/// vector 0  o0 o1 o2 o3 │ o0 o1 o2 o3         weights of pairs 0, 1, 2, 3 and 4, 5, 6, 7
/// codes     p1 p2 p3 p4 │ p5 p6 p7 p0         moved by one pair
/// vector 1  o0 o1 o2 o3 │ o0 o1 o2 o3         … and so on: every lane sees every pair once
/// ```
pub(crate) const ROTATED: [u8; 64] = {
    let mut from = [0; 64];
    let mut i = 0;
    while i < 64 {
        let (step, half, lane) = (i / 16, i / 8 % 2, i / 2 % 4);
        let pair = (step + 4 * half + lane) % 8;
        from[i] = (8 * pair + 2 * lane + i % 2) as u8;
        i += 1;
    }
    from
};

/// Puts the weights of whole runs of 16 input channels of NEON's vectors in order ([`ROTATED`]).
fn rotate(level: Level, k: usize, out: &mut [u8]) {
    if !matches!(level, Level::Neon) {
        return;
    }
    for vector in out.chunks_exact_mut(vector_len(level, k).max(1)) {
        for run in vector.as_chunks_mut::<64>().0.iter_mut().take(k / 16) {
            let natural = *run;
            for (to, from) in run.iter_mut().zip(ROTATED) {
                *to = natural.get(usize::from(from)).copied().unwrap_or(0);
            }
        }
    }
}

/// `[o][row]`, of which k channels from the first on count, to `[o / lanes][groups][lanes][group]`, where each `run` of the k
/// channels takes `padded` ≥ run; `out` is filled with zeros first.
fn panels(
    weights: &[i8],
    [row, k, n]: [usize; 3],
    [run, padded]: [usize; 2],
    [lanes, groups]: [usize; 2],
    group: usize,
    out: &mut [u8],
) {
    out.fill(0);
    for o in 0..n {
        for c in 0..k {
            let place = c.checked_div(run).unwrap_or(0) * padded + c.checked_rem(run).unwrap_or(0);
            let at = ((o / lanes * groups + place / group) * lanes + o % lanes) * group + place % group;
            if let (Some(out), Some(&w)) = (out.get_mut(at), weights.get(o * row + c)) {
                *out = w as u8;
            }
        }
    }
}

/// Packs pointwise weights `[o][k]` into [`pointwise_len`] bytes.
pub fn pointwise(level: Level, weights: &[i8], k: usize, n: usize, out: &mut [u8]) {
    let groups = k.next_multiple_of(step(level)).div_ceil(group(level));
    panels(weights, [k, k, n], [k, k], [level.lanes(), groups], group(level), out);
    rotate(level, k, out);
}

/// Packs weights `[o][k]` of a gated pointwise convolution into [`gated_len`] bytes: as [`pointwise`] does but for the order of runs
/// (not rotated), since they are multiplied first.
pub fn gated(level: Level, weights: &[i8], k: usize, n: usize, out: &mut [u8]) {
    let groups = gated_row(k) / group(level);
    panels(weights, [k, k, n], [k, k], [level.lanes(), groups], group(level), out);
}

/// Packs weights `[o][kh][run]`, run = kw · c, of a convolution with one group into [`convolution_len`] bytes.
pub fn convolution(level: Level, weights: &[i8], [kh, run]: [usize; 2], n: usize, out: &mut [u8]) {
    let (row, lanes, group) = (kh * run, level.lanes(), group(level));
    if let Some(k) = short_row(level, run) {
        let sections = out.chunks_exact_mut(pointwise_len(level, k, n).max(1));
        for (ky, out) in sections.enumerate().take(kh) {
            let weights = weights.get(ky * run..).unwrap_or(&[]);
            panels(weights, [row, run, n], [run, k], [lanes, k.div_ceil(group)], group, out);
        }
        return;
    }
    let k = patch_len(level, [kh, run]);
    panels(weights, [row, row, n], [run, patch_row(level, run)], [lanes, k.div_ceil(group)], group, out);
    rotate(level, k, out);
}

/// The weights of a convolution with several groups, `[o][kh][kw][c of the group]`: as they are.
pub fn grouped(weights: &[i8], out: &mut [u8]) {
    for (out, &w) in out.iter_mut().zip(weights) {
        *out = w as u8;
    }
}

/// Packs dense weights `[o][k]` into [`dense_len`] bytes.
pub fn dense(level: Level, weights: &[i8], k: usize, n: usize, out: &mut [u8]) {
    panels(weights, [k, k, n], [k, k], [level.lanes(), k.div_ceil(pair(level))], pair(level), out);
}

/// Packs depthwise weights `[c][kh][kw]` into [`depthwise_len`] bytes.
pub fn depthwise(level: Level, weights: &[i8], channels: usize, kernel: [usize; 2], out: &mut [u8]) {
    out.fill(0);
    let [kh, kw] = kernel;
    let (lanes, len, quads) = (level.lanes(), quad_len(level), kh.div_ceil(4));
    let (mut block, mut first) = (0, 0);
    while first < channels {
        let count = depthwise_block(level, channels - first);
        // A narrow block has its weights once per 128 bits: there its lanes hold pixels side by side.
        let copies = match quad(level) {
            Quad::Dealt | Quad::DealtWide if count <= NARROW => lanes / 4,
            _ => 1,
        };
        for (inside, copy) in (0..count).flat_map(|inside| (0..copies).map(move |copy| (inside, copy))) {
            for (y, x) in (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x))) {
                let Some(&w) = weights.get(((first + inside) * kh + y) * kw + x) else { continue };
                let base = ((block * kw + x) * quads + y / 4) * len;
                let tap = y % 4;
                // Unpacking deals the 16 channels of each 128 bits to four vectors.
                let dealt = inside % 16 / 4 * lanes + (inside / 16 + copy) * 4 + inside % 4;
                let (at, wide) = match quad(level) {
                    Quad::Planar => (tap * 4 * lanes + inside, false),
                    Quad::Natural => (inside * 4 + tap, false),
                    Quad::Pairs => ((tap / 2 * 4 * lanes + inside) * 2 + tap % 2, false),
                    Quad::Dealt => (dealt * 4 + tap, false),
                    Quad::DealtWide => (((tap / 2 * 4 * lanes + dealt) * 2 + tap % 2) * 2, true),
                };
                if let Some(out) = out.get_mut(base + at) {
                    *out = w as u8;
                }
                if wide && let Some(out) = out.get_mut(base + at + 1) {
                    *out = (w >> 7) as u8;
                }
            }
        }
        first += count;
        block += 1;
    }
}

/// The packed weights of some columns of `quads` quads each, moved down by 1 to 3 `rows`: what an output row further down
/// multiplies the same interleaved input rows with. What moves out of the last quad must be zero.
///
/// ```text
/// w0 w1 w2 w3 │ w4 0 0 0     becomes, moved by 2,     0 0 w0 w1 │ w2 w3 w4 0
/// ```
#[inline(always)]
pub(crate) fn depthwise_later(level: Level, rows: usize, quads: usize, from: &[u8], to: &mut [u8]) {
    let len = quad_len(level);
    let (mut rest, mut room) = (from, to);
    while !rest.is_empty() && !room.is_empty() {
        let mut above = &NONE[..];
        for _ in 0..quads {
            let (Some((from, from_left)), Some((to, to_left))) =
                (rest.split_at_checked(len), room.split_at_mut_checked(len))
            else {
                return;
            };
            (rest, room) = (from_left, to_left);
            match quad(level) {
                Quad::Planar => {
                    let plane = len / 4;
                    for t in 0..4 {
                        // Tap t of four planes here comes from `rows` above, maybe from the quad above.
                        let (source, at) = if t >= rows { (from, t - rows) } else { (above, 4 + t - rows.min(4)) };
                        let source = source.get(at * plane..).and_then(|rest| rest.get(..plane)).unwrap_or(&[]);
                        for (to, from) in to.iter_mut().skip(t * plane).zip(source) {
                            *to = *from;
                        }
                    }
                }
                Quad::Natural | Quad::Dealt => {
                    let (above, from) = (above.as_chunks().0, from.as_chunks().0);
                    for ((to, from), above) in to.as_chunks_mut().0.iter_mut().zip(from).zip(above) {
                        *to = sixteen(rows, above, from);
                    }
                }
                Quad::Pairs => pairs::<2>(rows, above, from, to),
                Quad::DealtWide => pairs::<4>(rows, above, from, to),
            }
            above = from;
        }
    }
}

/// [`depthwise_later`] of sixteen channels whose four taps lie side by side; of a size that compilers make vectors of.
#[inline(always)]
fn sixteen(rows: usize, above: &[u8; 64], from: &[u8; 64]) -> [u8; 64] {
    let (up, down) = (8 * rows.min(3) as u32, 32 - 8 * rows.clamp(1, 3) as u32);
    let (mut moved, mut to) = ([0; 16], [0; 64]);
    let words = from.as_chunks::<4>().0.iter().zip(above.as_chunks::<4>().0);
    for (moved, (from, above)) in moved.iter_mut().zip(words) {
        *moved = u32::from_le_bytes(*from) << up | u32::from_le_bytes(*above) >> down;
    }
    for (to, moved) in to.as_chunks_mut::<4>().0.iter_mut().zip(moved) {
        *to = moved.to_le_bytes();
    }
    to
}

/// Above the first quad.
const NONE: [u8; 512] = [0; 512];

/// [`depthwise_later`] of a quad whose taps lie in pairs of `PAIR` bytes: those of all channels, then the next ones.
#[inline(always)]
fn pairs<const PAIR: usize>(rows: usize, above: &[u8], from: &[u8], to: &mut [u8]) {
    let half = to.len() / 2;
    let sources = [above.get(..half), above.get(half..2 * half), from.get(..half), from.get(half..2 * half)];
    let sources = sources.map(|half| half.unwrap_or(&[]).as_chunks::<PAIR>().0);
    let tap = PAIR / 2;
    let (low, high) = to.split_at_mut_checked(half).unwrap_or_default();
    for (i, to) in [low, high].into_iter().enumerate() {
        // Tap t of the four pairs becomes tap t + rows.
        let odd = rows % 2 * tap;
        let at = (2 + i).wrapping_sub(rows.div_ceil(2));
        let (first, second) = (sources.get(at).unwrap_or(&sources[0]), sources.get(at + 1).unwrap_or(&sources[0]));
        for ((to, first), second) in to.as_chunks_mut::<PAIR>().0.iter_mut().zip(*first).zip(*second) {
            let both = (word(second) << (8 * PAIR) | word(first)) >> (8 * odd);
            for (b, to) in to.iter_mut().enumerate() {
                *to = (both >> (8 * b)) as u8;
            }
        }
    }
}

/// At most four bytes as a number, the first the lowest.
#[inline(always)]
fn word<const PAIR: usize>(bytes: &[u8; PAIR]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Whether the products of an instruction set take signed bytes, and so `x − 128` for codes.
#[inline(always)]
pub const fn shifted(level: Level) -> bool {
    matches!(level, Level::Neon | Level::NeonDot)
}

/// Adjusts `offset[o]` (eq. 5) to what the level's instructions compute.
///
/// NEON multiplies signed bytes, so it is given `x − 128`: `Σ w·x = Σ w·(x − 128) + 128 · Σ w`. Of wide codes, its dot product takes the
/// upper byte so, which counts 128: 2^14 · Σ w, modulo 2^32. The other levels multiply codes as they are. `weights` is `[o][k]` for all kinds (depthwise: k = taps).
pub fn offset(level: Level, kind: Kind, weights: &[i8], k: usize, n: usize, offset: &mut [i32]) {
    let shift: i32 = match kind {
        Kind::Pointwise | Kind::Convolution | Kind::Depthwise if shifted(level) => 128,
        Kind::Dense if matches!(level, Level::NeonDot) => 1 << 14,
        // Gated weights are not known before the gate is.
        _ => 0,
    };
    if shift == 0 || k == 0 {
        return;
    }
    for (offset, row) in offset.iter_mut().zip(weights.chunks(k)).take(n) {
        let sum: i32 = row.iter().map(|&w| i32::from(w)).sum();
        *offset = offset.wrapping_add(shift.wrapping_mul(sum));
    }
}
