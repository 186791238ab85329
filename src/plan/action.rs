//! The single actions of a plan, in the order in which they run, and the steps that group them.

use super::reshape::{Rebuild, SchemaChange, VirtualChange};
use super::{DataStage, Direction, PhasePlan};
use crate::name::{in_main, literal, quote};
use crate::schema::{Object, ObjectKind};

/// One action on the database.
#[derive(Debug, Clone)]
pub enum Action {
    /// Drops a trigger, view or index.
    Remove(Object),
    /// Gives a table a scratch name, so that its own is free.
    StepAside {
        /// The table.
        table: String,
        /// The scratch name.
        scratch: String,
        /// The rebuild, unless the table is dropped for good.
        rebuild: Option<Box<Rebuild>>,
    },
    /// Creates a table.
    CreateTable {
        /// Its name.
        table: String,
        /// The text that creates it.
        sql: String,
    },
    /// Fills a rebuilt table.
    Copy(Box<Rebuild>),
    /// Drops a table with whatever hangs on it.
    DropTable {
        /// The table, by the name it has at that moment.
        table: String,
    },
    /// Lets an AUTOINCREMENT counter follow its table.
    CarrySequence {
        /// The scratch name under which the counter waits.
        scratch: String,
        /// The table after.
        table: String,
    },
    /// Lets the statistics follow the renames: the statements.
    CarryStatistics(Vec<String>),
    /// Collects the planner statistics of a table.
    Analyze {
        /// The table.
        table: String,
    },
    /// Changes a virtual table.
    EarlyVirtual(VirtualChange),
    /// Completes a change of a virtual table once all other tables are in place.
    LateVirtual(VirtualChange),
    /// Creates an index, view or trigger.
    Restore(Object),
    /// Runs statements of the phase behind the fence.
    Data(Box<DataStage>),
    /// Records the phase in the version tables.
    Record,
}

/// A numbered step of a run: what the screen shows as one line, and its actions.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// What the step does, in words.
    pub title: String,
    /// The actions, in order.
    pub actions: Vec<Action>,
}

impl Action {
    /// Returns the statements that carry the action out, as a script runs them.
    pub fn sql(&self) -> Vec<String> {
        match self {
            Self::Remove(object) => {
                let word = object.kind.word().to_ascii_uppercase();
                vec![format!("DROP {word} main.{}", quote(&object.name))]
            }
            Self::StepAside { table, scratch, .. } => {
                vec![rename_table(table, scratch)]
            }
            Self::CreateTable { sql, .. } => vec![sql.clone()],
            Self::Copy(rebuild) => {
                vec![rebuild.copy.row_sql(&in_main(&rebuild.scratch), &rebuild.to)]
            }
            Self::DropTable { table } => vec![drop_table(table)],
            Self::CarrySequence { scratch, table } => vec![
                format!("DELETE FROM main.sqlite_sequence WHERE name = {}", literal(table)),
                format!(
                    "UPDATE main.sqlite_sequence SET name = {} WHERE name = {}",
                    literal(table),
                    literal(scratch)
                ),
            ],
            Self::CarryStatistics(statements) => statements.clone(),
            Self::Analyze { table } => vec![format!("ANALYZE main.{}", quote(table))],
            Self::EarlyVirtual(change) => change.early_sql(),
            Self::LateVirtual(change) => change.late_sql(),
            Self::Restore(object) => object.sql.clone().into_iter().collect(),
            Self::Data(data) => vec![data.sql.clone()],
            Self::Record => Vec::new(),
        }
    }
}

impl VirtualChange {
    /// The statements that make room before any table takes a new name.
    fn early_sql(&self) -> Vec<String> {
        match self {
            Self::Create { .. } | Self::Fill { .. } => Vec::new(),
            Self::Rename { from, to, scratch, .. } => {
                vec![rename_table(from, scratch.as_ref().unwrap_or(to))]
            }
            Self::Drop { table } => vec![drop_table(table)],
            Self::Recreate { from, settings, .. } => {
                let kept = settings.iter().map(|(table, scratch)| {
                    format!(
                        "CREATE TABLE main.{} AS SELECT k, v FROM main.{}",
                        quote(scratch),
                        quote(table)
                    )
                });
                kept.chain([drop_table(from)]).collect()
            }
        }
    }

    /// The statements that come when all other tables have their names and rows.
    fn late_sql(&self) -> Vec<String> {
        match self {
            Self::Create { sql } => vec![sql.clone()],
            Self::Rename { to, scratch, .. } => {
                scratch.iter().map(|scratch| rename_table(scratch, to)).collect()
            }
            Self::Drop { .. } => Vec::new(),
            Self::Recreate { to, sql, settings, .. } => {
                let name = quote(to);
                let mut statements = vec![sql.clone()];
                if let Some((_, kept)) = settings {
                    statements.push(format!(
                        "INSERT INTO main.{name}({name}, rank) SELECT k, v FROM main.{} \
                         WHERE k <> 'version'",
                        quote(kept)
                    ));
                    statements.push(drop_table(kept));
                }
                statements.push(fill_index(to));
                statements
            }
            Self::Fill { table, .. } => vec![fill_index(table)],
        }
    }
}

