//! Renames objects in the head of their statement. Uses of the name elsewhere are not its business.

use super::splice::{Splice, replaced};
use crate::name::quote;
use crate::sql::error::SqlError;
use crate::sql::object::{ObjectKind, object_head, read_head};
use crate::sql::reader::Reader;
use crate::sql::token::significant_tokens;

/// Gives a new name to what a CREATE statement makes; only the token of the name changes.
///
/// ```
/// use phaseshift::sql::edit::rename_object;
/// let sql = "CREATE TABLE sessions /* all */ (id INTEGER PRIMARY KEY)";
/// let renamed = rename_object(sql, "imaging_sessions").expect("a valid statement");
/// assert_eq!(renamed, r#"CREATE TABLE "imaging_sessions" /* all */ (id INTEGER PRIMARY KEY)"#);
/// ```
///
/// # Errors
/// The text does not begin like a CREATE statement.
pub fn rename_object(sql: &str, new_name: &str) -> Result<String, SqlError> {
    let head = object_head(sql)?;
    Ok(replaced(sql, head.name.range, &quote(new_name)))
}

/// Returns the condition of a partial index.
///
/// ```
/// use phaseshift::sql::edit::index_condition;
/// let text = "CREATE UNIQUE INDEX i ON t(a, (b + 1)) WHERE a > (1) -- all others";
/// assert_eq!(index_condition(text).map(str::trim_start), Some("a > (1) -- all others"));
/// assert_eq!(index_condition("CREATE INDEX \"where\" ON t(a)"), None);
/// ```
pub fn index_condition(sql: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let word = significant_tokens(sql).find(|token| {
        if token.is_mark(sql, "(") {
            depth += 1;
        } else if token.is_mark(sql, ")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_word(sql, "WHERE")
    })?;
    sql.get(word.end..)
}

/// Gives an index a new name and puts it on another table; columns and WHERE stay as they are.
pub fn retarget_index(sql: &str, new_name: &str, new_table: &str) -> Result<String, SqlError> {
    let mut reader = Reader::new(sql);
    let head = read_head(&mut reader)?;
    if head.kind != ObjectKind::Index {
        return Err(SqlError::at(sql, head.name.range.start, "not a CREATE INDEX statement"));
    }
    reader.expect_word("ON")?;
    let table = reader.name()?;
    if !reader.at_mark("(") {
        return Err(reader.expected("("));
    }
    let mut splice = Splice::default();
    splice.replace(head.name.range, quote(new_name));
    splice.replace(table.range, quote(new_table));
    Ok(splice.apply(sql))
}
