//! `migrate --all` and `upgrade --all`: workers, the journal, and taking back what was done.

use std::sync::{Mutex, PoisonError};

use phaseshift::event::Silent;
use phaseshift::fleet::{
    Begun, Journal, JournalHead, JournalLine, Limits, Member, Reservations, RunState, Stop, undo,
};
use phaseshift::migrate::{
    Migrated, Migration, Preparation, Prepared, Project, Request, migrate_now,
};
use phaseshift::phase::Chain;
use phaseshift::plan::Direction;
use phaseshift::{DatabaseState, Error, ErrorKind, Remedy, Result, exit};
use serde_json::json;

use super::outcome::FileOutcome;
use super::results::Results;
use super::{Selected, select};
use crate::cli::args::{FleetRunArgs, Goal};
use crate::cli::command_output::CommandOutput;
use crate::cli::commands::migrate::unguided;
use crate::cli::commands::prepare::{prepare, request_of, with_strategy};
use crate::cli::commands::{page, report};
use crate::cli::context::Context;

/// `migrate --all`: as `upgrade --all`, but only with `--yes`.
///
/// # Errors
/// [`ErrorKind::NoAnswer`] without `--yes`; otherwise as [`upgrade`].
pub fn migrate(
    context: &Context,
    command: &'static str,
    (goal, many): (&Goal, &FleetRunArgs),
) -> Result<CommandOutput> {
    page::refuse_report_of_many(context)?;
    let dry_run = context.dry_run || goal.dry_run.dry_run;
    if !context.yes && !dry_run {
        let what = "migrate --all does not ask for each file; pass --yes";
        return Err(Error::new(ErrorKind::NoAnswer, what).with_remedy(Remedy::AddYes));
    }
    upgrade(context, command, (goal, many))
}

/// `upgrade --all`.
pub fn upgrade(
    context: &Context,
    command: &'static str,
    (goal, many): (&Goal, &FleetRunArgs),
) -> Result<CommandOutput> {
    page::refuse_report_of_many(context)?;
    let request = request_of(Direction::Up, goal)?.without_notices();
    let selected = select(context, (command, &many.fleet))?;
    if context.dry_run || goal.dry_run.dry_run {
        let job = |file: &Context, _: &Member| {
            unguided(file, &with_strategy(file.project()?, goal.in_place), &request, true)
        };
        return Ok(selected.run_all(&job));
    }
    let ledger = Ledger::open(&selected, (goal, many))?;
    let is_undoing = ledger.state().undoing;
    let space = Reservations::new(context.files());
    let upgrade = Upgrade { request, in_place: goal.in_place, ledger, space };
    let mut results = Results::new(&selected.context, command, selected.members.len());
    let members = &selected.members;
    let (mut stop, left) = if is_undoing {
        let begun = upgrade.ledger.state().begun;
        let others = members.iter().filter(|it| !begun.contains_key(&it.relative));
        (Some(Stop::Failures), others.collect())
    } else {
        let mut limits = selected.limits;
        if many.undo_on_failure {
            limits.max_failures = limits.max_failures.or(Some(0));
        }
        let job = |file: &Context, member: &Member| upgrade.one(file, member);
        selected.run((members, &limits), &job, &mut results)
    };
    let by_failures = matches!(stop, Some(Stop::Canary | Stop::Failures));
    if by_failures && (many.undo_on_failure || is_undoing) {
        let undone = upgrade.undo_all(&selected, &mut results)?;
        stop = undone.or(stop);
    }
    let answer = results.finish((stop, &left), &selected);
    if answer.exit != exit::INTERRUPTED {
        upgrade.ledger.note(JournalLine::End { exit_code: answer.exit })?;
    }
    Ok(answer)
}

/// What the workers share.
struct Upgrade {
    request: Request,
    in_place: bool,
    ledger: Ledger,
    space: Reservations,
}

impl Upgrade {
    fn one(&self, file: &Context, member: &Member) -> Result<CommandOutput> {
        let project = with_strategy(file.project()?, self.in_place);
        match prepare(&project, &self.request)? {
            Preparation::UpToDate(found) => {
                self.ledger.found_done(member, found.known.recorded.version())?;
                Ok(report::nothing_to_do(file, &project, &found))
            }
            Preparation::Ready(migration) => {
                let began = self.ledger.start(member, &migration);
                let done = began.and_then(|()| self.carry_out((file, &project), *migration));
                match &done {
                    Ok((_, version)) => self
                        .ledger
                        .done(member, *version)
                        .map_err(|error| error.leaving(DatabaseState::Done))?,
                    Err(error) => self.ledger.failed(member, error),
                }
                done.map(|(answer, _)| answer)
            }
        }
    }

