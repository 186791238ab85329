//! What a phase changes, in sentences: the changes first, how they are carried out only where that is asked for.

use phaseshift::name::{is_internal, same};
use phaseshift::phase::{Chain, Operation, Step};
use phaseshift::plan::{Direction, PhasePlan, PhaseSummary, RebuildReason, Rule, Stage, summarize};
use phaseshift::schema::{Object, ObjectKind};

use super::counted;
use super::reason::{self, is_part_of_added_column, rule, typed};

/// Returns what a phase changes, one sentence each.
pub fn changes(phase: &PhasePlan, chain: &Chain) -> Vec<String> {
    let summary = summarize(phase);
    let steps = chain.get(&phase.id).map(|phase| phase.up.as_slice()).unwrap_or_default();
    let indexes = index_renames(phase, steps);
    let mut changes = renames(&summary, &indexes);
    for (table, reasons) in &summary.rebuilt {
        let stands_alone = |it: &&RebuildReason| !is_part_of_added_column(it, reasons);
        changes
            .extend(reasons.iter().filter(stands_alone).filter_map(|it| table_change(table, it)));
    }
    // Rules of rebuilt tables are among the reasons above.
    let lost = phase.lost_rules();
    changes.extend(reason::lost_rules(lost.iter().filter(|it| it.line.is_some())));
    changes.extend(summary.created.iter().map(|table| format!("Create table {table}")));
    changes.extend(summary.dropped.iter().map(|table| format!("Drop table {table} with its rows")));
    changes.extend(objects(phase, steps, &indexes));
    match summary.data_steps {
        0 => {}
        count => changes.push(format!("Run {}", counted(count, "data step", "data steps"))),
    }
    changes.extend(summary.data_changes.iter().map(|it| format!("A data step {}", it.deed())));
    if changes.is_empty() {
        changes.push("Change no table; only the version is recorded".to_owned());
    }
    changes
}

/// Returns how a phase is carried out: the tables that are rebuilt, and what is created again.
pub fn mechanics(phase: &PhasePlan) -> Vec<String> {
    let summary = summarize(phase);
    rebuilds(phase).into_iter().chain(created_again(&summary)).collect()
}

fn renames(summary: &PhaseSummary, indexes: &[(String, String)]) -> Vec<String> {
    let tables = summary.renames.iter().map(|rename| match &rename.table {
        None => format!("Rename table {} to {}", rename.from, rename.to),
        Some(table) => format!("Rename {table}.{} to {}", rename.from, rename.to),
    });
    let indexes = indexes.iter().map(|(from, to)| format!("Rename index {from} to {to}"));
    tables.chain(indexes).collect()
}

/// Says what changes in a table; `None` for a rename, which is listed before.
fn table_change(table: &str, reason: &RebuildReason) -> Option<String> {
    Some(match reason {
        RebuildReason::TableRenamed { .. } | RebuildReason::ColumnRenamed { .. } => return None,
        RebuildReason::ValuesComputed { column } => {
            format!("Compute the values of {table}.{column}")
        }
        RebuildReason::ColumnAdded { column } => format!("Add {table}.{column}"),
        RebuildReason::ColumnDropped { column } => format!("Drop {table}.{column} with its values"),
        RebuildReason::TypeChanged { column, from, to } => {
            format!("Change {table}.{column} from {} to {}", typed(from), typed(to))
        }
        RebuildReason::BecomesGenerated { column } => {
            format!("Make {table}.{column} a generated column; its stored values are replaced")
        }
        RebuildReason::RuleGained(gained) => rule_change(table, gained, "Add", "to"),
        RebuildReason::RuleLost(lost) => rule_change(table, lost, "Remove", "from"),
        RebuildReason::ReferencesRenamed { parent } => {
            format!("Update the foreign key of table {table}, which refers to {parent}")
        }
        RebuildReason::FilledFromContent => format!("Fill {table} from its content table"),
        RebuildReason::DefinitionChanged => format!("Update the definition of table {table}"),
    })
}

