//! The actions of a plan, one after the other.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::copy::{OldRows, fill, with_guards};
use super::data::{RowsChanged, run_sql};
use super::fill::FittingIndexes;
use super::schema_table::{DetachedTrees, edit_tables, rename_indexes, set_text};
use super::statement::{refused, run};
use crate::database::{
    ATTACHED, Database, flush_words, with_known_stubs, with_passing_stubs, with_progress,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Interrupt, Observer, Stage as ProgressStage};
use crate::name::{in_main, quote, same};
use crate::plan::{
    Action, CopyStrategy, Direction, FillReason, PhasePlan, PlannedStep, Rebuild, RowSource,
    VirtualChange,
};
use crate::rows::count_rows;
use crate::schema::{Object, ObjectKind};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// The tables that were copied: before, after and rows.
    pub copied: Vec<(String, String, u64)>,
    /// What data steps did to the number of rows.
    pub rows_changed: Vec<RowsChanged>,
}

/// Carries out the steps of one phase. The caller numbers the steps over the whole run, and records
/// the phase when [`Action::Record`] comes.
///
/// # Errors
/// [`ErrorKind::Rebuild`] with SQLite's reason; [`ErrorKind::Interrupted`]. The transaction is left
/// open for the caller to roll back.
pub fn execute(
    database: &Database,
    phase: &PhasePlan,
    course: &mut RunProgress,
    observer: &mut dyn Observer,
    record: &mut dyn FnMut(&Connection) -> Result<()>,
) -> Result<Execution> {
    let mut run = Run {
        database,
        phase,
        interrupt: database.options().interrupt.clone(),
        done: Execution::default(),
        trees: DetachedTrees::default(),
        gone: BTreeMap::new(),
        indexes: std::mem::take(&mut course.indexes),
    };
    // References to a table that steps aside must stay as they are
    // (https://sqlite.org/pragma.html#pragma_legacy_alter_table).
    database.connection().execute_batch("PRAGMA legacy_alter_table=ON")?;
    let result = phase.steps().iter().try_for_each(|step| {
        course.step += 1;
        observer.event(&Event::StepStarted {
            index: course.step,
            total: course.steps,
            title: step.title.clone(),
        });
        run.step(step, observer, record)
    });
    let reset = database.connection().execute_batch("PRAGMA legacy_alter_table=OFF");
    result?;
    reset?;
    run.trees.all_attached()?;
    course.indexes = run.indexes;
    database.hide_attached_names()?;
    Ok(run.done)
}

/// How far a run of several phases has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunProgress {
    /// The last step begun, from 1.
    pub step: usize,
    pub steps: usize,
    /// The full-text tables whose indexes fit their content.
    pub indexes: FittingIndexes,
}

struct Run<'a> {
    database: &'a Database,
    phase: &'a PhasePlan,
    interrupt: Interrupt,
    done: Execution,
    trees: DetachedTrees,
    /// How many rows the tables had that went first, by scratch name.
    gone: BTreeMap<String, u64>,
    indexes: FittingIndexes,
}

