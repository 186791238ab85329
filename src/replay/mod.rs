//! The chain, run from nothing in memory: up to a place, around a phase, or phase by phase.

use crate::error::{Error, ErrorKind, Result};
use crate::history::VersionTables;
use crate::phase::{Applied, Chain, Phase};
use crate::plan::{Direction, advance, plan_phase};
use crate::schema::Schema;
use crate::shadow::Shadow;

/// Runs phases of a chain on shadows. The version tables are known to each of them.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'c> {
    chain: &'c Chain,
    versions: &'c VersionTables,
}

impl<'c> Replay<'c> {
    pub const fn new(chain: &'c Chain, versions: &'c VersionTables) -> Self {
        Self { chain, versions }
    }

    /// Returns the state before the first phase.
    pub fn empty(&self) -> Result<Shadow> {
        let mut shadow = Shadow::empty()?;
        shadow.keep_tables(self.versions.names());
        Ok(shadow)
    }

    /// Returns a shadow of a schema.
    pub fn on(&self, schema: &Schema) -> Result<Shadow> {
        let mut shadow = Shadow::of(schema)?;
        shadow.keep_tables(self.versions.names());
        Ok(shadow)
    }

    /// Plans phases from nothing, in chain order, and returns the state that they make.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] naming the phase that does not run on what the phases before it made.
    pub fn of(&self, phases: &Applied) -> Result<Shadow> {
        let mut shadow = self.empty()?;
        for phase in self.phases(phases) {
            plan_phase(&mut shadow, phase, &phase.up, Direction::Up, self.versions)?;
        }
        Ok(shadow)
    }

    /// As [`Self::of`], with what is refused only in phases that are still to run: strings in double quotes.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] and [`ErrorKind::PhaseFile`] naming the phase.
    pub fn as_new(&self, phases: &Applied) -> Result<Shadow> {
        let mut shadow = self.empty()?;
        shadow.plan_a_run();
        for phase in self.phases(phases) {
            plan_phase(&mut shadow, phase, &phase.up, Direction::Up, self.versions)?;
        }
        Ok(shadow)
    }

    /// Applies phases to a shadow without planning them, in the order given.
    ///
    /// # Errors
    /// As [`advance`]; the error names the phase.
    pub fn run<'p>(
        &self,
        shadow: &mut Shadow,
        phases: impl IntoIterator<Item = &'p Phase>,
    ) -> Result<()> {
        phases.into_iter().try_for_each(|phase| self.apply(shadow, phase))
    }

    /// Applies one phase to a shadow without planning it.
    pub fn apply(&self, shadow: &mut Shadow, phase: &Phase) -> Result<()> {
        advance(shadow, phase, self.versions)
    }

    /// Returns these phases in chain order.
    pub fn phases<'a>(&self, phases: &'a Applied) -> impl Iterator<Item = &'c Phase> + use<'a, 'c> {
        self.chain.phases().iter().filter(|phase| phases.contains(&phase.id))
    }
}

/// Returns whether an error says that a phase does not run, rather than that something is wrong with the machine.
pub fn is_finding(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Step | ErrorKind::Unsupported | ErrorKind::MissingExtension)
}

/// Gives `None` for a phase that does not run from nothing: a base may stand on tables that no phase makes.
///
/// # Errors
/// Every error that is no finding about the phase.
pub fn unless_broken<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_finding(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
