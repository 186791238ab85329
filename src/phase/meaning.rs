//! The checksum of what a phase does: its steps, its required checks, and the parents that its file declares.
//!
//! Each part is a word of its own: `steps:HASH`, `parents:HASH`, and `check:HASH` for each required check. A check
//! that was added later is no edit, so the recorded checks must be among the present ones. Comments, layout, the
//! description, `[[verify]]` and `[[down]]` are not covered.

use super::fields::{Field, fields};
use super::phase::{Phase, PhaseId, StatisticsPolicy, ViewPolicy};
use super::step::{Check, Expected, Operation};
use crate::sql::significant_tokens;

/// The word with which a checksum of this form begins.
const STEPS: &str = "steps:";

/// Computes the checksum of a phase; `declared` are the parents that its file names.
pub(super) fn meaning(phase: &Phase, declared: Option<&[PhaseId]>) -> String {
    let mut written = Written::default();
    if phase.views == ViewPolicy::Follow {
        written.field("views", "follow");
    }
    if phase.statistics == StatisticsPolicy::Analyze {
        written.field("stats", "analyze");
    }
    phase.up.iter().for_each(|step| written.operation(&step.operation));
    let mut words = vec![format!("{STEPS}{}", blake3::hash(written.0.as_bytes()).to_hex())];
    if let Some(parents) = declared {
        let names: Vec<&str> = parents.iter().map(PhaseId::as_str).collect();
        words.push(format!("parents:{}", short(&names.join(" "))));
    }
    words.extend(phase.require.iter().map(|check| format!("check:{}", short(&of_check(check)))));
    words.join(" ")
}

impl Phase {
    /// Returns whether a recorded checksum is that of this phase.
    pub fn is_recorded_as(&self, recorded: &str) -> bool {
        same_meaning(recorded, &self.checksum).unwrap_or(recorded == self.text_checksum)
    }

    /// Returns whether a recorded checksum is that of a phase with the same steps and required checks, whatever its
    /// parents.
    pub fn has_checked_steps_of(&self, recorded: &str) -> bool {
        let words: Vec<&str> =
            recorded.split(' ').filter(|it| !it.starts_with("parents:")).collect();
        same_meaning(&words.join(" "), &self.checksum).unwrap_or(false)
    }

    /// Returns whether a recorded checksum is that of a phase with the same steps; phases without steps are all alike.
    pub(super) fn has_steps_of(&self, recorded: &str) -> bool {
        let is_same = same_steps(recorded, &self.checksum) || recorded == self.text_checksum;
        is_same && !self.up.is_empty()
    }
}

/// Returns whether a phase with this checksum does what the recorded one did; `None` if the recorded checksum has
/// another form.
fn same_meaning(recorded: &str, present: &str) -> Option<bool> {
    let is_meaning = |text: &str| text.starts_with(STEPS);
    if !is_meaning(recorded) || !is_meaning(present) {
        return None;
    }
    let present: Vec<&str> = present.split(' ').collect();
    let has_parents = present.iter().any(|it| it.starts_with("parents:"));
    let is_kept = |word: &str| {
        // Parents that the file no longer names are those of its place in the folder.
        present.contains(&word) || (word.starts_with("parents:") && !has_parents)
    };
    Some(recorded.split(' ').all(is_kept))
}

/// Returns whether two checksums stand for the same steps, whatever the parents and checks.
fn same_steps(recorded: &str, present: &str) -> bool {
    recorded.starts_with(STEPS) && recorded.split(' ').next() == present.split(' ').next()
}

fn short(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

fn of_check(check: &Check) -> String {
    let expected = match &check.expect {
        Expected::NoRows => "no rows".to_owned(),
        Expected::Rows => "rows".to_owned(),
        Expected::Integer(value) => format!("integer {value}"),
        Expected::Real(value) => format!("real {value:?}"),
        Expected::Text(value) => format!("text {value}"),
    };
    let mut written = Written::default();
    written.sql("sql", &check.sql);
    written.field("expect", &expected);
    written.0
}

/// Fields as text that has one reading: each value with its length.
#[derive(Default)]
struct Written(String);

impl Written {
    fn field(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key} {} {value}\n", value.len()));
    }

    /// SQL counts by its tokens: spacing and comments do not.
    fn sql(&mut self, key: &str, sql: &str) {
        let tokens: Vec<&str> = significant_tokens(sql).map(|token| token.text(sql)).collect();
        // A checkout may have other line ends.
        let text = tokens.join("\u{1f}").replace("\r\n", "\n");
        self.field(key, text.trim_end_matches([';', '\u{1f}']));
    }

    fn operation(&mut self, operation: &Operation) {
        self.field("op", operation.op());
        for (key, field) in fields(operation) {
            match field {
                Field::Text(text) => self.field(key, text),
                Field::Sql(sql) => self.sql(key, sql),
                Field::Switch(is_set) => self.field(key, if is_set { "true" } else { "false" }),
                Field::Dropped(name) => self.field("name", name),
                Field::Values(values) => {
                    for (column, value) in values {
                        self.field("column", column);
                        self.sql("value", value);
                    }
                }
                Field::LeftOut => self.field(key, "true"),
            }
        }
    }
}
