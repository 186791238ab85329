//! Adds a table constraint to, and drops any constraint from, a stored CREATE TABLE text.

use super::matching::{ConstraintPlace, ConstraintRef, exists, find, ranges};
use super::piece;
use super::splice::{Gap, Splice, with_space_before};
use crate::sql::create_table::CreateTable;
use crate::sql::error::SqlError;

/// Adds a table constraint at the end of the body, where SQLite's own ALTER TABLE puts it.
///
/// ```
/// use phaseshift::sql::edit::add_constraint;
/// let sql = "CREATE TABLE t(a INT) STRICT";
/// assert_eq!(
///     add_constraint(sql, "CONSTRAINT positive CHECK (a > 0)").as_deref(),
///     Ok("CREATE TABLE t(a INT, CONSTRAINT positive CHECK (a > 0)) STRICT"),
/// );
/// ```
///
/// # Errors
/// The text is no CREATE TABLE statement, or the piece is not exactly one table constraint.
pub fn add_constraint(sql: &str, constraint_sql: &str) -> Result<String, SqlError> {
    let table = CreateTable::read(sql)?;
    let constraint = piece::trimmed(constraint_sql);
    piece::table_constraint(constraint)?;
    let mut splice = Splice::default();
    splice.insert(table.body.end - 1, format!(", {constraint}"));
    Ok(splice.apply(sql))
}

/// Returns whether a table has a constraint that reads like this text, as a table constraint or as a
/// column constraint; white space, comments, quotes and case do not count.
///
/// ```
/// use phaseshift::sql::edit::has_constraint;
/// let sql = "CREATE TABLE t(a INT REFERENCES u(id))";
/// assert_eq!(has_constraint(sql, "foreign key (a) references u (id)"), Ok(true));
/// assert_eq!(has_constraint(sql, "FOREIGN KEY (a) REFERENCES u(id) ON DELETE CASCADE"), Ok(false));
/// ```
pub fn has_constraint(sql: &str, constraint_sql: &str) -> Result<bool, SqlError> {
    let table = CreateTable::read(sql)?;
    Ok(exists(sql, &table, constraint_sql))
}

/// Drops one constraint, of the table or of a column, found by its name or by its text.
///
/// By text, white space, comments, quotes and case do not count, and `UNIQUE (a)` also means a
/// `UNIQUE` at column `a`; likewise for `PRIMARY KEY (a)` and `FOREIGN KEY (a) REFERENCES ...`.
///
/// ```
/// use phaseshift::sql::edit::{ConstraintRef, drop_constraint};
/// let sql = "CREATE TABLE t(a INT UNIQUE NOT NULL, CONSTRAINT small CHECK (a < 9))";
/// assert_eq!(
///     drop_constraint(sql, &ConstraintRef::Name("Small")).as_deref(),
///     Ok("CREATE TABLE t(a INT UNIQUE NOT NULL)"),
/// );
/// assert_eq!(
///     drop_constraint(sql, &ConstraintRef::Sql(r#"unique ("A")"#)).as_deref(),
///     Ok("CREATE TABLE t(a INT NOT NULL, CONSTRAINT small CHECK (a < 9))"),
/// );
/// ```
///
/// # Errors
/// The text is no CREATE TABLE statement, or none or several constraints fit; the message lists them.
pub fn drop_constraint(sql: &str, wanted: &ConstraintRef<'_>) -> Result<String, SqlError> {
    let table = CreateTable::read(sql)?;
    let found = find(sql, &table, *wanted)?;
    let mut splice = Splice::default();
    match found {
        ConstraintPlace::OfTable(place) => cut_table_constraint(sql, &table, place, &mut splice),
        ConstraintPlace::OfColumn(..) => {
            for range in ranges(&table, found) {
                splice.cut(with_space_before(sql, &range));
            }
        }
    }
    Ok(splice.apply(sql))
}

/// Cuts a table constraint with the comma before it, unless what follows still needs that comma.
fn cut_table_constraint(sql: &str, table: &CreateTable, place: usize, splice: &mut Splice) {
    let range = table.constraints[place].range.clone();
    let previous = match place.checked_sub(1) {
        Some(before) => table.constraints[before].range.end,
        None => table.columns.last().map_or(range.start, |column| column.range.end),
    };
    let next = table.constraints.get(place + 1).map(|constraint| constraint.range.start);
    let comma_follows = next.is_none_or(|next| Gap::new(sql, range.end..next).comma().is_some());
    let gap = Gap::new(sql, previous..range.start);
    match gap.comma() {
        Some(comma) if comma_follows && !gap.has_comment() => splice.cut(comma..range.end),
        Some(comma) if comma_follows => {
            splice.cut(comma..comma + 1);
            splice.cut(with_space_before(sql, &range));
        }
        Some(_) | None => splice.cut(with_space_before(sql, &range)),
    }
}
