//! The shadow itself: its state, applying steps, and reading the result.

use super::finding::{ChangedReference, NameAsString, Outputs, UnsoundObject};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::data::{DataEffects, Following};
use super::lineage::Lineage;
use super::memory::open_memory;
use crate::database::{
    Authorizer, Purpose, from_statement, run_followed, run_one, stub, with_stubs,
};
use crate::error::{Error, ErrorKind, MissingExtension, Result, words};
use crate::name::same;
use crate::phase::{Operation, Step, StepObject, ViewPolicy};
use crate::schema::{ObjectKind, Schema, read_again, temporary_triggers};

/// An in-memory database with a schema and no rows.
#[derive(Debug)]
pub struct Shadow {
    pub(super) connection: Connection,
    pub(super) authorizer: Authorizer,
    pub(super) missing: Vec<MissingExtension>,
    pub(super) set_aside: Vec<UnsoundObject>,
    pub(super) lineage: Lineage,
    pub(super) notices: Vec<String>,
    /// The views and triggers that were rewritten so that they keep reading what they read.
    pub(super) restated: Vec<(ObjectKind, String)>,
    pub(super) statistics: Vec<String>,
    pub(super) kept: Vec<String>,
    /// Strings in double quotes that a rename had to leave in single quotes.
    pub(super) single_quoted: Vec<NameAsString>,
    /// Objects whose text the steps gave.
    pub(super) given: Vec<(ObjectKind, String)>,
    /// Views and triggers that would read something else than before the steps so far.
    pub(super) changed_references: Vec<ChangedReference>,
    pub(super) plans_a_run: bool,
    epoch: Cell<u64>,
    read: RefCell<Option<(State, Rc<Schema>)>>,
    pub(super) known_outputs: Option<(State, Outputs)>,
    /// A schema, and the names in it that are read as strings: a phase begins where the one before it ended.
    pub(super) known_strings: Option<(Rc<Schema>, Vec<NameAsString>)>,
}

/// A state of the schema: our count of what may have changed it, and SQLite's.
pub(super) type State = (u64, i64);

impl Shadow {
    /// Makes an empty shadow: the state before the first phase.
    pub fn empty() -> Result<Self> {
        let mut connection = open_memory()?;
        let authorizer = Authorizer::of_memory();
        authorizer.install(&mut connection)?;
        Ok(Self {
            connection,
            authorizer,
            missing: Vec::new(),
            set_aside: Vec::new(),
            lineage: Lineage::default(),
            notices: Vec::new(),
            restated: Vec::new(),
            statistics: Vec::new(),
            kept: Vec::new(),
            single_quoted: Vec::new(),
            given: Vec::new(),
            changed_references: Vec::new(),
            plans_a_run: false,
            epoch: Cell::new(0),
            read: RefCell::new(None),
            known_outputs: None,
            known_strings: None,
        })
    }

    /// Reads the schema as it is now, objects that were set aside included.
    pub fn schema(&self) -> Result<Schema> {
        let mut schema = Schema::clone(&*self.current()?);
        schema.objects.extend(self.set_aside.iter().map(|it| it.object.clone()));
        Ok(schema)
    }

    /// Returns the schema as SQLite has it now. Reading thousands of tables takes a while, so it is
    /// read again only after something may have changed it.
    pub(super) fn current(&self) -> Result<Rc<Schema>> {
        let state = self.state()?;
        if let Some((known, schema)) = &*self.read.borrow()
            && *known == state
        {
            return Ok(Rc::clone(schema));
        }
        let before = self.read.borrow().as_ref().map(|(_, schema)| Rc::clone(schema));
        let before = before.unwrap_or_default();
        let schema = Rc::new(read_again(&self.connection, &before)?);
        *self.read.borrow_mut() = Some((state, Rc::clone(&schema)));
        Ok(schema)
    }

    pub(super) fn state(&self) -> Result<State> {
        let mut cookie = self.connection.prepare_cached("PRAGMA schema_version")?;
        Ok((self.epoch.get(), cookie.query_row([], |row| row.get(0))?))
    }

    pub(super) fn changed(&self) {
        self.epoch.set(self.epoch.get() + 1);
    }

    /// Returns what the schema uses and this program lacks.
    pub fn missing(&self) -> &[MissingExtension] {
        &self.missing
    }

