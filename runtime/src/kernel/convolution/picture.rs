//! The first layer: 3 × 3 windows at every other pixel of a picture of three channels, in whole vectors of channels.
//!
//! A product of one pixel reads a vector for each quad of its taps, and uses it once. So lanes are pixels here, and what is read once for a
//! tile of them is a weight ([`Isa::PICTURE`]). There are about as many products as operations of the epilogue, which other pipes
//! compute; but what a CPU looks ahead is less than the products of a tile. So a pair of channels is multiplied while the pair before
//! becomes codes, operation by operation.
//!
//! ```text
//! row of the picture    rgbrgbrgbrgb…           quad q of pixel p lies at byte 6p + 4q
//! taps[ky][q]           a lane for each pixel   made once for all channels; rows outside and what pads a row are no case of their own
//! sums[channel]         += taps · weight        weight: four taps of a channel, the same in all lanes
//! rounded[channel]                              of the pair before
//! codes                 four channels, then sixteen of them side by side
//! ```

use super::super::epilogue::{Pair, Pairs};
use super::super::fixed::out;
use super::{Convolution, tap};
use crate::isa::{Isa, Kernel, Shorts};
use crate::layer::Activation;
use crate::pack;
use crate::used;

/// Rows of taps, and quads of a row.
const ROWS: usize = 3;
const QUADS: usize = 3;

/// Codes of a row of taps that a product multiplies.
const TAPS: usize = 4 * QUADS;

/// Channels of a picture; columns from one window to the next.
const CHANNELS: usize = 3;
const STRIDE: usize = 2;

/// Output channels that are stored together: in groups of four, in pairs.
const FILTERS: usize = 16;
const GROUPS: usize = FILTERS / 4;
const PAIRS: usize = FILTERS / 2;

/// Vectors of pixels of a tile.
const TILE: usize = 4;

/// A layer that is computed so.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a> {
    layer: &'a Convolution<'a>,
}

impl<'a> Picture<'a> {
    /// `None` where the layer is another one. Its buffers are there, and the instruction set has [`Isa::PICTURE`].
    #[inline(always)]
    pub fn new<I: Isa>(_: I, layer: &'a Convolution<'a>) -> Option<Self> {
        let window = &layer.window;
        let is_one = window.kernel[0] == ROWS
            && pack::short_row(I::LEVEL, layer.run()) == Some(TAPS)
            && [layer.input.channels, window.stride[1], window.dilation[1]] == [CHANNELS, STRIDE, 1]
            && layer.output.width >= I::LANES
            && layer.output.height > 0
            && layer.out_channels() >= FILTERS
            && layer.out_channels().is_multiple_of(FILTERS)
            && layer.epilogue.residual.is_none();
        is_one.then_some(Self { layer })
    }

    #[inline(always)]
    pub fn run<I: Isa>(self, isa: I, input: &[u8], output: &mut [u8]) {
        let Self { layer } = self;
        let hard_swish = used::HARD_SWISH && matches!(layer.epilogue.activation, Activation::HardSwish { .. });
        match (hard_swish, out::of(&layer.epilogue)) {
            (false, out::FIXED) => isa.run(Run::<false, { out::FIXED }> { layer, input, output }),
            (false, out::FINE) => isa.run(Run::<false, { out::FINE }> { layer, input, output }),
            (false, _) => isa.run(Run::<false, { out::CODES }> { layer, input, output }),
            (true, out::FIXED_HARD_SWISH) => isa.run(Run::<true, { out::FIXED }> { layer, input, output }),
            (true, out::FINE) => isa.run(Run::<true, { out::FINE }> { layer, input, output }),
            (true, _) => isa.run(Run::<true, { out::CODES }> { layer, input, output }),
        }
    }
}

struct Run<'a, const HARD_SWISH: bool, const OUT: u8> {
    layer: &'a Convolution<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

/// An output row: the lines of the picture that its taps are in, with what follows them (empty outside), and the next column.
struct Row<'a> {
    at: usize,
    column: usize,
    lines: [&'a [u8]; ROWS],
}

/// Quads of the pixels of a tile.
type Taps<I> = [[[<I as Shorts>::I32; TILE]; QUADS]; ROWS];

