//! The parts of the page, from the head to the foot.

use phaseshift::migrate::Report;
use phaseshift::plan::{Direction, PhasePlan, RenameNote, summarize};

use super::PageSubject;
use super::diagram::draw;
use super::html::Html;
use super::schemas::Side;
use crate::cli::screens::changes::changes;
use crate::cli::screens::plan::headline;
use crate::cli::screens::{counted, reason, sized};
use crate::text::one_line;

pub fn title(subject: &PageSubject<'_>) -> String {
    let what = if subject.done.is_some() { "Report" } else { "Plan" };
    format!("{what}: {}", headline(subject.plan))
}

/// Writes everything below the head of the document.
pub fn body(html: &mut Html, subject: &PageSubject<'_>) {
    header(html, subject);
    warnings(html, subject);
    heading(html, "What changes");
    for phase in &subject.plan.phases {
        phase_changes(html, phase, subject);
    }
    let schemas = subject.schemas();
    heading(html, "Schema");
    picture(html, &schemas.before, "Before");
    picture(html, &schemas.after, "After");
    renames(html, subject);
    counts(html, subject);
    match subject.done {
        Some(done) => {
            proof(html, done);
            timings(html, done);
        }
        None => expected_proof(html, subject),
    }
    steps(html, subject);
    foot(html, &subject.next, &subject.made);
}

/// Writes the commands to go on with, and when the page was made.
pub fn foot(html: &mut Html, next: &[(String, String)], made: &str) {
    heading(html, "What next");
    for (why, command) in next {
        html.element("p", &[], why);
        html.within("pre", &[("tabindex", "0")], |html| html.lines(command));
    }
    let version = env!("CARGO_PKG_VERSION");
    html.element("footer", &[], format!("Made by phaseshift {version} on {made}"));
}

/// Writes the heading of a part.
pub fn heading(html: &mut Html, text: &'static str) {
    html.element("h2", &[], text);
}

fn header(html: &mut Html, subject: &PageSubject<'_>) {
    html.element("h1", &[], headline(subject.plan));
    html.element("p", &[("class", "path quiet")], &subject.place);
    let (class, state) = match subject.done {
        Some(_) => ("state done", "Done: committed after every check of the proof held"),
        None => ("state plan", "Plan: nothing was changed"),
    };
    html.element("p", &[("class", class)], state);
    let mut facts = vec![
        (subject.way.0, subject.way.1.clone()),
        ("Phases", subject.plan.phases.len().to_string()),
    ];
    match subject.done {
        Some(done) => {
            facts.push(("Rows proven", grouped(done.proof.rows)));
            facts.push(("Tables proven", done.proof.tables.to_string()));
            facts.push(("Time", format!("{:.2} s", done.seconds)));
            facts.push(("Size", sized(done.sizes.1.bytes)));
        }
        None => {
            let rebuilt = subject.plan.rebuilds().count();
            facts.push(("Tables rebuilt", rebuilt.to_string()));
            facts.push(("Steps", subject.plan.steps().len().to_string()));
        }
    }
    self::facts(html, facts);
}

