//! The rows of a table before and now, in whichever way they can be paired best.

use rusqlite::Connection;

use super::finding::{Addition, Finding, TableVerdict};
use crate::error::Result;
use crate::event::{Event, Interrupt, Observer, Stage};
use crate::name::same;
use crate::rows::{MatchSide, Matched, RowDelta, Side, compare, count_rows, match_rows};
use crate::schema::{RowKey, Table};

/// For how many columns of a table a changed value is shown.
const EXAMPLES: usize = 4;

/// A table before and now, with the columns whose values are compared.
pub(super) struct RowPair<'a> {
    /// The connection and the shape before.
    pub(super) old: (&'a Connection, &'a Table),
    /// The connection and the shape now.
    pub(super) new: (&'a Connection, &'a Table),
    /// The columns that are on both sides, before and now.
    pub(super) columns: Vec<(String, String)>,
}

/// What came out of the rows of a table.
pub(super) struct RowsFound {
    pub(super) verdict: TableVerdict,
    pub(super) findings: Vec<Finding>,
    pub(super) additions: Vec<Addition>,
}

/// What a way to pair rows found.
#[derive(Default)]
struct Pairing {
    matched: Matched,
    /// Equal rows that have another rowid now.
    moved: u64,
    /// Whether rows of the same rowid were paired.
    by_rowid: bool,
}

