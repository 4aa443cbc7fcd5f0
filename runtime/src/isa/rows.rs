//! Rows of a map of which whole blocks can be read without a check: the check is made once, for all columns.

use super::Isa;
use crate::pack::NARROW;
use core::marker::PhantomData;

/// Four rows of a map of which whole blocks of channels can be read without a check, and what is outside of them.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Each of at least (columns − 1) · step + count bytes, unless there are no columns.
    rows: [&'a [u8]; 4],
    steps: [usize; 4],
    columns: usize,
    /// Of each row, at least count bytes.
    padding: [&'a [u8]; 4],
    count: usize,
    /// Columns, from the first on, where each row has [`NARROW`] bytes.
    near: usize,
}

impl<'a> Rows<'a> {
    /// Rows given as codes from the block's first channel of column 0 on, and the step from one column to the next (0
    /// to read the same again). Rows that are too short for `count` bytes in each of `columns` columns are all
    /// padding; padding that is too short is nothing.
    #[inline(always)]
    pub fn new(rows: [(&'a [u8], usize); 4], columns: usize, padding: [&'a [u8]; 4], count: usize) -> Self {
        let last = columns.wrapping_sub(1);
        let count = if padding.iter().all(|padding| count <= padding.len()) { count } else { 0 };
        let mut fits = columns > 0;
        for (row, step) in rows {
            let len = last.checked_mul(step).and_then(|start| start.checked_add(count));
            fits &= len.is_some_and(|len| len <= row.len());
        }
        let [a, b, c, d] = rows;
        let columns = if fits { columns } else { 0 };
        Self { rows: [a.0, b.0, c.0, d.0], steps: [a.1, b.1, c.1, d.1], columns, padding, count, near: 0 }
    }

    /// No rows, no columns, no padding.
    #[inline(always)]
    pub fn none() -> Self {
        Self { rows: [&[]; 4], steps: [0; 4], columns: 0, padding: [&[]; 4], count: 0, near: 0 }
    }

    /// The same, knowing too where a whole narrow block can be read, whatever its count is: [`Rows::near`].
    #[inline(always)]
    pub fn with_near(self) -> Self {
        let mut near = self.columns;
        for (row, step) in self.rows.iter().zip(self.steps) {
            near = match row.len().checked_sub(NARROW) {
                Some(last) => near.min(last.checked_div(step).map_or(near, |columns| columns + 1)),
                None => 0,
            };
        }
        Self { near, ..self }
    }

    /// A pointer to column `column` of row `t`, and the bytes from a column to the next: [`NARROW`] bytes can be read there and in
    /// the `more` columns that follow. `None` where not all of them are known to be inside.
    #[inline(always)]
    pub fn near(&self, t: usize, column: usize, more: usize) -> Option<(*const u8, usize)> {
        if t >= 4 || column >= self.near || more >= self.near - column {
            return None;
        }
        // SAFETY: t < 4, and by the meaning of `near` the row has NARROW bytes from column · step on.
        unsafe {
            let step = *self.steps.get_unchecked(t);
            Some((self.rows.get_unchecked(t).as_ptr().add(column * step), step))
        }
    }

    /// How many columns there are: none where all is padding.
    #[inline(always)]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes of a block.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is read of row `t` outside of it: at least [`Rows::count`] bytes.
    #[inline(always)]
    pub fn padding(&self, t: usize) -> &'a [u8] {
        self.padding.get(t).copied().unwrap_or(&[])
    }

    /// At least [`Rows::count`] bytes: the block at `column` of row `t` and what follows it, or padding if the rows
    /// have no such column. A choice of pointers, not of vectors.
    #[inline(always)]
    pub fn block(&self, t: usize, column: usize) -> &'a [u8] {
        if t < 4 && column < self.columns {
            // SAFETY: t < 4, and column · step + count ≤ len by the invariant of `rows`.
            unsafe { self.rows.get_unchecked(t).get_unchecked(column * self.steps.get_unchecked(t)..) }
        } else {
            self.padding(t)
        }
    }
}

/// Columns of Q times four rows one after the other, of which each row has a whole block. Nothing is asked for a column but whether there is
/// another one, and no address is computed anew.
pub struct Walk<'a, I: Isa, const Q: usize> {
    /// The next column of each row: [`Walk::WHOLE`] bytes, unless none is left.
    at: [[*const u8; 4]; Q],
    steps: [[usize; 4]; Q],
    left: usize,
    marker: PhantomData<(&'a [u8], I)>,
}

impl<'a, I: Isa, const Q: usize> Walk<'a, I, Q> {
    /// Bytes of a whole block.
    const WHOLE: usize = 4 * I::LANES;

    /// `count` columns of the first Q of `rows`, from `start` on; no columns unless all of these are inside and blocks are whole.
    #[inline(always)]
    pub fn new(_: I, rows: &[Rows<'a>; 3], start: usize, count: usize) -> Self {
        let mut walk = Self { at: [[core::ptr::null(); 4]; Q], steps: [[0; 4]; Q], left: count, marker: PhantomData };
        for (q, rows) in rows.iter().enumerate().take(Q) {
            if rows.count < Self::WHOLE || start >= rows.columns || count > rows.columns - start {
                walk.left = 0;
            }
            walk.steps[q] = rows.steps;
            for t in 0..4 {
                // Within the row where columns are left; elsewhere it is not read.
                walk.at[q][t] = rows.rows[t].as_ptr().wrapping_add(start.wrapping_mul(rows.steps[t]));
            }
        }
        if Q > rows.len() {
            walk.left = 0;
        }
        walk
    }

    /// The next column.
    #[inline(always)]
    pub fn step(&mut self) -> Option<Column<'a, I, Q>> {
        self.left = self.left.checked_sub(1)?;
        let column = Column { at: self.at, marker: PhantomData };
        for q in 0..Q {
            for t in 0..4 {
                self.at[q][t] = self.at[q][t].wrapping_add(self.steps[q][t]);
            }
        }
        Some(column)
    }
}

/// A column of a [`Walk`].
pub struct Column<'a, I: Isa, const Q: usize> {
    at: [[*const u8; 4]; Q],
    marker: PhantomData<(&'a [u8], I)>,
}

impl<'a, I: Isa, const Q: usize> Column<'a, I, Q> {
    /// The whole block of row `t` < 4 of the `q`-th four.
    #[inline(always)]
    pub fn block(&self, q: usize, t: usize) -> &'a [u8] {
        // SAFETY: by the meaning of `at`: rows have count ≥ WHOLE bytes from each of their columns on.
        unsafe { core::slice::from_raw_parts(self.at[q][t], Walk::<I, Q>::WHOLE) }
    }
}
