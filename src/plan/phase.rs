//! Planning one phase: the shadow applies its steps, and each run of them becomes a stage.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::data::data_changes;
use super::derive::{Facts, derive};
use super::expected_objects::ExpectedObjects;
use super::fill::plan_fills;
use super::soundness::{Texts, refuse_newer_syntax, refuse_newly_broken};
use super::undo::{define, groups};
use super::{DataStage, Direction, LineCount, PhasePlan, Stage, place_in_step};
use crate::error::{Error, Result};
use crate::history::{UndoRecord, VersionTables};
use crate::name::{fold, same};
use crate::phase::{Check, Operation, Phase, PhaseSource, StatisticsPolicy, Step, Strategy};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::{DataEffects, Outputs, Shadow, TableEffect, asks};
use crate::sql::{CreateTable, mentions};

/// Plans a phase from the state that the shadow is in, and leaves the shadow in the state after it.
///
/// # Errors
/// [`ErrorKind::Step`](crate::ErrorKind::Step) if a step does not fit the schema or leaves a view or trigger broken;
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if something cannot be carried over.
pub fn plan_phase(
    shadow: &mut Shadow,
    phase: &Phase,
    steps: &[Step],
    direction: Direction,
    tables: &VersionTables,
) -> Result<PhasePlan> {
    plan_with(&Planner { phase, tables, around: None }, shadow, steps, direction)
}

/// Plans the way up of a phase, and makes what the history keeps of it.
pub fn plan_and_define(
    shadow: &mut Shadow,
    phase: &Phase,
    tables: &VersionTables,
) -> Result<PhasePlan> {
    let planner = Planner { phase, tables, around: Some(RefCell::default()) };
    let mut plan = plan_with(&planner, shadow, &phase.up, Direction::Up)?;
    let around = planner.around.unwrap_or_default().into_inner();
    plan.definition = Some(define(&plan, phase, tables, &around)?);
    Ok(plan)
}

fn plan_with(
    planner: &Planner<'_>,
    shadow: &mut Shadow,
    steps: &[Step],
    direction: Direction,
) -> Result<PhasePlan> {
    let phase = planner.phase;
    let up = direction == Direction::Up;
    let checks = |shadow: &Shadow, checks: &[Check]| {
        let compiled = checks.iter().filter(|_| up && shadow.plans()).try_for_each(|check| {
            shadow.compile_check(check).map_err(|error| error.at(&phase.file, check.line))
        });
        compiled.map_err(|error| error.in_phase(phase.id.as_str()))
    };
    checks(shadow, &phase.require)?;
    let before = shadow.schema()?;
    let outputs = shadow.outputs()?;
    let strings = shadow.names_read_as_strings()?;
    planner.note(shadow)?;
    let stages = planner
        .stages(shadow, steps, &mut |_, _| Ok(()))
        .and_then(|stages| {
            let texts = if up && shadow.plans() { Texts::New } else { Texts::Old };
            refuse_newly_broken(shadow, (&before, &strings, texts), (phase, &stages))
                .map(|()| stages)
        })
        .map_err(|error| at_phase(error, phase, (&phase.file, steps)))?;
    let changed = changed_outputs(&outputs, &shadow.outputs()?, &before);
    if direction == Direction::Up {
        let newer = refuse_newer_syntax(phase, &before, &shadow.schema()?);
        newer.map_err(|error| at_phase(error, phase, (&phase.file, steps)))?;
    }
    let mut plan = planner.finish(shadow, direction, before, stages)?;
    checks(shadow, &phase.verify)?;
    plan.notices.extend(changed);
    plan.notices.extend(pointless(phase).filter(|_| up));
    Ok(plan)
}

/// Says what a file of SQL asks for that the run does anyway.
fn pointless(phase: &Phase) -> Option<String> {
    let parts =
        phase.annotations.pointless.iter().map(|(line, what)| format!("{what} (line {line})"));
    let parts: Vec<String> = parts.collect();
    let list = match &parts[..] {
        [] => return None,
        [only] => format!("{only} has"),
        [first, .., last] if parts.len() > 4 => {
            format!("{first} to {last} ({} statements) have", parts.len())
        }
        _ => format!("{} have", parts.join(", ")),
    };
    Some(format!(
        "{list} no effect in {}: the run is one transaction, keeps foreign keys off and checks them",
        phase.id
    ))
}

