//! Rows without a parent, told apart by the values of their foreign keys: in a table that a data step recreated, the
//! same rows have other rowids than in the backup.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::error::Result;
use crate::name::{fold, in_main, quote, same};
use crate::plan::{Plan, Stage};
use crate::schema::{ForeignKey, Schema, Table};
use crate::text::list;

/// How many rows without a parent are compared at most.
const MOST: u64 = 100_000;

/// How many values are named.
const NAMED: usize = 5;

/// How often each foreign key value without a parent occurs, by the folded name of the parent table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Orphans {
    values: BTreeMap<(String, Vec<String>), u64>,
    count: u64,
}

impl Orphans {
    /// Counts the rows of a table without a parent; `None` if there are too many, or if a key cannot be checked.
    ///
    /// # Errors
    /// Whatever SQLite reports of a key that can be checked.
    pub(super) fn of(
        connection: &Connection,
        schema: &Schema,
        table: &Table,
    ) -> Result<Option<Self>> {
        let mut found = Self::default();
        for key in &table.foreign_keys {
            let Some(sql) = query(schema, table, key) else { return Ok(None) };
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let values = (0..key.columns.len()).map(|column| Ok(plain(row.get_ref(column)?)));
                let values = values.collect::<rusqlite::Result<_>>()?;
                *found.values.entry((fold(&key.parent), values)).or_default() += 1;
                found.count += 1;
            }
            if found.count > MOST {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// Returns how many there are; a row counts once for each key that it breaks.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Names the values that occur more often than in the backup, where tables may have other names: one line for each
    /// parent.
    pub(super) fn more_than(
        &self,
        before: &Self,
        name_before: &dyn Fn(&str) -> String,
    ) -> Vec<String> {
        let mut by_parent: BTreeMap<&str, Vec<(String, u64)>> = BTreeMap::new();
        for ((parent, values), count) in &self.values {
            let old = (name_before(parent), values.clone());
            let more = count.saturating_sub(before.values.get(&old).copied().unwrap_or(0));
            if more > 0 {
                by_parent.entry(parent).or_default().push((values.join(", "), more));
            }
        }
        let line = |(parent, found): (&str, Vec<(String, u64)>)| match found.as_slice() {
            [(values, 1)] => format!("1 row with {values} has no parent in {parent}"),
            [(values, more)] => format!("{more} rows with {values} have no parent in {parent}"),
            several => {
                let rows: u64 = several.iter().map(|(_, more)| more).sum();
                let such = if several.len() > NAMED { "such as " } else { "" };
                let named = list(several.iter().take(NAMED).map(|(values, _)| values));
                format!("{rows} rows have no parent in {parent}, with the keys {such}{named}")
            }
        };
        by_parent.into_iter().map(line).collect()
    }
}

/// Reads the key of each row without a parent as SQLite compares keys, with the parent's collation
/// (<https://sqlite.org/foreignkeys.html#fk_indexes>).
fn query(schema: &Schema, table: &Table, key: &ForeignKey) -> Option<String> {
    let columns: Vec<String> = key.columns.iter().map(|it| format!("c.{}", quote(it))).collect();
    let given: Vec<String> = columns.iter().map(|it| format!("{it} IS NOT NULL")).collect();
    let mut sql = format!(
        "SELECT {} FROM {} AS c WHERE {}",
        columns.join(", "),
        in_main(&table.name),
        given.join(" AND ")
    );
    // Without its parent table every row with a key breaks it.
    if let Some(parent) = schema.shape(&key.parent) {
        let named = key.columns_in(parent);
        if named.len() != columns.len() || named.iter().any(|it| parent.column(it).is_none()) {
            return None;
        }
        let pairs =
            named.iter().zip(&columns).map(|(to, from)| format!("p.{} = {from}", quote(to)));
        let pairs: Vec<String> = pairs.collect();
        let parent = in_main(&parent.name);
        sql +=
            &format!(" AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {})", pairs.join(" AND "));
    }
    Some(format!("{sql} LIMIT {}", MOST + 1))
}

/// Says which action of a foreign key would have looked after rows that lost their parent, and what does it instead:
/// the statements of data steps run without these actions.
pub(super) fn action_not_run(
    plan: &Plan,
    schema: &Schema,
    table: &str,
    parent: &str,
) -> Option<String> {
    let child = schema.shape(table)?;
    let key = child.foreign_keys.iter().find(|it| same(&it.parent, parent))?;
    let touched = plan.stages().filter_map(|stage| match stage {
        Stage::Data(data) => data.touched.tables.get(&fold(parent)),
        Stage::SchemaChange(_) => None,
    });
    let (mut deletes, mut updates) = (false, false);
    for table in touched {
        deletes |= table.deletes || table.replaces;
        updates |= !table.updates.is_empty();
    }
    let (on_update, on_delete, _) = &key.actions;
    let acts = |action: &str| !["NO ACTION", "RESTRICT"].contains(&action);
    let (when, action) = match (deletes && acts(on_delete), updates && acts(on_update)) {
        (true, _) => ("ON DELETE", on_delete.as_str()),
        (false, true) => ("ON UPDATE", on_update.as_str()),
        (false, false) => return None,
    };
    let table = quote(&child.name);
    let set = |value: &str| {
        let columns = key.columns.iter().map(|it| format!("{} = {value}", quote(it)));
        format!("UPDATE {table} SET {}", list(columns))
    };
    let does = match (when, action) {
        ("ON DELETE", "CASCADE") => format!("DELETE FROM {table}"),
        ("ON DELETE", "SET NULL") => set("NULL"),
        _ => set("..."),
    };
    let does = if when == "ON DELETE" {
        format!("{does} WHERE {}", astray(child, key, schema.shape(parent)?)?)
    } else {
        does
    };
    Some(format!(
        "{when} {action} of {} ({}) does not run in sql steps; write in the step: {does}",
        child.name,
        key.columns.join(", ")
    ))
}

/// The condition under which a row of the child has no parent, in SQL that works for NULLs and for a table that refers
/// to itself.
fn astray(child: &Table, key: &ForeignKey, parent: &Table) -> Option<String> {
    let parent_key = key.columns_in(parent);
    if parent_key.len() != key.columns.len() {
        return None;
    }
    let table = quote(&child.name);
    let given = key.columns.iter().map(|it| format!("{} IS NOT NULL", quote(it)));
    let pairs = parent_key.iter().zip(&key.columns);
    let equal = pairs.map(|(to, from)| format!("p.{} = {table}.{}", quote(to), quote(from)));
    Some(format!(
        "{} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        given.collect::<Vec<_>>().join(" AND "),
        quote(&parent.name),
        equal.collect::<Vec<_>>().join(" AND ")
    ))
}

/// A value in a form that is the same for numbers of all storage classes, because a recreated table may have other
/// types.
fn plain(value: ValueRef<'_>) -> String {
    let number = |number: f64| {
        let whole = number.fract() == 0.0 && number.abs() < 9e15;
        if whole { format!("{number:.0}") } else { format!("{number:?}") }
    };
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(real) => number(real),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            text.trim().parse::<f64>().map_or_else(|_| format!("'{text}'"), number)
        }
        ValueRef::Blob(bytes) => {
            bytes.iter().fold("x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn orphans(sql: &str) -> Orphans {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys=OFF").unwrap();
        connection.execute_batch(sql).unwrap();
        let schema = schema::read(&connection).unwrap();
        let found = Orphans::of(&connection, &schema, schema.shape("c").unwrap()).unwrap();
        let sqlite: i64 = connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check('c')", [], |row| row.get(0))
            .unwrap();
        let found = found.unwrap();
        assert_eq!(i64::try_from(found.count()), Ok(sqlite), "{sql}");
        found
    }

    const PARENT: &str = "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);";

    #[test]
    fn the_same_values_in_rows_of_other_numbers_and_types_are_none_more() {
        let before = orphans(&format!(
            "{PARENT} CREATE TABLE c(k TEXT PRIMARY KEY, p TEXT REFERENCES p);
             INSERT INTO c VALUES ('a', 1), ('b', 7), ('c', 7), ('d', NULL), ('e', 'x');"
        ));
        let now = orphans(
            "CREATE TABLE q(id INTEGER PRIMARY KEY); INSERT INTO q VALUES (1);
             CREATE TABLE c(p REFERENCES q(id), k TEXT PRIMARY KEY) WITHOUT ROWID;
             INSERT INTO c VALUES (7.0, 'z'), (1, 'a'), ('x', 'e'), (7, 'c'), (NULL, 'd');",
        );
        let name = |name: &str| if name == "q" { "p".to_owned() } else { name.to_owned() };
        assert_eq!(now.more_than(&before, &name), Vec::<String>::new());
        assert_eq!(
            before.more_than(&Orphans::default(), &name),
            ["3 rows have no parent in p, with the keys 'x', 7"]
        );
    }

    #[test]
    fn another_value_and_a_value_once_more_are_named() {
        let before = orphans(&format!(
            "{PARENT} CREATE TABLE c(p REFERENCES p, q REFERENCES nowhere); INSERT INTO c VALUES (7, 1);"
        ));
        let now = orphans(&format!(
            "{PARENT} CREATE TABLE c(p REFERENCES p, q REFERENCES nowhere); INSERT INTO c VALUES (7, 1), (7, NULL), (9, 1);"
        ));
        let more = now.more_than(&before, &|name| name.to_owned());
        assert_eq!(
            more,
            [
                "1 row with 1 has no parent in nowhere",
                "2 rows have no parent in p, with the keys 7, 9"
            ]
        );
    }
}
