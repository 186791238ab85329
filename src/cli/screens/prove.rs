//! What a foreign command lost, changed and added, in words and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use phaseshift::prove::{Addition, Aspect, CloneFault, Finding, ObjectChange, Published, Verdict};
use phaseshift::schema::ObjectKind;
use serde_json::{Value, json};

use super::counted;
use crate::cli::foreign_command::{Captured, Ending, Ran};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;
use crate::text::one_line;

/// How many additions are listed before they are counted.
const LISTED: usize = 20;

/// The number of findings of one kind from which they share a line.
const GROUP: usize = 4;

/// How long a line may become before it is broken.
const WIDTH: usize = 100;

/// How long the text of a definition is shown.
const SHOWN: usize = 160;

/// Describes a command that ran to its end.
pub struct Said<'a> {
    pub database: &'a Path,
    /// The backup from before the command.
    pub backup: &'a Path,
    pub verdict: &'a Verdict,
    pub ran: &'a Ran,
    /// What was published, if it was.
    pub published: Option<&'a Published>,
    pub wants_publish: bool,
    /// The command that undoes a published change.
    pub restore: String,
}

impl Said<'_> {
    pub fn text(&self, style: Style) -> String {
        let verdict = self.verdict;
        let mut text = String::new();
        let seconds = self.ran.seconds;
        let _ = writeln!(text, "{} The command succeeded after {seconds:.1} s", style.ok());
        if self.ran.left.is_some() {
            let warning = style.warning("WARNING:");
            let _ = writeln!(
                text,
                "{warning} it left processes running; the clone was compared as it was then"
            );
        }
        let _ = writeln!(text, "{}", self.compared());
        section(&mut text, "Lost or changed:", &style.no(), grouped(&verdict.findings));
        if let Some(map) = map_lines(&verdict.findings) {
            text.push_str(
                "\nIf these renames are intended, put them into a file and add --map FILE:\n",
            );
            for line in map.lines() {
                let _ = writeln!(text, "  {}", escaped(line));
            }
        }
        section(&mut text, "Declared in the map:", style.bullet(), lines(&verdict.declared));
        let added: Vec<String> = verdict.additions.iter().map(addition).collect();
        section(&mut text, "Added, renamed or renewed:", style.bullet(), shortened(added));
        text.push('\n');
        text.push_str(&self.verdict_line(style));
        text
    }

    fn compared(&self) -> String {
        let tables = &self.verdict.tables;
        let rows: u64 = tables.iter().map(|it| it.equal + it.changed + it.lost).sum();
        format!(
            "Compared with the backup: {} in {}",
            counted(rows, "row", "rows"),
            counted(tables.len(), "table", "tables")
        )
    }

    fn verdict_line(&self, style: Style) -> String {
        let (verdict, database) = (self.verdict, escaped(self.database.display()));
        let backup = escaped(self.backup.display());
        let mut text = String::new();
        if !verdict.is_clean() {
            let findings = counted(verdict.findings.len(), "finding", "findings");
            let not = if self.wants_publish { "; it was not published" } else { "" };
            let _ = writeln!(text, "{} Verdict: {findings}{not}", style.no());
            let _ = writeln!(text, "{database} was not changed; the backup is {backup}");
            return text;
        }
        if verdict.same_bytes {
            let _ =
                writeln!(text, "{} Verdict: the command changed nothing in the clone", style.ok());
            text.push_str(
                "If that is unexpected, it did not find the clone: use {}, $PHASESHIFT_DATABASE or \
                 $DATABASE_URL.\n",
            );
            return text;
        }
        let _ = writeln!(text, "{} Verdict: nothing was lost", style.ok());
        match self.published {
            Some(published) => {
                let rows: u64 = published.tables.iter().map(|it| it.rows).sum();
                let rows = counted(rows, "row", "rows");
                let _ = writeln!(
                    text,
                    "{} Published: {database} holds what the clone held ({rows} compared)",
                    style.ok()
                );
                if let Some(follow_up) = &published.follow_up {
                    let warning = style.warning("WARNING:");
                    let _ = writeln!(text, "{warning} {}", escaped(follow_up));
                }
                let _ = writeln!(text, "The backup is {backup}\nTo undo: {}", self.restore);
            }
            None => {
                let _ = writeln!(text, "{database} was not changed; the backup is {backup}");
                text.push_str("Add --publish to write the clone into the database.\n");
            }
        }
        text
    }

    pub fn json(&self) -> Value {
        let verdict = self.verdict;
        let tables: Vec<Value> = verdict
            .tables
            .iter()
            .map(|it| {
                json!({"table": it.table, "now": it.now, "equal": it.equal, "changed": it.changed,
                       "lost": it.lost, "gained": it.gained})
            })
            .collect();
        let additions: Vec<Value> = verdict
            .additions
            .iter()
            .map(|it| json!({"code": it.code(), "object": it.object(), "message": addition(it)}))
            .collect();
        let rows: u64 = verdict.tables.iter().map(|it| it.equal).sum();
        json!({
            "database": self.database,
            "backup": self.backup,
            "run": ran(self.ran),
            "verdict": if verdict.is_clean() { "clean" } else { "losses" },
            "findings": verdict.findings.iter().map(finding_json).collect::<Vec<_>>(),
            "declared": verdict.declared.iter().map(finding_json).collect::<Vec<_>>(),
            "added": additions,
            "map": map_lines(&verdict.findings),
            "tables": tables,
            "proof": {"tables": verdict.tables.len(), "rows": rows},
            "published": self.published.is_some(),
            "changed": self.published.is_some(),
            "follow_up": self.published.and_then(|it| it.follow_up.as_ref()),
        })
    }
}

