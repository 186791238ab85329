//! What a restore takes away: the rows of the live file that the backup does not hold.

use crate::compare::{EntryDifference, compare_entries};
use crate::database::{Access, Database, OpenOptions};
use crate::error::{ErrorKind, Result};
use crate::event::{Event, Observer, Stage};
use crate::name::quote;
use crate::rows::{RowDelta, Side, compare, count_rows};
use crate::schema::{self, Object, ObjectKind, Schema};

/// How one table of the live file differs from the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// The table is on both sides with the same columns.
    Rows {
        /// Rows that were added since the backup and would be gone.
        added: u64,
        /// Rows that were removed since the backup and would come back.
        removed: u64,
        /// Rows that would have their old values again.
        changed: u64,
    },
    /// Only the live file has the table; it would be gone.
    OnlyLive { rows: u64 },
    /// Only the backup has the table; it would come back.
    OnlyBackup { rows: u64 },
    /// The columns differ: the rows cannot be compared.
    OtherShape {
        /// Rows in the live file.
        live: u64,
        /// Rows in the backup.
        backup: u64,
    },
}

impl TableChange {
    /// Returns whether something that is in the live file would be gone.
    pub const fn loses(&self) -> bool {
        match self {
            Self::Rows { added, changed, .. } => *added > 0 || *changed > 0,
            Self::OnlyLive { rows } => *rows > 0,
            Self::OnlyBackup { .. } => false,
            Self::OtherShape { live, .. } => *live > 0,
        }
    }
}

/// One table that a restore would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLoss {
    pub table: String,
    pub change: TableChange,
}

/// How one object without rows of its own, or the wording of a table, differs from the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectChange {
    /// Only the live file has it; it would be gone.
    OnlyLive,
    /// Only the backup has it; it would come back.
    OnlyBackup,
    /// Its text differs; it would be worded as in the backup.
    OtherText,
}

impl ObjectChange {
    /// Returns whether something that is in the live file would be gone.
    pub const fn loses(self) -> bool {
        matches!(self, Self::OnlyLive | Self::OtherText)
    }
}

/// One object of the schema that a restore would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLoss {
    pub kind: ObjectKind,
    pub name: String,
    pub change: ObjectChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Losses {
    /// The tables that differ, in the order of the live schema; none if the rows are the same.
    Known(Vec<TableLoss>),
    /// There is no live content.
    Nothing,
    /// The live file cannot be compared, for this reason.
    Unknown(String),
}

/// Two databases that are open to be compared.
pub(super) struct DatabasePair {
    pub(super) backup: Database,
    pub(super) live: Database,
}

impl DatabasePair {
    /// Compares every table of both.
    pub(super) fn losses(&self, observer: &mut dyn Observer) -> Result<Losses> {
        let backup = schema::read(self.backup.connection())?;
        let live = schema::read(self.live.connection())?;
        let mut found = Vec::new();
        for object in live.stored_tables() {
            let change = self.table(&object.name, (&backup, &live), observer)?;
            found.extend(change.map(|change| TableLoss { table: object.name.clone(), change }));
        }
        for object in backup.stored_tables().filter(|it| live.shape(&it.name).is_none()) {
            let rows = count_rows(self.backup.connection(), &object.name)?;
            let change = TableChange::OnlyBackup { rows };
            found.push(TableLoss { table: object.name.clone(), change });
        }
        Ok(Losses::Known(found))
    }

    /// Compares the schemas: indexes, views, triggers, and the wording of tables that have the same
    /// columns on both sides. Other tables, and the wording of what belongs to them, differ anyway.
    pub(super) fn objects(&self) -> Result<Vec<ObjectLoss>> {
        let backup = schema::read(self.backup.connection())?;
        let live = schema::read(self.live.connection())?;
        let mut found = Vec::new();
        let mut add = |object: &Object, change| {
            let (kind, name) = (object.kind, object.name.clone());
            found.push(ObjectLoss { kind, name, change });
        };
        // The tables behind a virtual table come with it.
        let counted = |it: &&Object| it.kind != ObjectKind::ShadowTable;
        let (here, there) = (live.objects.iter(), backup.objects.iter());
        for odd in compare_entries(here.filter(counted), there.filter(counted)) {
            match odd {
                EntryDifference::Missing(object) if !object.kind.is_table() => {
                    add(object, ObjectChange::OnlyLive);
                }
                EntryDifference::Unexpected(object) if !object.kind.is_table() => {
                    add(object, ObjectChange::OnlyBackup);
                }
                EntryDifference::Differs(object) if same_columns(&object.table, &live, &backup) => {
                    add(object, ObjectChange::OtherText);
                }
                EntryDifference::Missing(_)
                | EntryDifference::Unexpected(_)
                | EntryDifference::Differs(_) => {}
            }
        }
        Ok(found)
    }

    fn table(
        &self,
        name: &str,
        (backup, live): (&Schema, &Schema),
        observer: &mut dyn Observer,
    ) -> Result<Option<TableChange>> {
        let count = |database: &Database| count_rows(database.connection(), name);
        let Some(new) = live.shape(name) else { return Ok(None) };
        let Some(old) = backup.shape(name) else {
            return Ok(Some(TableChange::OnlyLive { rows: count(&self.live)? }));
        };
        if old.columns != new.columns || old.key != new.key {
            let (live, backup) = (count(&self.live)?, count(&self.backup)?);
            return Ok(Some(TableChange::OtherShape { live, backup }));
        }
        let options: &OpenOptions = self.live.options();
        let mut progress = |done| {
            options.interrupt.check()?;
            let (stage, subject) = (Stage::VerifyBackup, name.to_owned());
            observer.event(&Event::Progress { stage, subject, done, total: 0 });
            Ok(())
        };
        let found = compare(
            &Side::whole(self.backup.connection(), old),
            &Side::whole(self.live.connection(), new),
            RowDelta::Both,
            &mut progress,
        )?;
        let change =
            TableChange::Rows { added: found.gained, removed: found.lost, changed: found.changed };
        let differs = found.gained + found.lost + found.changed > 0;
        Ok(differs.then_some(change))
    }
}

/// Returns whether a table has the same columns on both sides; what is no table has none.
fn same_columns(name: &str, one: &Schema, two: &Schema) -> bool {
    match (one.shape(name), two.shape(name)) {
        (Some(one), Some(two)) => one.columns == two.columns && one.key == two.key,
        (one, two) => one.is_none() && two.is_none(),
    }
}

/// Reads the highest version that a database records; `None` if it records none that can be read.
pub(super) fn version(database: &Database, table: &str) -> Option<i64> {
    let sql = format!("SELECT max(version) FROM main.{}", quote(table));
    database.connection().query_row(&sql, [], |row| row.get(0)).ok().flatten()
}

/// Opens a database to look; the content of a damaged one is a reason, not an error.
pub(super) fn open(
    path: &std::path::Path,
    options: &OpenOptions,
) -> Result<std::result::Result<Database, (ErrorKind, String)>> {
    match Database::open(path, Access::ReadOnly, options) {
        Ok(database) => Ok(Ok(database)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotADatabase | ErrorKind::Damaged | ErrorKind::ReadOnly
            ) =>
        {
            Ok(Err((error.kind(), error.to_string())))
        }
        Err(error) => Err(error),
    }
}
