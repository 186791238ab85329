//! What a run will do: the banner, the list of changes, the prerequisites, the steps.

use std::fmt::Write as _;

use phaseshift::name::same;
use phaseshift::phase::{Chain, Operation, PhaseSource};
use phaseshift::plan::{Direction, PhasePlan, PhaseSummary, Plan, Rebuild, Stage, summarize};

use super::{counted, reason};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Makes the headline with the rule under it, and the database.
pub fn banner(headline: &str, database: &str, style: Style) -> String {
    let (headline, database) = (escaped(headline), escaped(database));
    let rule = "=".repeat(headline.chars().count());
    format!("{}\n{rule}\n\nDatabase: {database}\n", style.strong(&headline))
}

/// Returns the headline of a plan: that of its last phase.
pub fn headline(plan: &Plan) -> String {
    match plan.phases.last() {
        Some(last) if last.direction == Direction::Down => format!("Undo: {}", last.headline),
        Some(last) => last.headline.clone(),
        None => String::new(),
    }
}

/// Lists what a plan does.
pub fn will_do(plan: &Plan, chain: &Chain, version: Option<i64>, style: Style) -> String {
    let mut text = "This will:\n".to_owned();
    let several = plan.phases.len() > 1;
    for phase in &plan.phases {
        let mut indent = "  ";
        if several {
            let verb = if phase.direction == Direction::Up { "Apply" } else { "Undo" };
            let (bullet, what) = (style.bullet(), escaped(&phase.description));
            let _ = writeln!(text, "  {bullet} {verb} {}: {what}", phase.id);
            indent = "    ";
        }
        if phase.source == PhaseSource::History {
            let _ =
                writeln!(text, "{indent}{} Take the steps from the file's history", style.bullet());
        }
        for change in changes(phase, chain) {
            let _ = writeln!(text, "{indent}{} {}", style.bullet(), escaped(change));
        }
    }
    let version = match version {
        Some(version) => format!("Set the schema version to {version}"),
        None => "Leave no schema version recorded".to_owned(),
    };
    for last in ["Back up the database first and prove every row before committing", &version] {
        let _ = writeln!(text, "  {} {last}", style.bullet());
    }
    text
}

/// Returns what a phase changes, one sentence each.
pub fn changes(phase: &PhasePlan, chain: &Chain) -> Vec<String> {
    let summary = summarize(phase);
    let mut changes: Vec<String> = Vec::new();
    for rename in &summary.renames {
        changes.push(match &rename.table {
            None => format!("Rename table {} to {}", rename.from, rename.to),
            Some(table) => format!("Rename {table}.{} to {}", rename.from, rename.to),
        });
    }
    let index_renames = index_renames(phase, chain);
    for (from, to) in &index_renames {
        changes.push(format!("Rename index {from} to {to}"));
    }
    for (table, reasons) in &summary.rebuilt {
        changes.push(format!("Change {table}: {}", reason::reasons(reasons)));
    }
    // Rules of rebuilt tables are among the reasons above.
    let lost = phase.lost_rules();
    changes.extend(reason::lost_rules(lost.iter().filter(|it| it.line.is_some())));
    changes.extend(rebuilds(phase));
    changes.extend(summary.created.iter().map(|table| format!("Create table {table}")));
    changes.extend(summary.dropped.iter().map(|table| format!("Drop table {table} with its rows")));
    for (table, column) in &summary.dropped_columns {
        changes.push(format!("Drop {table}.{column} with its values"));
    }
    changes.extend(objects(&summary, &index_renames));
    match summary.data_steps {
        0 => {}
        1 => changes.push("Run the statements of 1 data step".to_owned()),
        count => changes.push(format!("Run the statements of {count} data steps")),
    }
    changes.extend(summary.data_changes.iter().map(|it| format!("By statements: {it}")));
    if changes.is_empty() {
        changes.push("Change no table; only the version is recorded".to_owned());
    }
    changes
}

/// Says how the rows of each rebuilt table come over, one line each.
pub fn ways(plan: &Plan) -> String {
    let line = |it: &Rebuild| format!("  {}: {}\n", escaped(&it.to), escaped(reason::way(it)));
    plan.rebuilds().map(line).collect()
}