fn ran(ran: &Ran) -> Value {
    let stream = |it: &Captured| json!({"text": it.text, "truncated": it.truncated});
    let status = match ran.ending {
        Ending::Status(code) => Some(code),
        Ending::Signal(_) | Ending::TimedOut | Ending::Interrupted => None,
    };
    json!({
        "command": ran.command,
        "exit_status": status,
        "seconds": ran.seconds,
        "stdout": stream(&ran.stdout),
        "stderr": stream(&ran.stderr),
        "left_running": ran.left.is_some(),
    })
}

fn finding_json(finding: &Finding) -> Value {
    let (was, is) = match finding {
        Finding::Property { was, is, .. } => (Some(was.clone()), Some(is.clone())),
        Finding::Definition { was, is, .. } => (Some(was.clone()), is.clone()),
        Finding::Object { change: ObjectChange::Differs { was, is }, .. } => {
            (Some(was.clone()), Some(is.clone()))
        }
        Finding::Counter { was, is, .. } => (Some(was.to_string()), is.map(|it| it.to_string())),
        _ => (None, None),
    };
    json!({
        "code": finding.code(),
        "object": finding.object(),
        "count": finding.count(),
        "was": was,
        "is": is,
        "message": line(finding),
    })
}

fn section(text: &mut String, title: &str, mark: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for line in lines {
        for (place, line) in wrapped(&escaped(line)).into_iter().enumerate() {
            let lead = if place == 0 { format!("  {mark}") } else { "     ".to_owned() };
            let _ = writeln!(text, "{lead} {line}");
        }
    }
}