/// Says which views hand out other columns than before: programs that read them by name or by position
/// has to know.
fn changed_outputs(before: &Outputs, after: &Outputs, schema: &Schema) -> Vec<String> {
    let mut notices = Vec::new();
    for view in schema.of_kind(ObjectKind::View) {
        let name = fold(&view.name);
        let (Some(old), Some(new)) = (before.get(&name), after.get(&name)) else { continue };
        if old == new {
            continue;
        }
        let only_in = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|column| !other.contains(column)).cloned().collect()
        };
        let (gone, fresh) = (only_in(old, new).join(", "), only_in(new, old).join(", "));
        notices.push(match (gone.as_str(), fresh.as_str()) {
            ("", "") => format!("view {} returns its columns in another order", view.name),
            ("", fresh) => format!("view {} returns more columns: {fresh}", view.name),
            (gone, "") => format!("view {} no longer returns {gone}", view.name),
            (gone, fresh) => format!("view {} returns {fresh} instead of {gone}", view.name),
        });
    }
    notices
}

/// Names the phase and the line: that of the faulty step, or of the first one. A phase from the history has no file.
pub(super) fn at_phase(error: Error, phase: &Phase, (file, steps): (&Path, &[Step])) -> Error {
    let first = steps.first().map_or(0, |step| step.line);
    let line = error.facts().step_line.unwrap_or(first);
    let error = error.in_phase(phase.id.as_str());
    match phase.annotations.source {
        PhaseSource::Folder => error.at(file, line),
        PhaseSource::History => error,
    }
}

/// What planning a phase needs to know of it.
pub(super) struct Planner<'a> {
    pub(super) phase: &'a Phase,
    pub(super) tables: &'a VersionTables,
    /// The schemas before each group of steps and after the last one, if they are asked for.
    pub(super) around: Option<RefCell<Vec<Schema>>>,
}

/// What happens after the steps of one change of the schema; gets the schema before them.
pub(super) type AfterSteps<'h> = dyn FnMut(&mut Shadow, &Schema) -> Result<()> + 'h;

