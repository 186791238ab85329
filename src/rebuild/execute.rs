//! The actions of a plan, one after the other.

use rusqlite::Connection;

use super::fill::FittingIndexes;
use super::in_place::Staying;
use super::indexes::{EarlyIndexes, free_name, indexes_aside};
use super::kept::KeptTrees;
use super::lenient_copy::{relaxed, set_text};
use super::refill::{Gone, Origin, Refill};
use crate::database::{
    Database, Purpose, run_fenced, run_one, with_known_stubs, with_passing_stubs, with_progress,
    with_strict_names,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Interrupt, Observer, Stage as ProgressStage, track_progress};
use crate::name::{quote, same};
use crate::plan::{
    Action, DataStage, Direction, FillReason, PhasePlan, PlannedStep, Rebuild, VirtualChange,
};
use crate::rows::{Values, conversions, count_rows};
use crate::schema::{Object, ObjectKind};
use crate::shadow::{CopyMethod, Transfer, transfer_out_of};

/// How the number of rows of a table changed in a data step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowsChanged {
    /// The phase.
    pub phase: String,
    /// The table.
    pub table: String,
    /// Rows before.
    pub before: u64,
    /// Rows after.
    pub after: u64,
}

/// What an execution did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// The tables that were copied: before, after and rows.
    pub copied: Vec<(String, String, u64)>,
    /// What data steps did to the number of rows.
    pub rows_changed: Vec<RowsChanged>,
    /// Whether rows came from the backup, so that it cannot prove them alone.
    pub refilled: bool,
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
        early: EarlyIndexes::default(),
        kept: KeptTrees::default(),
        gone: Gone::default(),
        staying: Staying::default(),
        refill: std::mem::take(&mut course.refill),
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
    run.kept.all_given()?;
    course.refill = run.refill;
    course.indexes = run.indexes;
    database.hide_attached_names()?;
    Ok(run.done)
}

/// How far a run of several phases has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunProgress {
    /// The last step begun, from 1.
    pub step: usize,
    /// All steps of the run.
    pub steps: usize,
    /// The tables that may be filled from the attached backup.
    pub refill: Refill,
    /// The full-text tables whose indexes fit their content.
    pub indexes: FittingIndexes,
}

