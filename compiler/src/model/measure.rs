//! Sums over samples, and the other arithmetic of a network under construction.

use ndarray::Array3;

/// `[output][channel][tap]` to `[output][tap][channel]`.
pub(super) fn channels_last(weights: &[f32], channels: usize, taps: usize) -> Vec<f32> {
    let kernels = weights.chunks_exact((channels * taps).max(1));
    kernels.flat_map(|kernel| (0..taps).flat_map(move |t| (0..channels).map(move |c| kernel[c * taps + t]))).collect()
}

/// Mean and variance of every channel over samples and pixels; 0 and 1 without samples.
pub(super) fn statistics(samples: &[Array3<f32>], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut sum, mut squares, mut count) = (vec![0.0f64; channels], vec![0.0f64; channels], 0u32);
    for pixel in samples.iter().flat_map(|sample| sample.rows()) {
        for (c, &value) in pixel.iter().enumerate() {
            sum[c] += f64::from(value);
            squares[c] += f64::from(value) * f64::from(value);
        }
        count += 1;
    }
    if count == 0 {
        return (vec![0.0; channels], vec![1.0; channels]);
    }
    let count = f64::from(count);
    let mean: Vec<f64> = sum.iter().map(|s| s / count).collect();
    let variance = squares.iter().zip(&mean).map(|(s, m)| coarse((s / count - m * m).max(0.0)));
    (mean.iter().map(|&m| coarse(m)).collect(), variance.collect())
}

/// Eight bits of precision: see the module above.
pub(super) fn coarse(x: f64) -> f32 {
    f32::from_bits((x as f32).to_bits().wrapping_add(0x8000) & 0xffff_0000)
}

/// For every output pixel of one axis: the two input pixels beside its centre, and the share of the second.
pub(super) fn taps(input: usize, output: usize) -> Vec<(usize, usize, f32)> {
    let scale = input as f32 / output as f32;
    (0..output)
        .map(|o| {
            let centre = ((o as f32 + 0.5) * scale - 0.5).clamp(0.0, (input - 1) as f32);
            let first = centre as usize;
            (first, (first + 1).min(input - 1), centre - first as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_of_each_channel_over_all_samples() {
        let sample = |values: [f32; 4]| Array3::from_shape_vec((1, 2, 2), values.to_vec()).unwrap();
        let (mean, variance) = statistics(&[sample([1.0, 0.0, 3.0, 0.5]), sample([1.0, 1.0, 3.0, 0.5])], 2);
        assert_eq!((mean, variance), (vec![2.0, 0.5], vec![1.0, 0.125]));
        assert_eq!(statistics(&[], 1), (vec![0.0], vec![1.0]));
    }

    #[test]
    fn coarse_numbers_are_near() {
        for x in [1.0, 3.7415926, -0.001234, 123456.0] {
            assert!((f64::from(coarse(x)) - x).abs() <= x.abs() / 256.0, "{x}");
        }
        assert_eq!(coarse(1.5), 1.5);
    }

    #[test]
    fn channels_move_behind_taps() {
        assert_eq!(
            channels_last(&[0.0, 1.0, 10.0, 11.0, 5.0, 6.0, 7.0, 8.0], 2, 2),
            [0.0, 10.0, 1.0, 11.0, 5.0, 7.0, 6.0, 8.0]
        );
    }

    #[test]
    fn enlarging_by_two_reads_quarters() {
        let expected = [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75), (1, 1, 0.0)];
        assert_eq!(taps(2, 4), expected);
    }
}
