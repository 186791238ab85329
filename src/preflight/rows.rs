//! Old rows against new rules: every table that gets rules it did not have is tried out first.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::orphans::{bereaved, orphans};
use super::trial::{Trial, try_rows};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, same};
use crate::plan::{CopyQuery, PhasePlan, Plan, Rebuild, Reshape, Stage};
use crate::schema::{Object, ObjectKind, Schema, Table};
use crate::shadow::{ColumnOrigin, CopyMethod, TableLineage};
use crate::sql::{ConstraintKind, CreateTable, TokenKind, significant_tokens, unquote};

/// Finds rows that break a rule of the schema to come: NOT NULL, CHECK, UNIQUE, types, foreign keys,
/// or that a changed type would convert without the phase saying how.
///
/// A table is looked at as long as no earlier stage of the plan has touched it; what comes later is
/// judged inside the transaction.
///
/// # Errors
/// [`ErrorKind::Rows`] with counts and sample keys; whatever SQLite reports.
pub fn check_rows(connection: &Connection, plan: &Plan) -> Result<()> {
    let mut touched = BTreeSet::new();
    let filled = filled(plan);
    for phase in &plan.phases {
        let mut before = &phase.before;
        for stage in &phase.stages {
            match stage {
                Stage::Reshape(reshape) => {
                    let problems =
                        stage_problems(connection, before, reshape, (&touched, &filled))?;
                    refuse(phase, problems)?;
                    touched.extend(
                        reshape.rebuilds.iter().flat_map(|it| [fold(&it.from), fold(&it.to)]),
                    );
                    touched.extend(reshape.created.iter().map(|it| fold(&it.name)));
                    before = &reshape.after;
                }
                Stage::Data(data) => {
                    touched.extend(data.touched.tables.keys().cloned());
                    if let Some(after) = &data.after {
                        touched.extend(after.tables.keys().cloned());
                        before = after;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The tables, folded, that a data step of the plan writes to.
fn filled(plan: &Plan) -> BTreeSet<String> {
    let stages = plan.phases.iter().flat_map(|phase| &phase.stages);
    let data = stages.filter_map(|stage| match stage {
        Stage::Data(data) => Some(data.touched.tables.keys().cloned()),
        Stage::Reshape(_) => None,
    });
    data.flatten().collect()
}

fn refuse(phase: &PhasePlan, problems: Vec<String>) -> Result<()> {
    let Some(first) = problems.first() else { return Ok(()) };
    let what = format!("{} cannot start: {first}", phase.id);
    Err(Error::new(ErrorKind::Rows, what).in_phase(phase.id.as_str()).problems(problems))
}

fn stage_problems(
    connection: &Connection,
    before: &Schema,
    reshape: &Reshape,
    (touched, filled): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for rebuild in reshape.rebuilds.iter().filter(|it| !touched.contains(&fold(&it.from))) {
        let shapes = before.shape(&rebuild.from).zip(reshape.after.shape(&rebuild.to));
        let lineage = reshape.lineage.table(&rebuild.to);
        let (Some((old, new)), Some(lineage)) = (shapes, lineage) else { continue };
        let mut indexes = new_unique_indexes(before, reshape, &rebuild.to);
        let old_text = text_of(before, &rebuild.from);
        let stricter = may_refuse(rebuild, &old_text, lineage, (old, new));
        if stricter {
            // Other values, or other ways to compare them, may collide in indexes of old.
            indexes = unique_indexes(reshape, &rebuild.to).collect();
        }
        if stricter || !indexes.is_empty() {
            let trial = Trial {
                from: &rebuild.from,
                sql: &rebuild.sql,
                copy: &rebuild.copy,
                old,
                new,
                converted: &rebuild.typed,
                indexes,
            };
            problems.extend(try_rows(connection, &trial)?);
        }
        problems.extend(orphans(connection, before, reshape, rebuild, (touched, filled))?);
    }
    if touched.is_empty() {
        problems.extend(bereaved(connection, before, reshape)?);
    }
    problems.extend(untouched_tables(connection, before, reshape, touched)?);
    Ok(problems)
}

/// Unique indexes on tables that are not rebuilt.
fn untouched_tables(
    connection: &Connection,
    before: &Schema,
    reshape: &Reshape,
    touched: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in before.of_kind(ObjectKind::Table) {
        let rebuilt = reshape.rebuilds.iter().any(|it| same(&it.from, &table.name));
        let indexes = new_unique_indexes(before, reshape, &table.name);
        let (Some(shape), Some(sql)) = (before.shape(&table.name), &table.sql) else { continue };
        if rebuilt || indexes.is_empty() || touched.contains(&fold(&table.name)) {
            continue;
        }
        let Some(lineage) = reshape.lineage.table(&table.name) else { continue };
        let copy = CopyQuery::derive(lineage, shape, shape, CopyMethod::Rows);
        let trial = Trial {
            from: &table.name,
            sql,
            copy: &copy,
            old: shape,
            new: shape,
            converted: &[],
            indexes,
        };
        problems.extend(try_rows(connection, &trial)?);
    }
    Ok(problems)
}

fn text_of(schema: &Schema, table: &str) -> String {
    schema.find_table(table).and_then(|it| it.sql.clone()).unwrap_or_default()
}

/// Unique indexes that the table did not have before, under any name.
fn new_unique_indexes<'r>(before: &Schema, reshape: &'r Reshape, table: &str) -> Vec<&'r Object> {
    let existed = |index: &Object| {
        before.of_kind(ObjectKind::Index).any(|old| {
            same(&reshape.lineage.index_after(&old.name), &index.name)
                && reshape
                    .lineage
                    .table(&index.table)
                    .is_some_and(|lineage| same(&lineage.from, &old.table))
                && is_unique(old)
        })
    };
    unique_indexes(reshape, table).filter(|it| !existed(it)).collect()
}

/// The unique indexes of a table that are made anew.
fn unique_indexes<'r>(reshape: &'r Reshape, table: &str) -> impl Iterator<Item = &'r Object> {
    let on_it = move |it: &&Object| it.kind == ObjectKind::Index && same(&it.table, table);
    reshape.restored.iter().filter(on_it).filter(|it| is_unique(it))
}

fn is_unique(index: &Object) -> bool {
    let text = index.sql.as_deref().unwrap_or_default();
    significant_tokens(text).nth(1).is_some_and(|token| token.is_word(text, "UNIQUE"))
}

/// Tells whether the new definition has a rule that an old row could break.
fn may_refuse(
    rebuild: &Rebuild,
    old_text: &str,
    lineage: &TableLineage,
    (old, new): (&Table, &Table),
) -> bool {
    if rebuild.copy.method != CopyMethod::Rows {
        // SQLite itself found that every rule lines up.
        return false;
    }
    let rules = |text: &str| {
        ["CHECK", "UNIQUE", "PRIMARY", "COLLATE"]
            .map(|word| significant_tokens(text).filter(|token| token.is_word(text, word)).count())
    };
    let stricter = rules(&rebuild.sql).iter().zip(rules(old_text)).any(|(now, then)| *now > then);
    let required = |table: &Table| table.columns.iter().filter(|it| it.not_null).count();
    stricter
        || has_other_checks(old_text, &rebuild.sql, lineage)
        || required(new) > required(old)
        || (new.strict && !old.strict)
        || old.primary_key().len() != new.primary_key().len()
        || rebuild.copy.computes()
        || lineage.columns.iter().any(|column| {
            let ColumnOrigin::Kept(from) = &column.origin else { return false };
            let both = old.column(from).zip(new.column(&column.name));
            both.is_some_and(|(old, new)| {
                old.declared != new.declared
                    || old.not_null != new.not_null
                    || old.storage != new.storage
            })
        })
}

/// Tells whether a table has a CHECK that it did not have before, under any names of its columns.
fn has_other_checks(old: &str, new: &str, lineage: &TableLineage) -> bool {
    let renamed = |name: &str| lineage.kept_as(name).unwrap_or(name).to_owned();
    let before = checks(old, &renamed);
    checks(new, &ToOwned::to_owned).iter().any(|check| !before.contains(check))
}

/// The conditions of all checks of a table, token by token.
fn checks(text: &str, name: &dyn Fn(&str) -> String) -> BTreeSet<Vec<String>> {
    let Ok(table) = CreateTable::read(text) else { return BTreeSet::new() };
    let inner = table.columns.iter().flat_map(|column| &column.constraints);
    let conditions = inner
        .chain(&table.constraints)
        .filter(|it| it.kind == ConstraintKind::Check)
        .filter_map(|it| it.operand.clone());
    let tokens = |range: std::ops::Range<usize>| {
        let condition = &text[range];
        significant_tokens(condition)
            .map(|token| match token.kind {
                TokenKind::Word | TokenKind::QuotedName => {
                    fold(&name(&unquote(token.text(condition))))
                }
                _ => token.text(condition).to_owned(),
            })
            .collect()
    };
    conditions.map(tokens).collect()
}
