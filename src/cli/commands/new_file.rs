//! A database file made for an upgrade, or in the place of an empty one, and undone if that fails.

use std::path::Path;

use phaseshift::Result;
use phaseshift::database::beside;
use phaseshift::files::{FileKind, Stat};
use phaseshift::migrate::{Project, Request, create_file, plan_range};
use phaseshift::phase::{Target, TargetRange};
use phaseshift::plan::Direction;

use super::page;
use super::plan::{detail, shown};
use super::prepare::DRY_RUN;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::plan as screen;

/// Shows what a run would write into a file that it would make first; nothing is made.
pub fn in_no_file(
    context: &Context,
    project: &Project,
    request: &Request,
) -> Result<CommandOutput> {
    let range = TargetRange { from: Target::Base, to: request.target.clone() };
    let plan = plan_range(project, &range, Direction::Up)?;
    page::write_range(context, project, &plan, &range)?;
    let version = plan.phases.iter().map(|it| it.version).max();
    let style = context.terminal.out;
    let database = project.database.display().to_string();
    let notices = screen::notices(&plan);
    let gap = if notices.is_empty() { "" } else { "\n" };
    context.say(&format!(
        "{}The file does not exist yet and would be created.\n\n{}{gap}{notices}\n",
        screen::banner(&screen::headline(&plan), &database, style),
        screen::will_do((&plan, &project.chain), version, detail(context), style),
    ));
    Ok(shown(context, project, &plan, ((None, version), DRY_RUN)))
}

/// Makes the file if it is missing or empty, and runs. If the run fails, everything is as it was.
pub fn in_new_file(
    project: &Project,
    run: impl FnOnce() -> Result<CommandOutput>,
) -> Result<CommandOutput> {
    let path = &project.database;
    if !can_be_made(project) {
        return run();
    }
    let present = project.options.files.stat(path).ok().flatten();
    let done = create_file(project).and_then(|()| run());
    if done.is_err() {
        remove(project, path, present);
    }
    done
}

/// Returns whether the file is missing or empty, so that it can be made. What cannot be looked at is reported when it is
/// opened.
pub fn can_be_made(project: &Project) -> bool {
    let (files, path) = (project.options.files.as_ref(), &project.database);
    let is_free = match files.stat(path) {
        Ok(None) => true,
        Ok(Some(stat)) => stat.bytes == 0 && stat.kind == FileKind::File,
        Err(_) => false,
    };
    // What lies beside an empty file belongs to one that was lost.
    let beside = ["-journal", "-wal"].map(|suffix| beside(path, suffix));
    is_free && beside.iter().all(|it| matches!(files.stat(it), Ok(None)))
}

/// Takes the file away, or leaves an empty one again; the failure that led here is the one that is reported.
fn remove(project: &Project, path: &Path, present: Option<Stat>) {
    let files = project.options.files.as_ref();
    for suffix in ["-journal", "-wal", "-shm", ""] {
        let _ = files.remove(&beside(path, suffix));
    }
    if let Some(stat) = present {
        let made = files.create(path, b"", 0o600);
        let _ = made.and_then(|()| files.set_access(path, &stat));
    }
}
