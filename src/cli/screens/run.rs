//! The lines of a run, from its events.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phaseshift::event::{Event, TableRows};

use super::counted;
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// How many parts of one step are listed before they are counted.
const LISTED: usize = 3;

#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The tables that are rebuilt, by their names before; their counts are shown for the backup.
    pub tables: Vec<String>,
    /// Whether the warning before a change is shown after the backup.
    pub warns: bool,
    pub detail: Detail,
}

/// How much the lines of a run say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Every step and every check.
    #[default]
    Steps,
    /// What data steps changed; the end of the run says the rest. With `-v`, as [`Detail::Steps`].
    Brief,
}

/// Makes the lines of a run. Knows what it said last, nothing else.
#[derive(Debug)]
pub struct RunScreen {
    subject: Subject,
    style: Style,
    verbose: bool,
    step: Option<Step>,
    /// The backup that was said to be created: one that fails is tried again in another way.
    backup: Option<PathBuf>,
}

/// What was said about the running step.
#[derive(Debug, Default)]
struct Step {
    lines: usize,
    parts: Vec<String>,
}

impl RunScreen {
    /// Begins the screen of a run.
    pub fn new(subject: Subject, style: Style, verbose: bool) -> Self {
        Self { subject, style, verbose, step: None, backup: None }
    }

    /// Returns the lines for an event; each ends its line.
    pub fn lines(&mut self, event: &Event) -> String {
        let ok = self.style.ok();
        let is_brief = self.subject.detail == Detail::Brief && !self.verbose;
        let is_news = matches!(
            event,
            Event::RowsChanged { .. } | Event::SchemaChanged { .. } | Event::IndexFilled { .. }
        );
        if is_brief && !is_news {
            return String::new();
        }
        match event {
            Event::BackupStarted { path } if self.backup.as_ref() == Some(path) => String::new(),
            Event::BackupStarted { path } => {
                self.backup = Some(path.clone());
                format!("Creating backup: {}\n", escaped(path.display()))
            }
            Event::BackupCreated { .. } => format!("{ok} Backup created\n"),
            Event::BackupReused { path, .. } => format!(
                "Using a backup again that holds exactly the present content: {}\n",
                escaped(path.display())
            ),
            Event::BackupVerified { path, tables } => self.backup_verified(path, tables),
            Event::StepStarted { index, total, title } => {
                let before = self.finish();
                self.step = Some(Step::default());
                format!("{before}[{index}/{total}] {}...\n", escaped(title))
            }
            Event::TableCopied { from, rows, .. } => {
                self.part_line(format!("Copied {rows} {from}"))
            }
            Event::RowsChanged { table, before, after } if before == after => self.part_line(
                format!("{table}: {}, as many as before", counted(*after, "row", "rows")),
            ),
            Event::RowsChanged { table, before, after } => {
                let sign = if after > before { '+' } else { '-' };
                let change = counted(after.abs_diff(*before), "row", "rows");
                self.part_line(format!("{table}: {sign}{change}, now {after}"))
            }
            Event::StepDone { what } | Event::IndexFilled { what } => match &mut self.step {
                Some(step) if !self.verbose => {
                    step.parts.push(what.clone());
                    String::new()
                }
                Some(_) | None => self.part_line(what.clone()),
            },
            Event::SchemaChanged { what } => self.part_line(what.clone()),
            Event::CheckingStarted => {
                let before = self.finish();
                format!("{before}\nVerifying migration...\n")
            }
            Event::CheckPassed { name, detail } => {
                format!("  {ok} {}: {}\n", escaped(name), escaped(detail))
            }
            Event::Committed => {
                format!("{}{ok} All verification checks passed!\n", self.finish())
            }
            _ => String::new(),
        }
    }

    /// Returns the line of a verified backup, with the warning before the first change of the file.
    fn backup_verified(&mut self, path: &Path, tables: &[TableRows]) -> String {
        let mut text = format!("{} Backup verified: {}\n", self.style.ok(), self.counts(tables));
        if self.subject.warns {
            self.subject.warns = false;
            let word = self.style.warning("WARNING:");
            let _ = write!(
                text,
                "\n{word} this changes the database file.\n  The backup is {}\n\n",
                escaped(path.display())
            );
        }
        text
    }

