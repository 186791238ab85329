//! The plan as an SQL script that the `sqlite3` program runs, from version 3.40 on.

use std::fmt::Write as _;

use super::action::{Action, PlannedStep, analyze_step, data_step, record_step};
use super::script_checks::{self, ExpectedState, ScriptGuard, in_one_query};
use super::{Direction, PhasePlan, Plan, SchemaChange, Stage};
use crate::error::MissingExtension;
use crate::name::literal;
use crate::text::one_line;

/// Gives the statements that record a phase.
pub type RecordOf<'a> = dyn Fn(&PhasePlan) -> Vec<String> + 'a;

/// What a script needs to know beside the plan.
pub struct ScriptFacts<'a> {
    /// Gives the statements that create and fill the version tables for a phase; `None` if the plan is of no phases.
    pub record: Option<&'a RecordOf<'a>>,
    /// What a plan of no phases does.
    pub purpose: &'a str,
    /// The tables whose foreign keys can be checked: by their names after the script, and before it unless they are new.
    pub keys: Vec<(String, Option<String>)>,
    /// The state that the file must be in, if the script is for one file.
    pub expected: Option<ExpectedState<'a>>,
}

/// Prints a plan as a complete script: what it does and does not check, pragmas outside the transaction, the steps
/// with their checks, the version rows.
pub fn script(plan: &Plan, facts: &ScriptFacts<'_>) -> String {
    let missing = plan.phases.iter().find(|phase| !phase.missing.is_empty());
    let mut script = Script { text: header(plan, facts), checks: 0, reads_rows: missing.is_none() };
    if let Some(phase) = missing {
        forgive_missing(&mut script.text, &phase.missing);
    }
    script.text.push_str(OPENING);
    script.begin(facts);
    for phase in &plan.phases {
        script.phase(phase, facts);
    }
    script.end(plan, facts);
    if missing.is_some() {
        script.text.push_str("PRAGMA writable_schema=OFF;\n");
    }
    script.text
}

/// The tables of checks are made before the transaction, so that its rollback leaves them without rows: the last
/// check, which misses the others, then keeps whatever ran after the failure from being committed.
const OPENING: &str = "PRAGMA foreign_keys=OFF;
PRAGMA legacy_alter_table=ON;
DROP TABLE IF EXISTS temp.phaseshift_checks;
DROP TABLE IF EXISTS temp.phaseshift_orphans;
CREATE TEMP TABLE phaseshift_checks(number INTEGER PRIMARY KEY, failed);
CREATE TEMP TABLE phaseshift_orphans(child TEXT PRIMARY KEY, found INTEGER);
BEGIN IMMEDIATE;
";

const CLOSING: &str = "COMMIT;
DROP TABLE IF EXISTS temp.phaseshift_checks;
DROP TABLE IF EXISTS temp.phaseshift_orphans;
PRAGMA legacy_alter_table=OFF;
";

fn header(plan: &Plan, facts: &ScriptFacts<'_>) -> String {
    let mut text = String::from(
        "-- Run with: sqlite3 -bail FILE < SCRIPT
-- For SQLite 3.40 or newer, outside a transaction. All changes are made in one transaction, or none.
",
    );
    for phase in &plan.phases {
        let verb = if phase.direction == Direction::Up { "applies" } else { "undoes" };
        let (id, description) = (&phase.id, one_line(&phase.description));
        let _ = match facts.record {
            Some(_) => writeln!(text, "-- It {verb} {id}: {description}"),
            None => writeln!(text, "-- It {}; it records no phase.", one_line(facts.purpose)),
        };
        for loss in &phase.losses {
            let _ = writeln!(text, "-- LOSS: {}", one_line(&loss.to_string()));
        }
    }
    text.push_str(
        "-- Checked while it runs: values that a new type would convert, NULLs, row counts of rebuilt tables, foreign keys
-- (no more rows without a parent than before), the require and verify checks, the objects that were made. A check
-- that fails rolls everything back, with or without -bail; the statements after it then fail or change nothing.
-- NOT checked: it makes no backup, does not compare the rows with those from before, and cannot ask before
-- it loses rows. A failed statement of an sql step stops the script only with -bail. A program that runs
-- it through a library must roll back, not commit, after an error.
",
    );
    for name in unchecked(plan) {
        let _ = writeln!(text, "-- NOT checked: {}", one_line(&name));
    }
    text
}

/// The checks of phases that no script can carry.
fn unchecked(plan: &Plan) -> Vec<String> {
    let checks = plan.phases.iter().flat_map(|it| it.require.iter().chain(&it.verify));
    let mut names: Vec<String> = checks
        .filter(|it| in_one_query(it).is_none())
        .map(|it| format!("\"{}\", which is no SELECT", it.name))
        .collect();
    if plan.phases.iter().any(|it| !it.missing.is_empty()) {
        names.push(
            "values and foreign keys, because the file needs parts that are missing".to_owned(),
        );
    }
    names
}

struct Script {
    text: String,
    /// How many checks there are up to here.
    checks: usize,
    /// Whether checks may read rows: what compares them is not missing.
    reads_rows: bool,
}

