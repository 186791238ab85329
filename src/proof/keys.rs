//! Whether foreign keys join the rows that they join in the backup, because rows and keys are shown to be its.

use std::collections::BTreeSet;

use super::lineage::{Provenance, TableProvenance};
use crate::name::{fold, same};
use crate::records::same_rules;
use crate::schema::{ObjectKind, Schema, Table};

/// The tables whose definition has a foreign key.
pub(super) fn tables_with_keys(schema: &Schema) -> impl Iterator<Item = &str> {
    let tables = schema.of_kind(ObjectKind::Table).map(|object| object.name.as_str());
    tables.filter(|name| schema.shape(name).is_none_or(|it| !it.foreign_keys.is_empty()))
}

/// What is known of two databases, to tell whether the keys of a table join the same rows in both.
#[derive(Clone, Copy)]
pub(super) struct KeysKnown<'k> {
    pub(super) before: &'k Schema,
    pub(super) now: &'k Schema,
    pub(super) provenance: &'k Provenance,
    /// Whether these columns of a table hold in each row what they hold in the backup.
    pub(super) proven: &'k dyn Fn(&str, &[String]) -> bool,
}

impl KeysKnown<'_> {
    /// The tables, folded, that cannot break a key now if they did not in the backup: their rows, those of their
    /// parents, and the keys between them were proven to be those of the backup.
    pub(super) fn as_before(&self) -> BTreeSet<String> {
        let alike = |table: &&str| self.joins_alike(table).unwrap_or(false);
        tables_with_keys(self.now).filter(alike).map(fold).collect()
    }

    /// `None` if a part is missing: then SQLite has to tell.
    fn joins_alike(&self, name: &str) -> Option<bool> {
        let (origin, old, new) = self.both(name)?;
        if old.foreign_keys.len() != new.foreign_keys.len() {
            return None;
        }
        for (before, now) in old.foreign_keys.iter().zip(&new.foreign_keys) {
            let (parent, old_parent, new_parent) = self.both(&now.parent)?;
            let named = now.columns_in(new_parent).into_iter().map(ToOwned::to_owned);
            let alike = same(&before.parent, &old_parent.name)
                && follow(origin, &before.columns, &now.columns)
                && follow(parent, &before.parent_columns, &now.parent_columns)
                && (self.proven)(&new.name, &now.columns)
                && (self.proven)(&new_parent.name, &named.collect::<Vec<_>>())
                && self.compares_alike(old_parent, new_parent);
            if !alike {
                return Some(false);
            }
        }
        Some(true)
    }

    /// A table now and the one in the backup that it comes from.
    fn both(&self, name: &str) -> Option<(&TableProvenance, &Table, &Table)> {
        let origin = self.provenance.tables.get(&fold(name))?;
        Some((origin, self.before.shape(&origin.from)?, self.now.shape(name)?))
    }

    /// Keys are compared by the types and collations of the parent
    /// (<https://sqlite.org/foreignkeys.html#fk_indexes>).
    fn compares_alike(&self, old: &Table, new: &Table) -> bool {
        let text = |schema: &Schema, name: &str| schema.find_table(name)?.sql.clone();
        let texts = text(self.before, &old.name).zip(text(self.now, &new.name));
        texts.is_some_and(|(one, two)| same_rules((old, &one), (new, &two)))
    }
}

/// Returns whether columns are those of before, in their order.
fn follow(origin: &TableProvenance, before: &[String], now: &[String]) -> bool {
    let pair = |(old, new): (&String, &String)| {
        origin.columns.iter().any(|(from, to)| same(from, old) && same(to, new))
    };
    before.len() == now.len() && before.iter().zip(now).all(pair)
}
