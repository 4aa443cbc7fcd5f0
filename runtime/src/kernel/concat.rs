//! Channels of two maps side by side (eq. 21): codes move, their scales with them.

use crate::isa::{Isa, Kernel};

/// Joins two maps of as many pixels.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// Pixels of all three maps.
    pub pixels: usize,
    /// Channels of the first map.
    pub first: usize,
    /// Channels of the second map.
    pub second: usize,
}

/// All maps are `[pixels][channels]`.
#[inline]
pub fn concat<I: Isa>(isa: I, layer: &Concat, first: &[u8], second: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, first, second, output });
}

struct Run<'a> {
    layer: &'a Concat,
    first: &'a [u8],
    second: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { layer: &Concat { pixels, first: a, second: b }, mut first, mut second, output } = self;
        let n = a + b;
        if first.len() < pixels * a || second.len() < pixels * b || output.len() < pixels * n {
            return;
        }
        let mut rest = output;
        for _ in 0..pixels {
            let (Some((to, left)), Some((x, more_x)), Some((y, more_y))) =
                (rest.split_at_mut_checked(n), first.split_at_checked(a), second.split_at_checked(b))
            else {
                return;
            };
            (rest, first, second) = (left, more_x, more_y);
            let Some((to_x, to_y)) = to.split_at_mut_checked(a) else { return };
            copy(x, to_x);
            copy(y, to_y);
        }
    }
}

/// `copy_from_slice` without its panic path.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