/// Writes a few facts side by side.
pub fn facts(html: &mut Html, facts: Vec<(&'static str, String)>) {
    html.within("dl", &[("class", "facts")], |html| {
        for (label, value) in facts {
            html.within("div", &[], |html| {
                html.element("dt", &[], label);
                html.element("dd", &[], value);
            });
        }
    });
}

fn warnings(html: &mut Html, subject: &PageSubject<'_>) {
    let losses: Vec<String> = subject
        .plan
        .phases
        .iter()
        .flat_map(|phase| phase.losses.iter().map(ToString::to_string))
        .collect();
    if !losses.is_empty() {
        html.within("div", &[("class", "warn")], |html| {
            let verb = if subject.done.is_some() { "Data was lost" } else { "This loses data" };
            html.element("strong", &[], verb);
            list(html, losses);
        });
    }
    let mut notes: Vec<String> =
        subject.plan.phases.iter().flat_map(|phase| phase.notices.clone()).collect();
    if let Some(done) = subject.done {
        notes.extend(done.follow_up.iter().map(|it| format!("Failed after the commit: {it}")));
    }
    if !notes.is_empty() {
        html.within("div", &[("class", "note")], |html| {
            html.element("strong", &[], "Please note");
            list(html, notes);
        });
    }
}

pub fn list(html: &mut Html, lines: impl IntoIterator<Item = String>) {
    html.within("ul", &[], |html| {
        for line in lines {
            html.element("li", &[], line);
        }
    });
}

fn phase_changes(html: &mut Html, phase: &PhasePlan, subject: &PageSubject<'_>) {
    let verb = match phase.direction {
        Direction::Up => "Apply",
        Direction::Down => "Undo",
    };
    let title = format!("{verb} {}: {}", phase.id, phase.description);
    html.element("h3", &[], title);
    list(html, changes(phase, &subject.project.chain));
    let touched = reason::touched(phase);
    if touched.is_empty() {
        return;
    }
    let summary = format!("{} and why", counted(touched.len(), "object", "objects"));
    html.within("details", &[], |html| {
        html.element("summary", &[], summary);
        table(html, &["Object", "Name", "What happens", "Why"], |html| {
            for object in &touched {
                let name = match &object.before {
                    Some(before) => format!("{before} as {}", object.name),
                    None => object.name.clone(),
                };
                let (kind, change) = (object.kind, object.change);
                row(html, &[("", kind), ("name", &name), ("", change), ("", &object.why)]);
            }
        });
    });
}

/// Writes a table with a head, which scrolls by itself where the page is narrow.
pub fn table(html: &mut Html, head: &[&'static str], rows: impl FnOnce(&mut Html)) {
    let scroll = [("class", "scroll"), ("tabindex", "0")];
    html.within("div", &scroll, |html| {
        html.within("table", &[], |html| {
            html.within("thead", &[], |html| {
                html.within("tr", &[], |html| {
                    for label in head {
                        let class = if *label == "Rows" { "number" } else { "" };
                        html.element("th", &[("scope", "col"), ("class", class)], label);
                    }
                });
            });
            html.within("tbody", &[], rows);
        });
    });
}

/// Writes a row of a table: for each cell its class and its text.
pub fn row(html: &mut Html, cells: &[(&str, &str)]) {
    html.within("tr", &[], |html| {
        for (class, text) in cells {
            let class = [("class", *class)];
            html.element("td", if class[0].1.is_empty() { &[] } else { &class }, text);
        }
    });
}

fn picture(html: &mut Html, side: &Side, when: &str) {
    html.element("h3", &[], when);
    if side.tables.is_empty() {
        let text = match side.hidden {
            0 => "No tables.".to_owned(),
            count => unchanged(count) + ".",
        };
        html.element("p", &[("class", "quiet")], text);
        return;
    }
    let label =
        format!("{when}: the tables {}", crate::text::list(side.tables.iter().map(|it| &it.name)));
    html.within("figure", &[], |html| {
        let scroll = [("class", "scroll"), ("tabindex", "0")];
        html.within("div", &scroll, |html| draw(html, side, &label));
        if side.hidden > 0 {
            let more = counted(side.hidden, "more table is", "more tables are");
            html.element("figcaption", &[], format!("{more} not shown."));
        }
    });
}

/// Says of the tables of a side of which none is shown that they do not change.
pub fn unchanged(tables: usize) -> String {
    counted(tables, "table, which stays as it is", "tables, which stay as they are")
}

fn renames(html: &mut Html, subject: &PageSubject<'_>) {
    let renames: Vec<(&str, String, String)> =
        subject.plan.phases.iter().flat_map(|phase| renames_of(phase)).collect();
    if renames.is_empty() {
        return;
    }
    heading(html, "Renames");
    table(html, &["Kind", "Before", "After"], |html| {
        for (kind, before, after) in &renames {
            row(html, &[("", kind), ("name", before), ("name", after)]);
        }
    });
}

/// The renames of a phase: what is renamed, and its names before and after, those of columns with their table.
fn renames_of(phase: &PhasePlan) -> Vec<(&'static str, String, String)> {
    let renames = summarize(phase).renames;
    let old_table = |table: &str| {
        let same_table = renames.iter().find(|it| it.table.is_none() && it.to == table);
        same_table.map_or_else(|| table.to_owned(), |it| it.from.clone())
    };
    let line = |it: &RenameNote| match &it.table {
        None => ("table", it.from.clone(), it.to.clone()),
        Some(table) => {
            ("column", format!("{}.{}", old_table(table), it.from), format!("{table}.{}", it.to))
        }
    };
    renames.iter().map(line).collect()
}

fn counts(html: &mut Html, subject: &PageSubject<'_>) {
    let rows: Vec<(String, String, String)> = match subject.done {
        Some(done) => {
            let copied = done.execution.copied.iter();
            let copied = copied.map(|(from, to, rows)| {
                (if from == to { to.clone() } else { format!("{from} as {to}") }, "copied", *rows)
            });
            copied.map(|(name, how, rows)| (name, how.to_owned(), grouped(rows))).collect()
        }
        None => subject
            .counts
            .iter()
            .map(|(name, rows)| {
                let rows = rows.map_or_else(|| "not counted".to_owned(), grouped);
                (name.clone(), "to be copied".to_owned(), rows)
            })
            .collect(),
    };
    let changed: Vec<String> = subject
        .done
        .iter()
        .flat_map(|done| {
            done.execution.rows_changed.iter().map(|it| {
                let (before, after) = (grouped(it.before), grouped(it.after));
                format!("{} in {}: {before} before, {after} after", it.table, it.phase)
            })
        })
        .collect();
    if rows.is_empty() && changed.is_empty() {
        return;
    }
    heading(html, "Rows");
    if !rows.is_empty() {
        table(html, &["Table", "What happens", "Rows"], |html| {
            for (name, how, rows) in &rows {
                row(html, &[("name", name), ("", how), ("number", rows)]);
            }
        });
    }
    if !changed.is_empty() {
        html.element("p", &[], "Data steps changed the number of rows:");
        list(html, changed);
    }
}

/// Writes a number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn proof(html: &mut Html, done: &Report) {
    heading(html, "Proof");
    html.within("ul", &[("class", "checks")], |html| {
        for check in &done.proof.checks {
            html.within("li", &[], |html| {
                html.element("b", &[], "✓ ");
                html.element("strong", &[], &check.name);
                html.text(format!(": {}", check.detail));
            });
        }
    });
    let unproven = &done.proof.unproven;
    if !unproven.is_empty() {
        let tables = unproven.join(", ");
        html.element("p", &[], format!("Changed by data steps, and so not comparable: {tables}"));
    }
    list_if_any(html, done.proof.remade.iter().map(ToString::to_string).collect());
    html.element("h3", &[], "Backup");
    html.element("p", &[("class", "path")], done.backup.display());
}

fn list_if_any(html: &mut Html, lines: Vec<String>) {
    if !lines.is_empty() {
        list(html, lines);
    }
}

fn expected_proof(html: &mut Html, subject: &PageSubject<'_>) {
    heading(html, "Checks");
    let before = "Before anything is written, the file is backed up and the backup is compared with it row by row. \
                  Before the commit, every row that stays is compared with that backup; any difference that the plan does not \
                  name rolls everything back.";
    html.element("p", &[], before);
    let own: Vec<String> = subject
        .plan
        .phases
        .iter()
        .flat_map(|phase| {
            let line = |when: &'static str| {
                move |check: &phaseshift::phase::Check| {
                    format!("{} of {}, {when}: {}", check.name, phase.id, one_line(&check.sql))
                }
            };
            let before = phase.require.iter().map(line("before the backup"));
            before.chain(phase.verify.iter().map(line("before the commit"))).collect::<Vec<_>>()
        })
        .collect();
    list_if_any(html, own);
}