impl Run<'_> {
    fn connection(&self) -> &Connection {
        self.database.connection()
    }

    fn step(
        &mut self,
        step: &PlannedStep,
        observer: &mut dyn Observer,
        record: &mut dyn FnMut(&Connection) -> Result<()>,
    ) -> Result<()> {
        for action in &step.actions {
            self.interrupt.check()?;
            self.still_open()?;
            self.act(action, observer, record)?;
            self.indexes.follow(action);
            if let Some(what) = done(action) {
                observer.event(&Event::StepDone { what });
            }
        }
        Ok(())
    }

    fn act(
        &mut self,
        action: &Action,
        observer: &mut dyn Observer,
        record: &mut dyn FnMut(&Connection) -> Result<()>,
    ) -> Result<()> {
        let connection = self.database.connection();
        match action {
            Action::StepAside { .. } => self.step_aside(action),
            Action::DetachIndexes(indexes) => self.trees.detach(connection, indexes),
            Action::RenameIndexes(indexes) => rename_indexes(connection, indexes),
            Action::DropFirst { table } => self.drop_first(table),
            Action::EditSchema(tables) => self.edit_schema(tables, observer),
            Action::CopyRows(rebuild) => self.copy(rebuild, observer),
            Action::AttachIndexes(indexes) => self.trees.attach(connection, indexes),
            Action::CreateObject(object) => self.create(object, &action.sql()),
            // A script has something to do here, a run has not.
            Action::KeepIndex(_) | Action::AlreadyGone { .. } => Ok(()),
            Action::RunSql(data) => {
                let phase = (self.database, self.phase.id.as_str());
                self.done.rows_changed.extend(run_sql(phase, data, observer)?);
                Ok(())
            }
            Action::EarlyVirtual(change) | Action::LateVirtual(change) => {
                self.change_virtual(action, change, observer)
            }
            Action::DropObject(_)
            | Action::CreateTable(_)
            | Action::DropTable { .. }
            | Action::CarrySequence { .. }
            | Action::CarryStatistics(_)
            | Action::Analyze { .. } => self.run_all(action),
            Action::Record => {
                for statement in &self.phase.version_tables {
                    run(connection, statement)?;
                }
                record(connection)?;
                let verb = match self.phase.direction {
                    Direction::Up => "Recorded",
                    Direction::Down => "Took back",
                };
                let what = format!("{verb} version {}", self.phase.version);
                observer.event(&Event::StepDone { what });
                Ok(())
            }
        }
    }

    fn run_all(&self, action: &Action) -> Result<()> {
        action.sql().iter().try_for_each(|statement| run(self.connection(), statement))
    }

    /// Nothing is written outside the transaction: SQLite ends it by itself after some errors
    /// (<https://sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction").
    fn still_open(&self) -> Result<()> {
        if !self.connection().is_autocommit() {
            return Ok(());
        }
        let what = "SQLite ended the transaction before its last step";
        Err(Error::new(ErrorKind::Rebuild, what))
    }

    /// SQLite reads every index of the table, also those that need what this program lacks.
    fn step_aside(&self, action: &Action) -> Result<()> {
        action.sql().iter().try_for_each(|statement| {
            with_passing_stubs(self.connection(), statement)
                .map_err(|error| refused(error, statement))
        })
    }

    /// Drops an old table: the transaction brings it back if anything fails, and the backup was compared with it page
    /// by page under the same lock. The new one takes the pages that became free
    /// (<https://sqlite.org/fileformat2.html#the_freelist>).
    fn drop_first(&mut self, table: &str) -> Result<()> {
        let rows = count_rows(self.connection(), table)?;
        self.gone.insert(table.to_owned(), rows);
        run(self.connection(), &format!("DROP TABLE main.{}", quote(table)))
    }

    /// Tables that stay have their new names and all their rows.
    fn edit_schema(&mut self, tables: &[Rebuild], observer: &mut dyn Observer) -> Result<()> {
        edit_tables(self.connection(), tables)?;
        for rebuild in tables {
            let rows = count_rows(self.connection(), &rebuild.to)?;
            self.copied(rebuild, rows, observer);
        }
        Ok(())
    }

    /// Fills a rebuilt table. The number of rows must be that of the old table.
    fn copy(&mut self, rebuild: &Rebuild, observer: &mut dyn Observer) -> Result<()> {
        let CopyStrategy::CopyRows { from, carried, .. } = &rebuild.strategy else { return Ok(()) };
        let old = self.old_rows(rebuild, *from)?;
        observer.event(&Event::Progress {
            stage: ProgressStage::Copy,
            subject: rebuild.to.clone(),
            done: 0,
            total: old.count,
        });
        for sql in carried.iter().filter_map(|index| index.sql.as_deref()) {
            run(self.connection(), sql)?;
        }
        let fill = || fill(self.connection(), rebuild, &old);
        let copied = with_guards(self.connection(), rebuild, || match from {
            RowSource::OldTable => fill(),
            RowSource::Backup => self.database.with_attached(fill),
        })?;
        if copied != old.count {
            let what = format!("{copied} of {} rows of {} were copied", old.count, rebuild.from);
            return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
        }
        self.copied(rebuild, copied, observer);
        Ok(())
    }

    fn old_rows(&mut self, rebuild: &Rebuild, from: RowSource) -> Result<OldRows> {
        let scratch = rebuild.scratch.as_str();
        match from {
            RowSource::OldTable => {
                let count = count_rows(self.connection(), scratch)?;
                Ok(OldRows { source: in_main(scratch), count })
            }
            RowSource::Backup => {
                let source = format!("{ATTACHED}.{}", quote(&rebuild.from));
                let count = self.gone.remove(scratch).ok_or_else(|| {
                    let what = format!("{} is to be filled before it went", rebuild.from);
                    Error::new(ErrorKind::Rebuild, what).about(&rebuild.from)
                })?;
                Ok(OldRows { source, count })
            }
        }
    }

    fn copied(&mut self, rebuild: &Rebuild, rows: u64, observer: &mut dyn Observer) {
        let (from, to) = (rebuild.from.clone(), rebuild.to.clone());
        self.done.copied.push((from.clone(), to.clone(), rows));
        observer.event(&Event::TableCopied { from, to, rows });
    }

    /// Creates an object; an index on a table that was copied tells how far it has come.
    fn create(&self, object: &Object, statements: &[String]) -> Result<()> {
        let copied = self.done.copied.iter().find(|(_, to, _)| same(to, &object.table));
        let rows = match copied {
            Some((_, _, rows)) if object.kind == ObjectKind::Index => *rows,
            _ => 0,
        };
        let about = (ProgressStage::Index, object.name.as_str());
        statements.iter().try_for_each(|statement| {
            let connection = self.connection();
            with_progress(connection, about, (statement, rows), || run(connection, statement))
                .map_err(|error| error.about(&object.name))
        })
    }

    fn change_virtual(
        &mut self,
        action: &Action,
        change: &VirtualChange,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        match change {
            VirtualChange::Fill { table, reason } => {
                self.fill_index(action, (table, *reason), observer)
            }
            VirtualChange::Rename { from, to, scratch, text } => {
                self.rename_by_module(action, from)?;
                let has_name = scratch.is_none() || matches!(action, Action::LateVirtual(_));
                match text.as_ref().filter(|_| has_name) {
                    Some(text) => set_text(self.connection(), to, text),
                    None => Ok(()),
                }
            }
            VirtualChange::Create { .. }
            | VirtualChange::Drop { .. }
            | VirtualChange::Recreate { .. } => self.run_all(action),
        }
    }

    /// Fills a full-text index from its content table. One that fits, or did not fit before the run, stays as it is.
    fn fill_index(
        &mut self,
        action: &Action,
        (table, reason): (&str, FillReason),
        observer: &mut dyn Observer,
    ) -> Result<()> {
        if reason == FillReason::ContentChanged
            && !self.indexes.needs_fill(self.connection(), table)?
        {
            return Ok(());
        }
        for statement in action.sql() {
            run(self.connection(), &statement)?;
            let what = format!("Filled the index of {table} ({})", statement.replace("main.", ""));
            observer.event(&Event::IndexFilled { what });
        }
        self.indexes.note_filled(table);
        Ok(flush_words(self.connection())?)
    }

    /// The module renames its own tables, for which SQLite reads every text in the file.
    fn rename_by_module(&self, action: &Action, table: &str) -> Result<()> {
        for statement in action.sql() {
            let renamed = with_known_stubs(self.connection(), &self.phase.missing, &statement);
            renamed.map_err(|error| {
                let what = format!("SQLite refused: {statement}");
                error.during(ErrorKind::Rebuild, &what).about(table)
            })?;
        }
        Ok(())
    }
}

/// What is worth a line on the screen.
fn done(action: &Action) -> Option<String> {
    match action {
        Action::CreateObject(object) | Action::KeepIndex(object) => {
            Some(format!("Created {object}"))
        }
        Action::Analyze { table } => Some(format!("Analyzed {table}")),
        Action::CarryStatistics(_) => Some("Carried the planner statistics over".to_owned()),
        _ => None,
    }
}
