//! What SQLite reports about the indexes of a table.

use rusqlite::Connection;

use crate::error::Result;
use crate::name::literal;

/// The number that SQLite gives the rowid as part of an index, and that of an expression
/// (<https://sqlite.org/pragma.html#pragma_index_xinfo>).
pub(super) const ROWID: i64 = -1;
pub(crate) const EXPRESSION: i64 = -2;

/// The indexes of one table, automatic ones included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexes(pub(super) Vec<Index>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) definition: Definition,
}

/// An index without names: columns by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) unique: bool,
    pub(super) partial: bool,
    /// Whether it belongs to the primary key.
    pub(super) primary: bool,
    pub(super) parts: Vec<IndexPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexPart {
    pub(super) column: i64,
    pub(super) descending: bool,
    pub(super) collation: String,
    /// Whether it is part of the key; else it only tells equal keys apart.
    pub(super) key: bool,
}

/// Reads the indexes of a table (<https://sqlite.org/pragma.html#pragma_index_list>).
pub fn indexes(connection: &Connection, table: &str) -> Result<Indexes> {
    let mut list = connection.prepare(&format!("PRAGMA main.index_list({})", literal(table)))?;
    let mut rows = list.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let definition = Definition {
            unique: row.get(2)?,
            primary: row.get::<_, String>(3)? == "pk",
            partial: row.get(4)?,
            parts: parts(connection, &name)?,
        };
        found.push(Index { name, definition });
    }
    Ok(Indexes(found))
}

fn parts(connection: &Connection, index: &str) -> Result<Vec<IndexPart>> {
    let mut info = connection.prepare(&format!("PRAGMA main.index_xinfo({})", literal(index)))?;
    let rows = info.query_map([], |row| {
        let collation: Option<String> = row.get(4)?;
        Ok(IndexPart {
            column: row.get(1)?,
            descending: row.get(3)?,
            collation: collation.unwrap_or_default().to_ascii_uppercase(),
            key: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Indexes {
    /// Returns the index that is a table without rowids itself.
    pub(super) fn primary(&self) -> Option<&Index> {
        self.0.iter().find(|index| index.definition.primary)
    }
}
