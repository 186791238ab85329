//! The single actions of a plan, in the order in which they run, and the steps that group them.

use super::schema_change::{Rebuild, RenamedIndex, SchemaChange, VirtualChange};
use super::strategy::{CopyStrategy, RowSource};
use super::{DataStage, Direction, PhasePlan};
use crate::name::{in_main, literal, quote, same};
use crate::schema::{Object, ObjectKind};

/// One action on the database: what a run does, and what a script does instead where plain SQL cannot do that.
#[derive(Debug, Clone)]
pub enum Action {
    /// Drops a trigger, view or index.
    DropObject(Object),
    /// Gives a table a scratch name, so that its own is free.
    StepAside {
        table: String,
        scratch: String,
    },
    /// Takes indexes of old tables out of SQLite's schema table, so that their b-trees stay when the tables go. In a
    /// script they go with their tables.
    DetachIndexes(Vec<String>),
    /// Gives indexes of old tables other names, in SQLite's schema table. A script makes the new ones when these are
    /// gone.
    RenameIndexes(Vec<RenamedIndex>),
    /// Drops an old table before the new one is filled from the backup, in the pages that become free.
    DropFirst {
        /// The table, by its scratch name.
        table: String,
    },
    /// Edits the entries of tables and their indexes in SQLite's schema table, all at once, so that they may swap
    /// names. A script copies the tables.
    EditSchema(Vec<Rebuild>),
    /// Creates a table: the text.
    CreateTable(String),
    /// Fills a rebuilt table, as its strategy says. A script copies the values from the old table.
    CopyRows(Box<Rebuild>),
    /// Gives detached b-trees to a table that is filled: by the names of the indexes before, as they are afterwards.
    AttachIndexes(Vec<(String, Object)>),
    /// Drops a table with whatever hangs on it.
    DropTable {
        /// The table, by the name it has at that moment.
        table: String,
    },
    /// Says that an old table is gone: it went first, or became the new one. A script drops it here.
    AlreadyGone {
        /// The table, by its scratch name.
        table: String,
    },
    /// Lets an AUTOINCREMENT counter follow its table.
    CarrySequence {
        /// The name that it has at that moment.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// Lets the statistics follow the renames: the statements.
    CarryStatistics(Vec<String>),
    /// Collects the planner statistics of a table.
    Analyze {
        table: String,
    },
    EarlyVirtual(VirtualChange),
    /// Completes a change of a virtual table once all other tables are in place.
    LateVirtual(VirtualChange),
    /// Creates an index, view or trigger.
    CreateObject(Object),
    /// Says that an index came with its table. A script creates it here.
    KeepIndex(Object),
    /// Runs statements of the phase under the authorizer.
    RunSql(Box<DataStage>),
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
            Self::DropObject(object) => {
                let word = object.kind.word().to_ascii_uppercase();
                vec![format!("DROP {word} main.{}", quote(&object.name))]
            }
            Self::StepAside { table, scratch } => vec![rename_table(table, scratch)],
            Self::DetachIndexes(_)
            | Self::RenameIndexes(_)
            | Self::DropFirst { .. }
            | Self::AttachIndexes(_)
            | Self::Record => Vec::new(),
            Self::EditSchema(tables) => copied_in_place(tables),
            Self::CreateTable(sql) => vec![sql.clone()],
            Self::CopyRows(rebuild) => vec![copy_rows(rebuild)],
            Self::DropTable { table } | Self::AlreadyGone { table } => vec![drop_table(table)],
            Self::CarrySequence { from, to } => vec![
                format!("DELETE FROM main.sqlite_sequence WHERE name = {}", literal(to)),
                format!(
                    "UPDATE main.sqlite_sequence SET name = {} WHERE name = {}",
                    literal(to),
                    literal(from)
                ),
            ],
            Self::CarryStatistics(statements) => statements.clone(),
            Self::Analyze { table } => vec![format!("ANALYZE main.{}", quote(table))],
            Self::EarlyVirtual(change) => change.early_sql(),
            Self::LateVirtual(change) => change.late_sql(),
            Self::CreateObject(object) | Self::KeepIndex(object) => {
                object.sql.clone().into_iter().collect()
            }
            Self::RunSql(data) => vec![data.sql.clone()],
        }
    }
}

