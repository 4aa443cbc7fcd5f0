//! How many times a window fits.

use crate::graph::{Shape, Window};

/// `⌊(size + pad_begin + pad_end − dilation·(kernel−1) − 1) / stride⌋ + 1`, or `None` where the window never fits.
pub fn output_extent(
    size: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad_begin: usize,
    pad_end: usize,
) -> Option<usize> {
    let reach = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
    let padded = size.checked_add(pad_begin)?.checked_add(pad_end)?;
    Some(padded.checked_sub(reach)?.checked_div(stride)? + 1)
}

/// Height and width of the result of moving `window` over `x`.
pub fn windowed_extent(x: Shape, window: &Window, pad_end: [usize; 2]) -> Result<[usize; 2], String> {
    let sizes = [x.height, x.width];
    let mut out = [0; 2];
    for axis in 0..2 {
        out[axis] = output_extent(
            sizes[axis],
            window.kernel[axis],
            window.stride[axis],
            window.dilation[axis],
            window.pad[axis],
            pad_end[axis],
        )
        .ok_or_else(|| {
            format!(
                "a kernel of {}×{} (dilation {:?}, stride {:?}) does not fit into {}×{} with padding {:?} and {:?}",
                window.kernel[0],
                window.kernel[1],
                window.dilation,
                window.stride,
                x.height,
                x.width,
                window.pad,
                pad_end
            )
        })?;
    }
    Ok(out)
}

/// `3x3 /2 dilation 2,2 pad 0,0,1,1`, a space before each.
pub(super) fn describe(window: &Window, pad_end: [usize; 2]) -> String {
    let mut text = format!(" {}x{}", window.kernel[0], window.kernel[1]);
    match window.stride {
        [1, 1] => {}
        [a, b] if a == b => text += &format!(" /{a}"),
        [a, b] => text += &format!(" /{a},{b}"),
    }
    if window.dilation != [1, 1] {
        text += &format!(" dilation {},{}", window.dilation[0], window.dilation[1]);
    }
    if window.pad != [0, 0] || pad_end != [0, 0] {
        text += &format!(" pad {},{},{},{}", window.pad[0], window.pad[1], pad_end[0], pad_end[1]);
    }
    text
}

/// The input pixels that the output pixel `(row, column)` reads: `(tap, Some(pixel index) or None outside)`.
pub(crate) fn taps(
    x: Shape,
    window: &Window,
    row: usize,
    column: usize,
) -> impl Iterator<Item = (usize, Option<usize>)> {
    let window = *window;
    (0..window.taps()).map(move |tap| {
        let (i, j) = (tap / window.kernel[1], tap % window.kernel[1]);
        let at = |position: usize, axis: usize, step: usize, size: usize| {
            (position * window.stride[axis] + step * window.dilation[axis])
                .checked_sub(window.pad[axis])
                .filter(|&p| p < size)
        };
        let pixel = at(row, 0, i, x.height).zip(at(column, 1, j, x.width)).map(|(r, c)| r * x.width + c);
        (tap, pixel)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents() {
        assert_eq!(output_extent(224, 3, 2, 1, 1, 1), Some(112));
        assert_eq!(output_extent(224, 3, 2, 1, 0, 1), Some(112));
        assert_eq!(output_extent(7, 7, 1, 1, 0, 0), Some(1));
        assert_eq!(output_extent(6, 7, 1, 1, 0, 0), None);
        assert_eq!(output_extent(7, 0, 1, 1, 0, 0), None);
        assert_eq!(output_extent(7, 1, 0, 1, 0, 0), None);
        assert_eq!(output_extent(7, usize::MAX, 1, usize::MAX, 0, 0), None);
    }
}