impl Planner<'_> {
    fn note(&self, shadow: &Shadow) -> Result<()> {
        if let Some(around) = &self.around {
            around.borrow_mut().push(shadow.schema()?);
        }
        Ok(())
    }

    /// Plans steps, data steps apart from changes of the schema.
    pub(super) fn stages(
        &self,
        shadow: &mut Shadow,
        steps: &[Step],
        after_steps: &mut AfterSteps<'_>,
    ) -> Result<Vec<Stage>> {
        let mut stages = Vec::new();
        let mut rest = steps;
        while let Some(step) = rest.first() {
            if let Operation::Sql { sql, file } = &step.operation {
                stages.push(self.data(shadow, step, sql, file.clone())?);
                self.note(shadow)?;
                rest = &rest[1..];
                continue;
            }
            let run = rest.iter().take_while(|it| !is_data(it)).count();
            let run = together(&rest[..run]);
            let start = shadow.schema()?;
            stages.extend(self.schema_change(shadow, &mut |shadow, expected| {
                expected.follow(&rest[..run]);
                for group in groups(&rest[..run]) {
                    shadow.apply(group, self.phase.views)?;
                    self.note(shadow)?;
                }
                expected.compare_texts(&shadow.schema()?)?;
                after_steps(shadow, &start)
            })?);
            rest = &rest[run..];
        }
        Ok(stages)
    }

    fn data(
        &self,
        shadow: &mut Shadow,
        step: &Step,
        sql: &str,
        file: Option<String>,
    ) -> Result<Stage> {
        let lines = if self.phase.is_sql() { LineCount::OfFile } else { LineCount::OfStep };
        plan_data(shadow, step, (sql, file), lines)
    }

    /// Plans one change of the schema; `None` if nothing changes. The change names the steps that it carries out.
    pub(super) fn schema_change(
        &self,
        shadow: &mut Shadow,
        change: &mut dyn FnMut(&mut Shadow, &mut ExpectedObjects) -> Result<()>,
    ) -> Result<Option<Stage>> {
        shadow.start_stage()?;
        let before = shadow.schema()?;
        let mut expected = ExpectedObjects::of(&before);
        change(shadow, &mut expected)?;
        let after = shadow.schema()?;
        expected.compare(&after)?;
        let facts = Facts {
            methods: shadow.copy_methods(&before)?,
            in_place: self.phase.strategy == Strategy::Auto,
            statistics: shadow.statistics_tables().to_vec(),
            automatic: automatic_indexes(&before),
        };
        let schema_change = derive(&before, &after, shadow.lineage(), &facts)?;
        // A replay of what was applied long ago creates nothing in a file.
        if shadow.plans() {
            shadow.check_creatable(
                &schema_change.rebuilt_tables(),
                &schema_change.refilled_tables(),
                &schema_change.recreated_objects(),
                &after,
            )?;
        }
        Ok((!schema_change.is_empty()).then(|| Stage::SchemaChange(Box::new(schema_change))))
    }

    /// The ordinary tables that the stages rebuild, create or write to, as far as they are there in the end.
    fn changed_tables(&self, stages: &[Stage], after: &Schema) -> Vec<String> {
        let mut names = BTreeSet::new();
        for stage in stages {
            match stage {
                Stage::SchemaChange(schema_change) => {
                    names.extend(schema_change.rebuilds.iter().map(|it| fold(&it.to)));
                    names.extend(schema_change.created.iter().map(|it| fold(&it.name)));
                    let indexes =
                        schema_change.restored.iter().filter(|it| it.kind == ObjectKind::Index);
                    names.extend(indexes.map(|it| fold(&it.table)));
                }
                Stage::Data(data) => names.extend(data.touched.tables.keys().cloned()),
            }
        }
        let tables = after.of_kind(ObjectKind::Table).map(|it| it.name.clone());
        tables.filter(|it| names.contains(&fold(it)) && !self.tables.contains(it)).collect()
    }

    /// Completes the plan of the phase with the version tables.
    pub(super) fn finish(
        &self,
        shadow: &mut Shadow,
        direction: Direction,
        before: Schema,
        mut stages: Vec<Stage>,
    ) -> Result<PhasePlan> {
        plan_fills(&before, &mut stages);
        let filled: Vec<&str> = stages.iter().flat_map(Stage::filled).collect();
        shadow.refuse_unreadable_content(&filled)?;
        let creates = self.tables.missing_from(&shadow.schema()?);
        for statement in &creates {
            shadow.define(statement)?;
        }
        shadow.start_stage()?;
        let phase = self.phase;
        let after = shadow.schema()?;
        let analyzed = match (phase.statistics, direction) {
            (StatisticsPolicy::Analyze, Direction::Up) => self.changed_tables(&stages, &after),
            (StatisticsPolicy::Analyze, Direction::Down) | (StatisticsPolicy::Carry, _) => {
                Vec::new()
            }
        };
        if !analyzed.is_empty() {
            shadow.expect_statistics()?;
        }
        let temporary = shadow.temporary_triggers()?;
        self.tables
            .refuse_triggers(&after)
            .and_then(|()| self.tables.refuse_temporary_triggers(&temporary))
            .map_err(|error| error.in_phase(phase.id.as_str()))?;
        let up = direction == Direction::Up;
        Ok(PhasePlan {
            id: phase.id.clone(),
            version: phase.version,
            description: phase.description.clone(),
            headline: phase.headline().to_owned(),
            parents: phase.parents.clone(),
            checksum: phase.checksum.clone(),
            direction,
            stages,
            analyzed,
            version_tables: creates,
            require: if up { phase.require.clone() } else { Vec::new() },
            verify: if up { phase.verify.clone() } else { Vec::new() },
            before: Arc::new(before),
            after: Arc::new(after),
            notices: shadow.take_notices(),
            restated: shadow.take_restated(),
            missing: shadow.missing().to_vec(),
            losses: Vec::new(),
            implied: Vec::new(),
            replaced: Vec::new(),
            empty: Vec::new(),
            source: phase.annotations.source,
            allows_broken: phase.allows_broken(),
            definition: None,
        })
    }
}

impl PhasePlan {
    /// Says why a phase that is applied cannot be undone by a downgrade; `None` if it can.
    pub fn irreversible(&self) -> Option<&str> {
        self.definition.as_ref()?.irreversible.as_deref()
    }

    /// Returns what the phase changes in the schema, and the phase itself, as the history keeps them for a downgrade.
    pub fn undo_record(&self, tables: &VersionTables) -> Option<String> {
        match self.direction {
            Direction::Up => {
                let mut changed = UndoRecord::between(&self.before, &self.after, tables);
                changed.empty.clone_from(&self.empty);
                changed.to_json(self.definition.as_ref())
            }
            Direction::Down => None,
        }
    }
}

