//! What needs a column that a step drops.

use crate::error::{Error, ErrorKind, Remedy};
use crate::name::same;
use crate::phase::Operation;
use crate::sql::{Constraint, ConstraintKind, CreateTable, mentions};
use crate::text::{list, one_line};

/// Names the rules of a table that need the column which the failed operation was to drop.
pub(super) fn name_rules(error: Error, operation: &Operation, text: &str) -> Error {
    let Operation::DropColumn { table, column } = operation else { return error };
    let Ok(parsed) = CreateTable::read(text) else { return error };
    let others = parsed.columns.iter().filter(|it| !same(&it.name.text, column));
    let rules: Vec<String> = others
        .flat_map(|it| &it.constraints)
        .chain(&parsed.constraints)
        .filter(|it| reads(it, text, column))
        .map(|it| one_line(text.get(it.range.clone()).unwrap_or_default()))
        .collect();
    if rules.is_empty() || error.facts().remedy.is_some() {
        return error;
    }
    let what = format!("the column {table}.{column} stands in {}", list(&rules));
    let refused = Error::new(ErrorKind::Step, what).about(table).caused_by(error);
    refused.with_remedy(Remedy::ReplaceObject).choices(rules)
}

fn reads(rule: &Constraint, text: &str, column: &str) -> bool {
    let Some(operand) = rule.operand.clone() else { return false };
    let part = match rule.kind {
        // Its own columns stand before the table that it refers to.
        ConstraintKind::ForeignKey => rule.range.start..operand.start,
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Check => operand,
        _ => return false,
    };
    text.get(part).is_some_and(|it| mentions(it, &[column]))
}
