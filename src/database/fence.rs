//! The fence around SQL that a phase brings along, and the record of what that SQL touches.
//!
//! SQLite asks an authorizer about every action when a statement is prepared
//! (<https://sqlite.org/c3ref/set_authorizer.html>). While the fence is up, whatever could end our
//! transaction or leave the file is denied; the tables and columns that are written are noted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::attached::ATTACHED;
use crate::error::Result;
use crate::name::fold;

/// What statements do to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TouchedTable {
    /// Rows may be added.
    pub inserts: bool,
    /// Rows may be removed.
    pub deletes: bool,
    /// Rows may be replaced by others of the same key.
    pub replaces: bool,
    /// Columns whose values may change, folded.
    pub updates: BTreeSet<String>,
}

/// What statements do to the tables of `main`, by folded table name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// The tables.
    pub tables: BTreeMap<String, TouchedTable>,
    /// The triggers that fire.
    pub triggers: BTreeSet<String>,
    /// Whether a statement changes the schema.
    pub schema: bool,
    /// The tables, folded, whose definition ALTER TABLE changes.
    pub altered: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct State {
    attached: Attached,
    up: bool,
    /// What the statement at hand touches.
    touched: Touched,
    /// What the statements before it touched.
    total: Touched,
    schema_mark: bool,
    denied: Option<String>,
}

/// The fence of one connection; down unless raised.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<State>>);

impl Fence {
    /// Puts the fence, still down, around a connection.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn install(&self, connection: &mut Connection) -> Result<()> {
        let fence = self.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| fence.decide(&context)))?;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that another thread panicked; the record stays valid.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Raises the fence with an empty record.
    pub fn raise(&self) {
        let mut state = self.state();
        let attached = std::mem::take(&mut state.attached);
        *state = State { attached, up: true, ..State::default() };
    }

    /// Opens or closes the way to the attached database.
    pub(super) fn open_attached(&self, open: bool) {
        self.state().attached.open = open;
    }

    /// Takes the names that only the attached database has, folded.
    pub(super) fn hide(&self, names: BTreeSet<String>) {
        self.state().attached.names = names;
    }

    /// Lowers the fence and returns the record.
    pub fn lower(&self) -> Touched {
        self.take_statement();
        std::mem::take(&mut *self.state()).total
    }

    /// Returns what was touched since the last call; the record keeps it.
    pub(super) fn take_statement(&self) -> Touched {
        let mut state = self.state();
        let touched = std::mem::take(&mut state.touched);
        state.total.merge(touched.clone());
        touched
    }

    /// Returns what the statement at hand touches so far.
    pub(super) fn statement(&self) -> Touched {
        self.state().touched.clone()
    }

    /// Returns what was denied since the fence was raised, in words.
    pub fn denied(&self) -> Option<String> {
        self.state().denied.clone()
    }

    /// Denies something that SQLite does not ask about.
    pub(super) fn deny(&self, what: &str) {
        self.state().denied.get_or_insert_with(|| what.to_owned());
    }

    /// Tells whether a statement compiled since the last call changes the schema.
    pub(super) fn take_schema_mark(&self) -> bool {
        std::mem::take(&mut self.state().schema_mark)
    }

    fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        let mut state = self.state();
        if let Some(answer) = state.attached.answer(context) {
            if answer == Authorization::Deny {
                state.denied.get_or_insert_with(|| "a table that is gone".to_owned());
            }
            return answer;
        }
        if !state.up {
            return Authorization::Allow;
        }
        if let Some(what) = forbidden(context) {
            state.denied.get_or_insert(what);
            return Authorization::Deny;
        }
        let before = std::mem::take(&mut state.touched.schema);
        note(&mut state.touched, context);
        state.schema_mark |= state.touched.schema;
        state.touched.schema |= before;
        Authorization::Allow
    }
}

/// What statements may know of an attached database: nothing, unless it is opened for them.
#[derive(Debug, Default)]
struct Attached {
    open: bool,
    names: BTreeSet<String>,
}

