//! The authorizer around SQL that a phase brings along, and the record of what that SQL touches.
//!
//! SQLite asks an authorizer about every action when a statement is prepared
//! (<https://sqlite.org/c3ref/set_authorizer.html>). While the authorizer is up, whatever could end our
//! transaction or leave the file is denied; the tables and columns that are written are noted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::error::Result;
use crate::name::{fold, is_internal};

/// The schema name of the attached database.
pub const ATTACHED: &str = "phaseshift_backup";

/// What statements do to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TouchedTable {
    /// Rows may be added.
    pub inserts: bool,
    /// Rows may be removed.
    pub deletes: bool,
    /// Rows may be replaced by others of the same key.
    pub replaces: bool,
    /// Whether a statement itself writes to the table, not only a trigger.
    pub direct: bool,
    /// Columns whose values may change, folded.
    pub updates: BTreeSet<String>,
}

/// What statements do to the tables of `main`, by folded table name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    pub tables: BTreeMap<String, TouchedTable>,
    pub triggers: BTreeSet<String>,
    pub schema: bool,
    /// The tables, folded, whose definition ALTER TABLE changes.
    pub altered: BTreeSet<String>,
}

/// A table or view that a compiled statement reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The table or view, folded.
    pub name: String,
    /// The innermost trigger, view or common table expression that uses it, folded; `None` for the statement itself.
    pub within: Option<String>,
    /// Whether SQLite named it without a column. That happens for a common table expression of that name, too.
    pub without_column: bool,
}

#[derive(Debug, Default)]
struct State {
    /// What the compiled statements use, while [`Authorizer::uses_of`] collects it.
    uses: Option<BTreeSet<Use>>,
    attached: Attached,
    /// The tables that foreign SQL may read and not change, folded.
    protected: BTreeSet<String>,
    memory: bool,
    up: bool,
    /// What the statement at hand touches.
    touched: Touched,
    /// What the statements before it touched.
    total: Touched,
    schema_mark: bool,
    creates_protected: bool,
    denied: Option<String>,
    /// The trigger or view in which it stands.
    denied_in: Option<String>,
}

/// The authorizer of one connection; down unless raised.
#[derive(Debug, Clone, Default)]
pub struct Authorizer(Arc<Mutex<State>>);

