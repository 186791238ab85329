//! What is dangerous in phases, before anything runs: told by their steps, with the rows of a file
//! where there is one.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::error::Result;
use crate::name::same;
use crate::phase::{Chain, ColumnChange, DefaultChange, Operation, Phase, PhaseId, Step, WayBack};
use crate::plan::{ChangeKind, DataChange, PhasePlan, Stage};
use crate::rows::count_rows;
use crate::schema::{ObjectKind, Schema, same_meaning};
use crate::sql::edit::is_index_command;
use crate::sql::{
    ConstraintKind, CreateTable, SqliteVersion, features, object_head, significant_tokens,
};

/// What counts as dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LintPolicy {
    /// What may lose rows, refuse old ones, or cannot be undone.
    #[default]
    Danger,
    /// Also everything that a program of before would notice: only additions pass.
    Additive,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The stable name of what was found.
    pub code: &'static str,
    /// The phase.
    pub phase: String,
    /// Its file.
    pub file: PathBuf,
    /// The line of the step, from 1.
    pub line: usize,
    /// What it does, in words.
    pub message: String,
    /// The table that is concerned.
    pub table: Option<String>,
    /// The rows of that table in the file, if there is one.
    pub rows: Option<u64>,
}

/// The longest description that a list shows on one line.
const LONGEST: usize = 60;

/// Looks for what is dangerous in phases. `schema` is what all phases make, by which indexes are
/// known that there are already.
pub fn lint(
    chain: &Chain,
    wanted: &[PhaseId],
    schema: &Schema,
    policy: LintPolicy,
) -> Vec<Finding> {
    let phases = chain.phases().iter().filter(|phase| wanted.contains(&phase.id));
    phases.flat_map(|phase| Lint { phase, schema, policy }.findings()).collect()
}

/// Names what the data steps of planned phases do to the schema, and the step that would prove more.
pub fn lint_data_steps<'p>(
    chain: &Chain,
    plans: impl IntoIterator<Item = &'p PhasePlan>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for plan in plans {
        let Some(phase) = chain.get(&plan.id) else { continue };
        for stage in &plan.stages {
            let Stage::Data(data) = stage else { continue };
            found.extend(data.changes.iter().map(|change| {
                Finding {
                    code: data_code(change),
                    phase: phase.id.to_string(),
                    file: phase.file.clone(),
                    line: data.line,
                    message: format!("{change}{}", native_step(change)),
                    table: change
                        .kind
                        .is_table()
                        .then(|| change.before.clone().unwrap_or_else(|| change.name.clone())),
                    rows: None,
                }
            }));
        }
    }
    found
}

fn data_code(change: &DataChange) -> &'static str {
    match (change.change, change.kind.is_table()) {
        (ChangeKind::Created, _) => "sql-creates",
        (ChangeKind::Dropped, true) => "drop-table",
        (ChangeKind::Dropped | ChangeKind::DroppedWithTable, _) => "sql-drops",
        (ChangeKind::Renamed, _) => "sql-renames",
        (ChangeKind::Remade, _) => "sql-remakes",
        (ChangeKind::Altered, _) => "sql-changes",
    }
}

/// Says which step does the same under the full proof.
fn native_step(change: &DataChange) -> &'static str {
    match (change.change, change.kind.is_table()) {
        (ChangeKind::Remade, _) => {
            "; a rebuild step proves every row and keeps indexes, triggers, rowids and counters"
        }
        (ChangeKind::Renamed, true) => "; a rename_table step proves every row",
        (ChangeKind::DroppedWithTable, _) => "",
        (ChangeKind::Altered, true) => {
            "; add_column, rename_column and drop_column steps can be undone by themselves"
        }
        (
            ChangeKind::Created | ChangeKind::Dropped | ChangeKind::Renamed | ChangeKind::Altered,
            _,
        ) => "; a step of its own can be undone by itself",
    }
}

/// Counts the rows of the tables that findings are about, as far as the file has them.
///
/// # Errors
/// Whatever SQLite reports.
pub fn count_rows_of(
    findings: &mut [Finding],
    connection: &Connection,
    file: &Schema,
) -> Result<()> {
    for finding in findings {
        let table = finding.table.as_deref().and_then(|table| file.find_table(table));
        if let Some(table) = table {
            finding.rows = Some(count_rows(connection, &table.name)?);
        }
    }
    Ok(())
}

struct Lint<'a> {
    phase: &'a Phase,
    schema: &'a Schema,
    policy: LintPolicy,
}

