//! The outline: a plan to read, of a file that is only looked at.
//!
//! Nothing here leads to a run: an outline was made without the checks that a run needs.

use crate::database::{Access, Database};
use crate::error::{Error, ErrorKind, Result};
use crate::phase::PhaseId;
use crate::plan::{Direction, PhasePlan, Plan, plan_phase};
use crate::preflight::count_losses;
use crate::schema::Schema;
use crate::shadow::Shadow;

use super::prepare::{find_path, plan_path, refuse_by_rows};
use super::project::Project;
use super::replay_from_scratch::notice_what_runs_here_only;
use super::request::Request;
use super::state::Migration;
use super::up_to_date::UpToDate;

/// Planned, and nothing else: rows, space and locks were not looked at.
#[derive(Debug, Clone, Copy)]
pub struct Outlined(());

#[derive(Debug)]
pub enum Outline {
    /// There is nothing to do.
    UpToDate(Box<UpToDate>),
    Planned(Box<Migration<Outlined>>),
}

impl Migration<Outlined> {
    /// Plans the way to a target. The file is opened to look only; neither its rows nor the space
    /// beside it are judged.
    ///
    /// # Errors
    /// Those of opening and reading the file; [`crate::ErrorKind::Step`] and the like if a phase
    /// does not fit it.
    pub fn outline(project: &Project, request: &Request) -> Result<Outline> {
        Self::outline_with(project, request, &|_, _| Ok(()))
    }

    /// Plans the way to a target as a script, and refuses what a run refuses because of the rows of the file: its
    /// losses, the `require` checks, and the rows that break a new rule. The space and the locks are not judged.
    pub fn outline_for_script(project: &Project, request: &Request) -> Result<Outline> {
        Self::outline_with(project, request, &|database, plan| {
            let connection = database.connection();
            // `query_only` forbids temporary tables, too (https://sqlite.org/pragma.html#pragma_query_only).
            connection.execute_batch("PRAGMA query_only=OFF")?;
            let judged = refuse_by_rows(database, plan, request.losses);
            connection.execute_batch("PRAGMA query_only=ON")?;
            judged
        })
    }

    fn outline_with(
        project: &Project,
        request: &Request,
        judge: &dyn Fn(&Database, &Plan) -> Result<()>,
    ) -> Result<Outline> {
        let database = project.open(Access::ReadOnly)?;
        let (project, known, path) = find_path(project, request, &database)?;
        let project = &project;
        if path.is_empty() {
            return Ok(Outline::UpToDate(Box::new(UpToDate::new(request, project, known))));
        }
        let located = |error: Error| error.in_database(&project.database);
        let mut plan = plan_path(project, &known, &path, request.direction).map_err(located)?;
        if request.direction == Direction::Up {
            notice_what_runs_here_only(project, &known, &mut plan)?;
        }
        count_losses(database.connection(), &mut plan)?;
        judge(&database, &plan).map_err(located)?;
        let (transactions, state) = (request.transactions, Outlined(()));
        let migration = Self { project: project.clone(), known, plan, transactions, state };
        Ok(Outline::Planned(Box::new(migration)))
    }
}

/// Plans phases in chain order, on a schema that was read or on none, as far as they run. The error says why
/// the next one does not.
///
/// # Errors
/// [`ErrorKind::Interrupted`]; [`ErrorKind::Sqlite`].
pub fn plan_phases(
    project: &Project,
    schema: Option<&Schema>,
    phases: &[PhaseId],
) -> Result<(Vec<PhasePlan>, Option<Error>)> {
    let mut shadow = match schema {
        Some(schema) => Shadow::of(schema)?,
        None => Shadow::empty()?,
    };
    shadow.keep_tables(project.versions.names());
    let mut plans = Vec::new();
    for phase in project.chain.phases().iter().filter(|it| phases.contains(&it.id)) {
        match plan_phase(&mut shadow, phase, &phase.up, Direction::Up, &project.versions) {
            Ok(plan) => plans.push(plan),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Sqlite) => {
                return Err(error);
            }
            Err(error) => return Ok((plans, Some(error))),
        }
    }
    Ok((plans, None))
}
