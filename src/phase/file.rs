//! Reads one phase file. Knows no other phase and no database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::Item;

use super::bytes::bytes_of_file;
use super::checksum::checksum;
use super::keys::{CHECK_KEYS, KINDS, Kind, PHASE_KEYS, TEST_KEYS, Values};
use super::meaning::meaning;
use super::nearest::{nearest, quoted};
use super::phase::{
    Allowed, Annotations, Downgrade, Phase, PhaseId, StatisticsPolicy, Strategy, ViewPolicy,
};
use super::problem::Problems;
use super::step::{Check, PhaseTest, Step, TestQuery};
use super::table_reader::{Lines, TableInFile, TableReader, id, text_of, with_article};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::sql::SqliteVersion;
use crate::text::toml;

/// A phase as its file declares it: what the file leaves out is known to be left out.
///
/// [`Chain`](super::Chain) fills in the parents and the version that a file does not declare.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseFile {
    /// The phase; its parents are empty and its version is 0 where the file does not declare them.
    pub phase: Phase,
    /// Whether the file declares parents, if only `[]`.
    pub declares_parents: bool,
    pub declares_version: bool,
    pub(super) lines: BTreeMap<String, usize>,
    /// The number in the name of a file of SQL, which becomes the version if no other phase has it.
    pub(super) suggested_version: Option<i64>,
}

impl PhaseFile {
    /// Reads a phase file and the SQL files that it names.
    #[cfg(test)]
    pub fn read(files: &dyn Files, path: &Path) -> Result<Self> {
        let mut problems = Problems::default();
        let read = read_into(files, path, &mut problems)?;
        problems.into_result(ErrorKind::PhaseFile)?;
        read.ok_or_else(|| Error::new(ErrorKind::PhaseFile, "the phase file cannot be read"))
    }

    /// Reads the text of a phase file that need not be there yet.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseFile`] if the text or an SQL file that it names is no phase: the first fault with its file,
    /// line and key is the message; if there are more, all are listed as problems.
    pub fn parse(files: &dyn Files, path: &Path, text: &str) -> Result<Self> {
        let mut problems = Problems::default();
        let read = read_bytes(files, path, text.as_bytes(), &mut problems);
        problems.into_result(ErrorKind::PhaseFile)?;
        read.ok_or_else(|| Error::new(ErrorKind::PhaseFile, "the phase file cannot be read"))
    }

    /// Takes a phase whose parents and version are declared as they stand.
    pub fn declared(phase: Phase) -> Self {
        Self {
            phase,
            declares_parents: true,
            declares_version: true,
            lines: BTreeMap::new(),
            suggested_version: None,
        }
    }

    /// Returns the line (from 1) of a key of the phase itself; the first line if it is left out.
    pub fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }
}

/// Reads a phase file and notes its faults; `None` if there is one.
pub(super) fn read_into(
    files: &dyn Files,
    path: &Path,
    problems: &mut Problems,
) -> Result<Option<PhaseFile>> {
    let bytes = bytes_of_file(files, path, problems)?;
    Ok(bytes.and_then(|bytes| read_bytes(files, path, &bytes, problems)))
}

fn read_bytes(
    files: &dyn Files,
    path: &Path,
    bytes: &[u8],
    problems: &mut Problems,
) -> Option<PhaseFile> {
    let text = text_of(bytes)
        .map_err(|line| problems.add(path, line, "the phase file is not UTF-8 text"))
        .ok()?;
    let lines = Lines::of(&text);
    let document = toml(&text).map_err(|(line, what)| problems.add(path, line, what)).ok()?;
    let before = problems.len();
    let place = TableInFile {
        table: document.as_table(),
        called: "the phase".to_owned(),
        line: 1,
        apart: None,
    };
    let mut reader = TableReader::new(files, path, &lines, problems);
    let read = reader.phase(&place, path, &text);
    (reader.problem_count() == before).then_some(read).flatten()
}

