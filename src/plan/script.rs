//! The plan as an SQL script that the `sqlite3` program runs, from version 3.40 on.

use std::fmt::Write as _;

use super::Plan;
use super::action::Action;
use crate::database::MissingPart;

/// Prints a plan as a complete script: pragmas outside the transaction, the steps, the version rows.
///
/// `record` gives the statements that create and fill the version tables for a phase.
pub fn script(plan: &Plan, record: &dyn Fn(&super::PhasePlan) -> Vec<String>) -> String {
    let mut text = String::new();
    text.push_str("-- Run with: sqlite3 -bail FILE < SCRIPT\n");
    let missing = plan.phases.iter().find(|phase| !phase.missing.is_empty());
    if let Some(phase) = missing {
        forgive_missing(&mut text, &phase.missing);
    }
    text.push_str("PRAGMA foreign_keys=OFF;\n");
    text.push_str("PRAGMA legacy_alter_table=ON;\n");
    text.push_str("BEGIN IMMEDIATE;\n");
    for phase in &plan.phases {
        let _ = write!(
            text,
            "\n-- {} ({}): {}\n",
            phase.id,
            phase.direction.code(),
            one_line(&phase.description)
        );
        for step in phase.steps() {
            let _ = write!(text, "\n-- {}\n", one_line(&step.title));
            for action in &step.actions {
                push_action(&mut text, action, &|| record(phase));
            }
        }
    }
    text.push_str("\nCOMMIT;\n");
    text.push_str("PRAGMA legacy_alter_table=OFF;\n");
    if missing.is_some() {
        text.push_str("PRAGMA writable_schema=OFF;\n");
    }
    text
}

fn push_action(text: &mut String, action: &Action, record: &dyn Fn() -> Vec<String>) {
    match action {
        Action::Record => record().iter().for_each(|it| push_statement(text, it)),
        // The statements of a phase mean what they mean in any other program.
        Action::Data(data) => {
            text.push_str("PRAGMA legacy_alter_table=OFF;\n");
            push_statement(text, &data.sql);
            text.push_str("PRAGMA legacy_alter_table=ON;\n");
        }
        other => other.sql().iter().for_each(|it| push_statement(text, it)),
    }
}

/// RENAME reads every index of the file, also those that need what `sqlite3` lacks as we do. It passes
/// them over while the schema is writable (<https://sqlite.org/lang_altertable.html>), which newer
/// versions of the program allow only when asked to.
fn forgive_missing(text: &mut String, missing: &[MissingPart]) {
    for part in missing {
        let _ = writeln!(text, "-- The file needs {}.", one_line(&part.to_string()));
    }
    text.push_str(".dbconfig defensive off\n");
    text.push_str("PRAGMA writable_schema=ON;\n");
}

/// Ends a statement on a line of its own if it may end in a comment.
fn push_statement(text: &mut String, statement: &str) {
    // White space at the end stays: SQLite stores what stands between a table's options and the semicolon.
    text.push_str(statement);
    let last_line = statement.rsplit('\n').next().unwrap_or_default();
    let comment = last_line.contains("--");
    if comment {
        text.push('\n');
    }
    if comment || !statement.trim_end().ends_with(';') {
        text.push(';');
    }
    text.push('\n');
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
