//! A migration from the first look to the commit.
//!
//! The states follow each other and cannot be skipped: a [`Migration`] is [`Prepared`] by a look that
//! writes nothing, [`Secured`] by a verified backup, and only then can it be carried out, which gives
//! a [`Report`].

mod apply;
mod branch_conflicts;
mod file_state;
mod fresh;
mod made_already;
mod migrate_now;
mod newer;
mod outline;
mod phase_tests;
mod plan_cache;
mod prepare;
mod project;
mod recording;
mod rehearsal;
mod replay_from_scratch;
mod request;
mod retain;
mod roundtrip;
mod run;
mod script;
mod secure;
mod stages;
mod stamp;
mod state;
mod step_place;
mod trial_copy;
mod undo_history;
mod up_to_date;

pub use crate::error::Compatibility;
pub use apply::DeclaredFile;
pub use branch_conflicts::{
    BranchConflict, check_merges, find_branch_conflicts, refuse_branch_conflicts,
};
pub use file_state::{FileState, Newer};
pub use fresh::{FreshFile, create_file};
pub use migrate_now::{Migrated, migrate_now};
pub use outline::{Outline, Outlined, plan_phases};
pub use phase_tests::{TestFailure, TestOutcome, run_tests};
pub use plan_cache::PlanCache;
pub use prepare::{Preparation, plan_between};
pub use project::Project;
pub use rehearsal::{Rehearsed, rehearsal_space, roundtrip_on_copy};
pub use request::{Request, Transactions, Warnings};
pub use retain::{applied_phases, prune_backups, retain};
pub use roundtrip::{RoundTrip, TripPlace, TripVerdict, roundtrip};
pub use run::{Hooks, Report};
pub use script::{plan_range, script, script_between, script_for_state, script_range};
pub use stages::Stages;
pub use stamp::{
    AcceptReport, Adoption, StampReport, Strictness, accept, compare_schemas, replay,
    replay_as_new, stamp,
};
pub use state::{Migration, Prepared, Secured};
pub use step_place::StepPlace;
pub use up_to_date::{Reached, UpToDate};
