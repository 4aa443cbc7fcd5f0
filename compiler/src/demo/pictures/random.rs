//! The stream of chance behind one picture: SplitMix64 (Steele, Lea, Flood 2014).
//!
//! ```text
//! state += 0x9e3779b97f4a7c15;  z = mix(state)
//! ```
//!
//! Sixty-four bits of state are plenty for the few hundred draws of a picture, any state is a good state, and a
//! picture's stream can be reached without drawing those before it: hash `(seed, index)` and start there.

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of picture `index` under `seed`. Both pass through the mixer, so neighbours share nothing.
    pub fn new(seed: u64, index: u64) -> Self {
        Self { state: mix(mix(seed ^ 0x6261_6b65_6c69_7465).wrapping_add(index)) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Thirty-two bits, to salt a noise field with.
    pub fn salt(&mut self) -> u32 {
        (self.bits() >> 32) as u32
    }

    /// Uniform in `[0, 1)`: 24 bits, each value exact in f32.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// One of `low..=high`; the bias of the modulus is below 2⁻⁵⁰ for the small ranges in use.
    pub fn int(&mut self, low: u32, high: u32) -> u32 {
        low + (self.bits() % u64::from(high - low + 1)) as u32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// −1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }
}

/// The finalizer of SplitMix64: every input bit reaches every output bit.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_stream() {
        // First outputs of SplitMix64 from state 1234567, as its reference implementation prints them.
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn ranges_hold_their_ends() {
        let mut random = Random::new(1, 2);
        for _ in 0..10_000 {
            assert!((-2.0..3.0).contains(&random.range(-2.0, 3.0)));
            assert!((4..=6).contains(&random.int(4, 6)));
        }
    }
}