impl Script {
    fn begin(&mut self, facts: &ScriptFacts<'_>) {
        let off = "(SELECT foreign_keys FROM pragma_foreign_keys) <> 0";
        self.check("foreign keys must be off: run the script outside a transaction", off);
        if let Some(expected) = &facts.expected {
            let found = script_checks::other_state(expected);
            found.iter().for_each(|it| self.check(&it.message, &it.condition));
        }
        let known = facts.keys.iter().filter_map(|(_, before)| before.as_ref());
        for before in known.filter(|_| self.reads_rows) {
            let (name, count) = (literal(before), script_checks::orphans(before));
            let insert = format!("INSERT INTO temp.phaseshift_orphans SELECT {name}, {count}");
            push_statement(&mut self.text, &insert);
        }
        self.go_on();
    }

    fn phase(&mut self, phase: &PhasePlan, facts: &ScriptFacts<'_>) {
        let description = one_line(&phase.description);
        let (id, direction) = (&phase.id, phase.direction.code());
        if facts.record.is_some() {
            let _ = write!(self.text, "\n-- {id} ({direction}): {description}\n");
        }
        self.all(phase.require.iter().filter_map(script_checks::of_phase));
        for stage in &phase.stages {
            match stage {
                Stage::SchemaChange(schema_change) => self.schema_change(schema_change),
                Stage::Data(data) => self.step(&data_step(data), &Vec::new),
            }
        }
        if let Some(step) = analyze_step(&phase.analyzed) {
            self.step(&step, &Vec::new);
        }
        if let Some(record) = facts.record {
            self.step(&record_step(phase), &|| record(phase));
        }
        self.all(phase.verify.iter().filter_map(script_checks::of_phase));
    }

    fn schema_change(&mut self, schema_change: &SchemaChange) {
        if self.reads_rows {
            self.all(
                schema_change
                    .rebuilds
                    .iter()
                    .flat_map(|it| script_checks::before_copy(schema_change, it)),
            );
        }
        let mut counts: Vec<ScriptGuard> =
            schema_change.rebuilds.iter().map(script_checks::row_counts).collect();
        for step in schema_change.script_steps() {
            // The old tables are there until the first of them goes.
            let goes =
                |it: &Action| matches!(it, Action::DropTable { .. } | Action::AlreadyGone { .. });
            if step.actions.iter().any(goes) {
                self.all(counts.drain(..));
            }
            self.step(&step, &Vec::new);
        }
    }

    fn step(&mut self, step: &PlannedStep, record: &dyn Fn() -> Vec<String>) {
        let _ = write!(self.text, "\n-- {}\n", one_line(&step.title));
        for action in &step.actions {
            push_action(&mut self.text, action, record);
        }
    }

    fn end(&mut self, plan: &Plan, facts: &ScriptFacts<'_>) {
        self.text.push_str("\n-- Checking the result\n");
        if self.reads_rows {
            for (after, before) in &facts.keys {
                let now = script_checks::orphans(after);
                let known = literal(before.as_deref().unwrap_or_default());
                let condition = format!(
                    "{now} > coalesce((SELECT found FROM temp.phaseshift_orphans WHERE child = {known}), 0)"
                );
                self.check(&format!("rows of {after} would have no parent"), &condition);
            }
        }
        if let Some(condition) = script_checks::objects(plan) {
            self.check("an object that the plan makes is missing", &condition);
        }
        let passed = format!("(SELECT count(*) FROM temp.phaseshift_checks) <> {}", self.checks);
        self.check("the script failed, and nothing was changed", &passed);
        self.text.push_str(CLOSING);
    }

    /// Prints some checks, after which changes may follow.
    fn all(&mut self, checks: impl Iterator<Item = ScriptGuard>) {
        let before = self.checks;
        for found in checks {
            for statement in &found.prepare {
                push_statement(&mut self.text, statement);
            }
            self.check(&found.message, &found.condition);
        }
        if self.checks > before {
            self.go_on();
        }
    }

    /// Prints one check. The trigger ends the transaction if the condition does not say no.
    fn check(&mut self, message: &str, condition: &str) {
        self.checks += 1;
        let (number, message) = (self.checks, literal(&one_line(message)));
        let _ = write!(
            self.text,
            "DROP TRIGGER IF EXISTS temp.phaseshift_check;
CREATE TEMP TRIGGER phaseshift_check BEFORE INSERT ON phaseshift_checks WHEN new.failed IS NOT 0
BEGIN SELECT RAISE(ROLLBACK, {message}); END;
INSERT INTO temp.phaseshift_checks SELECT {number}, {condition};
"
        );
    }

    /// If a check has ended the transaction and the script continues, what follows runs in a new one,
    /// which a savepoint opens where none is open (<https://sqlite.org/lang_savepoint.html>). It is never committed.
    fn go_on(&mut self) {
        self.text.push_str("SAVEPOINT phaseshift;\n");
    }
}

fn push_action(text: &mut String, action: &Action, record: &dyn Fn() -> Vec<String>) {
    match action {
        Action::Record => record().iter().for_each(|it| push_statement(text, it)),
        // The statements of a phase mean what they mean in any other program.
        Action::RunSql(data) => {
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
fn forgive_missing(text: &mut String, missing: &[MissingExtension]) {
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