    /// Returns the remarks beside the results, for stderr.
    pub fn remark(event: &Event) -> String {
        match event {
            Event::Waiting { holders } if holders.is_empty() => {
                "Waiting for another program to release the database.".to_owned()
            }
            Event::Waiting { holders } => {
                format!("Waiting for the database, held by {}.", escaped(holders.join("; ")))
            }
            Event::Notice { text } => format!("Note: {}", escaped(text)),
            _ => String::new(),
        }
    }

    /// Ends the running step: says what was not said yet.
    pub fn finish(&mut self) -> String {
        let Some(step) = self.step.take() else { return String::new() };
        let ok = self.style.ok();
        match step.parts.as_slice() {
            [] if step.lines == 0 => format!("  {ok} Done\n"),
            parts if parts.len() <= LISTED => {
                parts.iter().map(|part| format!("  {ok} {}\n", escaped(part))).collect()
            }
            [first, rest @ ..] => format!("  {ok} {} and {} more\n", escaped(first), rest.len()),
            [] => String::new(),
        }
    }

    fn part_line(&mut self, what: String) -> String {
        if let Some(step) = &mut self.step {
            step.lines += 1;
        }
        format!("  {} {}\n", self.style.ok(), escaped(what))
    }

    /// The counts of the tables that are rebuilt, or the sum of all.
    fn counts(&self, tables: &[TableRows]) -> String {
        let wanted: Vec<String> = tables
            .iter()
            .filter(|it| {
                self.subject.tables.iter().any(|name| phaseshift::name::same(name, &it.table))
            })
            .map(|it| format!("{} {}", it.rows, escaped(&it.table)))
            .collect();
        if wanted.is_empty() {
            let rows: u64 = tables.iter().map(|it| it.rows).sum();
            let tables = counted(tables.len(), "table", "tables");
            return format!("{} in {tables}", counted(rows, "row", "rows"));
        }
        wanted.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> RunScreen {
        let tables = vec!["sessions".into()];
        let subject = Subject { tables, warns: true, ..Subject::default() };
        RunScreen::new(subject, Style { color: false, unicode: true }, false)
    }

    fn rows(table: &str, rows: u64) -> TableRows {
        TableRows { table: table.into(), rows }
    }

    #[test]
    fn the_backup_is_told_with_the_counts_of_the_tables_in_question_and_warns_once() {
        let mut screen = screen();
        let event = Event::BackupVerified {
            path: "/b/x.db".into(),
            tables: vec![rows("sessions", 245), rows("other", 3)],
        };
        assert_eq!(
            screen.lines(&event),
            "✓ Backup verified: 245 sessions\n\nWARNING: this changes the database file.\n  \
             The backup is /b/x.db\n\n"
        );
        assert_eq!(screen.lines(&event), "✓ Backup verified: 245 sessions\n");
    }

    #[test]
    fn every_step_says_that_it_is_done() {
        let mut screen = screen();
        let start = |index| Event::StepStarted { index, total: 3, title: format!("Step {index}") };
        let mut text = screen.lines(&start(1));
        text += &screen.lines(&Event::TableCopied { from: "a".into(), to: "b".into(), rows: 2 });
        text += &screen.lines(&start(2));
        text += &screen.lines(&start(3));
        for part in ["Created index a", "Created index b", "Created index c", "Created index d"] {
            text += &screen.lines(&Event::StepDone { what: part.into() });
        }
        text += &screen.lines(&Event::CheckingStarted);
        assert_eq!(
            text,
            "[1/3] Step 1...\n  ✓ Copied 2 a\n[2/3] Step 2...\n  ✓ Done\n[3/3] Step 3...\n  \
             ✓ Created index a and 3 more\n\nVerifying migration...\n"
        );
    }
}
