//! Rows for any schema of the fixtures, the same ones every time.

use std::collections::BTreeMap;

use phaseshift::name::quote;
use rusqlite::Connection;
use rusqlite::types::Value;

/// Puts rows into every table that has none, parents before children.
pub fn fill(connection: &Connection, rows: usize) {
    connection.execute_batch("PRAGMA foreign_keys=OFF; BEGIN").unwrap();
    for table in names(connection, "table") {
        let skip = ["schema_version", "phase_history"].contains(&table.as_str())
            || table.starts_with("sqlite_");
        let count: i64 = connection
            .query_row(&format!("SELECT count(*) FROM {}", quote(&table)), [], |row| row.get(0))
            .unwrap();
        if !skip && count == 0 {
            Filler::new(connection, &table).insert(rows);
        }
    }
    connection.execute_batch("COMMIT; PRAGMA foreign_keys=ON").unwrap();
    let orphans: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(orphans, 0);
}

fn names(connection: &Connection, kind: &str) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = ?1 ORDER BY name";
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([kind], |row| row.get(0)).unwrap();
    found.map(Result::unwrap).collect()
}

/// Writes further rows into every table that has some: what a program does between two phases.
pub fn write_more(connection: &Connection, rows: usize) {
    connection.execute_batch("PRAGMA foreign_keys=OFF; BEGIN").unwrap();
    for table in names(connection, "table") {
        let ours = ["schema_version", "phase_history"].contains(&table.as_str());
        if !ours && !table.starts_with("sqlite_") {
            Filler::new(connection, &table).insert_from(FURTHER, rows);
        }
    }
    connection.execute_batch("COMMIT; PRAGMA foreign_keys=ON").unwrap();
    let orphans: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(orphans, 0);
}

/// The number of the first further row; no table has as many before.
const FURTHER: usize = 1_001;

struct Filler<'c> {
    connection: &'c Connection,
    table: String,
    text: String,
    /// Columns: name, type, and whether a value is needed.
    columns: Vec<(String, String, bool)>,
    /// Columns that name a row of another table, and that table's column.
    parents: BTreeMap<String, (String, String)>,
}

impl<'c> Filler<'c> {
    fn new(connection: &'c Connection, table: &str) -> Self {
        let text = connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [table],
                |row| row.get(0),
            )
            .unwrap();
        let mut statement =
            connection.prepare(&format!("PRAGMA table_info({})", quote(table))).unwrap();
        let columns = statement
            .query_map([], |row| {
                let default: Option<String> = row.get(4)?;
                let needed: bool = row.get(3)?;
                Ok((row.get(1)?, row.get(2)?, needed && default.is_none()))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut statement =
            connection.prepare(&format!("PRAGMA foreign_key_list({})", quote(table))).unwrap();
        let parents = statement
            .query_map([], |row| Ok((row.get(3)?, (row.get(2)?, row.get(4)?))))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        Self { connection, table: table.to_owned(), text, columns, parents }
    }

    fn insert(&self, rows: usize) {
        self.insert_from(1, rows);
    }

    fn insert_from(&self, first: usize, rows: usize) {
        let names: Vec<String> = self.columns.iter().map(|(name, ..)| quote(name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let table = quote(&self.table);
        let sql = format!("INSERT INTO {table}({}) VALUES ({marks})", names.join(", "));
        let mut statement = self.connection.prepare(&sql).unwrap();
        for number in first..first + rows {
            let values: Vec<Value> = self
                .columns
                .iter()
                .map(|(name, declared, needed)| self.value(name, declared, *needed, number))
                .collect();
            statement.execute(rusqlite::params_from_iter(values)).unwrap();
        }
    }

    fn value(&self, column: &str, declared: &str, needed: bool, number: usize) -> Value {
        let text = |text: String| Value::Text(text);
        let whole = |number: usize| Value::Integer(i64::try_from(number).unwrap());
        if column == "id" && declared == "INTEGER" {
            return whole(number);
        }
        if column == "id" || column == "mapillary_id" {
            return text(format!("{}-{number:04}", self.table));
        }
        if let Some(value) = self.special(column, number) {
            return value;
        }
        if let Some((parent, key)) = self.parents.get(column) {
            // Every third row has no parent where that is allowed.
            if !needed && number.is_multiple_of(3) {
                return Value::Null;
            }
            return text(match key.as_str() {
                "id" => format!("{parent}-{number:04}"),
                _ => format!("{key} {number}"),
            });
        }
        if let Some(values) = self.allowed(column) {
            return values[number % values.len()].clone();
        }
        let may_be_null = !self.text.contains(&format!("{column} {declared} NOT NULL"));
        if may_be_null && number.is_multiple_of(5) {
            return Value::Null;
        }
        match declared {
            "INTEGER" => whole(number),
            "REAL" | "NUMERIC(9,6)" => Value::Real(f64::from(u32::try_from(number).unwrap()) + 0.5),
            _ if self.text.contains(&format!("json_type({column})")) => {
                text(format!("[\"a\",{number}]"))
            }
            _ if self.text.contains(&format!("json_valid({column})")) => {
                text(format!("{{\"n\":{number}}}"))
            }
            _ if column.ends_with("_at") || column.ends_with("_ts") => {
                text(format!("2024-05-{:02} 12:00:00", number % 28 + 1))
            }
            _ => text(format!("{column} {number}")),
        }
    }

    /// Values that a phase looks at.
    fn special(&self, column: &str, number: usize) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match (self.table.as_str(), column) {
            // Sizes of which a fraction and its product are exact.
            ("photos", "width") => Some(Value::Integer(4096)),
            ("photos", "height") => Some(Value::Integer(2048)),
            ("photo_annotations", "target") => {
                Some(Value::Text(format!("{{\"x\":{number}.0,\"y\":7.0,\"w\":64.0,\"h\":32.0}}")))
            }
            ("photos", "captured_at") if self.text.contains("latitude") => {
                text("2024-05-06 07:08:09+00:00")
            }
            ("photos", "captured_at" | "effective_at") => text("2024-05-06 07:08:09"),
            ("users", "role") if self.text.contains("'geral'") => text("geral"),
            ("users", "is_superuser") => Some(Value::Integer(0)),
            ("notifications", "user_id") if self.text.contains("client_key_id") => {
                let user = Value::Text(format!("users-{number:04}"));
                Some(if number.is_multiple_of(2) { user } else { Value::Null })
            }
            ("notifications", "client_key_id") => {
                let key = Value::Text(format!("client_key_id {number}"));
                Some(if number.is_multiple_of(2) { Value::Null } else { key })
            }
            // The keys of these come later.
            ("birth_charts" | "oauth_accounts", "user_id") => {
                Some(Value::Text(format!("users-{number:04}")))
            }
            _ => None,
        }
    }

    /// The values that a check of the column lists.
    fn allowed(&self, column: &str) -> Option<Vec<Value>> {
        let mark = format!("{column} IN (");
        let start = self.text.find(&mark)? + mark.len();
        let list = &self.text[start..];
        let list = &list[..list.find(')')?];
        let values = list.split(", ").map(|item| match item.strip_prefix('\'') {
            Some(quoted) => Value::Text(quoted.trim_end_matches('\'').to_owned()),
            None => Value::Integer(item.parse().unwrap()),
        });
        Some(values.collect())
    }
}
