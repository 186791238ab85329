//! Whether a column of another type would store the values of a column in another way.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::database::with_progress;
use crate::error::Result;
use crate::event::Stage;
use crate::name::quote;
use crate::schema::{Affinity, RowKey, Table};
use crate::text::counted;

const TYPED: &str = "phaseshift_typed";

/// How many values a report shows.
const SAMPLES: usize = 5;

/// A column that keeps its values under another declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedColumn {
    pub from: String,
    pub to: String,
    /// The type after; empty if values are stored as they are.
    pub declared: String,
}

/// The values of a table, as they are read.
#[derive(Debug, Clone, Copy)]
pub struct Values<'s> {
    /// The table, as SQL text.
    pub source: &'s str,
    /// Its rows, for a progress bar.
    pub rows: u64,
    pub stage: Stage,
    pub shape: &'s Table,
}

/// Counts the values that would be converted (<https://sqlite.org/datatype3.html#type_affinity>) and shows
/// some with their keys: each column in which a value would not stay as it is, by its name afterwards.
///
/// One pass over the table tells which values may be converted at all. These are stored in a temporary column
/// of that type one by one, without any key: the key itself may be what is converted.
pub fn conversions(
    connection: &Connection,
    values: Values<'_>,
    columns: &[TypedColumn],
) -> Result<Vec<(String, String)>> {
    let changing = columns.iter().filter_map(|column| Some((column, may_change(column)?)));
    let changing: Vec<_> = changing.collect();
    let mut all = Vec::new();
    for some in changing.chunks(TOGETHER) {
        let tests: Vec<&str> = some.iter().map(|(_, test)| test.as_str()).collect();
        let found = met(connection, values, &tests)?;
        for ((column, test), _) in some.iter().zip(found).filter(|(_, found)| *found) {
            let finding = stored_otherwise(connection, values, (column, test))?;
            all.extend(finding.map(|it| (column.to.clone(), it)));
        }
    }
    Ok(all)
}

/// How many columns one query asks about.
const TOGETHER: usize = 100;

/// Tells of each condition whether a row meets it.
fn met(connection: &Connection, values: Values<'_>, tests: &[&str]) -> Result<Vec<bool>> {
    let list: Vec<String> = tests.iter().map(|test| format!("max({test})")).collect();
    let sql = format!("SELECT {} FROM {} NOT INDEXED", list.join(", "), values.source);
    let ask = || {
        connection.query_row(&sql, [], |row| {
            (0..tests.len())
                .map(|place| Ok(row.get::<_, Option<bool>>(place)? == Some(true)))
                .collect()
        })
    };
    Ok(with_progress(connection, (values.stage, "types"), (&sql, values.rows), ask)?)
}

fn stored_otherwise(
    connection: &Connection,
    values: Values<'_>,
    (column, test): (&TypedColumn, &str),
) -> Result<Option<String>> {
    let value = quote(&column.from);
    connection.execute_batch(&typed_table(column).join(";"))?;
    let insert = format!(
        "INSERT INTO temp.{TYPED} SELECT {}, {value}, {value} FROM {} NOT INDEXED WHERE {test}",
        shown_key(values.shape),
        values.source
    );
    let subject = (values.stage, column.from.as_str());
    with_progress(connection, subject, (&insert, values.rows), || {
        connection.execute_batch(&insert)
    })?;
    let found = converted(connection);
    connection.execute_batch(&format!("DROP TABLE temp.{TYPED}"))?;
    Ok(found?.map(|(count, samples)| {
        let values = counted(count, "value", "values");
        let rows: Vec<String> = samples.iter().map(|it| format!("row {it}")).collect();
        format!("the new type would convert {values} ({})", rows.join("; "))
    }))
}

/// The statements that make the temporary column of the new type.
fn typed_table(column: &TypedColumn) -> [String; 2] {
    [
        format!("DROP TABLE IF EXISTS temp.{TYPED}"),
        format!("CREATE TEMP TABLE {TYPED}(row, value BLOB, stored {})", column.declared),
    ]
}

/// Returns statements that try the new type of a column out in a temporary table, and the condition, as SQL, that
/// it converts a value; `None` if the type converts nothing.
pub fn conversion_sql(column: &TypedColumn, source: &str) -> Option<(Vec<String>, String)> {
    let test = may_change(column)?;
    let value = quote(&column.from);
    let mut statements = typed_table(column).to_vec();
    statements.push(format!(
        "INSERT INTO temp.{TYPED} SELECT NULL, {value}, {value} FROM {source} NOT INDEXED WHERE {test}"
    ));
    Some((statements, format!("EXISTS (SELECT 1 FROM temp.{TYPED} WHERE {DIFFERS})")))
}