impl RowPair<'_> {
    pub(super) fn compare(
        &self,
        interrupt: &Interrupt,
        observer: &mut dyn Observer,
    ) -> Result<RowsFound> {
        let mut progress = |done| {
            interrupt.check()?;
            let (stage, subject) = (Stage::Proof, self.old.1.name.clone());
            observer.event(&Event::Progress { stage, subject, done, total: 0 });
            Ok(())
        };
        if let Some(equal) = self.in_lockstep(&mut progress)? {
            let matched = Matched { equal, ..Matched::default() };
            return Ok(self.report(&Pairing { matched, ..Pairing::default() }));
        }
        let by_rowid = match self.rowids() {
            Some((old, new)) => Some(self.matched((vec![old], vec![new]), &mut progress)?),
            None => None,
        };
        // In another pairing than that by rowids, a row may be equal under another rowid.
        let equal = by_rowid.as_ref().map(|it| it.equal);
        let moved = |it: &Matched| equal.map_or(0, |equal| it.equal.saturating_sub(equal));
        let mut best = by_rowid.map(|matched| Pairing { matched, moved: 0, by_rowid: true });
        for keys in [self.key(), Some((Vec::new(), Vec::new()))].into_iter().flatten() {
            if best.as_ref().is_some_and(|it| it.matched.missed() == 0) {
                break;
            }
            let matched = self.matched(keys, &mut progress)?;
            let missed = matched.missed();
            if best.as_ref().is_none_or(|it| missed < it.matched.missed()) {
                best = Some(Pairing { moved: moved(&matched), matched, by_rowid: false });
            }
        }
        // Equal rows can always be paired.
        let best = best.unwrap_or_default();
        let mut found = self.report(&best);
        if best.by_rowid {
            self.add_examples(&mut found.findings, &mut progress)?;
        }
        Ok(found)
    }

    /// Compares tables of the same key in order; `None` if they differ.
    fn in_lockstep(&self, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<Option<u64>> {
        let (old, new) = (self.old.1, self.new.1);
        let all = old.writable().count() == self.columns.len();
        if !all || old.key != new.key || old.key == RowKey::HiddenRowid {
            return Ok(None);
        }
        let (before, now) = self.columns.iter().cloned().unzip();
        let left =
            Side { connection: self.old.0, table: &old.name, key: &old.key, columns: before };
        let right = Side { connection: self.new.0, table: &new.name, key: &new.key, columns: now };
        let found = compare(&left, &right, RowDelta::None, progress)?;
        Ok(found.holds().then_some(found.equal))
    }

    /// The names of the rowid on both sides, where both tables have one that can be read.
    fn rowids(&self) -> Option<(String, String)> {
        match (&self.old.1.key, &self.new.1.key) {
            (RowKey::Rowid(old), RowKey::Rowid(new)) => {
                // A key column is a column: it is paired with itself, not with a rowid of another meaning.
                let is_column = |table: &Table, name: &str| table.column(name).is_some();
                let pair = (is_column(self.old.1, old), is_column(self.new.1, new));
                let same_column =
                    self.columns.iter().any(|(one, two)| same(one, old) && same(two, new));
                (pair == (false, false) || same_column).then(|| (old.clone(), new.clone()))
            }
            _ => None,
        }
    }

    /// The columns of the primary key before, if all of them are still there.
    fn key(&self) -> Option<(Vec<String>, Vec<String>)> {
        let key = self.old.1.primary_key();
        let pairs: Option<Vec<(String, String)>> = key
            .iter()
            .map(|name| self.columns.iter().find(|(old, _)| same(old, name)).cloned())
            .collect();
        pairs.filter(|it| !it.is_empty()).map(|it| it.into_iter().unzip())
    }

    fn matched(
        &self,
        keys: (Vec<String>, Vec<String>),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Matched> {
        let (before, now) = self.columns.iter().cloned().unzip();
        let (old, new) = (self.old, self.new);
        let left =
            MatchSide { connection: old.0, table: &old.1.name, keys: keys.0, columns: before };
        let right = MatchSide { connection: new.0, table: &new.1.name, keys: keys.1, columns: now };
        match_rows(&left, &right, progress)
    }

    /// Adds the first changed value of each of a few columns. Both tables have the same rowids.
    fn add_examples(
        &self,
        findings: &mut [Finding],
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let values = findings.iter_mut().filter_map(|finding| match finding {
            Finding::Values { column, example, .. } => Some((column, example)),
            _ => None,
        });
        for (column, example) in values.take(EXAMPLES) {
            let pair = self.columns.iter().find(|(old, _)| old == column);
            let Some((before, now)) = pair else { continue };
            let (old, new) = (self.old, self.new);
            let left = Side {
                connection: old.0,
                table: &old.1.name,
                key: &old.1.key,
                columns: vec![before.clone()],
            };
            let right = Side {
                connection: new.0,
                table: &new.1.name,
                key: &new.1.key,
                columns: vec![now.clone()],
            };
            let found = compare(&left, &right, RowDelta::Both, progress)?;
            *example = found.differences.first().map(|it| format!("{}: {}", it.key, it.what));
        }
        Ok(())
    }

    fn report(&self, pairing: &Pairing) -> RowsFound {
        let table = self.old.1.name.clone();
        let found = &pairing.matched;
        let verdict = TableVerdict {
            table: table.clone(),
            now: self.new.1.name.clone(),
            equal: found.equal,
            changed: found.changed,
            lost: found.lost,
            gained: found.gained,
        };
        let (mut findings, mut additions) = (Vec::new(), Vec::new());
        if found.lost > 0 {
            let of = found.lost + found.equal + found.changed;
            findings.push(Finding::Rows { table: table.clone(), rows: found.lost, of });
        }
        for ((column, _), rows) in self.columns.iter().zip(&found.columns) {
            if *rows > 0 {
                let (table, column) = (table.clone(), column.clone());
                let (rows, example) = (*rows, None);
                findings.push(Finding::Values { table, column, rows, example });
            }
        }
        if pairing.moved > 0 {
            findings.push(Finding::Rowids { table, rows: pairing.moved });
        }
        if found.gained > 0 {
            let table = self.new.1.name.clone();
            additions.push(Addition::Rows { table, rows: found.gained });
        }
        RowsFound { verdict, findings, additions }
    }
}

pub(super) fn count_values(connection: &Connection, table: &str, column: &str) -> Result<u64> {
    use crate::name::quote;
    let condition = format!("WHERE {} IS NOT NULL", quote(column));
    crate::rows::count_rows_where(connection, table, &condition)
}

/// Counts the rows of a table; 0 for one that cannot be counted here.
pub(super) fn rows_of(connection: &Connection, table: &str) -> u64 {
    count_rows(connection, table).unwrap_or(0)
}
