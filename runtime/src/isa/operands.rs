//! What a matrix product reads, checked once for all of its tiles.

use super::Isa;
use crate::pack::vector_len;
use core::marker::PhantomData;

/// Rows of codes, all there.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// At least (rows − 1) · stride + k codes, unless there are no rows.
    codes: &'a [u8],
    stride: usize,
    rows: usize,
    k: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `k` codes each, `stride` apart; none if they are not there.
    #[inline(always)]
    pub fn new(codes: &'a [u8], [rows, stride, k]: [usize; 3]) -> Self {
        let len = rows.checked_sub(1).and_then(|last| last.checked_mul(stride)).and_then(|start| start.checked_add(k));
        let rows = if len.is_some_and(|len| len <= codes.len()) { rows } else { 0 };
        Self { codes, stride, rows, k }
    }

    /// Where `count` ≥ 1 rows from `first` on lie, the bytes from one to the next, and how many codes of each may be read: those of
    /// the matrix, if all these rows are in it and a panel is for as many, and none otherwise.
    #[inline(always)]
    pub(super) fn rows<I: Isa, const N: usize>(
        &self,
        first: usize,
        count: usize,
        panel: &Panel<'_, I, N>,
    ) -> (*const u8, usize, usize) {
        let there = first.checked_add(count).is_some_and(|end| end <= self.rows) && self.k == panel.k;
        (self.codes.as_ptr().wrapping_add(first.wrapping_mul(self.stride)), self.stride, if there { self.k } else { 0 })
    }

    /// The codes of a row, if a panel is for as many.
    #[inline(always)]
    pub(super) fn row<I: Isa, const N: usize>(&self, row: usize, panel: &Panel<'_, I, N>) -> &'a [u8] {
        let k = if row < self.rows && self.k == panel.k { self.k } else { 0 };
        self.codes.get(row.wrapping_mul(self.stride)..).and_then(|rest| rest.get(..k)).unwrap_or(&[])
    }
}

/// N packed vectors of output channels ([`crate::pack::pointwise`] of the instruction set), all there.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a, I: Isa, const N: usize> {
    /// N · vector bytes.
    bytes: &'a [u8],
    vector: usize,
    k: usize,
    of: PhantomData<I>,
}

impl<'a, I: Isa, const N: usize> Panel<'a, I, N> {
    /// Vectors of `k` input channels; of none if they are not there.
    #[inline(always)]
    pub fn new(_: I, bytes: &'a [u8], k: usize) -> Self {
        let vector = vector_len(I::LEVEL, k);
        let (bytes, vector, k) = match N.checked_mul(vector).and_then(|len| bytes.get(..len)) {
            Some(bytes) => (bytes, vector, k),
            None => (&[][..], 0, 0),
        };
        Self { bytes, vector, k, of: PhantomData }
    }

    /// The bytes of all vectors.
    #[inline(always)]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of a vector.
    #[inline(always)]
    pub(super) fn vector(&self) -> usize {
        self.vector
    }
}
