//! The outline: a plan to read, of a file that is only looked at.
//!
//! Nothing here leads to a run: an outline was made without the checks that a run needs.

use crate::database::Access;
use crate::error::Result;
use crate::plan::Direction;
use crate::preflight::count_losses;

use super::look::{Request, UpToDate, plan_path};
use super::project::Project;
use super::reproducible::notice_what_runs_here_only;
use super::state::Migration;

/// Planned, and nothing else: rows, space and locks were not looked at.
#[derive(Debug, Clone, Copy)]
pub struct Outlined(());

/// What an outline gives.
#[derive(Debug)]
pub enum Outline {
    /// There is nothing to do.
    UpToDate(Box<UpToDate>),
    /// There is a plan.
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
        let database = project.open(Access::Look)?;
        let known = project.know(&database)?;
        let project = &project.as_recorded(&known.recorded)?;
        let path = match request.direction {
            Direction::Up => project.chain.up_path(&known.applied, &request.target)?,
            Direction::Down => project.chain.down_path(&known.applied, &request.target)?,
        };
        if path.is_empty() {
            let current = project.chain.current(&known.applied);
            return Ok(Outline::UpToDate(Box::new(UpToDate { known, current })));
        }
        let mut plan = plan_path(project, &known, &path, request.direction)
            .map_err(|error| error.in_database(&project.database))?;
        if request.direction == Direction::Up {
            notice_what_runs_here_only(project, &known, &mut plan)?;
        }
        count_losses(database.connection(), &mut plan)?;
        let (transactions, state) = (request.transactions, Outlined(()));
        let migration = Self { project: project.clone(), known, plan, transactions, state };
        Ok(Outline::Planned(Box::new(migration)))
    }
}
