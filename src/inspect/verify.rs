//! Verifying a file: integrity, foreign keys, drift, version, the checks of the phases, and, against a
//! backup, every row.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::drift::{Basis, compare as compare_with_phases};
use crate::assertion::evaluate;
use crate::backup;
use crate::database::{Access, Database, Depth, IntegrityCheck};
use crate::error::{ErrorKind, MissingExtension, Result};
use crate::migrate::{Compatibility, FileState, Project, plan_between};
use crate::name::fold;
use crate::phase::PhaseId;
use crate::proof::{
    Sides, TableFound, TableProvenance, compare_tables, first_names, foreign_key_violations,
    provenance,
};
use crate::schema::Schema;
use crate::text::{counted, rows};

/// What a script expects of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The highest version is this one.
    Version(i64),
    /// This phase is applied.
    Phase(PhaseId),
    Head,
}

/// One check and its answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VerifyCheck {
    pub name: String,
    /// Whether it holds, or there was nothing to compare.
    pub ok: bool,
    /// Whether there was anything to compare.
    pub ran: bool,
    /// What was found, in words.
    pub detail: String,
    /// How many differences were found that do not make the answer no.
    #[serde(skip)]
    pub notes: usize,
}

impl VerifyCheck {
    fn of(name: impl Into<String>, ok: bool, detail: String) -> Self {
        Self { name: name.into(), ok, ran: true, detail, notes: 0 }
    }

    fn not_run(name: impl Into<String>, detail: String) -> Self {
        Self { ran: false, ..Self::of(name, true, detail) }
    }
}

/// Whether a file is what a program expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    Yes,
    No,
    /// It holds phases that the program does not know; what its programs may do with it.
    Newer(Compatibility),
}