    /// Names tables of the program's own: a phase that creates one of them finds it there.
    pub fn keep_tables(&mut self, names: [&str; 2]) {
        self.kept = names.iter().map(|name| (*name).to_owned()).collect();
        self.protect_kept();
    }

    pub fn statistics_tables(&self) -> &[String] {
        &self.statistics
    }

    /// Notes that the file has the statistics tables that ANALYZE makes
    /// (<https://sqlite.org/fileformat2.html#the_sqlite_stat4_table>).
    pub fn expect_statistics(&mut self) -> Result<()> {
        let sql = "SELECT sqlite_compileoption_used('ENABLE_STAT4')";
        let fine: bool = self.connection.query_row(sql, [], |row| row.get(0))?;
        let made = ["sqlite_stat1"].into_iter().chain(fine.then_some("sqlite_stat4"));
        for table in made {
            if !self.statistics.iter().any(|it| same(it, table)) {
                self.statistics.push(table.to_owned());
            }
        }
        Ok(())
    }

    /// Runs one statement that defines something of the program's own.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] with SQLite's reason.
    pub fn define(&mut self, sql: &str) -> Result<()> {
        self.authorizer.protect([""; 2]);
        let done = self.execute(sql);
        self.protect_kept();
        done
    }

    fn protect_kept(&self) {
        if let [one, two] = self.kept.as_slice() {
            self.authorizer.protect([one, two]);
        }
    }

    /// Returns the TEMP triggers that the steps left: name and table.
    pub fn temporary_triggers(&self) -> Result<Vec<(String, String)>> {
        temporary_triggers(&self.connection)
    }

    /// Begins a stage: from here on, lineage is counted from the schema as it is now.
    pub fn start_stage(&mut self) -> Result<()> {
        self.lineage = Lineage::identity(&*self.current()?);
        Ok(())
    }

    /// Returns where the tables come from, since the stage began.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// Takes the list of objects whose text the steps gave.
    pub fn take_given(&mut self) -> Vec<(ObjectKind, String)> {
        std::mem::take(&mut self.given)
    }

    /// Takes the views and triggers that applied steps had rewritten, because a new name would have captured a name in
    /// them.
    pub fn take_restated(&mut self) -> Vec<(ObjectKind, String)> {
        std::mem::take(&mut self.restated)
    }

    /// Takes the notices that applied steps left.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Applies a run of steps that has no data step in it, in order. Consecutive renames whose
    /// names are still taken by each other are understood as one: a swap or a chain.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] with the line of the step and SQLite's reason.
    pub fn apply(&mut self, steps: &[Step], views: ViewPolicy) -> Result<()> {
        let mut rest = steps;
        while let Some(step) = rest.first() {
            let renames = rest.iter().take_while(|it| is_rename(it)).count();
            let names = if changes_names(step) { self.names()? } else { None };
            if renames > 0 {
                self.apply_renames(&rest[..renames], views)?;
                rest = &rest[renames..];
            } else {
                self.apply_one(step).map_err(|error| at_step(error, step))?;
                rest = &rest[1..];
            }
            if let Some(names) = names {
                self.keep_references(&names).map_err(|error| at_step(error, step))?;
            }
        }
        Ok(())
    }

    fn apply_one(&mut self, step: &Step) -> Result<()> {
        match &step.operation {
            Operation::RenameTable { .. } | Operation::RenameColumn { .. } => Ok(()),
            Operation::Create { kind: StepObject::Table, sql, if_not_exists } => {
                self.create_table(sql, *if_not_exists)
            }
            Operation::Drop { kind: StepObject::Table, name, if_exists } => {
                self.drop_table(name, *if_exists)
            }
            Operation::Create { kind, sql, if_not_exists } => {
                self.create((*kind).into(), sql, *if_not_exists)
            }
            Operation::Drop { kind, name, if_exists } => {
                self.drop((*kind).into(), name, *if_exists)
            }
            Operation::AddColumn { .. }
            | Operation::DropColumn { .. }
            | Operation::AlterColumn { .. }
            | Operation::AddConstraint { .. }
            | Operation::DropConstraint { .. }
            | Operation::Rebuild { .. } => self.redefine(&step.operation),
            Operation::RenameIndex { from, to } => self.rename_index(from, to),
            Operation::ReplaceView { sql } => self.replace(ObjectKind::View, sql),
            Operation::ReplaceTrigger { sql } => self.replace(ObjectKind::Trigger, sql),
            Operation::Sql { .. } => Err(Error::new(
                ErrorKind::Step,
                "a data step cannot be applied among changes of the schema",
            )),
        }
    }

