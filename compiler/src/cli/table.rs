//! Tables for terminals.

pub use crate::units::{bytes, milliseconds, percent};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// A table with a head; columns after the first are numbers, on the right.
pub fn new(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().enumerate().map(|(i, word)| align(Cell::new(word), i)));
    table
}

/// A row.
pub fn row(table: &mut Table, cells: &[String]) {
    table.add_row(cells.iter().enumerate().map(|(i, text)| align(Cell::new(text), i)));
}

fn align(cell: Cell, column: usize) -> Cell {
    if column == 0 { cell } else { cell.set_alignment(CellAlignment::Right) }
}
