//! The plan as an SQL script that the `sqlite3` program runs, from version 3.40 on.

use std::fmt::Write as _;

use super::Plan;
use super::action::Action;

/// Prints a plan as a complete script: pragmas outside the transaction, the steps, the version rows.
///
/// `record` gives the statements that create and fill the version tables for a phase.
pub fn script(plan: &Plan, record: &dyn Fn(&super::PhasePlan) -> Vec<String>) -> String {
    let mut text = String::new();
    text.push_str("-- Run with: sqlite3 -bail FILE < SCRIPT\n");
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
                let statements = match action {
                    Action::Record => record(phase),
                    other => other.sql(),
                };
                for statement in statements {
                    push_statement(&mut text, &statement);
                }
            }
        }
    }
    text.push_str("\nCOMMIT;\n");
    text.push_str("PRAGMA legacy_alter_table=OFF;\n");
    text
}

/// Ends a statement on a line of its own if it may end in a comment.
fn push_statement(text: &mut String, statement: &str) {
    let trimmed = statement.trim_end();
    text.push_str(trimmed);
    let last_line = trimmed.lines().next_back().unwrap_or_default();
    if last_line.contains("--") {
        text.push('\n');
    }
    if !trimmed.ends_with(';') || last_line.contains("--") {
        text.push(';');
    }
    text.push('\n');
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
