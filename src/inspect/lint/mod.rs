//! What is dangerous in phases, before anything runs: found in their steps and plans, with the rows of a file
//! where there is one.

mod acknowledge;
mod plans;
mod rows;
mod rules;

use std::path::PathBuf;

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::name::same;
use crate::phase::{
    Chain, ColumnChange, DefaultChange, Downgrade, Operation, Phase, PhaseId, Step, StepObject,
};
use crate::plan::PhasePlan;
use crate::rows::count_rows;
use crate::schema::{ObjectKind, Schema, same_meaning};
use crate::sql::edit::is_index_command;
use crate::sql::{
    ConstraintKind, CreateTable, SqliteVersion, features, object_head, significant_tokens,
};

pub use acknowledge::{Acknowledged, Linted, acknowledge};
use rows::{RowState, comes_back, table_of_index};
pub use rules::{LINT_RULES, LintRule, lint_rule};

/// What counts as dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LintPolicy {
    /// What may lose rows, refuse old ones, or cannot be undone.
    #[default]
    Danger,
    /// Also everything that a program of before would notice: only additions pass.
    Additive,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The stable name of what was found.
    pub code: &'static str,
    pub phase: String,
    pub file: PathBuf,
    /// The line of the step, from 1.
    pub line: usize,
    /// What it does, in words.
    pub message: String,
    /// The table that is concerned.
    pub table: Option<String>,
    /// The rows of that table in the file, if there is one.
    pub rows: Option<u64>,
    pub why: &'static str,
    pub fix: &'static str,
}

/// The longest description that a list shows on one line.
const LONGEST: usize = 60;

/// The phases to look at, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub struct LintInput<'a> {
    pub chain: &'a Chain,
    /// Those to look at.
    pub wanted: &'a [PhaseId],
    /// The plans of the phases, as far as they run.
    pub plans: &'a [PhasePlan],
    /// Why the next phase does not run.
    pub stopped: Option<&'a Error>,
    /// What all phases make.
    pub schema: &'a Schema,
    /// What counts as dangerous.
    pub policy: LintPolicy,
}

/// Looks for what is dangerous in phases, in chain order.
pub fn lint(input: &LintInput<'_>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for phase in input.chain.phases().iter().filter(|phase| input.wanted.contains(&phase.id)) {
        let plan = input.plans.iter().find(|plan| plan.id == phase.id);
        let lint = Lint { phase, plan, schema: input.schema, policy: input.policy };
        found.extend(lint.findings());
        if let Some(plan) = plan {
            found.extend(plans::of_plan(phase, plan, input.schema)?);
        }
        found.extend(input.stopped.and_then(|error| plans::of_captured_name(phase, error)));
    }
    Ok(found)
}

/// Counts the rows of the tables that findings are about, as far as the file has them.
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

/// The fix of a rebuild that gives values already.
const TRY_VALUES: &str =
    "try on a copy of a real file, with preflight, that the `values` of the step fit its old rows";

