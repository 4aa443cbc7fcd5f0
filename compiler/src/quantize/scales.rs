//! Per-channel scales and zero points of activations (step 2 of the recipe).
//!
//! The producer requantizes per channel anyway, so a scale per channel costs it nothing. A depthwise convolution, a
//! mean, a gate and an addition take any scale (it folds into that channel's factor). A pointwise or general
//! convolution absorbs it into its weights *before they are rounded*, `W'[o,c] = W[o,c] · s_c`, which trades the
//! precision of activations against that of weights. With `s_c = S · (r_c / r_max)^α`, α minimises
//!
//! `Σ_o [ Σ_c W_oc² s_c² / 12 + s_w,o²/12 · Σ_c E(x_c²) / s_c² ]`,  `s_w,o = max_c |W_oc · s_c| / 127`:
//!
//! the first term is the error of rounding activations, the second that of rounding weights, both at the output. (The variance
//! in place of E(x²), because the bias takes the mean back, was 0.2 to 1.8 dB worse on networks with a step per tensor behind
//! their weights, and no better on others.)

use super::ranges::TensorRange;
use crate::ops::Conv;
use crate::qgraph::Codes;

/// No step is finer than this share of the widest channel's range, whatever a channel's own range is: codes would resolve
/// noise, and the reciprocal would blow up factors until rescaled values leave what conversions can do (eq. 13), as a hidden unit that
/// no picture wakes does.
const FINEST: f64 = 1.0 / (255.0 * 4096.0);

/// What a reader of the tensor can do with a scale per channel.
pub enum Consumer<'g> {
    /// Anything, for free.
    Free,
    /// Absorb it into its weights.
    Absorbs(&'g Conv),
    /// Needs one scale and zero point for all channels.
    Uniform,
}

/// Scales and zero points of a tensor with codes 0…`top`.
pub fn choose(range: &TensorRange, top: u16, consumers: &[Consumer<'_>], alphas: &[f64]) -> Codes {
    if consumers.iter().any(|c| matches!(c, Consumer::Uniform)) {
        return codes(&range.clone().per_tensor(), top, 0.0);
    }
    let absorbing: Vec<&Conv> = consumers
        .iter()
        .filter_map(|c| match c {
            Consumer::Absorbs(conv) => Some(*conv),
            Consumer::Free | Consumer::Uniform => None,
        })
        .collect();
    if absorbing.is_empty() {
        return codes(range, top, 1.0);
    }
    let mut best: Option<(f64, Codes)> = None;
    for &alpha in alphas {
        let candidate = codes(range, top, alpha);
        let error = absorbing.iter().map(|conv| output_error(conv, &candidate.scale, &range.mean_square)).sum();
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, candidate));
        }
    }
    best.map_or_else(|| codes(range, top, 1.0), |(_, codes)| codes)
}

/// `s_c = S · (r_c / r_max)^α`, `z_c = rne(−lo_c / s_c)`.
fn codes(range: &TensorRange, top: u16, alpha: f64) -> Codes {
    let widths: Vec<f64> = range.lo.iter().zip(&range.hi).map(|(&lo, &hi)| f64::from(hi) - f64::from(lo)).collect();
    let widest = widths.iter().copied().fold(0.0, f64::max);
    if widest <= 0.0 {
        return Codes { scale: vec![1.0; widths.len()], zero: vec![0; widths.len()] };
    }
    let steps = f64::from(top);
    let mut codes = Codes { scale: Vec::with_capacity(widths.len()), zero: Vec::with_capacity(widths.len()) };
    for (&width, &lo) in widths.iter().zip(&range.lo) {
        let share = (width / widest).max(steps * FINEST);
        // The scale is rounded up to f32 so that the range still fits.
        let scale = ((widest / steps) * share.powf(alpha)).max(f64::from(f32::MIN_POSITIVE)) as f32;
        let zero = (-f64::from(lo) / f64::from(scale)).round_ties_even().clamp(0.0, steps);
        codes.scale.push(scale);
        codes.zero.push(zero as u16);
    }
    codes
}

/// The expected squared error at the output of `conv`, up to a common factor.
fn output_error(conv: &Conv, scale: &[f32], mean_square: &[f64]) -> f64 {
    let taps = conv.window.taps();
    let per_group = scale.len() / conv.groups.max(1);
    let outputs_per_group = conv.out_channels / conv.groups.max(1);
    let row = taps * per_group;
    let mut total = 0.0;
    for (o, weights) in conv.weights.chunks_exact(row.max(1)).enumerate() {
        let first = (o / outputs_per_group.max(1)) * per_group;
        let (mut activations, mut inputs, mut largest) = (0.0_f64, 0.0_f64, 0.0_f64);
        for tap in weights.chunks_exact(per_group.max(1)) {
            for (c, &w) in tap.iter().enumerate() {
                let s = f64::from(scale[first + c]);
                let absorbed = f64::from(w) * s;
                activations += absorbed * absorbed;
                inputs += mean_square[first + c] / (s * s);
                largest = largest.max(absorbed.abs());
            }
        }
        let step = largest / 127.0;
        total += activations + step * step * inputs;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Window;

    fn range(hi: &[f32]) -> TensorRange {
        TensorRange {
            lo: vec![0.0; hi.len()],
            hi: hi.to_vec(),
            mean: hi.iter().map(|&h| f64::from(h) / 2.0).collect(),
            mean_square: hi.iter().map(|&h| f64::from(h * h) / 3.0).collect(),
            fine: false,
        }
    }

    fn pointwise(weights: Vec<f32>, inputs: usize) -> Conv {
        Conv {
            out_channels: weights.len() / inputs,
            bias: vec![0.0; weights.len() / inputs],
            weights,
            window: Window::POINT,
            pad_end: [0, 0],
            groups: 1,
            pad_value: vec![0.0; inputs],
            activation: None,
        }
    }

    #[test]
    fn free_consumers_get_each_channel_its_own_range() {
        let codes = choose(&range(&[1.0, 10.0]), 255, &[Consumer::Free], &[0.0]);
        assert_eq!(codes.scale, vec![1.0 / 255.0, 10.0 / 255.0]);
        assert_eq!(codes.zero, vec![0, 0]);
    }

    #[test]
    fn uniform_consumers_get_one_scale() {
        let codes = choose(&range(&[1.0, 10.0]), 255, &[Consumer::Free, Consumer::Uniform], &[1.0]);
        assert_eq!(codes.scale[0], codes.scale[1]);
    }

    #[test]
    fn balanced_weights_absorb_the_whole_range() {
        // The weight of the narrow channel is large: absorbing evens both out and alpha = 1 is best.
        let conv = pointwise(vec![10.0, 1.0, 10.0, -1.0], 2);
        let codes = choose(&range(&[1.0, 10.0]), 255, &[Consumer::Absorbs(&conv)], &[0.0, 0.5, 1.0]);
        assert_eq!(codes.scale, vec![1.0 / 255.0, 10.0 / 255.0]);
    }

    #[test]
    fn a_channel_that_never_wakes_has_a_step_all_the_same() {
        for top in [255, 4095] {
            let codes = choose(&range(&[0.0, 2.0]), top, &[Consumer::Free], &[1.0]);
            assert!((f64::from(codes.scale[0]) / (2.0 * FINEST) - 1.0).abs() < 1e-6, "{codes:?}");
        }
    }

    #[test]
    fn the_zero_point_is_the_code_of_zero() {
        let mut r = range(&[3.0]);
        r.lo[0] = -1.0;
        let codes = choose(&r, 255, &[Consumer::Free], &[1.0]);
        assert_eq!(codes.zero, vec![64]);
    }
}
