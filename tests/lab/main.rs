//! The fault lab: the engine on a disk that loses power and fails, with a verdict after each fault.
//!
//! See tests/README.md for what is covered and how long it takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod catalogue;
mod changing;
mod content;
mod database;
mod disk;
mod error_sweep;
mod errors;
mod files;
mod handle;
mod jobs;
mod locks;
mod mistakes;
mod power;
mod power_cuts;
mod power_sweep;
mod recovery;
mod regressions;
mod scene;
mod seen;
mod shared_blocks;
mod start;
mod tally;
mod verdict;
mod vfs;
mod wrong;
