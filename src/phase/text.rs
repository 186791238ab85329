//! Writes phases as the text of phase files: what is read again is the same phase.

use std::fmt::Write as _;

use toml_edit::{Array, InlineTable, Value};

use super::fields::{Field, fields};
use super::phase::{Downgrade, Phase, PhaseId, StatisticsPolicy, Strategy, ViewPolicy};
use super::step::{Check, Expected, Operation, Step};

/// Returns the text of a phase file that holds everything a run needs: SQL that stood in files of its own is part of
/// it, and the parents and the version are declared.
pub fn phase_text(phase: &Phase) -> String {
    let mut keys = Keys::default();
    keys.text("id", phase.id.as_str());
    keys.value("version", phase.version);
    keys.text("description", &phase.description);
    keys.optional("title", phase.title.as_deref());
    keys.ids("parents", &phase.parents);
    for (key, ids) in [("depends_on", &phase.depends_on), ("replaces", &phase.replaces)] {
        if !ids.is_empty() {
            keys.ids(key, ids);
        }
    }
    let versions = &phase.annotations.replaced_versions;
    if !versions.is_empty() {
        keys.value("replaced_versions", versions.iter().copied().collect::<Array>());
    }
    keys.squashes("replaced_squashes", &phase.annotations.replaced_squashes);
    keys.optional("archive", phase.annotations.archive.as_deref());
    if !phase.labels.is_empty() {
        keys.value("labels", phase.labels.iter().map(String::as_str).collect::<Array>());
    }
    if phase.views == ViewPolicy::Follow {
        keys.text("views", "follow");
    }
    if phase.statistics == StatisticsPolicy::Analyze {
        keys.text("stats", "analyze");
    }
    if phase.strategy == Strategy::Auto {
        keys.text("strategy", "auto");
    }
    keys.optional("min_sqlite", phase.min_sqlite.map(|it| it.to_string()).as_deref());
    let annotations = &phase.annotations;
    for (key, id) in [
        ("compatible_with", &annotations.compatible_with),
        ("readable_with", &annotations.readable_with),
    ] {
        keys.optional(key, id.as_ref().map(PhaseId::as_str));
    }
    if !annotations.allow.is_empty() {
        let allowed = annotations.allow.iter().map(|it| format!("{}: {}", it.code, it.reason));
        keys.value("allow", allowed.collect::<Array>());
    }
    if let Downgrade::Irreversible(why) = &phase.down {
        keys.text("irreversible", why);
    }
    let mut text = keys.0;
    phase.require.iter().for_each(|check| text.push_str(&check_text("require", check)));
    text.push_str(&steps_text("up", &phase.up));
    phase.verify.iter().for_each(|check| text.push_str(&check_text("verify", check)));
    if let Downgrade::Steps(steps) = &phase.down {
        text.push_str(&steps_text("down", steps));
    }
    text
}

/// Returns steps as tables in double brackets, each below an empty line.
pub fn steps_text(list: &str, steps: &[Step]) -> String {
    let one = |step: &Step| format!("\n[[{list}]]\n{}", operation_text(&step.operation));
    steps.iter().map(one).collect()
}

/// Returns the `op` of a step and its keys, one on a line.
pub fn operation_text(operation: &Operation) -> String {
    let mut keys = Keys::default();
    keys.text("op", operation.op());
    keys.operation(operation);
    keys.0
}

fn check_text(list: &str, check: &Check) -> String {
    let mut keys = Keys::default();
    keys.text("name", &check.name);
    keys.text("sql", &check.sql);
    match &check.expect {
        Expected::NoRows => keys.text("expect", "no rows"),
        Expected::Rows => keys.text("expect", "rows"),
        Expected::Integer(number) => keys.value("expect", *number),
        Expected::Real(number) => keys.value("expect", *number),
        Expected::Text(text) => keys.text("expect", text),
    }
    keys.optional("message", check.message.as_deref());
    format!("\n[[{list}]]\n{}", keys.0)
}

/// Keys with their values, one on a line.
#[derive(Default)]
struct Keys(String);

impl Keys {
    fn value(&mut self, key: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.value(key, text);
    }

    fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn ids(&mut self, key: &str, ids: &[PhaseId]) {
        self.value(key, ids.iter().map(PhaseId::as_str).collect::<Array>());
    }

    fn squashes(&mut self, key: &str, squashes: &[(PhaseId, Vec<PhaseId>)]) {
        let array = |ids: &[PhaseId]| ids.iter().map(PhaseId::as_str).collect::<Array>();
        if !squashes.is_empty() {
            let table = squashes.iter().map(|(squash, ids)| (squash.as_str(), array(ids)));
            self.value(key, table.collect::<InlineTable>());
        }
    }

