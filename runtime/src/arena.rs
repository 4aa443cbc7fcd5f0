//! The memory of a run, and several pieces of it at once, without `unsafe` and without a panic path.

use crate::blob::Aligned;

/// The memory of a run, in elements of each section. Whatever bytes it holds, a run does not mind.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Arena<const MAPS: usize, const WIDE: usize, const REALS: usize, const OUTPUTS: usize> {
    /// Maps of u8 codes.
    pub maps: Aligned<[u8; MAPS]>,
    /// Vectors of u16 codes.
    pub wide: Aligned<[u16; WIDE]>,
    /// Gates and other reals.
    pub reals: Aligned<[f32; REALS]>,
    /// The answer, where that is one vector of reals.
    pub output: [f32; OUTPUTS],
}

impl<const MAPS: usize, const WIDE: usize, const REALS: usize, const OUTPUTS: usize> Arena<MAPS, WIDE, REALS, OUTPUTS> {
    /// All zeros.
    pub const fn new() -> Self {
        Self {
            maps: Aligned([0; MAPS]),
            wide: Aligned([0; WIDE]),
            reals: Aligned([0.0; REALS]),
            output: [0.0; OUTPUTS],
        }
    }
}

impl<const MAPS: usize, const WIDE: usize, const REALS: usize, const OUTPUTS: usize> Default
    for Arena<MAPS, WIDE, REALS, OUTPUTS>
{
    fn default() -> Self {
        Self::new()
    }
}

/// The pieces `(start, len)` of the arena, in the order asked for.
///
/// Total: a piece that is not inside, or that overlaps a piece that starts before it, is empty. With constant
/// ranges the compiler folds all of it into pointer offsets.
#[inline(always)]
pub fn split<T, const K: usize>(arena: &mut [T], ranges: [(usize, usize); K]) -> [&mut [T]; K] {
    let mut pieces: [&mut [T]; K] = core::array::from_fn(|_| Default::default());
    let mut rest = arena;
    let mut consumed = 0;
    let mut done = [false; K];
    for _ in 0..K {
        // The piece that starts first among those left (ties: the shorter first, so that empty ones do not hide others).
        let mut next: Option<(usize, (usize, usize))> = None;
        for (index, (&range, &done)) in ranges.iter().zip(&done).enumerate() {
            if !done && next.is_none_or(|(_, best)| range < best) {
                next = Some((index, range));
            }
        }
        let Some((index, (start, len))) = next else { break };
        if let Some(flag) = done.get_mut(index) {
            *flag = true;
        }
        let Some(skip) = start.checked_sub(consumed) else { continue };
        let Some(after) = skip.checked_add(len) else { continue };
        if after > rest.len() {
            continue;
        }
        let (taken, left) = core::mem::take(&mut rest).split_at_mut_checked(after).unwrap_or((&mut [], &mut []));
        rest = left;
        consumed = start + len;
        if let (Some(piece), Some((_, body))) = (pieces.get_mut(index), taken.split_at_mut_checked(skip)) {
            *piece = body;
        }
    }
    pieces
}
