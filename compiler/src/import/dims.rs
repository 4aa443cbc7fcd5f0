//! Dimension arithmetic of ONNX, shared by constants and views.

use crate::graph::LARGEST_TENSOR;

/// Result of anything that has no name to blame yet.
pub(super) type Plain<T> = std::result::Result<T, String>;

/// Product, or why it is too large.
pub(super) fn element_count(dims: &[usize]) -> Plain<usize> {
    dims.iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d))
        .filter(|&n| n <= LARGEST_TENSOR)
        .ok_or_else(|| format!("the dimensions {dims:?} are too large"))
}

/// An axis counted from the front.
pub(super) fn axis(axis: i64, rank: usize) -> Plain<usize> {
    let from_front = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    from_front
        .and_then(|a| usize::try_from(a).ok())
        .filter(|&a| a < rank)
        .ok_or_else(|| format!("axis {axis} of a tensor of rank {rank}"))
}

/// Axes counted from the front, in ascending order.
pub(super) fn axes(list: &[i64], rank: usize) -> Plain<Vec<usize>> {
    let mut axes = list.iter().map(|&a| axis(a, rank)).collect::<Plain<Vec<_>>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("the axes {list:?} name one twice"));
    }
    Ok(axes)
}

/// `Reshape`: 0 keeps (unless `allow_zero`), one −1 takes the rest.
pub(super) fn reshape(current: &[usize], target: &[i64], allow_zero: bool) -> Plain<Vec<usize>> {
    let total = element_count(current)?;
    let misfit = || format!("{current:?} cannot be reshaped to {target:?}");
    let mut dims = Vec::with_capacity(target.len().min(16));
    let mut open = None;
    for (index, &dim) in target.iter().enumerate() {
        dims.push(match dim {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 if !allow_zero => *current.get(index).ok_or_else(misfit)?,
            _ => usize::try_from(dim).map_err(|_| misfit())?,
        });
    }
    let known = element_count(&dims).map_err(|_| misfit())?;
    if let Some(index) = open {
        if known == 0 || total % known != 0 {
            return Err(misfit());
        }
        dims[index] = total / known;
    } else if known != total {
        return Err(misfit());
    }
    Ok(dims)
}

/// `Squeeze`: without axes every dimension of one goes.
pub(super) fn squeeze(current: &[usize], list: Option<&[i64]>) -> Plain<Vec<usize>> {
    let Some(list) = list else {
        return Ok(current.iter().copied().filter(|&d| d != 1).collect());
    };
    let gone = axes(list, current.len())?;
    if let Some(&a) = gone.iter().find(|&&a| current[a] != 1) {
        return Err(format!("axis {a} of {current:?} cannot be squeezed"));
    }
    Ok(current.iter().enumerate().filter(|(a, _)| !gone.contains(a)).map(|(_, &d)| d).collect())
}

/// `Unsqueeze`: the axes are those of the result.
pub(super) fn unsqueeze(current: &[usize], list: &[i64]) -> Plain<Vec<usize>> {
    let rank = current.len() + list.len();
    let new = axes(list, rank)?;
    let mut old = current.iter();
    Ok((0..rank).map(|a| if new.contains(&a) { 1 } else { old.next().copied().unwrap_or(1) }).collect())
}

/// `Flatten`: everything before the axis, everything from it on.
pub(super) fn flatten(current: &[usize], at: i64) -> Plain<Vec<usize>> {
    let rank = current.len();
    let at = if at == rank as i64 { rank } else { axis(at, rank)? };
    Ok(vec![current[..at].iter().product(), current[at..].iter().product()])
}

/// A permutation; by default the axes reversed.
pub(super) fn permutation(list: Option<&[i64]>, rank: usize) -> Plain<Vec<usize>> {
    let Some(list) = list else {
        return Ok((0..rank).rev().collect());
    };
    axes(list, rank)?;
    if list.len() != rank {
        return Err(format!("the permutation {list:?} of a tensor of rank {rank}"));
    }
    list.iter().map(|&a| axis(a, rank)).collect()
}

/// `Slice` along one axis: the positions that are taken, in order.
pub(super) fn slice_positions(size: usize, start: i64, end: i64, step: i64) -> Plain<Vec<usize>> {
    if step == 0 {
        return Err("a slice with step 0".into());
    }
    let n = i64::try_from(size).map_err(|_| "a slice of a huge dimension".to_string())?;
    let wrap = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (lo, hi) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let mut at = wrap(start).clamp(lo.max(0).min(n), hi.max(0));
    let end = wrap(end).clamp(lo, hi.max(lo));
    let mut positions = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end && at < n) {
        positions.push(at as usize);
        at = match at.checked_add(step) {
            Some(next) => next,
            None => break,
        };
    }
    Ok(positions)
}

/// Dimensions of an elementwise result.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Plain<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |k| dims[k]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(format!("{a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes() {
        assert_eq!(reshape(&[1, 576, 1, 1], &[0, -1], false), Ok(vec![1, 576]));
        assert_eq!(reshape(&[2, 3], &[-1], false), Ok(vec![6]));
        assert!(reshape(&[2, 3], &[-1, -1], false).is_err());
        assert!(reshape(&[2, 3], &[4, -1], false).is_err());
        assert!(reshape(&[2, 3], &[0, 0, 0], false).is_err());
        assert!(reshape(&[2, 3], &[i64::MAX, i64::MAX], false).is_err());
    }

    #[test]
    fn slices() {
        assert_eq!(slice_positions(4, -1, i64::MIN + 1, -1), Ok(vec![3, 2, 1, 0]));
        assert_eq!(slice_positions(4, 0, i64::MAX, 1), Ok(vec![0, 1, 2, 3]));
        assert_eq!(slice_positions(4, 1, -1, 2), Ok(vec![1]));
        assert_eq!(slice_positions(0, 0, 5, 1), Ok(vec![]));
        assert_eq!(slice_positions(0, -1, -9, -1), Ok(vec![]));
        assert_eq!(slice_positions(3, 5, 9, 1), Ok(vec![]));
        assert_eq!(slice_positions(3, i64::MIN, i64::MAX, i64::MAX), Ok(vec![0]));
        assert!(slice_positions(3, 0, 1, 0).is_err());
    }

    #[test]
    fn squeezes() {
        assert_eq!(squeeze(&[1, 3, 1], None), Ok(vec![3]));
        assert_eq!(squeeze(&[1, 3, 1], Some(&[-1])), Ok(vec![1, 3]));
        assert!(squeeze(&[1, 3, 1], Some(&[1])).is_err());
        assert_eq!(unsqueeze(&[3], &[0, 2]), Ok(vec![1, 3, 1]));
        assert_eq!(flatten(&[1, 2, 3], 1), Ok(vec![1, 6]));
        assert_eq!(broadcast(&[1, 3], &[2, 1]), Ok(vec![2, 3]));
        assert!(broadcast(&[2], &[3]).is_err());
    }
}
