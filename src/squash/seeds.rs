//! The rows of a new file as INSERT statements: every value exact, every key kept.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, literal, quote};
use crate::rows::count_rows;
use crate::schema::{Content, Object, RowKey, Schema, Table, VirtualTable};
use crate::text::list;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seed {
    pub(super) table: String,
    pub(super) rows: u64,
    pub(super) sql: String,
}

/// How many rows one statement inserts.
const ROWS: usize = 50;

/// Writes the rows of a table; `None` if it has none.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a virtual table whose rows cannot be read back; whatever SQLite reports.
pub(super) fn seed(
    connection: &Connection,
    schema: &Schema,
    object: &Object,
) -> Result<Option<Seed>> {
    let Some(shape) = schema.shape(&object.name) else { return Ok(None) };
    let virtual_table = object.sql.as_deref().and_then(VirtualTable::read);
    let virtual_table = virtual_table.filter(|_| shape.key == RowKey::Module);
    let Some(index) = virtual_table else { return rows_of(connection, shape) };
    let documents = documents(connection, schema, &index)?;
    match &index.content {
        Content::Own => rows_of(connection, shape),
        _ if documents == 0 => Ok(None),
        Content::External(_) => {
            let name = quote(&index.name);
            let sql = format!("INSERT INTO {name}({name}) VALUES ('rebuild');\n");
            Ok(Some(Seed { table: object.name.clone(), rows: documents, sql }))
        }
        Content::Contentless => {
            let what = format!(
                "{} is a contentless full-text table with rows, which cannot be read back",
                object.name
            );
            Err(Error::new(ErrorKind::Unsupported, what).about(&object.name))
        }
    }
}

/// Counts what a full-text table without content of its own has indexed.
pub(super) fn documents(
    connection: &Connection,
    schema: &Schema,
    index: &VirtualTable,
) -> Result<u64> {
    let sizes = format!("{}_docsize", index.name);
    match (schema.find_table(&sizes), &index.content) {
        (Some(table), _) => count_rows(connection, &table.name),
        // Without sizes, as with columnsize=0, the index is taken to be full.
        (None, Content::External(content)) => count_rows(connection, content),
        (None, Content::Own | Content::Contentless) => Ok(0),
    }
}

/// The counters of AUTOINCREMENT that the inserted rows do not give by themselves.
pub(super) fn counters(connection: &Connection, schema: &Schema) -> Result<Option<Seed>> {
    if !schema.tables.contains_key("sqlite_sequence") {
        return Ok(None);
    }
    let mut statement =
        connection.prepare("SELECT name, seq FROM main.sqlite_sequence ORDER BY name")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut sql = String::new();
    let mut count = 0;
    for row in rows {
        let (table, counter) = row?;
        let Some(alias) = schema.shape(&table).and_then(Table::rowid_alias) else { continue };
        let highest: Option<i64> = connection.query_row(
            &format!("SELECT max({}) FROM main.{}", quote(&alias.name), quote(&table)),
            [],
            |row| row.get(0),
        )?;
        if highest == Some(counter) {
            continue;
        }
        let name = literal(&table);
        sql.push_str(&match highest {
            Some(_) => format!("UPDATE sqlite_sequence SET seq = {counter} WHERE name = {name};\n"),
            None => format!("INSERT INTO sqlite_sequence(name, seq) VALUES ({name}, {counter});\n"),
        });
        count += 1;
    }
    Ok((count > 0).then_some(Seed { table: "sqlite_sequence".to_owned(), rows: count, sql }))
}

fn rows_of(connection: &Connection, shape: &Table) -> Result<Option<Seed>> {
    let columns: Vec<String> = shape.writable().map(|it| quote(&it.name)).collect();
    let key = rowid_column(connection, shape)?;
    let listed: Vec<String> = key.iter().cloned().chain(columns).collect();
    let order = match (&shape.key, &key) {
        (RowKey::Rowid(name), _) => format!(" ORDER BY {}", quote(name)),
        (RowKey::PrimaryKey(names), _) => {
            format!(" ORDER BY {}", list(names.iter().map(|it| quote(it))))
        }
        (RowKey::Module, Some(rowid)) => format!(" ORDER BY {rowid}"),
        (RowKey::HiddenRowid | RowKey::Module, _) => String::new(),
    };
    let (table, listed_text) = (quote(&shape.name), listed.join(", "));
    let mut statement =
        connection.prepare(&format!("SELECT {listed_text} FROM main.{table}{order}"))?;
    let mut rows = statement.query([])?;
    let mut written = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..listed.len())
            .map(|place| value(connection, row.get_ref(place)?))
            .collect::<Result<Vec<_>>>()?;
        written.push(format!("  ({})", values.join(", ")));
    }
    if written.is_empty() {
        return Ok(None);
    }
    let count = u64::try_from(written.len()).unwrap_or(u64::MAX);
    let statements: Vec<String> = written
        .chunks(ROWS)
        .map(|rows| format!("INSERT INTO {table}({listed_text}) VALUES\n{};\n", rows.join(",\n")))
        .collect();
    Ok(Some(Seed { table: shape.name.clone(), rows: count, sql: statements.concat() }))
}

