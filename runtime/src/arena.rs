//! Several pieces of one arena at once, without `unsafe` and without a panic path.

/// The pieces `(start, len)` of the arena, in the order asked for.
///
/// Total: a piece that is not inside, or that overlaps a piece that starts before it, is empty. With constant
/// ranges the compiler folds all of it into pointer offsets.
#[inline(always)]
pub fn split<const K: usize>(arena: &mut [u8], ranges: [(usize, usize); K]) -> [&mut [u8]; K] {
    let mut pieces = [(); K].map(|()| &mut [] as &mut [u8]);
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