impl VirtualChange {
    /// The statements that run before any table takes a new name.
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

fn copy_rows(rebuild: &Rebuild) -> String {
    rebuild.copy.row_sql(&in_main(&rebuild.scratch), &rebuild.to)
}

/// What a script does with tables that stay in place in a run.
fn copied_in_place(tables: &[Rebuild]) -> Vec<String> {
    let aside = tables.iter().map(|it| rename_table(&it.from, &it.scratch));
    aside.chain(tables.iter().flat_map(|it| [it.sql.clone(), copy_rows(it)])).collect()
}

impl SchemaChange {
    /// Returns the steps of the change, in order.
    ///
    /// Old tables step aside first, so that new ones are created under their own names with their
    /// own text; the rows are copied; the old tables go; then whatever hangs on the tables is made
    /// again. The old table is renamed with `legacy_alter_table` on, which leaves every reference
    /// to the name alone (<https://sqlite.org/pragma.html#pragma_legacy_alter_table>).
    pub fn steps(&self) -> Vec<PlannedStep> {
        let (mut prelude, mut steps) = self.prelude_and_steps();
        if let Some(first) = steps.first_mut() {
            prelude.append(&mut first.actions);
            first.actions = prelude;
        }
        steps
    }

    /// Returns the steps as a script shows them: what frees names is a step of its own.
    pub fn script_steps(&self) -> Vec<PlannedStep> {
        let (prelude, steps) = self.prelude_and_steps();
        let title = "Moving what is replaced out of the way".to_owned();
        let first = (!prelude.is_empty()).then_some(PlannedStep { title, actions: prelude });
        first.into_iter().chain(steps).collect()
    }

    /// What comes before the first step, and the steps.
    fn prelude_and_steps(&self) -> (Vec<Action>, Vec<PlannedStep>) {
        let mut steps: Vec<PlannedStep> = self.edit_step().into_iter().collect();
        steps.extend(self.copy_steps());
        steps.extend(self.swap_step());
        steps.extend(self.restore_step());
        let mut prelude = self.prelude();
        if steps.is_empty() && !prelude.is_empty() {
            let actions = std::mem::take(&mut prelude);
            steps.push(PlannedStep { title: self.removal_title(), actions });
        }
        let unparked = self.statistics.unpark_sql();
        if let (Some(last), false) = (steps.last_mut(), unparked.is_empty()) {
            last.actions.push(Action::CarryStatistics(unparked));
        }
        (prelude, steps)
    }

    fn removal_title(&self) -> String {
        let mut parts: Vec<String> = self.removed.iter().map(ToString::to_string).collect();
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

    /// What frees the names, and the pages, that the new tables take.
    fn prelude(&self) -> Vec<Action> {
        // Statistics get their new names first, so that no DROP takes them along.
        let statistics = self.statistics.sql();
        let carried = (!statistics.is_empty()).then_some(Action::CarryStatistics(statistics));
        let mut actions: Vec<Action> = carried.into_iter().collect();
        actions.extend(self.removed.iter().cloned().map(Action::DropObject));
        actions.extend(self.step_asides());
        let detached = self.rebuilds.iter().flat_map(Rebuild::kept);
        let detached: Vec<String> = detached.map(|(from, _)| from.clone()).collect();
        if !detached.is_empty() {
            actions.push(Action::DetachIndexes(detached));
        }
        let renamed = self.renamed_indexes();
        if !renamed.is_empty() {
            actions.push(Action::RenameIndexes(renamed));
        }
        actions.extend(self.early_virtuals());
        for rebuild in self.rebuilds.iter().filter(|it| it.reads(RowSource::Backup)) {
            actions.extend(rebuild.sequence_aside());
            actions.push(Action::DropFirst { table: rebuild.scratch.clone() });
        }
        actions
    }

    fn step_asides(&self) -> impl Iterator<Item = Action> {
        let aside = |table: &String, scratch: &String| Action::StepAside {
            table: table.clone(),
            scratch: scratch.clone(),
        };
        let copied = self.rebuilds.iter().filter(|it| !it.in_place());
        let rebuilt = copied.map(move |it| aside(&it.from, &it.scratch));
        let dropped = self.dropped.iter();
        rebuilt.chain(dropped.filter_map(move |it| Some(aside(&it.table, it.scratch.as_ref()?))))
    }

    /// The indexes of waiting tables whose names are taken before these tables go.
    fn renamed_indexes(&self) -> Vec<RenamedIndex> {
        let waiting = self.rebuilds.iter().filter(|it| it.reads(RowSource::OldTable));
        let of_rebuilds = waiting.flat_map(|rebuild| {
            let is_kept = |name: &str| rebuild.kept().iter().any(|(from, _)| from == name);
            rebuild.indexes.iter().filter(move |it| !is_kept(&it.from))
        });
        let dropped = self.dropped.iter().filter(|it| it.scratch.is_some());
        let is_taken = |name: &str| {
            let mut tables = self.created.iter().map(|it| &it.name);
            let mut rebuilt = self.rebuilds.iter();
            tables.any(|it| same(it, name))
                || rebuilt.any(|it| {
                    same(&it.to, name) || it.present_indexes().any(|it| same(&it.name, name))
                })
        };
        let all = of_rebuilds.chain(dropped.flat_map(|it| &it.indexes));
        all.filter(|it| is_taken(&it.from)).cloned().collect()
    }

    /// One step for all tables that stay where they are. Triggers go, as they would with the old table, and so do
    /// indexes that do not stay.
    fn edit_step(&self) -> Option<PlannedStep> {
        let tables: Vec<Rebuild> =
            self.rebuilds.iter().filter(|it| it.in_place()).cloned().collect();
        if tables.is_empty() {
            return None;
        }
        let names: Vec<String> = tables.iter().map(Rebuild::title).collect();
        let mut actions: Vec<Action> = tables.iter().filter_map(Rebuild::sequence_aside).collect();
        for rebuild in &tables {
            if let CopyStrategy::InPlace { removed, .. } = &rebuild.strategy {
                actions.extend(removed.iter().cloned().map(Action::DropObject));
            }
        }
        actions.push(Action::EditSchema(tables));
        Some(PlannedStep { title: format!("Changing {} in place", listed(&names)), actions })
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
                .map(|it| Action::CreateTable(it.sql.clone().unwrap_or_default()))
                .collect();
            steps.push(PlannedStep { title: format!("Creating {}", listed(&names)), actions });
        }
        let (computed, plain): (Vec<&Rebuild>, Vec<&Rebuild>) =
            self.rebuilds.iter().filter(|it| !it.in_place()).partition(|it| it.copy.computes());
        for rebuild in plain.into_iter().chain(computed) {
            let create = Action::CreateTable(rebuild.sql.clone());
            let mut actions = vec![create, Action::CopyRows(Box::new(rebuild.clone()))];
            if !rebuild.kept().is_empty() {
                actions.push(Action::AttachIndexes(rebuild.kept().to_vec()));
            }
            let title = format!("Rebuilding {}", rebuild.title());
            steps.push(PlannedStep { title, actions });
        }
        steps
    }

