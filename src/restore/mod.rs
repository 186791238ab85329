//! Restoring a backup: verified first, with its losses named, the present state kept, written through SQLite.
//!
//! SQLite's backup API writes into the live file, so that locks, the WAL and open readers of other
//! programs are respected and the change is one transaction. Only a file that SQLite cannot open
//! is replaced by renames, and then moved aside, never deleted. This module knows nothing of phases.

mod content;
mod losses;
mod outcome;
mod plan;
mod replace;
mod replacement;
mod request;
mod run;
mod set_aside;
mod verify;
mod write;

pub use losses::{Losses, ObjectChange, ObjectLoss, TableChange, TableLoss};
pub use outcome::RestoreMethod;
pub use plan::{LiveState, Restore, RestorePlan, RestoreRequest};
pub(crate) use replacement::{Replacement, difference};
pub use request::backup_request;
pub use run::RestoreReport;
pub(crate) use write::{Words, Written, write};