    /// Plans steps that are to run in the file next: their SQL must compile without what this program lacks, and
    /// a string in double quotes is refused. A replay of what was applied long ago takes both.
    pub fn plan_a_run(&mut self) {
        self.plans_a_run = true;
    }

    /// Returns whether it plans what runs next.
    pub fn plans(&self) -> bool {
        self.plans_a_run
    }

    /// Checks the statements of a data step and follows what they do to tables. Statements that change
    /// rows are only compiled; statements that change the schema are carried out.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] with the line of the statement and the reason.
    pub fn apply_data(&mut self, sql: &str) -> Result<DataEffects> {
        self.changed();
        self.connection.execute_batch("SAVEPOINT data")?;
        let applied = match self.plans_a_run {
            true => self.without_stubs(|shadow| shadow.follow_data(sql, Purpose::CheckNew)),
            false => self.apply_old_data(sql),
        };
        match &applied {
            Ok(_) => self.connection.execute_batch("RELEASE data")?,
            // The first error counts; an interrupt ends the savepoint, too.
            Err(_) => drop(self.connection.execute_batch("ROLLBACK TO data; RELEASE data")),
        }
        let effects = applied?;
        self.changed();
        self.forget_replaced_references()?;
        Ok(effects)
    }

    /// Refuses what no phase may do.
    pub(super) fn not_allowed(&self, what: &str) -> Error {
        let kind = if self.plans_a_run { ErrorKind::PhaseFile } else { ErrorKind::Step };
        Error::new(kind, format!("{what} is not allowed in a phase"))
    }

    /// Runs the statements of a data step that change the schema, and follows all of them.
    fn follow_data(&self, sql: &str, purpose: Purpose) -> Result<DataEffects> {
        let mut following = Following::new(Lineage::identity(&*self.current()?));
        let how = (&self.authorizer, purpose);
        let touched = run_followed(&self.connection, how, sql, &mut following)?;
        Ok(DataEffects { touched, ..following.effects })
    }

    fn apply_old_data(&mut self, sql: &str) -> Result<DataEffects> {
        loop {
            self.connection.execute_batch("SAVEPOINT attempt")?;
            let checked = self.follow_data(sql, Purpose::Check);
            let part = match &checked {
                Ok(_) => None,
                Err(error) => error.missing_extension(),
            };
            let again = match part.clone() {
                Some(part) if !self.missing.contains(&part) && stub(&self.connection, &part)? => {
                    self.missing.push(part);
                    true
                }
                Some(_) | None => false,
            };
            // What ran before the missing part was met runs again.
            let end =
                if again { "ROLLBACK TO attempt; RELEASE attempt" } else { "RELEASE attempt" };
            self.connection.execute_batch(end)?;
            if !again {
                let lacks = part.is_some_and(|it| self.missing.contains(&it));
                return match checked {
                    // A virtual table that stands here for one whose module only other programs have.
                    Err(_) if lacks => Ok(DataEffects {
                        lineage: Lineage::identity(&*self.current()?),
                        ..DataEffects::default()
                    }),
                    checked => checked,
                };
            }
            self.changed();
        }
    }

    /// Runs one statement that changes the schema, under the authorizer: part of it comes from a phase or from the
    /// file, most often all of it.
    pub(super) fn execute(&mut self, sql: &str) -> Result<()> {
        self.changed();
        let authorizer = &self.authorizer;
        let mut denied = None;
        let done = with_stubs(&self.connection, &mut self.missing, |connection| {
            connection.execute_batch("SAVEPOINT step")?;
            authorizer.raise();
            let done = run_one(connection, sql);
            denied = authorizer.denied();
            authorizer.lower();
            match done {
                Ok(()) => connection.execute_batch("RELEASE step"),
                Err(error) => {
                    // Nothing is lost if this fails too: the first error is what counts.
                    drop(connection.execute_batch("ROLLBACK TO step; RELEASE step"));
                    Err(error)
                }
            }
        });
        done.map_err(|error| match denied {
            Some(what) => self.not_allowed(&what),
            None => {
                let what = words(&error);
                from_statement(error, what)
            }
        })
    }