    fn swap_step(&self) -> Option<PlannedStep> {
        let mut actions = Vec::new();
        for rebuild in self.rebuilds.iter().filter(|it| it.carries_sequence) {
            let (from, to) = (rebuild.waiting_counter(), rebuild.to.clone());
            actions.push(Action::CarrySequence { from, to });
        }
        actions.extend(self.rebuilds.iter().map(|rebuild| {
            let table = rebuild.scratch.clone();
            if rebuild.reads(RowSource::OldTable) {
                Action::DropTable { table }
            } else {
                Action::AlreadyGone { table }
            }
        }));
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
        let came = |object: &Object| {
            let mut present = self.rebuilds.iter().flat_map(Rebuild::present_indexes);
            object.kind == ObjectKind::Index && present.any(|it| same(&it.name, &object.name))
        };
        actions.extend(others.into_iter().cloned().map(|object| {
            if came(&object) { Action::KeepIndex(object) } else { Action::CreateObject(object) }
        }));
        actions.extend(self.late_virtuals());
        actions.extend(triggers.into_iter().cloned().map(Action::CreateObject));
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

impl Rebuild {
    fn title(&self) -> String {
        if self.from == self.to { self.to.clone() } else { format!("{} as {}", self.from, self.to) }
    }

    /// The name under which the AUTOINCREMENT counter waits: that of the old table while it is there.
    fn waiting_counter(&self) -> String {
        if self.reads(RowSource::OldTable) {
            self.scratch.clone()
        } else {
            format!("{}_counter", self.scratch)
        }
    }

    /// The counter would go with the old table, and a new table gets one of its own when it is filled.
    fn sequence_aside(&self) -> Option<Action> {
        let from = if self.in_place() { &self.from } else { &self.scratch };
        let (from, to) = (from.clone(), self.waiting_counter());
        self.carries_sequence.then_some(Action::CarrySequence { from, to })
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
    let actions = std::iter::once(Action::RunSql(Box::new(data.clone()))).chain(fills).collect();
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

/// Joins names for a sentence; many are counted rather than listed.
fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] if names.len() <= 5 => format!("{} and {last}", rest.join(", ")),
        [first, second, ..] => format!("{first}, {second} and {} more", names.len() - 2),
    }
}
