//! The fault lab for the program itself: real processes, real system calls, real signals.
//!
//! See tests/README.md for what is covered and how long it takes.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[cfg(target_arch = "x86_64")]
mod calls;
#[path = "../lab/catalogue.rs"]
mod catalogue;
#[path = "../lab/content.rs"]
mod content;
#[cfg(target_arch = "x86_64")]
mod kills;
mod others;
mod place;
mod rights;
mod space;
#[path = "../lab/start.rs"]
mod start;
mod tally;
// It reads and writes the registers of this processor.
#[cfg(target_arch = "x86_64")]
mod trace;
mod verdict;