fn fill_index(table: &str) -> String {
    format!("INSERT INTO main.{0}({0}) VALUES('rebuild')", quote(table))
}

fn rename_table(from: &str, to: &str) -> String {
    format!("ALTER TABLE main.{} RENAME TO {}", quote(from), quote(to))
}

fn drop_table(table: &str) -> String {
    format!("DROP TABLE main.{}", quote(table))
}

impl SchemaChange {
    /// Returns the steps of the change, in order.
    ///
    /// Old tables step aside first, so that new ones are created under their own names with their
    /// own text; the rows are copied; the old tables go; then whatever hangs on the tables is made
    /// again. The old table is renamed with `legacy_alter_table` on, which leaves every reference
    /// to the name alone (<https://sqlite.org/pragma.html#pragma_legacy_alter_table>).
    pub fn steps(&self) -> Vec<PlannedStep> {
        let mut steps = self.copy_steps();
        steps.extend(self.swap_step());
        steps.extend(self.restore_step());
        // Statistics get their new names first, so that no DROP takes them along.
        let statistics = self.statistics.sql();
        let carried = (!statistics.is_empty()).then_some(Action::CarryStatistics(statistics));
        let mut prelude: Vec<Action> = carried.into_iter().collect();
        prelude.extend(self.removed.iter().cloned().map(Action::Remove));
        prelude.extend(self.step_asides());
        prelude.extend(self.early_virtuals());
        match steps.first_mut() {
            Some(first) => {
                prelude.append(&mut first.actions);
                first.actions = prelude;
            }
            None if prelude.is_empty() => {}
            None => steps.push(PlannedStep { title: self.removal_title(), actions: prelude }),
        }
        let unparked = self.statistics.unpark_sql();
        if let (Some(last), false) = (steps.last_mut(), unparked.is_empty()) {
            last.actions.push(Action::CarryStatistics(unparked));
        }
        steps
    }

    fn removal_title(&self) -> String {
        let mut parts: Vec<String> = self.removed.iter().map(described).collect();
        parts.extend(self.virtuals.iter().map(|change| match change {
            VirtualChange::Create { .. } => "virtual table".to_owned(),
            VirtualChange::Rename { from, to, .. } => format!("{from} to {to}"),
            VirtualChange::Drop { table } => format!("virtual table {table}"),
            VirtualChange::Recreate { to: table, .. } | VirtualChange::Fill { table, .. } => {
                format!("virtual table {table}")
            }
        }));
        let renames = self.virtuals.iter().all(|it| matches!(it, VirtualChange::Rename { .. }))
            && self.removed.is_empty();
        let verb = if renames { "Renaming" } else { "Dropping" };
        format!("{verb} {}", listed(&parts))
    }

    fn step_asides(&self) -> impl Iterator<Item = Action> {
        let rebuilt = self.rebuilds.iter().map(|it| Action::StepAside {
            table: it.from.clone(),
            scratch: it.scratch.clone(),
            rebuild: Some(Box::new(it.clone())),
        });
        let dropped = self.dropped.iter().filter_map(|it| {
            let (table, scratch) = (it.table.clone(), it.scratch.clone()?);
            Some(Action::StepAside { table, scratch, rebuild: None })
        });
        rebuilt.chain(dropped)
    }

    /// Virtual tables are dropped and renamed before tables take their names.
    fn early_virtuals(&self) -> impl Iterator<Item = Action> {
        let early = self.virtuals.iter().filter(|it| !it.early_sql().is_empty());
        early.cloned().map(Action::EarlyVirtual)
    }

    fn late_virtuals(&self) -> impl Iterator<Item = Action> {
        let late = self.virtuals.iter().filter(|it| !it.late_sql().is_empty());
        late.cloned().map(Action::LateVirtual)
    }

    /// One step for each rebuilt table and one for all new ones. Tables whose values are computed
    /// come last, so that their expressions find the others filled.
    fn copy_steps(&self) -> Vec<PlannedStep> {
        let mut steps = Vec::new();
        if !self.created.is_empty() {
            let names: Vec<String> = self.created.iter().map(|it| it.name.clone()).collect();
            let actions = self
                .created
                .iter()
                .map(|it| Action::CreateTable {
                    table: it.name.clone(),
                    sql: it.sql.clone().unwrap_or_default(),
                })
                .collect();
            steps.push(PlannedStep { title: format!("Creating {}", listed(&names)), actions });
        }
        let (computed, plain): (Vec<&Rebuild>, Vec<&Rebuild>) =
            self.rebuilds.iter().partition(|it| it.copy.computes());
        for rebuild in plain.into_iter().chain(computed) {
            let title = if rebuild.from == rebuild.to {
                format!("Rebuilding {}", rebuild.to)
            } else {
                format!("Rebuilding {} as {}", rebuild.from, rebuild.to)
            };
            let create =
                Action::CreateTable { table: rebuild.to.clone(), sql: rebuild.sql.clone() };
            let actions = vec![create, Action::Copy(Box::new(rebuild.clone()))];
            steps.push(PlannedStep { title, actions });
        }
        steps
    }