fn rule_change(table: &str, changed: &Rule, verb: &str, toward: &str) -> String {
    match changed {
        Rule::NotNull { column } => format!("{verb} NOT NULL {toward} {table}.{column}"),
        Rule::Default { column, value } => {
            format!("{verb} DEFAULT {value} {toward} {table}.{column}")
        }
        Rule::Collate { column, collation } => {
            format!("{verb} COLLATE {collation} {toward} {table}.{column}")
        }
        other => format!("{verb} {toward} {table}: {}", rule(other)),
    }
}

/// Names the indexes, views and triggers that a phase creates, replaces and drops.
fn objects(phase: &PhasePlan, steps: &[Step], renamed: &[(String, String)]) -> Vec<String> {
    let dependent = |object: &&Object| {
        matches!(object.kind, ObjectKind::Index | ObjectKind::View | ObjectKind::Trigger)
            && object.sql.is_some()
            && !is_internal(&object.name)
    };
    let mut lines = Vec::new();
    for old in phase.before.objects.iter().filter(dependent) {
        let is_renamed = renamed.iter().any(|(from, _)| same(from, &old.name));
        if !is_renamed && phase.after.find(old.kind, &old.name).is_none() {
            lines.push(format!("Drop {old}"));
        }
    }
    for new in phase.after.objects.iter().filter(dependent) {
        let is_renamed = renamed.iter().any(|(_, to)| same(to, &new.name));
        let on =
            if new.kind == ObjectKind::View { String::new() } else { format!(" on {}", new.table) };
        match phase.before.find(new.kind, &new.name) {
            None if !is_renamed => lines.push(format!("Create {new}{on}")),
            Some(old) if old.sql != new.sql && is_replaced(phase, steps, new) => {
                lines.push(format!("Replace {new}"));
            }
            None | Some(_) => {}
        }
    }
    lines
}

/// Returns whether the phase itself gives an object another definition, rather than a rename that the object follows.
fn is_replaced(phase: &PhasePlan, steps: &[Step], object: &Object) -> bool {
    let replaces = |step: &Step| match &step.operation {
        Operation::ReplaceView { .. } => object.kind == ObjectKind::View,
        Operation::ReplaceTrigger { .. } => object.kind == ObjectKind::Trigger,
        Operation::Create { kind, .. } => object.kind == (*kind).into(),
        _ => false,
    };
    let renames = summarize(phase).renames;
    renames.is_empty() && (phase.direction == Direction::Down || steps.iter().any(replaces))
}

/// Names the tables that are rebuilt, in one sentence.
fn rebuilds(phase: &PhasePlan) -> Option<String> {
    let mut names = Vec::new();
    for stage in &phase.stages {
        let Stage::SchemaChange(change) = stage else { continue };
        names.extend(change.rebuilds.iter().map(|it| match same(&it.from, &it.to) {
            true => it.to.clone(),
            false => format!("{} as {}", it.from, it.to),
        }));
    }
    let list = names.join(", ");
    (!names.is_empty()).then(|| format!("Rebuild {list} by creating, copying and swapping"))
}

fn created_again(summary: &PhaseSummary) -> Option<String> {
    let kinds = [("index", "indexes"), ("view", "views"), ("trigger", "triggers")];
    let parts = kinds.into_iter().filter_map(|(kind, many)| {
        let count = summary.restored.iter().filter(|(it, _)| it == kind).count();
        (count > 0).then(|| counted(count, kind, many))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("Create {} again", parts.join(", ")))
}

fn index_renames(phase: &PhasePlan, steps: &[Step]) -> Vec<(String, String)> {
    let renames = steps.iter().filter_map(|step| match &step.operation {
        Operation::RenameIndex { from, to } => Some((from.clone(), to.clone())),
        _ => None,
    });
    match phase.direction {
        Direction::Up => renames.collect(),
        Direction::Down => renames.map(|(from, to)| (to, from)).collect(),
    }
}
