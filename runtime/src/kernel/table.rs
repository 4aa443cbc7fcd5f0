//! Any function of codes (eq. 17): `q = table[x]`.

use crate::isa::{Isa, Kernel};

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
