//! What a caller asks of a migration.

use crate::phase::Target;
use crate::plan::Direction;
use crate::preflight::LossPolicy;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub direction: Direction,
    pub target: Target,
    /// Whether a way down may lose rows and values.
    pub losses: LossPolicy,
    /// How the phases of the run are cut into transactions.
    pub transactions: Transactions,
    /// Whether anybody reads what a person should know before the run.
    pub notices: Warnings,
}

/// Whether a look looks for what stops nothing but is good to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Warnings {
    #[default]
    Find,
    /// Only what costs nothing: whether the chain runs from nothing, too, is left open.
    Skip,
}

/// How the phases of a run are cut into transactions. There is one backup in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transactions {
    /// One transaction: all phases, or none.
    #[default]
    WholeRun,
    /// One transaction for each phase: a failure leaves the phases before it done.
    PerPhase,
}

impl Request {
    /// Asks for the way up to a target.
    pub fn up(target: Target) -> Self {
        Self::new(Direction::Up, target)
    }

    /// Asks for the way down to a target; a way that loses anything is refused.
    pub fn down(target: Target) -> Self {
        Self::new(Direction::Down, target)
    }

    /// Asks for a way to a target: nothing is lost on the way down, all in one transaction.
    pub fn new(direction: Direction, target: Target) -> Self {
        Self {
            direction,
            target,
            losses: LossPolicy::default(),
            transactions: Transactions::default(),
            notices: Warnings::default(),
        }
    }

    /// Allows a way down to lose rows and values.
    #[must_use]
    pub fn accepting_loss(mut self) -> Self {
        self.losses = LossPolicy::Accept;
        self
    }

    /// Prepares without notices: they are not shown.
    #[must_use]
    pub fn without_notices(mut self) -> Self {
        self.notices = Warnings::Skip;
        self
    }

    /// Asks for one transaction per phase.
    #[must_use]
    pub fn per_phase(mut self) -> Self {
        self.transactions = Transactions::PerPhase;
        self
    }
}
