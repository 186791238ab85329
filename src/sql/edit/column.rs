//! Adds and drops whole columns of a stored CREATE TABLE text.
//!
//! Where no comment is in the way, the text is the one that SQLite's own ALTER TABLE leaves behind
//! (<https://sqlite.org/lang_altertable.html>). Constraints that name a dropped column are not looked
//! for: SQLite refuses the text in the shadow.

use std::ops::Range;

use super::piece;
use super::splice::{Gap, Splice};
use crate::sql::create_table::CreateTable;
use crate::sql::error::SqlError;

/// Adds a column behind a named one, or behind the last one.
///
/// At the end the text equals what `ALTER TABLE ADD COLUMN` stores: the column stands before the
/// table constraints. A comment behind the named column stays with that column. White space around
/// the definition is cut, and so is a `--` comment at its end.
///
/// ```
/// use phaseshift::sql::edit::add_column;
/// let sql = "CREATE TABLE t(a INT, UNIQUE (a))";
/// assert_eq!(add_column(sql, "b TEXT", None).as_deref(), Ok("CREATE TABLE t(a INT, b TEXT, UNIQUE (a))"));
/// ```
///
/// # Errors
/// The text is no CREATE TABLE statement, the definition is not exactly one column, its name is
/// taken, or the column to stand behind does not exist.
pub fn add_column(sql: &str, definition: &str, after: Option<&str>) -> Result<String, SqlError> {
    let table = CreateTable::read(sql)?;
    let definition = piece::trimmed(definition);
    let column = piece::column_definition(definition)?;
    if let Some(taken) = table.column(&column.name.text) {
        let what = format!("table {} already has a column `{}`", table.name.text, taken.name.text);
        return Err(SqlError::at(sql, taken.range.start, what));
    }
    let last = table.columns.len() - 1;
    let index = match after {
        None => last,
        Some(name) => existing(sql, &table, name)?,
    };
    let mut splice = Splice::default();
    if index == last {
        splice.insert(columns_end(sql, &table), format!(", {definition}"));
    } else {
        insert_between(sql, &table, index, definition, &mut splice);
    }
    Ok(splice.apply(sql))
}

/// Puts a definition behind the comma of a column that is not the last.
fn insert_between(
    sql: &str,
    table: &CreateTable,
    index: usize,
    definition: &str,
    splice: &mut Splice,
) {
    let next = table.columns[index + 1].range.start;
    let gap = Gap::new(sql, table.columns[index].range.end..next);
    let comma = gap.comma().map_or(next, |comma| comma + 1);
    let gap = Gap::new(sql, comma..next);
    match (gap.line_end(), gap.indentation()) {
        (Some(line_end), Some(indentation)) => {
            splice.insert(line_end, format!("{indentation}{definition},"));
        }
        (Some(_), None) | (None, Some(_)) | (None, None) => {
            splice.insert(comma, format!(" {definition},"));
        }
    }
}

/// Removes a column and one comma.
///
/// Comments on the lines of the column go with it; comments on lines of their own stay.
///
/// ```
/// use phaseshift::sql::edit::drop_column;
/// let sql = "CREATE TABLE t(a INT, b TEXT, c BLOB)";
/// assert_eq!(drop_column(sql, "B").as_deref(), Ok("CREATE TABLE t(a INT, c BLOB)"));
/// ```
///
/// # Errors
/// The text is no CREATE TABLE statement, or the column does not exist or is the only one.
pub fn drop_column(sql: &str, column: &str) -> Result<String, SqlError> {
    let table = CreateTable::read(sql)?;
    let index = existing(sql, &table, column)?;
    let range = table.columns[index].range.clone();
    if table.columns.len() == 1 {
        return Err(SqlError::at(sql, range.start, "the only column of a table cannot be dropped"));
    }
    let mut splice = Splice::default();
    match table.columns.get(index + 1) {
        Some(next) => splice.cut(cut_before_next(sql, range, next.range.start)),
        None => {
            let previous = table.columns[index - 1].range.end;
            cut_last(sql, previous..range.start, range.end..columns_end(sql, &table), &mut splice);
        }
    }
    Ok(splice.apply(sql))
}

/// The range to cut for a column that another one follows: up to that one or up to its comments.
fn cut_before_next(sql: &str, column: Range<usize>, next: usize) -> Range<usize> {
    let gap = Gap::new(sql, column.end..next);
    let behind_comma = gap.comma().map_or(column.end, |comma| comma + 1);
    let gap = Gap::new(sql, behind_comma..next);
    let (Some(comment), Some(line_end)) = (gap.comment_of_next(), gap.line_end()) else {
        return column.start..next;
    };
    let before = sql[..column.start].trim_end_matches([' ', '\t']);
    if before.ends_with('\n') { column.start..comment } else { before.len()..line_end }
}

/// Cuts the last column, given the gap before it and the rest of the list behind it.
fn cut_last(sql: &str, before: Range<usize>, behind: Range<usize>, splice: &mut Splice) {
    let gap = Gap::new(sql, before.clone());
    let rest = Gap::new(sql, behind.clone());
    let kept = rest.comment_of_next().and(rest.line_end());
    let end = kept.unwrap_or(behind.end);
    let comma = gap.comma().unwrap_or(before.start);
    if gap.has_comment() {
        splice.cut(comma..comma + 1);
        // A comment before the column may need the line end that stands before the column.
        splice.cut(before.end..end);
    } else {
        splice.cut(comma..end);
    }
}

/// Where SQLite appends a column: the comma before the table constraints, or the end of the body.
fn columns_end(sql: &str, table: &CreateTable) -> usize {
    let close = table.body.end - 1;
    let last = table.columns.last().map_or(close, |column| column.range.end);
    let comma =
        table.constraints.first().and_then(|first| Gap::new(sql, last..first.range.start).comma());
    comma.unwrap_or(close)
}

/// Finds a column that must exist.
pub(super) fn existing(sql: &str, table: &CreateTable, column: &str) -> Result<usize, SqlError> {
    table.column_index(column).ok_or_else(|| {
        let what = format!("table `{}` has no column `{column}`", table.name.text);
        SqlError::at(sql, table.name.range.start, what)
    })
}