impl Authorizer {
    /// Puts the authorizer, still down, around a connection.
    pub fn install(&self, connection: &mut Connection) -> Result<()> {
        let authorizer = self.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| authorizer.decide(&context)))?;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that another thread panicked; the record stays valid.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Raises the authorizer with an empty record.
    pub fn raise(&self) {
        let mut state = self.state();
        state.begin(true);
    }

    /// Makes the authorizer of a database in memory: nothing that runs there may reach a file, ours included.
    pub(crate) fn of_memory() -> Self {
        let authorizer = Self::default();
        authorizer.state().memory = true;
        authorizer
    }

    /// Names tables that no foreign SQL may change, not even through a trigger.
    pub fn protect(&self, names: [&str; 2]) {
        self.state().protected = names.into_iter().map(fold).collect();
    }

    /// Runs a statement under the authorizer; what it touches is not asked for.
    pub(crate) fn around<T>(&self, action: impl FnOnce() -> T) -> T {
        self.raise();
        let done = action();
        self.lower();
        done
    }

    /// Returns what the statements use that `action` compiles.
    pub(crate) fn uses_of<T>(&self, action: impl FnOnce() -> T) -> (T, BTreeSet<Use>) {
        self.state().uses = Some(BTreeSet::new());
        let done = action();
        (done, self.state().uses.take().unwrap_or_default())
    }

    /// Opens or closes the way to the attached database.
    pub(super) fn open_attached(&self, open: bool) {
        self.state().attached.open = open;
    }

    /// Takes the names that only the attached database has, folded.
    pub(super) fn hide(&self, names: BTreeSet<String>) {
        self.state().attached.names = names;
    }

    /// Lowers the authorizer and returns the record.
    pub fn lower(&self) -> Touched {
        self.take_statement();
        self.state().begin(false)
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

    /// Does something of ours between two statements, without the authorizer.
    pub(super) fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.state().up = false;
        let done = action();
        self.state().up = true;
        done
    }

    /// Returns what was denied since the authorizer was raised, in words.
    pub fn denied(&self) -> Option<String> {
        self.state().denied.clone()
    }

    /// Returns the trigger or view of what was denied.
    pub(crate) fn denied_in(&self) -> Option<String> {
        self.state().denied_in.clone()
    }

    /// Denies something that SQLite does not ask about.
    pub(super) fn deny(&self, what: &str) {
        self.state().denied.get_or_insert_with(|| what.to_owned());
    }

    pub(super) fn next_statement(&self) {
        let mut state = self.state();
        (state.schema_mark, state.creates_protected) = (false, false);
    }

    /// Returns whether the statement changes a schema, if only that of temporary objects.
    pub(super) fn changes_schema(&self) -> bool {
        self.state().schema_mark
    }

    /// Returns whether no foreign SQL may change a table of this name.
    pub(crate) fn protects(&self, table: &str) -> bool {
        self.state().protected.contains(&fold(table))
    }

    fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        let mut state = self.state();
        if let Some(answer) = state.attached.answer(context) {
            if answer == Authorization::Deny {
                state.denied.get_or_insert_with(|| "a table that is gone".to_owned());
            }
            return answer;
        }
        if state.memory
            && let Some(what) = leaves_memory(context)
        {
            state.denied.get_or_insert(what);
            return Authorization::Deny;
        }
        if let Some(uses) = &mut state.uses {
            uses.extend(used(context));
        }
        if !state.up {
            return Authorization::Allow;
        }
        if let Some(what) = forbidden(context).or_else(|| state.protects(context)) {
            state.denied_in = context.accessor.map(str::to_owned);
            state.denied.get_or_insert(what);
            return Authorization::Deny;
        }
        if let AuthAction::CreateTable { table_name } = context.action {
            state.creates_protected = state.protected.contains(&fold(table_name));
        }
        if state.creates_protected && matches!(context.action, AuthAction::Select) {
            state.denied.get_or_insert_with(|| "filling the version table".to_owned());
            return Authorization::Deny;
        }
        let before = std::mem::take(&mut state.touched.schema);
        note(&mut state.touched, context);
        state.schema_mark |= state.touched.schema || changes_temporary_schema(context);
        state.touched.schema |= before;
        Authorization::Allow
    }
}

impl State {
    /// Empties the record and returns what it held.
    fn begin(&mut self, up: bool) -> Touched {
        let next = Self {
            attached: std::mem::take(&mut self.attached),
            protected: std::mem::take(&mut self.protected),
            memory: self.memory,
            up,
            ..Self::default()
        };
        std::mem::replace(self, next).total
    }

    /// Says what a statement does to a protected table, if it does anything.
    fn protects(&self, context: &AuthContext<'_>) -> Option<String> {
        let (table, what) = match context.action {
            AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name } => (table_name, "a change of"),
            AuthAction::DropTable { table_name } => (table_name, "DROP TABLE on"),
            AuthAction::AlterTable { table_name, .. } => (table_name, "ALTER TABLE on"),
            AuthAction::CreateTrigger { table_name, .. }
            | AuthAction::CreateTempTrigger { table_name, .. } => (table_name, "a trigger on"),
            AuthAction::CreateIndex { table_name, .. } => (table_name, "an index on"),
            _ => return None,
        };
        let main = database_of(context).is_none_or(|name| !name.eq_ignore_ascii_case("temp"));
        let trigger = matches!(context.action, AuthAction::CreateTempTrigger { .. });
        if !(main || trigger) || !self.protected.contains(&fold(table)) {
            return None;
        }
        let by = context.accessor.map(|it| format!(" by the trigger {it}")).unwrap_or_default();
        Some(format!("{what} the version table {table}{by}"))
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

/// Pragmas that only read, whatever their argument. SQLite's own ALTER TABLE ADD COLUMN runs `quick_check`.
const READING_PRAGMAS: [&str; 15] = [
    "collation_list",
    "data_version",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that read without a value, also as table-valued functions, and may write with one. FTS4 and R*Tree ask for
/// `page_size`.
const READING_WITHOUT_VALUE: [&str; 38] = [
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "compile_options",
    "database_list",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "fullfsync",
    "hard_heap_limit",
    "ignore_check_constraints",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "max_page_count",
    "page_count",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "schema_version",
    "secure_delete",
    "soft_heap_limit",
    "synchronous",
    "temp_store",
    "threads",
    "trusted_schema",
    "user_version",
    "writable_schema",
];

/// Says how a statement would leave a database in memory.
fn leaves_memory(context: &AuthContext<'_>) -> Option<String> {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Function { .. } => {
            forbidden(context)
        }
        _ => None,
    }
}

