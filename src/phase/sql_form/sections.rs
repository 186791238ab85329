//! The sections of a file of SQL, as its comments mark them: ours, and those of other tools.

use std::ops::Range;

use super::header::{Word, words};
use crate::sql::{TokenKind, tokens};

/// Whose comments mark the sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `-- phase:`, `-- up`, `-- down`, `-- require NAME`, `-- verify NAME`; a file without them is all `up`.
    Phaseshift,
    /// `-- +goose Up`, `-- +goose Down`.
    Goose,
    /// `-- migrate:up`, `-- migrate:down`.
    Dbmate,
    /// The whole file is one section; `-- no-transaction` and `--> statement-breakpoint` are known.
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    /// Before the backup.
    Require,
    Verify,
}

/// A check, as its section declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSection {
    pub(in super::super) kind: CheckKind,
    /// The place of the marking comment.
    pub(in super::super) start: usize,
    pub(in super::super) name: String,
    /// The `key=value` words behind the name.
    pub(in super::super) settings: String,
    pub(in super::super) sql: Range<usize>,
}

/// The sections of a text. A section may consist of several stretches, between which a statement ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections {
    /// The lines of settings: the place, and the text behind `phase:`.
    pub(in super::super) settings: Vec<(usize, String)>,
    pub(in super::super) up: Vec<Range<usize>>,
    pub(in super::super) down: Option<Vec<Range<usize>>>,
    pub(in super::super) checks: Vec<CheckSection>,
    /// Annotations that a run in one transaction makes pointless: the place and the text.
    pub(in super::super) pointless: Vec<(usize, String)>,
    /// What is wrong: the place and the words.
    pub(in super::super) faults: Vec<(usize, String)>,
}

/// A comment that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Settings(String),
    Up,
    Down,
    Check(CheckKind, String),
    /// The statement before it ends here.
    Break,
    Pointless,
    Fault(String),
}

/// A mark and the place of its comment.
struct Placed {
    mark: Mark,
    range: Range<usize>,
}

pub fn sections(text: &str, dialect: Dialect) -> Sections {
    let mut marks = marks(text, dialect);
    if dialect == Dialect::Phaseshift {
        keep_checks(text, &mut marks);
    }
    let mut reading = Reading { text, found: Sections::default(), open: Open::Start, start: 0 };
    for placed in &marks {
        reading.mark(dialect, placed);
    }
    reading.finish(text.len(), dialect);
    reading.found
}

fn marks(text: &str, dialect: Dialect) -> Vec<Placed> {
    let comments = tokens(text).into_iter().filter(|it| it.kind == TokenKind::Comment);
    let mut marks = Vec::new();
    for comment in comments {
        let Some(words) = comment.text(text).strip_prefix("--") else { continue };
        let before = &text[..comment.start];
        let line_start = before.rfind('\n').map_or(0, |place| place + 1);
        let begins_line =
            before[line_start..].trim_matches(['\u{feff}', ' ', '\t', '\r']).is_empty();
        let mark = match dialect {
            // It may stand behind a statement.
            Dialect::Whole => whole(words.trim(), line_start == 0 && begins_line),
            _ if !begins_line => None,
            Dialect::Phaseshift => ours(words.trim()),
            Dialect::Goose => goose(words.trim()),
            Dialect::Dbmate => dbmate(words.trim()),
        };
        marks.extend(mark.map(|mark| Placed { mark, range: comment.range() }));
    }
    marks
}

/// Returns whether a comment of these words is a mark of ours.
pub(super) fn is_mark(words: &str) -> bool {
    ours(words).is_some()
}

fn ours(words: &str) -> Option<Mark> {
    if let Some(settings) = words.strip_prefix("phase:") {
        return Some(Mark::Settings(settings.trim().to_owned()));
    }
    match words.split_once(char::is_whitespace) {
        None if words == "up" => Some(Mark::Up),
        None if words == "down" => Some(Mark::Down),
        Some(("require", rest)) => Some(Mark::Check(CheckKind::Require, rest.trim().to_owned())),
        Some(("verify", rest)) => Some(Mark::Check(CheckKind::Verify, rest.trim().to_owned())),
        None if words == "require" || words == "verify" => {
            Some(Mark::Fault(format!("a `-- {words}` section needs a name")))
        }
        _ => None,
    }
}

/// A comment that begins with "verify" or "require" may just be a comment: it is a check where the file has other
/// marks, or where one query and nothing else follows it.
fn keep_checks(text: &str, marks: &mut Vec<Placed>) {
    let marked =
        marks.iter().any(|it| matches!(it.mark, Mark::Settings(_) | Mark::Up | Mark::Down));
    if marked {
        return;
    }
    let ends: Vec<usize> =
        marks.iter().skip(1).map(|it| it.range.start).chain([text.len()]).collect();
    let mut ends = ends.into_iter();
    marks.retain(|it| {
        let end = ends.next().unwrap_or(text.len());
        let body = text.get(it.range.end..end).unwrap_or_default();
        matches!(it.mark, Mark::Check(..)) && is_query(body)
    });
}

