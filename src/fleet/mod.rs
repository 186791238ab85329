//! Many files in one run: which files, in which order, by how many workers, and what came of each.
//!
//! The state of a file is in the file, so a fleet needs no server: running again resumes. This module knows paths,
//! shards, limits and outcomes; what is done to one file is the caller's business, given as a closure.
//!
//! 1. [`Selection`] reads what a person names: a folder, a pattern, a list.
//! 2. [`discover()`] turns it into [`Member`]s, in the order of their relative paths.
//! 3. [`Shard`] picks the members of one machine of many.
//! 4. [`run()`] gives them to workers within [`Limits`].
//! 5. [`Tally`] condenses the outcomes into counts and a digest that does not depend on their order.

mod discover;
mod folder_index;
mod journal;
mod limits;
mod member;
mod merge;
mod pattern;
mod reservations;
mod run;
mod selection;
mod shard;
mod tally;
#[cfg(test)]
mod tests;
mod undo;

pub use discover::{Discovered, Skipped, SkippedBecause, discover};
pub use folder_index::FolderIndex;
pub use journal::{Begun, Journal, JournalHead, JournalLine, RunState};
pub use limits::{Limits, Stop};
pub use member::{Fault, Member, backup_folder};
pub use merge::{Merge, Merged};
pub use reservations::{Reservation, Reservations};
pub use run::{Ended, Job, Verdict, run};
pub use selection::Selection;
pub use shard::{Scheduler, Shard, Variables};
pub use tally::{Entry, Tally, digest_of};
pub use undo::undo;