impl TableReader<'_> {
    fn phase(&mut self, place: &TableInFile<'_>, path: &Path, text: &str) -> Option<PhaseFile> {
        let mut values = self.values(place, PHASE_KEYS);
        let require = self.checks(place, "require");
        let up = self.steps(place, "up");
        let verify = self.checks(place, "verify");
        let tests = self.tests(place);
        let down = self.downgrade(place, &mut values);
        let lines: BTreeMap<String, usize> = place
            .table
            .iter()
            .map(|(key, _)| (key.to_owned(), self.line_of_key(place, key)))
            .collect();
        let id = self.phase_id(place, &mut values, path)?;
        let body = Body { require, up, verify, down, ..Body::default() };
        let mut read = declared(values, id, body, path);
        read.phase.annotations.tests = tests;
        let allow_line = lines.get("allow").copied().unwrap_or(1);
        read.phase.annotations.allow.iter_mut().for_each(|it| it.line = allow_line);
        read.lines = lines;
        read.phase.text_checksum = checksum(text, &self.sql_texts);
        let parents = read.declares_parents.then_some(read.phase.parents.as_slice());
        read.phase.checksum = meaning(&read.phase, parents);
        Some(read)
    }

    /// Returns the id that the phase declares, or else the stem of its file.
    pub(super) fn phase_id(
        &mut self,
        place: &TableInFile<'_>,
        values: &mut Values,
        path: &Path,
    ) -> Option<PhaseId> {
        if place.table.contains_key("id") {
            return values.id("id");
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        id(&stem)
            .map_err(|fault| {
                self.problem(1, format!("the phase has no `id`, and the stem of its file {fault}"));
            })
            .ok()
    }

    fn downgrade(&mut self, place: &TableInFile<'_>, values: &mut Values) -> Downgrade {
        let steps = self.steps(place, "down");
        let has = |key: &str| place.table.contains_key(key);
        if has("down") && has("irreversible") {
            let line = self.line_of_key(place, "irreversible");
            self.problem(line, "the phase takes only one of `irreversible`, `down`");
        }
        match values.text("irreversible") {
            Some(reason) => Downgrade::Irreversible(reason),
            None if has("down") => Downgrade::Steps(steps),
            None => Downgrade::Derived,
        }
    }

    fn tests(&mut self, phase: &TableInFile<'_>) -> Vec<PhaseTest> {
        let places = self.places(phase, "test", "[[test]]");
        places.iter().filter_map(|place| self.test(place)).collect()
    }

    fn test(&mut self, place: &TableInFile<'_>) -> Option<PhaseTest> {
        let mut values = self.values(place, TEST_KEYS);
        let has = |key: &str| place.table.contains_key(key);
        for (query, expect) in [("query", "expect"), ("down_query", "down_expect")] {
            if has(query) != has(expect) {
                let what = format!("[[test]] takes `{query}` and `{expect}` together");
                self.problem(place.line, what);
            }
        }
        let down = values.switch("down").unwrap_or_default();
        if has("down_query") && !down {
            self.problem(place.line, "[[test]] takes `down_query` only with `down = true`");
        }
        if !has("query") && !down {
            self.problem(place.line, "[[test]] needs `query` with `expect`, or `down = true`");
        }
        let query = values.text("query").zip(values.answer("expect"));
        let down_query = values.text("down_query").zip(values.answer("down_expect"));
        let with_answer = |(sql, expect)| TestQuery { sql, expect };
        Some(PhaseTest {
            name: values.text("name")?,
            before: values.text("before"),
            after: values.text("after"),
            query: query.map(with_answer),
            down,
            down_query: down_query.map(with_answer),
            line: place.line,
        })
    }

    fn checks(&mut self, phase: &TableInFile<'_>, key: &str) -> Vec<Check> {
        let places = self.places(phase, key, &format!("[[{key}]]"));
        places.iter().filter_map(|place| self.check(place)).collect()
    }

    pub(super) fn check(&mut self, place: &TableInFile<'_>) -> Option<Check> {
        let mut values = self.values(place, CHECK_KEYS);
        Some(Check {
            name: values.text("name")?,
            sql: values.text("sql")?,
            expect: values.expected("expect")?,
            message: values.text("message"),
            line: place.line,
        })
    }

    fn steps(&mut self, phase: &TableInFile<'_>, key: &str) -> Vec<Step> {
        let places = self.places(phase, key, &format!("[[{key}]]"));
        places.into_iter().filter_map(|place| self.step(place)).collect()
    }

    fn step(&mut self, mut place: TableInFile<'_>) -> Option<Step> {
        let kind = self.kind(&place)?;
        kind.op.clone_into(&mut place.called);
        place.apart = Some("op");
        let before = self.problem_count();
        let mut values = self.values(&place, kind.keys);
        if self.problem_count() > before {
            return None;
        }
        let Some(operation) = (kind.make)(&mut values) else {
            self.problem(place.line, format!("{} cannot be read", kind.op));
            return None;
        };
        Some(Step { operation, line: place.line })
    }

    fn kind(&mut self, place: &TableInFile<'_>) -> Option<&'static Kind> {
        let Some(op) = place.table.get("op") else {
            self.problem(place.line, format!("the step in {} has no `op`", place.called));
            return None;
        };
        let line = self.line_of_key(place, "op");
        let Some(op) = Item::as_str(op) else {
            let kind = with_article(op.type_name());
            self.problem(line, format!("`op` must be a string, not {kind}"));
            return None;
        };
        let kind = KINDS.iter().find(|kind| kind.op == op);
        if kind.is_none() {
            let near = nearest(op, KINDS.iter().map(|kind| kind.op)).unwrap_or_default();
            self.problem(line, format!("unknown op {}, nearest is {}", quoted(op), quoted(near)));
        }
        kind
    }
}

/// What a phase does, and the policies that hold where its file names none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Body {
    pub(super) require: Vec<Check>,
    pub(super) up: Vec<Step>,
    pub(super) verify: Vec<Check>,
    pub(super) down: Downgrade,
    /// The file of `down`, if it is another one.
    pub(super) down_file: Option<PathBuf>,
    pub(super) pointless: Vec<(usize, String)>,
    pub(super) views: ViewPolicy,
}

