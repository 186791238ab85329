//! The fault lab for the program itself: real processes, real system calls, real signals.
//!
//! See tests/README.md for what is covered and how long it takes.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[path = "../lab/content.rs"]
mod content;
mod kills;
mod others;
mod place;
mod space;
mod strace;
mod tally;
mod verdict;
