//! The arena and the constants: total, whatever the ranges are.

use bakelite_runtime::isa::Level;
use bakelite_runtime::{arena, blob};

#[test]
fn arena_pieces() {
    let mut arena: [u8; 100] = core::array::from_fn(|i| i as u8);
    let [c, a, b, empty] = arena::split(&mut arena, [(60, 40), (0, 10), (10, 50), (10, 0)]);
    assert_eq!((a.len(), b.len(), c.len(), empty.len()), (10, 50, 40, 0));
    assert_eq!((a[0], b[0], c[0], c[39]), (0, 10, 60, 99));
    // Overlapping, outside, overflowing: empty.
    let [a, b, c, d] = arena::split(&mut arena, [(0, 20), (19, 5), (90, 11), (usize::MAX, 2)]);
    assert_eq!((a.len(), b.len(), c.len(), d.len()), (20, 0, 0, 0));
    let [whole] = arena::split(&mut arena, [(0, 100)]);
    assert_eq!(whole.len(), 100);
    let [] = arena::split(&mut arena, []);
}

#[test]
fn blobs() {
    static BYTES: &[u8] = &[0, 0, 128, 63, 255, 255, 255, 255, 7];
    const ONE: [f32; 1] = blob::f32s(BYTES);
    const INTEGERS: [i32; 3] = blob::i32s(BYTES);
    assert_eq!(ONE, [1.0]);
    assert_eq!(INTEGERS, [0x3F80_0000, -1, 0], "what is not there is zero");
    assert_eq!(blob::slice(BYTES, 7, 2), [255, 7]);
    assert!(blob::slice(BYTES, 8, 2).is_empty() && blob::slice(BYTES, 10, 0).is_empty());
    let aligned = blob::Aligned([0u8; 3]);
    assert_eq!(aligned.0.as_ptr() as usize % 64, 0);
}

#[test]
fn levels() {
    for level in Level::ALL {
        assert_eq!(Level::parse(level.name()), Some(level));
    }
    assert_eq!(Level::parse("sse"), None);
}
