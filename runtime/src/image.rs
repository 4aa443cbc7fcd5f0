//! From a picture of any size to the network's input: resize, crop, pad.
//!
//! Calibration and the emitted program both call this file, so that they see the same pixels. Pixels are 8-bit RGB,
//! interleaved, rows densely packed. All geometry is decided here, by [`Fit`]; channel order, mean and scale are not geometry:
//! they fold into the first convolution.
//!
//! Resizing is Pillow's antialiased bilinear filter, bit for bit. With `scale = in / out`, `f = max(scale, 1)`:
//!
//! ```text
//! centre(o) = (o + ½) · scale
//! taps(o)   = ⌊centre − f + ½⌋ … ⌊centre + f + ½⌋ − 1, within the picture
//! w(o, i)   = max(0, 1 − |(i − centre + ½) / f|), divided by its sum over taps(o), in f64
//! k(o, i)   = ⌊w · 2^22 + ½⌋
//! y(o)      = (2^21 + Σ_i k(o, i) · x(i)) >> 22, clamped to 0…255
//! ```
//!
//! along rows first, rounded to 8 bits, then along columns. (Pillow from 13 on starts with columns where that is less work, which
//! differs by one code here and there; the order here is that of all releases before.) Only what the crop keeps is computed.
//!
//! No allocation: the caller lends [`Scratch`], whose sizes [`Fit::scratch`] tells.

/// Bits after the point of a coefficient.
const PRECISION: u32 = 32 - 8 - 2;

/// How a picture becomes the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fit {
    /// Rows of the network's input.
    pub height: usize,
    /// Columns of the network's input.
    pub width: usize,
    /// How the picture is resized.
    pub resize: Resize,
    /// Red, green and blue where the resized picture does not reach.
    pub pad: [u8; 3],
}

/// How a picture is resized before it is placed on the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resize {
    /// The shorter side gets this length, the longer one `⌊length · long / short⌋`; then the centre is cropped, or padded around
    /// where it is too small. As torchvision's `Resize(n)` and `CenterCrop`.
    ShorterSide(usize),
    /// Height and width become the network's; the ratio is lost.
    Squash,
    /// The height becomes the network's, the width `⌈height · w / h⌉` but at most the network's; padded on the right. As
    /// PaddleOCR's `resize_norm_img`.
    KeepRatioPad,
}

/// Why a picture was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitError {
    /// The picture or the network's input has no pixel, or so many that their number overflows.
    Size,
    /// A buffer does not have the length that was asked for.
    Buffer,
}

/// Lengths of [`Scratch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScratchSize {
    /// Elements of [`Scratch::weights`].
    pub weights: usize,
    /// Bytes of [`Scratch::rows`].
    pub rows: usize,
}

/// Memory to work in, lent by the caller; its content does not matter. Longer than needed is fine.
#[derive(Debug)]
pub struct Scratch<'a> {
    /// Coefficients and sums.
    pub weights: &'a mut [i32],
    /// The picture, resized along rows only.
    pub rows: &'a mut [u8],
}

/// Where a resized picture lies on the network's input, along one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    /// Pixels of the picture.
    input: usize,
    /// Pixels of the whole resized picture.
    resized: usize,
    /// First resized pixel that is kept.
    crop: usize,
    /// Where that pixel lands.
    place: usize,
    /// Number of pixels kept.
    kept: usize,
}

impl Fit {
    /// Bytes of the network's input: `height · width · 3`; `None` where that overflows.
    pub const fn output_len(&self) -> Option<usize> {
        rgb_len(self.height, self.width)
    }

    /// What [`Fit::apply`] needs for a picture of that size.
    ///
    /// # Errors
    /// [`FitError::Size`] where a side is 0 or a product overflows.
    pub fn scratch(&self, height: usize, width: usize) -> Result<ScratchSize, FitError> {
        let [y, x] = self.axes(height, width)?;
        let (first, last) = y.rows();
        let across = x.taps().and_then(|taps| taps.checked_add(2)?.checked_mul(x.kept));
        let down = y.taps().and_then(|taps| taps.checked_add(x.kept.checked_mul(3)?));
        match (across, down, rgb_len(last.saturating_sub(first), x.kept)) {
            (Some(across), Some(down), Some(rows)) => Ok(ScratchSize { weights: across.max(down), rows }),
            _ => Err(FitError::Size),
        }
    }

