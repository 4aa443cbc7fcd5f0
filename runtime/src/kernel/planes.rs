//! Maps of one plane or of two (eq. 37): whole codes read, and codes parted again.

use super::epilogue;
use crate::isa::Isa;
use crate::used;

/// A map that is read code by code.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub codes: &'a [u8],
    /// Codes from one pixel to the next.
    pub row: usize,
    /// Whether there are two planes.
    pub fine: bool,
}

impl<'a> Source<'a> {
    /// A map of `pixels` pixels and `channels` channels; `None` if it is not all there.
    #[inline(always)]
    pub fn new(codes: &'a [u8], pixels: usize, channels: usize, fine: bool) -> Option<Self> {
        let row = if fine { 2 * channels } else { channels };
        codes.get(..pixels * row).map(|codes| Self { codes, row, fine })
    }

    /// `count` codes of a pixel from `channel` on, whole ones.
    #[inline(always)]
    pub fn load<I: Isa>(&self, isa: I, pixel: usize, channel: usize, count: usize) -> I::I32 {
        let at = pixel * self.row + channel;
        let x = isa.load_codes(self.codes, at, count);
        if used::FINE && self.fine { isa.whole(x, isa.load_codes(self.codes, at + self.row / 2, count)) } else { x }
    }

    /// As [`Source::load`], N vectors side by side of M pixels. Lanes beyond `count` may be any value.
    #[inline(always)]
    pub fn tile<I: Isa, const M: usize, const N: usize>(
        &self,
        isa: I,
        pixel: usize,
        channel: usize,
        count: usize,
    ) -> [[I::I32; N]; M] {
        let at = pixel * self.row + channel;
        let mut x = isa.load_tile::<M, N>(self.codes, at, self.row, count);
        if used::FINE && self.fine {
            let low = isa.load_tile::<M, N>(self.codes, at + self.row / 2, self.row, count);
            for m in 0..M {
                for n in 0..N {
                    x[m][n] = isa.whole(x[m][n], low[m][n]);
                }
            }
        }
        x
    }

    /// A block of them, dealt.
    #[inline(always)]
    pub fn deal<I: Isa>(&self, isa: I, pixel: usize, channel: usize, count: usize) -> [I::I32; 4] {
        let at = pixel * self.row + channel;
        let mut x = isa.deal_codes(isa.load_bytes(self.codes, at, count));
        if used::FINE && self.fine {
            let low = isa.deal_codes(isa.load_bytes(self.codes, at + self.row / 2, count));
            for n in 0..4 {
                x[n] = isa.whole(x[n], low[n]);
            }
        }
        x
    }
}

/// A map that is written code by code.
pub(super) struct Target<'a> {
    codes: &'a mut [u8],
    row: usize,
    fine: bool,
}

impl<'a> Target<'a> {
    /// A map of `pixels` pixels and `channels` channels; `None` if it is not all there.
    #[inline(always)]
    pub fn new(codes: &'a mut [u8], pixels: usize, channels: usize, fine: bool) -> Option<Self> {
        let row = if fine { 2 * channels } else { channels };
        codes.get_mut(..pixels * row).map(|codes| Self { codes, row, fine })
    }

    /// The codes of `y` (eq. 13, 37): the first `count` of N vectors, from `channel` of a pixel on.
    #[inline(always)]
    pub fn store<I: Isa, const N: usize>(
        &mut self,
        isa: I,
        y: [I::F32; N],
        pixel: usize,
        channel: usize,
        count: usize,
    ) {
        let at = pixel * self.row + channel;
        let mut codes = [isa.splat_i32(0); N];
        if used::FINE && self.fine {
            let mut low = codes;
            for n in 0..N {
                [codes[n], low[n]] = isa.parts(epilogue::fine(isa, y[n]));
            }
            isa.store_codes(low, self.codes, at + self.row / 2, count);
        } else {
            for n in 0..N {
                codes[n] = isa.to_i32(y[n]);
            }
        }
        isa.store_codes(codes, self.codes, at, count);
    }
}
