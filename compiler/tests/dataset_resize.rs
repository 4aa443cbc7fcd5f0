//! Geometry is Pillow's and torchvision's, bit for bit: `dataset_fixtures/make.py` wrote the expected hashes.

use bakelite_runtime::image::{Fit, FitError, Resize, Scratch};

/// The picture of `make.py`.
fn picture(height: usize, width: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..height * width * 3)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 24) as usize;
            (if i / 96 % 2 == 1 { noise } else { (noise / 8 + i / 3 % width) & 255 }) as u8
        })
        .collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

fn apply(fit: &Fit, rgb: &[u8], height: usize, width: usize) -> Result<Vec<u8>, FitError> {
    let size = fit.scratch(height, width)?;
    // Neither exact lengths nor clean memory are needed.
    let (mut weights, mut rows) = (vec![-1; size.weights + 3], vec![77; size.rows + 5]);
    let mut output = vec![99; fit.output_len().unwrap()];
    fit.apply(rgb, height, width, &mut Scratch { weights: &mut weights, rows: &mut rows }, &mut output)?;
    // Exact lengths are enough.
    let (mut weights, mut rows) = (vec![0; size.weights], vec![0; size.rows]);
    let mut again = vec![1; output.len()];
    fit.apply(rgb, height, width, &mut Scratch { weights: &mut weights, rows: &mut rows }, &mut again)?;
    assert_eq!(output, again);
    Ok(output)
}

#[test]
fn equals_pillow() {
    let mut seed = 0;
    let mut last = None;
    let mut cases = 0;
    for line in include_str!("dataset_fixtures/resize.csv").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [rule, numbers @ .., hash] = fields.as_slice() else { panic!("{line}") };
        let numbers: Vec<usize> = numbers.iter().map(|n| n.parse().unwrap()).collect();
        let [height, width, side, from_height, from_width] = numbers[..] else { panic!("{line}") };
        if last.is_some_and(|last| last != (from_height, from_width)) {
            seed += 1;
        }
        last = Some((from_height, from_width));
        let (resize, pad) = match *rule {
            "squash" => (Resize::Squash, [0; 3]),
            "shorter" => (Resize::ShorterSide(side), [0; 3]),
            "keep" => (Resize::KeepRatioPad, [128; 3]),
            other => panic!("{other}"),
        };
        let fit = Fit { height, width, resize, pad };
        let made = apply(&fit, &picture(from_height, from_width, seed), from_height, from_width).unwrap();
        assert_eq!(format!("{:016x}", fnv1a(&made)), *hash, "{line}");
        cases += 1;
    }
    assert_eq!(cases, 110);
}

#[test]
fn a_picture_of_the_right_size_stays_as_it_is() {
    let rgb = picture(48, 192, 5);
    for resize in [Resize::Squash, Resize::ShorterSide(48), Resize::KeepRatioPad] {
        let fit = Fit { height: 48, width: 192, resize, pad: [9; 3] };
        assert_eq!(apply(&fit, &rgb, 48, 192).unwrap(), rgb);
    }
}

#[test]
fn senseless_sizes_and_short_buffers_are_refused() {
    let fit = Fit { height: 4, width: 4, resize: Resize::ShorterSide(4), pad: [0; 3] };
    for (height, width) in [(0, 5), (5, 0), (usize::MAX, 5), (5, usize::MAX), (usize::MAX, usize::MAX)] {
        assert_eq!(fit.scratch(height, width), Err(FitError::Size), "{height} × {width}");
    }
    for broken in [
        Fit { height: 0, ..fit },
        Fit { width: usize::MAX, ..fit },
        Fit { resize: Resize::ShorterSide(0), ..fit },
        Fit { resize: Resize::ShorterSide(usize::MAX), ..fit },
    ] {
        assert_eq!(broken.scratch(3, 4), Err(FitError::Size), "{broken:?}");
    }
    let rgb = picture(6, 5, 1);
    let size = fit.scratch(6, 5).unwrap();
    for (input, output, weights, rows) in [
        (rgb.len() - 1, 48, size.weights, size.rows),
        (rgb.len(), 47, size.weights, size.rows),
        (rgb.len(), 48, size.weights - 1, size.rows),
        (rgb.len(), 48, size.weights, size.rows - 1),
    ] {
        let (mut weights, mut rows, mut output) = (vec![0; weights], vec![0; rows], vec![0; output]);
        let mut scratch = Scratch { weights: &mut weights, rows: &mut rows };
        assert_eq!(fit.apply(&rgb[..input], 6, 5, &mut scratch, &mut output), Err(FitError::Buffer));
    }
}

#[test]
fn extreme_ratios_work_in_little_memory() {
    for (height, width) in [(1, 60_000), (60_000, 1), (1, 1)] {
        let rgb = picture(height, width, 3);
        for resize in [Resize::Squash, Resize::ShorterSide(8), Resize::KeepRatioPad] {
            let fit = Fit { height: 8, width: 8, resize, pad: [1; 3] };
            let size = fit.scratch(height, width).unwrap();
            assert!(size.rows <= 60_000 * 24 && size.weights <= 2_000_000, "{size:?}");
            assert_eq!(apply(&fit, &rgb, height, width).unwrap().len(), 192);
        }
    }
}
