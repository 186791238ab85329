//! A migration from the first look to the commit.
//!
//! The states follow each other and cannot be skipped: a [`Migration`] is [`Prepared`] by a look that
//! writes nothing, [`Secured`] by a verified backup, and only then can it be carried out, which gives
//! a [`Report`].

mod clashes;
mod look;
mod outline;
mod project;
mod recording;
mod refill;
mod rehearsal;
mod reproducible;
mod retain;
mod roundtrip;
mod run;
mod scratch;
mod script;
mod secure;
mod stages;
mod stamp;
mod state;
mod ways;

pub use clashes::{Clash, check_merges, find_clashes, refuse_clashes};
pub use look::{Look, Notices, Request, Transactions, UpToDate, plan_between};
pub use outline::{Outline, Outlined, plan_phases};
pub use project::Project;
pub use rehearsal::{Rehearsed, rehearsal_space, roundtrip_on_copy};
pub use retain::{prune_backups, retain, ways_back};
pub use roundtrip::{Place, RoundTrip, Verdict, roundtrip};
pub use run::{Hooks, Report};
pub use script::{script, script_range};
pub use secure::migrate_now;
pub use stages::Stages;
pub use stamp::{
    AcceptReport, Adoption, StampReport, Strictness, accept, compare_schemas, replay, stamp,
};
pub use state::{Known, Migration, Prepared, Secured};