/// Breaks a long line at its spaces.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let fits =
            |last: &String| last.is_empty() || last.chars().count() + word.chars().count() < WIDTH;
        match lines.last_mut().filter(|it| fits(it)) {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn shortened(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LISTED {
        let more = lines.len() - LISTED;
        lines.truncate(LISTED);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The lines of a map that declare the renames among the findings.
fn map_lines(findings: &[Finding]) -> Option<String> {
    let key = |text: &str| toml_text(text);
    let (mut tables, mut columns, mut indexes) = (String::new(), String::new(), String::new());
    for finding in findings {
        match finding {
            Finding::RenamedTable { table, to } => {
                let _ = writeln!(tables, "{} = {}", key(table), key(to));
            }
            Finding::RenamedColumn { table, column, to } => {
                let _ = writeln!(columns, "{} = {}", key(&format!("{table}.{column}")), key(to));
            }
            Finding::Object { name, change: ObjectChange::Renamed(to), .. } => {
                let _ = writeln!(indexes, "{} = {}", key(name), key(to));
            }
            _ => {}
        }
    }
    let parts = [("tables", tables), ("columns", columns), ("indexes", indexes)];
    let text: String = parts
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(name, lines)| format!("[{name}]\n{lines}"))
        .collect();
    (!text.is_empty()).then_some(text)
}

/// A text as a basic string of TOML, whose escapes are those of JSON.
fn toml_text(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007F")
}

/// The findings, with many of one kind about one table in one line.
fn grouped(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut shown: Vec<(&str, &str)> = Vec::new();
    for finding in findings {
        let Some((table, _)) = member(finding) else {
            lines.push(line(finding));
            continue;
        };
        let key = (finding.code(), table);
        if shown.contains(&key) {
            continue;
        }
        let same = |it: &&Finding| it.code() == key.0 && member(it).is_some_and(|it| it.0 == table);
        let group: Vec<&Finding> = findings.iter().filter(same).collect();
        if group.len() < GROUP {
            lines.extend(group.into_iter().map(line));
        } else {
            let names: Vec<String> =
                group.iter().filter_map(|it| member(it)).map(|it| it.1).collect();
            lines.push(format!("{}: {}", headline(finding, table, group.len()), names.join(", ")));
        }
        shown.push(key);
    }
    lines
}

/// The table of a finding that may be shown together with others, and its part of the line.
fn member(finding: &Finding) -> Option<(&str, String)> {
    match finding {
        Finding::Column { table, column, values, .. } => {
            let values = counted(*values, "value", "values");
            Some((table, format!("{column} ({values})")))
        }
        Finding::Definition { table, column: Some(column), aspect: Aspect::Type, was, is } => {
            let is = is.as_deref().filter(|it| !it.is_empty()).unwrap_or("none");
            let was = if was.is_empty() { "none" } else { was };
            Some((table, format!("{column} ({was}, now {is})")))
        }
        Finding::Definition { table, column: Some(column), aspect: Aspect::NotNull, .. } => {
            Some((table, column.clone()))
        }
        Finding::Object { kind: ObjectKind::Index, name, table, change: ObjectChange::Dropped } => {
            Some((table, name.clone()))
        }
        _ => None,
    }
}

fn headline(finding: &Finding, table: &str, count: usize) -> String {
    match finding {
        Finding::Column { .. } => format!("{count} columns of {table} are gone"),
        Finding::Definition { aspect: Aspect::Type, .. } => {
            format!("{count} columns of {table} have another type")
        }
        Finding::Definition { .. } => format!("NOT NULL of {count} columns of {table} is gone"),
        _ => format!("{count} indexes on {table} are gone"),
    }
}

/// The findings, one line each.
pub fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(line).collect()
}

#[expect(clippy::too_many_lines, reason = "a table with one line for each kind of finding")]
pub fn line(finding: &Finding) -> String {
    match finding {
        Finding::Clone(fault) => fault_line(fault),
        Finding::Property { property, was, is } => {
            format!("{} was {was}, is {is}", property.name())
        }
        Finding::Table { table, rows, parts } => {
            let parts = match parts {
                0 => String::new(),
                count => {
                    format!(" and {}", counted(*count, "index or trigger", "indexes and triggers"))
                }
            };
            format!("table {table} is gone with {}{parts}", counted(*rows, "row", "rows"))
        }
        Finding::RenamedTable { table, to } => {
            format!("table {table} is gone; {to} is new and holds its values: renamed?")
        }
        Finding::Rows { table, rows, of } => {
            let verb = if *rows == 1 { "is" } else { "are" };
            format!("{} of {table} {verb} gone (of {of})", counted(*rows, "row", "rows"))
        }
        Finding::Values { table, column, rows, example } => {
            let example = example.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
            let rows = counted(*rows, "row", "rows");
            format!("values of {table}.{column} differ in {rows}{example}")
        }
        Finding::Rowids { table, rows } => {
            let rows = counted(*rows, "row", "rows");
            format!("{rows} of {table} got another rowid")
        }
        Finding::Column { table, column, values: 0, of } => {
            format!(
                "column {table}.{column} is gone (it had no value in {})",
                counted(*of, "row", "rows")
            )
        }
        Finding::Column { table, column, values, .. } => {
            format!("column {table}.{column} is gone with {}", counted(*values, "value", "values"))
        }
        Finding::RenamedColumn { table, column, to } => {
            format!("column {table}.{column} is gone; {to} is new and holds its values: renamed?")
        }
        Finding::Definition { table, column, aspect, was, is } => {
            definition(table, column.as_deref(), *aspect, (was, is.as_deref()))
        }
        Finding::Object { kind, name, table, change } => {
            let object = format!("{} {name}", kind.word());
            match change {
                ObjectChange::Dropped if table == name => format!("{object} is gone"),
                ObjectChange::Dropped => format!("{object} on {table} is gone"),
                ObjectChange::Renamed(to) => {
                    format!("{object} is gone; {to} is new and defined alike: renamed?")
                }
                ObjectChange::Differs { is, .. } => {
                    format!("{object} is defined differently: {}", short(is))
                }
                ObjectChange::Broken(message) => format!("{object} no longer works: {message}"),
            }
        }
        Finding::Counter { table, was, is: None } => {
            format!("the AUTOINCREMENT counter of {table} is gone (it was {was})")
        }
        Finding::Counter { table, was, is: Some(is) } => {
            format!("the AUTOINCREMENT counter of {table} fell from {was} to {is}")
        }
        Finding::Statistics { table, rows } => {
            let entries = counted(*rows, "entry", "entries");
            format!("planner statistics of {table} are gone ({entries})")
        }
        Finding::Orphans { rows, .. } => {
            let first = rows.first().cloned().unwrap_or_default();
            match rows.len() {
                0 | 1 => first,
                count => format!("{first}, and {} like it", count - 1),
            }
        }
    }
}

fn fault_line(fault: &CloneFault) -> String {
    match fault {
        CloneFault::Missing => "the command removed the database".to_owned(),
        CloneFault::Replaced => "the database is not a file of its own any more".to_owned(),
        CloneFault::NotADatabase(what) => format!("the database cannot be opened any more: {what}"),
        CloneFault::Damaged(lines) => {
            format!("the database is damaged: {}", lines.first().cloned().unwrap_or_default())
        }
    }
}

fn definition(
    table: &str,
    column: Option<&str>,
    aspect: Aspect,
    (was, is): (&str, Option<&str>),
) -> String {
    let object = column.map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"));
    let (was, now) = (short(was), is.map(short));
    let changed = |what: &str| match &now {
        Some(is) if is.is_empty() => format!("{what} of {object} was {was}, and has none now"),
        Some(is) => format!("{what} of {object} was {was}, is {is}"),
        None => format!("{what} {was} of {object} is gone"),
    };
    match aspect {
        Aspect::Type => match (was.is_empty(), now) {
            (true, is) => format!("type of {object} was none, is {}", is.unwrap_or_default()),
            (false, is) if is.as_deref() == Some("") => {
                format!("type of {object} was {was}, is none")
            }
            (false, is) => format!("type of {object} was {was}, is {}", is.unwrap_or_default()),
        },
        Aspect::NotNull => format!("NOT NULL of {object} is gone"),
        Aspect::Default => changed("default"),
        Aspect::Collation => changed("collation"),
        Aspect::Generated => format!(
            "{object} is computed differently: it was {was}, is {}",
            now.unwrap_or_default()
        ),
        Aspect::PrimaryKey => changed("primary key"),
        Aspect::Autoincrement => format!("AUTOINCREMENT of {object} is gone"),
        Aspect::Unique | Aspect::Check => format!("{was} of {object} is gone"),
        Aspect::ForeignKey => format!("{was} of {object} is gone"),
        Aspect::ForeignKeyActions => {
            format!("foreign key of {object} was {was}, is {}", now.unwrap_or_default())
        }
        Aspect::Conflict => match now {
            Some(is) => format!("{was} of {object} is {is} now"),
            None => format!("{was} of {object} is gone"),
        },
        Aspect::ConstraintName => match now {
            Some(is) => format!("{was} of {object} is called {is} now"),
            None => format!("{was} of {object} has lost its name"),
        },
        Aspect::WithoutRowid | Aspect::Strict => match now {
            Some(is) => format!("{object} is {is} now"),
            None => format!("{was} of {object} is gone"),
        },
        Aspect::ColumnOrder => {
            format!("columns of {object} stand in another order: {}", now.unwrap_or_default())
        }
        Aspect::Text => format!("{object} is defined differently: {}", now.unwrap_or_default()),
    }
}

/// A text on one line, and not endless.
fn short(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() > SHOWN {
        line.chars().take(SHOWN).chain(['…']).collect()
    } else {
        line
    }
}

fn addition(addition: &Addition) -> String {
    match addition {
        Addition::Table { table, rows } => {
            format!("table {table} ({})", counted(*rows, "row", "rows"))
        }
        Addition::Column { table, column } => format!("column {table}.{column}"),
        Addition::Object { kind, name } => format!("{} {name}", kind.word()),
        Addition::Rows { table, rows } => {
            format!("{} in {table}", counted(*rows, "new row", "new rows"))
        }
        Addition::Constraint { table, column, aspect, is } => {
            let object =
                column.as_ref().map_or_else(|| table.clone(), |column| format!("{table}.{column}"));
            match aspect {
                Aspect::Default => format!("default {} of {object}", short(is)),
                _ => format!("{} of {object}", short(is)),
            }
        }
        Addition::Bookkeeping { table, rows: (was, is) } => {
            format!("the tool's own records in {table} (rows before {was}, now {is})")
        }
        Addition::Renamed { object, to } => format!("{object} is called {to} now"),
        Addition::Comments { table } => {
            format!("comments in the text of {table} are gone")
        }
        Addition::Statistics { table } => format!("planner statistics of {table} were renewed"),
    }
}
