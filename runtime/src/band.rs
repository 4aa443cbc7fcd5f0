//! Layers computed together, some rows after the other: what lies between them is never there as a whole.
//!
//! ```text
//! input (whole) ──► expand ──► rows ──► depthwise ──► rows ──► project ──► output (whole)
//!                              ▒▒▒▒ seen by the next rows of the output, too: they move to the beginning
//!                              ░░░░ computed now
//! ```
//!
//! Every code is computed once, by the kernel that would compute it in the whole map, so that the bits are the same. The rows that
//! windows see twice stay in memory until the next band. So a few rows of each map are
//! alive at a time instead of all of it.

use crate::isa::{Isa, Team};
use crate::kernel::{self, Convolution, Depthwise, Pointwise};
use crate::layer::{Epilogue, Shape, Window};

/// Layers of a band, at most.
pub const MOST: usize = 8;

/// Bytes of scratch, at most: a thread beyond the caller has it on its stack.
pub const ROOM: usize = 256 << 10;

/// A layer that can be computed row by row.
#[derive(Clone, Copy, Debug)]
pub enum Layer<'a> {
    /// A pointwise convolution, and the columns of its maps.
    Pointwise(&'a Pointwise<'a>, usize),
    /// A depthwise convolution.
    Depthwise(&'a Depthwise<'a>),
    /// Any other convolution.
    Convolution(&'a Convolution<'a>),
}

/// Layers, each the only reader of the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Band<'a> {
    /// At least two, at most [`MOST`], of which one may add a map.
    pub layers: &'a [Layer<'a>],
    /// Rows of the output that are computed at a time.
    pub rows: usize,
}

/// Some rows of a map: the first one, and the one after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub from: usize,
    /// The one after the last.
    pub to: usize,
}

impl Span {
    const fn len(self) -> usize {
        self.to.saturating_sub(self.from)
    }
}

/// Rows of an input of `height` rows that the window's taps see from the output rows `rows`.
pub const fn seen(window: &Window, height: usize, rows: Span) -> Span {
    if rows.len() == 0 {
        return Span { from: 0, to: 0 };
    }
    let from = (rows.from * window.stride[0]).saturating_sub(window.pad[0]);
    let reach = (rows.to - 1) * window.stride[0] + (window.kernel[0] - 1) * window.dilation[0] + 1;
    let to = reach.saturating_sub(window.pad[0]);
    let to = if to < height { to } else { height };
    Span { from: if from < to { from } else { to }, to }
}

impl<'a> Layer<'a> {
    /// Its window.
    const fn window(&self) -> Window {
        match self {
            Self::Pointwise(..) => Window::POINT,
            Self::Depthwise(layer) => layer.window,
            Self::Convolution(layer) => layer.window,
        }
    }

    /// The map that it reads, all of it.
    fn input(&self) -> Shape {
        match *self {
            Self::Pointwise(layer, width) => {
                Shape::new(layer.pixels.checked_div(width).unwrap_or(0), width, layer.in_channels)
            }
            Self::Depthwise(layer) => layer.input,
            Self::Convolution(layer) => layer.input,
        }
    }

    /// The map that it makes, all of it.
    fn output(&self) -> Shape {
        match *self {
            Self::Pointwise(layer, width) => {
                let channels = layer.out_channels * layer.epilogue.planes();
                Shape::new(layer.pixels.checked_div(width).unwrap_or(0), width, channels)
            }
            Self::Depthwise(layer) => layer.output,
            Self::Convolution(layer) => layer.output,
        }
    }

