//! Reading one table in key order, values as they are stored.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use crate::error::{Result, lacks_collation};
use crate::name::quote;
use crate::schema::{RowKey, Table};
use crate::text::list;

#[derive(Debug, Clone)]
pub struct Side<'c> {
    pub connection: &'c Connection,
    pub table: &'c str,
    pub key: &'c RowKey,
    /// The columns to compare; the n-th of one side belongs to the n-th of the other.
    pub columns: Vec<String>,
}

impl<'c> Side<'c> {
    /// Returns a side with every column of a table that is stored.
    pub fn whole(connection: &'c Connection, table: &'c Table) -> Self {
        let columns = table.writable().map(|column| column.name.clone()).collect();
        Self { connection, table: &table.name, key: &table.key, columns }
    }
}

/// SQLite refuses result sets wider than 2,000 columns (<https://sqlite.org/limits.html>); wider
/// tables are read in groups.
const GROUP: usize = 900;

/// How text is read. In a UTF-16 file, text that is not valid would change when SQLite converts
/// it, so its bytes are read beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextForm {
    Utf8,
    Utf16,
}

impl TextForm {
    pub(super) fn of(connection: &Connection) -> Result<Self> {
        let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
        Ok(if encoding == "UTF-8" { Self::Utf8 } else { Self::Utf16 })
    }

    pub(super) const fn width(self) -> usize {
        match self {
            Self::Utf8 => 1,
            Self::Utf16 => 2,
        }
    }
}

/// The ranges of columns that are read together.
pub(super) fn groups(columns: usize) -> Vec<std::ops::Range<usize>> {
    if columns == 0 {
        return std::iter::once(0..0).collect();
    }
    (0..columns).step_by(GROUP).map(|start| start..columns.min(start + GROUP)).collect()
}

/// Returns the names of the columns that make the key.
pub(super) fn key_columns(key: &RowKey) -> Vec<String> {
    match key {
        RowKey::Rowid(name) => vec![name.clone()],
        RowKey::PrimaryKey(names) => names.clone(),
        RowKey::HiddenRowid | RowKey::Module => Vec::new(),
    }
}

/// Prepares the query that reads a group of columns in key order.
pub(super) fn prepare<'c>(
    side: &Side<'c>,
    columns: std::ops::Range<usize>,
    form: TextForm,
) -> Result<Statement<'c>> {
    let keys = key_columns(side.key);
    let order = list(keys.iter().map(|name| quote(name)));
    let selected = select_list(&keys, &side.columns[columns], form);
    let table = quote(side.table);
    // Without a key to order by, a scan of the table itself is in rowid order.
    let sql = if order.is_empty() {
        format!("SELECT {selected} FROM main.{table} NOT INDEXED")
    } else {
        format!("SELECT {selected} FROM main.{table} ORDER BY {order}")
    };
    match side.connection.prepare(&sql) {
        // The collation of a key is missing here. A scan of the table itself is in key order too.
        Err(error) if lacks_collation(&error) => {
            let sql = format!("SELECT {selected} FROM main.{table} NOT INDEXED");
            Ok(side.connection.prepare(&sql)?)
        }
        other => Ok(other?),
    }
}

/// Prepares the query that finds one row by its key, which is bound.
pub(super) fn prepare_lookup<'c>(
    side: &Side<'c>,
    columns: std::ops::Range<usize>,
    form: TextForm,
) -> Result<Statement<'c>> {
    let keys = key_columns(side.key);
    let selected = select_list(&keys, &side.columns[columns], form);
    let condition =
        keys.iter().map(|name| format!("{} IS ?", quote(name))).collect::<Vec<_>>().join(" AND ");
    let table = quote(side.table);
    Ok(side
        .connection
        .prepare(&format!("SELECT {selected} FROM main.{table} WHERE {condition}"))?)
}

/// Returns the list of a query for keys and columns.
pub(super) fn select_list(keys: &[String], columns: &[String], form: TextForm) -> String {
    let mut list: Vec<String> = keys.iter().map(|name| quote(name)).collect();
    for column in columns {
        let name = quote(column);
        if form == TextForm::Utf16 {
            list.push(format!("CAST({name} AS BLOB)"));
        }
        list.push(name);
    }
    if list.is_empty() { "1".to_owned() } else { list.join(", ") }
}

/// Returns whether two stored values are the same: storage class and bytes.
pub(super) fn identical(left: ValueRef<'_>, right: ValueRef<'_>) -> bool {
    match (left, right) {
        (ValueRef::Null, ValueRef::Null) => true,
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left == right,
        (ValueRef::Real(left), ValueRef::Real(right)) => left.to_bits() == right.to_bits(),
        (ValueRef::Text(left), ValueRef::Text(right))
        | (ValueRef::Blob(left), ValueRef::Blob(right)) => left == right,
        (
            ValueRef::Null
            | ValueRef::Integer(_)
            | ValueRef::Real(_)
            | ValueRef::Text(_)
            | ValueRef::Blob(_),
            _,
        ) => false,
    }
}

/// Shows a value for a report: short, with its storage class.
pub(super) fn show(value: ValueRef<'_>) -> String {
    let clip = |text: String| -> String {
        if text.chars().count() > 40 {
            text.chars().take(40).chain(['…']).collect()
        } else {
            text
        }
    };
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => format!("integer {number}"),
        ValueRef::Real(number) => format!("real {number:?}"),
        ValueRef::Text(bytes) => {
            format!("text {}", clip(format!("{:?}", String::from_utf8_lossy(bytes))))
        }
        ValueRef::Blob(bytes) => {
            let shown: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("blob x'{shown}' of {} bytes", bytes.len())
        }
    }
}

/// Shows the key of a row for a report.
pub(super) fn show_key(row: &Row<'_>, side: &Side<'_>) -> Result<String> {
    let mut parts = Vec::new();
    for (index, name) in key_columns(side.key).iter().enumerate() {
        parts.push(format!("{name} {}", show(row.get_ref(index)?)));
    }
    Ok(parts.join(", "))
}