/// Returns how many steps of a run are carried out together. A value that reads a table sees it as it is at that step,
/// so that what changes the table comes before or after in a change of its own.
fn together(steps: &[Step]) -> usize {
    let alone = |place: usize| {
        let Some(step) = steps.get(place) else { return false };
        let asked: Vec<&str> = step.operation.values().into_iter().filter(|it| asks(it)).collect();
        if asked.is_empty() {
            return false;
        }
        let others = steps.iter().enumerate().filter(|(other, _)| *other != place);
        let changed: Vec<String> = others.flat_map(|(_, it)| it.operation.relations()).collect();
        let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
        asked.iter().any(|it| mentions(it, &changed))
    };
    let whole = match (0..steps.len()).find(|place| alone(*place)) {
        Some(0) => 1,
        Some(place) => place,
        None => steps.len(),
    };
    let reads_new = |place: &usize| reads_new_columns(&steps[*place], &steps[..*place]);
    (1..whole).find(reads_new).unwrap_or(whole)
}

/// Returns whether a value of a step reads a column that earlier steps give new values or another type: it sees what is
/// stored there, converted by the column's affinity (<https://sqlite.org/datatype3.html>), so that they come first.
fn reads_new_columns(step: &Step, earlier: &[Step]) -> bool {
    let values = step.operation.values();
    if values.is_empty() {
        return false;
    }
    let mut new: Vec<String> = Vec::new();
    for step in earlier {
        match &step.operation {
            Operation::AddColumn { column, .. } => new.extend(defined_column(column)),
            Operation::AlterColumn { column, .. } => new.push(column.clone()),
            Operation::Rebuild { .. } => return true,
            Operation::RenameColumn { from, to, .. } if new.iter().any(|it| same(it, from)) => {
                new.push(to.clone());
            }
            _ => {}
        }
    }
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    values.into_iter().any(|it| mentions(it, &new))
}

fn defined_column(definition: &str) -> Option<String> {
    let table = CreateTable::read(&format!("CREATE TABLE t({definition})")).ok()?;
    table.columns.first().map(|it| it.name.text.clone())
}

fn is_data(step: &Step) -> bool {
    matches!(step.operation, Operation::Sql { .. })
}

/// Says what is wrong with a statement of a data step, and where.
fn at_statement(error: Error, step: &Step, (file, lines): (Option<&str>, LineCount)) -> Error {
    let (line, what) = match (&error.facts().statement, lines) {
        (Some((line, why)), LineCount::OfFile) => {
            let line = step.line + line - 1;
            (line, format!("line {line}: {why}"))
        }
        (Some((line, why)), LineCount::OfStep) => {
            let place = place_in_step(file, step.line, *line);
            (step.line, format!("{place}: {why}"))
        }
        (None, _) => {
            let place = file.unwrap_or("sql");
            (step.line, format!("line {}: {place}: {error}", step.line))
        }
    };
    Error::new(error.kind(), what).caused_by(error).on_step_line(line)
}

fn plan_data(
    shadow: &mut Shadow,
    step: &Step,
    (sql, file): (&str, Option<String>),
    lines: LineCount,
) -> Result<Stage> {
    let before = shadow.schema()?;
    let found = shadow
        .apply_data(sql)
        .map_err(|error| at_statement(error, step, (file.as_deref(), lines)))?;
    let DataEffects { mut touched, mut tables, lineage } = found;
    let schema = shadow.schema()?;
    // What a module prepares for its own tables when it is opened; DEFENSIVE forbids all other writes to them.
    let behind = |table: &str| {
        [&before, &schema].iter().any(|it| it.find(ObjectKind::ShadowTable, table).is_some())
    };
    touched.tables.retain(|table, _| !behind(table));
    tables.retain(|it| !matches!(it, TableEffect::Rows { table, .. } if behind(table)));
    let after = touched.schema.then_some(schema);
    let changes = match &after {
        Some(after) => data_changes((&before, after), &tables, &lineage),
        None => Vec::new(),
    };
    let (sql, line) = (sql.to_owned(), step.line);
    Ok(Stage::Data(Box::new(DataStage {
        sql,
        file,
        line,
        lines,
        touched,
        effects: tables,
        lineage,
        after,
        changes,
        fills: Vec::new(),
    })))
}

/// The automatic indexes of a schema: table and index.
fn automatic_indexes(schema: &Schema) -> Vec<(String, String)> {
    schema
        .internal
        .iter()
        .filter(|it: &&Object| !it.kind.is_table() && it.sql.is_none())
        .map(|it| (it.table.clone(), it.name.clone()))
        .collect()
}