impl Lint<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        let length = self.phase.description.trim().chars().count();
        if length == 0 || length > LONGEST {
            let what = format!("the description has {length} characters, 1 to {LONGEST} read well");
            found.push(self.finding("description", 1, what, None));
        }
        if let WayBack::Irreversible(why) = &self.phase.down {
            found.push(self.finding("irreversible", 1, format!("cannot be undone: {why}"), None));
        }
        found.extend(self.phase.up.iter().filter_map(|step| self.step(step)));
        found.extend(self.phase.up.iter().flat_map(|step| self.newer_syntax(step)));
        found
    }

    /// SQL that older releases cannot read: older than `min_sqlite`, or else than those for which `--sql` writes.
    fn newer_syntax(&self, step: &Step) -> Vec<Finding> {
        let text = match &step.operation {
            Operation::CreateTable { sql, .. }
            | Operation::CreateIndex { sql, .. }
            | Operation::CreateView { sql, .. }
            | Operation::CreateTrigger { sql, .. }
            | Operation::ReplaceView { sql }
            | Operation::ReplaceTrigger { sql }
            | Operation::Rebuild { sql, .. } => sql.clone(),
            Operation::AddColumn { column, .. } => format!("CREATE TABLE t({column})"),
            _ => return Vec::new(),
        };
        let oldest = self.phase.min_sqlite.unwrap_or(SqliteVersion::SCRIPTS);
        let newer = features(&text).into_iter().filter(|feature| feature.since > oldest);
        newer
            .map(|feature| {
                let (name, since, page) = (&feature.name, feature.since, feature.page);
                let what = format!("uses {name}, which SQLite reads from {since} on ({page})");
                self.finding("newer-sqlite", step.line, what, None)
            })
            .collect()
    }

    fn finding(
        &self,
        code: &'static str,
        line: usize,
        message: String,
        table: Option<&str>,
    ) -> Finding {
        Finding {
            code,
            phase: self.phase.id.to_string(),
            file: self.phase.file.clone(),
            line,
            message,
            table: table.map(ToOwned::to_owned),
            rows: None,
        }
    }

    fn step(&self, step: &Step) -> Option<Finding> {
        let found = match &step.operation {
            Operation::DropTable { table, .. } => {
                Some(("drop-table", format!("drops table {table} with its rows"), Some(table)))
            }
            Operation::DropColumn { table, column } => {
                let what = format!("drops column {table}.{column} with its values");
                Some(("drop-column", what, Some(table)))
            }
            Operation::AddColumn { table, column, value, .. } => {
                let needs = value.is_none() && needs_value(column);
                let what = format!("adds {table}.{column}, for which old rows have no value");
                needs.then_some(("not-null", what, Some(table)))
            }
            Operation::AlterColumn { table, column, change } => altered(table, column, change),
            Operation::AddConstraint { table, sql } => {
                let what = format!("old rows of {table} may break {sql}");
                Some((constraint_code(sql), what, Some(table)))
            }
            Operation::Rebuild { table, .. } => {
                let what = format!("old rows of {table} may not fit its new definition");
                Some(("rebuild", what, Some(table)))
            }
            Operation::CreateIndex { sql, .. } => self.index(sql),
            Operation::Sql { sql, .. }
                if self.phase.down == WayBack::Derived && !is_index_command(sql) =>
            {
                let what = "changes rows, and no downgrade is written".to_owned();
                Some(("no-way-back", what, None))
            }
            _ => None,
        };
        if let Some((code, what, table)) = found {
            return Some(self.finding(code, step.line, what, table.map(String::as_str)));
        }
        let additive = self.policy == LintPolicy::Danger || is_addition(&step.operation);
        let what = format!("{} is no addition", step.operation.op());
        (!additive).then(|| self.finding("not-additive", step.line, what, None))
    }

    /// A unique index may not fit old rows; one of the same columns is there already.
    fn index<'s>(&self, sql: &str) -> Option<(&'static str, String, Option<&'s String>)> {
        let head = object_head(sql).ok()?;
        let words = |text: &str| -> Vec<String> {
            significant_tokens(text).map(|token| token.text(text).to_ascii_uppercase()).collect()
        };
        let name = &head.name.text;
        if words(sql).get(1).is_some_and(|word| word == "UNIQUE") {
            let what = format!("old rows may break the unique index {name}");
            return Some(("unique", what, None));
        }
        let ours = indexed(sql)?;
        let twin = self.schema.of_kind(ObjectKind::Index).find(|other| {
            let theirs = other.sql.as_deref().and_then(indexed);
            !same(&other.name, name) && theirs.is_some_and(|theirs| same_meaning(&theirs, &ours))
        })?;
        // Of two that are alike the later one is the duplicate: the earlier one stands before it.
        let position =
            |wanted: &str| self.schema.objects.iter().position(|it| same(&it.name, wanted));
        let later = position(name) > position(&twin.name);
        let what = format!("index {name} is a duplicate of {}", twin.name);
        later.then_some(("duplicate-index", what, None))
    }
}

/// What an index is on: its text from the table on.
fn indexed(sql: &str) -> Option<String> {
    let on = significant_tokens(sql).find(|token| token.is_word(sql, "ON"))?;
    Some(sql[on.range().end..].to_owned())
}

fn altered<'s>(
    table: &'s String,
    column: &str,
    change: &ColumnChange,
) -> Option<(&'static str, String, Option<&'s String>)> {
    if change.value.is_none() && change.type_name.is_some() {
        let what = format!("changes the type of {table}.{column}, which may not fit old values");
        return Some(("type-change", what, Some(table)));
    }
    let filled = change.value.is_some() || matches!(change.default, Some(DefaultChange::Set(_)));
    let what = format!("{table}.{column} must not be NULL, and old rows are not filled in");
    (change.not_null == Some(true) && !filled).then_some(("not-null", what, Some(table)))
}

/// Tells whether a new column is NOT NULL without a default.
fn needs_value(column: &str) -> bool {
    let text = format!("CREATE TABLE t({column})");
    let Ok(table) = CreateTable::read(&text) else { return false };
    let has = |kind| {
        table
            .columns
            .iter()
            .flat_map(|it| &it.constraints)
            .any(|constraint| constraint.kind == kind)
    };
    has(ConstraintKind::NotNull) && !has(ConstraintKind::Default)
}

fn constraint_code(sql: &str) -> &'static str {
    let text = format!("CREATE TABLE t(a, {sql})");
    let kind =
        CreateTable::read(&text).ok().and_then(|it| it.constraints.first().map(|it| it.kind));
    match kind {
        Some(ConstraintKind::Unique | ConstraintKind::PrimaryKey) => "unique",
        Some(ConstraintKind::Check) => "check",
        _ => "constraint",
    }
}

/// Tells whether a program that knows the schema of before notices nothing.
fn is_addition(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CreateTable { .. }
            | Operation::CreateIndex { .. }
            | Operation::CreateView { .. }
            | Operation::AddColumn { .. }
    )
}