    fn swap_step(&self) -> Option<PlannedStep> {
        let mut actions = Vec::new();
        for rebuild in self.rebuilds.iter().filter(|it| it.carries_sequence) {
            actions.push(Action::CarrySequence {
                scratch: rebuild.scratch.clone(),
                table: rebuild.to.clone(),
            });
        }
        let old = self.rebuilds.iter().map(|it| it.scratch.clone());
        actions.extend(old.map(|table| Action::DropTable { table }));
        let gone = self.dropped.iter().map(|it| it.scratch.clone().unwrap_or(it.table.clone()));
        actions.extend(gone.map(|table| Action::DropTable { table }));
        if actions.is_empty() {
            return None;
        }
        let title = match (self.rebuilds.len(), self.dropped.len()) {
            (_, 0) => "Swapping the rebuilt tables in".to_owned(),
            (0, _) => {
                let names: Vec<String> = self.dropped.iter().map(|it| it.table.clone()).collect();
                format!("Dropping {}", listed(&names))
            }
            _ => "Swapping the rebuilt tables in and dropping old ones".to_owned(),
        };
        Some(PlannedStep { title, actions })
    }

    fn restore_step(&self) -> Option<PlannedStep> {
        let mut actions: Vec<Action> = Vec::new();
        let (triggers, others): (Vec<&Object>, Vec<&Object>) =
            self.restored.iter().partition(|it| it.kind == ObjectKind::Trigger);
        actions.extend(others.into_iter().cloned().map(Action::Restore));
        actions.extend(self.late_virtuals());
        actions.extend(triggers.into_iter().cloned().map(Action::Restore));
        if actions.is_empty() {
            return None;
        }
        let mut parts = Vec::new();
        for (kind, plural) in [
            (ObjectKind::Index, "indexes"),
            (ObjectKind::View, "views"),
            (ObjectKind::Trigger, "triggers"),
        ] {
            match self.restored.iter().filter(|it| it.kind == kind).count() {
                0 => {}
                1 => parts.push(format!("1 {}", kind.word())),
                count => parts.push(format!("{count} {plural}")),
            }
        }
        let filled = |it: &&VirtualChange| matches!(it, VirtualChange::Fill { .. });
        let fills = self.virtuals.iter().filter(filled).count();
        match self.late_virtuals().count() - fills {
            0 => {}
            1 => parts.push("1 virtual table".to_owned()),
            count => parts.push(format!("{count} virtual tables")),
        }
        if parts.is_empty() {
            return Some(PlannedStep { title: "Filling full-text indexes".to_owned(), actions });
        }
        Some(PlannedStep { title: format!("Creating {}", listed(&parts)), actions })
    }
}

pub(super) fn data_step(data: &DataStage) -> PlannedStep {
    let title = match &data.file {
        Some(file) => format!("Running {file}"),
        None => format!("Running the statements of line {}", data.line),
    };
    let fills = data.fills.iter().map(|(table, reason)| {
        Action::LateVirtual(VirtualChange::Fill { table: table.clone(), reason: *reason })
    });
    let actions = std::iter::once(Action::Data(Box::new(data.clone()))).chain(fills).collect();
    PlannedStep { title, actions }
}

pub(super) fn analyze_step(tables: &[String]) -> Option<PlannedStep> {
    let actions = tables.iter().map(|it| Action::Analyze { table: it.clone() }).collect();
    let title = format!("Collecting the statistics of {}", listed(tables));
    (!tables.is_empty()).then_some(PlannedStep { title, actions })
}

pub(super) fn record_step(phase: &PhasePlan) -> PlannedStep {
    let title = match phase.direction {
        Direction::Up => format!("Recording version {}: {}", phase.version, phase.description),
        Direction::Down => format!("Taking back version {}: {}", phase.version, phase.description),
    };
    PlannedStep { title, actions: vec![Action::Record] }
}

fn described(object: &Object) -> String {
    format!("{} {}", object.kind.word(), object.name)
}

/// Joins names for a sentence; many are counted rather than listed.
fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] if names.len() <= 5 => format!("{} and {last}", rest.join(", ")),
        [first, second, ..] => format!("{first}, {second} and {} more", names.len() - 2),
    }
}