    /// From accumulators to codes.
    const fn epilogue(&self) -> &Epilogue<'a> {
        match self {
            Self::Pointwise(layer, _) => &layer.epilogue,
            Self::Depthwise(layer) => &layer.epilogue,
            Self::Convolution(layer) => &layer.epilogue,
        }
    }

    /// Bytes that it may scribble on.
    const fn scratch_len(&self) -> usize {
        match self {
            Self::Convolution(layer) => layer.scratch_len(),
            Self::Pointwise(..) | Self::Depthwise(_) => 0,
        }
    }

    /// Computes the rows `rows` of the output from the rows `there` of the input.
    #[inline(always)]
    fn run<I: Isa>(
        &self,
        isa: I,
        rows: Span,
        there: Span,
        [input, residual]: [&[u8]; 2],
        scratch: &mut [u8],
        output: &mut [u8],
    ) {
        let (window, whole, made) = (self.window(), self.input(), self.output());
        let above = seen(&window, whole.height, rows).from;
        let input = input.get(above.saturating_sub(there.from) * whole.width * whole.channels..).unwrap_or(&[]);
        let shape = Shape { height: there.to.saturating_sub(above), ..whole };
        let pad = [window.pad[0].saturating_sub(rows.from * window.stride[0]), window.pad[1]];
        let window = Window { pad, ..window };
        let made = Shape { height: rows.len(), ..made };
        match *self {
            Self::Pointwise(layer, width) => {
                // Each band prefetches its share.
                let share = |row: usize| (layer.ahead.len() * row).checked_div(whole.height).unwrap_or(0);
                let ahead = layer.ahead.get(share(rows.from)..share(rows.to)).unwrap_or(&[]);
                let part = Pointwise { pixels: rows.len() * width, ahead, ..*layer };
                kernel::pointwise(isa, &part, input, residual, output);
            }
            Self::Depthwise(layer) => {
                let part = Depthwise { input: shape, output: made, window, ..*layer };
                kernel::depthwise(isa, &part, input, residual, output);
            }
            Self::Convolution(layer) => {
                let part = Convolution { input: shape, output: made, window, ..*layer };
                kernel::convolution(isa, &part, input, residual, scratch, output);
            }
        }
    }
}

