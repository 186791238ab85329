//! Proving another tool's migration: it runs on a private clone, and everything that it lost there is named.
//!
//! A verified backup is made first, then a clone of it in a folder that no other user may read. The caller runs the
//! foreign command on the clone. The clone is then compared with the backup: rows, values, definitions, counters,
//! statistics. Only a clean verdict lets the clone take the place of the file, through SQLite and under its locks.

mod assess;
mod definitions;
mod expected;
mod finding;
mod guess;
mod map;
mod parts;
mod rows;
mod run;
mod state;

pub use finding::{
    Addition, Aspect, CloneFault, Finding, ObjectChange, Property, TableVerdict, Verdict,
};
pub use map::{ChangeMap, MapFile, MapName};
pub use run::{Assessed, Guard, Prepared, ProveRequest, Published, RealFile};