impl Attached {
    /// A name that `main` lacks would be found in the attached database: by a statement, which is then
    /// refused as it would be without, and by a pragma, which then finds nothing, as without.
    fn answer(&self, context: &AuthContext<'_>) -> Option<Authorization> {
        if self.open {
            return None;
        }
        let inside = context.database_name.is_some_and(|name| name.eq_ignore_ascii_case(ATTACHED));
        match context.action {
            AuthAction::Detach { .. } | AuthAction::Attach { .. } => None,
            _ if inside => Some(Authorization::Deny),
            // A table of which no column is read is reported as the statement names it.
            AuthAction::Read { table_name, column_name: "" }
                if context.database_name.is_none() && self.names.contains(&fold(table_name)) =>
            {
                Some(Authorization::Deny)
            }
            AuthAction::Pragma { pragma_value: Some(name), .. }
                if context.database_name.is_none() && self.names.contains(&fold(name)) =>
            {
                Some(Authorization::Ignore)
            }
            _ => None,
        }
    }
}

/// Pragmas that only read and that table-valued functions use.
const READING_PRAGMAS: [&str; 12] = [
    "collation_list",
    "data_version",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "module_list",
    "table_info",
    "table_list",
    "table_xinfo",
];

fn forbidden(context: &AuthContext<'_>) -> Option<String> {
    match context.action {
        AuthAction::Transaction { .. } => Some("transaction control".to_owned()),
        AuthAction::Savepoint { .. } => Some("a savepoint".to_owned()),
        AuthAction::Attach { .. } => Some("ATTACH or VACUUM".to_owned()),
        AuthAction::Detach { .. } => Some("DETACH".to_owned()),
        AuthAction::Pragma { pragma_name, pragma_value } => {
            // Full-text and R*Tree tables ask for the page size when they are opened.
            let asks = crate::name::same(pragma_name, "page_size") && pragma_value.is_none();
            let reads =
                asks || READING_PRAGMAS.iter().any(|known| crate::name::same(known, pragma_name));
            (!reads).then(|| format!("PRAGMA {pragma_name}"))
        }
        AuthAction::Function { function_name } => {
            let name = fold(function_name);
            let loads = name == "load_extension" || name == "writefile" || name == "fts3_tokenizer";
            loads.then(|| format!("the function {name}()"))
        }
        _ => None,
    }
}

fn note(touched: &mut Touched, context: &AuthContext<'_>) {
    let main = context.database_name.is_none_or(|name| name.eq_ignore_ascii_case("main"));
    if let (
        Some(trigger),
        AuthAction::Insert { .. } | AuthAction::Update { .. } | AuthAction::Delete { .. },
    ) = (context.accessor, context.action)
    {
        touched.triggers.insert(trigger.to_owned());
    }
    if !main {
        return;
    }
    match context.action {
        AuthAction::Insert { table_name } => {
            touched.note(table_name, |table| table.inserts = true);
        }
        AuthAction::Delete { table_name } => {
            touched.note(table_name, |table| table.deletes = true);
        }
        AuthAction::Update { table_name, column_name } => touched.note(table_name, |table| {
            table.updates.insert(fold(column_name));
        }),
        AuthAction::AlterTable { table_name, .. } => {
            touched.schema = true;
            touched.altered.insert(fold(table_name));
        }
        AuthAction::Reindex { .. } | AuthAction::Analyze { .. } => touched.schema = true,
        _ => {}
    }
}

impl Touched {
    /// Assumes that every insert and update may replace rows: REPLACE deletes without being asked
    /// for (<https://sqlite.org/lang_conflict.html>).
    pub(super) fn assume_replacing(&mut self) {
        for table in self.tables.values_mut().filter(|it| it.inserts || !it.updates.is_empty()) {
            table.replaces = true;
        }
    }

    /// Joins what other statements touch.
    pub fn merge(&mut self, other: Self) {
        for (name, table) in other.tables {
            let known = self.tables.entry(name).or_default();
            known.inserts |= table.inserts;
            known.deletes |= table.deletes;
            known.replaces |= table.replaces;
            known.updates.extend(table.updates);
        }
        self.triggers.extend(other.triggers);
        self.schema |= other.schema;
        self.altered.extend(other.altered);
    }

    fn note(&mut self, table: &str, change: impl FnOnce(&mut TouchedTable)) {
        if matches!(fold(table).as_str(), "sqlite_master" | "sqlite_schema") {
            self.schema = true;
        } else {
            change(self.tables.entry(fold(table)).or_default());
        }
    }
}