    /// Finds a name that no object has.
    pub(super) fn free_name(&self, wish: &str) -> Result<String> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE")?;
        let aside = |name: &str| self.set_aside.iter().any(|it| same(&it.object.name, name));
        let mut name = wish.to_owned();
        let mut number = 1_u64;
        while aside(&name) || statement.query_row([&name], |row| row.get(0))? {
            number += 1;
            name = format!("{wish}_{number}");
        }
        Ok(name)
    }

    // Entries of sqlite_schema are edited only here, in memory, and SQLite reads them again
    // (https://sqlite.org/pragma.html#pragma_writable_schema).

    pub(super) fn set_entry_sql(
        &self,
        kind: ObjectKind,
        name: &str,
        sql: Option<&str>,
    ) -> Result<()> {
        self.changed();
        let word = kind.entry_type();
        self.edit_entries(|connection| {
            connection.execute(
                "UPDATE sqlite_schema SET sql = ?1 WHERE type = ?2 AND name = ?3 COLLATE NOCASE",
                (sql, word, name),
            )
        })
    }

    /// DEFENSIVE forbids to edit entries, and is lifted for that only.
    pub(super) fn edit_entries(
        &self,
        edit: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<()> {
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
        let edited = self.connection.execute_batch("PRAGMA writable_schema=ON");
        let edited = edited.and_then(|()| edit(&self.connection));
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        edited?;
        Ok(())
    }

    pub(super) fn insert_entry(&self, object: &crate::schema::Object) -> Result<()> {
        self.edit_entries(|connection| {
            connection.execute(
                "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES (?1, ?2, ?3, 0, ?4)",
                (object.kind.entry_type(), &object.name, &object.table, &object.sql),
            )
        })?;
        self.reload()
    }

    pub(super) fn delete_entries(&self, objects: &[crate::schema::Object]) -> Result<()> {
        for object in objects {
            self.edit_entries(|connection| {
                connection.execute(
                    "DELETE FROM sqlite_schema WHERE type = ?1 AND name = ?2 COLLATE NOCASE",
                    (object.kind.entry_type(), &object.name),
                )
            })?;
        }
        self.reload()
    }

    pub(super) fn reload(&self) -> Result<()> {
        self.changed();
        self.connection.execute_batch("PRAGMA writable_schema=RESET")?;
        Ok(())
    }
}

/// Finds a name that no object of a schema has, beginning with the wish.
pub(crate) fn free_name(schema: &Schema, wish: &str) -> String {
    let taken =
        |name: &str| schema.objects.named(name).chain(schema.internal.named(name)).next().is_some();
    let mut name = wish.to_owned();
    let mut number = 1_u64;
    while taken(&name) {
        number += 1;
        name = format!("{wish}_{number}");
    }
    name
}

fn is_rename(step: &Step) -> bool {
    matches!(step.operation, Operation::RenameTable { .. } | Operation::RenameColumn { .. })
}

/// Returns whether a step gives a table or a column another name, or adds or drops one.
fn changes_names(step: &Step) -> bool {
    let of_columns = matches!(
        step.operation,
        Operation::AddColumn { .. } | Operation::DropColumn { .. } | Operation::Rebuild { .. }
    );
    is_rename(step) || of_columns
}

pub(super) fn at_step(error: Error, step: &Step) -> Error {
    let what = format!("line {}: {}: {error}", step.line, step.operation.op());
    let lacks = error.missing_extension().is_some();
    let kind = match error.kind() {
        ErrorKind::Step | ErrorKind::Sqlite if lacks => ErrorKind::MissingExtension,
        ErrorKind::Sqlite => ErrorKind::Step,
        other => other,
    };
    let mut object = error.facts().object.clone();
    let mut what = what;
    if lacks
        && object.is_none()
        && let Operation::RenameTable { from: table, .. }
        | Operation::Drop { kind: StepObject::Table, name: table, .. } = &step.operation
    {
        what.push_str(&format!(", which {table} needs"));
        object = Some(table.clone());
    }
    let choices = error.facts().choices.clone();
    let remedy = error.facts().remedy;
    let wrapped = Error::new(kind, what).caused_by(error).on_step_line(step.line).choices(choices);
    let wrapped = match remedy {
        Some(remedy) => wrapped.with_remedy(remedy),
        None => wrapped,
    };
    match object {
        Some(object) => wrapped.about(&object),
        None => wrapped,
    }
}
