//! Why a table is rebuilt, and which rules it loses, in words.

use crate::text::list;
use phaseshift::plan::{
    LostRule, PhasePlan, Rebuild, RebuildReason, RowSource, Rule, TouchedObject, touched_objects,
};
use phaseshift::shadow::CopyMethod;

/// Says why a table is rebuilt, in a few words.
pub fn reason(reason: &RebuildReason) -> String {
    match reason {
        RebuildReason::TableRenamed { from } => format!("renamed from {from}"),
        RebuildReason::ColumnRenamed { from, to } => format!("column {from} renamed to {to}"),
        RebuildReason::ValuesComputed { column } => format!("values of {column} computed"),
        RebuildReason::ColumnAdded { column } => format!("column {column} added"),
        RebuildReason::ColumnDropped { column } => format!("column {column} dropped"),
        RebuildReason::TypeChanged { column, from, to } => {
            format!("type of {column} changed from {} to {}", typed(from), typed(to))
        }
        RebuildReason::BecomesGenerated { column } => {
            format!("column {column} becomes generated, its stored values are replaced")
        }
        RebuildReason::RuleLost(lost) => format!("leaves out {}", rule(lost)),
        RebuildReason::RuleGained(Rule::NotNull { column }) => format!("{column} becomes NOT NULL"),
        RebuildReason::RuleGained(Rule::Default { column, value }) => {
            format!("{column} gets DEFAULT {value}")
        }
        RebuildReason::RuleGained(gained) => format!("adds {}", rule(gained)),
        RebuildReason::ReferencesRenamed { parent } => {
            format!("its foreign key follows the rename: REFERENCES {parent}")
        }
        RebuildReason::FilledFromContent => "filled from its content table".to_owned(),
        RebuildReason::DefinitionChanged => "definition changed".to_owned(),
    }
}

/// Returns a declared type as it is written, or that there is none.
pub fn typed(declared: &str) -> &str {
    if declared.is_empty() { "no type" } else { declared }
}

/// Says why a table is rebuilt, all reasons in one line.
pub fn reasons(all: &[RebuildReason]) -> String {
    let stands_alone = |it: &&RebuildReason| !is_part_of_added_column(it, all);
    list(all.iter().filter(stands_alone).map(reason))
}

/// Returns whether a rule came with a column that is added.
pub fn is_part_of_added_column(reason: &RebuildReason, all: &[RebuildReason]) -> bool {
    let RebuildReason::RuleGained(
        Rule::NotNull { column } | Rule::Default { column, .. } | Rule::Collate { column, .. },
    ) = reason
    else {
        return false;
    };
    all.iter()
        .any(|it| matches!(it, RebuildReason::ColumnAdded { column: added } if added == column))
}

/// Writes a rule as SQL has it, with the columns that it is about.
pub fn rule(rule: &Rule) -> String {
    match rule {
        Rule::NotNull { column } => format!("NOT NULL of {column}"),
        Rule::Default { column, value } => format!("DEFAULT {value} of {column}"),
        Rule::Collate { column, collation } => format!("COLLATE {collation} of {column}"),
        Rule::PrimaryKey { columns } => format!("PRIMARY KEY ({})", columns.join(", ")),
        Rule::Unique { columns } => format!("UNIQUE ({columns})"),
        Rule::Check { condition } => format!("CHECK {condition}"),
        Rule::References { columns, parent } => {
            format!("FOREIGN KEY ({}) REFERENCES {parent}", columns.join(", "))
        }
        Rule::Action { columns, action } => format!("{action} of ({})", columns.join(", ")),
        Rule::Autoincrement => "AUTOINCREMENT with its counter".to_owned(),
        Rule::Strict => "STRICT".to_owned(),
        Rule::WithoutRowid => "WITHOUT ROWID".to_owned(),
    }
}

/// Lists rules that tables lose, one line each.
pub fn lost_rules<'l>(lost: impl IntoIterator<Item = &'l LostRule>) -> Vec<String> {
    lost.into_iter().map(|it| format!("{} no longer has {}", it.table, rule(&it.rule))).collect()
}

/// Lists every object that a phase touches; why a table is rebuilt is in words.
pub fn touched(phase: &PhasePlan) -> Vec<TouchedObject> {
    let mut objects = touched_objects(phase);
    for object in objects.iter_mut().filter(|it| !it.reasons.is_empty()) {
        object.why = reasons(&object.reasons);
    }
    objects
}

/// Says how the rows get into the new table, and why not in a faster way.
pub fn way(rebuild: &Rebuild) -> String {
    let Some(method) = rebuild.method() else {
        return "stays in place: only names change".to_owned();
    };
    let way = match method {
        CopyMethod::Records | CopyMethod::RecordsWithGuard => "records copied whole".to_owned(),
        CopyMethod::Rows => match rebuild.reasons.iter().find(|it| !it.is_rename()) {
            Some(why) => format!("rows rewritten: {}", reason(why)),
            None => "rows rewritten: the definitions do not line up".to_owned(),
        },
    };
    let way = match rebuild.reads(RowSource::Backup) {
        true => format!("{way}; read from the backup in the place of the old table"),
        false => way,
    };
    match rebuild.kept().len() {
        0 => way,
        1 => format!("{way}; 1 index is created again with its old entries"),
        count => format!("{way}; {count} indexes are created again with their old entries"),
    }
}
