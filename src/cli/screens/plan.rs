//! What a run will do: the banner, the list of changes, the prerequisites, the steps.

use std::fmt::Write as _;

use phaseshift::phase::{Chain, PhaseSource};
use phaseshift::plan::{Direction, PhasePlan, Plan, Rebuild};

use super::changes::{changes, mechanics};
use super::reason;
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Makes the headline with the rule under it, and the database.
pub fn banner(headline: &str, database: &str, style: Style) -> String {
    let (headline, database) = (escaped(headline), escaped(database));
    let rule = "=".repeat(headline.chars().count());
    format!("{}\n{rule}\n\nDatabase: {database}\n", style.strong(&headline))
}

/// Returns the headline of a plan: that of its only phase, or how many phases there are.
pub fn headline(plan: &Plan) -> String {
    let undo = plan.phases.first().is_some_and(|phase| phase.direction == Direction::Down);
    match plan.phases.as_slice() {
        [] => String::new(),
        [only] if undo => format!("Undo: {}", only.headline),
        [only] => only.headline.clone(),
        [first, .., last] => {
            let verb = if undo { "Undo " } else { "" };
            format!("{verb}{} phases: {} to {}", plan.phases.len(), first.id, last.id)
        }
    }
}

/// How much a list of changes says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Changes,
    /// Also how it is carried out.
    Mechanics,
}

/// Lists what a plan does.
pub fn will_do(
    (plan, chain): (&Plan, &Chain),
    version: Option<i64>,
    detail: Detail,
    style: Style,
) -> String {
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
        let mechanics = match detail {
            Detail::Changes => Vec::new(),
            Detail::Mechanics => mechanics(phase),
        };
        for change in changes(phase, chain).into_iter().chain(mechanics) {
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

/// Says how the rows of each rebuilt table come over, one line each.
pub fn ways(plan: &Plan) -> String {
    let line = |it: &Rebuild| format!("  {}: {}\n", escaped(&it.to), escaped(reason::way(it)));
    let lines: String = plan.rebuilds().map(line).collect();
    if lines.is_empty() { lines } else { format!("Rows:\n{lines}\n") }
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
        let line = match (object.kind, object.change) {
            ("table", "created" | "dropped") => format!("table {name}: {}", object.change),
            (kind, change) => format!("{kind} {name}: {change}: {}", object.why),
        };
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
    let irreversible = plan.phases.iter().filter_map(PhasePlan::irreversible);
    let notices = plan.phases.iter().flat_map(|phase| &phase.notices).map(String::as_str);
    irreversible.chain(notices).map(|notice| format!("Note: {}\n", escaped(notice))).collect()
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
