//! A schema as a text of CREATE statements, each behind what it stands on.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::name::fold;
use crate::schema::{Object, ObjectKind, Schema};
use crate::sql::tokens;

use super::dependents::view_layers;

/// Returns the objects in dependency order: tables behind those that their foreign keys name, virtual tables, indexes,
/// views in layers, triggers; otherwise by name. In a circle of foreign keys the first name comes first.
///
/// The order is the same for every file that holds the same objects. The tables behind a virtual table, and their
/// indexes, are left out: its module makes them.
pub fn in_dependency_order(schema: &Schema) -> Result<Vec<&Object>> {
    let by_name = |kind: ObjectKind| {
        let mut found: Vec<&Object> = schema.of_kind(kind).collect();
        found.sort_by_key(|it| (fold(&it.name), it.name.as_str()));
        found
    };
    let mut ordered = by_foreign_keys(schema, by_name(ObjectKind::Table));
    ordered.extend(by_name(ObjectKind::VirtualTable));
    let behind: BTreeSet<String> =
        schema.of_kind(ObjectKind::ShadowTable).map(|it| fold(&it.name)).collect();
    let mut indexes = by_name(ObjectKind::Index);
    indexes.retain(|it| !behind.contains(&fold(&it.table)));
    indexes.sort_by_key(|it| fold(&it.table));
    ordered.extend(indexes);
    let mut views = by_name(ObjectKind::View);
    if !views.is_empty() {
        let layers = view_layers(schema)?;
        views.sort_by_key(|it| layers.get(&fold(&it.name)).copied().unwrap_or(usize::MAX));
    }
    ordered.extend(views);
    let mut triggers = by_name(ObjectKind::Trigger);
    triggers.sort_by_key(|it| fold(&it.table));
    ordered.extend(triggers);
    Ok(ordered)
}

/// Puts tables that come in order of their names behind the tables that they refer to.
fn by_foreign_keys<'s>(schema: &Schema, tables: Vec<&'s Object>) -> Vec<&'s Object> {
    let place: BTreeMap<String, usize> =
        tables.iter().enumerate().map(|(at, it)| (fold(&it.name), at)).collect();
    let mut waits: Vec<usize> = vec![0; tables.len()];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tables.len()];
    for (at, table) in tables.iter().enumerate() {
        let keys = schema.shape(&table.name).map(|it| it.foreign_keys.as_slice());
        let parents: BTreeSet<usize> = keys
            .unwrap_or_default()
            .iter()
            .filter_map(|key| place.get(&fold(&key.parent)).copied())
            .filter(|parent| *parent != at)
            .collect();
        for parent in parents {
            if let (Some(waits), Some(children)) = (waits.get_mut(at), children.get_mut(parent)) {
                *waits += 1;
                children.push(at);
            }
        }
    }
    let ready = |waits: &[usize]| {
        waits.iter().enumerate().filter(|(_, it)| **it == 0).map(|(at, _)| at).collect()
    };
    let mut next: BTreeSet<usize> = ready(&waits);
    let mut left: BTreeSet<usize> = (0..tables.len()).collect();
    let mut ordered = Vec::with_capacity(tables.len());
    // Where a circle is left, its first table goes first.
    while let Some(at) = next.pop_first().or_else(|| left.first().copied()) {
        if !left.remove(&at) {
            continue;
        }
        ordered.extend(tables.get(at).copied());
        for child in children.get(at).into_iter().flatten() {
            if let Some(waits) = waits.get_mut(*child) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    next.insert(*child);
                }
            }
        }
    }
    ordered
}

/// Returns the schema as a script of CREATE statements in dependency order, in the words in which SQLite stores them.
/// The same objects give the same bytes.
pub fn schema_script(schema: &Schema) -> Result<String> {
    let mut script = String::new();
    for sql in in_dependency_order(schema)?.into_iter().filter_map(|it| it.sql.as_deref()) {
        script.push_str(sql);
        // A comment up to the end of the line would hide the semicolon.
        let ends_in_comment = tokens(sql).last().is_some_and(|it| it.text(sql).starts_with("--"));
        script.push_str(if ends_in_comment { "\n;\n" } else { ";\n" });
    }
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(sql: &str) -> String {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        schema_script(&crate::schema::read(&connection).unwrap()).unwrap()
    }

    #[test]
    fn what_is_needed_comes_first() {
        let found = script(
            "CREATE TABLE a(x REFERENCES z(y)); CREATE TABLE z(y PRIMARY KEY, w REFERENCES m);
             CREATE VIEW b AS SELECT * FROM c -- the end\n; CREATE VIEW c AS SELECT 1 FROM z;
             CREATE TABLE m(id INTEGER PRIMARY KEY, me REFERENCES m); CREATE INDEX i ON a(x);
             CREATE TABLE r1(x REFERENCES r2); CREATE TABLE r2(y PRIMARY KEY, x REFERENCES r1);
             CREATE TRIGGER g AFTER INSERT ON m BEGIN DELETE FROM a; END;",
        );
        let names: Vec<&str> = found
            .lines()
            .filter(|it| *it != ";")
            .map(|it| it.split(['(', ' ']).nth(2).unwrap())
            .collect();
        assert_eq!(names, ["m", "z", "a", "r1", "r2", "i", "c", "b", "g"]);
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(&found).unwrap();
        assert_eq!(schema_script(&crate::schema::read(&connection).unwrap()).unwrap(), found);
    }
}