fn timings(html: &mut Html, done: &Report) {
    heading(html, "Time");
    let stages = [
        ("Copy the backup", done.stages.backup),
        ("Verify the backup", done.stages.verify),
        ("Record earlier violations", done.stages.baseline),
        ("Rebuild", done.stages.rebuild),
        ("Prove", done.stages.proof),
        ("Commit", done.stages.commit),
    ];
    let longest = stages.iter().map(|(_, seconds)| *seconds).fold(0.001, f64::max);
    for (name, seconds) in stages {
        let share = format!("{:.4}", seconds / longest);
        html.within("div", &[("class", "bar")], |html| {
            html.element("span", &[], name);
            html.element("meter", &[("value", &share), ("aria-label", name)], "");
            html.element("span", &[], format!("{seconds:.3} s"));
        });
    }
}

fn steps(html: &mut Html, subject: &PageSubject<'_>) {
    heading(html, "Steps");
    html.within("ol", &[], |html| {
        for step in subject.plan.steps() {
            let sql: Vec<String> = step.actions.iter().flat_map(|action| action.sql()).collect();
            html.within("li", &[], |html| match sql.is_empty() {
                true => html.text(&step.title),
                false => html.within("details", &[], |html| {
                    html.element("summary", &[], &step.title);
                    html.within("pre", &[("tabindex", "0")], |html| html.lines(&sql.join(";\n")));
                }),
            });
        }
    });
}
