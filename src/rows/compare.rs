//! Comparing two tables in lockstep.

use std::cmp::Ordering;
use std::ops::Range;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Rows};

use super::cursor::{
    Side, TextForm, groups, identical, key_columns, prepare, prepare_lookup, show, show_key,
};
use crate::database::stub_collations;
use crate::error::Result;
use crate::schema::RowKey;

/// How many rows pass between two calls of the progress function.
pub(super) const STRIDE: u64 = 4_096;

/// How many differences are described; all are counted.
const DESCRIBED: usize = 5;

/// Which rows may be on one side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowDelta {
    /// Both sides hold the same rows.
    #[default]
    None,
    /// The right side may hold more rows.
    Gains,
    /// The right side may lack rows.
    Losses,
    Both,
}

impl RowDelta {
    /// Makes the allowance out of its two halves.
    pub const fn of(gains: bool, losses: bool) -> Self {
        match (gains, losses) {
            (false, false) => Self::None,
            (true, false) => Self::Gains,
            (false, true) => Self::Losses,
            (true, true) => Self::Both,
        }
    }

    /// Returns whether the right side may hold more rows.
    pub const fn gains(self) -> bool {
        matches!(self, Self::Gains | Self::Both)
    }

    /// Returns whether the right side may lack rows.
    pub const fn losses(self) -> bool {
        matches!(self, Self::Losses | Self::Both)
    }
}

/// One place where two tables differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// The table on the right side.
    pub table: String,
    /// The key of the row, in words.
    pub key: String,
    /// What differs, in words.
    pub what: String,
}

impl std::fmt::Display for RowDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}: {}", self.table, self.key, self.what)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows that are on both sides with the same values.
    pub equal: u64,
    /// Rows only on the left side.
    pub lost: u64,
    /// Rows only on the right side.
    pub gained: u64,
    /// Rows on both sides with other values.
    pub changed: u64,
    /// The first differences that are not allowed.
    pub differences: Vec<RowDifference>,
}

impl Comparison {
    fn describe(&mut self, table: &str, key: String, what: impl Into<String>) {
        if self.differences.len() < DESCRIBED {
            self.differences.push(RowDifference {
                table: table.to_owned(),
                key,
                what: what.into(),
            });
        }
    }

