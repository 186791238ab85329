//! A migration from the first look to the commit.
//!
//! The states follow each other and cannot be skipped: a [`Migration`] is [`Prepared`] by a look that
//! writes nothing, [`Secured`] by a verified backup, and only then can it be carried out, which gives
//! a [`Report`].

mod look;
mod project;
mod run;
mod script;
mod secure;
mod stamp;
mod state;
mod ways;

pub use look::{Look, Request, Transactions, UpToDate};
pub use project::Project;
pub use run::{Hooks, Report, Stages};
pub use script::script;
pub use secure::migrate_now;
pub use stamp::{Adoption, StampReport, Strictness, compare_schemas, replay, stamp};
pub use state::{Known, Migration, Prepared, Secured};