/// A tile of pixels.
struct Tile<I: Isa> {
    taps: Taps<I>,
    /// First pixel of each vector.
    pixels: [usize; TILE],
}

/// Something of two channels, of all pixels of a tile.
type Two<I> = [[<I as Shorts>::I32; TILE]; 2];

/// What tiles leave to those that follow.
struct Room<I: Isa> {
    /// Rounded values of four channels.
    rounded: [Two<I>; 2],
    /// Codes of four channels in a vector; the low parts of fine codes behind the others.
    codes: [[[I::I32; GROUPS]; TILE]; 2],
    /// First pixel of each vector.
    pixels: [usize; TILE],
}

impl<const HARD_SWISH: bool, const OUT: u8> Kernel for Run<'_, HARD_SWISH, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let zero = isa.splat_i32(0);
        let mut pad = [0; BYTES];
        for (code, &of_channel) in pad.iter_mut().zip(self.layer.pad_code.iter().take(CHANNELS).cycle()) {
            *code = of_channel;
        }
        let codes = [[[zero; GROUPS]; TILE]; 2];
        let mut room = Room::<I> { rounded: [[[zero; TILE]; 2]; 2], codes, pixels: [0; TILE] };
        let vectors = self.layer.output.height * self.layer.output.width.div_ceil(I::LANES);
        let pairs = self.layer.out_channels() / 2;
        let all = Pairs::new(&self.layer.epilogue);
        let mut sums = [[zero; TILE]; 2];
        let Some(mut before) = all.pair(pairs - 1) else { return };
        let mut tile = Tile::<I> { taps: [[[zero; TILE]; QUADS]; ROWS], pixels: [0; TILE] };
        let mut row = self.row(0);
        let mut vector = 0;
        while vector < vectors {
            for m in 0..TILE {
                self.quads(isa, &mut row, &pad, m, &mut tile);
            }
            for group in 0..pairs / 2 {
                macro_rules! pair {
                    ($odd:literal) => {
                        let of = 2 * group + $odd;
                        let (Some(weights), Some(constants)) = (self.weights(of), all.pair(of)) else { return };
                        let rounded;
                        (sums, rounded) =
                            both::<I, HARD_SWISH, OUT>(isa, &tile.taps, &weights, &constants, sums, &before);
                        room.rounded[1 - $odd] = rounded;
                        before = constants;
                    };
                }
                pair!(0);
                if group > 0 {
                    self.pass_on(isa, group - 1, &mut room);
                } else {
                    if vector > 0 {
                        self.pass_on(isa, pairs / 2 - 1, &mut room);
                    }
                    room.pixels = tile.pixels;
                }
                pair!(1);
            }
            vector += TILE;
        }
        room.rounded[1] = if OUT == out::FIXED {
            before.fixed_values::<I, TILE, HARD_SWISH>(isa, sums)
        } else {
            before.rounded::<I, TILE, HARD_SWISH>(isa, sums)
        };
        self.pass_on(isa, pairs / 2 - 1, &mut room);
    }
}

