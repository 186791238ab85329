//! Statements that fire the triggers of a table or view. They are there to be compiled: SQLite reads the
//! body of a trigger only when a statement would fire it (<https://sqlite.org/lang_createtrigger.html>).

use rusqlite::Connection;

use super::model::Schema;
use crate::error::Result;
use crate::name::{literal, quote};
use crate::text::list;

/// Returns one statement for each kind of trigger that a table or view may have, ready to be prepared.
/// The update sets every column, so that `UPDATE OF` triggers are read too.
pub fn firing_statements(
    connection: &Connection,
    schema: &Schema,
    owner: &str,
) -> Result<Vec<String>> {
    let name = quote(owner);
    let columns = match schema.shape(owner) {
        Some(table) => table.writable().map(|column| quote(&column.name)).collect(),
        None => columns_of_view(connection, owner)?,
    };
    let mut statements = vec![format!("EXPLAIN DELETE FROM main.{name}")];
    if let Some(first) = columns.first() {
        let all = list(columns.iter().map(|column| format!("{column} = {column}")));
        statements.push(format!("EXPLAIN UPDATE main.{name} SET {all}"));
        statements.push(format!("EXPLAIN INSERT INTO main.{name}({first}) VALUES (NULL)"));
    }
    Ok(statements)
}

fn columns_of_view(connection: &Connection, view: &str) -> Result<Vec<String>> {
    let sql = format!("PRAGMA main.table_info({})", literal(view));
    // A view that does not compile has no columns; it is reported as such.
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(Vec::new()) };
    let Ok(names) = statement.query_map([], |row| row.get::<_, String>(1)) else {
        return Ok(Vec::new());
    };
    Ok(names.map_while(std::result::Result::ok).map(|name| quote(&name)).collect())
}