fn is_query(text: &str) -> bool {
    let found = crate::sql::statements(text);
    let [only] = &found[..] else { return false };
    let first = crate::sql::significant_tokens(&text[only.clone()]).next();
    let statement = &text[only.clone()];
    first.is_some_and(|it| it.is_word(statement, "SELECT") || it.is_word(statement, "VALUES"))
}

fn goose(words: &str) -> Option<Mark> {
    let command = words.strip_prefix("+goose")?.trim();
    let is = |word: &str| command.eq_ignore_ascii_case(word);
    Some(if is("Up") {
        Mark::Up
    } else if is("Down") {
        Mark::Down
    } else if is("StatementBegin") || is("StatementEnd") || is("ENVSUB OFF") {
        Mark::Break
    } else if is("NO TRANSACTION") {
        Mark::Pointless
    } else {
        let shown: String = command.chars().take(40).flat_map(char::escape_debug).collect();
        Mark::Fault(format!("the annotation `+goose {shown}` is not supported"))
    })
}

fn dbmate(words: &str) -> Option<Mark> {
    let command = words.strip_prefix("migrate:")?;
    let mut words = command.split_whitespace();
    let section = words.next()?;
    let options: Vec<&str> = words.collect();
    let mark = match section {
        "up" => Mark::Up,
        "down" => Mark::Down,
        other => {
            let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
            return Some(Mark::Fault(format!("the section `migrate:{shown}` is unknown")));
        }
    };
    let is_known = |it: &&&str| ["transaction:false", "transaction:true"].contains(*it);
    match options.iter().find(|it| !is_known(it)) {
        Some(unknown) => {
            let shown: String = unknown.chars().take(40).flat_map(char::escape_debug).collect();
            Some(Mark::Fault(format!("the option `{shown}` of `migrate:{section}` is unknown")))
        }
        None => Some(mark),
    }
}

fn whole(words: &str, is_first: bool) -> Option<Mark> {
    // drizzle: `--> statement-breakpoint`
    if words.strip_prefix('>').is_some_and(|it| it.trim() == "statement-breakpoint") {
        return Some(Mark::Break);
    }
    (is_first && words == "no-transaction").then_some(Mark::Pointless)
}

/// The section that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// No mark has been read.
    Start,
    Up,
    Down,
    /// The check read last.
    Check,
}

struct Reading<'t> {
    text: &'t str,
    found: Sections,
    open: Open,
    start: usize,
}

