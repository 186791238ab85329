//! Checks a piece of SQL before it is put into a statement: it must be exactly one thing, so that it
//! cannot close a parenthesis, hide the rest behind a comment, or bring a second column with it.

use crate::sql::create_table::{ColumnDefinition, Constraint, ConstraintKind, CreateTable};
use crate::sql::error::SqlError;
use crate::sql::reader::Name;
use crate::sql::token::{Token, TokenKind, tokens};

use super::splice::is_line_comment;

/// Cuts white space and comments before a piece; behind it white space, semicolons and the comments
/// that would swallow what follows. SQLite trims what ALTER TABLE gets in the same way.
pub(super) fn trimmed(piece: &str) -> &str {
    let all = tokens(piece);
    let swallows = |token: &Token| {
        token.kind == TokenKind::Comment
            && (is_line_comment(piece, token) || !is_closed(token.text(piece)))
    };
    let idle = |token: &&Token| {
        token.kind == TokenKind::Space || token.is_mark(piece, ";") || swallows(token)
    };
    let end = all.iter().rev().find(|token| !idle(token)).map_or(0, |token| token.end);
    let start = all.iter().find(|token| !token.is_trivia()).map_or(end, |token| token.start);
    if start < end { &piece[start..end] } else { "" }
}

fn is_closed(comment: &str) -> bool {
    comment.len() >= 4 && comment.ends_with("*/")
}

/// Reads a column definition that stands alone; places are those in the definition.
pub(super) fn column_definition(definition: &str) -> Result<ColumnDefinition, SqlError> {
    let prefix = "CREATE TABLE t(";
    let table = read_wrapped(prefix, definition)?;
    match <[ColumnDefinition; 1]>::try_from(table.columns) {
        Ok([column]) if table.constraints.is_empty() && table.options.is_empty() => {
            Ok(shifted(column, prefix.len()))
        }
        Ok(_) | Err(_) => {
            Err(SqlError::at(definition, 0, "expected exactly one column definition"))
        }
    }
}

fn shifted(mut column: ColumnDefinition, distance: usize) -> ColumnDefinition {
    let shift = |range: &mut std::ops::Range<usize>| {
        *range = range.start - distance..range.end - distance;
    };
    let shift_name = |name: &mut Name| shift(&mut name.range);
    shift_name(&mut column.name);
    shift(&mut column.range);
    column.type_range.iter_mut().for_each(shift);
    for constraint in &mut column.constraints {
        shift(&mut constraint.range);
        constraint.name.iter_mut().for_each(shift_name);
        constraint.operand.iter_mut().for_each(shift);
    }
    column
}

/// Checks that a piece is exactly one table constraint.
pub(super) fn table_constraint(piece: &str) -> Result<(), SqlError> {
    let table = read_wrapped("CREATE TABLE t(c,", piece)?;
    let real = |constraint: &Constraint| constraint.kind != ConstraintKind::NameOnly;
    let single = matches!(table.constraints.as_slice(), [only] if real(only));
    if single && table.columns.len() == 1 && table.options.is_empty() {
        Ok(())
    } else {
        Err(SqlError::at(piece, 0, "expected exactly one table constraint"))
    }
}

pub(super) fn column_type(piece: &str) -> Result<(), SqlError> {
    let prefix = "c ";
    let definition = format!("{prefix}{piece}");
    let column =
        column_definition(&definition).map_err(|error| moved(piece, &error, prefix.len()))?;
    match column.type_range {
        Some(range) if range.end == definition.len() => Ok(()),
        Some(_) | None => Err(SqlError::at(piece, 0, "expected a column type")),
    }
}

/// Checks that a piece is an expression or anything else with balanced parentheses and no statement end.
///
/// # Errors
/// An unclosed or surplus parenthesis, text that SQLite cannot read, or a semicolon.
pub(super) fn balanced(piece: &str) -> Result<(), SqlError> {
    let mut depth = 0_usize;
    for token in tokens(piece) {
        let wrong = match token.text(piece) {
            _ if token.kind == TokenKind::Illegal => Some("unrecognized text"),
            ";" => Some("unexpected `;`"),
            ")" if depth == 0 => Some("unexpected `)`"),
            ")" => {
                depth -= 1;
                None
            }
            "(" => {
                depth += 1;
                None
            }
            _ => None,
        };
        if let Some(what) = wrong {
            return Err(SqlError::at(piece, token.start, what));
        }
    }
    if depth == 0 {
        Ok(())
    } else {
        Err(SqlError::at(piece, piece.len(), "parenthesis is never closed"))
    }
}

/// Reads a piece inside a made-up statement and reports errors at their place in the piece.
fn read_wrapped(prefix: &str, piece: &str) -> Result<CreateTable, SqlError> {
    balanced(piece)?;
    let wrapped = format!("{prefix}{piece}\n)");
    CreateTable::read(&wrapped).map_err(|error| {
        let mut error = moved(piece, &error, prefix.len());
        if error.position == piece.len() {
            // What stands there is the parenthesis of the made-up statement.
            error.what = error.what.replace("found `)`", "found the end");
        }
        error
    })
}

/// Puts an error of a longer text at its place in the piece that stands behind a prefix.
fn moved(piece: &str, error: &SqlError, prefix: usize) -> SqlError {
    SqlError::at(piece, error.position.saturating_sub(prefix), error.what.clone())
}