/// The condition, as SQL, that a value was stored in another way.
const DIFFERS: &str = "typeof(value) <> typeof(stored) OR value IS NOT stored";

/// The condition, as SQL, that the new type of a column may convert a value: it says yes rather than no.
/// `None` if it converts nothing.
fn may_change(column: &TypedColumn) -> Option<String> {
    let value = quote(&column.from);
    let class = format!("typeof({value})");
    // White space, a sign, digits and a point, an exponent. A sign behind a digit, as in a date, is none.
    let number = format!(
        "{class} = 'text' AND {value} GLOB '*[0-9]*' AND {value} NOT GLOB '*[0-9.][-+]*' \
         AND {value} NOT GLOB '*[^-+.0-9eE' || char(9, 10, 11, 12, 13, 32) || ']*'"
    );
    let whole = format!("{class} = 'real' AND {value} COLLATE BINARY = CAST({value} AS INTEGER)");
    match Affinity::of(&column.declared) {
        Affinity::Blob => None,
        Affinity::Text => Some(format!("{class} IN ('integer', 'real')")),
        Affinity::Real => Some(format!("({class} = 'integer' OR {number})")),
        Affinity::Integer | Affinity::Numeric => Some(format!("({whole} OR {number})")),
    }
}

fn converted(connection: &Connection) -> Result<Option<(i64, Vec<String>)>> {
    let differs = format!("FROM temp.{TYPED} WHERE {DIFFERS}");
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(declared: &str) -> TypedColumn {
        TypedColumn {
            from: "value".to_owned(),
            to: "stored".to_owned(),
            declared: declared.to_owned(),
        }
    }

    /// What SQLite itself does with a value, and what the condition says.
    fn judge(connection: &Connection, declared: &str, value: &rusqlite::types::Value) -> [bool; 2] {
        connection
            .execute_batch(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t(value BLOB, stored {declared})"
            ))
            .unwrap();
        connection.execute("INSERT INTO t VALUES (?1, ?1)", [value]).unwrap();
        let test = may_change(&column(declared)).unwrap_or_else(|| "0".to_owned());
        let sql =
            format!("SELECT typeof(value) <> typeof(stored) OR value IS NOT stored, {test} FROM t");
        connection.query_row(&sql, [], |row| Ok([row.get(0)?, row.get(1)?])).unwrap()
    }

    const TYPES: [&str; 7] = ["", "BLOB", "TEXT", "INTEGER", "DATETIME", "REAL", "VARCHAR(9)"];

    fn values() -> impl Strategy<Value = rusqlite::types::Value> {
        use rusqlite::types::Value;
        let number =
            "[ \t\n\u{b}\u{c}\r]{0,2}[-+]?[0-9]{0,20}\\.?[0-9]{0,4}([eE][-+]?[0-9]{1,3})?[ \r]?";
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("no number", |it| !it.is_nan()).prop_map(Value::Real),
            (any::<i64>().prop_map(|it| Value::Real(it as f64))),
            (-9..9_i32).prop_map(|it| Value::Real(f64::from(it) / 2.0)),
            number.prop_map(Value::Text),
            "[-+.0-9eE x_\u{0}]{0,6}".prop_map(Value::Text),
            ".{0,9}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Blob),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_value_that_sqlite_converts_meets_the_condition(value in values()) {
            let connection = Connection::open_in_memory().unwrap();
            for declared in TYPES {
                let [converts, may] = judge(&connection, declared, &value);
                prop_assert!(may || !converts, "{declared}: {value:?}");
            }
        }
    }

    #[test]
    fn dates_names_and_fractions_need_no_closer_look() {
        use rusqlite::types::Value;
        let connection = Connection::open_in_memory().unwrap();
        let text = |it: &str| Value::Text(it.to_owned());
        for (declared, value, suspected) in [
            ("INTEGER", text("2024-01-02"), false),
            ("DATETIME", text("2024-01-02 03:04:05"), false),
            ("INTEGER", text("M 31"), false),
            ("INTEGER", text("007"), true),
            ("REAL", text("1e3"), true),
            ("INTEGER", Value::Real(0.5), false),
            ("INTEGER", Value::Real(2.0), true),
            ("REAL", Value::Integer(2), true),
            ("TEXT", text("2"), false),
            ("TEXT", Value::Integer(2), true),
        ] {
            let [_, may] = judge(&connection, declared, &value);
            assert_eq!(may, suspected, "{declared}: {value:?}");
        }
    }
}
