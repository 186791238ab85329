//! Squash: one phase in the place of many.
//!
//! A [`Squash`] is prepared first: the phases are run on a new file, the squash is composed, and the folder as it would
//! be is run on another new file. Only a squash whose file has the very same schema and the same rows can be
//! [published](Squash::publish).

mod archive;
mod draft;
mod equal;
mod folder;
mod order;
mod range;
mod request;
mod seeds;
mod steps;
mod undo;
mod unsteady;
mod verify;

pub use archive::{ArchiveRecord, Archived, ArchivedFile, Progress, archives, progress};
pub use draft::{NotCarried, ObjectCounts, Squash, squash};
pub use range::SquashRange;
pub use request::SquashRequest;
pub use undo::{Undone, finish_interrupted, undo, undoable};
pub use verify::{Verified, verify_squashes};