impl Met {
    /// Returns whether a program that expected this may read and write the file.
    pub fn is_yes(self) -> bool {
        matches!(self, Self::Yes | Self::Newer(Compatibility::Full))
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Returns whether a file meets an expectation, and what it has, in words.
///
/// A file with phases that the project does not hold is an answer of its own, unless it is the expected version by
/// number, or an expected phase is one of those: see [`Project::know_newer`].
pub fn meets(project: &Project, known: &FileState, expectation: &Expectation) -> (Met, String) {
    let version = known.recorded.version();
    let shown = version.map_or_else(|| "no version".to_owned(), |it| format!("version {it}"));
    let is_newer = |id: &PhaseId| {
        known.newer.as_ref().is_some_and(|newer| newer.phases.iter().any(|it| it.id == *id))
    };
    let (holds, programs, detail) = match expectation {
        Expectation::Version(wanted) => {
            let programs = project.chain.with_version(*wanted).map(|it| it.id.clone());
            let detail = format!("{shown}, expected version {wanted}");
            (version == Some(*wanted), programs.into_iter().collect(), detail)
        }
        Expectation::Phase(id) => {
            let applied = known.applied.contains(id);
            let word = if applied { "applied" } else { "not applied" };
            (applied, vec![id.clone()], format!("{shown}, {id} is {word}"))
        }
        Expectation::Head => {
            let pending = project.chain.all_pending(&known.applied).len();
            let heads = project.chain.heads();
            let children = |id: &PhaseId| project.chain.children(id);
            // The heads of the program's own phases: nothing but newer ones stands on them.
            let own = project.chain.phases().iter().map(|it| &it.id);
            let own = own.filter(|id| !is_newer(id) && children(id).iter().all(&is_newer));
            let programs = if known.newer.is_some() { own.cloned().collect() } else { heads };
            let pending_phases = counted(pending, "phase", "phases");
            (pending == 0, programs, format!("{shown}, {pending_phases} pending"))
        }
    };
    let Some(newer) = &known.newer else { return (Met::of(holds), detail) };
    let names_newer =
        programs.iter().any(is_newer) || (matches!(expectation, Expectation::Version(_)) && holds);
    if names_newer {
        return (Met::of(holds), detail);
    }
    let allowed = match expectation {
        // A program that expects what is not even applied is not merely older.
        Expectation::Phase(id) if !known.applied.contains(id) => return (Met::No, detail),
        Expectation::Head if !holds => return (Met::No, detail),
        _ => newer.compatibility(&project.chain, &programs),
    };
    let newest: Vec<&str> = newer.phases.iter().map(|it| it.id.as_str()).collect();
    let what = match newest.as_slice() {
        [] => "the file was written by a newer program".to_owned(),
        ids => format!("the file is newer than these phases: it holds {}", ids.join(", ")),
    };
    let may = match allowed {
        Compatibility::Full => "which older programs may read and write",
        Compatibility::ReadOnly => "which older programs may only read",
        Compatibility::None => "and does not say that older programs may open it",
    };
    (Met::Newer(allowed), format!("{detail}; {what}, {may}"))
}

/// Verifies a file. Every check runs; the answer is no if one of them does not hold.
///
/// # Errors
/// Those of opening the files; a check that cannot run is an error, not a pass.
pub fn verify(
    project: &Project,
    expectation: Option<&Expectation>,
    against: Option<&Path>,
    depth: Depth,
) -> Result<Vec<VerifyCheck>> {
    let database = project.open(Access::ReadOnly)?;
    let connection = database.connection();
    let (extended, known) = project.know_newer(&database)?;
    let project = &extended;
    let mut checks = Vec::new();
    if let Some(expectation) = expectation {
        let (answer, detail) = meets(project, &known, expectation);
        let ok = answer.is_yes();
        checks.push(VerifyCheck::of("version", ok, detail));
    }
    checks.push(integrity(&database, depth)?);
    checks.push(foreign_keys(connection, &known.schema)?);
    checks.push(schema_check(project, &known)?);
    checks.extend(phase_checks(project, &known, &database)?);
    if let Some(backup) = against {
        checks.extend(against_backup(project, backup, connection, &known)?);
    }
    Ok(checks)
}

fn integrity(database: &Database, depth: Depth) -> Result<VerifyCheck> {
    let name = "integrity";
    let mut lines = Vec::new();
    let check = IntegrityCheck::of_file(depth);
    match check.run(database.connection(), &mut |finding| lines.push(finding.to_owned())) {
        Ok(()) if lines.is_empty() => Ok(VerifyCheck::of(name, true, "ok".to_owned())),
        Ok(()) => Ok(VerifyCheck::of(name, false, first_few(&lines))),
        // What one table needs must not keep the others from being checked.
        Err(error) if MissingExtension::in_error(&error).is_some() => {
            let found = backup::integrity(database)?;
            let ok = found.damage.is_empty() && found.violations == 0;
            let mut lines = found.damage;
            if found.violations > 0 {
                lines.push(format!("{} against a rule", rows(found.violations)));
            }
            lines.extend(found.unchecked.iter().map(|it| format!("checked in part: {it}")));
            Ok(VerifyCheck::of(name, ok, first_few(&lines)))
        }
        Err(error) => Err(error.into()),
    }
}

fn foreign_keys(connection: &Connection, schema: &Schema) -> Result<VerifyCheck> {
    let violations = foreign_key_violations(connection, schema)?;
    let lines: Vec<String> = violations.samples().map(ToString::to_string).collect();
    let detail = match violations.count() {
        0 => "no violations".to_owned(),
        count => first_of(&lines, count),
    };
    Ok(VerifyCheck::of("foreign keys", lines.is_empty(), detail))
}

fn schema_check(project: &Project, known: &FileState) -> Result<VerifyCheck> {
    let name = "schema";
    if known.applied.is_empty() {
        let detail = "no phase is recorded, nothing to compare with".to_owned();
        return Ok(VerifyCheck::not_run(name, detail));
    }
    if known.newer.as_ref().is_some_and(|newer| !newer.can_be_replayed()) {
        let detail = "the history does not hold what the newer phases do, nothing to compare with";
        return Ok(VerifyCheck::not_run(name, detail.to_owned()));
    }
    let (basis, adoption) = match compare_with_phases(project, known) {
        Ok(compared) => compared,
        // The first phase stands on tables of another program, and nothing is kept of what it did.
        Err(error) if error.kind() == ErrorKind::Step => {
            let detail =
                format!("the phases do not run from nothing, nothing to compare with: {error}");
            return Ok(VerifyCheck::not_run(name, detail));
        }
        Err(error) => return Err(error),
    };
    let ok = adoption.problems.is_empty();
    let notes = if ok { adoption.notices.len() } else { 0 };
    let small = match adoption.notices.as_slice() {
        [] => String::new(),
        notices => {
            let count = counted(notices.len(), "difference", "differences");
            format!(" but for {count}, which would not stop a stamp: {}", first_few(notices))
        }
    };
    let detail = match (ok, basis) {
        (true, Basis::Phases) => format!("matches the applied phases{small}"),
        (true, Basis::History) => {
            format!("what the phases changed is as they left it{small}")
        }
        (false, _) => first_few(&[adoption.problems, adoption.notices].concat()),
    };
    Ok(VerifyCheck { notes, ..VerifyCheck::of(name, ok, detail) })
}

/// The `verify` checks of the current phases describe the file as it is now.
fn phase_checks(
    project: &Project,
    known: &FileState,
    database: &Database,
) -> Result<Vec<VerifyCheck>> {
    let mut checks = Vec::new();
    for id in project.chain.current(&known.applied) {
        let Some(phase) = project.chain.get(&id) else { continue };
        for check in &phase.verify {
            let finding = evaluate(database, check)?;
            let name = format!("{id}: {}", check.name);
            checks.push(VerifyCheck::of(name, finding.holds, finding.returned()));
        }
    }
    Ok(checks)
}

/// Compares every table of a backup with what the phases that were applied or undone since made of it.
fn against_backup(
    project: &Project,
    path: &Path,
    connection: &Connection,
    known: &FileState,
) -> Result<Vec<VerifyCheck>> {
    let files = project.options.files.as_ref();
    let entry = backup::BackupEntry::at(files, path)?;
    backup::verify(&entry, &project.options, &mut crate::event::Silent)?;
    let reader = Database::open(path, Access::ReadOnly, &project.options)?;
    let unlike = |detail: &str| {
        Ok(vec![VerifyCheck::of("phases since the backup", false, detail.to_owned())])
    };
    let before = project.know(&reader)?;
    let planned = match plan_between(project, &before, known) {
        Err(error) if error.kind() == ErrorKind::NotAdopted => {
            return unlike(
                "the backup records no version, so its rows cannot be followed through the phases; \
                 compare with a backup that has one",
            );
        }
        planned => planned?,
    };
    let Some(plan) = planned else {
        return unlike("the backup is of another branch of the chain: it cannot be compared");
    };
    let sides =
        Sides { backup: (reader.connection(), &before.schema), now: (connection, &known.schema) };
    let provenance = provenance(&before.schema, &plan);
    let origins = (&provenance, &project.versions);
    let found = compare_tables(sides, origins, &project.options.interrupt)?;
    // What was only taken out of the record is still there.
    let stays = |table: &str| {
        let planned = plan.target().and_then(|it| it.find_table(table));
        known.schema.find_table(table).is_some() && planned.is_none()
    };
    let answer = |(table, found): (String, TableFound)| {
        if found == TableFound::Dropped && stays(&table) {
            let detail = "not compared: no recorded phase makes the table, and it is still there";
            return VerifyCheck::of(format!("rows of {table}"), false, detail.to_owned());
        }
        let origin = provenance.tables.get(&fold(&table));
        let columns = |of: fn(&TableProvenance) -> &BTreeSet<String>| -> Vec<String> {
            origin.into_iter().flat_map(|it| of(it).iter().cloned()).collect()
        };
        let left_out = left_out(&columns(|it| &it.changed), &columns(|it| &it.dropped));
        let lost = match (&found, origin) {
            (TableFound::Compared(found), _) if found.lost == 0 => "missing",
            _ if project.versions.contains(&table) => "removed with phases no longer applied",
            (_, Some(origin)) if origin.allowance.losses() => {
                "missing, as a phase since may remove rows"
            }
            _ => "missing",
        };
        rows_of(&table, &found, (lost, &left_out))
    };
    Ok(found.into_iter().map(answer).collect())
}

/// Names the columns whose values were not compared, and why.
fn left_out(changed: &[String], dropped: &[String]) -> String {
    let parts = [(changed, "changed"), (dropped, "dropped")];
    let parts = parts.into_iter().filter(|(names, _)| !names.is_empty());
    let parts: Vec<String> = parts
        .map(|(names, what)| format!("{} ({what} by a phase since)", first_names(names)))
        .collect();
    if parts.is_empty() { String::new() } else { format!("; not compared: {}", parts.join(", ")) }
}

fn rows_of(table: &str, found: &TableFound, (lost, left_out): (&str, &str)) -> VerifyCheck {
    let (ok, detail) = match found {
        TableFound::Compared(found) => {
            let detail = format!(
                "{} equal, {} changed, {} {lost}, {} written since{left_out}",
                found.equal, found.changed, found.lost, found.gained,
            );
            (found.holds(), detail)
        }
        TableFound::Lacks(column) => (false, format!("not compared: it has no column {column}")),
        TableFound::Missing => (false, "not there".to_owned()),
        TableFound::Dropped => (true, "not compared: a phase dropped the table".to_owned()),
        TableFound::Rewritten => {
            (true, "not compared: a data step replaced rows or changed their keys".to_owned())
        }
        TableFound::Reached => {
            (true, "not compared: a data step changed the virtual table".to_owned())
        }
    };
    let ran = !ok || matches!(found, TableFound::Compared(_));
    VerifyCheck { ran, ..VerifyCheck::of(format!("rows of {table}"), ok, detail) }
}

fn first_few(lines: &[String]) -> String {
    first_of(lines, lines.len() as u64)
}

/// The first few of a number of lines.
fn first_of(lines: &[String], count: u64) -> String {
    let shown = lines.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    match count.checked_sub(lines.len().min(5) as u64) {
        Some(more) if more > 0 => format!("{shown}; and {more} more"),
        _ => shown,
    }
}