fn forbidden(context: &AuthContext<'_>) -> Option<String> {
    match context.action {
        AuthAction::Transaction { .. } => Some("transaction control".to_owned()),
        AuthAction::Savepoint { .. } => Some("a savepoint".to_owned()),
        AuthAction::Attach { .. } => Some("ATTACH or VACUUM".to_owned()),
        AuthAction::Detach { .. } => Some("DETACH".to_owned()),
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let named = |list: &[&str]| list.iter().any(|it| crate::name::same(it, pragma_name));
            let reads =
                named(&READING_PRAGMAS) || pragma_value.is_none() && named(&READING_WITHOUT_VALUE);
            (!reads).then(|| format!("PRAGMA {pragma_name}"))
        }
        // SQLite asks about the pragma itself only when the function runs.
        AuthAction::Read { table_name, .. } => {
            crate::name::same(table_name, "pragma_optimize").then(|| "PRAGMA optimize".to_owned())
        }
        AuthAction::Function { function_name } => {
            let name = fold(function_name);
            let loads = name == "load_extension" || name == "writefile" || name == "fts3_tokenizer";
            loads.then(|| format!("the function {name}()"))
        }
        _ => None,
    }
}

fn changes_temporary_schema(context: &AuthContext<'_>) -> bool {
    let (AuthAction::Insert { table_name }
    | AuthAction::Update { table_name, .. }
    | AuthAction::Delete { table_name }) = context.action
    else {
        return false;
    };
    matches!(fold(table_name).as_str(), "sqlite_temp_master" | "sqlite_temp_schema")
}

/// The database that a statement works on. ALTER TABLE names it in its first argument and, for DROP COLUMN, the column
/// where other actions name the database (<https://sqlite.org/c3ref/c_alter_table.html>).
fn database_of<'c>(context: &AuthContext<'c>) -> Option<&'c str> {
    match context.action {
        AuthAction::AlterTable { database_name, .. } => Some(database_name),
        _ => context.database_name,
    }
}

/// Returns the table or view of `main` that an action reads or writes.
fn used(context: &AuthContext<'_>) -> Option<Use> {
    let (name, without_column) = match context.action {
        AuthAction::Read { table_name, column_name } => (table_name, column_name.is_empty()),
        AuthAction::Update { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name } => (table_name, false),
        _ => return None,
    };
    let main = database_of(context).is_none_or(|name| name.eq_ignore_ascii_case("main"));
    let within = context.accessor.map(fold);
    main.then(|| Use { name: fold(name), within, without_column })
}

fn note(touched: &mut Touched, context: &AuthContext<'_>) {
    let main = database_of(context).is_none_or(|name| name.eq_ignore_ascii_case("main"));
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
    let direct = context.accessor.is_none();
    match context.action {
        AuthAction::Insert { table_name } => {
            touched.note(table_name, |table| {
                table.inserts = true;
                table.direct |= direct;
            });
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
            known.direct |= table.direct;
            known.updates.extend(table.updates);
        }
        self.triggers.extend(other.triggers);
        self.schema |= other.schema;
        self.altered.extend(other.altered);
    }

    /// Returns the one table that is altered or written to, folded.
    pub(super) fn only_table(&self) -> Option<String> {
        let mut names = self.altered.iter().chain(self.tables.keys().filter(|it| !is_internal(it)));
        names.next().filter(|_| self.altered.len() == 1 || self.tables.len() == 1).cloned()
    }

    fn note(&mut self, table: &str, change: impl FnOnce(&mut TouchedTable)) {
        if matches!(fold(table).as_str(), "sqlite_master" | "sqlite_schema") {
            self.schema = true;
        } else {
            change(self.tables.entry(fold(table)).or_default());
        }
    }
}
