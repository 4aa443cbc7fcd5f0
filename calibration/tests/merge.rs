//! Statistics do not depend on how images were split, ordered or grouped: byte for byte.

use bakelite_calibration::{Collector, Error, Hash, ImageId, Profile, TensorStats};
use proptest::prelude::*;

const MODEL: Hash = Hash([1; 32]);
const PREPROCESS: Hash = Hash([2; 32]);

/// Channels of the two tensors that a made-up network has.
const CHANNELS: [usize; 2] = [3, 17];

/// One made-up image: the activations of both tensors.
fn image(seed: u64) -> [Vec<f32>; 2] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let unit = (state >> 40) as f32 / (1 << 24) as f32 - 0.4;
        let size = [1e-8f32, 1e-3, 1.0, 40.0, 1e6][(state % 5) as usize];
        if state.is_multiple_of(11) { 0.0 } else { unit * size }
    };
    CHANNELS.map(|channels| (0..channels * 13).map(|_| next()).collect())
}

fn id(seed: u64) -> ImageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(seed * 7919 % 1_000_003).to_be_bytes());
    ImageId(id)
}

fn profile(seeds: &[u64]) -> Profile {
    let names = ["b", "a"].map(str::to_owned);
    let collector = Collector::new(names.into_iter().zip(CHANNELS));
    for &seed in seeds {
        for (position, values) in image(seed).iter().enumerate() {
            collector.observe(position, values);
        }
        collector.image(id(seed));
    }
    collector.finish(MODEL, PREPROCESS).unwrap()
}

proptest! {
    #[test]
    fn any_split_in_any_order_gives_the_same_bytes(
        order in Just((0..12u64).collect::<Vec<_>>()).prop_shuffle(),
        cuts in proptest::collection::vec(0usize..=12, 0..5),
    ) {
        let whole = profile(&(0..12).collect::<Vec<_>>()).encode();
        prop_assert_eq!(&profile(&order).encode(), &whole);

        let mut cuts = cuts;
        cuts.extend([0, 12]);
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).map(|w| profile(&order[w[0]..w[1]])).collect();
        // From the left, and through the file.
        let mut left = Profile::new(MODEL, PREPROCESS);
        for part in &parts {
            left.merge(&Profile::decode(&part.encode()).unwrap()).unwrap();
        }
        prop_assert_eq!(&left.encode(), &whole);
        // From the right.
        let mut right = Profile::new(MODEL, PREPROCESS);
        for part in parts.iter().rev() {
            let mut sum = part.clone();
            sum.merge(&right).unwrap();
            right = sum;
        }
        prop_assert_eq!(&right.encode(), &whole);
    }

    #[test]
    fn files_survive_the_round_trip(count in 0u64..5) {
        let profile = profile(&(0..count).collect::<Vec<_>>());
        let bytes = profile.encode();
        let back = Profile::decode(&bytes).unwrap();
        prop_assert_eq!(&back, &profile);
        prop_assert_eq!(back.encode(), bytes);
    }

    #[test]
    fn random_bytes_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), known in any::<bool>()) {
        if known {
            let frame = profile(&[1]).encode();
            let n = bytes.len().min(20);
            bytes[..n].copy_from_slice(&frame[..n]);
        }
        prop_assert!(Profile::decode(&bytes).is_err());
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let bytes = profile(&[3]).encode();
    for end in 0..bytes.len() {
        assert!(Profile::decode(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Profile::decode(&damaged).is_err(), "bit flipped in byte {at}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let bytes = profile(&[1]).encode();
    assert!(matches!(Profile::decode(b"PK\x03\x04 something else"), Err(Error::Magic)));
    assert!(matches!(Profile::decode(&bytes[..50]), Err(Error::Truncated { found: 50, .. })));
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert!(matches!(Profile::decode(&newer), Err(Error::Version { found: 9, expected: 1 })));
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(Profile::decode(&longer), Err(Error::Damaged(_))));

    let mine = profile(&[1]);
    let other = Hash([9; 32]);
    let text = mine.check(other, PREPROCESS).unwrap_err().to_string();
    assert!(text.contains(&MODEL.to_string()) && text.contains(&other.to_string()), "{text}");
    let text = mine.check(MODEL, other).unwrap_err().to_string();
    assert!(text.contains(&PREPROCESS.to_string()) && text.contains(&other.to_string()), "{text}");
    mine.check(MODEL, PREPROCESS).unwrap();
}

#[test]
fn overlapping_parts_are_refused_and_leave_no_trace() {
    let mut one = profile(&[1, 2, 3]);
    let before = one.encode();
    let error = one.merge(&profile(&[3, 2, 7])).unwrap_err();
    assert!(matches!(error, Error::Overlap { count: 2, .. }), "{error}");
    assert_eq!(one.encode(), before);
}

#[test]
fn parts_of_different_networks_are_refused() {
    let mut one = profile(&[1]);
    let mut other = profile(&[2]);
    other.tensors.insert("c".to_owned(), TensorStats::new(1));
    assert!(matches!(one.merge(&other), Err(Error::Mismatch(_))));
    other.tensors.remove("c");
    other.tensors.insert("a".to_owned(), TensorStats::new(4));
    assert!(matches!(one.merge(&other), Err(Error::Mismatch(_))));
}

#[test]
fn numbers_that_are_none_are_reported_by_tensor() {
    let collector = Collector::new([("fine".to_owned(), 1), ("broken".to_owned(), 2)]);
    collector.observe(0, &[1.0]);
    collector.observe(1, &[1.0, f32::NAN, 2.0, f32::NEG_INFINITY]);
    match collector.finish(MODEL, PREPROCESS) {
        Err(Error::NotFinite { tensor, count }) => assert_eq!((tensor.as_str(), count), ("broken", 2)),
        other => panic!("{other:?}"),
    }
}