impl Band<'_> {
    /// Most rows of the output of layer `index` that are there at a time: those that a band of `rows` rows of the last layer's output
    /// sees.
    pub fn rows_of(&self, index: usize) -> usize {
        let mut rows = self.rows;
        for layer in self.layers.iter().skip(index + 1).rev() {
            let Window { kernel, stride, dilation, .. } = layer.window();
            let reach = rows.saturating_sub(1) * stride[0] + kernel[0].saturating_sub(1) * dilation[0] + 1;
            rows = reach.min(layer.input().height);
        }
        rows
    }

    /// Bytes of memory between the layers, and for them.
    pub fn scratch_len(&self) -> usize {
        let between = self.layers.len().saturating_sub(1);
        self.own_len() + (0..between).map(|index| self.buffer_len(index)).sum::<usize>()
    }

    /// Where the rows behind layer `index` lie in the scratch, and how many bytes they are.
    pub fn buffer(&self, index: usize) -> (usize, usize) {
        (self.own_len() + (0..index).map(|index| self.buffer_len(index)).sum::<usize>(), self.buffer_len(index))
    }

    /// Bytes that a layer may scribble on, in whole cache lines.
    fn own_len(&self) -> usize {
        self.layers.iter().map(Layer::scratch_len).max().unwrap_or(0).next_multiple_of(LINE)
    }

    /// Bytes of the rows behind layer `index`, in whole cache lines.
    fn buffer_len(&self, index: usize) -> usize {
        let shape = self.layers.get(index).map_or(Shape::new(0, 0, 0), Layer::output);
        (self.rows_of(index) * shape.width * shape.channels).next_multiple_of(LINE)
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// `input` and `residual`, which one of the layers adds, are whole maps, and so is `output`. `scratch` has [`Band::scratch_len`] bytes; where
/// several threads share the output's rows, each has as many of its own, `OWN`.
#[inline]
pub fn band<I: Isa, const OWN: usize>(
    isa: I,
    team: &mut Team,
    band: &Band<'_>,
    [input, residual]: [&[u8]; 2],
    scratch: &mut [u8],
    output: &mut [u8],
) {
    let shape = band.layers.last().map_or(Shape::new(0, 0, 0), Layer::output);
    let row = shape.width * shape.channels;
    let parts = team.parts();
    let Some(output) = output.get_mut(..shape.len()).filter(|_| row > 0) else { return };
    if parts == 1 {
        return rows(isa, band, [input, residual], scratch, 0, output);
    }
    team.share(output, row, |_, start, output| {
        let first = start.checked_div(row).unwrap_or(0);
        rows(isa, band, [input, residual], &mut [0; OWN], first, output);
    });
}

/// The rows of the output from `first` on that `output` has room for.
fn rows<I: Isa>(isa: I, band: &Band<'_>, io: [&[u8]; 2], scratch: &mut [u8], first: usize, output: &mut [u8]) {
    let Some(last) = band.layers.last() else { return };
    let row = last.output().width * last.output().channels;
    let end = first + output.len().checked_div(row).unwrap_or(0);
    if scratch.len() < band.scratch_len() || band.layers.len() > MOST || band.rows == 0 {
        return;
    }
    // The rows that are there of what each layer makes.
    let mut held = [Span::default(); MOST];
    let mut from = first;
    while from < end {
        let to = end.min(from + band.rows);
        let output = output.get_mut((from - first) * row..).unwrap_or_default();
        one(isa, band, io, scratch, &mut held, Span { from, to }, output);
        from = to;
    }
}

/// One band: the rows `rows` of the output.
fn one<I: Isa>(
    isa: I,
    band: &Band<'_>,
    [input, residual]: [&[u8]; 2],
    scratch: &mut [u8],
    held: &mut [Span; MOST],
    rows: Span,
    output: &mut [u8],
) {
    // What each layer has to make, and from which row on what it made is still wanted.
    let mut wanted = [rows; MOST];
    let mut keep = [0; MOST];
    let mut want = rows;
    for (index, layer) in band.layers.iter().enumerate().skip(1).rev() {
        let seen = seen(&layer.window(), layer.input().height, want);
        let (Some(keep), Some(wanted), Some(held)) =
            (keep.get_mut(index - 1), wanted.get_mut(index - 1), held.get(index - 1))
        else {
            return;
        };
        // Where nothing new is wanted, what is there stays.
        *keep = if want.len() == 0 { held.from } else { seen.from };
        let from = seen.from.max(held.to);
        want = Span { from, to: seen.to.max(from) };
        *wanted = want;
    }
    let (own, mut rest) = scratch.split_at_mut_checked(band.own_len()).unwrap_or_default();
    // The rows that the layer before made.
    let mut before: (&[u8], Span) = (&[], Span::default());
    let count = band.layers.len();
    for (index, layer) in band.layers.iter().enumerate() {
        let (Some(&wanted), Some(&keep), Some(held)) = (wanted.get(index), keep.get(index), held.get_mut(index)) else {
            return;
        };
        let (x, there) = if index == 0 { (input, Span { from: 0, to: layer.input().height }) } else { before };
        let shape = layer.output();
        let row = shape.width * shape.channels;
        let added = match layer.epilogue() {
            epilogue if epilogue.residual.is_some() => residual.get(epilogue.added(wanted.from * row)..).unwrap_or(&[]),
            _ => &[],
        };
        if index + 1 == count {
            layer.run(isa, wanted, there, [x, added], own, output);
            return;
        }
        let (buffer, left) =
            core::mem::take(&mut rest).split_at_mut_checked(band.buffer_len(index)).unwrap_or_default();
        rest = left;
        if held.to > keep && keep > held.from {
            slide(buffer, (keep - held.from) * row, (held.to - keep) * row);
        }
        if wanted.len() > 0 {
            let to = buffer.get_mut(wanted.from.saturating_sub(keep) * row..).unwrap_or_default();
            layer.run(isa, wanted, there, [x, added], own, to);
        }
        *held = Span { from: keep, to: wanted.to };
        before = (buffer, *held);
    }
}

/// Moves the `len` bytes from `by` on to the beginning, `by` of them at a time.
fn slide(buffer: &mut [u8], by: usize, len: usize) {
    let mut at = 0;
    while at < len {
        let some = by.min(len - at).max(1);
        if let Some((to, from)) = buffer.get_mut(at..).and_then(|rest| rest.split_at_mut_checked(by)) {
            for (to, from) in to.iter_mut().zip(from).take(some) {
                *to = *from;
            }
        }
        at += some;
    }
}
