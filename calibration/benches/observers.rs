//! Time of an update and of each observer; run with `cargo bench -p bakelite-calibration --bench observers`.

use std::time::Instant;

use bakelite_calibration::{Observer, TensorStats};

/// Maps of MobileNetV3-Large, about six million activations: pixels and channels.
const MAPS: [(usize, usize); 12] = [
    (112 * 112, 16),
    (112 * 112, 16),
    (112 * 112, 64),
    (56 * 56, 64),
    (56 * 56, 72),
    (56 * 56, 72),
    (28 * 28, 120),
    (28 * 28, 240),
    (14 * 14, 480),
    (14 * 14, 672),
    (7 * 7, 960),
    (112 * 112, 64),
];

fn main() {
    let activations: Vec<Vec<f32>> = MAPS
        .iter()
        .map(|&(pixels, channels)| {
            let mut state = 1u32;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            };
            (0..pixels * channels).map(|_| (next() + next() + next()).max(-0.375) * 6.0).collect()
        })
        .collect();
    let mut stats: Vec<_> = MAPS.iter().map(|&(_, channels)| TensorStats::new(channels)).collect();
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        for (stats, values) in stats.iter_mut().zip(&activations) {
            stats.update(values);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let count: usize = activations.iter().map(Vec::len).sum();
    println!("{:.1} ms for {:.2} M activations", best * 1e3, count as f64 / 1e6);
    for observer in [Observer::MinMax, Observer::Percentile(99.99), Observer::Mse, Observer::Entropy] {
        let start = Instant::now();
        let ranges: usize = stats.iter().map(|stats| observer.per_channel(stats, 255).len()).sum();
        println!("{observer}: {:.1} ms for {ranges} channels", start.elapsed().as_secs_f64() * 1e3);
    }
}
