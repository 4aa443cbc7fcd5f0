//! Short runs of codes, copied to where products read them without a check for each.

/// Bytes that a run is copied as.
const RUN: usize = 16;

/// Bytes from the first of `count` × KH runs to the end of the last one; `None` if they are beyond counting.
#[inline(always)]
fn span<const KH: usize>(count: usize, [step, pitch]: [usize; 2]) -> Option<usize> {
    let last = count.checked_sub(1)?.checked_mul(step)?;
    KH.checked_sub(1)?.checked_mul(pitch)?.checked_add(last)?.checked_add(RUN)
}

/// `count` times KH runs: run `ky` of the i-th comes from `i · step + ky · pitch` and goes to `i · patch + ky · row`, and so do the
/// bytes behind it, 16 in all; the next one overwrites them. Nothing unless all of that is inside.
#[inline(always)]
pub fn copy_runs<const KH: usize>(
    from: &[u8],
    [step, pitch]: [usize; 2],
    to: &mut [u8],
    [patch, row]: [usize; 2],
    count: usize,
) {
    let fits = |len: usize, distances| span::<KH>(count, distances).is_some_and(|span| span <= len);
    if !fits(from.len(), [step, pitch]) || !fits(to.len(), [patch, row]) {
        return;
    }
    let (mut from, mut to) = (from.as_ptr(), to.as_mut_ptr());
    for _ in 0..count {
        for ky in 0..KH {
            // SAFETY: both spans are inside: i < count, ky < KH, and RUN bytes follow.
            unsafe {
                let run: [u8; RUN] = from.add(ky * pitch).cast::<[u8; RUN]>().read_unaligned();
                to.add(ky * row).cast::<[u8; RUN]>().write_unaligned(run);
            }
        }
        (from, to) = (from.wrapping_add(step), to.wrapping_add(patch));
    }
}
