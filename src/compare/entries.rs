//! Compares what two schemas store, byte for byte.

use std::collections::BTreeMap;

use crate::name::{fold, same};
use crate::schema::{Object, ObjectKind};

/// A stored entry that is not the same in two schemas.
pub(crate) enum EntryDifference<'s> {
    /// Only the expected schema has it.
    Missing(&'s Object),
    /// Only the other schema has it.
    Unexpected(&'s Object),
    /// Both have it, and the other schema has another name, owner or text for it.
    Differs(&'s Object),
}

impl<'s> EntryDifference<'s> {
    /// Returns the entry as it is expected; one that is unexpected, as it was found.
    pub(crate) const fn object(&self) -> &'s Object {
        match self {
            Self::Missing(object) | Self::Unexpected(object) | Self::Differs(object) => object,
        }
    }

    /// Returns the entry as it is expected, if it is.
    pub(crate) const fn expected(&self) -> Option<&'s Object> {
        match self {
            Self::Missing(object) | Self::Differs(object) => Some(object),
            Self::Unexpected(_) => None,
        }
    }
}

/// Lists the entries that only one of two schemas has, or that differ in a byte: the expected ones in their order, then
/// the unexpected ones. Tables of all kinds share their names.
pub(crate) fn compare_entries<'s>(
    expected: impl IntoIterator<Item = &'s Object>,
    found: impl IntoIterator<Item = &'s Object>,
) -> Vec<EntryDifference<'s>> {
    let key = |object: &Object| {
        let kind = if object.kind.is_table() { ObjectKind::Table } else { object.kind };
        (kind, fold(&object.name))
    };
    let alike = |one: &Object, other: &Object| {
        one.name == other.name && same(&one.table, &other.table) && one.sql == other.sql
    };
    let found: Vec<&Object> = found.into_iter().collect();
    let mut rest: BTreeMap<_, _> = found.iter().map(|object| (key(object), *object)).collect();
    let mut differences = Vec::new();
    for object in expected {
        match rest.remove(&key(object)) {
            None => differences.push(EntryDifference::Missing(object)),
            Some(other) if !alike(other, object) => {
                differences.push(EntryDifference::Differs(object));
            }
            Some(_) => {}
        }
    }
    let further = found.into_iter().filter(|object| rest.contains_key(&key(object)));
    differences.extend(further.map(EntryDifference::Unexpected));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::from_sql as schema;

    fn differences(expected: &str, found: &str) -> Vec<String> {
        let (expected, found) = (schema(expected), schema(found));
        let words = |it: &EntryDifference<'_>| match it {
            EntryDifference::Missing(object) => format!("- {}", object.name),
            EntryDifference::Unexpected(object) => format!("+ {}", object.name),
            EntryDifference::Differs(object) => format!("~ {}", object.name),
        };
        let (expected, found) = (expected.entries(), found.entries());
        compare_entries(expected, found).iter().map(words).collect()
    }

    #[test]
    fn every_byte_counts() {
        let made = "CREATE TABLE t(a); CREATE INDEX i ON t(a); CREATE TABLE n(x INTEGER PRIMARY KEY AUTOINCREMENT)";
        assert!(differences(made, made).is_empty());
        assert_eq!(differences("CREATE TABLE t(a)", "CREATE TABLE t( a)"), ["~ t"]);
        assert_eq!(differences("CREATE TABLE t(a)", "CREATE TABLE T(a)"), ["~ t"]);
        assert_eq!(
            differences(made, "CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE t(a)"),
            ["- i", "- n", "- sqlite_sequence", "+ v"]
        );
        assert_eq!(
            differences("CREATE TABLE t(a UNIQUE)", "CREATE TABLE t(a)"),
            ["~ t", "- sqlite_autoindex_t_1"]
        );
        // A trigger may have the name of a table.
        let trigger = "CREATE TABLE t(a); CREATE TRIGGER t AFTER INSERT ON t BEGIN SELECT 1; END";
        assert_eq!(differences(trigger, "CREATE TABLE t(a)"), ["- t"]);
    }
}