    fn operation(&mut self, operation: &Operation) {
        for (key, field) in fields(operation) {
            match field {
                Field::Text(text) | Field::Sql(text) | Field::Dropped(text) => self.text(key, text),
                Field::Switch(is_set) => self.value(key, is_set),
                Field::Values(values) => {
                    let values = values.iter().map(|(column, value)| (column, value.as_str()));
                    self.value(key, values.collect::<InlineTable>());
                }
                Field::LeftOut => self.text(key, "drop"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::RealFiles;
    use crate::phase::{
        ColumnChange, ConstraintChoice, DefaultChange, LeftOut, PhaseFile, StepObject,
    };

    /// Names and texts that TOML has to quote.
    const ODD: &str = "a \"b\" 'c' \\ \t\n  -- '''x''' \"\"\"\né\u{1}";

    fn step(operation: Operation) -> Step {
        Step { operation, line: 0 }
    }

    fn operations() -> Vec<Operation> {
        let text = || ODD.to_owned();
        let create = |what: &str| format!("CREATE {what} /* {ODD} */");
        let made = |kind, sql, if_not_exists| Operation::Create { kind, sql, if_not_exists };
        let dropped = |kind, if_exists| Operation::Drop { kind, name: text(), if_exists };
        let (table, from, to) = (text(), text(), text());
        vec![
            Operation::RenameTable { from: from.clone(), to: to.clone() },
            Operation::RenameColumn { table: table.clone(), from: from.clone(), to: to.clone() },
            made(StepObject::Table, create("TABLE t(a)"), true),
            dropped(StepObject::Table, true),
            Operation::AddColumn {
                table: table.clone(),
                column: "c TEXT DEFAULT 'it''s \"q\"'".to_owned(),
                after: Some(text()),
                value: Some("old.a || '\n\\'".to_owned()),
            },
            Operation::DropColumn { table: table.clone(), column: text() },
            Operation::AlterColumn {
                table: table.clone(),
                column: text(),
                change: ColumnChange {
                    type_name: Some(String::new()),
                    not_null: Some(false),
                    default: Some(DefaultChange::Remove),
                    collate: Some("NOCASE".to_owned()),
                    value: Some("1".to_owned()),
                },
            },
            Operation::AddConstraint { table: table.clone(), sql: "CHECK (a > 0)".to_owned() },
            Operation::DropConstraint {
                table: table.clone(),
                constraint: ConstraintChoice::Name(text()),
            },
            Operation::DropConstraint {
                table: table.clone(),
                constraint: ConstraintChoice::Sql("UNIQUE (a)".to_owned()),
            },
            made(StepObject::Index, create("INDEX i ON t(a)"), true),
            made(StepObject::View, create("VIEW v AS SELECT 1"), false),
            made(
                StepObject::Trigger,
                "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; SELECT 2; END".to_owned(),
                true,
            ),
            dropped(StepObject::Index, true),
            dropped(StepObject::View, false),
            dropped(StepObject::Trigger, true),
            Operation::RenameIndex { from, to },
            Operation::ReplaceView { sql: create("VIEW v AS SELECT 1") },
            Operation::ReplaceTrigger {
                sql: "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END".to_owned(),
            },
            Operation::Rebuild {
                table,
                sql: create("TABLE t(a)"),
                values: vec![("x \"y\"".to_owned(), "old.a + 1".to_owned())],
                left_out: LeftOut::Drop,
            },
            Operation::Sql { sql: "DELETE FROM t;\nSELECT '''';".to_owned(), file: None },
        ]
    }

    fn without_places(mut phase: Phase) -> Phase {
        let steps = match &mut phase.down {
            Downgrade::Steps(steps) => steps.iter_mut(),
            Downgrade::Derived | Downgrade::Irreversible(_) => [].iter_mut(),
        };
        phase.up.iter_mut().chain(steps).for_each(|it| it.line = 0);
        phase.require.iter_mut().chain(&mut phase.verify).for_each(|it| it.line = 0);
        phase.text_checksum = String::new();
        phase.checksum = String::new();
        phase
    }

    #[test]
    fn what_is_written_is_read_as_the_same_phase() {
        let check = |expect: Expected| Check {
            name: "a \"name\"".to_owned(),
            sql: "SELECT 'a\nb'".to_owned(),
            expect,
            message: Some("why\nnot".to_owned()),
            line: 0,
        };
        let mut phase = crate::phase::samples::phase("p2", 7, "p1 p0", "q");
        phase.file = Path::new("p2.toml").to_path_buf();
        phase.description = ODD.to_owned();
        phase.labels = vec!["side".to_owned()];
        phase.views = ViewPolicy::Follow;
        phase.up = operations().into_iter().map(step).collect();
        phase.down = Downgrade::Steps(operations().into_iter().rev().map(step).collect());
        phase.require = vec![check(Expected::NoRows), check(Expected::Real(1.0))];
        phase.verify = vec![check(Expected::Integer(-1)), check(Expected::Text(ODD.to_owned()))];
        phase.annotations.compatible_with = PhaseId::new("p1");
        phase.annotations.replaced_versions = vec![3, 4];
        phase.annotations.archive = Some("archive/x".to_owned());
        let (squash, ids) = (crate::phase::samples::id("q.1"), crate::phase::samples::ids("a b"));
        phase.annotations.replaced_squashes = vec![(squash, ids)];
        let text = phase_text(&phase);
        let read = PhaseFile::parse(&RealFiles, Path::new("p2.toml"), &text)
            .map_err(|error| format!("{error} {:?}\n{text}", error.facts().problems))
            .unwrap();
        assert_eq!(without_places(read.phase), without_places(phase));
    }
}
