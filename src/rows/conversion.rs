//! Whether a column of another type would store the values of a column in another way.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::error::Result;
use crate::name::quote;
use crate::schema::{RowKey, Table};

const TYPED: &str = "phaseshift_typed";

/// How many values a report shows.
const SAMPLES: usize = 5;

/// A column that keeps its values under another declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedColumn {
    /// The column before.
    pub from: String,
    /// The column after.
    pub to: String,
    /// The type after; empty if values are stored as they are.
    pub declared: String,
}

/// Counts the values of a table, given as SQL text, that would be converted (<https://sqlite.org/datatype3.html#type_affinity>) and shows
/// some with their keys; `None` if every value stays as it is.
///
/// The values are stored in a temporary column of that type one by one, without any key: the key itself
/// may be what is converted.
///
/// # Errors
/// Whatever SQLite reports.
pub fn conversions(
    connection: &Connection,
    source: &str,
    shape: &Table,
    column: &TypedColumn,
) -> Result<Option<String>> {
    let value = quote(&column.from);
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp.{TYPED};
         CREATE TEMP TABLE {TYPED}(row, value BLOB, stored {});
         INSERT INTO temp.{TYPED} SELECT {}, {value}, {value} FROM {source} NOT INDEXED",
        column.declared,
        shown_key(shape)
    ))?;
    let found = converted(connection);
    connection.execute_batch(&format!("DROP TABLE temp.{TYPED}"))?;
    Ok(found?.map(|(count, samples)| {
        format!("the new type would convert {count} values ({})", samples.join("; "))
    }))
}

fn converted(connection: &Connection) -> Result<Option<(i64, Vec<String>)>> {
    let differs =
        format!("FROM temp.{TYPED} WHERE typeof(value) <> typeof(stored) OR value IS NOT stored");
    let count: i64 =
        connection.query_row(&format!("SELECT count(*) {differs}"), [], |row| row.get(0))?;
    if count == 0 {
        return Ok(None);
    }
    let sql = format!("SELECT row, value, stored {differs} LIMIT {SAMPLES}");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next()? {
        samples.push(format!(
            "{}: {} becomes {}",
            show(row.get_ref(0)?),
            show(row.get_ref(1)?),
            show(row.get_ref(2)?)
        ));
    }
    Ok(Some((count, samples)))
}

/// What a row is called in a report, as SQL.
fn shown_key(shape: &Table) -> String {
    match &shape.key {
        RowKey::Rowid(name) => quote(name),
        RowKey::PrimaryKey(names) => {
            let names: Vec<String> =
                names.iter().map(|name| format!("ifnull({}, 'NULL')", quote(name))).collect();
            names.join(" || ', ' || ")
        }
        RowKey::HiddenRowid | RowKey::Module => "NULL".to_owned(),
    }
}

/// A value as a report shows it, cut to a few words.
pub fn show(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => {
            let text: String = String::from_utf8_lossy(bytes).chars().take(40).collect();
            format!("'{text}'")
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}
