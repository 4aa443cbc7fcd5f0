//! Places tensors by offset in one arena: answers first, so that they lie at the same offset whatever the scratch of an
//! instruction set, then one after the other, each at the lowest offset that is free for its whole life.

use std::cmp::Reverse;

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

/// Places `pieces` at multiples of `align` such that pieces alive at the same step do not overlap: in each of a few orders, of which the
/// first one counts that takes the least memory; and then in orders that differ a little from it, as long as more memory is taken than is
/// ever alive.
pub fn place(pieces: &[Piece], align: usize) -> Placement {
    let alive = |step: usize| -> usize {
        pieces.iter().filter(|p| p.born <= step && step <= p.dies).map(|p| p.len.next_multiple_of(align)).sum()
    };
    let fullest: Vec<usize> = pieces.iter().map(|p| (p.born..=p.dies).map(alive).max().unwrap_or(0)).collect();
    let pinned = pieces.iter().filter(|piece| piece.pinned).count();
    let tries = ORDERS.map(|key| {
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|&i| match pieces[i].pinned {
            true => (false, [Reverse(0); 2], 0, i),
            false => (true, key(&pieces[i], fullest[i]).map(Reverse), pieces[i].born, i),
        });
        (in_order(pieces, align, &order), order)
    });
    let Some((mut best, mut order)) = tries.into_iter().min_by_key(|(placement, _)| placement.len) else {
        return Placement { offsets: Vec::new(), len: 0 };
    };
    let least = fullest.iter().copied().max().unwrap_or(0);
    let mut random = 1_u64;
    for _ in 0..RETRIES {
        if best.len <= least || order.len() < pinned + 2 {
            break;
        }
        let mut other = order.clone();
        let mut below = |n: usize| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (random >> 33) as usize % n
        };
        let piece = other.remove(pinned + below(order.len() - pinned));
        other.insert(pinned + below(order.len() - pinned), piece);
        let placement = in_order(pieces, align, &other);
        if placement.len <= best.len {
            (best, order) = (placement, other);
        }
    }
    best
}

/// Orders that are tried beyond [`ORDERS`].
const RETRIES: usize = 500;

/// What is placed first: the largest pieces; those that live when memory is fullest; those that live longest.
const ORDERS: [fn(&Piece, usize) -> [usize; 2]; 3] =
    [|piece, _| [piece.len, 0], |piece, fullest| [fullest, piece.len], |piece, _| [piece.dies - piece.born, piece.len]];

fn in_order(pieces: &[Piece], align: usize, order: &[usize]) -> Placement {
    let mut offsets = vec![0_usize; pieces.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut len = 0;
    for &i in order {
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