struct Run<'a> {
    database: &'a Database,
    phase: &'a PhasePlan,
    interrupt: Interrupt,
    done: Execution,
    early: EarlyIndexes,
    kept: KeptTrees,
    gone: Gone,
    staying: Staying,
    refill: Refill,
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
            if let Action::CreateTable { table, .. } = action {
                // From here on the backup's table of that name is another one.
                self.refill.forget(table);
                self.gone.drop_waiting(self.database.connection())?;
                self.staying.edit(self.database.connection())?;
            }
            if self.staying.spares(action) {
                continue;
            }
            if self.gone.does(self.database.connection(), action)? {
                continue;
            }
            match action {
                Action::Copy(rebuild) => self.copy(rebuild, observer)?,
                Action::Data(data) => self.data(data, observer)?,
                Action::Record => self.record(observer, record)?,
                Action::StepAside { scratch, rebuild, .. } => {
                    self.step_aside(action, scratch, rebuild.as_deref())?;
                }
                Action::Restore(object) if self.is_there(object)? => {
                    observer.event(&Event::StepDone { what: created(object) });
                }
                Action::LateVirtual(VirtualChange::Fill { table, reason }) => {
                    self.fill_index(action, (table, *reason), observer)?;
                }
                Action::EarlyVirtual(VirtualChange::Rename { from, to, scratch, text })
                | Action::LateVirtual(VirtualChange::Rename { from, to, scratch, text }) => {
                    self.rename_by_module(action, from)?;
                    let has_name = scratch.is_none() || matches!(action, Action::LateVirtual(_));
                    if let Some(text) = text.as_ref().filter(|_| has_name) {
                        set_text(self.connection(), to, text)?;
                    }
                    self.indexes.follow(action);
                    if let Some(what) = done(action) {
                        observer.event(&Event::StepDone { what });
                    }
                }
                Action::Remove(_)
                | Action::CreateTable { .. }
                | Action::DropTable { .. }
                | Action::CarrySequence { .. }
                | Action::CarryStatistics(_)
                | Action::Analyze { .. }
                | Action::EarlyVirtual(_)
                | Action::LateVirtual(_)
                | Action::Restore(_) => {
                    for statement in action.sql() {
                        self.run_told(action, &statement)?;
                    }
                    self.indexes.follow(action);
                    if let Some(what) = done(action) {
                        observer.event(&Event::StepDone { what });
                    }
                }
            }
        }
        Ok(())
    }

    fn record(
        &self,
        observer: &mut dyn Observer,
        record: &mut dyn FnMut(&Connection) -> Result<()>,
    ) -> Result<()> {
        for statement in &self.phase.version_tables {
            self.run(statement)?;
        }
        record(self.connection())?;
        let verb = match self.phase.direction {
            Direction::Up => "Recorded",
            Direction::Down => "Took back",
        };
        let what = format!("{verb} version {}", self.phase.version);
        observer.event(&Event::StepDone { what });
        Ok(())
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

    /// Tells whether an index came with its table: made before the rows, or with the b-tree it had.
    fn is_there(&mut self, object: &Object) -> Result<bool> {
        Ok(self.early.takes(object) || self.kept.give_late(self.database.connection(), object)?)
    }

    /// A table in which only names change stays. An old table goes at once if the new one can be filled
    /// from the backup; otherwise its indexes make room for those of the new one.
    fn step_aside(
        &mut self,
        action: &Action,
        scratch: &str,
        rebuild: Option<&Rebuild>,
    ) -> Result<()> {
        let connection = self.database.connection();
        if let Some(rebuild) = rebuild
            && let Some(indexes) = &rebuild.stays
        {
            self.early.note(indexes.iter().map(|(_, index)| index));
            self.refill.forget(&rebuild.from);
            return self.staying.steps_aside(connection, rebuild);
        }
        for statement in action.sql() {
            with_passing_stubs(connection, &statement)
                .map_err(|error| refused(error, &statement))?;
        }
        if let Some(rebuild) = rebuild {
            self.kept.take(connection, rebuild)?;
        }
        if let Some(rebuild) = rebuild
            && self.gone.steps_aside(connection, rebuild, &mut self.refill)?
        {
            return Ok(());
        }
        if self.phase.carries_indexes() {
            indexes_aside(connection, scratch)?;
        }
        Ok(())
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
            self.run(&statement)?;
            let what = format!("Filled the index of {table} ({})", statement.replace("main.", ""));
            observer.event(&Event::StepDone { what });
        }
        self.indexes.note_filled(table);
        self.flush_words()
    }

    /// Full-text tables keep new words in memory until a savepoint or the commit
    /// (<https://sqlite.org/vtab.html#the_xsavepoint_xrelease_and_xrollback_to_methods>). What is proven must be in
    /// the file.
    fn flush_words(&self) -> Result<()> {
        self.run("SAVEPOINT phaseshift_words")?;
        self.run("RELEASE phaseshift_words")
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

    fn run(&self, statement: &str) -> Result<()> {
        run_one(self.connection(), statement).map_err(|error| refused(error, statement))
    }

    /// As `run`; an index on a table that was copied tells how far it has come.
    fn run_told(&self, action: &Action, statement: &str) -> Result<()> {
        let Action::Restore(object) = action else { return self.run(statement) };
        let copied = self.done.copied.iter().find(|(_, to, _)| same(to, &object.table));
        let rows = match copied {
            Some((_, _, rows)) if object.kind == ObjectKind::Index => *rows,
            _ => 0,
        };
        let about = (ProgressStage::Index, object.name.as_str());
        with_progress(self.connection(), about, (statement, rows), || self.run(statement))
    }

    /// Fills a rebuilt table. The number of rows must be that of the old table.
    fn copy(&mut self, rebuild: &Rebuild, observer: &mut dyn Observer) -> Result<()> {
        if rebuild.stays.is_some() {
            return self.kept(rebuild, observer);
        }
        let origin = self.gone.origin(self.connection(), &rebuild.scratch)?;
        let expected = origin.rows;
        observer.event(&Event::Progress {
            stage: ProgressStage::Copy,
            subject: rebuild.to.clone(),
            done: 0,
            total: expected,
        });
        let guards = self.guards(rebuild)?;
        for (name, table, column) in &guards {
            self.run(&format!(
                "CREATE INDEX main.{} ON {}({}) WHERE 0",
                quote(name),
                quote(table),
                quote(column)
            ))?;
        }
        self.early.create(self.database.connection(), rebuild, &self.kept)?;
        let copied = if origin.attached {
            self.done.refilled = true;
            self.database.with_attached(|| self.fill(rebuild, &origin))?
        } else {
            self.fill(rebuild, &origin)?
        };
        for (name, _, _) in &guards {
            self.run(&format!("DROP INDEX main.{}", quote(name)))?;
        }
        if copied != expected {
            let what = format!("{copied} of {expected} rows of {} were copied", rebuild.from);
            return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
        }
        let given = self.kept.give(self.database.connection(), rebuild)?;
        self.early.note(given.iter());
        self.noted(rebuild, copied, observer);
        Ok(())
    }

    /// A table that stayed has its new name and all its rows.
    fn kept(&mut self, rebuild: &Rebuild, observer: &mut dyn Observer) -> Result<()> {
        let rows = count_rows(self.connection(), &rebuild.to)?;
        self.noted(rebuild, rows, observer);
        Ok(())
    }

    fn noted(&mut self, rebuild: &Rebuild, rows: u64, observer: &mut dyn Observer) {
        let (from, to) = (rebuild.from.clone(), rebuild.to.clone());
        self.done.copied.push((from.clone(), to.clone(), rows));
        observer.event(&Event::TableCopied { from, to, rows });
    }

    /// Returns how many rows SQLite says it wrote.
    fn fill(&self, rebuild: &Rebuild, origin: &Origin) -> Result<u64> {
        self.refuse_conversions(rebuild, origin)?;
        let copy = |statement: &str| {
            let about = (ProgressStage::Copy, rebuild.to.as_str());
            let named = with_strict_names(self.connection(), || {
                with_progress(self.connection(), about, (statement, origin.rows), || {
                    self.run(statement)
                })
            });
            named.map_err(|error| error.about(&rebuild.from))?;
            Ok(self.connection().changes())
        };
        if self.copies_records(rebuild, origin)? {
            return copy(&rebuild.copy.sql(&origin.source, &rebuild.to));
        }
        let statement = rebuild.copy.row_sql(&origin.source, &rebuild.to);
        relaxed(self.connection(), rebuild, &origin.source, || copy(&statement))
    }

    /// Whether SQLite will copy whole records now, as it said it would. Otherwise the values are copied
    /// one by one, for which the rowid must have a name.
    fn copies_records(&self, rebuild: &Rebuild, origin: &Origin) -> Result<bool> {
        if rebuild.copy.method == CopyMethod::Rows {
            return Ok(false);
        }
        let found = transfer_out_of(self.connection(), &rebuild.to, &origin.source)?;
        if found == Transfer::KeepsRowids {
            return Ok(true);
        }
        if rebuild.copy.keeps_rowids() {
            return Ok(false);
        }
        let what = format!("the rowids of {} cannot be kept", rebuild.from);
        Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from))
    }

    /// What could be looked at before the transaction was looked at there; values that a data step of this
    /// run wrote are met here for the first time.
    fn refuse_conversions(&self, rebuild: &Rebuild, origin: &Origin) -> Result<()> {
        let source = origin.source.as_str();
        let (rows, stage) = (origin.rows, ProgressStage::Copy);
        let values = Values { source, rows, stage, shape: &rebuild.shape };
        let found = conversions(self.connection(), values, &rebuild.typed)?;
        if let Some((column, found)) = found.first() {
            let what = format!("{}.{column}: {found}", rebuild.to);
            return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
        }
        let Some(alias) = &rebuild.given_alias else { return Ok(()) };
        let sql = format!(
            "SELECT count(*) FROM ({}) WHERE {} IS NULL",
            rebuild.copy.select(source),
            quote(alias)
        );
        let count: i64 = self.connection().query_row(&sql, [], |row| row.get(0))?;
        if count > 0 {
            let rows = crate::text::rows(count);
            let what = format!("{}.{alias} would be NULL in {rows} and get new keys", rebuild.to);
            return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
        }
        Ok(())
    }

    /// An empty index on both tables makes SQLite keep the rowids in a transfer of records.
    fn guards(&self, rebuild: &Rebuild) -> Result<Vec<(String, String, String)>> {
        if rebuild.copy.method != CopyMethod::RecordsWithGuard {
            return Ok(Vec::new());
        }
        let Some((to, from)) = rebuild.copy.first_stored_column() else { return Ok(Vec::new()) };
        let (source, target) = (&rebuild.scratch, &rebuild.to);
        Ok(vec![
            (self.free_name(&format!("{source}_guard"))?, source.clone(), from.to_owned()),
            (self.free_name(&format!("{source}_guarded"))?, target.clone(), to.to_owned()),
        ])
    }

    /// A name that nothing in the file has at this moment.
    fn free_name(&self, wish: &str) -> Result<String> {
        free_name(self.connection(), wish)
    }

    fn data(&mut self, data: &DataStage, observer: &mut dyn Observer) -> Result<()> {
        self.refill.without(&data.touched);
        self.database.hide_attached_names()?;
        let tables: Vec<String> = data.touched.tables.keys().cloned().collect();
        let before = self.counts(&tables)?;
        let fence = self.database.fence();
        let place = data.file.clone().unwrap_or_else(|| format!("line {}", data.line));
        // The statements mean what they mean in any other program.
        self.run("PRAGMA legacy_alter_table=OFF")?;
        let run = || run_fenced(self.connection(), fence, &data.sql, Purpose::Run);
        // How much these statements will do, nobody knows.
        track_progress((ProgressStage::Data, &place), (0, 0), run)
            .map_err(|error| at_step(error, data))?;
        self.run("PRAGMA legacy_alter_table=ON")?;
        for change in &data.changes {
            observer.event(&Event::SchemaChanged { what: change.to_string() });
        }
        self.flush_words()?;
        let after = self.counts(&tables)?;
        for (table, (before, after)) in tables.into_iter().zip(before.into_iter().zip(after)) {
            let (Some(before), Some(after)) = (before, after) else { continue };
            observer.event(&Event::RowsChanged { table: table.clone(), before, after });
            let phase = self.phase.id.to_string();
            self.done.rows_changed.push(RowsChanged { phase, table, before, after });
        }
        Ok(())
    }

    /// Counts rows; a table that a statement creates or drops has no count on one side.
    fn counts(&self, tables: &[String]) -> Result<Vec<Option<u64>>> {
        let mut counts = Vec::new();
        for table in tables {
            let exists: bool = self.connection().query_row(
                "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
                [table],
                |row| row.get(0),
            )?;
            let count = if exists { self.count(table)? } else { None };
            counts.push(count);
        }
        Ok(counts)
    }

    /// Counts the rows of a table; some virtual tables can only be searched
    /// (<https://sqlite.org/fts5.html#the_columnsize_option>).
    fn count(&self, table: &str) -> Result<Option<u64>> {
        match count_rows(self.connection(), table) {
            Ok(count) => Ok(Some(count)),
            Err(error)
                if is_virtual(self.connection(), table)? && error.kind() == ErrorKind::Sqlite =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_virtual(connection: &Connection, table: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM main.sqlite_schema \
               WHERE type = 'table' AND rootpage = 0 AND name = ?1 COLLATE NOCASE";
    Ok(connection.query_row(sql, [table], |row| row.get(0))?)
}

/// What is worth a line on the screen.
fn done(action: &Action) -> Option<String> {
    match action {
        Action::Restore(object) => Some(created(object)),
        Action::CreateTable { .. }
        | Action::Remove(_)
        | Action::StepAside { .. }
        | Action::Copy(_)
        | Action::DropTable { .. }
        | Action::CarrySequence { .. }
        | Action::Data(_)
        | Action::EarlyVirtual(_)
        | Action::LateVirtual(_)
        | Action::Record => None,
        Action::Analyze { table } => Some(format!("Analyzed {table}")),
        Action::CarryStatistics(_) => Some("Carried the planner statistics over".to_owned()),
    }
}

/// Says of a statement that failed in which step it stands.
fn at_step(error: Error, data: &DataStage) -> Error {
    if error.kind() != ErrorKind::Step {
        return error;
    }
    let failed = Error::new(ErrorKind::Rebuild, data.describe(&error));
    let failed = match &error.facts().object {
        Some(object) => failed.about(object),
        None => failed,
    };
    failed.caused_by(error)
}

fn created(object: &Object) -> String {
    format!("Created {} {}", object.kind.word(), object.name)
}

pub(super) fn refused(error: rusqlite::Error, statement: &str) -> Error {
    let what = format!("SQLite refused: {}", first_line(statement));
    Error::from(error).during(ErrorKind::Rebuild, &what)
}

fn first_line(statement: &str) -> String {
    let line = statement.lines().next().unwrap_or_default();
    if line.chars().count() > 100 {
        line.chars().take(100).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}