    /// Returns whether nothing was found that is not allowed.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares two tables row by row: storage class and bytes of every value, in key order.
///
/// Both sides are read once, without holding a table in memory. The progress function gets the
/// number of rows passed and may stop the comparison by failing.
pub fn compare(
    left: &Side<'_>,
    right: &Side<'_>,
    allowance: RowDelta,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Comparison> {
    let form = TextForm::of(left.connection)?;
    let _left = stub_collations(left.connection, left.table)?;
    let _right = stub_collations(right.connection, right.table)?;
    let mut result = Comparison::default();
    for (number, columns) in groups(left.columns.len()).into_iter().enumerate() {
        let mut group =
            Lockstep { left, right, allowance, form, columns, found: Comparison::default() };
        if group.needs_lookup() {
            group.by_lookup(progress)?;
        } else {
            group.by_merge(progress)?;
        }
        if number == 0 {
            result = group.found;
        } else {
            result.changed += group.found.changed;
            result.differences.extend(group.found.differences);
        }
    }
    Ok(result)
}

struct Lockstep<'a, 'c> {
    left: &'a Side<'c>,
    right: &'a Side<'c>,
    allowance: RowDelta,
    form: TextForm,
    columns: Range<usize>,
    found: Comparison,
}

impl Lockstep<'_, '_> {
    /// Rowids can be merged in order. Other keys are ordered by collations that only SQLite knows:
    /// as long as both sides must hold the same rows they still meet in the same order, else each
    /// row is looked up.
    fn needs_lookup(&self) -> bool {
        let rowids = matches!(
            (self.left.key, self.right.key),
            (RowKey::Rowid(_), RowKey::Rowid(_)) | (RowKey::HiddenRowid, RowKey::HiddenRowid)
        );
        let same_kind =
            std::mem::discriminant(self.left.key) == std::mem::discriminant(self.right.key);
        !rowids && (self.allowance != RowDelta::None || !same_kind)
    }

    fn by_merge(&mut self, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let mut left_statement = prepare(self.left, self.columns.clone(), self.form)?;
        let mut right_statement = prepare(self.right, self.columns.clone(), self.form)?;
        let mut left_rows = left_statement.query([])?;
        let mut right_rows = right_statement.query([])?;
        let (mut left, mut right) = (left_rows.next()?, right_rows.next()?);
        let mut passed = 0;
        loop {
            match (left, right) {
                (None, None) => break,
                (Some(one), Some(two)) => match self.order(one, two)? {
                    Ordering::Equal => {
                        self.same_row(one, two)?;
                        (left, right) = (left_rows.next()?, right_rows.next()?);
                    }
                    Ordering::Less => {
                        self.lost(one)?;
                        left = advance(&mut left_rows)?;
                        right = Some(two);
                    }
                    Ordering::Greater => {
                        self.gained(two)?;
                        right = advance(&mut right_rows)?;
                        left = Some(one);
                    }
                },
                (Some(one), None) => {
                    self.lost(one)?;
                    left = advance(&mut left_rows)?;
                    right = None;
                }
                (None, Some(two)) => {
                    self.gained(two)?;
                    right = advance(&mut right_rows)?;
                    left = None;
                }
            }
            passed += 1;
            if passed % STRIDE == 0 {
                progress(passed)?;
            }
        }
        progress(passed)
    }

    /// Rowids have an order of their own. Other keys are equal or not; a mismatch there is reported
    /// as a change of the row, and both sides move on.
    fn order(&self, left: &Row<'_>, right: &Row<'_>) -> Result<Ordering> {
        match self.left.key {
            RowKey::Rowid(_) => Ok(left.get::<_, i64>(0)?.cmp(&right.get::<_, i64>(0)?)),
            RowKey::HiddenRowid | RowKey::PrimaryKey(_) | RowKey::Module => Ok(Ordering::Equal),
        }
    }

    /// Every left row is looked up on the right; the right's surplus follows from the counts.
    fn by_lookup(&mut self, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
        let mut left_statement = prepare(self.left, self.columns.clone(), self.form)?;
        let mut lookup = prepare_lookup(self.right, self.columns.clone(), self.form)?;
        let width = key_columns(self.left.key).len();
        let mut left_rows = left_statement.query([])?;
        let mut passed = 0;
        while let Some(one) = left_rows.next()? {
            let mut key = Vec::with_capacity(width);
            for index in 0..width {
                key.push(KeyValue(one.get_ref(index)?));
            }
            let mut found = lookup.query(rusqlite::params_from_iter(key))?;
            match found.next()? {
                Some(two) => self.same_row(one, two)?,
                None => self.lost(one)?,
            }
            passed += 1;
            if passed % STRIDE == 0 {
                progress(passed)?;
            }
        }
        let right = super::count_rows(self.right.connection, self.right.table)?;
        let known = self.found.equal + self.found.changed;
        if right > known {
            self.found.gained = right - known;
            if !self.allowance.gains() {
                let what = format!("{} rows are not in the backup", self.found.gained);
                self.found.describe(self.right.table, "new rows".to_owned(), what);
            }
        }
        progress(passed)
    }

    fn lost(&mut self, row: &Row<'_>) -> Result<()> {
        self.found.lost += 1;
        if !self.allowance.losses() {
            let key = show_key(row, self.left)?;
            self.found.describe(self.right.table, key, "the row is missing");
        }
        Ok(())
    }

    fn gained(&mut self, row: &Row<'_>) -> Result<()> {
        self.found.gained += 1;
        if !self.allowance.gains() {
            let key = show_key(row, self.right)?;
            self.found.describe(self.right.table, key, "the row is not in the backup");
        }
        Ok(())
    }

    fn same_row(&mut self, left: &Row<'_>, right: &Row<'_>) -> Result<()> {
        let (left_keys, right_keys) =
            (key_columns(self.left.key).len(), key_columns(self.right.key).len());
        let mut equal = true;
        for index in 0..left_keys.min(right_keys) {
            let (one, two) = (left.get_ref(index)?, right.get_ref(index)?);
            if !identical(one, two) {
                equal = false;
                let what = format!("the key was {}, is {}", show(one), show(two));
                self.found.describe(self.right.table, show_key(left, self.left)?, what);
            }
        }
        let width = self.form.width();
        for column in 0..self.columns.len() {
            // A value that is read in two forms is shown as it is stored, unless only its bytes differ.
            for index in (column * width..(column + 1) * width).rev() {
                let (one, two) =
                    (left.get_ref(left_keys + index)?, right.get_ref(right_keys + index)?);
                if identical(one, two) {
                    continue;
                }
                equal = false;
                let name = &self.right.columns[self.columns.start + column];
                let what = format!("{name} was {}, is {}", show(one), show(two));
                self.found.describe(self.right.table, show_key(left, self.left)?, what);
                break;
            }
        }
        if equal {
            self.found.equal += 1;
        } else {
            self.found.changed += 1;
        }
        Ok(())
    }
}

/// A key value as it was read, bytes and all.
struct KeyValue<'v>(ValueRef<'v>);

impl ToSql for KeyValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

fn advance<'s>(rows: &'s mut Rows<'_>) -> Result<Option<&'s Row<'s>>> {
    Ok(rows.next()?)
}
