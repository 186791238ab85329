//! Reads a phase out of a file of SQL, or out of two: one for the way up, one for the downgrade.

use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use toml_edit::value;

use super::checksum::checksum;
use super::file::{Body, PhaseFile, declared};
use super::keys::{CHECK_KEYS, PHASE_KEYS, Values};
use super::meaning::meaning;
use super::phase::{Downgrade, PhaseId, ViewPolicy};
use super::problem::Problems;
use super::sql_form::{
    CheckKind, CheckSection, Dialect, Lowered, Sections, keeps_schema, lower, sections,
    settings_table,
};
use super::step::{Check, Operation, Step};
use super::table_reader::{Lines, TableInFile, TableReader};
use crate::files::Files;
use crate::sql::statements;

/// The texts of a phase in SQL, and what its name says.
#[derive(Debug, Clone)]
pub(super) struct SqlSource {
    /// The file of the way up.
    pub(super) path: PathBuf,
    /// Its text, without a byte order mark.
    pub(super) text: String,
    pub(super) dialect: Dialect,
    /// The file of the downgrade and its text, if it is another one.
    pub(super) down: Option<(PathBuf, String)>,
    /// The id; that of the settings or else the stem of the file, if left out.
    pub(super) id: Option<PhaseId>,
    pub(super) number: Option<i64>,
}

impl SqlSource {
    /// A phase in our own form.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_path_buf(),
            text: text.to_owned(),
            dialect: Dialect::Phaseshift,
            down: None,
            id: None,
            number: None,
        }
    }
}

impl PhaseFile {
    /// Reads the text of a phase in SQL that need not be there yet.
    pub fn parse_sql(files: &dyn Files, path: &Path, text: &str) -> Result<Self> {
        let mut problems = Problems::default();
        let source = SqlSource::of(path, text);
        let read = read_sql(files, &source, &mut problems);
        problems.into_result(ErrorKind::PhaseFile)?;
        read.ok_or_else(|| Error::new(ErrorKind::PhaseFile, "the phase file cannot be read"))
    }
}

/// Reads a phase and notes its faults; `None` if there is one.
pub(super) fn read_sql(
    files: &dyn Files,
    source: &SqlSource,
    problems: &mut Problems,
) -> Option<PhaseFile> {
    let before = problems.len();
    let lines = Lines::of(&source.text);
    let mut reader = TableReader::new(files, &source.path, &lines, problems);
    let read = reader.sql_phase(source, &lines);
    (problems.len() == before).then_some(read).flatten()
}

/// Decodes a file of SQL: without a byte order mark; or the line (from 1) that is no text.
pub(super) fn sql_text(bytes: &[u8]) -> std::result::Result<String, usize> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        1 + good.iter().filter(|byte| **byte == b'\n').count()
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