/// Names the tables that are rebuilt, in one sentence.
fn rebuilds(phase: &PhasePlan) -> Option<String> {
    let mut names = Vec::new();
    for stage in &phase.stages {
        let Stage::SchemaChange(reshape) = stage else { continue };
        names.extend(reshape.rebuilds.iter().map(|it| match same(&it.from, &it.to) {
            true => it.to.clone(),
            false => format!("{} as {}", it.from, it.to),
        }));
    }
    let list = names.join(", ");
    (!names.is_empty()).then(|| format!("Rebuild {list} by creating, copying and swapping"))
}

fn index_renames(phase: &PhasePlan, chain: &Chain) -> Vec<(String, String)> {
    let steps = chain.get(&phase.id).map(|phase| phase.up.as_slice()).unwrap_or_default();
    let renames = steps.iter().filter_map(|step| match &step.operation {
        Operation::RenameIndex { from, to } => Some((from.clone(), to.clone())),
        _ => None,
    });
    match phase.direction {
        Direction::Up => renames.collect(),
        Direction::Down => renames.map(|(from, to)| (to, from)).collect(),
    }
}

fn objects(summary: &PhaseSummary, renamed: &[(String, String)]) -> Vec<String> {
    let mut lines = Vec::new();
    let is_renamed = |name: &str| renamed.iter().any(|(from, _)| same(from, name));
    for (kind, name) in summary.removed.iter().filter(|(_, name)| !is_renamed(name)) {
        lines.push(format!("Remove {kind} {name}"));
    }
    let mut parts = Vec::new();
    for (kind, many) in [("index", "indexes"), ("view", "views"), ("trigger", "triggers")] {
        match summary.restored.iter().filter(|(it, _)| it == kind).count() {
            0 => {}
            count => parts.push(counted(count, kind, many)),
        }
    }
    if !parts.is_empty() {
        lines.push(format!("Create {}, those of rebuilt tables again", parts.join(", ")));
    }
    lines
}

/// Lists prerequisites that hold.
pub fn prerequisites<'l>(lines: impl Iterator<Item = &'l str>, style: Style) -> String {
    let ok = style.ok();
    let lines: String = lines.map(|line| format!("{ok} {}\n", escaped(line))).collect();
    format!("Prerequisites:\n{lines}")
}

/// Lists the numbered steps of a plan.
pub fn steps(plan: &Plan) -> String {
    let steps = plan.steps();
    let total = steps.len();
    let lines = steps.iter().enumerate();
    let lines: String = lines
        .map(|(at, step)| format!("  [{}/{total}] {}\n", at + 1, escaped(&step.title)))
        .collect();
    format!("Steps:\n{lines}")
}

/// Lists every object that a plan touches, and why.
pub fn touched(plan: &Plan) -> String {
    let mut text = String::new();
    for object in plan.phases.iter().flat_map(reason::touched) {
        let name = match &object.before {
            Some(before) => format!("{before} as {}", object.name),
            None => object.name,
        };
        let line = format!("{} {name}: {}: {}", object.kind, object.change, object.why);
        let _ = writeln!(text, "  {}", escaped(line));
    }
    if text.is_empty() { text } else { format!("Objects:\n{text}\n") }
}

/// Lists what a plan loses; nothing if nothing is lost.
pub fn losses(plan: &Plan, style: Style) -> String {
    let lines = plan.phases.iter().flat_map(|phase| &phase.losses);
    let lines: String =
        lines.map(|loss| format!("  {} {}\n", style.bullet(), escaped(loss))).collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n{} this loses data:\n{lines}", style.warning("WARNING:"))
}

/// Lists what a person should know about a plan; nothing if there is nothing.
pub fn notices(plan: &Plan) -> String {
    let all = plan.phases.iter().flat_map(|phase| &phase.notices);
    all.map(|notice| format!("Note: {}\n", escaped(notice))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_as_long_as_the_headline() {
        let text = banner("Phase 3", "/a.db", Style::default());
        assert_eq!(text, "Phase 3\n=======\n\nDatabase: /a.db\n");
    }

    #[test]
    fn prerequisites_are_marked() {
        let text = prerequisites(["Enough space"].into_iter(), Style::default());
        assert_eq!(text, "Prerequisites:\nok Enough space\n");
    }
}
