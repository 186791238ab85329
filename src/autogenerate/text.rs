//! A draft as the text of a phase file.

use std::fmt::Write as _;

use crate::phase::Operation;

use super::Draft;

/// Writes the `[[up]]` steps of a draft, each below its remarks.
pub fn phase_text(draft: &Draft) -> String {
    let mut text = String::new();
    for step in &draft.steps {
        text.push('\n');
        for note in &step.notes {
            let _ = writeln!(text, "# {}", comment(note));
        }
        let _ = writeln!(text, "[[up]]\nop = \"{}\"", step.operation.op());
        for (key, value) in keys(&step.operation) {
            let _ = writeln!(text, "{key} = {}", toml_edit::Value::from(value));
        }
        if let Operation::Rebuild { values, .. } = &step.operation
            && !values.is_empty()
        {
            let table: toml_edit::InlineTable =
                values.iter().map(|(column, value)| (column.as_str(), value.as_str())).collect();
            let _ = writeln!(text, "values = {}", toml_edit::Value::InlineTable(table));
        }
    }
    text
}

/// Returns text as it may stand in a comment of a phase file: a line end in a name must not begin a step.
pub fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The keys of the operations that a draft has.
fn keys(operation: &Operation) -> Vec<(&'static str, &str)> {
    match operation {
        Operation::CreateTable { sql, .. }
        | Operation::CreateIndex { sql, .. }
        | Operation::CreateView { sql, .. }
        | Operation::CreateTrigger { sql, .. }
        | Operation::ReplaceView { sql }
        | Operation::ReplaceTrigger { sql }
        | Operation::Sql { sql, .. } => vec![("sql", sql)],
        Operation::DropTable { table, .. } => vec![("table", table)],
        Operation::DropIndex { index, .. } => vec![("index", index)],
        Operation::DropView { view, .. } => vec![("view", view)],
        Operation::DropTrigger { trigger, .. } => vec![("trigger", trigger)],
        Operation::AddColumn { table, column, after, value } => {
            let optional = [("after", after), ("value", value)];
            let optional = optional.into_iter().filter_map(|(key, it)| Some((key, it.as_deref()?)));
            [("table", table.as_str()), ("column", column)].into_iter().chain(optional).collect()
        }
        Operation::DropColumn { table, column } => vec![("table", table), ("column", column)],
        Operation::Rebuild { table, sql, .. } | Operation::AddConstraint { table, sql } => {
            vec![("table", table), ("sql", sql)]
        }
        Operation::RenameTable { from, to } | Operation::RenameIndex { from, to } => {
            vec![("from", from), ("to", to)]
        }
        Operation::RenameColumn { table, from, to } => {
            vec![("table", table), ("from", from), ("to", to)]
        }
        Operation::AlterColumn { table, column, .. } => vec![("table", table), ("column", column)],
        Operation::DropConstraint { table, .. } => vec![("table", table)],
    }
}
