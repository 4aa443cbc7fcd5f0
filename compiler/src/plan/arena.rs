//! Places tensors by offset in one arena: answers first, so that they lie at the same offset whatever the scratch of an
//! instruction set, then largest first, each at the lowest offset that is free for its whole life.

/// A piece of memory to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Size in elements.
    pub len: usize,
    /// Index of the step that writes it first.
    pub born: usize,
    /// Index of the last step that reads it.
    pub dies: usize,
    /// Placed before all that are not, in the order given.
    pub pinned: bool,
}

/// Offsets in elements, and the length of the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// One per piece, in the order given.
    pub offsets: Vec<usize>,
    /// End of the last piece.
    pub len: usize,
}

/// Places `pieces` at multiples of `align` such that pieces alive at the same step do not overlap.
pub fn place(pieces: &[Piece], align: usize) -> Placement {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|&i| match pieces[i].pinned {
        true => (false, std::cmp::Reverse(0), 0, i),
        false => (true, std::cmp::Reverse(pieces[i].len), pieces[i].born, i),
    });
    let mut offsets = vec![0_usize; pieces.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut len = 0;
    for &i in &order {
        let piece = pieces[i];
        let mut neighbours: Vec<usize> =
            placed.iter().copied().filter(|&j| pieces[j].born <= piece.dies && piece.born <= pieces[j].dies).collect();
        neighbours.sort_by_key(|&j| offsets[j]);
        // The smallest gap that is large enough; past the last neighbour there always is one.
        let mut best: Option<(usize, usize)> = None;
        let mut end = 0;
        for &j in &neighbours {
            let gap = offsets[j].saturating_sub(end);
            if offsets[j] > end && gap >= piece.len && best.is_none_or(|(least, _)| gap < least) {
                best = Some((gap, end));
            }
            end = end.max((offsets[j] + pieces[j].len).next_multiple_of(align));
        }
        offsets[i] = best.map_or(end, |(_, offset)| offset);
        len = len.max(offsets[i] + piece.len);
        placed.push(i);
    }
    Placement { offsets, len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_two_living_pieces_overlap(raw in prop::collection::vec((1_usize..5000, 0_usize..20, 0_usize..6), 1..40)) {
            let pieces: Vec<Piece> =
                raw.iter().map(|&(len, born, life)| Piece { len, born, dies: born + life, pinned: len % 7 == 0 }).collect();
            let placement = place(&pieces, 64);
            for (i, a) in pieces.iter().enumerate() {
                prop_assert_eq!(placement.offsets[i] % 64, 0);
                prop_assert!(placement.offsets[i] + a.len <= placement.len);
                for (j, b) in pieces.iter().enumerate().skip(i + 1) {
                    let alive = a.born <= b.dies && b.born <= a.dies;
                    let apart = placement.offsets[i] + a.len <= placement.offsets[j]
                        || placement.offsets[j] + b.len <= placement.offsets[i];
                    prop_assert!(!alive || apart, "{i} {j}");
                }
            }
        }
    }

    #[test]
    fn pinned_pieces_lie_where_others_do_not_move_them() {
        let pinned = |len| Piece { len, born: 5, dies: 9, pinned: true };
        let other = |len| Piece { len, born: 4, dies: 6, pinned: false };
        for len in [1, 64, 5000] {
            let placement = place(&[other(len), pinned(100), other(7), pinned(900)], 64);
            assert_eq!((placement.offsets[1], placement.offsets[3]), (0, 128));
        }
    }

    #[test]
    fn a_chain_needs_two_buffers() {
        let pieces: Vec<Piece> = (0..10).map(|i| Piece { len: 64, born: i, dies: i + 1, pinned: false }).collect();
        assert_eq!(place(&pieces, 64).len, 128);
    }
}
