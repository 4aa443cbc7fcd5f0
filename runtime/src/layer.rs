//! What a layer is, before any kernel: shapes, windows and the constants of one layer.
//!
//! Everything here is plain data that can live in a `static`. The equations named in brackets are those of
//! `specs/arithmetic.md`.

/// Every slice with one constant per channel is padded with zeros to a multiple of this many elements, so that a
/// kernel may load whole vectors of constants. Maps are not padded.
pub const LANE_PAD: usize = 16;

/// `channels` rounded up to [`LANE_PAD`]: the length of a slice of constants.
#[inline(always)]
pub const fn padded(channels: usize) -> usize {
    channels.div_ceil(LANE_PAD) * LANE_PAD
}

/// Height, width and channels of a map. Batch is always one; channels are last in memory and densely packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels, innermost in memory.
    pub channels: usize,
}

impl Shape {
    /// A map of `height` × `width` × `channels`.
    #[inline(always)]
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// A vector of `channels`: one pixel.
    #[inline(always)]
    pub const fn vector(channels: usize) -> Self {
        Self::new(1, 1, channels)
    }

    /// Number of pixels.
    #[inline(always)]
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of elements.
    #[inline(always)]
    pub const fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// True where there is no element.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The taps of a convolution or pool: `[vertical, horizontal]` throughout.
///
/// Padding below and to the right is whatever the output's size implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Input pixels from one output pixel to the next.
    pub stride: [usize; 2],
    /// Input pixels from one tap to the next.
    pub dilation: [usize; 2],
    /// Pixels outside of the input above and to the left of the first tap.
    pub pad: [usize; 2],
}

impl Window {
    /// The window of a pointwise convolution.
    pub const POINT: Self = Self { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };

    /// Number of taps.
    #[inline(always)]
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

/// What follows the rescaled accumulator (eq. 11, 12).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<'a> {
    /// `y = v`; clamping to the code range does ReLU, ReLU6, clips and hard-sigmoid.
    Linear,
    /// `y = (v − half) · clamp(v, 0, 2·half) + zero`.
    HardSwish {
        /// `3 · √(1 / (6 · s_y))` per output channel.
        half: &'a [f32],
        /// `z_y` per output channel.
        zero: &'a [f32],
    },
}

/// From accumulator to codes (eq. 9–13); every slice has one element per output channel, padded
/// to [`LANE_PAD`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epilogue<'a> {
    /// Added to the exact sum of products: `−Σ w·z` (eq. 5), and the bias of a layer that has none.
    pub offset: &'a [i32],
    /// Factor of the accumulator (eq. 9).
    pub multiplier: &'a [f32],
    /// Summand after the factor (eq. 9), if there is one.
    pub bias: Option<&'a [f32]>,
    /// Factor of the codes of the map that is added, if one is (eq. 10).
    pub residual: Option<&'a [f32]>,
    /// What follows (eq. 11, 12).
    pub activation: Activation<'a>,
    /// Whether codes go up to [`FINE_TOP`] and are written in two planes (eq. 37).
    pub fine: bool,
    /// Whether the map that is added is a fine one (eq. 40).
    pub fine_residual: bool,
    /// Shifts of the accumulator, 0…16, where rescaling is in 16 bits (eq. 43–46): `multiplier`, `half` and `zero` are then whole numbers. Taken
    /// for nothing where there is a bias or a map that is added, or where codes are fine.
    pub shift: Option<&'a [i32]>,
}

impl<'a> Epilogue<'a> {
    /// That of the output channels from `first` on.
    #[inline(always)]
    pub fn from_channel(&self, first: usize) -> Self {
        let rest = |floats: &'a [f32]| floats.get(first..).unwrap_or(&[]);
        Self {
            offset: self.offset.get(first..).unwrap_or(&[]),
            multiplier: rest(self.multiplier),
            bias: self.bias.map(rest),
            residual: self.residual.map(rest),
            shift: self.shift.map(|shift| shift.get(first..).unwrap_or(&[])),
            activation: match self.activation {
                Activation::Linear => Activation::Linear,
                Activation::HardSwish { half, zero } => Activation::HardSwish { half: rest(half), zero: rest(zero) },
            },
            ..*self
        }
    }

    /// The shifts of a layer that is rescaled in 16 bits.
    #[inline(always)]
    pub const fn fixed(&self) -> Option<&'a [i32]> {
        if self.bias.is_none() && self.residual.is_none() && !self.fine { self.shift } else { None }
    }

    /// Codes that a pixel of the output has of each channel.
    #[inline(always)]
    pub const fn planes(&self) -> usize {
        if self.fine { 2 } else { 1 }
    }

    /// Of `codes` codes of the output, or the place of one at the beginning of a pixel, the number that the map that is added has.
    #[inline(always)]
    pub const fn added(&self, codes: usize) -> usize {
        codes / self.planes() * if self.fine_residual { 2 } else { 1 }
    }
}

/// Largest code of a fine map (eq. 37).
pub const FINE_TOP: u16 = 4095;
