//! Observers on distributions whose best range is known.

use bakelite_calibration::{Distribution, Observer, Range, TensorStats};
use proptest::prelude::*;

/// Evenly spread numbers in 0…1, shuffled by a multiplicative step.
fn uniform(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| ((i as f64 + 0.5) * 0.618_033_988_749_895).fract())
}

/// Normally distributed: sum of twelve uniforms is close enough.
fn normal(n: usize) -> Vec<f32> {
    let pool: Vec<f64> = uniform(n * 12).collect();
    let mut state = 12345u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pool[(state >> 33) as usize % pool.len()]
    };
    (0..n).map(|_| ((0..12).map(|_| next()).sum::<f64>() - 6.0) as f32).collect()
}

fn distribution(values: &[f32]) -> Distribution {
    let mut stats = TensorStats::new(1);
    stats.update(values);
    stats.channel(0)
}

/// What quantizing these very numbers costs on average.
fn true_error(values: &[f32], range: Range, top: f32) -> f64 {
    let step = range.width() / top;
    let zero = (-range.lo / step).round_ties_even();
    let each = values.iter().map(|&x| {
        let code = ((x / step).round_ties_even() + zero).clamp(0.0, top);
        f64::from((code - zero) * step - x).powi(2)
    });
    each.sum::<f64>() / values.len() as f64
}

#[test]
fn min_max_takes_the_extremes_and_zero() {
    let range = Observer::MinMax.range(&distribution(&[1.0, 5.0, 3.0]), 255);
    assert_eq!(range, Range { lo: 0.0, hi: 5.0 });
    let range = Observer::MinMax.range(&distribution(&[-1.0, -5.0]), 255);
    assert_eq!(range, Range { lo: -5.0, hi: 0.0 });
}

#[test]
fn dead_channels_have_an_empty_range() {
    for observer in [Observer::MinMax, Observer::Percentile(99.9), Observer::Mse, Observer::Entropy] {
        for values in [&[][..], &[0.0, 0.0], &[-0.0]] {
            let range = observer.range(&distribution(values), 255);
            assert_eq!((range.lo.to_bits(), range.hi.to_bits()), (0, 0), "{observer}");
        }
    }
}

#[test]
fn percentile_of_a_uniform_distribution() {
    let values: Vec<f32> = uniform(20_000).map(|x| (x * 4.0 - 2.0) as f32).collect();
    for p in [90.0, 99.0, 99.9] {
        let range = Observer::Percentile(p).range(&distribution(&values), 255);
        let expected = 2.0 - 4.0 * (1.0 - p as f32 / 100.0);
        assert!((range.hi - expected).abs() < 0.01 && (range.lo + expected).abs() < 0.01, "{p}: {range:?}");
    }
    let all = Observer::Percentile(100.0).range(&distribution(&values), 255);
    assert_eq!(all, Observer::MinMax.range(&distribution(&values), 255));
}

#[test]
fn mse_of_a_uniform_distribution_clips_nothing_much() {
    let values: Vec<f32> = uniform(20_000).map(|x| (x * 4.0 - 2.0) as f32).collect();
    let range = Observer::Mse.range(&distribution(&values), 255);
    assert!(range.hi > 1.9 && range.lo < -1.9, "{range:?}");
}

#[test]
fn mse_clips_an_outlier_that_costs_more_than_it_is_worth() {
    let mut values = normal(50_000);
    values.push(60.0);
    let clipped = Observer::Mse.range(&distribution(&values), 63);
    let full = Observer::MinMax.range(&distribution(&values), 63);
    assert!(clipped.hi < 40.0, "{clipped:?}");
    assert!(true_error(&values, clipped, 63.0) < true_error(&values, full, 63.0));
}

#[test]
fn mse_is_near_the_optimum_for_a_normal_distribution() {
    // Few codes, so that clipping matters: 15 steps.
    let values = normal(50_000);
    let range = Observer::Mse.range(&distribution(&values), 15);
    let found = true_error(&values, range, 15.0);
    let best = (10..60)
        .map(|i| {
            let t = i as f32 * 0.1;
            true_error(&values, Range { lo: -t, hi: t }, 15.0)
        })
        .fold(f64::INFINITY, f64::min);
    assert!(found < best * 1.1, "{found} against {best}: {range:?}");
}

#[test]
fn entropy_keeps_a_uniform_distribution_and_clips_a_far_outlier() {
    let values: Vec<f32> = uniform(20_000).map(|x| (x * 4.0 - 2.0) as f32).collect();
    let range = Observer::Entropy.range(&distribution(&values), 255);
    assert!(range.hi > 1.8 && range.lo < -1.8, "{range:?}");
    let mut values = normal(50_000);
    values.push(4000.0);
    let range = Observer::Entropy.range(&distribution(&values), 255);
    assert!(range.hi < 2000.0, "{range:?}");
}

#[test]
fn per_tensor_is_the_pool_of_the_channels() {
    let mut stats = TensorStats::new(2);
    stats.update(&[1.0, -8.0, 2.0, 4.0]);
    assert_eq!(Observer::MinMax.per_tensor(&stats, 255), Range { lo: -8.0, hi: 4.0 });
    let each = Observer::MinMax.per_channel(&stats, 255);
    assert_eq!(each, [Range { lo: 0.0, hi: 2.0 }, Range { lo: -8.0, hi: 4.0 }]);
}

#[test]
fn names() {
    for text in ["min-max", "mse", "entropy", "percentile:99.99"] {
        assert_eq!(text.parse::<Observer>().unwrap().to_string(), text);
    }
    for text in ["", "max", "percentile", "percentile:x", "percentile:101", "percentile:NaN"] {
        assert!(text.parse::<Observer>().unwrap_err().to_string().contains("min-max"), "{text}");
    }
}

proptest! {
    #[test]
    fn ranges_hold_zero_and_stay_within_the_extremes(
        values in proptest::collection::vec(-1e5f32..1e5, 1..200), scale in -30i32..10,
    ) {
        let values: Vec<f32> = values.iter().map(|x| x * 2f32.powi(scale)).collect();
        let distribution = distribution(&values);
        let full = Observer::MinMax.range(&distribution, 255);
        for observer in [Observer::Percentile(99.0), Observer::Mse, Observer::Entropy] {
            let range = observer.range(&distribution, 255);
            prop_assert!(range.lo <= 0.0 && range.hi >= 0.0, "{observer} {range:?}");
            prop_assert!(range.lo >= full.lo && range.hi <= full.hi, "{observer} {range:?} {full:?}");
        }
    }
}
