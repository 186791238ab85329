//! Compares two schemas object by object.

use super::difference::{ComparedObject, Difference, Verdict};
use std::collections::HashMap;

use crate::name::fold;
use crate::schema::{ColumnOrder, Object, ObjectKind, Schema, same_meaning, same_virtual_meaning};

use super::index::compare_indexes;
use super::table::compare_tables;
use super::words::Wording;

/// How two schemas compare, object by object: the expected ones in their order, then the unexpected ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaComparison {
    /// The objects, identical ones included; the tables that a virtual table keeps its content in are left out.
    pub objects: Vec<ComparedObject>,
}

impl SchemaComparison {
    /// Returns the objects that differ in more than their text.
    pub fn differing(&self) -> impl Iterator<Item = &ComparedObject> {
        self.objects.iter().filter(|it| it.differs())
    }

    /// Returns whether the definitions are the same, whatever their texts.
    pub fn is_same(&self) -> bool {
        self.differing().next().is_none()
    }

    /// Returns whether all names and texts are the same, byte for byte.
    pub fn is_identical(&self) -> bool {
        self.objects.iter().all(|it| it.verdict == Verdict::Identical)
    }

    /// Returns the objects whose definition is the same and whose text is not.
    pub fn reworded(&self) -> impl Iterator<Item = &ComparedObject> {
        self.objects.iter().filter(|it| it.verdict == Verdict::SameMeaning)
    }
}

/// Compares a schema with the expected one. With [`ColumnOrder::Any`], the order of columns does not count.
///
/// The tables that a virtual table keeps its content in do not count: they come with it.
pub fn compare_schemas(expected: &Schema, found: &Schema, order: ColumnOrder) -> SchemaComparison {
    let there = by_name(found);
    let mut objects = Vec::new();
    for object in counted(expected) {
        let other = there.get(&key(object)).copied();
        let verdict = other.map_or(Verdict::Missing, |other| {
            ObjectPair { schemas: (expected, found), objects: (object, other) }.verdict(order)
        });
        objects.push(compared(object, verdict));
    }
    let wanted = by_name(expected);
    let further = counted(found).filter(|object| !wanted.contains_key(&key(object)));
    objects.extend(further.map(|object| compared(object, Verdict::Unexpected)));
    SchemaComparison { objects }
}

/// Lists how a schema differs in meaning from the expected one, one line each.
pub fn differences(expected: &Schema, found: &Schema, order: ColumnOrder) -> Vec<String> {
    let comparison = compare_schemas(expected, found, order);
    comparison.differing().flat_map(|object| object.lines(Wording::Unexpected)).collect()
}

/// Lists in what a schema is not the very same as the expected one: names, texts, the columns that SQLite reports,
/// and the tables behind virtual tables.
pub fn not_identical(expected: &Schema, found: &Schema) -> Vec<String> {
    let comparison = compare_schemas(expected, found, ColumnOrder::Same);
    let odd = comparison.objects.iter().filter(|it| it.verdict != Verdict::Identical);
    let mut lines: Vec<String> = odd.flat_map(|object| object.lines(Wording::Unexpected)).collect();
    let shadows = |schema: &Schema| -> Vec<String> {
        schema.of_kind(ObjectKind::ShadowTable).map(|it| it.name.clone()).collect()
    };
    let (wanted, here) = (shadows(expected), shadows(found));
    let only_in = |one: &[String], other: &[String], what: &str| -> Vec<String> {
        let absent = one.iter().filter(|name| !other.contains(name));
        absent.map(|name| format!("shadow table {name} is {what}")).collect()
    };
    lines.extend(only_in(&wanted, &here, "missing"));
    lines.extend(only_in(&here, &wanted, "unexpected"));
    for (folded, table) in &expected.tables {
        if let Some(other) = found.tables.get(folded)
            && other.columns != table.columns
        {
            lines.push(format!("the columns of {} differ", table.name));
        }
    }
    lines
}

/// What tells objects apart: triggers may have the name of a table.
type Key = (ObjectKind, String);

fn key(object: &Object) -> Key {
    (object.kind, fold(&object.name))
}

fn by_name(schema: &Schema) -> HashMap<Key, &Object> {
    counted(schema).map(|object| (key(object), object)).collect()
}

fn counted(schema: &Schema) -> impl Iterator<Item = &Object> {
    schema.objects.iter().filter(|object| object.kind != ObjectKind::ShadowTable)
}

fn compared(object: &Object, verdict: Verdict) -> ComparedObject {
    let (name, table) = (object.name.clone(), object.table.clone());
    ComparedObject { kind: object.kind, name, table, verdict }
}

/// Two objects of one kind and name, in their schemas.
struct ObjectPair<'s> {
    schemas: (&'s Schema, &'s Schema),
    objects: (&'s Object, &'s Object),
}