    /// Claims the space and migrates; returns the version that the file has then, too.
    fn carry_out(
        &self,
        (file, project): (&Context, &Project),
        migration: Migration<Prepared>,
    ) -> Result<(CommandOutput, Option<i64>)> {
        let places = (project.database.as_path(), project.backups.as_path());
        let interrupt = &project.options.interrupt;
        let _claim = self.space.claim(places, migration.space(), interrupt)?;
        let ready = Preparation::Ready(Box::new(migration));
        match migrate_now(project, &self.request, ready, &mut Silent)? {
            Migrated::Done(done) => Ok((report::answer("", &done), done.to)),
            Migrated::UpToDate(found) => {
                let version = found.known.recorded.version();
                Ok((report::nothing_to_do(file, project, &found), version))
            }
        }
    }

    /// Downgrades what this run migrated. Returns that it was interrupted, if it was.
    fn undo_all(&self, selected: &Selected<'_>, results: &mut Results<'_>) -> Result<Option<Stop>> {
        self.ledger.note(JournalLine::Undo)?;
        let begun = self.ledger.state().begun;
        let members: Vec<Member> = selected
            .members
            .iter()
            .filter(|it| begun.contains_key(&it.relative))
            .cloned()
            .collect();
        results.undo(members.len());
        let job = |file: &Context, member: &Member| {
            let before = begun.get(&member.relative).map_or(&[][..], |it| &it.before);
            let project = with_strategy(file.project()?, self.in_place);
            let undone = undo(&project, before, self.request.losses);
            self.ledger.undone(member, undone.as_ref().err())?;
            Ok(match undone? {
                Some(done) => report::answer("", &done),
                None => CommandOutput::done("", json!({"changed": false})),
            })
        };
        let limits = Limits { canary: 0, max_failures: None, ..selected.limits };
        let (stop, _) = selected.run_as((&members, &limits), FileOutcome::undone, &job, results);
        Ok(stop)
    }
}

/// What this run did to which file, in memory and, if a journal is wanted, on the disk.
struct Ledger {
    journal: Option<Journal>,
    state: Mutex<RunState>,
}

impl Ledger {
    fn open(selected: &Selected<'_>, (goal, many): (&Goal, &FleetRunArgs)) -> Result<Self> {
        let Some(path) = &many.journal else {
            return Ok(Self { journal: None, state: Mutex::default() });
        };
        let context = &selected.context;
        let head = JournalHead {
            selection: selected.text.to_owned(),
            target: goal.place.target().unwrap_or("head").to_owned(),
            shard: selected.shard.map(|it| it.to_string()),
            phases: digest(&context.chain()?),
        };
        let (journal, resumed) = Journal::open(&context.folder.join(path), &head, context.files())?;
        Ok(Self { journal: Some(journal), state: Mutex::new(resumed.unwrap_or_default()) })
    }

    fn state(&self) -> RunState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begun(&self, member: &Member) -> Option<Begun> {
        self.state().begun.remove(&member.relative)
    }

    /// Writes a line to the journal, and follows it.
    fn note(&self, line: JournalLine) -> Result<()> {
        if let Some(journal) = &self.journal {
            journal.write(&line)?;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).pass(&line);
        Ok(())
    }

    fn start(&self, member: &Member, migration: &Migration<Prepared>) -> Result<()> {
        let before = migration.project().chain.current(&migration.known().applied);
        let before = before.iter().map(ToString::to_string).collect();
        self.note(JournalLine::Start { file: member.relative.clone(), before })
    }

    fn done(&self, member: &Member, version: Option<i64>) -> Result<()> {
        self.note(JournalLine::Done { file: member.relative.clone(), version })
    }

    /// A file that a killed run began, and which is migrated.
    fn found_done(&self, member: &Member, version: Option<i64>) -> Result<()> {
        match self.begun(member) {
            Some(begun) if !begun.done => self.done(member, version),
            Some(_) | None => Ok(()),
        }
    }

    /// Notes a failure that left the file as it was; what is not certain stays begun. The failure itself is what is
    /// reported, whether it can be noted or not.
    fn failed(&self, member: &Member, error: &Error) {
        let as_before =
            matches!(error.state(), DatabaseState::Unchanged | DatabaseState::RolledBack);
        let is_certain = as_before && error.facts().completed.is_empty();
        if is_certain && error.kind() != ErrorKind::Interrupted {
            let (file, kind) = (member.relative.clone(), error.kind().code().to_owned());
            drop(self.note(JournalLine::Failed { file, kind }));
        }
    }

    fn undone(&self, member: &Member, error: Option<&Error>) -> Result<()> {
        let file = member.relative.clone();
        match error.map(Error::kind) {
            None => self.note(JournalLine::Undone { file }),
            Some(ErrorKind::Interrupted) => Ok(()),
            Some(kind) => self.note(JournalLine::UndoFailed { file, kind: kind.code().to_owned() }),
        }
    }
}

/// The digest of the phases, by which a journal knows its run.
fn digest(chain: &Chain) -> String {
    let phases = chain.phases().iter();
    let lines: Vec<String> = phases.map(|it| format!("{} {}\n", it.id, it.checksum)).collect();
    phaseshift::fleet::digest_of(lines.iter().map(String::as_str))
}