/// The rowid, where it is no column of its own and does not count from 1 without gaps.
fn rowid_column(connection: &Connection, shape: &Table) -> Result<Option<String>> {
    let table = quote(&shape.name);
    match &shape.key {
        RowKey::Rowid(name) if shape.column(name).is_none() => {
            let name = quote(name);
            let sql = format!("SELECT count(*), max({name}), min({name}) FROM main.{table}");
            let (count, high, low): (i64, Option<i64>, Option<i64>) =
                connection
                    .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let counted = low.is_none_or(|it| it == 1) && high.is_none_or(|it| it == count);
            Ok((!counted).then_some(name))
        }
        // An R*Tree has its key as its first column.
        RowKey::Module => {
            let takes = connection.prepare(&format!("SELECT rowid FROM main.{table}")).is_ok();
            let full_text = ["rank", "docid"].iter().any(|it| shape.column(it).is_some());
            Ok((takes && full_text && shape.column("rowid").is_none()).then(|| "rowid".to_owned()))
        }
        RowKey::Rowid(_) | RowKey::HiddenRowid | RowKey::PrimaryKey(_) => Ok(None),
    }
}

/// Writes a value so that SQLite reads the very same one.
fn value(connection: &Connection, value: ValueRef<'_>) -> Result<String> {
    Ok(match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => real(connection, number)?,
        ValueRef::Blob(bytes) => format!("X'{}'", hex(bytes)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().all(is_plain) => literal(text),
            Ok(_) | Err(_) => format!("CAST(X'{}' AS TEXT)", hex(bytes)),
        },
    })
}

/// Whether a character comes through a text file, whatever its line ends.
fn is_plain(character: char) -> bool {
    character == '\n' || character == '\t' || !(character.is_control() || character == '\u{feff}')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Writes a real with as many digits as SQLite needs to read it again
/// (<https://sqlite.org/floatingpoint.html>).
fn real(connection: &Connection, number: f64) -> Result<String> {
    if number.is_infinite() {
        return Ok(if number > 0.0 { "9e999" } else { "-9e999" }.to_owned());
    }
    for text in [format!("{number:?}"), format!("{number:.17e}"), format!("{number:.20e}")] {
        let read = connection.query_row(&format!("SELECT {text}"), [], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Real(read) => read.to_bits() == number.to_bits(),
                _ => false,
            })
        })?;
        if read {
            return Ok(text);
        }
    }
    let what = format!("no literal of SQLite stands for the number {number:?}");
    Err(Error::new(ErrorKind::Unsupported, what))
}

/// Returns whether two tables have one name.
pub(super) fn is_same_table(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(setup: &str, query: &str) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(setup).unwrap();
        let schema = crate::schema::read(&connection).unwrap();
        let again = Connection::open_in_memory().unwrap();
        let tables: Vec<&Object> =
            schema.objects.iter().filter(|it| it.root != 0 || it.kind.is_table()).collect();
        for object in &tables {
            if object.kind != crate::schema::ObjectKind::ShadowTable {
                again.execute_batch(object.sql.as_deref().unwrap()).unwrap();
            }
        }
        for object in &tables {
            if object.kind == crate::schema::ObjectKind::ShadowTable {
                continue;
            }
            if let Some(seed) = seed(&connection, &schema, object).unwrap() {
                again.execute_batch(&seed.sql).unwrap();
            }
        }
        if let Some(counters) = counters(&connection, &schema).unwrap() {
            again.execute_batch(&counters.sql).unwrap();
        }
        let answer = |connection: &Connection| -> Vec<String> {
            let mut statement = connection.prepare(query).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
            rows.map(|it| it.unwrap().unwrap_or_default()).collect()
        };
        assert_eq!(answer(&again), answer(&connection), "{setup}");
        assert!(!answer(&connection).is_empty());
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        round_trip(
            "CREATE TABLE t(a, b, c TEXT, d REAL);
             INSERT INTO t VALUES
               (NULL, x'00FF', 'it''s', 0.1), (-9223372036854775808, x'', '', 1e308),
               (9223372036854775807, 'x' || char(0) || 'y', 'a' || char(13) || char(10) || 'b', -1e-320),
               (1.0, CAST(x'FFFE' AS TEXT), char(65279) || 'é', 9e999), (3, 0.1 + 0.2, '12', 123456789.123456789)",
            "SELECT group_concat(quote(a) || '|' || typeof(a) || '|' || hex(b) || '|' || typeof(b) || '|' \
             || hex(c) || '|' || quote(d) || '|' || rowid, ';') FROM t",
        );
    }

    #[test]
    fn keys_and_counters_come_back() {
        round_trip(
            "CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES (5, 'x'), (-3, 'y');
             CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('b', 1), ('a', 2);
             CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO s VALUES (7, 'x'), (9, 'y');
             DELETE FROM s WHERE id = 9;
             CREATE TABLE e(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO e VALUES (4); DELETE FROM e",
            "SELECT rowid || a FROM t UNION ALL SELECT k || v FROM w UNION ALL SELECT id || v FROM s \
             UNION ALL SELECT name || seq FROM (SELECT * FROM sqlite_sequence ORDER BY name)",
        );
    }

    #[test]
    fn modules_get_their_rows() {
        round_trip(
            "CREATE TABLE n(id INTEGER PRIMARY KEY, body); INSERT INTO n VALUES (3, 'one two'), (8, 'three');
             CREATE VIRTUAL TABLE f USING fts5(body, content='n', content_rowid='id');
             INSERT INTO f(f) VALUES ('rebuild');
             CREATE VIRTUAL TABLE o USING fts5(x, y UNINDEXED); INSERT INTO o(rowid, x, y) VALUES (4, 'red', 1);
             CREATE VIRTUAL TABLE r USING rtree(id, a, b, +note); INSERT INTO r VALUES (9, 0.1, 2.5, 'x')",
            "SELECT rowid || body FROM f WHERE f MATCH 'two' UNION ALL SELECT rowid || x || y FROM o WHERE o MATCH 'red' \
             UNION ALL SELECT id || quote(a) || quote(b) || note FROM r",
        );
    }
}