impl Reading<'_> {
    fn mark(&mut self, dialect: Dialect, placed: &Placed) {
        let (start, end) = (placed.range.start, placed.range.end);
        match &placed.mark {
            Mark::Break => {
                self.close(start, dialect);
                self.start = end;
            }
            Mark::Pointless => {
                let comment = self.text[placed.range.clone()].trim().to_owned();
                self.found.pointless.push((start, comment));
            }
            Mark::Fault(what) => self.found.faults.push((start, what.clone())),
            Mark::Settings(settings) => self.found.settings.push((start, settings.clone())),
            Mark::Up => {
                self.close(start, dialect);
                if !self.found.up.is_empty() {
                    self.found.faults.push((start, "a second section `up`".to_owned()));
                }
                self.found.up.push(end..end);
                self.open(Open::Up, end);
                self.options(placed);
            }
            Mark::Down => {
                self.close(start, dialect);
                if self.found.down.is_some() {
                    self.found.faults.push((start, "a second section `down`".to_owned()));
                }
                self.found.down = Some(Vec::new());
                self.open(Open::Down, end);
                self.options(placed);
            }
            Mark::Check(kind, words) => {
                self.close(start, dialect);
                self.check(*kind, words, placed);
                self.open(Open::Check, end);
            }
        }
    }

    /// Notes the `transaction:false` of dbmate.
    fn options(&mut self, placed: &Placed) {
        let comment = self.text[placed.range.clone()].trim();
        if comment.contains("transaction:false") {
            self.found.pointless.push((placed.range.start, comment.to_owned()));
        }
    }

    fn open(&mut self, section: Open, start: usize) {
        (self.open, self.start) = (section, start);
    }

    fn check(&mut self, kind: CheckKind, text: &str, placed: &Placed) {
        let start = placed.range.start;
        let words = words(text).unwrap_or_else(|what| {
            self.found.faults.push((start, what));
            Vec::new()
        });
        let is_setting = |it: &Word| matches!(it.key.as_deref(), Some("expect" | "message"));
        // What stands before the first setting is the name, as it is written.
        let split = words.iter().position(is_setting).map(|_| {
            let place = |key: &str| text.find(&format!(" {key}="));
            [place("expect"), place("message")].into_iter().flatten().min().unwrap_or(text.len())
        });
        let (name, settings) = text.split_at(split.unwrap_or(text.len()));
        self.found.checks.push(CheckSection {
            kind,
            start,
            name: name.trim().to_owned(),
            settings: settings.trim().to_owned(),
            sql: placed.range.end..placed.range.end,
        });
    }

    /// Ends the open section, or a stretch of it.
    fn close(&mut self, end: usize, dialect: Dialect) {
        let stretch = self.start..end;
        match self.open {
            Open::Up => self.found.up.push(stretch),
            Open::Down => self.found.down.get_or_insert_default().push(stretch),
            Open::Check => {
                if let Some(check) = self.found.checks.last_mut() {
                    check.sql = stretch;
                }
            }
            Open::Start => self.lead(stretch, dialect),
        }
    }

    /// What stands before the first mark is `up` in a file that marks no `up`, as long as the tool has it so.
    fn lead(&mut self, stretch: Range<usize>, dialect: Dialect) {
        let is_empty = crate::sql::statements(&self.text[stretch.clone()]).is_empty();
        match dialect {
            Dialect::Whole | Dialect::Phaseshift if !is_empty => self.found.up.push(stretch),
            Dialect::Goose | Dialect::Dbmate if !is_empty => {
                let first = crate::sql::statements(&self.text[stretch.clone()]);
                let place = stretch.start + first.first().map_or(0, |it| it.start);
                self.found.faults.push((place, "a statement before the section `up`".to_owned()));
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: usize, dialect: Dialect) {
        self.close(end, dialect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'t>(text: &'t str, ranges: &[Range<usize>]) -> Vec<&'t str> {
        let stretches = ranges.iter().map(|it| text[it.clone()].trim());
        stretches.filter(|it| !it.is_empty()).collect()
    }

    #[test]
    fn our_sections_are_found() {
        let text = "-- phase: version=7\n-- require no doubles expect=\"no rows\"\nSELECT 1;\n-- up\nA;\n\
            -- a comment\nB;\n-- down\nC;\n-- verify it fits\nSELECT 2\n";
        let found = sections(text, Dialect::Phaseshift);
        assert_eq!(found.settings, [(0, "version=7".to_owned())]);
        assert_eq!(texts(text, &found.up), ["A;\n-- a comment\nB;"]);
        assert_eq!(texts(text, &found.down.clone().unwrap()), ["C;"]);
        let names: Vec<&str> = found.checks.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["no doubles", "it fits"]);
        assert_eq!(found.checks[0].settings, "expect=\"no rows\"");
        assert!(found.faults.is_empty(), "{:?}", found.faults);
    }

    #[test]
    fn a_plain_file_is_all_up_and_its_comments_are_comments() {
        let text = "-- verify the totals\nUPDATE t SET a = '\n-- down\n';\n/*\n-- up\n*/ SELECT 1; -- down";
        let found = sections(text, Dialect::Phaseshift);
        assert_eq!(found.up.as_slice(), std::slice::from_ref(&(0..text.len())));
        assert!(found.down.is_none() && found.checks.is_empty());
    }

    #[test]
    fn a_check_without_other_marks_is_one_if_a_query_follows() {
        let text = "CREATE TABLE t(a);\n-- verify t is empty\nSELECT * FROM t;\n";
        let found = sections(text, Dialect::Phaseshift);
        assert_eq!(texts(text, &found.up), ["CREATE TABLE t(a);"]);
        assert_eq!(found.checks.len(), 1);
    }

    #[test]
    fn the_annotations_of_goose_and_dbmate_are_read() {
        let text = "\u{feff}-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nA; B\n\
            -- +goose StatementEnd\nC;\n-- +goose Down\nD;";
        let found = sections(text, Dialect::Goose);
        assert_eq!(texts(text, &found.up), ["A; B", "C;"]);
        assert_eq!(texts(text, &found.down.unwrap()), ["D;"]);
        assert_eq!(found.pointless.len(), 1);
        assert!(found.faults.is_empty());
        let text = "-- migrate:up transaction:false\r\nA;\r\n-- migrate:down\r\nB;\r\n";
        let found = sections(text, Dialect::Dbmate);
        assert_eq!(texts(text, &found.up), ["A;"]);
        assert_eq!(texts(text, &found.down.unwrap()), ["B;"]);
        assert_eq!(found.pointless.len(), 1);
        let bad = sections("A;\n-- +goose Up\n-- +goose ENVSUB ON\n-- +goose Up\n", Dialect::Goose);
        assert_eq!(bad.faults.len(), 3, "{:?}", bad.faults);
    }
}
