//! Whether a rebuilt table and its indexes are sound, by the cheapest check that tells as much as SQLite's
//! full one.
//!
//! `PRAGMA integrity_check(table)` tells three things: the pages are well formed and used once, each row
//! keeps the rules, each index holds what the rows say. Where the records of a table and of its indexes are
//! those of the backup, whose check is a full one, and the rules are the same, our own reader has seen all
//! three. Where only the entries can be shown, `quick_check` tells the rest. Else SQLite checks it all.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::baseline::{IntegrityFindings, count_findings_with_stubs, integrity_findings};
use super::rows::Seen;
use crate::database::Depth;
use crate::error::Result;
use crate::name::fold;
use crate::records::{IndexesShown, Records, RowsKnown, SameIndexes, indexes_shown, same_rules};
use crate::schema::{Schema, Table};

/// Both databases and what is known of them.
pub(super) struct Soundness<'c, 's> {
    pub(super) backup: (&'c Connection, &'s Schema),
    pub(super) now: (&'c Connection, &'s Schema),
    pub(super) records: Option<&'s mut Records<'c>>,
    pub(super) seen: &'s BTreeMap<String, Seen>,
    /// Whether pages tell where others are used: only SQLite checks those
    /// (<https://sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages>).
    pub(super) pointer_maps: bool,
    indexes: Option<IndexesShown<'c>>,
}

impl<'c, 's> Soundness<'c, 's> {
    pub(super) fn new(
        backup: (&'c Connection, &'s Schema),
        now: (&'c Connection, &'s Schema),
        (records, seen): (Option<&'s mut Records<'c>>, &'s BTreeMap<String, Seen>),
        pointer_maps: bool,
    ) -> Result<Self> {
        let indexes = indexes_shown(now.0)?;
        Ok(Self { backup, now, records, seen, pointer_maps, indexes })
    }

    /// Returns what is wrong with a table now that was not wrong with the table it comes from.
    pub(super) fn findings(
        &mut self,
        (from, table): (Option<&str>, &str),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Vec<String>> {
        let Some(shape) = self.now.1.shape(table) else { return Ok(Vec::new()) };
        let before = from.and_then(|it| self.backup.1.shape(it));
        let same = self.same_indexes(before, shape, progress)?;
        if same.all && !self.pointer_maps && before.is_some_and(|it| self.same_rules(it, shape)) {
            return Ok(Vec::new());
        }
        let shown = same.all
            || match &mut self.indexes {
                Some(indexes) => indexes.of(shape, &same.names, progress)?,
                None => false,
            };
        if shown && self.new_findings(from, table, Depth::Quick)?.is_empty() {
            return Ok(Vec::new());
        }
        self.new_findings(from, table, Depth::Full)
    }

    fn same_indexes(
        &mut self,
        before: Option<&Table>,
        table: &Table,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<SameIndexes> {
        let seen = self.seen.get(&fold(&table.name));
        let (Some(records), Some(before), Some(seen)) = (&mut self.records, before, seen) else {
            return Ok(SameIndexes::default());
        };
        let rows = match seen {
            Seen::Records => RowsKnown::Records,
            Seen::Values(pairs, _) => RowsKnown::Values(pairs),
        };
        records.same_indexes((before, table), rows, progress)
    }

    /// Returns whether the rows keep the rules of the table: because rows and rules are those of the backup, or
    /// because it was seen.
    fn same_rules(&self, before: &Table, table: &Table) -> bool {
        if let Some(Seen::Values(_, kept)) = self.seen.get(&fold(&table.name)) {
            return *kept;
        }
        let text = |schema: &Schema, name: &str| schema.find_table(name)?.sql.clone();
        let old = text(self.backup.1, &before.name);
        let new = text(self.now.1, &table.name);
        old.zip(new).is_some_and(|(old, new)| same_rules((before, &old), (table, &new)))
    }

    /// Findings are neither blockers nor dropped if there were as many before.
    fn new_findings(&self, from: Option<&str>, table: &str, depth: Depth) -> Result<Vec<String>> {
        let now = integrity_findings(self.now.0, table, depth)?;
        let lacking = now.missing.map(|it| format!("not checkable without {it}"));
        let now: Vec<String> = now.found.into_iter().chain(lacking.clone()).collect();
        let backup = self.backup.0;
        let before = match from.filter(|_| !now.is_empty()) {
            None => 0,
            Some(from) => match integrity_findings(backup, from, depth)? {
                IntegrityFindings { found, missing: None } => found.len(),
                IntegrityFindings { missing: Some(_), .. } => {
                    count_findings_with_stubs(backup, from)? + usize::from(lacking.is_some())
                }
            },
        };
        Ok(if now.len() > before { now } else { Vec::new() })
    }
}
