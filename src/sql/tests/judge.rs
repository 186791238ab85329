//! Asks SQLite what a text means.

use rusqlite::Connection;

/// One row of `pragma table_xinfo`, without the number of the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub type_name: String,
    pub not_null: bool,
    pub default: Option<String>,
    pub key: i64,
    pub hidden: i64,
}

pub fn memory() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection
}

/// A fresh database in which SQLite accepted the text.
pub fn accepted(sql: &str) -> Connection {
    let connection = memory();
    if let Err(error) = connection.execute_batch(sql) {
        panic!("SQLite refuses {sql:?}: {error}");
    }
    connection
}

pub fn is_accepted(sql: &str) -> bool {
    memory().execute_batch(sql).is_ok()
}

/// The columns of the only table of a text.
pub fn columns(sql: &str) -> Vec<Column> {
    let connection = accepted(sql);
    let select = "SELECT x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
        FROM sqlite_schema AS s, pragma_table_xinfo(s.name) AS x WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(select).unwrap();
    let rows = statement.query_map([], |row| {
        Ok(Column {
            name: row.get(0)?,
            type_name: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            key: row.get(4)?,
            hidden: row.get(5)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

pub fn column_names(sql: &str) -> Vec<String> {
    columns(sql).into_iter().map(|column| column.name).collect()
}

/// The text that SQLite stores for the only table.
pub fn stored(connection: &Connection) -> String {
    let select = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    connection.query_row(select, [], |row| row.get(0)).unwrap()
}

/// The text that SQLite stores after running a statement on the table of a text.
pub fn stored_after(sql: &str, alter: &str) -> String {
    let connection = accepted(sql);
    if let Err(error) = connection.execute_batch(alter) {
        panic!("SQLite refuses {alter:?} on {sql:?}: {error}");
    }
    stored(&connection)
}

/// The index list of the only table: origin, uniqueness and columns of each index.
pub fn indexes(sql: &str) -> Vec<String> {
    let connection = accepted(sql);
    let select = "SELECT l.origin || ' ' || (SELECT group_concat(coalesce(i.name, '?'), ',') \
        FROM pragma_index_info(l.name) AS i) \
        FROM sqlite_schema AS s, pragma_index_list(s.name) AS l WHERE s.type = 'table' ORDER BY 1";
    let mut statement = connection.prepare(select).unwrap();
    let rows = statement.query_map([], |row| row.get(0));
    rows.unwrap().map(Result::unwrap).collect()
}

/// The foreign keys of the only table: column, parent and the action on delete.
pub fn foreign_keys(sql: &str) -> Vec<String> {
    let connection = accepted(sql);
    let select = "SELECT f.\"from\" || ' ' || f.\"table\" || ' ' || f.on_delete \
        FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table' \
        ORDER BY 1";
    let mut statement = connection.prepare(select).unwrap();
    let rows = statement.query_map([], |row| row.get(0));
    rows.unwrap().map(Result::unwrap).collect()
}
