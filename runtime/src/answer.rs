//! What the codes of a network's answer stand for.

/// The reals of a map of codes, pixel by pixel (eq. 1): `scale[c] · (f32(q) − f32(zero[c]))`, rounded after each operation.
///
/// `scale` and `zero` have one element per channel; nothing comes of none.
pub fn reals<'a>(codes: &'a [u8], scale: &'a [f32], zero: &'a [u8]) -> impl Iterator<Item = f32> + 'a {
    let channels = scale.iter().zip(zero).cycle();
    codes.iter().zip(channels).map(|(&q, (&s, &z))| s * (f32::from(q) - f32::from(z)))
}

#[cfg(test)]
mod tests {
    use super::reals;

    #[test]
    fn channels_take_turns() {
        let mut all = reals(&[3, 3, 0, 255], &[0.5, 2.0], &[1, 128]);
        assert_eq!([(); 4].map(|()| all.next()), [Some(1.0), Some(-250.0), Some(-0.5), Some(254.0)]);
        assert_eq!(reals(&[1, 2], &[], &[]).next(), None);
    }
}
