//! Bilinear resize (eq. 27, 42): codes between codes, scale and zero point stay.
//!
//! ```text
//! a ─ fx ─ b      t = a + (b − a)·fx
//! │        │      u = c + (d − c)·fx
//! fy      fy      q = rne(t + (u − t)·fy)
//! │        │
//! c ─ fx ─ d      rows, columns and shares come from tables that the compiler makes
//! ```

use super::planes::{Source, Target};
use crate::isa::{Isa, Kernel};
use crate::layer::Shape;

/// Bilinear resize.
#[derive(Clone, Copy, Debug)]
pub struct Resize<'a> {
    /// The input map, or a plane of it.
    pub input: Shape,
    /// The output map, or a plane of it, of as many channels.
    pub output: Shape,
    /// Whether both are fine maps.
    pub fine: bool,
    /// Two input rows of each output row: above, below.
    pub rows: &'a [i32],
    /// Share of the row below, 0…1.
    pub row_shares: &'a [f32],
    /// Two input columns of each output column: left, right.
    pub columns: &'a [i32],
    /// Share of the column on the right, 0…1.
    pub column_shares: &'a [f32],
}

/// `input` and `output` are the maps.
#[inline]
pub fn resize<I: Isa>(isa: I, layer: &Resize<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a Resize<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

/// The index of a table, of an extent.
#[inline(always)]
fn index(table: &[i32], at: usize, extent: usize) -> Option<usize> {
    table.get(at).and_then(|&i| usize::try_from(i).ok()).filter(|&i| i < extent)
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { layer, input, output } = self;
        let (x, y) = (layer.input, layer.output);
        let n = x.channels;
        let (Some(input), Some(mut output)) =
            (Source::new(input, x.pixels(), n, layer.fine), Target::new(output, y.pixels(), n, layer.fine))
        else {
            return;
        };
        if y.channels != n {
            return;
        }
        for row in 0..y.height {
            let (Some(above), Some(below), Some(&fy)) = (
                index(layer.rows, 2 * row, x.height),
                index(layer.rows, 2 * row + 1, x.height),
                layer.row_shares.get(row),
            ) else {
                return;
            };
            for column in 0..y.width {
                let (Some(left), Some(right), Some(&fx)) = (
                    index(layer.columns, 2 * column, x.width),
                    index(layer.columns, 2 * column + 1, x.width),
                    layer.column_shares.get(column),
                ) else {
                    return;
                };
                let at = |row: usize, column: usize| row * x.width + column;
                let corners = [at(above, left), at(above, right), at(below, left), at(below, right)];
                pixel(isa, input, corners, n, [fx, fy], &mut output, row * y.width + column);
            }
        }
    }
}

/// All channels of one output pixel between the input pixels at `corners`.
#[inline(always)]
fn pixel<I: Isa>(
    isa: I,
    input: Source<'_>,
    corners: [usize; 4],
    channels: usize,
    [fx, fy]: [f32; 2],
    output: &mut Target<'_>,
    to: usize,
) {
    let (fx, fy) = (isa.splat_f32(fx), isa.splat_f32(fy));
    let mut channel = 0;
    while channel < channels {
        let count = (channels - channel).min(I::LANES);
        let mut around = [fx; 4];
        for (code, pixel) in around.iter_mut().zip(corners) {
            *code = isa.to_f32(input.load(isa, pixel, channel, count));
        }
        let [a, b, c, d] = around;
        let t = isa.add(a, isa.mul(isa.sub(b, a), fx));
        let u = isa.add(c, isa.mul(isa.sub(d, c), fx));
        let v = isa.add(t, isa.mul(isa.sub(u, t), fy));
        output.store(isa, [v], to, channel, count);
        channel += I::LANES;
    }
}