/// Makes a phase of the values that its file declares, without its checksums.
pub(super) fn declared(mut values: Values, id: PhaseId, body: Body, path: &Path) -> PhaseFile {
    let version = values.integer("version");
    let parents = values.ids("parents");
    let title = values.text("title");
    let description = values.text("description");
    let description =
        description.or_else(|| title.clone()).unwrap_or_else(|| id.as_str().to_owned());
    let annotations = Annotations {
        compatible_with: values.id("compatible_with"),
        readable_with: values.id("readable_with"),
        replaced_versions: values.versions("replaced_versions").unwrap_or_default(),
        replaced_squashes: values.squashes("replaced_squashes").unwrap_or_default(),
        archive: values.text("archive"),
        allow: allowed(&mut values),
        down_file: body.down_file,
        pointless: body.pointless,
        ..Annotations::default()
    };
    PhaseFile {
        declares_parents: parents.is_some(),
        declares_version: version.is_some(),
        lines: BTreeMap::new(),
        suggested_version: None,
        phase: Phase {
            id,
            version: version.unwrap_or_default(),
            version_declared: version.is_some(),
            description,
            title,
            parents: parents.unwrap_or_default(),
            depends_on: values.ids("depends_on").unwrap_or_default(),
            labels: values.labels("labels").unwrap_or_default(),
            replaces: values.ids("replaces").unwrap_or_default(),
            views: view_policy(&mut values, body.views),
            statistics: statistics_policy(&mut values),
            strategy: strategy(&mut values),
            min_sqlite: values.text("min_sqlite").and_then(|text| SqliteVersion::parse(&text)),
            require: body.require,
            up: body.up,
            verify: body.verify,
            down: body.down,
            annotations,
            file: path.to_path_buf(),
            checksum: String::new(),
            text_checksum: String::new(),
        },
    }
}

/// The findings that the phase acknowledges, in the first line: the reader of the file knows better.
fn allowed(values: &mut Values) -> Vec<Allowed> {
    let texts = values.labels("allow").unwrap_or_default();
    let split = texts.iter().filter_map(|text| text.split_once(':'));
    split
        .map(|(code, reason)| Allowed {
            code: code.trim().to_owned(),
            reason: reason.trim().to_owned(),
            line: 1,
        })
        .collect()
}

fn view_policy(values: &mut Values, otherwise: ViewPolicy) -> ViewPolicy {
    match values.text("views").as_deref() {
        Some("follow") => ViewPolicy::Follow,
        Some("keep") => ViewPolicy::Keep,
        Some(_) | None => otherwise,
    }
}

fn statistics_policy(values: &mut Values) -> StatisticsPolicy {
    match values.text("stats").as_deref() {
        Some("analyze") => StatisticsPolicy::Analyze,
        _ => StatisticsPolicy::Carry,
    }
}

fn strategy(values: &mut Values) -> Strategy {
    match values.text("strategy").as_deref() {
        Some("auto") => Strategy::Auto,
        _ => Strategy::Rebuild,
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
