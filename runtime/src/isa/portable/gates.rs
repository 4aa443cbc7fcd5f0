//! Gates in plain Rust: a channel of all outputs, then the next one.

use super::super::Gates;
use super::{LANES, Portable, map, zip};

/// Channels that are taken at a time.
const CHANNELS: usize = 8;

type Short = [[i16; LANES]; 2];

#[inline(always)]
fn each(a: Short, b: Short, f: impl Fn(i16, i16) -> i16 + Copy) -> Short {
    let ([a, c], [b, d]) = (a, b);
    [zip(a, b, f), zip(c, d, f)]
}

impl Gates for Portable {
    type Rest = [i32; LANES];

    #[inline(always)]
    fn none(self) -> Self::I16 {
        [[0; LANES]; 2]
    }

    #[inline(always)]
    fn widen(self, from: &[u8]) -> [Self::I16; 4] {
        let mut wide = [[[0; LANES]; 2]; 4];
        if let Some(from) = from.first_chunk::<{ CHANNELS * LANES }>() {
            for (wide, &w) in wide.as_flattened_mut().as_flattened_mut().iter_mut().zip(from) {
                *wide = i16::from(w as i8) << 8;
            }
        }
        wide
    }

    #[inline(always)]
    fn widen_absolute(self, from: &[u8]) -> [Self::I16; 4] {
        map(self.widen(from), |two| two.map(|w| map(w, i16::wrapping_abs)))
    }

    #[inline(always)]
    fn columns(self, eight: &[[u8; 2]; 8]) -> [Self::I16; 4] {
        let mut columns = [[[0; LANES]; 2]; 4];
        for (column, factor) in columns.as_flattened_mut().iter_mut().zip(eight) {
            *column = [i16::from_le_bytes(*factor); LANES];
        }
        columns
    }

    #[inline(always)]
    fn max_shorts(self, a: Self::I16, b: Self::I16) -> Self::I16 {
        each(a, b, i16::max)
    }

    #[inline(always)]
    fn of_outputs(self, all: [Self::I16; 4]) -> Self::I32 {
        let largest = all.as_flattened().iter().fold([0; LANES], |most, of| zip(most, *of, i16::max));
        map(largest, i32::from)
    }

    #[inline(always)]
    fn to_outputs(self, numbers: Self::I32) -> [Self::I16; 4] {
        [[map(numbers, |number| number as i16); 2]; 4]
    }

    #[inline(always)]
    fn add_product(self, sum: Self::I16, a: Self::I16, b: Self::I16) -> Self::I16 {
        each(sum, each(a, b, i16::wrapping_mul), i16::wrapping_add)
    }

    #[inline(always)]
    fn put_upper(self, values: [Self::I16; 4], to: &mut [u8]) {
        for (to, v) in to.iter_mut().zip(values.as_flattened().as_flattened()) {
            *to = (v.wrapping_add(128) >> 8) as u8;
        }
    }

    #[inline(always)]
    fn no_rest(self) -> Self::Rest {
        [0; LANES]
    }

    #[inline(always)]
    fn rest(self, sum: Self::Rest, values: [Self::I16; 4], means: &[u8; 8]) -> Self::Rest {
        let mut sums = sum;
        for (values, mean) in values.as_flattened().iter().zip(means) {
            for (sum, v) in sums.iter_mut().zip(values) {
                *sum = sum.wrapping_add(i32::from(*v as i8) * i32::from(*mean as i8));
            }
        }
        sums
    }

    #[inline(always)]
    fn rests(self, sum: Self::Rest) -> Self::I32 {
        sum
    }
}