impl TableReader<'_> {
    fn sql_phase(&mut self, source: &SqlSource, lines: &Lines) -> Option<PhaseFile> {
        let found = sections(&source.text, source.dialect);
        for (place, what) in &found.faults {
            self.problem(lines.at(*place), what.as_str());
        }
        let (mut values, key_lines) = self.settings(&found, lines);
        let mut body = Body { views: ViewPolicy::Follow, ..Body::default() };
        let pointless = found.pointless.iter().map(|(at, what)| (lines.at(*at), what.clone()));
        body.pointless.extend(pointless);
        body.up = self.lowered(lower(&source.text, lines, &found.up), &mut body.pointless);
        let reason = values.text("irreversible");
        body.down = self.sql_downgrade((source, lines), &found, reason, &mut body);
        body.down_file = source.down.as_ref().map(|(path, _)| path.clone());
        body.pointless.sort();
        for section in &found.checks {
            let check = self.sql_check(section, &source.text, lines);
            match section.kind {
                CheckKind::Require => body.require.extend(check),
                CheckKind::Verify => body.verify.extend(check),
            }
        }
        let id = match (&source.id, values.has("id")) {
            (Some(id), false) => id.clone(),
            (_, true) => values.id("id")?,
            (None, false) => {
                let table = toml_edit::Table::new();
                self.phase_id(&place(&table, "the phase", 1), &mut values, &source.path)?
            }
        };
        let mut read = declared(values, id, body, &source.path);
        let allow_line = key_lines.get("allow").copied().unwrap_or(1);
        read.phase.annotations.allow.iter_mut().for_each(|it| it.line = allow_line);
        read.lines = key_lines;
        read.suggested_version = source.number;
        let texts: Vec<String> = source.down.iter().map(|(_, text)| text.clone()).collect();
        read.phase.text_checksum = checksum(&source.text, &texts);
        let parents = read.declares_parents.then_some(read.phase.parents.as_slice());
        read.phase.checksum = meaning(&read.phase, parents);
        Some(read)
    }

    /// Reads the lines of settings, and returns the line of each key.
    fn settings(
        &mut self,
        found: &Sections,
        lines: &Lines,
    ) -> (Values, std::collections::BTreeMap<String, usize>) {
        let mut values = Values::default();
        let mut key_lines = std::collections::BTreeMap::new();
        for (at, text) in &found.settings {
            let line = lines.at(*at);
            match settings_table(text, PHASE_KEYS) {
                Ok(table) => {
                    for key in ["require", "up", "verify", "down"] {
                        if table.contains_key(key) {
                            self.problem(
                                line,
                                format!("`{key}` is a section of its own: -- {key}"),
                            );
                        }
                    }
                    key_lines.extend(table.iter().map(|(key, _)| (key.to_owned(), line)));
                    let more =
                        self.values(&place(&table, "the settings of the phase", line), PHASE_KEYS);
                    if let Some(key) = values.merge(more) {
                        self.problem(line, format!("`{key}` is set twice"));
                    }
                }
                Err(what) => self.problem(line, what),
            }
        }
        (values, key_lines)
    }

    /// Notes what is wrong with statements and returns their steps.
    fn lowered(&mut self, lowered: Lowered, pointless: &mut Vec<(usize, String)>) -> Vec<Step> {
        for (line, what) in lowered.faults {
            self.problem(line, what);
        }
        pointless.extend(lowered.pointless);
        lowered.steps
    }

    /// Reads the downgrade. A section without statements stands for none: it is what templates hold. Where only rows
    /// change, nothing can be derived, and such a section does what it does for its tool: nothing.
    fn sql_downgrade(
        &mut self,
        (source, lines): (&SqlSource, &Lines),
        found: &Sections,
        reason: Option<String>,
        body: &mut Body,
    ) -> Downgrade {
        let is_there = source.down.is_some() || found.down.is_some();
        let is_data = |step: &Step| match &step.operation {
            Operation::Sql { sql, .. } => keeps_schema(sql),
            _ => false,
        };
        let only_data = !body.up.is_empty() && body.up.iter().all(is_data);
        let steps = match (&source.down, &found.down) {
            (Some((path, text)), _) => {
                let lines = Lines::of(text);
                let found = sections(text, Dialect::Whole);
                let lowered = lower(text, &lines, &found.up);
                for (line, what) in lowered.faults {
                    self.problem_in(path, line, what);
                }
                lowered.steps
            }
            (None, Some(stretches)) => {
                self.lowered(lower(&source.text, lines, stretches), &mut body.pointless)
            }
            (None, None) => Vec::new(),
        };
        match (reason, steps.is_empty()) {
            (Some(reason), true) => Downgrade::Irreversible(reason),
            (Some(_), false) => {
                self.problem(1, "the phase takes only one of `irreversible`, `down`");
                Downgrade::Derived
            }
            (None, true) if !(is_there && only_data) => Downgrade::Derived,
            (None, _) => Downgrade::Steps(steps),
        }
    }

    fn sql_check(&mut self, section: &CheckSection, text: &str, lines: &Lines) -> Option<Check> {
        let line = lines.at(section.start);
        let inside = &text[section.sql.clone()];
        let queries = statements(inside);
        let [query] = &queries[..] else {
            let word = match section.kind {
                CheckKind::Require => "require",
                CheckKind::Verify => "verify",
            };
            let count = queries.len();
            self.problem(line, format!("a `-- {word}` section holds one query, not {count}"));
            return None;
        };
        let mut table = match settings_table(&section.settings, CHECK_KEYS) {
            Ok(table) => table,
            Err(what) => {
                self.problem(line, what);
                return None;
            }
        };
        table.insert("name", value(section.name.as_str()));
        table.insert("sql", value(&inside[query.clone()]));
        if !table.contains_key("expect") {
            table.insert("expect", value("no rows"));
        }
        self.check(&place(&table, "the check", line))
    }
}

fn place<'t>(table: &'t toml_edit::Table, called: &str, line: usize) -> TableInFile<'t> {
    TableInFile { table, called: called.to_owned(), line, apart: None }
}

/// Returns whether a file is one of SQL by its name, and not hidden.
pub(super) fn names_sql(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}
