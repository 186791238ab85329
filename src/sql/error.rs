//! The error of reading or editing SQL text. It knows a place in the text and nothing about files.

use std::error::Error;
use std::fmt;

/// Says what was wrong in an SQL text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What was wrong: one short lowercase fragment.
    pub what: String,
    /// Where it was found: bytes from the start of the text that was being read.
    pub position: usize,
    /// The line of that place, counted from 1.
    pub line: usize,
    /// The column of that place in characters, counted from 1.
    pub column: usize,
}

impl SqlError {
    /// Builds the error for a byte position of a text; a position past the end means the end.
    pub fn at(text: &str, position: usize, what: impl Into<String>) -> SqlError {
        let position = floor_boundary(text, position);
        let before = &text[..position];
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        SqlError { what: what.into(), position, line, column }
    }
}

fn floor_boundary(text: &str, position: usize) -> usize {
    let mut position = position.min(text.len());
    while !text.is_char_boundary(position) {
        position -= 1;
    }
    position
}

impl fmt::Display for SqlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at line {}, column {}", self.what, self.line, self.column)
    }
}

impl Error for SqlError {}
