//! Writes, finds and removes the column list behind the name of a view.
//! See <https://sqlite.org/lang_createview.html>. The query of the view is never looked at.

use std::ops::Range;

use super::splice::{Splice, replaced};
use crate::name::quote;
use crate::sql::error::SqlError;
use crate::sql::object::{ObjectKind, read_head};
use crate::sql::reader::Reader;

/// Returns the place of the column list of a view, parentheses included, if it has one.
pub fn view_columns_range(sql: &str) -> Result<Option<Range<usize>>, SqlError> {
    read_view(sql).map(|(_, columns)| columns)
}

/// Writes a column list directly behind the name of a view.
///
/// ```
/// use phaseshift::sql::edit::view_with_columns;
/// let columns = ["id".to_owned(), "gain".to_owned()];
/// assert_eq!(
///     view_with_columns("CREATE VIEW v AS SELECT 1, 2", &columns).as_deref(),
///     Ok(r#"CREATE VIEW v("id","gain") AS SELECT 1, 2"#),
/// );
/// ```
///
/// # Errors
/// The text is no CREATE VIEW statement, the view has a list already, or no column is given.
pub fn view_with_columns(sql: &str, columns: &[String]) -> Result<String, SqlError> {
    let (name_end, existing) = read_view(sql)?;
    if let Some(range) = existing {
        return Err(SqlError::at(sql, range.start, "the view has a column list already"));
    }
    if columns.is_empty() {
        return Err(SqlError::at(sql, name_end, "expected at least one column for the view"));
    }
    let names: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    let mut splice = Splice::default();
    splice.insert(name_end, format!("({})", names.join(",")));
    Ok(splice.apply(sql))
}

/// Removes the column list of a view; a text without one comes back unchanged.
///
/// After [`view_with_columns`] this gives back the original bytes.
pub fn without_view_columns(sql: &str) -> Result<String, SqlError> {
    match view_columns_range(sql)? {
        Some(range) => Ok(replaced(sql, range, "")),
        None => Ok(sql.to_owned()),
    }
}

/// Returns the query of a view, which begins behind AS.
pub fn view_query(sql: &str) -> Result<&str, SqlError> {
    let mut reader = Reader::new(sql);
    read_head(&mut reader)?;
    if reader.at_mark("(") {
        reader.parentheses()?;
    }
    reader.expect_word("AS")?;
    Ok(&sql[reader.last_end()..])
}

/// Returns the end of the view's name and the place of its column list.
fn read_view(sql: &str) -> Result<(usize, Option<Range<usize>>), SqlError> {
    let mut reader = Reader::new(sql);
    let head = read_head(&mut reader)?;
    if head.kind != ObjectKind::View {
        return Err(SqlError::at(sql, head.name.range.start, "not a CREATE VIEW statement"));
    }
    let columns = if reader.at_mark("(") { Some(reader.parentheses()?) } else { None };
    reader.expect_word("AS")?;
    Ok((head.name.range.end, columns))
}