    /// Writes the network's input for a picture of `height` × `width`.
    ///
    /// # Errors
    /// [`FitError::Size`] as [`Fit::scratch`]; [`FitError::Buffer`] where `rgb` or `output` has not exactly the length that the
    /// sizes ask for, or `scratch` is too short.
    pub fn apply(
        &self,
        rgb: &[u8],
        height: usize,
        width: usize,
        scratch: &mut Scratch<'_>,
        output: &mut [u8],
    ) -> Result<(), FitError> {
        let size = self.scratch(height, width)?;
        let [y, x] = self.axes(height, width)?;
        if Some(rgb.len()) != rgb_len(height, width) || Some(output.len()) != self.output_len() {
            return Err(FitError::Buffer);
        }
        let (Some(weights), Some(rows)) = (scratch.weights.get_mut(..size.weights), scratch.rows.get_mut(..size.rows))
        else {
            return Err(FitError::Buffer);
        };
        if x.kept < self.width || y.kept < self.height {
            fill(output, self.pad);
        }
        let (first, last) = y.rows();
        let picture = rgb.get(first * width * 3..last * width * 3).ok_or(FitError::Buffer)?;
        across(&x, picture, weights, rows).ok_or(FitError::Buffer)?;
        down(&y, &x, self.width, rows, weights, output).ok_or(FitError::Buffer)
    }

    /// Vertical and horizontal geometry.
    fn axes(&self, height: usize, width: usize) -> Result<[Axis; 2], FitError> {
        // Bounded, so that no sum or product of lengths below can overflow 64 bits, and f64 holds all of them exactly.
        let sane = |side: usize| side > 0 && side <= 1 << 20;
        if ![height, width, self.height, self.width].into_iter().all(sane) {
            return Err(FitError::Size);
        }
        let (resized_height, resized_width) = self.resized(height, width)?;
        let centred = !matches!(self.resize, Resize::KeepRatioPad);
        Ok([
            Axis::new(height, resized_height, self.height, centred),
            Axis::new(width, resized_width, self.width, centred),
        ])
    }

    /// Height and width of the whole resized picture.
    fn resized(&self, height: usize, width: usize) -> Result<(usize, usize), FitError> {
        let times = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let size = |long: u64| usize::try_from(long).ok().filter(|&long| long <= 1 << 30).ok_or(FitError::Size);
        match self.resize {
            Resize::Squash => Ok((self.height, self.width)),
            Resize::ShorterSide(0) => Err(FitError::Size),
            Resize::ShorterSide(side) if width <= height => Ok((size(times(side, height) / width as u64)?, side)),
            Resize::ShorterSide(side) => Ok((side, size(times(side, width) / height as u64)?)),
            Resize::KeepRatioPad => {
                // In f64 as there, so that rounding up errs as there.
                let exact = self.height as f64 * (width as f64 / height as f64);
                let floor = exact as usize;
                let ceil = floor + usize::from(floor as f64 != exact);
                Ok((self.height, ceil.min(self.width)))
            }
        }
    }
}

impl Axis {
    fn new(input: usize, resized: usize, output: usize, centred: bool) -> Self {
        let (mut crop, mut place) = (0, 0);
        if centred && resized > output {
            // `int(round((resized - output) / 2.0))`: ties to even.
            let extra = resized - output;
            crop = extra / 2 + usize::from(extra % 4 == 3);
        } else if centred {
            place = (output - resized) / 2;
        }
        Self { input, resized, crop, place, kept: resized.min(output) }
    }

    /// `f` of the module's formula.
    fn support(&self) -> f64 {
        (self.input as f64 / self.resized as f64).max(1.0)
    }

    /// The most taps that one output pixel can have.
    fn taps(&self) -> Option<usize> {
        let support = self.support();
        let floor = support as usize;
        let ceil = floor + usize::from(floor as f64 != support);
        ceil.checked_mul(2)?.checked_add(1)
    }

    /// First tap of output pixel `o` and one past its last.
    fn range(&self, o: usize) -> (usize, usize) {
        let (centre, support) = (self.centre(o), self.support());
        // Conversions truncate, and turn negative numbers into 0.
        let first = (centre - support + 0.5) as usize;
        let end = (centre + support + 0.5) as usize;
        (first, end.min(self.input))
    }

    fn centre(&self, o: usize) -> f64 {
        (o as f64 + 0.5) * (self.input as f64 / self.resized as f64)
    }

    /// Input pixels that any kept pixel reads: first, and one past the last.
    fn rows(&self) -> (usize, usize) {
        (self.range(self.crop).0, self.range(self.crop + self.kept - 1).1)
    }

