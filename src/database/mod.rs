//! Opening database files, and nothing else may open them.
//!
//! A connection is opened to look, to write, or to create a backup's part file. Every setting that
//! a promise rests on is set and read back. This module knows files, locks and pragmas; it does not
//! know phases, plans or what is in the tables.

mod attached;
mod authorizer;
mod busy_handler;
mod checkpoint;
mod compact;
mod effort;
mod file_size;
mod holders;
mod integrity;
mod missing_extensions;
mod open;
mod permissions;
mod sandbox;
mod settings;
mod statements;
mod transaction;
mod writeback;

pub use authorizer::{ATTACHED, Authorizer, Touched, TouchedTable, Use};
pub use busy_handler::{WaitListener, listen_to_waits};
pub use checkpoint::{Checkpoint, CheckpointBlocker, CheckpointRule};
pub use effort::effort;
pub use file_size::FileSize;
pub use holders::{Holder, Holding, holders};
pub use integrity::Depth;
pub(crate) use integrity::IntegrityCheck;
pub use missing_extensions::{
    StubCollations, stub_collations, with_known_stubs, with_passing_stubs,
};
pub(crate) use missing_extensions::{
    flush_words, forget_schema, passing_stubs, stub, take_back, with_stubs,
};
pub(crate) use open::connect;
pub use open::{CRASHED, Database, EMPTY, OpenOptions};
pub use permissions::beside;
pub(crate) use permissions::{file_stat, read_error};
pub use sandbox::{Limits, Sandbox};
pub(crate) use settings::SWITCHES;
pub use settings::{Access, Identity, with_strict_names};
pub use statements::{
    DoneStatement, Follower, Purpose, run_authorized, run_followed, strict_names,
    string_in_double_quotes, with_progress,
};
pub(crate) use statements::{MANY_ROWS, from_statement, run_one};
pub use transaction::WriteTransaction;
pub use writeback::Writeback;
