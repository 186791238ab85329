//! The outline: a plan to read, of a file that is only looked at or of no file at all.
//!
//! Nothing here leads to a run: an outline was made without the checks that a run needs.

use crate::database::Access;
use crate::error::Result;
use crate::history::Recorded;
use crate::phase::{PhaseId, TargetRange};
use crate::plan::Direction;
use crate::preflight::count_losses;

use super::look::{Request, Transactions, UpToDate, plan_path};
use super::project::Project;
use super::stamp::replay;
use super::state::{Known, Migration};

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
        let path = match request.direction {
            Direction::Up => project.chain.up_path(&known.applied, &request.target)?,
            Direction::Down => project.chain.down_path(&known.applied, &request.target)?,
        };
        let mut outline = Self::planned(project, known, &path, request.direction)
            .map_err(|error| error.in_database(&project.database))?;
        if let Outline::Planned(migration) = &mut outline {
            count_losses(database.connection(), &mut migration.plan)?;
        }
        Ok(outline)
    }

    /// Plans the way from one place of the chain to another without a database: from the schema
    /// that the phases make.
    ///
    /// # Errors
    /// As [`Chain::up_range`](crate::phase::Chain::up_range);
    /// [`crate::ErrorKind::Step`] if a phase does not run.
    pub fn outline_range(
        project: &Project,
        range: &TargetRange,
        direction: Direction,
    ) -> Result<Outline> {
        let applied = project.chain.applied_at(&range.from)?;
        let shadow = replay(project, &applied)?;
        let known = Known { schema: shadow.schema()?, recorded: Recorded::default(), applied };
        let path = match direction {
            Direction::Up => project.chain.up_range(range)?,
            Direction::Down => project.chain.down_range(range)?,
        };
        Self::planned(project, known, &path, direction)
    }

    fn planned(
        project: &Project,
        known: Known,
        path: &[PhaseId],
        direction: Direction,
    ) -> Result<Outline> {
        if path.is_empty() {
            let current = project.chain.current(&known.applied);
            return Ok(Outline::UpToDate(Box::new(UpToDate { known, current })));
        }
        let plan = plan_path(project, &known, path, direction)?;
        // Nothing of an outline runs, in one transaction or in many.
        let transactions = Transactions::default();
        let state = Outlined(());
        let migration = Self { project: project.clone(), known, plan, transactions, state };
        Ok(Outline::Planned(Box::new(migration)))
    }
}
