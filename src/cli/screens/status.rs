//! The state of a file, and the checks of `verify`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use phaseshift::backup::BackupEntry;
use phaseshift::inspect::{Status, VerifyCheck};
use phaseshift::migrate::{Compatibility, Newer, Project};
use phaseshift::phase::PhaseId;

use super::chain::marked;
use super::time::recorded;
use super::{counted, sized};
use crate::cli::explain::explain;
use crate::cli::output::escaped;
use crate::cli::terminal::Style;
use crate::text::list;

/// How many differences are listed before they are counted.
const LISTED: usize = 10;

/// Shows the state of a file.
pub fn status(
    project: &Project,
    status: &Status,
    (backups, others): (&[BackupEntry], &BTreeMap<PathBuf, usize>),
    style: Style,
) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<10} {}", escaped(value));
    };
    line("Database:", &project.database.display().to_string());
    line("Version:", &version(status));
    let current: Vec<String> =
        status.current.iter().map(|id| current_entry(project, status, id)).collect();
    // What is recorded does not say which phases of the folder are applied.
    let is_unclear = !status.faults.is_empty() && current.is_empty() && status.version.is_some();
    let current = match current.as_slice() {
        [] if is_unclear => "unknown".to_owned(),
        [] => "no phase is recorded".to_owned(),
        some => some.join(", "),
    };
    line("Current:", &current);
    let pending = match status.pending.as_slice() {
        _ if is_unclear => "unknown".to_owned(),
        [] if project.chain.is_empty() && !status.faults.is_empty() => "unknown".to_owned(),
        [] => "nothing".to_owned(),
        ids => list(ids),
    };
    line("Pending:", &pending);
    if let Some(newer) = &status.newer {
        line("Newer:", &newer_line(project, status, newer));
    }
    let rows: u64 = status.tables.iter().map(|it| it.rows).sum();
    let tables = counted(status.tables.len(), "table", "tables");
    let own = status.tables.iter().filter(|it| project.versions.contains(&it.table)).count();
    let own = match own {
        0 => String::new(),
        1 => ", the table of phaseshift included".to_owned(),
        own => format!(", the {own} tables of phaseshift included"),
    };
    line("Rows:", &format!("{rows} in {tables}{own}"));
    line("Backups:", &backup_line(backups, others));
    for holder in &status.holders {
        line("Held by:", &holder.to_string());
    }
    for path in &status.leftovers {
        line("Leftover:", &format!("{} (of a run that was killed)", path.display()));
    }
    text + &faults(status, style) + &drift(status, style)
}

fn current_entry(project: &Project, status: &Status, id: &PhaseId) -> String {
    match status.newer.as_ref().is_some_and(|newer| newer.current.contains(id)) {
        true => format!("{id} (newer)"),
        false => marked(&project.chain, id, &[]),
    }
}

/// What the file records beyond the folder, and who may open it.
fn newer_line(project: &Project, status: &Status, newer: &Newer) -> String {
    let what = match newer.phases.as_slice() {
        [] => "versions that no phase of the folder sets".to_owned(),
        _ => format!("{} (not in the folder of the phases)", list(newer.ids())),
    };
    let may = match newer.compatibility(&project.chain, &status.heads) {
        Compatibility::Full => "programs with the older phases may read and write the file",
        Compatibility::ReadOnly => "programs with the older phases may only read the file",
        Compatibility::None => "programs with the older phases must not open the file",
    };
    let back = match (newer.can_be_undone(), newer.downgrade_target()) {
        (true, Some(target)) => {
            format!("`phaseshift downgrade {target}` undoes these phases, from the file's history")
        }
        (true, None) => {
            "`phaseshift downgrade` undoes them one by one, from the file's history".to_owned()
        }
        (false, _) => "the file's history does not hold their steps".to_owned(),
    };
    format!("{what}; {may}; {back}")
}

/// Applied phases that are missing or were edited, each with what to do.
fn faults(status: &Status, style: Style) -> String {
    let mut text = String::new();
    for fault in &status.faults {
        let _ = writeln!(text, "{} Phases: {}", style.no(), escaped(fault));
        for next in explain(fault, "").next {
            let _ = writeln!(text, "    {}", escaped(next));
        }
    }
    text
}