struct Lint<'a> {
    phase: &'a Phase,
    plan: Option<&'a PhasePlan>,
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
        if let Downgrade::Irreversible(why) = &self.phase.down {
            found.push(self.finding("irreversible", 1, format!("cannot be undone: {why}"), None));
        }
        let mut rows = RowState::default();
        for (place, step) in self.phase.up.iter().enumerate() {
            found.extend(self.step(place, step, &rows));
            rows.pass(step, self.plan);
        }
        found.extend(self.phase.up.iter().flat_map(|step| self.newer_syntax(step)));
        found
    }

    /// SQL that older releases cannot read: older than `min_sqlite`, or else than those for which `--sql` writes.
    fn newer_syntax(&self, step: &Step) -> Vec<Finding> {
        let text = match &step.operation {
            Operation::Create { sql, .. }
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
        Finding::new(self.phase, code, line, message).about(table)
    }

    fn step(&self, place: usize, step: &Step, rows: &RowState) -> Option<Finding> {
        let found = self.loss(place, step, rows).or_else(|| self.rule(step, rows));
        if let Some((code, what, table)) = found {
            let finding = self.finding(code, step.line, what, table.as_deref());
            let gives_values =
                matches!(&step.operation, Operation::Rebuild { values, .. } if !values.is_empty());
            let fix = if gives_values && code == "rebuild" { TRY_VALUES } else { finding.fix };
            return Some(Finding { fix, ..finding });
        }
        let additive = self.policy == LintPolicy::Danger || is_addition(&step.operation);
        let what = format!("{} is no addition", step.operation.op());
        (!additive).then(|| self.finding("not-additive", step.line, what, None))
    }

    /// What a step takes away.
    fn loss(&self, place: usize, step: &Step, rows: &RowState) -> Option<LintText> {
        let returns = |name: &str| comes_back(self.phase, place, name);
        let (code, what, table) = match &step.operation {
            Operation::Drop { kind: StepObject::Table, name, .. } if !rows.is_new(name) => {
                ("drop-table", format!("drops table {name} with its rows"), Some(name))
            }
            Operation::DropColumn { table, column } if !rows.is_new(table) => {
                let what = format!("drops column {table}.{column} with its values");
                ("drop-column", what, Some(table))
            }
            Operation::Drop { kind: StepObject::View, name, .. } if !returns(name) => {
                ("drop-view", format!("drops view {name}"), None)
            }
            Operation::Drop { kind: StepObject::Trigger, name, .. } if !returns(name) => {
                ("drop-trigger", format!("drops trigger {name}"), None)
            }
            Operation::Drop { kind: StepObject::Index, name: index, .. } if !returns(index) => {
                let object = self.plan?.before.find(ObjectKind::Index, index)?;
                if !object.sql.as_deref().is_some_and(is_unique_index) {
                    return None;
                }
                let what = format!("drops unique index {index} on {}", object.table);
                return Some(("drop-unique", what, Some(object.table.clone())));
            }
            Operation::Sql { sql, .. }
                if self.phase.down == Downgrade::Derived && !is_index_command(sql) =>
            {
                ("no-way-back", "changes rows, and no downgrade is written".to_owned(), None)
            }
            _ => return None,
        };
        Some((code, what, table.cloned()))
    }

    /// What a step demands of old rows.
    fn rule(&self, step: &Step, rows: &RowState) -> Option<LintText> {
        let (code, what, table) = match &step.operation {
            Operation::AddColumn { table, column, value, .. } => {
                let needs = value.is_none() && needs_value(column);
                let what = format!("adds {table}.{column}, for which old rows have no value");
                (needs && !rows.is_new(table)).then_some(("not-null", what, Some(table)))
            }
            Operation::AlterColumn { table, column, change } => altered(table, column, change)
                .filter(|(code, ..)| match *code {
                    "not-null" => rows.has_old_rows(table),
                    _ => !rows.is_new(table),
                }),
            Operation::AddConstraint { table, sql } if rows.has_old_rows(table) => {
                let what = format!("old rows of {table} may break {sql}");
                Some((constraint_code(sql), what, Some(table)))
            }
            Operation::Rebuild { table, .. } if !rows.is_new(table) => {
                let what = format!("old rows of {table} may not fit its new definition");
                Some(("rebuild", what, Some(table)))
            }
            Operation::Create { kind: StepObject::Index, sql, .. } => return self.index(sql, rows),
            _ => None,
        }?;
        Some((code, what, table.cloned()))
    }

    /// A unique index may not fit old rows; one of the same columns is there already.
    fn index(&self, sql: &str, rows: &RowState) -> Option<LintText> {
        let head = object_head(sql).ok()?;
        let name = &head.name.text;
        let table = table_of_index(sql);
        if is_unique_index(sql) {
            let what = format!("old rows may break the unique index {name}");
            let meets = table.as_deref().is_none_or(|table| rows.has_old_rows(table));
            return meets.then_some(("unique", what, table));
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

/// A finding about a step: its code, what it does, and the table.
type LintText = (&'static str, String, Option<String>);

impl Finding {
    /// Makes a finding about a line of a phase.
    pub fn new(phase: &Phase, code: &'static str, line: usize, message: String) -> Self {
        let rule = lint_rule(code);
        Self {
            code,
            phase: phase.id.to_string(),
            file: phase.file.clone(),
            line,
            message,
            table: None,
            rows: None,
            why: rule.map_or("", |rule| rule.why),
            fix: rule.map_or("", |rule| rule.fix),
        }
    }

    /// Names the table that is concerned.
    #[must_use]
    pub fn about(self, table: Option<&str>) -> Self {
        Self { table: table.map(ToOwned::to_owned), ..self }
    }
}

/// Returns whether a CREATE INDEX statement makes a unique index.
fn is_unique_index(sql: &str) -> bool {
    significant_tokens(sql).nth(1).is_some_and(|token| token.is_word(sql, "UNIQUE"))
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

/// Returns whether a new column is NOT NULL without a default.
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

/// Returns whether a program that knows the schema of before notices nothing.
fn is_addition(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Create { kind: StepObject::Table | StepObject::Index | StepObject::View, .. }
            | Operation::AddColumn { .. }
    )
}