impl ObjectPair<'_> {
    fn verdict(&self, order: ColumnOrder) -> Verdict {
        let (object, other) = self.objects;
        if (&object.name, &object.sql, fold(&object.table))
            == (&other.name, &other.sql, fold(&other.table))
        {
            return Verdict::Identical;
        }
        let text = |object: &'_ Object| object.sql.clone().unwrap_or_default();
        let (wanted, here) = (text(object), text(other));
        if same_meaning(&wanted, &here) {
            return Verdict::SameMeaning;
        }
        let found = match object.kind {
            ObjectKind::Table => compare_tables(
                (&wanted, &here),
                (self.schemas.0.shape(&object.name), self.schemas.1.shape(&other.name)),
                order,
            ),
            ObjectKind::Index => compare_indexes(&wanted, &here),
            ObjectKind::VirtualTable if same_virtual_meaning(&wanted, &here) => Vec::new(),
            ObjectKind::VirtualTable
            | ObjectKind::ShadowTable
            | ObjectKind::View
            | ObjectKind::Trigger => vec![Difference::Text],
        };
        if found.is_empty() { Verdict::SameMeaning } else { Verdict::Differs(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Weight;
    use crate::schema::from_sql as schema;

    fn lines(expected: &str, found: &str) -> Vec<String> {
        differences(&schema(expected), &schema(found), ColumnOrder::Same)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table with one line for each difference")]
    fn every_difference_is_named() {
        for (expected, found, said) in [
            ("CREATE TABLE t(a)", "", "table t is missing"),
            ("", "CREATE TABLE t(a)", "table t is unexpected"),
            ("CREATE TABLE t(a, b)", "CREATE TABLE t(a)", "column t.b is missing"),
            ("CREATE TABLE t(a)", "CREATE TABLE t(a, b)", "column t.b is unexpected"),
            (
                "CREATE TABLE t(a, b)",
                "CREATE TABLE t(b, a)",
                "the columns of t are in another order",
            ),
            (
                "CREATE TABLE t(a INT)",
                "CREATE TABLE t(a TEXT)",
                "column t.a is TEXT instead of INT",
            ),
            (
                "CREATE TABLE t(a INT NOT NULL)",
                "CREATE TABLE t(a INT)",
                "column t.a is INT instead of INT NOT NULL",
            ),
            (
                "CREATE TABLE t(a INT DEFAULT 1)",
                "CREATE TABLE t(a INT DEFAULT 2)",
                "column t.a is INT DEFAULT 2 instead of INT DEFAULT 1",
            ),
            (
                "CREATE TABLE t(a TEXT COLLATE NOCASE)",
                "CREATE TABLE t(a TEXT)",
                "column t.a is TEXT instead of TEXT COLLATE NOCASE",
            ),
            (
                "CREATE TABLE t(a, b AS (a + 1))",
                "CREATE TABLE t(a, b AS (a + 2))",
                "column t.b is untyped AS (a + 2) instead of untyped AS (a + 1)",
            ),
            ("CREATE TABLE t(a UNIQUE)", "CREATE TABLE t(a)", "table t: a UNIQUE is missing"),
            (
                "CREATE TABLE t(a, b)",
                "CREATE TABLE t(a, b, UNIQUE (a, b))",
                "table t: UNIQUE (a, b) is unexpected",
            ),
            (
                "CREATE TABLE t(a, CONSTRAINT c CHECK (a > 0))",
                "CREATE TABLE t(a)",
                "table t: CONSTRAINT c CHECK (a > 0) is missing",
            ),
            (
                "CREATE TABLE p(x PRIMARY KEY); CREATE TABLE t(a REFERENCES p ON DELETE CASCADE)",
                "CREATE TABLE p(x PRIMARY KEY); CREATE TABLE t(a)",
                "table t: a REFERENCES p ON DELETE CASCADE is missing",
            ),
            (
                "CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID",
                "CREATE TABLE t(a PRIMARY KEY)",
                "table t: WITHOUT ROWID is missing",
            ),
            (
                "CREATE TABLE t(a INT)",
                "CREATE TABLE t(a INT) STRICT",
                "table t: STRICT is unexpected",
            ),
            (
                "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)",
                "CREATE TABLE t(a INTEGER PRIMARY KEY)",
                "table t: AUTOINCREMENT is missing",
            ),
            (
                "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
                "CREATE TABLE t(a); CREATE UNIQUE INDEX i ON t(a)",
                "index i differs in UNIQUE",
            ),
            (
                "CREATE TABLE t(a, b); CREATE INDEX i ON t(a, b)",
                "CREATE TABLE t(a, b); CREATE INDEX i ON t(b, a)",
                "index i differs in its columns",
            ),
            (
                "CREATE TABLE t(a); CREATE INDEX i ON t(a COLLATE NOCASE)",
                "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
                "index i differs in a collation",
            ),
            (
                "CREATE TABLE t(a); CREATE INDEX i ON t(a DESC)",
                "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
                "index i differs in a direction",
            ),
            (
                "CREATE TABLE t(a); CREATE INDEX i ON t(a) WHERE a > 0",
                "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
                "index i differs in its WHERE",
            ),
            (
                "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t",
                "CREATE TABLE t(a); CREATE VIEW v AS SELECT a AS b FROM t",
                "view v is defined differently",
            ),
            (
                "CREATE VIRTUAL TABLE f USING fts5(a)",
                "CREATE VIRTUAL TABLE f USING fts5(a, prefix = 2)",
                "virtual table f is defined differently",
            ),
        ] {
            assert_eq!(lines(expected, found), [said], "{expected} | {found}");
        }
    }

    #[test]
    fn spelling_is_no_difference() {
        for (expected, found) in [
            ("CREATE TABLE t(a INT DEFAULT 0)", "CREATE TABLE t(a INT DEFAULT '0')"),
            ("CREATE TABLE t(a INT DEFAULT 0)", "CREATE TABLE t(a INT DEFAULT (0))"),
            ("CREATE TABLE t(a INT DEFAULT NULL)", "CREATE TABLE t(a INT)"),
            ("CREATE TABLE t(a TEXT DEFAULT 'x')", "CREATE TABLE t(a TEXT DEFAULT \"x\")"),
            ("CREATE TABLE t(a UNIQUE)", "CREATE TABLE t(a, UNIQUE (a))"),
            ("CREATE TABLE t(a CHECK (a > 0))", "CREATE TABLE t(a, CHECK (a > 0))"),
            (
                "CREATE TABLE p(x PRIMARY KEY); CREATE TABLE t(a REFERENCES p(x))",
                "CREATE TABLE p(x PRIMARY KEY); CREATE TABLE t(a, FOREIGN KEY (a) REFERENCES p(x))",
            ),
            ("CREATE TABLE t(a INTEGER PRIMARY KEY)", "CREATE TABLE t(a INTEGER, PRIMARY KEY (a))"),
            (
                "CREATE TABLE t(a, CHECK (a), UNIQUE (a))",
                "CREATE TABLE t(a, UNIQUE (a), CHECK (a))",
            ),
            ("CREATE TABLE t(a TEXT COLLATE BINARY)", "CREATE TABLE t(a TEXT NULL)"),
            (
                "CREATE TABLE t(a); CREATE INDEX i ON t(a ASC)",
                "CREATE TABLE t(a); CREATE INDEX i ON t(\"A\")",
            ),
        ] {
            assert_eq!(lines(expected, found), [""; 0], "{expected} | {found}");
            let comparison = compare_schemas(&schema(expected), &schema(found), ColumnOrder::Same);
            assert_eq!(comparison.reworded().count(), 1, "{expected} | {found}");
            assert!(!comparison.is_identical());
        }
    }

    #[test]
    fn a_default_means_what_its_column_stores() {
        // Without a type the quotes stay.
        let said = lines("CREATE TABLE t(a DEFAULT 0)", "CREATE TABLE t(a DEFAULT '0')");
        assert_eq!(said, ["column t.a is untyped DEFAULT '0' instead of untyped DEFAULT 0"]);
        let said = lines("CREATE TABLE t(a TEXT DEFAULT 0)", "CREATE TABLE t(a TEXT DEFAULT '00')");
        assert_eq!(said.len(), 1);
        let said = lines("CREATE TABLE t(a DEFAULT true)", "CREATE TABLE t(a DEFAULT 'true')");
        assert_eq!(said.len(), 1);
    }

    #[test]
    fn the_order_of_columns_may_be_left_out() {
        let one = schema("CREATE TABLE t(a INTEGER, b TEXT)");
        let two = schema("CREATE TABLE t(b TEXT, a INTEGER)");
        assert!(differences(&one, &two, ColumnOrder::Any).is_empty());
        assert_eq!(differences(&one, &two, ColumnOrder::Same).len(), 1);
    }

    #[test]
    fn every_schema_equals_itself() {
        for sql in [
            "CREATE TABLE \"a b\"(\"x y\" \"odd type\" DEFAULT (1 + (2)), [z] CHECK (z))",
            "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE t2 AS SELECT 1 AS x",
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b); CREATE VIEW v AS SELECT 1",
        ] {
            let read = schema(sql);
            assert!(compare_schemas(&read, &read, ColumnOrder::Same).is_identical());
            assert!(not_identical(&read, &read).is_empty());
        }
    }

    #[test]
    fn small_and_serious() {
        let weigh = |expected: &str, found: &str| {
            let comparison = compare_schemas(&schema(expected), &schema(found), ColumnOrder::Same);
            comparison.differing().map(ComparedObject::weight).max()
        };
        assert_eq!(weigh("CREATE TABLE t(a)", "CREATE TABLE t(a UNIQUE)"), Some(Weight::Small));
        assert_eq!(weigh("CREATE TABLE t(a, b)", "CREATE TABLE t(a)"), Some(Weight::Serious));
        assert_eq!(weigh("CREATE TABLE t(a)", "CREATE TABLE t(a)"), None);
        let keys = ("CREATE TABLE t(a PRIMARY KEY, b)", "CREATE TABLE t(a, b PRIMARY KEY)");
        assert_eq!(weigh(keys.0, keys.1), Some(Weight::Serious));
    }
}
