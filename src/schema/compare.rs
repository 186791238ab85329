//! Whether two schemas are the same: every object by its kind, name, owner and stored text.

use std::collections::BTreeSet;

use super::model::{Object, ObjectKind, Schema};
use crate::name::fold;

/// What counts when two objects are compared: whether it is a table, name, owner and text.
pub type Entry<'s> = (bool, &'s str, String, Option<&'s str>);

impl Object {
    /// Returns what counts when two objects are compared.
    pub fn entry(&self) -> Entry<'_> {
        // The tables behind a virtual table are its module's business, their wording too.
        let sql = match self.kind {
            ObjectKind::ShadowTable => None,
            ObjectKind::Table
            | ObjectKind::VirtualTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::Trigger => self.sql.as_deref(),
        };
        (self.kind.is_table(), &self.name, fold(&self.table), sql)
    }
}

/// Lists how a schema differs from the one that is expected, one line each; nothing if it does not.
pub fn same_objects(expected: &Schema, found: &Schema) -> Vec<String> {
    let entries = |schema: &'_ Schema| -> BTreeSet<(bool, String, String, Option<String>)> {
        schema
            .objects
            .iter()
            .map(|object| {
                let (table, name, owner, sql) = object.entry();
                (table, name.to_owned(), owner, sql.map(ToOwned::to_owned))
            })
            .collect()
    };
    let (wanted, here) = (entries(expected), entries(found));
    let mut lines = Vec::new();
    for (_, name, _, _) in wanted.difference(&here) {
        let other = found.objects.iter().any(|it| it.name == *name);
        let what = if other { "is not as planned" } else { "is missing" };
        lines.push(format!("{name} {what}"));
    }
    for (_, name, _, _) in here.difference(&wanted) {
        if !expected.objects.iter().any(|it| it.name == *name) {
            lines.push(format!("{name} is there and should not be"));
        }
    }
    for (folded, table) in &expected.tables {
        if let Some(other) = found.tables.get(folded)
            && other.columns != table.columns
        {
            lines.push(format!("the columns of {} are not as planned", table.name));
        }
    }
    lines
}