    /// Writes the coefficients of output pixel `o`; returns its first tap and their number. `None` where `out` is too short.
    fn coefficients(&self, o: usize, out: &mut [i32]) -> Option<(usize, usize)> {
        let (first, end) = self.range(o);
        let (centre, inverse) = (self.centre(o), 1.0 / self.support());
        let weight = |tap: usize| {
            let distance = (tap as f64 - centre + 0.5) * inverse;
            let distance = if distance < 0.0 { -distance } else { distance };
            if distance < 1.0 { 1.0 - distance } else { 0.0 }
        };
        let mut sum = 0.0;
        for tap in first..end {
            sum += weight(tap);
        }
        for (tap, out) in (first..end).zip(out.get_mut(..end.checked_sub(first)?)?) {
            let share = if sum == 0.0 { 0.0 } else { weight(tap) / sum };
            *out = (0.5 + share * f64::from(1 << PRECISION)) as i32;
        }
        Some((first, end - first))
    }
}

/// `height · width · 3`.
const fn rgb_len(height: usize, width: usize) -> Option<usize> {
    match height.checked_mul(width) {
        Some(pixels) => pixels.checked_mul(3),
        None => None,
    }
}

fn fill(output: &mut [u8], pad: [u8; 3]) {
    for pixel in output.as_chunks_mut::<3>().0 {
        *pixel = pad;
    }
}

/// Back to 8 bits.
fn round(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// `copy_from_slice` without its panic path.
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

/// Resizes each row of `picture` and keeps the crop's columns.
fn across(axis: &Axis, picture: &[u8], weights: &mut [i32], rows: &mut [u8]) -> Option<()> {
    // `max(1)`, here and below: lengths are never 0, but only this way the compiler sees it and leaves out the panic.
    let picture = picture.chunks_exact((axis.input * 3).max(1));
    let rows = rows.chunks_exact_mut((axis.kept * 3).max(1));
    if axis.input == axis.resized {
        for (from, to) in picture.zip(rows) {
            copy(from.get(axis.crop * 3..(axis.crop + axis.kept) * 3)?, to);
        }
        return Some(());
    }
    // Per kept column: first tap, number of taps, coefficients.
    let stride = axis.taps()?.checked_add(2)?.max(1);
    for (o, entry) in (axis.crop..axis.crop + axis.kept).zip(weights.chunks_exact_mut(stride)) {
        let [first, count, coefficients @ ..] = entry else { return None };
        let (tap, taps) = axis.coefficients(o, coefficients)?;
        (*first, *count) = (i32::try_from(tap).ok()?, i32::try_from(taps).ok()?);
    }
    for (from, to) in picture.zip(rows) {
        let from = from.as_chunks::<3>().0;
        for (to, entry) in to.as_chunks_mut::<3>().0.iter_mut().zip(weights.chunks_exact(stride)) {
            let [first, count, coefficients @ ..] = entry else { return None };
            let pixels = from.get(*first as usize..)?.get(..*count as usize)?;
            let mut sums = [1i32 << (PRECISION - 1); 3];
            for (pixel, k) in pixels.iter().zip(coefficients) {
                for (sum, &x) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(x) * k;
                }
            }
            *to = sums.map(round);
        }
    }
    Some(())
}

/// Resizes along columns and places the result on the network's input.
fn down(y: &Axis, x: &Axis, width: usize, rows: &[u8], weights: &mut [i32], output: &mut [u8]) -> Option<()> {
    let (top, _) = y.rows();
    let length = x.kept * 3;
    let (coefficients, sums) = weights.split_at_mut_checked(y.taps()?)?;
    let sums = sums.get_mut(..length)?;
    for (o, line) in (y.crop..y.crop + y.kept).zip(output.chunks_exact_mut((width * 3).max(1)).skip(y.place)) {
        let line = line.get_mut(x.place * 3..)?.get_mut(..length)?;
        let row = |tap: usize| rows.get((tap - top) * length..)?.get(..length);
        if y.input == y.resized {
            copy(row(o)?, line);
            continue;
        }
        let (first, count) = y.coefficients(o, coefficients)?;
        sums.fill(1 << (PRECISION - 1));
        for (tap, &k) in (first..first + count).zip(&*coefficients) {
            for (sum, &pixel) in sums.iter_mut().zip(row(tap)?) {
                *sum += i32::from(pixel) * k;
            }
        }
        for (to, &sum) in line.iter_mut().zip(&*sums) {
            *to = round(sum);
        }
    }
    Some(())
}
