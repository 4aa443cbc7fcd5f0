//! Any function of codes (eq. 17): `q = table[x]`, one table for all channels, or `q = table[c][x]`.

use crate::isa::{Isa, Kernel};
use crate::layer::Shape;

/// A function of one code, the same for every channel.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Elements of the map.
    pub len: usize,
    /// The output code of every input code.
    pub table: &'a [u8; 256],
}

/// `input` and `output` have `len` codes.
#[inline]
pub fn table<I: Isa>(isa: I, layer: &Table<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a Table<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { layer, input, output } = self;
        let (Some(input), Some(output)) = (input.get(..layer.len), output.get_mut(..layer.len)) else { return };
        for (y, &x) in output.iter_mut().zip(input) {
            *y = layer.table[usize::from(x)];
        }
    }
}

/// A function of one code for each channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelTables<'a> {
    /// Input and output map.
    pub shape: Shape,
    /// 256 output codes of each channel, one channel after the other.
    pub tables: &'a [u8],
}

/// `input` and `output` are the maps.
#[inline]
pub fn channel_tables<I: Isa>(isa: I, layer: &ChannelTables<'_>, input: &[u8], output: &mut [u8]) {
    isa.run(RunChannels { layer, input, output });
}

struct RunChannels<'a> {
    layer: &'a ChannelTables<'a>,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for RunChannels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { layer, input, output } = self;
        let (n, len) = (layer.shape.channels, layer.shape.len());
        let (Some(input), Some(output)) = (input.get(..len), output.get_mut(..len)) else { return };
        if n == 0 || layer.tables.len() < 256 * n {
            return;
        }
        for (to, from) in output.chunks_exact_mut(n).zip(input.chunks_exact(n)) {
            for ((y, &x), table) in to.iter_mut().zip(from).zip(layer.tables.as_chunks::<256>().0) {
                *y = table[usize::from(x)];
            }
        }
    }
}
