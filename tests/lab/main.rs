//! The fault lab: the engine on a disk that loses power and fails, with a verdict after each fault.
//!
//! The disk, the jobs and the verdict are in tests/support/lab. See tests/README.md for what is covered and how long it takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod changing;
mod error_sweep;
mod errors;
mod mistakes;
mod power_cuts;
mod recovery;
mod regressions;
mod shared_blocks;
mod wrong;