impl<'a, const HARD_SWISH: bool, const OUT: u8> Run<'a, HARD_SWISH, OUT> {
    /// The first vector of an output row.
    #[inline(always)]
    fn row(&self, at: usize) -> Row<'a> {
        let Convolution { input, window, .. } = self.layer;
        let len = input.width * CHANNELS;
        let line = |ky: usize| {
            tap(window, 0, input.height, at, ky).map_or(&[][..], |y| self.input.get(y * len..).unwrap_or(&[]))
        };
        Row { at, column: 0, lines: [line(0), line(1), line(2)] }
    }

    /// The next vector of pixels. The last one of a row may overlap the one before; after the last row comes that row again.
    #[inline(always)]
    fn quads<I: Isa>(&self, isa: I, row: &mut Row<'a>, pad: &[u8; BYTES], m: usize, tile: &mut Tile<I>) {
        let Convolution { input, output, window, .. } = self.layer;
        if row.column == output.width {
            *row = self.row((row.at + 1).min(output.height - 1));
        }
        let column = row.column.min(output.width - I::LANES);
        row.column = column + I::LANES;
        tile.pixels[m] = row.at * output.width + column;
        let len = input.width * CHANNELS;
        // The first tap of the first pixel, wrapping below zero: so many bytes are before the line.
        let first = (column * STRIDE).wrapping_sub(window.pad[1]).wrapping_mul(CHANNELS);
        let before = if first < len { 0 } else { first.wrapping_neg() };
        let last = first.wrapping_add((I::LANES - 1) * STRIDE * CHANNELS + self.layer.run());
        let inside = before < BYTES / 2 && last <= len;
        for (line, taps) in row.lines.iter().zip(&mut tile.taps) {
            let bytes = line.get(first.wrapping_add(before)..).and_then(|rest| rest.first_chunk());
            let quads = match bytes {
                Some(bytes) if inside => isa.pixel_quads(bytes, before, pad),
                _ if line.is_empty() => isa.pixel_quads(pad, 0, pad),
                _ => isa.pixel_quads(&padded(line.get(..len).unwrap_or(line), first, pad), 0, pad),
            };
            for q in 0..QUADS {
                taps[q][m] = quads[q];
            }
        }
    }

    /// Of each row of taps, the weights from those of the first quad of a pair of channels on.
    #[inline(always)]
    fn weights(&self, pair: usize) -> Option<[&'a Weights; ROWS]> {
        let of_row = self.layer.out_channels() * TAPS;
        let first = pair / PAIRS * FILTERS * TAPS + pair % PAIRS * 8;
        let row = |ky: usize| self.layer.weights.get(ky * of_row + first..)?.first_chunk();
        Some([row(0)?, row(1)?, row(2)?])
    }

    /// Packs the four channels of a group, and stores those that are complete.
    #[inline(always)]
    fn pass_on<I: Isa>(&mut self, isa: I, of_all: usize, room: &mut Room<I>) {
        let group = of_all % GROUPS;
        for m in 0..TILE {
            let [[a, b], [c, d]] = &room.rounded;
            let four = [a[m], b[m], c[m], d[m]];
            if OUT == out::FINE {
                [room.codes[0][m][group], room.codes[1][m][group]] = isa.four_fine_channels(four);
            } else {
                room.codes[0][m][group] = isa.four_channels(four);
            }
        }
        if group < GROUPS - 1 {
            return;
        }
        let stride = self.layer.output.channels;
        for m in 0..TILE {
            let first = room.pixels[m] * stride + of_all / GROUPS * FILTERS;
            let to = self.output.get_mut(first..).unwrap_or_default();
            if OUT == out::FINE {
                isa.store_fine_pixels([room.codes[0][m], room.codes[1][m]], to, stride);
            } else {
                isa.store_pixels(room.codes[0][m], to, stride);
            }
        }
    }
}

/// Bytes that hold the taps of a vector of pixels.
const BYTES: usize = 128;

/// The bytes of a line from `first` on (wrapping below zero), and what pads it.
#[inline(never)]
fn padded(line: &[u8], first: usize, pad: &[u8; BYTES]) -> [u8; BYTES] {
    let mut bytes = *pad;
    let before = if first < line.len() { 0 } else { first.wrapping_neg() };
    let inside = line.get(first.wrapping_add(before)..).unwrap_or(&[]);
    let room = bytes.get_mut(before..).unwrap_or_default();
    for (to, from) in room.iter_mut().zip(inside) {
        *to = *from;
    }
    bytes
}

/// Weights of a row of taps, from a pair's first quad to its last.
type Weights = [u8; (QUADS - 1) * 4 * FILTERS + 8];

/// Quad `q` of channel `c` of a pair, in all lanes.
#[inline(always)]
fn weight<I: Isa>(isa: I, weights: &Weights, q: usize, c: usize) -> I::I32 {
    let at = q * 4 * FILTERS + 4 * c;
    isa.splat_i32(i32::from_le_bytes([weights[at], weights[at + 1], weights[at + 2], weights[at + 3]]))
}