fn version(status: &Status) -> String {
    let Some(version) = status.version else { return "none".to_owned() };
    let mut text = version.to_string();
    if let Some(description) = &status.description {
        let _ = write!(text, ", {description}");
    }
    if let Some(applied_at) = &status.applied_at {
        let how = if status.stamped { "recorded" } else { "applied" };
        let _ = write!(text, ", {how} {}", recorded(applied_at));
    }
    text
}

fn backup_line(backups: &[BackupEntry], others: &BTreeMap<PathBuf, usize>) -> String {
    match backups {
        [] => {
            let other = |(database, count): (&PathBuf, &usize)| {
                format!("; the folder holds {count} of {}", database.display())
            };
            "none".to_owned() + &others.iter().map(other).collect::<String>()
        }
        [newest, rest @ ..] => format!(
            "{}, the newest{} is {} ({})",
            backups.len(),
            match newest.is_verified() && !rest.iter().all(BackupEntry::is_verified) {
                true => " verified one",
                false => "",
            },
            newest.path.display(),
            sized(newest.bytes)
        ),
    }
}

fn drift(status: &Status, style: Style) -> String {
    let differences = match &status.drift {
        None if !status.faults.is_empty() => return String::new(),
        None if status.newer.as_ref().is_some_and(|newer| !newer.can_be_replayed()) => {
            let why = "the file's history does not hold what the newer phases do";
            return format!("{} Schema: not compared: {why}\n", style.bullet());
        }
        None => return format!("{} Schema: the phases do not run from nothing\n", style.no()),
        Some(lines) if lines.is_empty() && status.current.is_empty() => return String::new(),
        Some(lines) if lines.is_empty() => {
            return format!("{} Schema: matches the applied phases\n", style.ok());
        }
        Some(lines) => lines,
    };
    let mut text = format!(
        "{} Schema: {} from what the phases make\n",
        style.no(),
        counted(differences.len(), "difference", "differences")
    );
    for difference in differences.iter().take(LISTED) {
        let _ = writeln!(text, "    {}", escaped(difference));
    }
    if differences.len() > LISTED {
        let _ = writeln!(text, "    and {} more", differences.len() - LISTED);
    }
    text
}

/// Lists checks with their answers, and the sum.
pub fn checks(checks: &[VerifyCheck], style: Style) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check {
            VerifyCheck { ran: false, .. } => style.bullet().to_owned(),
            VerifyCheck { ok: true, notes: 1.., .. } => style.bullet().to_owned(),
            VerifyCheck { ok: true, .. } => style.ok(),
            VerifyCheck { ok: false, .. } => style.no(),
        };
        let _ = writeln!(text, "{mark} {}: {}", escaped(&check.name), escaped(&check.detail));
    }
    let ran: Vec<&VerifyCheck> = checks.iter().filter(|check| check.ran).collect();
    let failed = ran.iter().filter(|check| !check.ok).count();
    let noted = ran.iter().filter(|check| check.notes > 0).count();
    let all = counted(ran.len(), "check", "checks");
    let sum = match (failed, noted) {
        (0, 0) if ran.len() == 2 => "Both checks hold.".to_owned(),
        (0, 0) => format!("All {all} hold."),
        (0, noted) => noted_sum(ran.len(), noted) + ".",
        _ => {
            let verb = if failed == 1 { "does" } else { "do" };
            format!("{failed} of {all} {verb} not hold.")
        }
    };
    text + &sum + "\n"
}

/// Counts the checks that hold, and those that hold with notes.
pub fn noted_sum(ran: usize, noted: usize) -> String {
    let hold = counted(ran - noted, "check holds", "checks hold");
    format!("{hold}, {noted} {} notes", if noted == 1 { "has" } else { "have" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_does_not_hold_is_marked_and_counted() {
        let check = |name: &str, ok, notes| VerifyCheck {
            name: name.into(),
            ok,
            ran: true,
            detail: "x".into(),
            notes,
        };
        let text = checks(&[check("a", true, 0), check("b", false, 0)], Style::default());
        assert_eq!(text, "ok a: x\nNO b: x\n1 of 2 checks does not hold.\n");
        let text = checks(&[check("a", true, 0), check("b", true, 2)], Style::default());
        assert_eq!(text, "ok a: x\n* b: x\n1 check holds, 1 has notes.\n");
    }
}
