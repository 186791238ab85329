//! A step of a phase in words.

use phaseshift::phase::{ColumnChange, ConstraintChoice, Operation};

/// Says what a step does, in one line.
pub fn operation(operation: &Operation) -> String {
    match operation {
        Operation::RenameTable { from, to } => format!("rename table {from} to {to}"),
        Operation::RenameColumn { table, from, to } => {
            format!("rename column {table}.{from} to {to}")
        }
        Operation::Create { sql, .. } => first_line(sql),
        Operation::Drop { kind, name, .. } => format!("drop {} {name}", kind.word()),
        Operation::AddColumn { table, column, .. } => format!("add column to {table}: {column}"),
        Operation::DropColumn { table, column } => format!("drop column {table}.{column}"),
        Operation::AlterColumn { table, column, change } => {
            format!("alter column {table}.{column}: {}", parts(change).join(", "))
        }
        Operation::AddConstraint { table, sql } => {
            format!("add constraint to {table}: {}", first_line(sql))
        }
        Operation::DropConstraint { table, constraint } => match constraint {
            ConstraintChoice::Name(name) => format!("drop constraint {name} of {table}"),
            ConstraintChoice::Sql(sql) => {
                format!("drop constraint of {table}: {}", first_line(sql))
            }
        },
        Operation::RenameIndex { from, to } => format!("rename index {from} to {to}"),
        Operation::ReplaceView { sql } => format!("replace view: {}", first_line(sql)),
        Operation::ReplaceTrigger { sql } => format!("replace trigger: {}", first_line(sql)),
        Operation::Rebuild { table, values, .. } => {
            let new: Vec<&str> = values.iter().map(|(column, _)| column.as_str()).collect();
            let values = match new.as_slice() {
                [] => String::new(),
                new => format!(", and new values of {}", new.join(", ")),
            };
            format!("rebuild table {table} with a new definition{values}")
        }
        Operation::Sql { file: Some(file), .. } => format!("run {file}"),
        Operation::Sql { sql, file: None } => format!("run: {}", first_line(sql)),
    }
}

fn parts(change: &ColumnChange) -> Vec<&'static str> {
    let ColumnChange { type_name, not_null, default, collate, value } = change;
    [
        ("type", type_name.is_some()),
        ("NOT NULL", not_null.is_some()),
        ("default", default.is_some()),
        ("collation", collate.is_some()),
        ("values", value.is_some()),
    ]
    .into_iter()
    .filter_map(|(part, changes)| changes.then_some(part))
    .collect()
}

/// The first line of SQL, and a sign that there is more.
fn first_line(sql: &str) -> String {
    const LONGEST: usize = 90;
    let line = sql.trim().lines().next().unwrap_or_default();
    let short: String = line.chars().take(LONGEST).collect();
    let more = short.len() < sql.trim().len();
    if more { format!("{} ...", short.trim_end_matches(['(', ' '])) } else { short }
}

#[cfg(test)]
mod tests {
    use phaseshift::phase::StepObject;

    use super::*;

    #[test]
    fn a_long_statement_is_cut_to_its_first_line() {
        let sql = "\nCREATE TABLE a (\n  b INTEGER\n)".to_owned();
        let text =
            operation(&Operation::Create { kind: StepObject::Table, sql, if_not_exists: false });
        assert_eq!(text, "CREATE TABLE a ...");
        let sql = "DELETE FROM a".to_owned();
        assert_eq!(operation(&Operation::Sql { sql, file: None }), "run: DELETE FROM a");
    }
}