/// Products (eq. 5) of a pair of channels, `now`, and from the `sums` of the pair before its rounded values (eq. 9, 11, 12, rne of 13, or 43–46). Of each in
/// turn one operation, [`Isa::now`]: LLVM would put like to like.
#[inline(always)]
fn both<I: Isa, const HARD_SWISH: bool, const OUT: u8>(
    isa: I,
    taps: &Taps<I>,
    weights: &[&Weights; ROWS],
    now: &Pair<'_>,
    sums: Two<I>,
    before: &Pair<'_>,
) -> (Two<I>, Two<I>) {
    let mut new = [[isa.splat_i32(now.offset[0]); TILE], [isa.splat_i32(now.offset[1]); TILE]];
    let mut rounded = sums;
    // Product number `at` of 72: quad by quad, of each those of all vectors.
    macro_rules! products {
        ($($at:expr);*) => {$(
            let (c, m) = const { ($at / TILE % 2, $at % TILE) };
            let (ky, q) = const { ($at / (2 * TILE) / QUADS, $at / (2 * TILE) % QUADS) };
            let w = weight(isa, weights[ky], q, c);
            new[c][m] = isa.now(isa.dot_lanes(new[c][m], taps[ky][q][m], w));
        )*};
    }
    macro_rules! vectors {
        ($($vector:literal)*) => {$(
            let (c, m) = const { ($vector / TILE, $vector % TILE) };
            let constants = before.of_channel(isa, c);
            let x = isa.to_f32(sums[c][m]);
            products!(9 * $vector);
            let x = isa.now_f32(isa.mul(x, constants.multiplier));
            products!(9 * $vector + 1);
            let mut x = isa.now_f32(isa.add(x, constants.bias));
            products!(9 * $vector + 2);
            if HARD_SWISH {
                let v = isa.now_f32(isa.sub(x, constants.half));
                products!(9 * $vector + 3);
                x = isa.now_f32(isa.max(x, isa.splat_f32(0.0)));
                products!(9 * $vector + 4);
                x = isa.now_f32(isa.min(x, constants.full));
                products!(9 * $vector + 5);
                x = isa.now_f32(isa.mul(v, x));
                products!(9 * $vector + 6);
                x = isa.now_f32(isa.add(x, constants.zero));
                products!(9 * $vector + 7);
            } else {
                products!(9 * $vector + 3; 9 * $vector + 4; 9 * $vector + 5; 9 * $vector + 6; 9 * $vector + 7);
            }
            rounded[c][m] = isa.now(isa.to_i32(x));
            products!(9 * $vector + 8);
        )*};
    }
    // The same by way of 16 bits: two vectors at a time.
    macro_rules! pairs {
        ($($pair:literal)*) => {$(
            let (c, m) = const { ($pair / (TILE / 2), 2 * ($pair % (TILE / 2))) };
            let fixed = before.fixed(isa, c);
            let t = isa.now_short(fixed.shorts(isa, [sums[c][m], sums[c][m + 1]]));
            products!(18 * $pair; 18 * $pair + 1; 18 * $pair + 2);
            let mut u = isa.now_short(fixed.product(isa, t));
            products!(18 * $pair + 3; 18 * $pair + 4; 18 * $pair + 5; 18 * $pair + 6);
            if HARD_SWISH {
                let v = isa.now_short(fixed.below(isa, u));
                products!(18 * $pair + 7; 18 * $pair + 8);
                u = isa.now_short(fixed.clamped(isa, u));
                products!(18 * $pair + 9; 18 * $pair + 10; 18 * $pair + 11);
                u = isa.now_short(isa.mul_shorts(v, u));
                products!(18 * $pair + 12; 18 * $pair + 13);
                u = isa.now_short(fixed.above(isa, u));
                products!(18 * $pair + 14; 18 * $pair + 15);
            } else {
                products!(18 * $pair + 7; 18 * $pair + 8; 18 * $pair + 9; 18 * $pair + 10; 18 * $pair + 11);
                products!(18 * $pair + 12; 18 * $pair + 13; 18 * $pair + 14; 18 * $pair + 15);
            }
            let [first, second] = isa.split(u);
            rounded[c][m] = isa.now(first);
            products!(18 * $pair + 16);
            rounded[c][m + 1] = isa.now(second);
            products!(18 * $pair + 17);
        )*};
    }
    if OUT == out::FIXED {
        pairs!(0 1 2 3);
    } else {
        vectors!(0 1 2 3 4 5 6 7);
    }
    (new, rounded)
}
